"""`largebatch logs`."""

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


def logs(
    experiment: Name,
    run: SomeRuns = None,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    as_json: Json = False,
) -> None:
    """Print what workers wrote, and tracebacks of failures: of one run, or which there are."""
    at = place(experiment, settings, scale, results)
    from experiments.kept_logs import document, gathered, show_logs

    found = gathered(at, run)
    if as_json:
        emit(document(found))
    else:
        show_logs(at, found, console())
