"""Measures that a run's history does not hold: what its probes found, and the distance from a minimum that is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.vocabulary import PROBES
from largebatch.records import Record, read_probes

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """Where a measure comes from: a probe, one of its numbers, and the options that make it this measure."""

    probe: str
    number: str | Callable[[Options], str]
    fits: Callable[[Options], bool] = lambda options: True

    def name(self, options: Options) -> str:
        """Return the name of the number in the probe's table."""
        return self.number if isinstance(self.number, str) else self.number(options)


def _eps(options: Options) -> str:
    return f"sharpness/{options['eps'][0]:g}"


SOURCES: dict[str, Source] = {
    "noise_scale": Source("gradient_noise", "b_simple"),
    "noise_scale_two_batch": Source("gradient_noise", "two_batch_b_simple"),
    "squared_gradient": Source("gradient_noise", "squared_norm"),
    "sharpness": Source("sharpness", _eps, lambda o: o["dimensions"] is None),
    "sharpness_subspace": Source("sharpness", _eps, lambda o: o["dimensions"] is not None),
    "adaptive_sharpness": Source("adaptive_sharpness", "sharpness", lambda o: o["adaptive"] and o["group"] is None),
    "m_sharpness": Source("adaptive_sharpness", "sharpness", lambda o: not o["adaptive"]),
    "filter_normalised_sharpness": Source("average_sharpness", "sharpness", lambda o: o["normalize"] == "filter"),
    "flatness": Source("average_sharpness", "magnitude", lambda o: o["normalize"] == "none"),
    "lambda_max": Source("curvature", "eigenvalue/1"),
    "lambda_min": Source("curvature", "eigenvalue/smallest"),
    "hessian_trace": Source("curvature", "trace"),
    "gradient_variance": Source("gradient_variance", lambda o: f"variance/{o['batch_sizes'][0]}"),
    "sign_agreement": Source("confusion", "agree/1"),
}
"""Measure -> the number of a probe that it is; with several probes that fit, the first of a run counts."""


def columns(record: Record, folder: Path) -> dict[str, np.ndarray]:
    """Return further columns of a run's history: measure -> one value a row, NaN where it was not measured.

    Args:
        record: the run, with its history.
        folder: its folder.

    Raises:
        OSError: a probe's table cannot be read.
        pyarrow.ArrowInvalid: it is torn.
    """
    update = record.history["update"]
    found: dict[str, np.ndarray] = {}
    minimum = record.summary.get("minimum_loss")
    if minimum is None and record.config["dataset"]["name"] == "noisy_quadratic":
        minimum = 0.0  # its loss is the expected one, whose minimum is at the origin
    if minimum is not None:
        found["excess_loss"] = record.history["train_loss"] - minimum
    asked: list[Options] = record.config.get("probes") or []
    tables = read_probes(folder) if asked else {}

    def series(probe: Options, name: str) -> np.ndarray | None:
        table = tables.get(probe["label"] or probe["name"])
        here, value, _ = table.series(name) if table else (np.empty(0), np.empty(0), None)
        return _placed(update, here, value) if len(here) else None

    for measure, source in SOURCES.items():
        fitting = [probe for probe in asked if probe["name"] == source.probe and source.fits(probe)]
        if fitting and (column := series(fitting[0], source.name(fitting[0]))) is not None:
            found[measure] = column
    if "lambda_max" in found:
        found["stability"] = found["lambda_max"] * record.history["learning_rate"] / 2
        fifth = series(next(probe for probe in asked if probe["name"] == "curvature"), "eigenvalue/5")
        if fifth is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                found["spectral_ratio"] = found["lambda_max"] / fifth
    return found


def _placed(update: np.ndarray, measured: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return a probe's values at the rows of a history; a probe is only ever taken at one of them."""
    column = np.full(len(update), np.nan)
    column[np.searchsorted(update, measured)] = value
    return column


assert set(SOURCES) <= set(PROBES), "every source is a measure"
