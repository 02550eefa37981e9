"""The remedies of a run in two halves: what is compiled in, and the numbers that differ by row. No jax here."""

from dataclasses import dataclass
from typing import Any

from largebatch.config import Duration, Kind, RunConfig, Strict, leaves
from largebatch.extent import extent_of, total_updates

NAMES = ("label_smoothing", "sam", "gradient_penalty", "injected_noise", "averaging", "local")


@dataclass(frozen=True)
class Remedies:
    """The remedies of one program, None where there is none; their numbers are blank.

    Attributes:
        smoothing: whether labels are smoothed.
        sam: `Sam` options.
        penalty: `GradientPenalty` options.
        noise: options of one kind of injected noise.
        averaging: `Ema` or `Swa` options.
        local: `Local` options.
    """

    smoothing: bool = False
    sam: Any = None
    penalty: Any = None
    noise: Any = None
    averaging: Any = None
    local: Any = None

    @property
    def in_state(self) -> "Remedies":
        """Those that shape what a run carries along; the initial state depends on no other."""
        return Remedies(averaging=self.averaging, local=self.local)


NONE = Remedies()


def remedies_of(config: RunConfig, batch: int) -> Remedies:
    """Return what is compiled in for batches of a size; groups of at least the whole batch are the whole batch."""
    return Remedies(
        smoothing=config.label_smoothing is not None,
        sam=_blank(config.sam, batch=batch),
        penalty=_blank(config.gradient_penalty, batch=batch),
        noise=_blank(config.injected_noise),
        averaging=_blank(config.averaging),
        local=_blank(config.local),
    )


def _blank(options: Strict | None, batch: int | None = None) -> Any:
    """Return options with every number replaced, so that the programs of rows do not differ by them."""
    if options is None:
        return None
    changes: dict[str, Any] = {}
    for name, info in type(options).model_fields.items():
        value = getattr(options, name)
        if Kind.NUMBER in info.metadata and value is not None:
            changes[name] = None if isinstance(value, Duration) else 0
    m = getattr(options, "m", None)
    if batch is not None and m is not None and m >= batch:
        changes["m"] = None
    return options.model_copy(update=changes)


def group_of(config: RunConfig, batch: int) -> int | None:
    """Return how many examples of a batch share one ascent; None where there is none, or where all of them do."""
    chosen = remedies_of(config, batch)
    return getattr(chosen.sam or chosen.penalty, "m", None)


def remedy_numbers(config: RunConfig) -> dict[str, float | int]:
    """Return the coefficients of a run's remedies by dotted path; durations become whole updates, int.

    An average of half-life h updates decays by 2^(-1/h) an update.
    """
    numbers: dict[str, float | int] = {}
    for name in NAMES:
        value = getattr(config, name)
        if isinstance(value, Strict):
            for path, kind, number in leaves(value, Kind.PROGRAM, f"{name}."):
                # A duration's leaf has two more names than one.
                if kind is Kind.NUMBER and number is not None and path.count(".") == 1:
                    numbers[path] = float(number)
        elif value is not None:
            numbers[name] = float(value)
    if (averaging := config.averaging) is not None:
        if averaging.kind == "ema":
            numbers["averaging.decay"] = 2 ** (-1 / _length(averaging.half_life, config))
        else:
            numbers |= {f"averaging.{name}": _updates(getattr(averaging, name), config) for name in ("start", "every")}
    if config.local is not None:
        numbers["local.start"] = 0 if config.local.start is None else _updates(config.local.start, config)
    return numbers


def _updates(duration: Duration, config: RunConfig) -> int:
    return extent_of(config).updates_in(duration)


def _length(duration: Duration, config: RunConfig) -> float:
    """Return a duration in updates, not rounded to whole ones."""
    unit = {
        "updates": 1.0,
        "examples": 1 / config.batch_size,
        "epochs": float(config.updates_per_epoch),
        "fraction": float(total_updates(config)),
    }
    return duration.value * unit[duration.unit]
