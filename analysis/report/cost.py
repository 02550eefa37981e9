"""What the answer cost: device time, updates and examples, in all and by batch size."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.load import Results
from analysis.report.markup import html, table


def shares(results: Results) -> "pd.Series[float]":
    """Return the device seconds of each run, setup included: its share of its pack's, times its devices.

    The rows of a pack have one clock, so a pack costs what its longest row shows. Rows that were set up
    together are told by their setup time, which is measured once a pack; a run without one stands alone.
    """
    runs = results.runs
    setup = runs.get("setup_seconds", pd.Series(np.nan, runs.index)).astype(float)
    alone = pd.Series(runs.index, runs.index)
    pack = setup.map(repr).where(setup.notna(), alone)
    longest = runs["seconds"].astype(float).groupby(pack).transform("max")
    devices = runs.get("execution.devices", pd.Series(1, runs.index)).fillna(1).astype(float)
    return (longest + setup.fillna(0)) / pack.map(pack.value_counts()) * devices


def totals(results: Results) -> str:
    """Return a sentence on what all runs took together: device time, updates, examples."""
    spent = shares(results)
    devices = sorted({str(p["device"]) for p in results.provenance if "device" in p})
    known = spent.notna()
    words = f"{_duration(spent.sum())} of device time" if known.any() else "No device time was recorded"
    words += f" on {', '.join(devices)}" if devices and known.any() else ""
    words += f", {results.runs['update'].sum():,.0f} updates, {results.runs['examples'].sum():,.0f} training examples"
    without = "" if known.all() else f", {(~known).sum():,} of them without a clock"
    return f"{words}, over {len(known):,} runs{without}"


def cost(results: Results) -> str:
    """Return a sentence of totals, and a table by batch size."""
    runs = results.runs.assign(device_seconds=shares(results))
    rows = [_row(batch, group) for batch, group in runs.groupby("batch_size", sort=True)]
    head = ["batch size", "runs", "updates", "examples", "device time", "per run", "evaluating"]
    note = (
        "<p class='small'>Runs of a pack are trained side by side and share its clock; each counts its share, "
        "compilation and loading included. Failed attempts are not in it.</p>"
    )
    return f"<p>{html(totals(results))}.</p>" + table(head, rows, label="cost by batch size") + note


def _row(batch: Any, group: pd.DataFrame) -> list[Any]:
    total, spent = group["device_seconds"].sum(), group["seconds"].sum()
    evaluating = group["evaluation_seconds"].sum() / spent if spent > 0 else np.nan
    updates, examples = (int(group[name].sum()) for name in ("update", "examples"))
    share = f"{100 * evaluating:.0f} %" if np.isfinite(evaluating) else None
    each = _duration(total / len(group)) if total > 0 else None
    return [int(batch), len(group), updates, examples, _duration(total) if total > 0 else None, each, share]


def _duration(seconds: float) -> str:
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:,.3g} {unit}"
    return f"{seconds:.3g} s"
