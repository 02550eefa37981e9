"""A finished experiment with longer budgets or other probes: what goes on from where, what does not, and why.

No jax here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set

from largebatch import records
from largebatch.config import RunConfig, digest
from largebatch.extent import total_updates
from largebatch.longer import Kept, kept, kin, obstacle, start
from largebatch.records import RecordError
from largebatch.storage import Folder, each
from sweeps.packing import DEFAULT_CPU_WIDTH, Job, pack
from sweeps.stages import Stage

UNKEPT = "kept no state; with execution: {keep_state: true} longer budgets go on from there"
"""Why a run does not go on where another ended that it might have gone on from."""


def starts(folder: Folder, configs: Sequence[RunConfig]) -> dict[str, Kept]:
    """Return the runs that go on where a shorter one ended: digest -> the state they begin at.

    A run that is done is among them, so that packs are cut alike before and after.
    """
    runs, states = folder / "runs", folder / "states"
    kinds: dict[str, list[Kept]] = {}
    for state in kept(states):
        kinds.setdefault(state.file.name.partition("-")[0], []).append(state)
    found = dict[str, Kept]()
    for config in configs if kinds else ():
        others = [state for state in kinds.get(kin(config), ()) if state.digest != digest(config)]
        if source := start(config, runs, states, among=others)[0]:
            found[digest(config)] = source
    return found


def cut(
    stages: Sequence[Stage], folder: Folder, widths: Mapping[str, int] | int = DEFAULT_CPU_WIDTH
) -> list[tuple[Stage, Job]]:
    """Return the packs of a sweep, those that are done included, each with its stage.

    They are cut by stage, so that what a pack holds does not depend on what later stages add; and by the
    update at which runs begin, for a pack advances as one.
    """
    begun = starts(folder, [config for stage in stages for config in stage.runs])
    found = []
    for stage in stages:
        groups: dict[int, list[RunConfig]] = {}
        for config in stage.runs:
            source = begun.get(digest(config))
            groups.setdefault(source.update if source else 0, []).append(config)
        found += [(stage, job) for update in sorted(groups) for job in pack(groups[update], widths)]
    return found


def related(folder: Folder, configs: Sequence[RunConfig], foreign: Sequence[str]) -> dict[str, list[RunConfig]]:
    """Return the records of other runs that differ from some run in length, evaluations and probes alone, by kin.

    Args:
        folder: the experiment's results.
        configs: its runs.
        foreign: digests of the records that belong to none of them.
    """
    wanted = {kin(config) for config in configs}
    found: dict[str, list[RunConfig]] = {}
    for config in filter(None, each(_config_of, [folder / "runs" / name for name in foreign])):
        if (kind := kin(config)) in wanted:
            found.setdefault(kind, []).append(config)
    return found


def _config_of(run: Folder) -> RunConfig | None:
    """Return a record's run; None where it is torn, or of another version: no kin of anything."""
    try:
        return RunConfig.model_validate(records.read_summary(run).config)
    except (RecordError, ValueError):
        return None


def lines(folder: Folder, configs: Sequence[RunConfig], done: Set[str], foreign: Sequence[str]) -> Iterator[str]:
    """Yield what a person should know of runs whose relatives are finished: who goes on from where, and who does not.

    Args:
        folder: the experiment's results.
        configs: its runs.
        done: those of them that have a record.
        foreign: records that belong to none of them.
    """
    left = [config for config in configs if digest(config) not in done]
    begun = starts(folder, left)
    for update, count in sorted(Counter(source.update for source in begun.values()).items()):
        yield f"{count:,} runs go on where shorter ones ended, after {update:,} updates"
    others = related(folder, left, foreign) if left and foreign else {}
    anew = [config for config in left if digest(config) not in begun] if others else []
    why = Counter(_reason(folder, config, finished) for config in anew if (finished := others.get(kin(config))))
    for reason, count in why.items():
        yield f"{count:,} runs are trained from the start, though relatives of theirs are finished: {reason}"


def _reason(folder: Folder, config: RunConfig, finished: Sequence[RunConfig]) -> str:
    longest = max(finished, key=total_updates)
    if longest.probes != config.probes and total_updates(longest) == total_updates(config):
        return "their probes are part of a run; to measure weights that were kept: largebatch probe"
    said = obstacle(longest, config) or start(config, folder / "runs", folder / "states")[1]
    return said or f"that one {UNKEPT}"
