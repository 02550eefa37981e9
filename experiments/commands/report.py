"""`largebatch report`."""

from experiments.commands.options import DEFAULT_RESULTS, Name, Results, Scale, Set, console, place


def report(experiment: Name, settings: Set = None, scale: Scale = None, results: Results = DEFAULT_RESULTS) -> None:
    """Make the figures and the report again, from the records alone."""
    at = place(experiment, settings, scale, results)
    from experiments.place import say
    from experiments.run import report as write
    from sweeps.ledger import Ledger
    from sweeps.version import notice

    for line in notice(Ledger.read(at.folder, at.experiment.configs).origins):
        say(console(), f"note: {line}")
    say(console(), f"report: {write(at)}")
