"""The top eigenvalue of the Hessian along training, beside the largest that is stable (Cohen et al. 2021)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from analysis.figures.along import KNOWN as KNOWN
from analysis.figures.along import along
from analysis.figures.describe import CannotDraw
from analysis.figures.options import Options as Base
from analysis.figures.probing import with_measure
from analysis.load import Results
from analysis.probed import edge

EDGE = "edge"


class Options(Base):
    """Options of `edge_of_stability`."""

    relative: bool | None = None
    """Whether eigenvalues are drawn over the largest stable one; by default where that differs within a panel."""


def prepare(results: Results, options: Options) -> dict[str, Any]:
    """Return the top eigenvalue, batch sharpness if there is any, the stable limit and the train loss of every line.

    Raises:
        CannotDraw: no run has a top eigenvalue.
    """
    found = with_measure(results, "lambda_max")
    histories = found.histories()
    beside = "batch_sharpness" in histories and bool(histories["batch_sharpness"].notna().any())
    found = _with_edge(found)
    measures = ["lambda_max", *["batch_sharpness"] * beside, EDGE, "train_loss"]
    numbers = along(found, measures)
    relative = options.relative if options.relative is not None else _differs(numbers)
    if relative:
        if not np.isfinite(found.histories()[EDGE].to_numpy(float)).any():
            raise CannotDraw("a largest stable eigenvalue is known of sgd alone, so there is none to draw over; leave "
                             "out relative")  # fmt: skip
        for name in measures[:-2]:
            column = found.histories()[name].to_numpy(float) / found.histories()[EDGE].to_numpy(float)
            found = _replaced(found, name, column)
        numbers = along(found, measures)
    for line in numbers["lines"]:
        line["late"] = _late(line)
    return {"figure": "edge_of_stability", **numbers, "relative": relative, "batch_sharpness": beside}


def _with_edge(results: Results) -> Results:
    rows = results.histories()
    rates = {str(d): own["learning_rate"].to_numpy(float) for d, own in rows.groupby("digest", observed=True)}

    def limits(digest: str, update: np.ndarray) -> np.ndarray:
        run = results.runs.loc[digest]
        own = {name: run.get(f"optimizer.{name}") for name in ("name", "momentum", "nesterov")}
        own = {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in own.items()}
        found = edge(rates[digest], own)
        found[~np.isfinite(found)] = np.nan
        return found

    return results.extended(EDGE, limits)


def _replaced(results: Results, name: str, column: np.ndarray) -> Results:
    rows = results.histories().assign(column=column)
    parts = {str(d): own["column"].to_numpy() for d, own in rows.groupby("digest", observed=True)}
    return results.extended(name, lambda digest, update: parts[digest])


def _differs(numbers: Mapping[str, Any]) -> bool:
    """Return whether the lines of one panel have other limits than each other."""
    for arm in numbers["arms"]:
        ends = {round(p[-1][0], 9) for line in numbers["lines"] if line["arm"] == arm
                if (p := line["measures"][EDGE][EDGE])}  # fmt: skip
        if len(ends) > 1:
            return True
    return False


def _late(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the means over the second half of the updates, of the eigenvalue and of its limit."""
    late = {}
    for name in ("lambda_max", "batch_sharpness", EDGE):
        own = line["measures"].get(name)
        x = np.array(own["x"] if own else [], float)
        y = np.array([point[0] for point in own[name]] if own else [], float)
        half = x >= (x.min() + x.max()) / 2 if len(x) else np.zeros(0, bool)
        late[name] = float(y[half].mean()) if half.any() else None
    return late


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the means over the second half of training, as rows of words."""
    head = ["arm", "batch size", "runs", "top eigenvalue, second half", "batch sharpness", "over the stable limit"]
    rows = []
    for line in numbers["lines"]:
        top, batch, limit = (line["late"][name] for name in ("lambda_max", "batch_sharpness", EDGE))
        over = top if numbers["relative"] else top / limit if top is not None and limit else None
        said = [f"{value:.3g}" if value is not None else "–" for value in (top, batch, over)]
        rows.append([line["arm"], f"{line['batch_size']:,}", str(line["n"]), *said])
    return head, rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    over = " over the largest that is stable" if numbers["relative"] else ""
    line = "The dashed line is 1" if numbers["relative"] else "The dashed line is the largest stable eigenvalue"
    beside = (
        " Batch sharpness, the curvature of batches along their own gradients, settles there for small batches "
        "(Andreyev & Beneventano 2024), while the top eigenvalue stays below."
        if numbers["batch_sharpness"]
        else ""
    )
    return (
        f"Top eigenvalue of the Hessian{over} along training, train loss below it. {line}, 2 / rate for plain gradient "
        "descent, (2 + 2 m) / rate with momentum m: full-batch descent rises to it and stays there while the loss "
        f"still falls.{beside} One line a batch size, dark to light from {numbers['batch_sizes'][0]:,} to "
        f"{numbers['batch_sizes'][-1]:,}; lines are means over {numbers['seeds']} seeds."
    )
