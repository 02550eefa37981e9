"""Which width and which form of convolution each program of a sweep gets, and why. No jax here.

What was typed comes first, then what the experiment declares, then what is recorded with it (bits depend on the
width), then what was measured, then the default.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from largebatch.config import RunConfig, program_key
from largebatch.extent import evaluation_points_of, total_updates
from sweeps import SweepError, calibration
from sweeps.calibration import FORMS, Measure, Speed, Trial
from sweeps.group import Group
from sweeps.packing import DEFAULT_CPU_WIDTH, convolutional
from sweeps.where import Where

GUESSED_GPU_WIDTH = 32
"""Rows of a pack on a GPU where nothing was measured: small networks leave most of a GPU idle."""
PREFERENCE = 1.05
"""What another candidate must be faster by to be taken in place of the default: less is noise."""


@dataclass(frozen=True)
class Choice:
    """How one program is computed."""

    width: int
    """Rows of a pack."""
    convolution: str
    """Form of the convolutions, as `execution.convolution` names it."""
    reason: str
    """Why, in words."""
    rates: Mapping[str, float | None] = field(default_factory=dict)
    """Candidate -> updates of one run a second; None where it is not possible."""
    max_device_batch: int | None = None
    """Examples a device takes at once, where memory ran out."""
    recorded: bool = False
    """Whether it comes from the experiment's folder."""
    warning: str | None = None
    """What contradicts what is recorded."""

    @property
    def why(self) -> str:
        """The reason, and whether it is an earlier one."""
        return f"recorded with the experiment: {self.reason}" if self.recorded else self.reason


def choose(
    configs: Sequence[RunConfig],
    *,
    left: Sequence[RunConfig],
    where: Where,
    workers: int,
    recorded: Mapping[str, Choice],
    pack: int | None = None,
    measure: Measure | None = None,
    always: bool = False,
) -> dict[str, Choice]:
    """Return program key -> choice for every program of a sweep.

    Args:
        configs: every run.
        left: those of them that are not done.
        where: what computes.
        workers: jobs at a time.
        recorded: what the experiment's folder says, by program key.
        pack: width that was typed; it overrides everything.
        measure: measures candidates where that repays; None measures nothing and uses what is known.
        always: measure whatever it repays.

    Raises:
        SweepError: a native convolution in a pack of more than one on a CPU.
    """
    groups: dict[str, list[RunConfig]] = {}
    for config in configs:
        groups.setdefault(program_key(config), []).append(config)
    found = {key: _fixed(members[0], recorded.get(key), pack, where) for key, members in groups.items()}
    ids = {id(config) for config in left}
    free = {
        key: Group(members, [config for config in members if id(config) in ids], workers, len(left))
        for key, members in groups.items()
        if found[key] is None
    }
    if measure:
        _measure(list(free.values()), where, measure, always=always)
    return {key: choice or _picked(free[key], where) for key, choice in found.items()}


def shaped(configs: Sequence[RunConfig], choices: Mapping[str, Choice]) -> list[RunConfig]:
    """Return the runs with their program's choice in `execution`; their digests stay."""
    found = []
    for config in configs:
        choice = choices[program_key(config)]
        how: dict[str, int | str] = {"pack_width": choice.width, "convolution": choice.convolution}
        if choice.max_device_batch:
            how["max_device_batch"] = choice.max_device_batch
        found.append(config.model_copy(update={"execution": config.execution.model_copy(update=how)}))
    return found


def _fixed(config: RunConfig, recorded: Choice | None, pack: int | None, where: Where) -> Choice | None:
    """Return what was typed, declared or recorded; None where the choice is free."""
    declared = config.execution.pack_width
    width = pack or declared
    if recorded and width in (None, recorded.width):
        return replace(recorded, convolution=_able(config, recorded.convolution, recorded.width, where), recorded=True)
    if width is None:
        return None
    reason = f"--pack {pack}" if pack else f"execution.pack_width: {declared}"
    form = _able(config, recorded.convolution if recorded else _form(config, where), width, where)
    if recorded is None:
        return Choice(width, form, reason)
    warning = (
        f"{reason} contradicts the width recorded with the experiment, {recorded.width}: finished runs stay, and are "
        "equal to float tolerance, not to the bit"
    )
    return Choice(width, form, reason, max_device_batch=recorded.max_device_batch, warning=warning)


def _able(config: RunConfig, form: str, width: int, where: Where) -> str:
    """Return a form that works at a width: vmap makes of a native convolution what a CPU does not finish."""
    if where.device == "gpu" or width == 1 or not convolutional(config):
        return form
    if config.execution.convolution == "native":
        raise SweepError(
            f"execution.convolution: native in packs of {width} does not end on a CPU; use packs of 1, as in --pack 1, "
            "or matmul, or auto"
        )
    return "matmul"


def _form(config: RunConfig, where: Where) -> str:
    said = config.execution.convolution
    return FORMS[where.device][0] if said == "auto" and convolutional(config) else said


def _measure(groups: Sequence[Group], where: Where, measure: Measure, *, always: bool) -> None:
    """Measure the candidates that are worth it and not known, all in one go, and keep what was found."""
    asked: list[tuple[Group, Trial]] = []
    for group in groups:
        candidates, unknown = _open(group, where)
        worth = always or calibration.repays(unknown, group.seconds)
        if unknown and len(candidates) > 1 and worth:
            asked += [(group, trial) for trial in unknown]
    speeds = measure([trial for _, trial in asked]) if asked else []
    found: dict[int, dict[str, Speed]] = {}
    for (group, trial), speed in zip(asked, speeds, strict=True):
        found.setdefault(id(group), {})[trial.name] = speed
    for group in groups:
        measured = found.get(id(group), {})
        if any(speed.rate for speed in measured.values()):  # none at all is a broken worker, not a finding
            calibration.keep(group.config, where, measured)


def _open(group: Group, where: Where) -> tuple[list[Trial], list[Trial]]:
    """Return a group's candidates, and those of them that nobody has measured."""
    candidates = calibration.trials(group.config, where.device, group.most)
    known = calibration.read(group.config, where)
    return candidates, [trial for trial in candidates if trial.name not in known]


def _picked(group: Group, where: Where) -> Choice:
    """Return the fastest candidate of those that were measured, or the default and why nothing was."""
    candidates = calibration.trials(group.config, where.device, group.most)
    known = calibration.read(group.config, where)
    rates = {trial.name: known[trial.name].rate for trial in candidates if trial.name in known}
    possible = {trial.name: trial for trial in candidates if rates.get(trial.name)}  # not every run can be hashed
    if not possible:
        return _default(group, where, candidates)
    sizes, updates, points = group.sizes, total_updates(group.config), len(evaluation_points_of(group.config))

    def seconds(trial: Trial) -> float:
        rows = sum(math.ceil(size / trial.width) * trial.width for size in sizes)  # dead rows cost what live ones do
        return rows * (updates / (rates[trial.name] or math.nan) + points * (known[trial.name].evaluation or 0.0))

    best, usual = min(possible.values(), key=seconds), candidates[0]
    if usual.name in possible and seconds(usual) < PREFERENCE * seconds(best):
        best = usual
    told = ", ".join(f"{name}: {_told(known[name])}" for name in rates)
    reason = f"measured, updates of one run a second by {_axes(group.config)}: {told}"
    execution = best.config.execution
    return Choice(best.width, execution.convolution, reason, rates, execution.max_device_batch)


def _told(speed: Speed) -> str:
    if not speed.rate:
        return "not possible"
    evaluation = "" if speed.evaluation is None else f" ({speed.evaluation:.2g} s an evaluation)"
    return f"{speed.rate:,.0f}{evaluation}"


def _axes(config: RunConfig) -> str:
    return "width and form" if convolutional(config) else "width"


def _default(group: Group, where: Where, candidates: Sequence[Trial]) -> Choice:
    width, guess = DEFAULT_CPU_WIDTH, ""
    if where.device == "gpu":
        width, guess = min(GUESSED_GPU_WIDTH, group.shared), "a guess; "
    if group.shared == len(candidates) == 1:
        why = "no run shares its pack"
    elif len(candidates) > 1 and calibration.repays(candidates, group.seconds):
        why = f"not measured yet: `largebatch run` does so first, in about {calibration.price(candidates):.0f} s"
    else:
        why = "too little left to repay a measurement"
    return Choice(width, _form(group.config, where), f"default; {guess}{why}")
