"""What the records hold for a claim: each kind as locations over seeds, and the regions it puts them in."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.gap import Pairs, as_text, censored, compared_fields, matches, paired_runs, varying
from analysis.intervals import pseudo_values
from analysis.load import Results
from analysis.location import Exact, Location, Part, Sample
from analysis.measures import VALUE, measured, worse
from analysis.selection import SelectionError, choose, sentence

Where = Mapping[str, Any]


class CannotTell(Exception):
    """The records at hand do not serve a claim; the message is the sentence that says why, and what would."""


@dataclass
class Reading:
    """A claim's runs, narrowed and tuned, and the notes that reading them leaves."""

    claim: Mapping[str, Any]
    results: Results
    why: str = ""
    empty: list[str] = field(default_factory=list)
    averaged: dict[str, None] = field(default_factory=dict)
    censored: int = 0
    unpaired: int = 0
    unknown: int = 0
    tuned: str = ""
    twins: list[tuple[list[Any], Sequence[str], list[str]]] = field(default_factory=list)

    @classmethod
    def of(cls, results: Results, claim: Mapping[str, Any]) -> "Reading":
        """Narrow the results to the claim's runs and select its tuned axes on validation.

        Raises:
            KeyError: no run has a field of `where`.
            CannotTell: nothing can be selected on a tuned axis.
        """
        reading = cls(claim, results.only(matches(results.runs, claim.get("where", {}))))
        tuned = claim.get("tuned")
        if tuned is not None and len(reading.results.runs):
            over, by = (tuned["over"], tuned.get("by")) if isinstance(tuned, Mapping) else (tuned, None)
            asked = (results.experiment.get("search") or {}).get("asked", {})
            same = {over} if isinstance(over, str) else set(over)
            by = by or (asked["by"] if same == set(asked.get("ranges", ())) else "validation_error")
            try:
                found, choices = choose(reading.results, over, by=by)
            except SelectionError as error:
                raise CannotTell(str(error)) from None
            axes = [over] if isinstance(over, str) else over
            reading.results = replace(found, fields=tuple(f for f in found.fields if f not in axes))
            reading.tuned = sentence(choices, over, by)
        return reading

    def values(self, measure: Any = None, at: Any = None, where: Where | None = None) -> Results:
        """Return the runs with the claim's measure in the column `value`."""
        found = self.results.only(matches(self.results.runs, where)) if where else self.results
        return measured(found, self.claim["measure"] if measure is None else measure, at)

    def difference(
        self, sides: Sequence[Where], *, at: Any = None, where: Where | None = None, log: bool = False
    ) -> Sample:
        """Return the first side minus the second, one value a seed; a side may also name `at` and `measure`."""
        tables, fields, compared, everything = [], None, dict[str, None](), dict[str, None]()
        rank = all(worse(side.get("measure", self.claim["measure"])) for side in sides)
        for side in sides:
            found = self.values(side.get("measure"), side.get("at", at), where)
            chosen = {name: value for name, value in side.items() if name not in ("at", "measure")}
            mask = matches(found.runs, chosen)
            if not mask.any():
                self.empty.append(words(chosen or side))
            compared.update(dict.fromkeys(compared_fields(chosen, found.runs)))
            fields = found.fields if fields is None else tuple(f for f in fields if f in found.fields)
            everything.update(dict.fromkeys(found.fields))
            tables.append(_logarithm(found.runs[mask]) if log else found.runs[mask])
        # What one side has used up as an axis, the other is averaged over.
        alone = [f for f in everything if f not in (fields or ())]
        for table in tables:
            self.averaged.update(dict.fromkeys(varying(table, ["seed", *compared, *(fields or ())], alone)))
        if self.claim["measure"] == "test_error" and at is None and not any({"at", "measure"} & {*s} for s in sides):
            self.twins.append((tables, fields or (), list(compared)))
        pairs = paired_runs(tables, fields or (), measure=VALUE, compared=list(compared), worse=rank)
        return self.sample(pairs)

    def sample(self, pairs: Pairs) -> Sample:
        """Return the differences as a sample, and keep what is to be said of them."""
        self.averaged.update(dict.fromkeys(pairs.averaged))
        self.censored, self.unpaired = max(self.censored, pairs.censored), max(self.unpaired, pairs.unpaired)
        self.unknown = max(self.unknown, pairs.unknown)
        return Sample(pairs.differences, pairs.unknown, pairs.censored > 0 and not pairs.unknown)

    def side(self, side: Where, *, at: Any = None) -> "pd.Series[float]":
        """Return the measure on one side, one value a seed, averaged over whatever else varies; inf where censored."""
        found = self.values(side.get("measure"), side.get("at", at))
        chosen = {name: value for name, value in side.items() if name not in ("at", "measure")}
        runs = found.runs[matches(found.runs, chosen)]
        if runs.empty:
            self.empty.append(words(chosen or side))
        lost = censored(runs)
        self.censored = max(self.censored, int(lost.sum()))
        self.averaged.update(dict.fromkeys(varying(runs, ["seed", *compared_fields(chosen, runs)], found.fields)))
        return runs[VALUE].astype(float).mask(lost, np.inf).groupby(as_text(runs["seed"])).mean()

    def above(self, constant: float, *, at: Any = None) -> Sample:
        """Return the measure minus a constant, one value a seed."""
        found = self.values(at=at)
        nothing = found.runs.assign(**{VALUE: constant, "outcome": "done"})
        return self.sample(
            paired_runs([found.runs, nothing], found.fields, measure=VALUE, worse=worse(self.claim["measure"]))
        )

    def settled(self, location: Location) -> Location:
        """Return a number without noise where the claim says that it has none."""
        values = location.values
        plain = isinstance(location, Sample) and len(values) and not location.ranks
        return Exact(float(np.mean(values)), len(values)) if self.claim.get("exact") and plain else location


def _logarithm(runs: Any) -> Any:
    values = runs[VALUE].to_numpy(float)
    if (values[np.isfinite(values)] <= 0).any():
        raise CannotTell("a ratio needs values above 0, which not every run has; claim a difference instead")
    return runs.assign(**{VALUE: np.log(values)})


def two(compare: Where) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the two sides of `compare`."""
    a, b = ({name: values[i] for name, values in compare.items()} for i in (0, 1))
    return a, b


def places(claim: Mapping[str, Any]) -> list[Any]:
    """Return where a claim is read: its `at`, each of several, or the end."""
    at = claim.get("at")
    return at if isinstance(at, list) else [at]


def ends(within: Sequence[float | None], *, log: bool = False) -> tuple[float, float]:
    """Return the interval as two numbers, an open end infinite."""
    low, high = within
    change: Callable[[float], float] = math.log if log else float
    return (-math.inf if low is None else change(low), math.inf if high is None else change(high))


def region(claim: Mapping[str, Any]) -> tuple[float, float]:
    """Return where a difference must lie."""
    margin = float(claim.get("margin", 0.0))
    direction = claim.get("direction", "equal")
    return {"greater": (margin, math.inf), "less": (-math.inf, -margin), "equal": (-margin, margin)}[direction]


def words(side: Where) -> str:
    """Return one side of a comparison in words."""
    return ", ".join(f"{name} {value}" for name, value in side.items())


def difference(reading: Reading) -> list[Part]:
    """Return a - b, or the measure minus a constant, against the margin; also what an equivalence of two asks."""
    claim = reading.claim
    parts = []
    for at in places(claim):
        if "arms" in claim:
            arms = claim["arms"]
            pairs = [(a, b) for i, a in enumerate(arms) for b in arms[i + 1 :]]
            found = {f"({words(a)}) − ({words(b)})": reading.difference((a, b), at=at) for a, b in pairs}
        elif "compare" in claim:
            found = {"": reading.difference(two(claim["compare"]), at=at)}
        else:
            found = {"": reading.above(claim["value"], at=at)}
        parts += [Part(_at(name, at, claim), reading.settled(s), *region(claim)) for name, s in found.items()]
    return parts


def _at(name: str, at: Any, claim: Mapping[str, Any]) -> str:
    return f"{name} at {words(at or {}) or 'the end'}".strip() if isinstance(claim.get("at"), list) else name


def ratio(reading: Reading) -> list[Part]:
    """Return log a - log b against the interval, or the share of a deficit that a remedy recovers."""
    claim = reading.claim
    parts = []
    for at in places(claim):
        if "compare" in claim:
            pooled = claim.get("pooled", False)
            found = _pooled(reading, at) if pooled else reading.difference(two(claim["compare"]), at=at, log=True)
            parts.append(Part(_at("", at, claim), reading.settled(found), *ends(claim["within"], log=True), log=True))
        else:
            parts += _recovered(reading, at)
    return parts


def _pooled(reading: Reading, at: Any) -> Sample:
    """Return the logarithm of a ratio of means over seeds as the jackknife's pseudo-values."""
    both = pd.concat([reading.side(side, at=at) for side in two(reading.claim["compare"])], axis=1, join="inner")
    return pooled_sample(lambda rows: float(np.subtract(*np.log(rows.mean(axis=0)))), both.to_numpy(float))


def pooled_sample(statistic: Callable[[np.ndarray], float], rows: np.ndarray) -> Sample:
    """Return a statistic of the mean over seeds as a sample; where a run is lost the mean, and it, are unknown."""
    if len(rows) < 2 or not np.isfinite(rows).all() or not (rows.mean(axis=0) > 0).all():
        return Sample(np.empty(0), unknown=len(rows))
    return Sample(pseudo_values(statistic, rows))


def _recovered(reading: Reading, at: Any) -> list[Part]:
    """Return three conditions that together say: there is a deficit, and the share recovered lies within (Fieller)."""
    large, small, remedy = reading.claim["recovered"]
    deficit, gained = (reading.difference((large, other), at=at) for other in (small, remedy))
    low, high = ends(reading.claim["within"])
    parts = [Part("deficit", deficit, 0.0, math.inf)]
    if len(deficit.values) != len(gained.values) or deficit.ranks or gained.ranks:
        lost = Sample(np.empty(0), unknown=max(deficit.n, gained.n))
        return [*parts, Part("recovered", lost, 0.0, math.inf)]
    d, g = deficit.values, gained.values
    parts += [Part("recovered at least", Sample(g - low * d), 0.0, math.inf)] if low > -math.inf else []
    parts += [Part("recovered at most", Sample(high * d - g), 0.0, math.inf)] if high < math.inf else []
    return parts


def ordering(reading: Reading) -> list[Part]:
    """Return each arm minus the one before it, which must all lie above the margin."""
    claim, margin = reading.claim, float(reading.claim.get("margin", 0.0))
    return [
        Part(_at(f"({words(b)}) − ({words(a)})", at, claim), reading.settled(reading.difference((b, a), at=at)),
             margin, math.inf)
        for at in places(claim)
        for a, b in zip(claim["arms"], claim["arms"][1:], strict=False)
    ]  # fmt: skip


def flip(reading: Reading) -> list[Part]:
    """Return a - b in both settings: above the margin in the first, below minus the margin in the second."""
    claim, margin = reading.claim, float(reading.claim.get("margin", 0.0))
    parts = []
    for setting, bounds in zip(claim["between"], ((margin, math.inf), (-math.inf, -margin)), strict=True):
        where, at = setting.get("where"), setting.get("at", claim.get("at"))
        found = reading.difference(two(claim["compare"]), at=at, where=where)
        name = words({**(where or {}), **(at or {})}) or "the end"
        parts.append(Part(name, reading.settled(found), *bounds))
    return parts
