"""`largebatch retry`."""

from experiments.commands.options import DEFAULT_RESULTS, Name, Results, Scale, Set, SomeRuns, console, place


def retry(
    experiment: Name,
    run: SomeRuns = None,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
) -> None:
    """Forget that runs failed, so that they count as missing again."""
    at = place(experiment, settings, scale, results)
    from experiments.place import say
    from experiments.selection import matching
    from largebatch.config import digest
    from sweeps.ledger import Ledger, forget_failure

    failed = Ledger.read(at.folder, at.experiment.configs).failed
    meant = [digest(config) for config in (matching(at.experiment.configs, run) if run else at.experiment.configs)]
    forgotten = [each for each in meant if each in failed]
    for each in forgotten:
        forget_failure(at.folder, each)
    runs = f"{len(forgotten)} failed run{'s' * (len(forgotten) != 1)}"
    left = len(failed) - len(forgotten)
    say(console(), f"{runs} forgotten, {left} left; to train what is missing: {at.command('run')}")
