"""`largebatch status`."""

from experiments.commands.options import DEFAULT_RESULTS, Name, Results, Scale, Set, console, place


def status(experiment: Name, settings: Set = None, scale: Scale = None, results: Results = DEFAULT_RESULTS) -> None:
    """Say which runs are done, diverged, failed or missing, why, and how to go on."""
    at = place(experiment, settings, scale, results)
    from experiments.show import show_status
    from sweeps.ledger import Ledger

    show_status(at, Ledger.read(at.folder, at.experiment.configs), console())
