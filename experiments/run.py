"""The story of `largebatch run`: check, describe, sweep, mirror, report, and say what to type next."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Thread

from rich.console import Console

from analysis.report import import_report
from experiments.place import Place, say
from experiments.programs import FILE, KEY, choices, narrowed, written
from largebatch.config import RunConfig, digest, program_key
from largebatch.records import write_file
from largebatch.tracking import Mode, Tracker
from sweeps.calibration import Speed, Trial, price
from sweeps.choice import Choice, shaped
from sweeps.engine import Engine
from sweeps.events import Event, Failed
from sweeps.ledger import Ledger
from sweeps.packing import Job
from sweeps.progress import Progress, duration
from sweeps.sweep import Outcome, sweep

TRACKING_SECONDS = 60.0
"""How long the mirror in Weights & Biases may go on after the last run."""
INTERRUPTED_SECONDS = 1.0
"""The same where the sweep was stopped."""


class _Described(Progress):
    """Writes `experiment.json` once the sweep has claimed the folder, and again where memory ran out."""

    def __init__(self, place: Place, programs: dict[str, Choice]) -> None:
        super().__init__()
        self._place, self._programs = place, programs
        self._keys = {digest(config): program_key(config) for config in place.experiment.configs}

    def begin(self, configs: Sequence[RunConfig], ledger: Ledger, jobs: Sequence[Job]) -> None:
        """Describe the experiment, then show it."""
        describe(self._place, self._programs)
        super().begin(configs, ledger, jobs)

    def tell(self, event: Event) -> None:
        """Keep how a program is computed from now on, so that a sweep that is resumed does not run into it again."""
        if isinstance(event, Failed) and (instead := event.instead):
            key = self._keys[event.job.digests[0]]
            width = instead.pack_width or 1
            self._programs[key] = narrowed(self._programs[key], width, instead.max_device_batch)
            describe(self._place, self._programs)
        super().tell(event)


class _Mirror:
    """Starts the tracker with the first record, so that a folder that is refused is left alone."""

    def __init__(self, start: Callable[[], Tracker]) -> None:
        self._start = start
        self._tracker: Tracker | None = None

    def start(self) -> Tracker:
        self._tracker = self._tracker or self._start()
        return self._tracker

    def add(self, record: Path) -> None:
        self.start().add(record)

    def close(self, seconds: float) -> str | None:
        return self._tracker.close(seconds).warning if self._tracker else None


def run(place: Place, *, engine: Engine, width: int | None, project: str, wandb: Mode, console: Console) -> int:
    """Train what is missing, mirror it, write the report, and return the exit code.

    Args:
        place: the experiment and where its results go.
        engine: where jobs run.
        width: rows of a pack; None takes what is recorded, measured or the default.
        project: of Weights & Biases.
        wandb: its mode.
        console: where the last lines go.

    Raises:
        DataError: a data set is missing or damaged; nothing was touched.
        SweepError: the folder cannot be used; nothing was touched.
    """
    configs = place.experiment.configs
    done = Ledger.read(place.folder, configs).done
    check_data([config for config in configs if digest(config) not in done])
    programs = choices(
        configs, folder=place.folder, done=done.keys(), where=engine.where, workers=engine.workers, pack=width,
        measure=lambda trials: _measured(trials, engine, console),
    )  # fmt: skip
    for contradiction in sorted({choice.warning for choice in programs.values() if choice.warning}):
        say(console, f"warning: {contradiction}")
    # Ray's start is mostly waiting: what draws the report is imported meanwhile.
    Thread(target=import_report, daemon=True).start()
    name, home = place.experiment.name, place.folder / "wandb"
    mirror = _Mirror(lambda: Tracker(project=project, experiment=name, mode=wandb, directory=home))
    try:
        outcome = sweep(
            shaped(configs, programs),
            experiment=name,
            folder=place.folder,
            engine=engine,
            progress=_Described(place, programs),
            on_record=mirror.add,
        )
    except BaseException:
        mirror.close(INTERRUPTED_SECONDS)  # what is not mirrored yet comes with the next run
        raise
    mirror.start()  # what an earlier sweep could not mirror is sent now, though nothing was trained
    if warning := mirror.close(TRACKING_SECONDS):
        say(console, f"warning: {warning}")
    if place.experiment.landscapes and outcome.done:
        from experiments.surveying import survey  # it tells a person what this story does

        survey(place, engine=engine, console=console)
    return conclude(place, outcome, console)


def _measured(trials: Sequence[Trial], engine: Engine, console: Console) -> Sequence[Speed]:
    about = duration(price(trials) / min(engine.workers, len(trials)))
    say(console, f"measuring {len(trials)} ways to compute these runs, which takes about {about} and is kept")
    return engine.measure(trials)


def check_data(configs: Sequence[RunConfig]) -> None:
    """Load each data set once, so that a missing or damaged one is told before anything starts.

    Raises:
        DataError: which, and what to do.
    """
    from largebatch.datasets import load

    sampled = [config for config in configs if config.dataset.sampled]
    for options, seed in {config.dataset: config.seed.data for config in sampled}.items():
        load(options, seed=seed)


def describe(place: Place, programs: Mapping[str, Choice]) -> None:
    """Write `experiment.json`: the question, the runs that are expected, and how they were asked for."""
    experiment = place.experiment
    document = {
        "name": experiment.name,
        "question": experiment.question,
        "paper": experiment.paper,
        "base": experiment.base,
        "axes": experiment.axes,
        "zip": experiment.groups,
        "seeds": experiment.seeds,
        "figures": experiment.figures,
        "claims": experiment.claims,
        "landscapes": [{"seed": each.seed, **each.options.model_dump(mode="json")} for each in experiment.landscapes],
        "published": experiment.published,
        "deviations": experiment.deviations,
        "history": experiment.history,
        "overrides": experiment.overrides,
        "command": place.command("run"),
        KEY: written(programs, place.folder),
        "digests": [digest(config) for config in experiment.configs],
        "source": experiment.source,
    }
    write_file(place.folder / FILE, json.dumps(document, indent=1).encode())


def conclude(place: Place, outcome: Outcome, console: Console) -> int:
    """Write the report, print where it is and what to type next, and return 0 if every run has a record."""
    recorded = outcome.done + outcome.diverged
    total = recorded + outcome.failed + outcome.missing
    ended = [f"{outcome.diverged} diverged"] if outcome.diverged else []
    ended += [f"{outcome.failed} failed"] if outcome.failed else []
    say(console, ", ".join([f"{recorded} of {total} runs have records", *ended, duration(outcome.seconds)]))
    if recorded:
        say(console, f"report: {report(place)}")
    if outcome.complete:
        say(console, f"again, or after a change of the file: {place.command('run')} (finished runs are kept)")
        return 0
    say(console, f"why runs failed: {place.command('status')}; to try them again: {place.command('run')}")
    return 1


def report(place: Place) -> Path:
    """Make the figures and the report from the records, and return the report's file."""
    from analysis.report import write_report

    experiment = place.experiment
    return write_report(
        place.folder, figures=experiment.figures, question=experiment.question, claims=experiment.claims
    )
