"""What stands around a verdict, in words: what was compared, read where, tuned how, and what would decide it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.evidence import Reading, places, words
from analysis.location import Part, Sample
from analysis.measures import best_repeated
from analysis.mistakes import pairs, told
from analysis.vocabulary import REDUCTIONS


def measure_of(measure: str | Mapping[str, Any]) -> str:
    """Return a measure in words: `test_error`, or `critical_batch of update`."""
    if isinstance(measure, str):
        return measure
    name = next(key for key in measure if key in REDUCTIONS)
    rest = {key: value for key, value in measure.items() if key != name}
    return f"{name} of {measure_of(measure[name])}" + (f" ({words(rest)})" if rest else "")


def comparison(claim: Mapping[str, Any]) -> str:
    """Return what a claim sets against what, in words."""
    kind = claim.get("kind", "difference")
    if "compare" in claim:
        text = _two(claim["compare"], "/" if kind == "ratio" else "−")
        return f"{text} along {_axis(claim)}" if kind == "crossing" else text
    if "recovered" in claim:
        large, small, remedy = (words(arm) for arm in claim["recovered"])
        return f"of ({large}) − ({small}), what ({remedy}) recovers"
    if "arms" in claim:
        sign = " < " if kind == "ordering" else " = "
        return sign.join(f"({words(arm)})" for arm in claim["arms"])
    if "value" in claim:
        return f"minus {claim['value']:g}"
    start = f", from {claim['from']}" if "from" in claim else ""
    return {"slope": "power of ", "monotone": "along ", "crossing": "crossing along "}[kind] + _axis(claim) + start


def _axis(claim: Mapping[str, Any]) -> str:
    over = claim["over"]
    return over if isinstance(over, str) else next(f"{name} {list(values)}" for name, values in over.items())


def _two(compare: Mapping[str, Sequence[Any]], sign: str) -> str:
    if len(compare) == 1:
        ((name, (a, b)),) = compare.items()
        return f"{name} {_end(name, a)} {sign} {_end(name, b)}"
    return f" {sign} ".join(f"({words({name: values[i] for name, values in compare.items()})})" for i in (0, 1))


def _end(name: str, value: Any) -> Any:
    if value is None:
        return "the end" if name == "at" else "none"
    return words(value) if isinstance(value, Mapping) else value


def places_of(claim: Mapping[str, Any]) -> str:
    """Return what a claim is narrowed to and where its runs are read, in words."""
    at = claim.get("at")
    if isinstance(at, list):
        parts = [words(claim.get("where", {})), "each of " + "; ".join(words(a or {}) or "the end" for a in at)]
        return ", ".join(filter(None, parts))
    return words({**claim.get("where", {}), **(at or {})})


def budget(reading: Reading) -> str:
    """Return at what the runs are held equal: the claim's own place, or the budget they were trained with."""
    at = reading.claim.get("at")
    if at is not None:
        return " and ".join(f"equal {words(a)}" if a else "the end" for a in (at if isinstance(at, list) else [at]))
    return _condition(reading, "budget")


def policy(reading: Reading) -> str:
    """Return how the learning rate follows the batch size, or on what it was selected, and what of a best is luck."""
    return "; ".join(filter(None, [reading.tuned or _condition(reading, "policy"), _searched(reading)]))


def _searched(reading: Reading) -> str:
    """Return how much of a claim's measure, where it is the best of several trials, is luck."""
    claim = reading.claim
    measures = [claim["measure"], *claim.get("compare", {}).get("measure", ())]
    try:
        found = [best_repeated(reading.results, measure, at) for measure in measures for at in places(claim)]
    except KeyError:  # no run has the measure: the note says so
        return ""
    trials, factor = max((each for each in found if each), default=(0, math.nan))
    if trials < 2 or math.isnan(factor):
        return ""
    times = f"up to {factor:.3g} times as large" if math.isfinite(factor) else "lost in every trial of some cell"
    return f"best of {trials} trials; drawn anew it would be {times} (95 %, bootstrap over trials)"


def _condition(reading: Reading, name: str) -> str:
    from analysis.figures.describe import conditions

    return str(conditions(reading.results)[name]) if len(reading.results.runs) else ""


def note(reading: Reading, parts: Sequence[Part]) -> str:
    """Return what was missing, averaged over, censored or left out."""
    n = max(part.location.n for part in parts)
    empty = list(dict.fromkeys(reading.empty))
    if not empty and not n and not reading.why:
        empty = [f"a pair of values of {measure_of(reading.claim['measure'])}"]
    said = [reading.why] if reading.why else []
    said += [f"no run has {what}" for what in empty]
    if reading.averaged:
        said.append(f"averaged over {', '.join(reading.averaged)}")
    if reading.unknown:
        said.append(f"{reading.unknown} seeds without a value, which could be anything; median and sign test")
    elif reading.censored:
        said.append(f"{reading.censored} censored runs rank worst; median and sign test, which need 6 seeds or more")
    if reading.unpaired:
        said.append(f"{reading.unpaired} runs without a twin left out")
    single = any(isinstance(part.location, Sample) and part.location.n == 1 for part in parts)
    if single and not reading.censored and not reading.unknown:
        said.append("one seed has no interval; add seeds")
    if len(reading.twins) == 1:
        tables, fields, compared = reading.twins[0]
        found = pairs([(reading.results, table) for table in tables], fields, compared=compared)
        said += [told(found)] if found else []
    return "; ".join(said)


def decides(part: Part, needed: int | None, share: float) -> str:
    """Return what would decide a claim that is undecided."""
    location = part.location
    if not location.n:
        return "values that can be judged: there are none yet"
    if location.method == "regression":
        return "more values of the axis, or more seeds"
    if location.n < 2:
        return "more seeds: one has no spread"
    if location.ranks:
        least = math.ceil(math.log2((1 if part.two_sided else 2) / (2 * share if part.two_sided else share)))
        more = "more" if location.n >= least else f"at least {least}"
        return f"{more} seeds, for the sign test; or a setting in which no run is lost"
    if needed is None:
        return "no number of seeds: the effect lies on the bound"
    return f"about {max(needed, location.n + 1):,} seeds, if effect and spread stay as they are (power 80 %)"
