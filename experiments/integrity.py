"""What `status --verify` prints."""

from collections.abc import Iterable

from rich.console import Console

from experiments.place import Place, say
from sweeps.cancelling import cancelled
from sweeps.verify import Findings

MOST = 20
"""Lines of one kind."""


def show_findings(place: Place, found: Findings, console: Console) -> None:
    """Print what is whole, then what is not, each with what to do."""
    runs = place.folder / "runs"
    told = ", ".join(f"{count} by {version}" for version, count in found.versions.most_common())
    say(console, f"{found.whole} whole records in {runs}" + (f": {told}" if told else ""))
    _list(console, "torn", (f"{runs / name}: {why}" for name, why in found.torn.items()))
    _list(console, "there twice", (f"{run} also in {', '.join(p)}" for run, p in found.duplicate.items()))
    gone = cancelled(place.folder)
    _list(console, "missing", (f"{run}, cancelled" if run in gone else run for run in found.missing))
    _list(console, "of other experiments, left alone", found.foreign)
    _list(console, "begun by a worker that died, to be deleted at will", found.leftover)
    if found.torn or found.duplicate:
        say(console, f"delete the folders named, then: {place.command('run')}")
    elif gone.issuperset(found.missing):
        say(console, f"how it stands: {place.command('status')}")
    else:
        say(console, f"to train what is missing: {place.command('run')}")


def plain(found: Findings) -> dict[str, object]:
    """Return the findings as plain values."""
    names = ("torn", "duplicate", "missing", "leftover", "foreign", "whole", "sound")
    return {**{name: getattr(found, name) for name in names}, "versions": dict(found.versions)}


def _list(console: Console, title: str, lines: Iterable[str]) -> None:
    every = list(lines)
    if every:
        say(console, f"{len(every)} {title}:")
    for line in every[:MOST]:
        say(console, f"  {line}")
    if len(every) > MOST:
        say(console, f"  and {len(every) - MOST} more")
