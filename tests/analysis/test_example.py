"""The example in the docs does what it says, as a reader runs it, and without anything that trains."""

import os
import subprocess
import sys
from pathlib import Path

from tests.analysis.records_on_disk import sweep

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "read_results.py"
BLOCKED = "import sys, runpy; sys.modules.update(dict.fromkeys(['jax', 'ray', 'wandb'])); sys.argv = sys.argv[1:]; "


def test_the_example_runs_and_prints_what_the_records_hold(tmp_path):
    def outcome(point):
        return {"test_error": 0.1 + (0.05 if point["batch_size"] == "full" else 0) + 0.001 * point["seed"]}

    folder = sweep(tmp_path / "digits", outcome, {"batch_size": [16, "full"]})
    # As `python docs/examples/read_results.py` does, its own folder comes first on the path.
    program = f"{BLOCKED}sys.path.insert(0, {str(EXAMPLE.parent)!r}); runpy.run_path({str(EXAMPLE)!r})"
    done = subprocess.run(
        [sys.executable, "-c", program, "example", str(folder)], capture_output=True, text=True, timeout=120,
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert said.startswith("digits: 6 of 6 runs\n")
    assert "supported: +0.0500 [+0.0500, +0.0500], 3 seeds" in said
    assert "against itself: +0.0000, p = 1\n" in said
    means = {row.split()[0]: row.split()[1] for row in said.splitlines() if row.split()[:1] in (["16"], ["1024"])}
    assert means == {"16": "0.101", "1024": "0.151"}
    assert "evaluation points, of 6 runs" in said and "optimizer steps taken when measured" in said
