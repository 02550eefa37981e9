"""What figures need of the probes: their measures as columns, or words that say which probe to add."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from analysis.figures.describe import CannotDraw
from analysis.load import Results
from analysis.probed import RATIOS, SOURCES, Source, placed, tables, title, with_number
from largebatch.records import Measured

Options = Mapping[str, Any]
Found = tuple[str, Options, Measured]
"""(digest, options, table) of one probe of one run."""


def written(measure: str) -> str:
    """Return how an experiment asks for a measure: the probe to be added."""
    source = _source(measure)
    return source.written if source else f"a probe called {measure.partition('/')[0]}"


def _source(measure: str) -> Source | None:
    return SOURCES.get("lambda_max" if measure in RATIOS else measure)


def with_measure(results: Results, measure: str) -> Results:
    """Return the results with a measure among the columns.

    Raises:
        CannotDraw: no run has a finite value of it; says which probe to add, or why the one that is there failed.
    """
    try:
        found = with_number(results, measure)
    except KeyError:
        found = results
    histories = found.histories()
    if measure not in histories or not np.isfinite(histories[measure].to_numpy(float)).any():
        words = measure.replace("_", " ")
        source = _source(measure)
        own = list(tables_of(results, source.probe, source.fits)) if source else []
        raise CannotDraw(f"{failure(own)}, so no run has {words}" if own else
                         f"no run has {words}; add {written(measure)} to base.probes and run again")  # fmt: skip
    return found


def failure(own: Sequence[Found]) -> str:
    """Return what probes that were taken say of having found nothing."""
    _, options, _ = own[0]
    reasons = dict.fromkeys(reason for _, _, table in own for reason in table.rows["reason"] if reason)
    why = f" ({next(iter(reasons))})" if reasons else ""
    return f"the probe {title(options)} was taken in {len(own)} run{'s' * (len(own) > 1)} and found no number{why}"


def all_lost(results: Results, words: str) -> CannotDraw:
    """Return what is to be said where only runs that diverged, got stuck or fell short have what a figure shows."""
    told = f"largebatch status {results.name}"
    return CannotDraw(f"no run that ended well has {words}; to see how they ended: {told}")


def with_errors(results: Results, measure: str) -> Results:
    """Return the results with the standard error of a probe's measure as the column `<measure> error`."""
    source = SOURCES[measure]
    own = {digest: (options, table) for digest, options, table in tables_of(results, source.probe, source.fits)}

    def errors(digest: str, update: np.ndarray) -> np.ndarray:
        if digest not in own:
            return np.full(len(update), np.nan)
        options, table = own[digest]
        return placed(update, table, source.name(options), errors=True)

    return results.extended(f"{measure} error", errors)


def tables_of(results: Results, probe: str, fits: Callable[[Options], bool] = lambda options: True) -> Iterator[Found]:
    """Yield the first probe of a kind, with options that fit, of every run that has one.

    Raises:
        OSError: a probe's table cannot be read.
        pyarrow.ArrowInvalid: it is torn.
    """
    for digest, asked, own in tables(results):
        for options in asked:
            if options["name"] == probe and fits(options) and title(options) in own:
                yield digest, options, own[title(options)]
                break


def need(results: Results, probe: str) -> list[Found]:
    """Return the first probe of a kind of every run that has one.

    Raises:
        CannotDraw: none has, or all of them failed.
    """
    everything = list(tables_of(results, probe))
    if not everything:
        raise CannotDraw(f"no run has the probe {probe}; add {{name: {probe}}} to base.probes and run again")
    if not any(np.isfinite(table.rows["value"]).any() for _, _, table in everything):
        raise CannotDraw(failure(everything))
    return everything
