"""Claims stated before a sweep, and what its records say to them: supported, contradicted or undecided."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from analysis.claims import check
from analysis.hypotheses import ratio_of_means
from analysis.intervals import Interval, sign_flip
from analysis.location import Part, Sample

if TYPE_CHECKING:  # pandas takes a second to import, and reading an experiment only needs `check`
    from analysis.evidence import Reading
    from analysis.load import Results

Word = Literal["supported", "contradicted", "undecided"]
ALPHA = 0.05
DIFFERENCES = ("difference", "equivalence", "ordering", "flip")
"""Kinds whose effect has the unit of the measure."""
ERRORS = ("train_error", "train_error_true", "validation_error", "test_error", "error_gap")

__all__ = ["ALPHA", "Verdict", "Word", "check", "judge"]


@dataclass(frozen=True)
class Verdict:
    """What the records say to one claim.

    Of a claim with several conditions (an ordering, a flip) the numbers are those of the
    condition that decided, which `condition` names.

    Attributes:
        says: the claim in words.
        verdict: supported, contradicted or undecided.
        measure: what was compared.
        compared: the comparison in words, a minus b.
        where: what it is narrowed to, in words.
        direction: greater, less or equal; of an interval with two ends, equal.
        margin: in the unit of the measure; of an interval with two ends, half its width.
        effect: mean paired difference a - b, its median where a run was censored, a factor for
            ratios and crossings, an exponent for slopes; NaN without pairs.
        low: lower bound of its interval.
        high: upper bound.
        level: coverage of the interval, adjusted for the experiment's number of claims.
        n: seeds.
        p: p-value of the claim, before the adjustment.
        permutation_p: of the sign-flip test beside it; NaN where runs were censored.
        method: `t`, `sign` (ranks), `regression` (one seed, the points of a line) or `exact`.
        note: what was averaged over, censored or missing.
        kind: of the claim.
        condition: the condition that decided, where there are several.
        bounds: the region that the claim puts the effect in.
        budget: where the runs were read, in words.
        policy: how the learning rate was set, in words.
        seeds_needed: seeds at which the effect seen would decide the claim with a chance of 80 %; None
            where it is decided or cannot be told.
        detectable: smallest distance from the bound that these seeds find with that chance; NaN if unknown.
        half_a_point: seeds at which a distance of 0.5 pp from the bound would be found, of a difference of errors; else
            None.
        decides: what would decide an undecided claim, in words.
    """

    says: str
    verdict: Word
    measure: str
    compared: str
    where: str
    direction: str
    margin: float
    effect: float
    low: float
    high: float
    level: float
    n: int
    p: float
    permutation_p: float
    method: str
    note: str
    kind: str = "difference"
    condition: str = ""
    bounds: tuple[float, float] = (0.0, math.inf)
    budget: str = ""
    policy: str = ""
    seeds_needed: int | None = None
    detectable: float = math.nan
    half_a_point: int | None = None
    decides: str = ""


def judge(
    results: "Results", claims: Sequence[Mapping[str, Any]], *, alpha: float = ALPHA, family: bool = True
) -> list[Verdict]:
    """Return the verdict on every claim, in their order.

    Values are one a seed, differences are paired by seed. The claims of an experiment are one family: the
    levels of their intervals are adjusted step by step (Holm 1979), so that the chance of
    any false verdict stays at or below `alpha`. A claim is supported if the interval of every one of its
    conditions lies within its region (no adjustment is needed among them; Berger 1982), and
    contradicted if that of one lies outside (adjusted by their number). A region with two ends, as of an
    equivalence, is two one-sided tests (Schuirmann 1987).

    Args:
        results: an experiment's runs.
        claims: as in the experiment file.
        alpha: chance of a false verdict, of the family or (`family` False) of each claim.
        family: whether to adjust for the number of claims.

    Raises:
        ValueError: a claim does not pass `check`.
    """
    tests = [_Test.of(results, claim) for claim in claims]
    share = alpha
    verdicts: dict[int, Verdict] = {}
    stopped = not family
    for rank, i in enumerate(sorted(range(len(tests)), key=lambda i: tests[i].p)):
        if not stopped:
            share = alpha / (len(tests) - rank)
        verdicts[i] = tests[i].verdict(share)
        stopped = stopped or tests[i].p > share
    return [verdicts[i] for i in range(len(tests))]


def _kinds() -> dict[str, "Callable[[Reading], list[Part]]"]:
    from analysis import axes, evidence

    return {
        "difference": evidence.difference, "equivalence": evidence.difference, "ratio": evidence.ratio,
        "ordering": evidence.ordering, "flip": evidence.flip, "slope": axes.slope, "monotone": axes.monotone,
        "crossing": axes.crossing,
    }  # fmt: skip


@dataclass(frozen=True)
class _Test:
    """One claim as the conditions that must all hold."""

    claim: Mapping[str, Any]
    parts: Sequence[Part]
    note: str
    budget: str
    policy: str

    @classmethod
    def of(cls, results: "Results", claim: Mapping[str, Any]) -> "_Test":
        from analysis.evidence import CannotTell, Reading
        from analysis.wording import budget, note, policy

        check(claim)
        kind = str(claim.get("kind", "difference"))
        parts: list[Part] = []
        reading = Reading(claim, results)
        try:
            reading = Reading.of(results, claim)
            parts = _kinds()[kind](reading)
        except KeyError as error:
            reading.empty.append(str(error.args[0]))
        except CannotTell as error:
            reading.why = str(error)
        parts = parts or [Part("", Sample(np.empty(0)), 0.0, math.inf)]
        return cls(claim, parts, note(reading, parts), budget(reading), policy(reading))

    @property
    def of_errors(self) -> bool:
        """Return whether the effect is a difference of error rates, of which half a point means something."""
        measure, kind = self.claim["measure"], self.claim.get("kind", "difference")
        return kind in DIFFERENCES and isinstance(measure, str) and measure in ERRORS

    @property
    def p(self) -> float:
        """Return the p-value at which the claim is decided, one way or the other."""
        outside = len(self.parts) * min(part.p_outside for part in self.parts)
        return min(1.0, max(part.p_inside for part in self.parts), outside)

    def word(self, share: float) -> Word:
        if all(part.inside(share) for part in self.parts):
            return "supported"
        outside = any(part.outside(share / len(self.parts)) for part in self.parts)
        return "contradicted" if outside else "undecided"

    def verdict(self, share: float) -> Verdict:
        from analysis.wording import comparison, decides, measure_of, places_of

        word = self.word(share)
        contradicted = word == "contradicted"
        chosen = (
            min(self.parts, key=lambda p: p.p_outside) if contradicted else max(self.parts, key=lambda p: p.p_inside)
        )
        used = share / len(self.parts) if contradicted else share
        shown, bounds = self._shown(chosen, chosen.level(used))
        low, high = bounds
        needed = chosen.seeds_needed(used) if word == "undecided" else None
        values = chosen.location.values
        flips = isinstance(chosen.location, Sample) and not chosen.location.ranks
        middle = low if math.isfinite(low) else high
        anchor = 0.0 if chosen.two_sided and low == -high else _logged(middle, chosen.log)
        return Verdict(
            says=str(self.claim["says"]),
            verdict=word,
            measure=measure_of(self.claim["measure"]),
            compared=comparison(self.claim),
            where=places_of(self.claim),
            direction="equal" if chosen.two_sided else "less" if low == -math.inf else "greater",
            margin=(high - low) / 2 if chosen.two_sided else -high if low == -math.inf else low,
            effect=shown.estimate,
            low=shown.low,
            high=shown.high,
            level=chosen.level(used),
            n=shown.n,
            p=self.p,
            permutation_p=sign_flip(values, anchor) if flips and len(values) else np.nan,
            method=chosen.location.method,
            note=self.note,
            kind=str(self.claim.get("kind", "difference")),
            condition=chosen.name if len(self.parts) > 1 else "",
            bounds=bounds,
            budget=self.budget,
            policy=self.policy,
            seeds_needed=needed,
            detectable=chosen.detectable(used),
            half_a_point=chosen.seeds_for_half_a_point(used) if self.of_errors else None,
            decides=decides(chosen, needed, used) if word == "undecided" else "",
        )

    def _shown(self, part: Part, level: float) -> tuple[Interval, tuple[float, float]]:
        """Return the interval and the region in the claim's own unit: factors for logarithms, shares recovered."""
        if "recovered" in self.claim and len(self.parts) > 1 and part.location.n and not part.location.ranks:
            deficit, gained = self._shares()
            from analysis.evidence import ends

            return ratio_of_means(gained, deficit, level=level), ends(self.claim["within"])
        found = part.location.interval(level)
        if not part.log:
            return found, (part.low, part.high)
        low, high = (float(np.exp(bound)) if bound > -math.inf else -math.inf for bound in (part.low, part.high))
        middle, least, most = (float(np.exp(v)) for v in (found.estimate, found.low, found.high))
        return Interval(middle, least, most, found.n), (low, high)

    def _shares(self) -> tuple[np.ndarray, np.ndarray]:
        deficit = self.parts[0].location.values
        low, high = self.claim["within"]
        other = self.parts[1].location.values
        return deficit, other + low * deficit if low is not None else high * deficit - other


def _logged(bound: float, log: bool) -> float:
    return math.log(bound) if log else bound
