"""`largebatch status`."""

from typing import Annotated

import typer

from experiments.commands.options import DEFAULT_RESULTS, Name, Results, Scale, Set, console, place

Verify = Annotated[
    bool, typer.Option("--verify", help="Read every record and compare it with its checksums; exit code 1 if torn.")
]


def status(
    experiment: Name,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    verify: Verify = False,
) -> None:
    """Say which runs are done, diverged, failed or missing, why, and how to go on."""
    at = place(experiment, settings, scale, results)
    if verify:
        from experiments.integrity import show_findings
        from sweeps.verify import verify as verified

        found = verified(at.folder, at.experiment.configs)
        show_findings(at, found, console())
        raise typer.Exit(0 if found.sound else 1)
    from experiments.show import show_status
    from sweeps.ledger import Ledger

    show_status(at, Ledger.read(at.folder, at.experiment.configs), console())
