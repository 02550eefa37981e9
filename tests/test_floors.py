"""The architecture as a test: which floor may import which, and what must not be needed to import what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = {
    "largebatch": {"largebatch"},
    "sweeps": {"sweeps", "largebatch"},
    "analysis": {"analysis", "largebatch.records"},
    "experiments": {"experiments", "sweeps", "analysis", "largebatch"},
}
FORBIDDEN = {"analysis": {"jax", "flax", "optax", "ray", "wandb"}, "largebatch": {"ray", "matplotlib", "pandas"}}
ONLY_HERE = {"ray": {"sweeps"}, "wandb": {"largebatch/replay.py"}, "pmap": {"largebatch/parallel.py"}}
JAX_FREE = (
    "largebatch", "largebatch.config", "largebatch.measurements", "largebatch.records", "largebatch.units",
    "largebatch.extent", "largebatch.remedies", "largebatch.audit", "largebatch.layout", "largebatch.streams",
    "largebatch.sampling", "largebatch.lineage", "largebatch.scaling", "largebatch.schedules", "largebatch.provenance",
    "largebatch.tracking", "largebatch.mirror", "largebatch.replay", "largebatch.live", "largebatch.datasets",
    "sweeps.calibration", "sweeps.choice", "sweeps.group", "sweeps.where", "experiments.plan", "experiments.programs",
    "sweeps.stages", "sweeps.search", "sweeps.ranges", "sweeps.adaptive", "experiments.search", "experiments.tuning",
    "sweeps.expand", "sweeps.packing", "sweeps.ledger", "sweeps.sweep", "sweeps.progress", "sweeps.engine",
    "analysis.load", "analysis.verdicts", "analysis.report", "experiments.experiment", "experiments.cli",
    "analysis.columns", "analysis.compare", "analysis.exchange.batch_science", "analysis.exchange.weights_and_biases",
    "analysis.report.serve", "experiments.imported",
    "sweeps.snapshot", "sweeps.board", "sweeps.memory", "sweeps.worker_log", "experiments.selection",
    "experiments.run_page", "experiments.watching", "experiments.pruning", "experiments.kept_logs",
    "experiments.doctor", "sweeps.cancelling",
)  # fmt: skip
MOST_LINES = 250


def _files(package):
    return sorted((ROOT / package).rglob("*.py"))


def _module(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path):
    """Yield every module that a file imports, wherever in the file, `from a import b` as `a.b`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _within(name, homes):
    return any(name == home or name.startswith(f"{home}.") for home in homes)


@pytest.mark.parametrize("package", FLOORS)
def test_imports_go_down(package):
    files = _files(package)
    assert len(files) > 3
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in _imports(path)
        if (_within(name, FLOORS) and not _within(name, FLOORS[package]))
        or _within(name, FORBIDDEN.get(package, ()))
        or _within(name, {"tests"})
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("library", ["ray", "wandb"])
def test_a_library_has_one_home(library):
    users = {
        path.relative_to(ROOT).as_posix()
        for package in FLOORS
        for path in _files(package)
        if any(_within(name, {library}) for name in _imports(path))
    }
    assert users
    assert all(user in ONLY_HERE[library] or user.split("/")[0] in ONLY_HERE[library] for user in users), users


def test_one_file_says_pmap():
    users = {
        path.relative_to(ROOT).as_posix()
        for package in FLOORS
        for path in _files(package)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "pmap"
    }
    assert users == ONLY_HERE["pmap"]


def _run(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr


def test_largebatch_imports_without_ray_wandb_and_matplotlib():
    modules = [_module(path) for path in _files("largebatch")]
    blocked = "import sys; sys.modules.update(dict.fromkeys(['ray', 'wandb', 'matplotlib', 'pandas', 'torch']))"
    _run(f"{blocked}; from importlib import import_module; [import_module(name) for name in {modules!r}]")


def test_what_needs_no_jax_imports_without_it():
    blocked = "import sys; sys.modules.update(dict.fromkeys(['jax', 'jaxlib', 'flax', 'optax']))"
    _run(f"{blocked}; from importlib import import_module; [import_module(name) for name in {JAX_FREE!r}]")


def test_public_names_are_imported_at_first_use():
    _run(
        "import sys, largebatch; assert not {'numpy', 'pydantic', 'jax'} & set(sys.modules); "
        "from largebatch import Record, RunConfig; assert 'jax' not in sys.modules; "
        "from largebatch import train, train_pack; assert 'jax' in sys.modules; "
        "assert all(map(callable, (Record, RunConfig, train, train_pack, largebatch.train)))"
    )


def test_the_function_train_is_not_hidden_by_its_module():
    _run("from largebatch.train import train_pack; import largebatch; assert callable(largebatch.train)")


def test_an_unknown_public_name_is_answered_with_the_list():
    import largebatch

    with pytest.raises(AttributeError, match="no attribute 'trian'; it offers .*RunConfig.*train, train_pack"):
        _ = largebatch.trian


def test_files_stay_short_and_say_what_they_are():
    for package in FLOORS:
        for path in _files(package):
            text = path.read_text()
            assert len(text.splitlines()) <= MOST_LINES, f"{path} is longer than {MOST_LINES} lines"
            assert path.stem not in {"utils", "util", "common", "helpers", "misc"}, f"{path}: name it for what it does"
            assert ast.get_docstring(ast.parse(text)), f"{path} has no docstring"
