"""The story of a pack: plan, advance, evaluate, record, checkpoint."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import jax

from largebatch import checkpoint as checkpoints
from largebatch import continuing, records
from largebatch.analytic import compute
from largebatch.config import RunConfig, pack_key
from largebatch.extent import evaluation_points_of, looks_of
from largebatch.history import History
from largebatch.keep import Keeper
from largebatch.live import LiveRows, row_of
from largebatch.losses import uninformed_loss
from largebatch.models import custom
from largebatch.pack import Pack, Stretch
from largebatch.probes.visits import Visits
from largebatch.provenance import name_of, provenance
from largebatch.records import Record
from largebatch.storage import Folder
from largebatch.weights import files as weight_files

CHECKPOINT_SECONDS = 60.0


class Stopped(Exception):
    """Training was asked to stop; a checkpoint holds what was done."""


def train(config: RunConfig, *, experiment: str = "untitled", runs: Folder | None = None) -> Record:
    """Train one configuration and return its record, also written under `runs` if given.

    Raises:
        DataError: the data set cannot be found or read.
    """
    return train_pack([config], width=config.execution.pack_width or 1, experiment=experiment, runs=runs)[0]


def train_pack(
    configs: Sequence[RunConfig],
    *,
    width: int,
    experiment: str = "untitled",
    runs: Folder | None = None,
    observe: Callable[[int], None] | None = None,
    checkpoint: Folder | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    stop: Callable[[], bool] | None = None,
) -> list[Record]:
    """Train runs side by side and return their records in the same order.

    Args:
        configs: runs that share `pack_key`; at most `width` of them.
        width: rows of the compiled program.
        experiment: name that the records carry.
        runs: folder in which each record is written as its run ends.
        observe: called now and then with the examples processed since the last call.
        checkpoint: file from which an interrupted pack goes on, and to which it is saved.
        checkpoint_seconds: between two saves.
        stop: asked after each stretch; where it says yes the pack is saved and `Stopped` raised.

    Raises:
        ValueError: the configurations do not fit into one pack.
        Stopped: `stop` said yes.
    """
    if len(keys := {pack_key(config) for config in configs}) != 1 or len(configs) > width:
        raise ValueError(f"{len(configs)} runs with {len(keys)} pack keys do not fit one pack of width {width}")
    if not configs[0].dataset.sampled:
        return compute(configs, experiment=experiment, runs=runs, observe=observe)
    with jax.enable_x64(configs[0].precision == "float64"):
        session = _Session(configs, width, checkpoint, checkpoint_seconds, runs)
        session.show([LiveRows(runs, experiment, config) for config in configs])
        for point, planned in _course(configs[0]):
            if point <= session.resumed:
                continue
            stretch = session.advance(point, observe)
            wanted = [row.watch(*seen) for row, seen in session.live(stretch)]
            if planned or any(wanted):
                session.measure(stretch)
            if not session.alive:
                break
            session.save(now=(told := stop is not None and stop()))
            if told:
                raise Stopped(f"at update {session.pack.update}; saved in {checkpoint}")
        return session.close(experiment, runs)


def _course(config: RunConfig) -> Iterator[tuple[int, bool]]:
    """Yield the updates at which the host looks at a pack, and whether a full evaluation is planned there."""
    planned = {int(update) for update in evaluation_points_of(config)}
    yield from ((update, update in planned) for update in sorted(planned | looks_of(config)))


class _Session:
    """A pack, the histories of its rows, and the clock."""

    def __init__(
        self, configs: Sequence[RunConfig], width: int, checkpoint: Folder | None, every: float, runs: Folder | None
    ) -> None:
        begun = time.perf_counter()
        self.states = runs.parent / "states" if runs else None
        self.pack = Pack(configs, width=width, states=self.states)
        source = self.pack.source
        floor = uninformed_loss(configs[0].loss, source.train_y, source.classes)
        self.rows = [History(config, floor) for config in configs]
        self.pack.warm_up()
        self.setup_seconds = time.perf_counter() - begun
        self.elapsed = {"training": 0.0, "evaluation": 0.0}
        self.visits, self.keeper = Visits(self.pack, self.rows), Keeper(self.pack, self.rows)
        self.checkpoint, self.every, self.saved = checkpoint, every, time.perf_counter()
        self.resumed = -1
        if elapsed := self._seconds_before(runs):
            self.elapsed, self.resumed = elapsed, self.pack.update

    def _seconds_before(self, runs: Folder | None) -> dict[str, float] | None:
        """Go on from a checkpoint, or where shorter runs ended, and return the seconds spent before; None from new."""
        if self.checkpoint and (elapsed := checkpoints.restore(self.checkpoint, self.pack, self.rows)):
            return elapsed
        return continuing.begin(self.states, runs, self.pack, self.rows) if runs and self.states else None

    def show(self, live: Sequence[LiveRows]) -> None:
        """Let those who watch see the rows, those that a checkpoint brought included."""
        self.live_rows = live
        for row, shown in zip(self.rows, live, strict=True):
            shown.begin([row_of(*pair) for pair in zip(row.history, row.timing, strict=True)])

    @property
    def alive(self) -> bool:
        return any(row.status is None for row in self.rows)

    def live(self, stretch: Stretch) -> Iterator[tuple[History, tuple[float, float, float]]]:
        for i, row in enumerate(self.rows):
            if row.status is None:
                yield row, (float(stretch.loss_sum[i]), float(stretch.count[i]), float(stretch.nonfinite[i]))

    def advance(self, point: int, observe: Callable[[int], None] | None) -> Stretch:
        begun, before = time.perf_counter(), self.pack.update
        stretch = self.pack.advance(point)
        self.elapsed["training"] += time.perf_counter() - begun
        if observe:
            alive = sum(row.status is None for row in self.rows)
            observe(int(self._examples(point) - self._examples(before)) * alive)
        return stretch

    def _examples(self, update: int) -> int:
        return int(self.pack.extent.examples_after(update))

    def measure(self, stretch: Stretch) -> None:
        begun = time.perf_counter()
        measured = self.pack.evaluate()
        self.elapsed["evaluation"] += time.perf_counter() - begun
        update, examples = self.pack.update, self._examples(self.pack.update)
        rates = self.pack.rates(max(0, update - 1), 1)[:, 0]
        clock = {
            "update": update,
            "seconds": sum(self.elapsed.values()),
            "training_seconds": self.elapsed["training"],
            "evaluation_seconds": self.elapsed["evaluation"],
        }
        alive = [row for row in self.rows if row.status is None]
        for i, row in enumerate(self.rows):
            if row.status is None:
                place = {
                    "update": update,
                    "epoch": self.pack.extent.epoch_after(update),
                    "examples": examples,
                    "learning_rate": float(rates[i]),
                    "gradient_norm": float(stretch.gradient_norm[i]),
                }
                row.measure({name: value[i] for name, value in measured.items()}, place, clock)
                self.live_rows[i].add(row_of(row.history[-1], row.timing[-1]))
                if row.status is not None:
                    self.pack.streams.end(i, update)
        self.visits.visit(alive)
        self.keeper.visit(alive)

    def save(self, *, now: bool = False) -> None:
        if self.checkpoint and (now or time.perf_counter() - self.saved >= self.every):
            checkpoints.save(self.checkpoint, self.pack, self.rows, self.elapsed)
            self.saved = time.perf_counter()

    def close(self, experiment: str, runs: Folder | None) -> list[Record]:
        summary = {
            "setup_seconds": self.setup_seconds,
            "pack_width": len(self.pack.rows),
            "train_size": self.pack.extent.size,
            "resumed_at": None if self.resumed < 0 else self.resumed,
        }
        if self.pack.source.minimum is not None and self.pack.config.l2 is None:
            summary["minimum_loss"] = self.pack.source.minimum
        source = {"data": {"name": self.pack.source.name, "checksum": self.pack.source.checksum}}
        code = {"code": custom.origin(model.path)} if (model := self.pack.config.model).name == "custom" else {}
        device = jax.local_devices()[0]
        origin = {**provenance(), **source, **code, "device": name_of(device)}
        done = []
        if self.states:
            continuing.keep(self.states, self.pack, self.rows, self.elapsed)
        for i, (row, past) in enumerate(zip(self.rows, self.pack.lineage, strict=False)):
            row.end()
            audit = self.pack.audit(i)
            own = {**summary, **past.summary(), **audit.summary()}
            record = row.record(experiment=experiment, summary=own, provenance=origin)
            done.append(replace(record, files=audit.files() | weight_files(row.weights)))
            if runs:
                records.write(done[-1], runs)
                self.live_rows[i].end()
        if self.checkpoint:
            self.checkpoint.unlink(missing_ok=True)
        return done
