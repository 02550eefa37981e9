"""A driver in a process of its own that joins a cluster: one JSON line on standard output for each event.

Run as `python -m tests.sweeps.cluster_driver ADDRESS FOLDER CASE [GPUS [WORKERS [DIR MODULE:FUNCTION]]]`;
CASE names a list of runs below.
"""

import json
import sys
import time
from pathlib import Path

from sweeps import SweepError
from sweeps.engine import RayEngine
from sweeps.expand import expand
from sweeps.sweep import sweep
from tests.sweeps.stub_training import TRAINING

BASE = {"dataset": {"name": "synthetic", "train_size": 64}, "model": {"name": "logistic"}, "budget": {"epochs": 1}}
WIDE = BASE | {"execution": {"devices": 2}, "batch_size": 16}
CASES = {
    "single": expand(BASE, {"batch_size": [8]}, [], range(24)),
    "shares": expand(BASE, {"batch_size": [8]}, [], range(8)),
    "mixed": expand(BASE, {"batch_size": [8]}, [], range(6)) + expand(WIDE, {}, [], range(2)),
    "apart": expand(BASE | {"execution": {"devices": 4}, "batch_size": 8}, {}, [], [0]),
}


class Told:
    """Prints what happens."""

    def begin(self, configs, ledger, jobs, *, stage):
        pass

    def tell(self, event):
        print(json.dumps([type(event).__name__, str(event), time.monotonic()]), flush=True)

    def end(self):
        pass


def main(address, folder, case, gpus=None, workers=None, working_dir=None, training=TRAINING):
    share, most = float(gpus) if gpus else None, int(workers) if workers else None
    engine = RayEngine(most, share, address, working_dir=working_dir, training=training)
    try:
        outcome = sweep(CASES[case], experiment="stub", folder=Path(folder), engine=engine, progress=Told(), width=1)
    except SweepError as error:
        print(json.dumps(["SweepError", str(error)]), flush=True)
        sys.exit(2)
    print(json.dumps(["Outcome", [outcome.done, outcome.failed, outcome.missing]]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
