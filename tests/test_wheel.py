"""The wheel: exactly the four packages with their data, and enough to run a sweep far from the checkout.

It is installed alone into an empty environment. The libraries it depends on are lent to that environment from
this one by a path file, which does not lend this project's own editable installation.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("analysis", "experiments", "largebatch", "sweeps")
METADATA = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "top_level.txt"}
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


def _run(*command, **options):
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, env=outside, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    # Built from a copy: setuptools writes beside the sources, and an old build folder would leak into the wheel.
    source, out = tmp_path_factory.mktemp("source") / "copy", tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "results", "wandb")
    shutil.copytree(ROOT, source, ignore=ignored)
    _run(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", out, source)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """Return the folder of programs of an environment that holds the wheel."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    programs = folder / "bin"
    _run(*PIP, "--python", programs / "python", "install", "--no-deps", "--no-index", wheel)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return programs


def test_it_holds_the_packages_and_nothing_else(wheel):
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = zipfile.ZipFile(wheel).namelist()
    own = {name for name in names if ".dist-info/" not in name}
    assert own == expected
    assert {"experiments/quickstart.yaml", "experiments/smoke.yaml", "largebatch/records.py"} <= own
    assert {name.split(".dist-info/")[1] for name in names if ".dist-info/" in name} == METADATA


def test_it_answers_and_sweeps_outside_the_checkout(environment, tmp_path):
    where = _run(environment / "python", "-c", "import largebatch; print(largebatch.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(environment.parent)
    assert "quickstart" in _run(environment / "largebatch", "list", cwd=tmp_path)
    assert "validate" in _run(environment / "largebatch", "--help", cwd=tmp_path)
    _run(environment / "largebatch", "run", "smoke", "--in-process", "--wandb", "off", cwd=tmp_path)
    results = tmp_path / "results" / "smoke"
    expected = json.loads((results / "experiment.json").read_bytes())["digests"]
    assert sorted(path.name for path in (results / "runs").iterdir()) == sorted(expected)
    assert (results / "report" / "report.html").stat().st_size > 10_000
