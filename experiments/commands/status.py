"""`largebatch status`."""

from typing import Annotated

import typer

from experiments.commands.options import DEFAULT_RESULTS, Json, Name, Results, Scale, Set, console, emit, place

Watch = Annotated[bool, typer.Option("--watch", help="Follow it until every run has ended, or until Ctrl-C.")]
Verify = Annotated[
    bool, typer.Option("--verify", help="Read every record and compare it with its checksums; exit code 1 if torn.")
]


def status(
    experiment: Name,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    watch: Watch = False,
    verify: Verify = False,
    as_json: Json = False,
) -> None:
    """Say which runs are done, diverged, failed or missing, why, and how to go on."""
    at = place(experiment, settings, scale, results, torn=verify)
    if verify:
        from experiments.integrity import plain, show_findings
        from sweeps.verify import verify as verified

        found = verified(at.folder, at.experiment.configs)
        if as_json:
            emit(plain(found))
        else:
            show_findings(at, found, console())
        raise typer.Exit(0 if found.sound else 1)
    from experiments.show import show_status, status_of
    from experiments.watching import follow
    from sweeps.ledger import Ledger

    if watch:
        follow(at, console(), tell=emit if as_json else None)
        at = at.grown()  # a search has gone on meanwhile
    ledger = Ledger.read(at.folder, at.experiment.configs)
    if as_json:
        emit(status_of(at, ledger))
    else:
        show_status(at, ledger, console())
