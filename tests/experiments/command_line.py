"""The command line, called in this process or started in one of its own."""

import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from experiments.cli import app

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from experiments.cli import app; app()"]


def called(*words, columns=200, **environment):
    """Call a command in this process."""
    runner = CliRunner(env={"COLUMNS": str(columns), **environment})
    return runner.invoke(app, [str(word) for word in words], catch_exceptions=False)


def command(*words, **environment):
    """Start a command in a process of its own, from another folder than the checkout."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environment}
    return subprocess.Popen(
        [*COMMAND, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd="/"
    )


def ended(*words, **environment):
    """Return the exit code of a command in a process of its own, and what it printed."""
    process = command(*words, **environment)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err
