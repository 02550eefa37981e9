"""`largebatch show`."""

from experiments.commands.options import DEFAULT_RESULTS, Json, Name, Results, Run, Scale, Set, console, emit, place


def show(
    experiment: Name,
    run: Run,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    as_json: Json = False,
) -> None:
    """Show one run: its configuration, curves, end, provenance, and why it failed if it did."""
    at = place(experiment, settings, scale, results)
    from experiments.run_page import document, show_run, shown
    from experiments.selection import chosen

    found = shown(at, chosen(at.experiment.configs, run))
    if as_json:
        emit(document(found))
    else:
        show_run(at, found, console())
