"""`largebatch retry`."""

from experiments.commands.options import (
    DEFAULT_RESULTS,
    Json,
    Name,
    Results,
    Scale,
    Set,
    SomeRuns,
    console,
    emit,
    place,
)


def retry(
    experiment: Name,
    run: SomeRuns = None,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    as_json: Json = False,
) -> None:
    """Forget that runs failed or were cancelled, so that they count as missing again."""
    at = place(experiment, settings, scale, results)
    from experiments.place import say
    from experiments.selection import matching
    from largebatch.config import digest
    from sweeps.cancelling import allow
    from sweeps.ledger import Ledger, forget_failure

    ledger = Ledger.read(at.folder, at.experiment.configs)
    meant = [digest(config) for config in (matching(at.experiment.configs, run) if run else at.experiment.configs)]
    forgotten = [each for each in meant if each in ledger.failed]
    allowed = [each for each in meant if each in ledger.cancelled]
    for each in (*forgotten, *allowed):
        forget_failure(at.folder, each)  # one that was cancelled may have failed before
        allow(at.folder, each)
    if as_json:
        emit({"forgotten": forgotten, "taken_back": allowed})
        return
    runs = f"{len(forgotten)} failed run{'s' * (len(forgotten) != 1)} forgotten"
    left = len(ledger.failed) - len(forgotten)
    back = f"{len(allowed)} cancelled run{'s' * (len(allowed) != 1)} taken back in; " if allowed else ""
    say(console(), f"{runs}, {left} left; {back}to train what is missing: {at.command('run')}")
