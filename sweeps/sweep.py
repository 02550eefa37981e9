"""The story of a sweep: ledger, packs, engine, events, outcome."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType

from largebatch.config import RunConfig, digest
from largebatch.storage import Folder
from sweeps import Interrupted, SweepError
from sweeps.cancelling import left_in
from sweeps.claim import claimed
from sweeps.engine import Engine
from sweeps.events import Event, Failed, Finished
from sweeps.extending import cut
from sweeps.ledger import Failure, Ledger, forget_failure, write_failure
from sweeps.packing import DEFAULT_CPU_WIDTH, Job, without
from sweeps.progress import Progress
from sweeps.stages import Stage

OnRecord = Callable[[Folder], None]
Stages = Callable[[], Sequence[Stage]]
"""Returns all stages that are known from the records so far; see `sweeps.stages.expand`."""


@dataclass(frozen=True)
class Outcome:
    """How many runs ended in which way; all but the seconds add up to the sweep."""

    done: int
    diverged: int
    failed: int
    missing: int
    seconds: float
    """Wall clock of this call."""
    cancelled: int = 0

    @property
    def complete(self) -> bool:
        """Whether every run has a record, those aside that somebody has cancelled."""
        return not self.failed and not self.missing


def sweep(
    asked: Sequence[RunConfig] | Stages,
    *,
    experiment: str,
    folder: Folder,
    engine: Engine,
    progress: Progress | None = None,
    on_record: OnRecord | None = None,
    retries: int = 2,
    width: Mapping[str, int] | int = DEFAULT_CPU_WIDTH,
) -> Outcome:
    """Train what is missing or failed, and nothing else.

    Args:
        asked: every run of the sweep, without duplicates; or what returns those that are known by now, stage after
            stage: it is asked again until it adds none.
        experiment: name that the records carry.
        folder: the experiment's folder of results; records lie under `runs` in it.
        engine: where jobs run.
        progress: what a person sees.
        on_record: called with the folder of each record: first those that stand, then each as it comes.
        retries: how often a failed job is tried again before its runs are tried alone.
        width: rows of a pack, one number or program key -> number.

    Raises:
        SweepError: the folder cannot be written, is in use by another sweep, or holds only other records; or no
            worker could be had. Finished runs are kept as they are.
    """
    begun = time.monotonic()
    known = asked if callable(asked) else lambda: [Stage.of(asked)]
    with claimed(folder) as held, _interrupts() as interrupted:
        over = set[str]()  # runs that have had their turn in this call, whatever became of them

        def tell(event: Event) -> None:
            _keep(event, folder, on_record)
            if progress:
                progress.tell(event)
            if not held():
                raise SweepError(f"another sweep took over {folder} while this one slept; finished runs are kept")
            if interrupted():
                raise Interrupted

        turn = _turn(known(), folder, width, over)
        while turn.new:
            if on_record:
                for run in turn.ledger.done:
                    if run not in over:
                        on_record(folder / "runs" / run)
            over |= turn.new
            if progress:
                progress.begin(turn.configs, turn.ledger, turn.jobs, stage=turn.stage)
            try:
                engine.run(turn.jobs, experiment=experiment, folder=folder, on_event=tell, retries=retries)
            finally:
                if progress:
                    progress.end()
            turn = _turn(known(), folder, width, over)
        counts = turn.ledger.counts()
    ended = {state: counts[state] for state in ("done", "diverged", "failed", "missing", "cancelled")}
    return Outcome(**ended, seconds=time.monotonic() - begun)


@dataclass(frozen=True)
class _Turn:
    """What is known and left at one moment of a sweep."""

    configs: list[RunConfig]
    ledger: Ledger
    jobs: list[Job]
    stage: Stage
    """The first that has something to train, or else the last."""
    new: set[str]
    """Digests of runs that have not had their turn in this call."""


def _turn(stages: Sequence[Stage], folder: Folder, width: Mapping[str, int] | int, over: set[str]) -> _Turn:
    """Return what is to be trained now; what has had its turn and failed waits for the next call."""
    configs = [run for stage in stages for run in stage.runs]
    ledger = Ledger.read(folder, configs)
    new, ended = {digest(config) for config in configs} - over, ledger.done.keys() | over
    packs = cut(stages, folder, width) if new else []  # at the end nothing is to be cut
    gone = set(ledger.cancelled)
    jobs = [(stage, left) for stage, job in packs for left in left_in(without([job], ended), gone, folder)]
    return _Turn(configs, ledger, [job for _, job in jobs], jobs[0][0] if jobs else stages[-1], new)


def _keep(event: Event, folder: Folder, on_record: OnRecord | None) -> None:
    """Write down what an event means for later sweeps."""
    try:
        match event:
            case Finished(_, statuses):
                for run in statuses:
                    forget_failure(folder, run)
            case Failed(_, error) if error.no_room:
                raise SweepError(
                    f"{folder} is full ({error}); make room, then run the sweep again: finished runs are kept"
                )
            case Failed(job, error, attempt, final=True):
                when = datetime.now(UTC).isoformat(timespec="seconds")
                for run in job.digests:
                    write_failure(folder, Failure(run, attempt, str(error), error.traceback, when))
    except OSError as error:
        raise SweepError(f"{folder} can no longer be written ({error}); make room, then run the sweep again") from error
    if on_record and isinstance(event, Finished):
        for run in event.statuses:
            on_record(folder / "runs" / run)


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Yield whether Ctrl-C was pressed; pressed again, it interrupts at once.

    The first time it only counts: an exception raised while jax calls back from C++ is
    swallowed, or ends the process.
    """
    pressed = False
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def press(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
