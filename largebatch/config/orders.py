"""What may be said about the order of examples, and where an order cannot be exact."""

from typing import TYPE_CHECKING, Any, Literal

from largebatch.config.base import PositiveInt, Strict
from largebatch.config.models import Norm

if TYPE_CHECKING:
    from largebatch.config.run import RunConfig

OrderName = Literal[
    "with_replacement", "reshuffle", "shuffle_once", "sequential",
    "flip_flop", "fresh_subset", "sorted_by_class", "grab",
]  # fmt: skip


class Grab(Strict):
    """Options of the order `grab` (Lu et al. 2022)."""

    unit: PositiveInt = 1
    """Consecutive examples that are balanced, and move, together; it divides the batch size and N."""


def with_grab(grab: Any, order: Any) -> Any:
    """Return the options of `grab` as given, or its defaults where they were left out."""
    return {} if grab is None and order == "grab" else grab


def check_order(config: "RunConfig") -> None:
    """Refuse an order that could not be exact.

    Raises:
        ValueError: says what clashes and what to change.
    """
    if config.order != "grab" and config.grab is not None:
        raise ValueError(f"grab: {{...}} are options of order grab, but order is {config.order}; remove one of the two")
    if config.grab is not None:
        _check_course(config)
        _check_units(config, config.grab.unit)
        _check_gradients(config, config.grab.unit)


def _check_course(config: "RunConfig") -> None:
    if config.fork is not None and config.fork.keep == "all":
        raise ValueError("order grab begins with a permutation of its own; fork with keep: parameters")


def _check_units(config: "RunConfig", unit: int) -> None:
    n, batch, limit = config.dataset.train_size, config.batch_size, config.execution.max_device_batch
    if batch % unit or n % unit:
        raise ValueError(
            f"a unit of grab never straddles two updates or epochs, but {unit} does not divide batch_size {batch} "
            f"and train_size {n}; change one of them, or use unit: 1"
        )
    if limit and limit < unit:
        raise ValueError(f"a unit of {unit} does not fit max_device_batch {limit}; raise it, or use a smaller unit")
    if config.partial == "drop" and n % batch:
        raise ValueError(
            f"order grab with partial: drop would never see the last {n % batch} of {n} examples, so they would stay "
            "last for ever; use keep or mean"
        )


def _check_gradients(config: "RunConfig", unit: int) -> None:
    norm: Norm = getattr(config.model, "norm", Norm())
    if norm.scope == "batch":
        raise ValueError(
            "order grab balances the gradients of single units, which norm scope batch ties together; "
            "use ghost, layer, group or none"
        )
    if norm.scope == "ghost" and norm.size and unit % norm.size:
        raise ValueError(
            f"a unit of {unit} cuts ghost groups of {norm.size}, so it has no gradient of its own; "
            f"use a unit that is a multiple of {norm.size}, as in grab: {{unit: {norm.size}}}"
        )
