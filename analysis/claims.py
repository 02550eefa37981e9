"""What a claim may say: its kinds, and the keys of each. Cheap to import, for reading an experiment needs it.

| kind | holds if | its keys besides says, measure, where, at, tuned, exact |
|---|---|---|
| `difference` (default) | a - b, or the measure minus `value`, lies beyond `margin` | compare or value, direction, margin |
| `ratio` | a / b lies `within`, or a remedy recovers such a share | compare or recovered, within, pooled |
| `slope` | the power of an axis that the measure follows lies `within` | over, within, scale, pooled |
| `ordering` | each arm's measure is smaller than the next one's, by `margin` | arms, margin |
| `equivalence` | a and b, all arms, or the measure and `value`, differ by less than `margin` | compare, arms or value, margin |
| `monotone` | no step along an axis turns back by `margin`, or the rank correlation is high | over, direction, margin or correlation |
| `crossing` | where along an axis a level is first crossed lies `within` | over, level, within, compare or from |
| `flip` | a exceeds b in the first setting and falls below it in the second | compare, between, margin |

`at` reads every run at an equal length or goal instead of its end; several of them must all
hold. `tuned` names the axes whose best value is chosen on validation first. `exact: true`
compares a number that has no noise, such as an analytic one, without an interval. `pooled: true`
speaks of the mean over seeds, as a theorem about expectations does, instead of each seed's own
ratio or slope; its interval is the jackknife's. `compare`
may also name `at` and `measure`, to set two points of the same runs or two measures against each other.
"""  # noqa: E501

from collections.abc import Callable, Collection, Mapping
from typing import Any

from analysis.sense import (
    Checker,
    axis,
    fields_of,
    interval,
    lengths,
    measure,
    nearest,
    number,
    one_of,
    settings,
    sides,
    tuning,
)

DIRECTIONS = ("greater", "less", "equal")
COMMON = ("says", "kind", "measure", "where", "at", "tuned", "exact")
KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "difference": (("measure", "compare|value", "direction"), ("margin",)),
    "ratio": (("measure", "compare|recovered", "within"), ("pooled",)),
    "slope": (("measure", "over", "within"), ("scale", "pooled")),
    "ordering": (("measure", "arms"), ("margin",)),
    "equivalence": (("measure", "compare|arms|value", "margin"), ()),
    "monotone": (("measure", "over", "direction"), ("margin", "correlation")),
    "crossing": (("measure", "over", "within"), ("level", "compare|from")),
    "flip": (("measure", "compare", "between"), ("margin",)),
}
"""Kind -> keys it needs and keys it takes; `a|b` is one of them."""


def check(claim: Mapping[str, Any], fields: Collection[str] | None = None) -> None:
    """Refuse a claim that could not be judged.

    Args:
        claim: as in an experiment file.
        fields: dotted names of the configuration that a claim may use; None checks no names.

    Raises:
        ValueError: what is wrong, what is accepted, and the nearest name.
    """
    kind = claim.get("kind", "difference")
    one_of("kind", kind, KINDS)
    _keys(claim, kind)
    measure(claim["measure"], fields)
    for key in CHECKS:
        if key in claim:
            CHECKS[key](claim[key], claim, fields)
    _margin(claim, kind)
    if claim.get("pooled") and "recovered" in claim:
        raise ValueError("pooled belongs to compare; a share recovered is one of means already")
    for name in [name for key in ("compare", "where") for name in claim.get(key, {})]:
        axis(name, fields, also=("at", "measure") if name in claim.get("compare", {}) else ())
    if both := [name for name in claim.get("where", {}) if name in claim.get("compare", {})]:
        raise ValueError(f"{both[0]!r} stands in compare and in where; keep one")


def _keys(claim: Mapping[str, Any], kind: str) -> None:
    needs, takes = KINDS[kind]
    own = [key for group in (*needs, *takes) for key in group.split("|")]
    accepted = [key for key in dict.fromkeys((*COMMON[:1], *own, *COMMON))]
    for key in claim:
        if key not in accepted:
            told = "a claim" if "kind" not in claim else f"a claim of the kind {kind}"
            raise ValueError(f"unknown key {key!r} in {told}{nearest(key, accepted)}; accepted: {', '.join(accepted)}")
    missing = [g.replace("|", " or ") for g in ("says", *needs) if not any(k in claim for k in g.split("|"))]
    if missing:
        given = ", ".join(claim) or "nothing"
        hint = "" if "kind" in claim else "; without a kind it is a difference"
        raise ValueError(f"a claim needs {', '.join(missing)}; given: {given}{hint}")
    for group in (*needs, *takes):
        both = [key for key in group.split("|") if key in claim]
        if len(both) > 1:
            raise ValueError(f"{' and '.join(both)} exclude each other in a claim of the kind {kind}; keep one")


def _margin(claim: Mapping[str, Any], kind: str) -> None:
    margin = claim.get("margin", 0.0)
    if not number(margin):
        raise ValueError(f"margin takes a number in the unit of the measure (0.01: one point of error); got {margin!r}")
    if kind == "difference" and claim["direction"] == "equal" and margin <= 0:
        raise ValueError(f"direction equal needs a margin above 0, a difference that does not matter; got {margin}")
    if kind == "equivalence" and margin <= 0:
        raise ValueError(f"equivalence needs a margin above 0, a difference that does not matter; got {margin}")
    if kind in ("monotone", "flip") and margin < 0:
        raise ValueError(f"{kind} takes a margin of at least 0; got {margin}")


def _direction(value: Any, claim: Mapping[str, Any], fields: Collection[str] | None) -> None:
    one_of("direction", value, ("rising", "falling") if claim.get("kind") == "monotone" else DIRECTIONS)


def _arms(value: Any, claim: Mapping[str, Any], fields: Collection[str] | None) -> None:
    settings("arms", value, fields, least=2)


def _recovered(value: Any, claim: Mapping[str, Any], fields: Collection[str] | None) -> None:
    settings("recovered", value, fields, least=3, most=3)


def _between(value: Any, claim: Mapping[str, Any], fields: Collection[str] | None) -> None:
    form = "between takes two settings, each with where or at, as in [{at: {epochs: 5}}, {at: {updates: 2000}}]"
    if not isinstance(value, list | tuple) or len(value) != 2 or value[0] == value[1]:
        raise ValueError(f"{form}; got {value!r}")
    for setting in value:
        if not isinstance(setting, Mapping) or not setting or set(setting) - {"where", "at"}:
            raise ValueError(f"{form}; got {setting!r}")
        fields_of("where", setting.get("where", {}), fields)
        lengths(setting.get("at"))


def _within(value: Any, claim: Mapping[str, Any], fields: Collection[str] | None) -> None:
    kind = claim.get("kind")
    interval("within", value, positive=kind == "crossing" or (kind == "ratio" and "compare" in claim))


def _number_of(key: str, low: float = -float("inf"), high: float = float("inf")) -> Checker:
    def check_one(value: Any, claim: Mapping[str, Any], fields: Collection[str] | None) -> None:
        if not number(value) or not low <= value <= high:
            told = "" if low == -float("inf") else f" from {low:g} to {high:g}"
            raise ValueError(f"{key} takes a number{told}; got {value!r}")

    return check_one


def _flag(key: str) -> Checker:
    def check_one(value: Any, claim: Mapping[str, Any], fields: Collection[str] | None) -> None:
        if not isinstance(value, bool):
            raise ValueError(f"{key} takes true or false; got {value!r}")

    return check_one


def _from(value: Any, claim: Mapping[str, Any], fields: Collection[str] | None) -> None:
    if not number(value) and value != "full":
        raise ValueError(f"from takes the value of {claim['over']!r} that the others are compared with; got {value!r}")


CHECKS: dict[str, Callable[[Any, Mapping[str, Any], Collection[str] | None], None]] = {
    "direction": _direction,
    "compare": lambda value, claim, fields: sides(value, fields),
    "value": _number_of("value"),
    "within": _within,
    "recovered": _recovered,
    "over": lambda value, claim, fields: axis(value, fields, values=True),
    "scale": lambda value, claim, fields: one_of("scale", value, ("log", "linear")),
    "arms": _arms,
    "correlation": _number_of("correlation", 0, 1),
    "level": _number_of("level"),
    "from": _from,
    "between": _between,
    "where": lambda value, claim, fields: fields_of("where", value, fields),
    "at": lambda value, claim, fields: lengths(value, several=True),
    "tuned": lambda value, claim, fields: tuning(value, fields),
    "exact": _flag("exact"),
    "pooled": _flag("pooled"),
}
