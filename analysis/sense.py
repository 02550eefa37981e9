"""Whether the parts of a claim make sense: measures, axes, sides, lengths, intervals."""

import difflib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from analysis.vocabulary import DERIVED, GOALS, LENGTHS, MEASURES, REDUCTIONS

SELECTED_BY = ("validation_error", "validation_loss", "train_loss", "updates_to_target")
"""What a searched axis may be selected by; the last two are for problems without a validation set."""
Fields = Collection[str] | None
Checker = Callable[[Any, Mapping[str, Any], Fields], None]


def one_of(key: str, value: Any, accepted: Collection[str]) -> None:
    """Refuse a name that is not among those accepted."""
    if not isinstance(value, str) or value not in accepted:
        raise ValueError(f"unknown {key} {value!r}{nearest(str(value), accepted)}; accepted: {', '.join(accepted)}")


def nearest(name: str, accepted: Collection[str]) -> str:
    """Return ` (did you mean x?)`, or nothing where no name is near."""
    close = difflib.get_close_matches(str(name), accepted, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def number(value: Any) -> bool:
    """Return whether a value is a finite number, true and false not among them."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def measure(value: Any, fields: Fields) -> None:
    """Refuse what is neither a measure nor a reduction of one."""
    if not isinstance(value, Mapping):
        _named(value)
        return
    named = [key for key in value if key in REDUCTIONS]
    if len(named) != 1:
        other = next((key for key in value if key not in REDUCTIONS), "")
        raise ValueError(
            f"a measure is reduced by one word, as in {{critical_batch: update}}; got {dict(value)!r}"
            f"{nearest(other, REDUCTIONS)}; accepted: {', '.join(REDUCTIONS)}"
        )
    (name,) = named
    reduction = REDUCTIONS[name]
    if reduction.along == "axis" and name != "best" and isinstance(value[name], Mapping) and "best" in value[name]:
        measure(value[name], fields)  # what is fitted along one axis may be the best on another
    else:
        _named(value[name])
    accepted = (*reduction.needs, *reduction.takes)
    for key in value:
        if key != name and key not in accepted:
            raise ValueError(f"unknown key {key!r} beside {name!r}{nearest(key, accepted)}; accepted: {accepted}")
    missing = [key for key in reduction.needs if key not in value]
    if missing:
        raise ValueError(f"the reduction {name!r} needs {', '.join(missing)} ({reduction.meaning})")
    if name == "best" and value[name] not in GOALS:
        raise ValueError(f"best takes a goal that is reached, not a measure of generalization, which is tuned on "
                         f"validation; got {value[name]!r}; accepted: {', '.join(GOALS)}")  # fmt: skip
    for one in value["over"] if name == "best" and isinstance(value["over"], list) else [value.get("over")]:
        if one is not None:
            axis(one, fields)
    if "within" in value and not (number(value["within"]) and value["within"] > 0):
        raise ValueError(f"within takes a difference above 0 beside {name!r}; got {value['within']!r}")


def _named(value: Any) -> None:
    """Refuse what is neither a measure nor written like the number of a probe, `<title>/<number>`."""
    if not (isinstance(value, str) and "/" in value):
        one_of("measure", value, MEASURES)


def axis(value: Any, fields: Fields, *, values: bool = False, also: Sequence[str] = ()) -> None:
    """Refuse a name that no run has; with `values`, also `{name: [values]}` is accepted."""
    name = value
    if values and isinstance(value, Mapping):
        listed = next(iter(value.values()), None)
        if len(value) != 1 or not isinstance(listed, list | tuple) or len(set(map(str, listed))) < 2:
            raise ValueError(f"over takes an axis, or two of its values and more, as in {{batch_size: [16, 64]}}; "
                             f"got {dict(value)!r}")  # fmt: skip
        (name,) = value
    if not isinstance(name, str):
        raise ValueError(f"over takes the name of an axis, as in batch_size; got {name!r}")
    if fields is not None and name not in fields and name not in (*DERIVED, *also):
        raise ValueError(f"{name!r} is no field of a run{nearest(name, [*fields, *DERIVED])}")


def fields_of(key: str, value: Any, fields: Fields) -> None:
    """Refuse what does not narrow runs to values of fields."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{key} takes field: value, as in {{scaling_rule: linear}}; got {value!r}")
    for name in value:
        axis(name, fields)


def sides(value: Any, fields: Fields) -> None:
    """Refuse a comparison that has no two sides."""
    form = "compare takes a field and two values, as in {batch_size: [full, 32]}"
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"{form}; got {value!r}")
    for name, pair in value.items():
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise ValueError(f"{form}; got {pair!r} for {name!r}")
    if all(a == b for a, b in value.values()):
        raise ValueError(f"{form}; got the same on both sides: {dict(value)!r}")
    for at in value.get("at", ()):
        lengths(at)
    for one in value.get("measure", ()):
        measure(one, fields)


def settings(key: str, value: Any, fields: Fields, *, least: int, most: int | None = None) -> None:
    """Refuse what is no list of arms, each a mapping of field to value."""
    count = f"{least}" if most == least else f"{least} or more"
    form = f"{key} takes {count} arms, each field: value, as in [{{scaling_rule: linear}}, {{scaling_rule: sqrt}}]"
    if not isinstance(value, list | tuple) or len(value) < least or len(value) > (most or len(value)):
        raise ValueError(f"{form}; got {value!r}")
    for i, arm in enumerate(value):
        if not isinstance(arm, Mapping) or not arm:
            raise ValueError(f"{form}; got {arm!r}")
        if arm in value[:i]:
            raise ValueError(f"{form}; got the same arm twice: {dict(arm)!r}")
        fields_of(key, arm, fields)


def lengths(value: Any, *, several: bool = False) -> None:
    """Refuse what is no place to read a run at; null is its end."""
    if value is None:
        return
    if several and isinstance(value, list) and value:
        for at in value:
            lengths(at)
        return
    if not isinstance(value, Mapping) or len(value) != 1 or not all(number(v) and v > 0 for v in value.values()):
        raise ValueError(f"at takes one length with a number above 0, as in {{train_loss: 0.05}}; got {value!r}")
    one_of("at", next(iter(value)), LENGTHS)


def interval(key: str, value: Any, *, positive: bool) -> None:
    """Refuse what is no interval; null leaves one of its ends open."""
    form = f"{key} takes two numbers in order, null for an open end, as in [0.95, 1.05] or [10, null]"
    good = isinstance(value, list | tuple) and len(value) == 2 and any(v is not None for v in value)
    if not good or not all(v is None or number(v) for v in value):
        raise ValueError(f"{form}; got {value!r}")
    low, high = value
    if None not in (low, high) and not low < high:
        raise ValueError(f"{form}; got {value!r}")
    if positive and any(v is not None and v <= 0 for v in value):
        raise ValueError(f"{form}, here above 0; got {value!r}")


def tuning(value: Any, fields: Fields) -> None:
    """Refuse a tuning that does not select on validation."""
    over = value.get("over") if isinstance(value, Mapping) else value
    if isinstance(value, Mapping):
        for key in value:
            one_of("key of tuned", key, ("over", "by"))
        one_of("tuned by", value.get("by", "validation_error"), SELECTED_BY)
    names = over if isinstance(over, list) else [over]
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError(f"tuned takes a searched axis or several, as in learning_rate; got {value!r}")
    for name in names:
        axis(name, fields)
