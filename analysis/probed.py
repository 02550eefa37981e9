"""Measures that a run's history does not hold: what its probes found, and the distance from a minimum that is known."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.vocabulary import PROBES
from largebatch.records import Folder, Record, added_probes, each, read_probes

if TYPE_CHECKING:
    from analysis.load import Results
    from largebatch.records import Measured

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """Where a measure comes from: a probe, one of its numbers, and the options that make it this measure.

    Attributes:
        probe: its name.
        number: in the probe's table, or what makes it of the probe's options.
        fits: whether a probe with these options measures it.
        example: how a probe that does is written.
    """

    probe: str
    number: str | Callable[[Options], str]
    fits: Callable[[Options], bool] = lambda options: True
    example: str = ""

    def name(self, options: Options) -> str:
        """Return the name of the number in the probe's table."""
        return self.number if isinstance(self.number, str) else self.number(options)

    @property
    def written(self) -> str:
        """How an experiment asks for it."""
        return f"{{name: {self.probe}{', ' if self.example else ''}{self.example}}}"


def _eps(options: Options) -> str:
    return f"sharpness/{options['eps'][0]:g}"


def _smallest(options: Options) -> str:
    return f"variance/{min(options['batch_sizes'])}"


SOURCES: dict[str, Source] = {
    "noise_scale": Source("gradient_noise", "b_simple"),
    "noise_scale_two_batch": Source("gradient_noise", "two_batch_b_simple", lambda o: o["two_batch"] is not None,
                                    "two_batch: {small: 16, big: 128}"),
    "squared_gradient": Source("gradient_noise", "squared_norm"),
    "sharpness": Source("sharpness", _eps, lambda o: o["dimensions"] is None, "dimensions: null"),
    "sharpness_subspace": Source("sharpness", _eps, lambda o: o["dimensions"] is not None, "dimensions: 100"),
    "adaptive_sharpness": Source("adaptive_sharpness", "sharpness", lambda o: o["adaptive"] and o["group"] is None,
                                 "adaptive: true, group: null"),
    "m_sharpness": Source("adaptive_sharpness", "sharpness", lambda o: not o["adaptive"], "adaptive: false"),
    "filter_normalised_sharpness": Source("average_sharpness", "sharpness", lambda o: o["normalize"] == "filter",
                                          "normalize: filter"),
    "flatness": Source("average_sharpness", "magnitude", lambda o: o["normalize"] == "none", "normalize: none"),
    "batch_sharpness": Source("batch_sharpness", "batch_sharpness"),
    "lambda_max": Source("curvature", "eigenvalue/1"),
    "lambda_min": Source("curvature", "eigenvalue/smallest", lambda o: o["smallest"], "smallest: true"),
    "hessian_trace": Source("curvature", "trace", lambda o: o["draws"] > 0, "draws: 30"),
    "gradient_variance": Source("gradient_variance", _smallest),
    "gradient_variance_slope": Source("gradient_variance", "slope", lambda o: len(o["batch_sizes"]) > 1,
                                      "batch_sizes: [1, 4, 16]"),
    "output_change": Source("reparametrization", "output_change"),
    "sign_agreement": Source("confusion", "agree/1"),
}  # fmt: skip
"""Measure -> the number of a probe that it is; with several probes that fit, the first of a run counts."""
RATIOS = {"stability": "curvature", "spectral_ratio": "curvature"}
"""Measures made of several numbers of a probe."""


def columns(record: Record, folder: Folder) -> dict[str, np.ndarray]:
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
    kept = (record.config.get("execution") or {}).get("keep_weights") is not None
    asked = probes_of(record.config.get("probes") or [], folder, kept=kept)
    tables = read_probes(folder) if asked else {}

    def series(probe: Options, name: str) -> np.ndarray | None:
        table = tables.get(title(probe))
        return placed(update, table, name) if table and name in table.rows["name"] else None

    for measure, source in SOURCES.items():
        fitting = [probe for probe in asked if probe["name"] == source.probe and source.fits(probe)]
        if fitting and (column := series(fitting[0], source.name(fitting[0]))) is not None:
            found[measure] = column
    if "lambda_max" in found:
        found["stability"] = found["lambda_max"] / edge(record.history["learning_rate"], record.config["optimizer"])
        fifth = series(next(probe for probe in asked if probe["name"] == "curvature"), "eigenvalue/5")
        if fifth is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                found["spectral_ratio"] = found["lambda_max"] / fifth
    return found


def edge(rate: np.ndarray, optimizer: Options) -> np.ndarray:
    """Return the largest curvature at which gradient descent on a quadratic is stable, in loss / weight^2.

    2 / rate for plain descent; (2 + 2 m) / rate with momentum m, and (2 + 2 m) / ((1 + 2 m) rate) in Nesterov's form
    (Cohen et al. 2021, section 2 and appendix B). NaN for other optimizers, whose step has no such bound.

    Args:
        rate: of each update.
        optimizer: options of the run's.
    """
    momentum = optimizer.get("momentum") or 0.0
    lookahead = 1 + 2 * momentum if optimizer.get("nesterov") else 1.0
    known = optimizer["name"] == "sgd"
    with np.errstate(divide="ignore"):
        return (2 + 2 * momentum) / (lookahead * np.asarray(rate, float)) if known else np.full(len(rate), np.nan)


def title(probe: Options) -> str:
    """Return what the record calls a probe."""
    return str(probe.get("label") or probe["name"])


def placed(update: np.ndarray, table: "Measured", name: str, *, errors: bool = False) -> np.ndarray:
    """Return a number of a probe, or its standard error, at the rows of a history; NaN where it was not measured.

    Args:
        update: of each row.
        table: the probe's.
        name: of the number.
        errors: the standard error instead of the value.
    """
    here, value, error = table.series(name)
    by_update = dict(zip(here.tolist(), (error if errors else value).tolist(), strict=True))
    return np.array([by_update.get(at, np.nan) for at in np.asarray(update).tolist()], float)


def probes_of(own: Sequence[Options], folder: Folder, *, kept: bool) -> list[Options]:
    """Return the options of a run's probes, those that were added after it ended last.

    Args:
        own: those that its configuration names.
        folder: of its record.
        kept: whether it kept weights, without which none can be added.
    """
    return [*own, *(added_probes(folder) if kept else [])]


def tables(
    results: "Results", *, named: str | None = None
) -> Iterator[tuple[str, list[Options], "dict[str, Measured]"]]:
    """Yield (digest, options of its probes, what they found by title) of every run that has any.

    Args:
        results: the runs.
        named: of which only the probes of that name are wanted.

    Raises:
        OSError: a probe's table cannot be read.
        pyarrow.ArrowInvalid: it is torn.
    """
    runs = results.runs
    keeping = [name for name in runs if str(name).startswith("execution.keep_weights.")]
    kept = runs[keeping].notna().any(axis=1)
    said = runs["probes"].to_dict() if "probes" in runs else {}

    def one(folder: Folder) -> tuple[str, list[Options], dict[str, "Measured"]]:
        own = said.get(folder.name)
        options = probes_of(json.loads(own) if isinstance(own, str) else [], folder, kept=bool(kept[folder.name]))
        options = [probe for probe in options if named in (None, probe["name"])]
        return folder.name, options, read_probes(folder) if options else {}

    folders = [results.folder / "runs" / str(digest) for digest in runs.index]
    yield from (found for found in each(one, folders) if found[1])


def with_number(results: "Results", measure: Any) -> "Results":
    """Return the results with a number of a probe, named `<title>/<number>`, among the columns of the histories.

    Every other measure is there already, or never will be.

    Raises:
        KeyError: no run has that number.
    """
    if not isinstance(measure, str) or "/" not in measure or measure in results.runs:
        return results
    named, _, number = measure.partition("/")
    found = {digest: own[named] for digest, _, own in tables(results) if named in own}
    found = {digest: table for digest, table in found.items() if number in table.rows["name"]}
    if not found:
        raise KeyError(measure)
    return results.extended(measure, lambda digest, update: placed(update, found[digest], number)
                            if digest in found else np.full(len(update), np.nan))  # fmt: skip


assert {*SOURCES, *RATIOS} <= set(PROBES), "every source is a measure"
