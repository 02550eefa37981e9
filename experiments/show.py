"""What `plan`, `status` and `list` print: tables for a person, from numbers that others computed."""

from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from experiments.catalogue import Entry
from experiments.place import Place, say
from experiments.plan import Plan
from largebatch.config import digest
from sweeps.ledger import Ledger
from sweeps.progress import duration

STATES = ("done", "diverged", "stuck", "failed", "missing")


def show_plan(plan: Plan, console: Console) -> None:
    """Print the extent of a sweep by batch size, and how long it may take."""
    table = _table("batch size", "runs", "done", "packs left", "updates a run", "examples a run")
    for row in plan.rows:
        cells: list[int | tuple[int, int]] = [row.runs, row.done, row.packs, row.updates, row.examples]
        table.add_row(f"{row.batch_size:,}", *map(_cell, cells))
    console.print(table)
    for each in plan.computed:
        batches = ", ".join(f"{batch:,}" for batch in each.batch_sizes)
        form = "" if each.choice.convolution == "auto" else f", convolutions {each.choice.convolution}"
        form += f", {each.choice.max_device_batch} examples at once" if each.choice.max_device_batch else ""
        say(console, f"batch size {batches}: packs of {each.choice.width}{form} ({each.choice.why})")
        if each.choice.warning:
            say(console, f"warning: {each.choice.warning}")
    for probe in plan.probes:
        basis = f"about {probe.gradients:,.0f} gradients each"
        basis = f"measured in {probe.measured} runs" if probe.measured else basis
        share = f"{_cell(probe.measurements)} measurements a run, {probe.share:.0%} of its time ({basis})"
        say(console, f"probe {probe.title} in {probe.runs:,} runs: {share}")
    left = plan.runs - plan.done
    jobs = f"{left:,} left in {plan.packs:,} packs on {plan.workers} workers"
    say(console, f"{plan.runs:,} runs, {plan.done:,} done, {jobs}")
    say(console, f"{plan.programs} programs, compiled {plan.compilations} times (once a worker that needs it)")
    say(console, f"{plan.updates:,} updates and {plan.examples:,} examples in all{_bound(plan)}")
    if left:
        say(console, f"about {duration(plan.seconds)}{_bound(plan)}, {plan.basis}")


def show_status(place: Place, ledger: Ledger, console: Console) -> None:
    """Print done, diverged, stuck, failed and missing by batch size, why runs failed, and how to go on."""
    found = [(config.batch_size, _state(ledger, digest(config))) for config in place.experiment.configs]
    counted, ended = Counter(found), Counter(state for _, state in found)
    table = _table("batch size", *STATES, "runs")
    for batch in sorted({batch for batch, _ in found}):
        cells = [counted[batch, state] for state in STATES]
        table.add_row(f"{batch:,}", *(str(cell) if cell else "·" for cell in cells), str(sum(cells)))
    console.print(table)
    told = ", ".join(f"{ended[state]} {state}" for state in STATES)
    say(console, f"{place.experiment.name}: {told} of {ledger.total} runs")
    if ledger.foreign:
        say(console, f"{len(ledger.foreign)} records of other runs lie in the same folder; they are left alone")
    for failure in ledger.failed.values():
        where = place.folder / "failures" / f"{failure.digest}.json"
        say(console, f"failed: {failure.error.splitlines()[0]} ({failure.attempts} attempts; traceback in {where})")
    if ledger.failed or ledger.missing:
        say(console, f"to go on: {place.command('run')}")
    else:
        say(console, f"to make the report again: {place.command('report')}")


def show_entries(kind: str, entries: Iterable[Entry], console: Console) -> None:
    """Print one table of names: what each is and where it comes from."""
    table = Table(box=None, pad_edge=False, title=kind, title_justify="left", title_style="bold")
    for style in ("bold", "", "dim"):
        table.add_column(style=style)
    table.show_header = False
    for entry in entries:
        table.add_row(entry.name, entry.line, entry.source)
    console.print(table)


def _state(ledger: Ledger, run: str) -> str:
    if run in ledger.done:
        return ledger.done[run]
    return "failed" if run in ledger.failed else "missing"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _cell(value: int | tuple[int, int]) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    least, most = value
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _bound(plan: Plan) -> str:
    return " at most (runs stop at their target)" if plan.capped else ""
