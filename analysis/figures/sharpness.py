"""Which sharpness a figure shows: its words, its unit, and the first that the runs have."""

from typing import Annotated

import numpy as np
from pydantic import AfterValidator

from analysis.figures.describe import CannotDraw
from analysis.figures.options import Options
from analysis.figures.probing import failure, tables_of, with_measure, written
from analysis.load import Results
from analysis.probed import SOURCES
from analysis.sense import one_of

MEASURES = {
    "sharpness": "Keskar sharpness, full space (%)",
    "sharpness_subspace": "Keskar sharpness, subspace (%)",
    "adaptive_sharpness": "adaptive sharpness (loss)",
    "m_sharpness": "m-sharpness (loss)",
    "filter_normalised_sharpness": "filter-normalised sharpness (loss)",
    "flatness": "rise under Gaussian noise (loss)",
    "lambda_max": "top Hessian eigenvalue (loss / weight²)",
    "hessian_trace": "Hessian trace (loss / weight²)",
    "batch_sharpness": "batch sharpness (loss / weight²)",
}
"""Measure -> its label with the unit; the order in which they are looked for."""


def _known(value: str) -> str:
    if "/" not in value:
        one_of("measure", value, MEASURES)
    return value


class Measured(Options):
    """Options of a figure of one sharpness."""

    measure: Annotated[str, AfterValidator(_known)] | None = None
    """Which one, or a probe's number as `<title>/<number>`; by default the first of the list that the runs have."""


def chosen(results: Results, measure: str | None) -> tuple[Results, str]:
    """Return the results with a sharpness among their columns, and its name.

    Raises:
        CannotDraw: no run has it, or any.
    """
    if measure is not None:
        return with_measure(results, measure), measure
    histories = results.histories()
    for name in MEASURES:
        if name in histories and np.isfinite(histories[name].to_numpy(float)).any():
            return results, name
    for name in MEASURES:
        if own := list(tables_of(results, SOURCES[name].probe, SOURCES[name].fits)):
            raise CannotDraw(failure(own))
    raise CannotDraw(f"no run has a sharpness; add {written('sharpness')} to base.probes and run again")


def label(measure: str) -> str:
    """Return a measure with its unit, as an axis says it."""
    return MEASURES.get(measure, measure.replace("_", " "))


def short(measure: str) -> str:
    """Return a measure without its unit, as a sentence says it."""
    return label(measure).partition(" (")[0]
