"""Simulated records of probes: tables with known numbers, and sweeps of runs that have them."""

import json

import numpy as np

from analysis.figures import FIGURES
from analysis.load import load
from largebatch.measurements import Measured
from tests.analysis.records_on_disk import sweep

UPDATES = np.unique(np.round(np.geomspace(1, 3000, 24))).astype(int)
START, END = int(UPDATES[0]), int(UPDATES[-1])


def table(numbers, arrays=None):
    """Return what a probe found: {(update, name): value, or (value, standard error)}, and arrays by (update, name)."""
    found = Measured()
    for (update, name), value in numbers.items():
        found.add(update, name, *(value if isinstance(value, tuple) else (value, np.nan)))
    for (update, name), value in (arrays or {}).items():
        found.array(update, name, np.asarray(value, float))
    return found


def along(name, values):
    """Return a table of one number at the updates of a history."""
    return table({(int(update), name): float(value) for update, value in values})


def history(update=UPDATES, **columns):
    """Return the rows of a history; a number stands in every row."""
    rows = {"train_loss": 0.2, "test_error": 0.1, "train_error": 0.05, "test_loss": 0.5, "learning_rate": 0.1}
    rows |= columns
    rows = {name: np.broadcast_to(np.asarray(value, float), update.shape).copy() for name, value in rows.items()}
    return {"update": update, **rows, "error_gap": rows["test_error"] - rows["train_error"]}


def probed(folder, probes, fate, axes, *, seeds=3, base=None):
    """Return the results of a grid; `fate(point)` is what `OnDisk.add` takes, its probes by title."""
    said = {"budget": {"updates": 3000}, "probes": probes, **(base or {})}
    return load(sweep(folder, fate, axes, seeds=seeds, base=said))


def figure(name, results, **options):
    """Return the numbers of a figure that could be drawn: its table, caption and ink work, and its JSON is one."""
    numbers = FIGURES[name].prepare(results, options)
    assert "cannot" not in numbers, numbers["cannot"]
    json.dumps(numbers, allow_nan=False)
    head, rows = FIGURES[name].table(numbers)
    assert rows and all(len(row) == len(head) for row in rows)
    assert FIGURES[name].caption(numbers).endswith(".")
    return numbers


def spread_of(point):
    """Return a factor that averages to 1, in logarithms, over three seeds."""
    return float(np.exp(0.1 * (point["seed"] - 1)))
