"""What the shell offers after a tab."""

import subprocess
import sys

from typer.testing import CliRunner

from experiments.cli import app
from largebatch.config import digest
from tests.experiments.command_line import ROOT
from tests.experiments.finished_runs import SMOKE


def completed(*words):
    """Ask as bash does after a tab."""
    line = " ".join(map(str, ["largebatch", *words]))
    env = {"_LARGEBATCH_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    return CliRunner(env=env).invoke(app, [], prog_name="largebatch").stdout.split()


def test_the_shell_completes_commands_experiments_and_digests(begun, monkeypatch):
    monkeypatch.chdir(begun)
    (begun / "own.yaml").write_text("question: q\n")
    (begun / "folder").mkdir()
    assert completed("sta") == ["status"]
    assert completed("run", "smo") == ["smoke", "smoke/"]
    assert completed("run", "ow") == ["own.yaml"] and completed("run", "fol") == ["folder/"]
    run = digest(SMOKE[0])
    (begun / "results").symlink_to(begun)
    assert completed("show", "smoke", run[:5]) == [run]
    assert set(completed("show", "smoke", "")) == {digest(config) for config in SMOKE[:7]}
    assert completed("list", "ord") == ["orders"]
    assert "full" in completed("run", "fashion_mnist", "--scale", "")
    assert completed("show", "absent", "a") == []


def test_completing_imports_nothing_heavy():
    code = """
import os, sys
os.environ.update(_LARGEBATCH_COMPLETE="complete_bash", COMP_WORDS="largebatch run smo", COMP_CWORD="2")
from experiments.cli import app
try:
    app(prog_name="largebatch")
except SystemExit:
    pass
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "smoke" in done.stdout
    heavy = {"jax", "ray", "wandb", "pandas", "matplotlib", "numpy", "scipy", "ruamel.yaml"}
    assert not heavy & set(done.stdout.split())
