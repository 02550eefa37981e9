"""The critical batch size three ways: from updates to a target, from the noise scale, and by branched training.

They answer different questions. The hyperbola says where twice the fewest updates are needed (McCandlish et al. 2018),
the noise scale predicts that from gradients alone, and branched training says up to where nothing is lost (Merrill et
al. 2025), which is less by its definition: at B = tolerance x B_crit a hyperbola has lost that share.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.fits import branched, hyperbola
from analysis.gap import censored
from analysis.intervals import Interval, mean_interval
from analysis.load import Results
from analysis.probed import tables


@dataclass(frozen=True)
class Critical:
    """A critical batch size by one method.

    Attributes:
        method: in a few words.
        interval: examples; of the geometric mean over seeds, or of the fit.
        values: one a seed where the method gives one, examples.
        bound: `at least` where larger batches than were tried would have been needed, else empty.
        basis: what it rests on, in words.
    """

    method: str
    interval: Interval
    values: tuple[float, ...]
    bound: str
    basis: str


def critical_batches(results: Results, *, tolerance: float = 0.01) -> list[Critical]:
    """Return what each method says that an experiment has runs for, in the order of the module's title.

    Args:
        results: runs with a target in their budget, with the probe `gradient_noise`, or with `fork`; any of them.
        tolerance: of branched training, nats of train loss.
    """
    runs = results.runs
    forks = runs["fork.keep"].notna() if "fork.keep" in runs else pd.Series(False, runs.index)
    return [*by_steps(runs[~forks]), *by_noise(results.only(~forks)), *by_branching(runs[forks], tolerance)]


def by_steps(runs: pd.DataFrame) -> list[Critical]:
    """Return B_crit of the hyperbola through updates to the target, each batch size at its best setting of a seed."""
    if "updates_to_target" not in runs:
        return []
    reached = runs[runs["updates_to_target"].notna() & ~censored(runs)]
    best = reached.groupby(["batch_size", "seed"])["updates_to_target"].min().astype(float)
    sizes = best.index.get_level_values("batch_size").to_numpy(float)
    try:
        found = hyperbola(sizes, best.to_numpy(float))
    except ValueError:
        return []
    low, high = sizes.min(), sizes.max()
    basis = f"{len(best)} best runs that reached the target, B from {low:,.0f} to {high:,.0f}"
    return [Critical("updates to a target", found.critical_batch, (), "" if found.bracketed else "extrapolated", basis)]


def by_noise(results: Results) -> list[Critical]:
    """Return mean tr(Sigma) over mean |G|^2 along training at the smallest batch size measured, one value a seed.

    Numerator and denominator are averaged apart (McCandlish et al. 2018, appendix A.1), the initial weights left out.
    """
    found: dict[tuple[int, object], float] = {}
    for digest, _, own in tables(results):
        run = results.runs.loc[digest]
        for table in own.values():
            update, trace, _ = table.series("trace")
            _, squared, _ = table.series("squared_norm")
            later = (update > 0) & np.isfinite(trace) & np.isfinite(squared) if len(squared) == len(trace) else []
            if np.any(later) and squared[later].mean() > 0:
                found.setdefault((int(run["batch_size"]), run["seed"]), trace[later].mean() / squared[later].mean())
    if not found:
        return []
    smallest = min(batch for batch, _ in found)
    values = [value for (batch, _), value in found.items() if batch == smallest]
    basis = f"gradients along {len(values)} runs at B = {smallest:,}"
    return [Critical("noise scale", _geometric(values), tuple(values), "", basis)]


def by_branching(forks: pd.DataFrame, tolerance: float) -> list[Critical]:
    """Return the largest batch size that loses nothing, for each point at which runs were forked, over the seeds.

    Each batch size counts with its best setting; forks that did not end with the same examples are left out.
    """
    if forks.empty:
        return []
    lost = censored(forks)
    forks = forks.assign(lost=lost, loss=forks["train_loss"].mask(lost, np.inf))
    out = []
    for examples, branch in forks.groupby("parent_examples"):
        usual = branch.loc[~branch["lost"], "examples"].median()
        kept = branch[branch["lost"] | ((branch["examples"] / usual - 1).abs() < 0.05)]
        found = []
        for _, seed in kept.groupby("seed"):
            best = seed.groupby("batch_size")["loss"].min()
            if len(best) > 1:
                found.append(branched(best.index.to_numpy(float), best.to_numpy(float), tolerance=tolerance))
        values = [each.largest_kept for each in found if np.isfinite(each.largest_kept)]
        if values:
            basis = f"forks after {int(examples):,} examples, tolerance {tolerance:g} nats of train loss"
            bound = "at least" if any(np.isinf(each.lost) for each in found) else ""
            out.append(Critical("branched training", _geometric(values), tuple(values), bound, basis))
    return out


def _geometric(values: Sequence[float]) -> Interval:
    """Return the geometric mean with Student's interval of the logarithms."""
    logs = mean_interval(np.log(values))
    return Interval(float(np.exp(logs.estimate)), float(np.exp(logs.low)), float(np.exp(logs.high)), logs.n)
