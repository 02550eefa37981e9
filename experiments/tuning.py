"""What a search has found so far: for `experiment.json`, for a person, and for another experiment."""

import math
from collections.abc import Iterator, Set
from dataclasses import asdict
from typing import Any

from experiments.experiment import Experiment
from largebatch.config import digest
from largebatch.scaling import scaled_rate
from sweeps.cell import Cell
from sweeps.search import Best


def searched(experiment: Experiment) -> dict[str, Any]:
    """Return what `experiment.json` says of a search, under one key; nothing where nothing is searched.

    `asked` is the search itself, `stages` are the runs by stage, `trials` says of each why it is trained and which
    trial of its cell it belongs to, and `selected` is the best trial of each cell so far.
    """
    search, expansion = experiment.search, experiment.expansion
    if search is None:
        return {}
    return {
        "search": {
            "asked": asdict(search),
            "stages": [{"says": str(s), "digests": [digest(run) for run in s.runs]} for s in expansion.stages],
            "trials": {
                name: {"purpose": purpose, "trial": trial}
                for stage in expansion.stages
                for name, (purpose, trial) in stage.part.items()
            },
            "selected": [_selected(experiment, cell, cell.best) for cell in expansion.cells if cell.best],
        }
    }


def _selected(experiment: Experiment, cell: Cell, best: Best) -> dict[str, Any]:
    assert experiment.search is not None
    fields = experiment.search.fields
    return {
        "cell": cell.assigned,
        "values": dict(zip(fields, best.values, strict=True)),
        "trial": best.trial,
        experiment.search.by: best.value if math.isfinite(best.value) else None,
        "trials": best.trials,
        "lost": best.lost,
        "edges": {fields[axis]: side for axis, side in best.edges.items()},
        "settled": cell.settled,
    }


def lines(experiment: Experiment, done: Set[str], failed: Set[str] = frozenset()) -> Iterator[str]:
    """Yield a line a stage, the selected trial of every cell, and the rates as a scaling rule; nothing to search, none.

    Args:
        experiment: with all runs that follow from its records.
        done: digests of the runs that have a record.
        failed: digests of the runs that failed; a cell waits for its own.
    """
    if experiment.search is None:
        return
    for stage in experiment.expansion.stages:
        have = sum(digest(run) in done for run in stage.runs)
        yield f"{stage}: {have:,} of {len(stage.runs):,} done"
    for cell in experiment.expansion.cells:
        if cell.best:
            yield _sentence(experiment, cell, cell.best)
        if held := [run for run in cell.trials if run in failed]:
            more = f" and {len(held) - 1} more" if len(held) > 1 else ""
            yield f"{_where(cell)}: the search waits for trials that failed: run {held[0][:8]}{more}"
    for rule in rules(experiment):
        yield f"as a rule for another experiment: {rule}"


def _where(cell: Cell) -> str:
    return ", ".join(f"{field} {value}" for field, value in cell.assigned.items()) or "all runs"


def waiting(experiment: Experiment, failed: Set[str]) -> str | None:
    """Return a failed run for which a search waits, if there is one."""
    trials = (run for cell in experiment.expansion.cells for run in cell.trials)
    return next((run for run in trials if run in failed), None)


def _sentence(experiment: Experiment, cell: Cell, best: Best) -> str:
    assert experiment.search is not None
    fields = experiment.search.fields
    values = ", ".join(f"{field} {value:g}" for field, value in zip(fields, best.values, strict=True))
    value = f"{best.value:.4g}" if math.isfinite(best.value) else "lost in every trial"
    by = experiment.search.by.replace("_", " ")
    told = f"{_where(cell)}: {values}, {by} {value}, the best of {best.trials} trials"
    told += f", {best.lost} lost" if best.lost else ""
    for axis, side in best.edges.items():
        told += f"; {fields[axis]} is {'still ' if cell.settled else ''}the {side} value tried"
    return told if cell.settled else f"{told}; the search goes on"


def rules(experiment: Experiment) -> Iterator[str]:
    """Yield the selected peak rates as the scaling rule `tuned`, one for each combination of the other axes.

    Nothing where the rate is not searched, or some batch size has none yet.
    """
    search, cells = experiment.search, experiment.expansion.cells
    if search is None or "learning_rate" not in search.fields:
        return
    tables: dict[str, dict[int, float] | None] = {}
    for cell in cells:
        others = ", ".join(f"{f} {v}" for f, v in cell.assigned.items() if f not in ("batch_size", "scaling_rule"))
        table = tables.setdefault(others, {})
        batch = cell.sample.batch_size
        known = cell.settled and cell.best is not None and math.isfinite(cell.best.value)
        if not known or cell.best is None or table is None or batch in table:
            tables[others] = None  # not over yet, nothing found, or more than one rate for a batch size
        else:
            best = dict(zip(search.fields, cell.best.values, strict=True))
            run = cell.sample.model_copy(update={"learning_rate": best["learning_rate"]})
            table[batch] = float(f"{scaled_rate(run):.6g}")
    for others, table in tables.items():
        if table:
            rates = ", ".join(f"{batch}: {rate:g}" for batch, rate in sorted(table.items()))
            yield f"scaling_rule: {{name: tuned, rates: {{{rates}}}}}" + (f" ({others})" if others else "")
