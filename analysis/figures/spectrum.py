"""The spectrum of the Hessian at the start and at the end of training, by batch size (Ghorbani et al. 2019)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.figures.describe import conditions, mean_of, plain, words
from analysis.figures.probing import Found, all_lost, need
from analysis.gap import censored
from analysis.load import Results

KNOWN = ("batch_size", "seed")
GRID = 600
WIDTH = 0.01
"""Standard deviation of the bell at each node, relative to the range of all nodes of a moment."""
FLOOR = 1e-6
"""Density below which nothing is drawn, relative to the largest."""


def prepare(results: Results) -> dict[str, Any]:
    """Return the density of the eigenvalues of every batch size, averaged over seeds, and their largest.

    The nodes and weights of all seeds are smoothed on one grid, so that the densities may be compared.

    Raises:
        CannotDraw: no run that ended well has a spectrum.
    """
    well = set(results.runs.index[~censored(results.runs)])
    tables = [own for own in need(results, "spectrum") if own[0] in well and own[2].arrays]
    if not tables:
        raise all_lost(results, "a spectrum")
    places = {"start": 0, "end": -1} if any(len(_updates(own)) > 1 for own in tables) else {"end": -1}
    panels = [_panel(results, tables, moment, place) for moment, place in places.items()]
    batches = sorted({line["batch_size"] for panel in panels for line in panel["lines"]})
    return {
        "figure": "spectrum",
        **conditions(results),
        "matrix": tables[0][1]["matrix"].replace("_", "-"),
        "batch_sizes": batches,
        "panels": panels,
    }


def _updates(own: Found) -> list[int]:
    return sorted({int(name.partition("@")[2]) for name in own[2].arrays if name.startswith("nodes@")})


def _panel(results: Results, tables: Sequence[Found], moment: str, place: int) -> dict[str, Any]:
    nodes: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    top: dict[int, list[float]] = {}
    for own in tables:
        digest, _, table = own
        updates = _updates(own)
        if moment == "start" and len(updates) < 2:
            continue
        at, batch = updates[place], int(results.runs.loc[digest, "batch_size"])
        nodes.setdefault(batch, []).append((table.arrays[f"nodes@{at}"], table.arrays[f"weights@{at}"]))
        t, values, _ = table.series("largest")
        top.setdefault(batch, []).append(float(values[t == at][0]))
    every = np.concatenate([node[weight > 0] for pairs in nodes.values() for node, weight in pairs])
    sigma = WIDTH * max(float(np.ptp(every)), 1e-12)
    grid = np.linspace(every.min() - 5 * sigma, every.max() + 5 * sigma, GRID)
    lines = []
    for batch in sorted(nodes):
        each = np.mean([density(grid, node, weight, sigma) for node, weight in nodes[batch]], axis=0)
        none = np.zeros(len(top[batch]), bool)
        lines.append({"batch_size": batch, "n": len(nodes[batch]), "density": plain(each),
                      "largest": mean_of(np.array(top[batch]), none)})  # fmt: skip
    return {"moment": moment, "grid": plain(grid), "lines": lines}


def density(grid: np.ndarray, nodes: np.ndarray, weights: np.ndarray, sigma: float) -> np.ndarray:
    """Return the mean over the starts of a normal bell of deviation `sigma` at each node, as heavy as its weight."""
    bells = np.exp(-0.5 * ((grid[:, None] - nodes.ravel()[None]) / sigma) ** 2)
    total: np.ndarray = bells @ weights.ravel() / (sigma * np.sqrt(2 * np.pi) * len(nodes))
    return total


MOMENTS = {"start": "at the first measurement", "end": "at the end of training"}


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the largest eigenvalue of each batch size as rows of words."""
    rows = [
        [MOMENTS[panel["moment"]], f"{line['batch_size']:,}", str(line["n"]), words(line["largest"], fraction=False)]
        for panel in numbers["panels"]
        for line in panel["lines"]
    ]
    return ["weights", "batch size", "runs", "largest eigenvalue"], rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    return (
        f"Density of the eigenvalues of the {numbers['matrix'].capitalize()} of the train loss by stochastic Lanczos "
        f"quadrature, on a logarithmic axis, {' and '.join(MOMENTS[p['moment']] for p in numbers['panels'])}; one line "
        f"a batch size, the mean over {numbers['seeds']} seeds. Bells of one width stand for the nodes, so that a peak "
        "is as wide as the smoothing. On the right the largest eigenvalue with 95 % intervals over the seeds."
    )
