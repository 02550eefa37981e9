"""What a claim may say: its keys, measures and directions. Cheap to import, for reading an experiment needs it."""

import difflib
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from largebatch.records import HISTORY

KEYS = ("says", "measure", "compare", "direction", "margin", "where", "at")
DIRECTIONS = ("greater", "less", "equal")
LENGTHS = ("train_loss", "epochs", "updates", "examples")
MEASURES = tuple(c.name for c in HISTORY if c.name not in ("learning_rate", "memorized"))
"""Columns of the history that a claim may be about; of each, more is worse, so a run that diverged ranks worst."""


def check(claim: Mapping[str, Any], fields: Collection[str] | None = None) -> None:
    """Refuse a claim that could not be judged.

    Args:
        claim: as in an experiment file.
        fields: dotted names of the configuration that `compare` and `where` may use; None checks no names.

    Raises:
        ValueError: what is wrong, what is accepted, and the nearest name.
    """
    for key in claim:
        if key not in KEYS:
            raise ValueError(f"unknown key {key!r} in a claim{_nearest(key, KEYS)}; accepted: {', '.join(KEYS)}")
    missing = [key for key in KEYS[:4] if key not in claim]
    if missing:
        raise ValueError(f"a claim needs {', '.join(missing)}; given: {', '.join(claim) or 'nothing'}")
    _one_of("measure", claim["measure"], MEASURES)
    _one_of("direction", claim["direction"], DIRECTIONS)
    _check_compare(claim["compare"])
    _check_margin(claim)
    where = claim.get("where", {})
    if not isinstance(where, Mapping):
        raise ValueError(f"where takes field: value, as in {{scaling_rule: linear}}; got {where!r}")
    for name in (*claim["compare"], *where):
        if fields is not None and name not in fields:
            raise ValueError(f"{name!r} is no field of a run{_nearest(name, fields)}")
    if both := [name for name in where if name in claim["compare"]]:
        raise ValueError(f"{both[0]!r} stands in compare and in where; keep one")
    _check_at(claim.get("at"))


def _one_of(key: str, value: Any, accepted: Collection[str]) -> None:
    if value not in accepted:
        raise ValueError(f"unknown {key} {value!r}{_nearest(str(value), accepted)}; accepted: {', '.join(accepted)}")


def _nearest(name: str, accepted: Collection[str]) -> str:
    close = difflib.get_close_matches(str(name), accepted, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _check_compare(compare: Any) -> None:
    form = "compare takes a field and two values, as in {batch_size: [full, 32]}"
    if not isinstance(compare, Mapping) or not compare:
        raise ValueError(f"{form}; got {compare!r}")
    for name, values in compare.items():
        if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != 2:
            raise ValueError(f"{form}; got {values!r} for {name!r}")
    if all(a == b for a, b in compare.values()):
        raise ValueError(f"{form}; got the same on both sides: {dict(compare)!r}")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_margin(claim: Mapping[str, Any]) -> None:
    margin = claim.get("margin", 0.0)
    if not _number(margin):
        raise ValueError(f"margin takes a number in the unit of the measure (0.01: one point of error); got {margin!r}")
    if claim["direction"] == "equal" and margin <= 0:
        raise ValueError(f"direction equal needs a margin above 0, a difference that does not matter; got {margin}")


def _check_at(at: Any) -> None:
    if at is None:
        return
    if not isinstance(at, Mapping) or len(at) != 1 or not all(_number(v) and v > 0 for v in at.values()):
        raise ValueError(f"at takes one length with a number above 0, as in {{train_loss: 0.05}}; got {at!r}")
    _one_of("at", next(iter(at)), LENGTHS)
