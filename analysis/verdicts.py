"""Claims stated before a sweep, and what its records say to them: supported, contradicted or undecided."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from analysis.claims import check
from analysis.intervals import Interval, mean_interval, median_interval, sign_flip, sign_tail, t_tail

if TYPE_CHECKING:  # pandas takes a second to import, and reading an experiment only needs `check`
    from analysis.gap import Pairs
    from analysis.load import Results

Word = Literal["supported", "contradicted", "undecided"]
ALPHA = 0.05

__all__ = ["ALPHA", "Verdict", "Word", "check", "judge"]


@dataclass(frozen=True)
class Verdict:
    """What the records say to one claim.

    Attributes:
        says: the claim in words.
        verdict: supported, contradicted or undecided.
        measure: what was compared.
        compared: the comparison in words, a minus b.
        where: what it is narrowed to, in words.
        direction: greater, less or equal.
        margin: in the unit of the measure.
        effect: mean paired difference a - b, or its median where a run was censored; NaN without pairs.
        low: lower bound of its interval.
        high: upper bound.
        level: coverage of the interval, adjusted for the experiment's number of claims.
        n: seeds.
        p: p-value of the test that the interval belongs to, before the adjustment.
        permutation_p: of the sign-flip test beside it; NaN where runs were censored.
        method: `t` or `sign`.
        note: what was averaged over, censored or missing.
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


def judge(results: "Results", claims: Sequence[Mapping[str, Any]], *, alpha: float = ALPHA) -> list[Verdict]:
    """Return the verdict on every claim, in their order.

    Differences are paired by seed. The claims of an experiment are one family: the levels of
    their intervals are adjusted step by step (Holm 1979), so that the chance of any false
    verdict stays at or below `alpha`. `greater` is supported if the interval lies above the margin and
    contradicted if below, `less` is its mirror with minus the margin (a negative margin
    asks for "not worse by more than"), `equal` is two one-sided tests (Schuirmann 1987).

    Raises:
        ValueError: a claim does not pass `check`.
    """
    tests = [_Test.of(results, claim) for claim in claims]
    share = alpha
    verdicts: dict[int, Verdict] = {}
    stopped = False
    for rank, i in enumerate(sorted(range(len(tests)), key=lambda i: tests[i].p)):
        if not stopped:
            share = alpha / (len(tests) - rank)
        verdicts[i] = tests[i].verdict(share)
        stopped = stopped or tests[i].p > share
    return [verdicts[i] for i in range(len(tests))]


@dataclass(frozen=True)
class _Test:
    """One claim with its pairs; `sign` turns `less` into `greater`, so that only two cases remain."""

    claim: Mapping[str, Any]
    pairs: "Pairs"
    note: str

    @classmethod
    def of(cls, results: "Results", claim: Mapping[str, Any]) -> "_Test":
        from analysis.gap import matches, paired

        check(claim)
        where = claim.get("where", {})
        try:
            found = results.at(claim.get("at"))
            found = found.only(matches(found.runs, where))
            sides = [{name: values[i] for name, values in claim["compare"].items()} for i in (0, 1)]
            pairs = paired(found, *sides, measure=claim["measure"])
            empty = [_words(side) for side in sides if not matches(found.runs, side).any()]
        except KeyError as error:
            pairs, empty = _no_pairs(), [str(error.args[0])]
        unmeasured = not empty and not len(pairs.differences)
        empty += [f"a pair of values of {claim['measure']}"] if unmeasured else []
        return cls(claim, pairs, _note(pairs, empty))

    @property
    def margin(self) -> float:
        return float(self.claim.get("margin", 0.0))

    @property
    def sign(self) -> float:
        return -1.0 if self.claim["direction"] == "less" else 1.0

    @property
    def ranks(self) -> bool:
        return self.pairs.censored > 0

    def tail(self, bound: float, sign: float = 1.0) -> float:
        test = sign_tail if self.ranks else t_tail
        return test(sign * self.pairs.differences, bound)

    @property
    def p(self) -> float:
        if self.claim["direction"] == "equal":
            inside = max(self.tail(-self.margin), self.tail(-self.margin, -1.0))
            return min(inside, self.tail(self.margin), self.tail(self.margin, -1.0))
        above, below = self.tail(self.margin, self.sign), self.tail(-self.margin, -self.sign)
        return min(1.0, 2 * min(above, below))

    def verdict(self, share: float) -> Verdict:
        equal = self.claim["direction"] == "equal"
        level = 1 - 2 * share if equal else 1 - share
        interval = (median_interval if self.ranks else mean_interval)(self.pairs.differences, level=level)
        shift = 0.0 if equal else self.sign * self.margin
        return Verdict(
            says=str(self.claim["says"]),
            verdict=self._word(interval),
            measure=self.claim["measure"],
            compared=_comparison(self.claim["compare"]),
            where=_words({**self.claim.get("where", {}), **(self.claim.get("at") or {})}),
            direction=self.claim["direction"],
            margin=self.margin,
            effect=interval.estimate,
            low=interval.low,
            high=interval.high,
            level=level,
            n=interval.n,
            p=self.p,
            permutation_p=np.nan if self.ranks else sign_flip(self.pairs.differences, shift),
            method="sign" if self.ranks else "t",
            note=self.note,
        )

    def _word(self, interval: Interval) -> Word:
        if not interval.n or math.isnan(interval.low):
            return "undecided"
        if self.claim["direction"] == "equal":
            if -self.margin < interval.low and interval.high < self.margin:
                return "supported"
            apart = interval.low > self.margin or interval.high < -self.margin
            return "contradicted" if apart else "undecided"
        low, high = sorted((self.sign * interval.low, self.sign * interval.high))
        if low > self.margin:
            return "supported"
        return "contradicted" if high < self.margin else "undecided"


def _no_pairs() -> "Pairs":
    from analysis.gap import Pairs

    return Pairs(np.empty(0), (), (), 0, 0)


def _words(side: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in side.items())


def _comparison(compare: Mapping[str, Sequence[Any]]) -> str:
    if len(compare) == 1:
        ((name, (a, b)),) = compare.items()
        return f"{name} {a} − {b}"
    return " − ".join(f"({_words({name: values[i] for name, values in compare.items()})})" for i in (0, 1))


def _note(pairs: "Pairs", empty: Sequence[str]) -> str:
    n = len(pairs.differences)
    parts = [f"no run has {what}" for what in empty]
    if pairs.averaged:
        parts.append(f"averaged over {', '.join(pairs.averaged)}")
    if pairs.censored:
        parts.append(f"{pairs.censored} censored runs rank worst; median and sign test, which need 6 seeds or more")
    if pairs.unpaired:
        parts.append(f"{pairs.unpaired} runs without a twin left out")
    if n == 1 and not pairs.censored:
        parts.append("one seed has no interval; add seeds")
    return "; ".join(parts)
