"""The story of `largebatch run`: check, describe, sweep, mirror, report, and say what to type next."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Thread

from rich.console import Console

from analysis.report import import_report
from experiments.description import Described, describe
from experiments.place import Place, say
from experiments.programs import choices
from experiments.tuning import lines
from experiments.versions import checked_versions, data_key
from largebatch.config import RunConfig, digest
from largebatch.storage import Folder, local_twin
from largebatch.tracking import Mode, Tracker
from sweeps.board import duration
from sweeps.calibration import Speed, Trial, price
from sweeps.engine import Engine
from sweeps.extending import lines as taken_over
from sweeps.ledger import Ledger
from sweeps.placement import spread
from sweeps.sweep import Outcome, sweep
from sweeps.version import notice

TRACKING_SECONDS = 60.0
"""How long the mirror in Weights & Biases may go on after the last run."""
INTERRUPTED_SECONDS = 1.0
"""The same where the sweep was stopped."""


class _Mirror:
    """Starts the tracker once the sweep has claimed the folder, so that one that is refused is left alone."""

    def __init__(self, start: Callable[[], Tracker]) -> None:
        self._start = start
        self._tracker: Tracker | None = None

    def start(self) -> Tracker:
        self._tracker = self._tracker or self._start()
        return self._tracker

    def add(self, folder: Folder) -> None:
        self.start().add(folder)

    def close(self, seconds: float) -> str | None:
        return self._tracker.close(seconds).warning if self._tracker else None


@dataclass(frozen=True)
class Wishes:
    """What a person may ask of a sweep besides the experiment."""

    width: int | None = None
    """Rows of a pack; None takes what is recorded, measured or the default."""
    gpus: float | None = None
    """GPUs a job takes; above 1, runs that can share their batch do so."""
    retries: int = 2
    """How often a failed job is tried again."""
    accept_version: bool = False
    """Whether runs of another version of the code, or on other data, may be mixed with those that come."""


def run(place: Place, *, engine: Engine, wishes: Wishes, project: str, wandb: Mode, console: Console) -> int:
    """Train what is missing, mirror it, write the report, and return the exit code.

    Args:
        place: the experiment and where its results go.
        engine: where jobs run.
        wishes: how the sweep is to be made.
        project: of Weights & Biases.
        wandb: its mode.
        console: where the last lines go.

    Raises:
        DataError: a data set is missing or damaged; nothing was touched.
        SweepError: the folder cannot be used, or holds runs of another version; nothing was touched.
    """
    configs = spread(place.experiment.configs, wishes.gpus)
    ledger = Ledger.read(place.folder, configs)
    done = ledger.done
    for line in taken_over(place.folder, configs, done.keys(), ledger.foreign):
        say(console, line)
    found = check_data([config for config in configs if digest(config) not in done])
    accepted = checked_versions(place.folder, ledger, configs, found, accept=wishes.accept_version)
    for line in notice(ledger.origins):
        say(console, f"note: {line}")
    programs = choices(
        configs, folder=place.folder, done=done.keys(), where=engine.where, workers=engine.workers, pack=wishes.width,
        measure=lambda trials: _measured(trials, engine, console),
    )  # fmt: skip
    for contradiction in sorted({choice.warning for choice in programs.values() if choice.warning}):
        say(console, f"warning: {contradiction}")
    # Ray's start is mostly waiting: what draws the report is imported meanwhile.
    Thread(target=import_report, daemon=True).start()
    name, home = place.experiment.name, local_twin(place.folder) / "wandb"
    again = place.command("run" if wandb == "offline" else "sync")
    mirror = _Mirror(lambda: Tracker(project, name, wandb, home, again=again))
    described = Described(place, programs, accepted, wishes.gpus, mirror.start)
    try:
        outcome = sweep(
            described.stages,
            experiment=name,
            folder=place.folder,
            engine=engine,
            progress=described,
            on_record=mirror.add,
            retries=wishes.retries,
        )
    except BaseException:
        mirror.close(INTERRUPTED_SECONDS)  # what is not mirrored yet comes with the next run
        raise
    place = place.grown()
    if place.experiment.search:
        describe(place, programs, accepted)  # what the last stage selected
    if place.experiment.landscapes and outcome.done:
        from experiments.surveying import survey  # it tells a person what this story does

        survey(place, engine=engine, console=console)
    page = _reported(place, engine) if outcome.done + outcome.diverged else None
    if page is not None:
        mirror.add(page.parent)
    if warning := mirror.close(TRACKING_SECONDS):
        say(console, f"warning: {warning}")
    return conclude(place, outcome, page, console)


def _reported(place: Place, engine: Engine) -> Folder:
    """Write the report while the engine stops, which is mostly waiting; what goes wrong with either is raised."""
    with ThreadPoolExecutor(1) as aside:
        stopped = aside.submit(engine.close)
        try:
            return report(place)
        finally:
            stopped.result()


def _measured(trials: Sequence[Trial], engine: Engine, console: Console) -> Sequence[Speed]:
    about = duration(price(trials) / min(engine.workers, len(trials)))
    say(console, f"measuring {len(trials)} ways to compute these runs, which takes about {about} and is kept")
    return engine.measure(trials)


def check_data(configs: Sequence[RunConfig]) -> dict[str, str]:
    """Load each data set once, so that a missing or damaged one is told before anything starts.

    Returns the checksum of each, by `data_key`.

    Raises:
        DataError: which, and what to do.
    """
    from largebatch.datasets import load

    sampled = [config for config in configs if config.dataset.sampled]
    chosen = {config.dataset: config for config in sampled}
    return {data_key(c): load(c.dataset, seed=c.seed.data).checksum for c in chosen.values()}


def conclude(place: Place, outcome: Outcome, page: Folder | None, console: Console) -> int:
    """Print where the report is and what to type next, and return 0 if every run has a record."""
    recorded = outcome.done + outcome.diverged
    total = recorded + outcome.failed + outcome.missing + outcome.cancelled
    ended = [f"{outcome.diverged} diverged"] if outcome.diverged else []
    ended += [f"{outcome.failed} failed"] if outcome.failed else []
    ended += [f"{outcome.cancelled} cancelled"] if outcome.cancelled else []
    say(console, ", ".join([f"{recorded} of {total} runs have records", *ended, duration(outcome.seconds)]))
    if place.experiment.search:
        ledger = Ledger.read(place.folder, place.experiment.configs)
        for line in lines(place.experiment, ledger.done.keys(), ledger.failed.keys()):
            say(console, line)
    if page is not None:
        say(console, f"report: {page}")
    if outcome.complete:
        say(console, f"again, or after a change of the file: {place.command('run')} (finished runs are kept)")
        return 0
    say(console, f"why runs failed: {place.command('status')}; to try them again: {place.command('run')}")
    return 1


def report(place: Place, size: str | None = None) -> Folder:
    """Make the figures and the report from the records, and return the report's file.

    Args:
        place: of the experiment.
        size: of figures for a paper that are drawn besides.

    Raises:
        ResultsError: nothing was trained yet.
    """
    from analysis.load import ResultsError
    from analysis.report import write_report

    experiment = place.experiment
    if not (place.folder / "runs").is_dir():
        raise ResultsError(f"{place.folder} holds no runs; to train some: {place.command('run')}")
    return write_report(
        place.folder,
        figures=experiment.figures,
        question=experiment.question,
        claims=experiment.claims,
        published=experiment.published,
        deviations=experiment.deviations,
        history=experiment.history,
        size=size,
    )
