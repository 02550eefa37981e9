"""The story of `largebatch reproduce`: the sweep and its report as in `run`, then what was found, in the terminal."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.place import Place, say
from experiments.run import Wishes, run
from largebatch.storage import Folder
from sweeps.engine import Engine

if TYPE_CHECKING:
    from analysis.verdicts import Verdict

STYLES = {"supported": "green", "contradicted": "red", "undecided": "yellow"}


def reproduce(place: Place, *, engine: Engine, console: Console) -> tuple[int, Folder | None]:
    """Train what is missing, write the report, print the verdicts; return the exit code and the report, if any.

    Args:
        place: the experiment and where its results go.
        engine: where jobs run.
        console: where the verdicts go.

    Raises:
        DataError: a data set is missing or damaged; nothing was touched.
        SweepError: the folder cannot be used; nothing was touched.
    """
    say(console, place.experiment.question)
    if place.experiment.paper:
        say(console, place.experiment.paper)
    with engine:
        code = run(place, engine=engine, wishes=Wishes(), project="largebatch", wandb="off", console=console)
    report = place.folder / "report" / "report.html"
    if not report.exists():
        return code, None
    show_verdicts(verdicts(place), console)
    say(console, f"report: {report}")
    return code, report


def verdicts(place: Place) -> "list[Verdict]":
    """Return the verdict on each claim of an experiment, from its records.

    Raises:
        ResultsError: nothing has run yet.
    """
    from analysis.load import load
    from analysis.verdicts import judge

    return judge(load(place.folder), place.experiment.claims)


def show_verdicts(found: "Sequence[Verdict]", console: Console) -> None:
    """Print each claim with its verdict, effect, interval and seeds, and what would decide it."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for one in found:
        style = STYLES[one.verdict]
        said = f"{escape(one.says)}\n[dim]{escape(f'{numbers(one)}. {remarks(one)}')}[/dim]"
        table.add_row(f"[{style}]{one.verdict}[/{style}]", said)
    console.print(table)
    say(console, counted(found) if found else "no claim was stated")


def counted(found: "Sequence[Verdict]") -> str:
    """Return how many claims came out how, in words."""
    counts = [f"{sum(one.verdict == word for one in found)} {word}" for word in STYLES]
    return f"{len(found)} claim{'s' if len(found) != 1 else ''}: {', '.join(counts)}"


def remarks(one: "Verdict") -> str:
    """Return what stands beside a verdict's numbers, in words: its note, and what would decide it; often nothing."""
    return "; ".join(filter(None, [one.note, one.decides and f"would decide it: {one.decides}"]))


def numbers(one: "Verdict") -> str:
    """Return a verdict's numbers in words: what was measured, effect, interval, the region that was claimed, n."""
    low, high = (bound + 0.0 for bound in one.bounds)  # no negative zero
    region = f"below {high:.4g}" if low == -math.inf else f"above {low:.4g}" if high == math.inf else (
        f"between {low:.4g} and {high:.4g}"
    )  # fmt: skip
    where = f" at {one.where}" if one.where else ""
    condition = f", {one.condition}" if one.condition else ""
    bare = math.isnan(one.low) or one.method == "exact"
    interval = "" if bare else f" [{one.low:.4g}, {one.high:.4g}] at {100 * one.level:.3g} %"
    middle = "median " if one.method == "sign" else ""
    seeds = f"{one.n} seed{'s' if one.n != 1 else ''}, {one.method}"
    found = f"{middle}{one.effect:.4g}{interval}" if one.n else "nothing to judge"
    return f"{one.measure}, {one.compared}{where}{condition}: {found}, claimed {region}; {seeds}"
