"""What an experiment will take, before anything is trained: runs, packs, programs, updates, examples, time."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from experiments.landscape_costs import Surveying, surveying
from experiments.landscapes import Wanted
from largebatch.config import RunConfig, digest, program_key
from largebatch.expense import probe_gradients
from largebatch.extent import due, total_examples, total_updates
from largebatch.records import Record, read_summary
from largebatch.storage import Folder
from sweeps.calibration import COMPILE_SECONDS
from sweeps.cancelling import left_in
from sweeps.choice import Choice, shaped
from sweeps.ledger import Ledger
from sweeps.packing import SECONDS_AN_EXAMPLE, SECONDS_AN_UPDATE, Job, cost_of, pack, size_of, without
from sweeps.stages import Expansion

SAMPLE = 500
"""Most records that are read for their speed."""


@dataclass(frozen=True)
class Row:
    """The runs of one batch size; updates and examples are those of one run, least and most."""

    batch_size: int
    runs: int
    done: int
    packs: int
    updates: tuple[int, int]
    examples: tuple[int, int]


@dataclass(frozen=True)
class Computed:
    """The programs that are computed in one way, for one reason."""

    batch_sizes: tuple[int, ...]
    programs: int
    choice: Choice


@dataclass(frozen=True)
class Worst:
    """What a search may take at most, where every extension is needed; all that is known by now is part of it."""

    known: str
    """The last stage that is known."""
    stages: int
    runs: int
    updates: int
    examples: int
    seconds: float
    """Still to come."""


@dataclass(frozen=True)
class Probing:
    """One probe of the runs that have it; measurements are those of one run, least and most."""

    title: str
    runs: int
    measurements: tuple[int, int]
    gradients: float
    """Of single examples, a measurement."""
    share: float
    """Of a run's time; the mean over the runs."""
    measured: int
    """Finished runs that the share was measured in; 0 where it is an estimate from the gradients."""


@dataclass(frozen=True)
class Plan:
    """The extent of a sweep; packs, programs and seconds are of what is still to run."""

    runs: int
    done: int
    packs: int
    programs: int
    compilations: int
    rows: tuple[Row, ...]
    updates: int
    examples: int
    workers: int
    seconds: float
    basis: str
    """Where the seconds come from."""
    computed: tuple[Computed, ...]
    """How wide packs are and why."""
    probes: tuple[Probing, ...]
    capped: bool
    """Some runs stop at a target before their budget is spent, so that everything is an upper bound."""
    cancelled: int = 0
    surveying: Surveying | None = None
    """The landscapes that are left; None where there are none."""
    worst: Worst | None = None
    """Where something is searched; everything above is then of the stages that are known by now."""


def plan(
    configs: Sequence[RunConfig],
    *,
    folder: Folder,
    ledger: Ledger,
    workers: int,
    programs: Mapping[str, Choice],
    expansion: Expansion | None = None,
    landscapes: Sequence[Wanted] = (),
) -> Plan:
    """Return what a sweep over `configs` still takes.

    Args:
        configs: every run.
        folder: the experiment's results, which need not exist; the speed of finished runs there is used.
        ledger: which runs those are.
        workers: jobs at a time.
        programs: program key -> how it is computed.
        expansion: the stages that `configs` come from, where something is searched.
        landscapes: of those runs.
    """
    every = pack(shaped(configs, programs))
    jobs = left_in(without(every, ledger.done.keys()), set(ledger.cancelled), folder)
    needed = {job.program for job in jobs}
    compilations = sum(min(workers, sum(job.program == program for job in jobs)) for program in needed)
    seconds, basis, pace = _estimate(every, jobs, compilations, folder, ledger, workers)
    found = Plan(
        runs=len(configs),
        done=len(ledger.done),
        packs=len(jobs),
        programs=len(needed),
        compilations=compilations,
        rows=tuple(_row(batch, configs, jobs, ledger) for batch in sorted({c.batch_size for c in configs})),
        updates=sum(map(total_updates, configs)),
        examples=sum(map(total_examples, configs)),
        workers=workers,
        seconds=seconds,
        basis=basis,
        computed=_computed(configs, programs),
        probes=_probes(configs, folder, ledger),
        capped=any(config.budget.until for config in configs),
    )
    found = replace(found, cancelled=len(ledger.cancelled))
    if landscapes and (more := surveying(landscapes, folder)).points:
        found = replace(found, surveying=more, seconds=seconds + more.seconds * pace / workers)
    return replace(found, worst=_worst(found, pace, expansion)) if expansion and expansion.cells else found


def _worst(plan: Plan, pace: float, expansion: Expansion) -> Worst:
    """Return what a search may take at most; a run costs what the runs of its cell cost that are known."""
    extra = [(cell.sample, cell.most - sum(len(each.runs) for each in cell.rounds)) for cell in expansion.cells]
    more = sum(cost_of(run) * size_of(run) * count for run, count in extra)
    return Worst(
        known=str(expansion.stages[-1]),
        stages=expansion.stages[-1].most,
        runs=plan.runs + sum(count for _, count in extra),
        updates=plan.updates + sum(total_updates(run) * count for run, count in extra),
        examples=plan.examples + sum(total_examples(run) * count for run, count in extra),
        seconds=plan.seconds + more * pace / plan.workers,
    )


def _computed(configs: Sequence[RunConfig], programs: Mapping[str, Choice]) -> tuple[Computed, ...]:
    """Return the programs, those that are computed alike together, by smallest batch size."""
    alike: dict[tuple[int, str, str], dict[str, int]] = {}
    for config in configs:
        key = program_key(config)
        choice = programs[key]
        alike.setdefault((choice.width, choice.convolution, choice.why), {})[key] = config.batch_size
    found = [Computed(tuple(sorted(set(g.values()))), len(g), programs[next(iter(g))]) for g in alike.values()]
    return tuple(sorted(found, key=lambda each: each.batch_sizes))


def _probes(configs: Sequence[RunConfig], folder: Folder, ledger: Ledger) -> tuple[Probing, ...]:
    """Return what the probes take, as finished runs measured it or else by their gradients."""
    if not any(config.probes for config in configs):
        return ()
    records = _records(folder, ledger).values()
    found = []
    for title in dict.fromkeys(probe.title for config in configs for probe in config.probes):
        taken = [(c, probe_gradients(c)[title]) for c in configs if any(p.title == title for p in c.probes)]
        counts = [len(due(c, next(p for p in c.probes if p.title == title))) for c, _ in taken]
        shares = [share for r in records if (share := r.summary.get(f"probe_share.{title}")) is not None]
        estimates = [total * SECONDS_AN_EXAMPLE / cost_of(config) for config, total in taken]
        once = statistics.mean(total / count for (_, total), count in zip(taken, counts, strict=True))
        share = statistics.mean(shares or estimates)
        found.append(Probing(title, len(taken), (min(counts), max(counts)), once, share, len(shares)))
    return tuple(found)


def _row(batch: int, configs: Sequence[RunConfig], jobs: Sequence[Job], ledger: Ledger) -> Row:
    members = [config for config in configs if config.batch_size == batch]
    updates, examples = [total_updates(c) for c in members], [total_examples(c) for c in members]
    return Row(
        batch_size=batch,
        runs=len(members),
        done=sum(digest(config) in ledger.done for config in members),
        packs=sum(job.configs[0].batch_size == batch for job in jobs),
        updates=(min(updates), max(updates)),
        examples=(min(examples), max(examples)),
    )


def _estimate(
    every: Sequence[Job], jobs: Sequence[Job], compilations: int, folder: Folder, ledger: Ledger, workers: int
) -> tuple[float, str, float]:
    """Return seconds for `jobs`, what they rest on, and the usual seconds a unit of cost.

    A job's cost (see `sweeps.packing.cost_of`) is corrected by what finished runs of its
    program took over what was expected of them; by all of them, where its program has none.
    """
    found = _records(folder, ledger)
    pace: dict[str, list[float]] = {}
    for job in every:
        for config, run in zip(job.configs, job.digests, strict=True):
            if run in found and (took := _slowness(config, found[run])) is not None:
                pace.setdefault(job.program, []).append(took)
    measured = [ratio for ratios in pace.values() for ratio in ratios]
    usual = statistics.median(measured) if measured else 1.0
    busy = sum(job.cost * size_of(job.configs[0]) * statistics.median(pace.get(job.program, [usual])) for job in jobs)
    starts = [float(seconds) for r in found.values() if (seconds := r.summary.get("setup_seconds")) is not None]
    setup = compilations * (statistics.median(starts) if starts else COMPILE_SECONDS)
    if measured:
        basis = f"from the speed of {len(measured)} finished runs here"
    else:
        basis = (
            f"from rough constants: {SECONDS_AN_UPDATE * 1e6:g} µs an update and {SECONDS_AN_EXAMPLE * 1e6:g} µs an "
            f"example on one CPU core for layers of 128, wider ones in proportion, {COMPILE_SECONDS:g} s a compilation"
        )
    return (busy + setup) / max(1, min(workers, len(jobs))), basis, usual


def _records(folder: Folder, ledger: Ledger) -> dict[str, Record]:
    step = -(-len(ledger.done) // SAMPLE) or 1
    return {run: read_summary(folder / "runs" / run) for run in list(ledger.done)[::step]}


def _slowness(config: RunConfig, record: Record) -> float | None:
    """Return the seconds that a row took over those that its updates were expected to take."""
    seconds, width, updates = (record.summary.get(name) for name in ("seconds", "pack_width", "update"))
    expected = cost_of(config) * size_of(config) * (updates or 0) / total_updates(config)
    if not (seconds and width and expected):
        return None
    probing = sum(value or 0 for name, value in record.summary.items() if name.startswith("probe_seconds."))
    return float((seconds / width + probing) / expected)
