"""What `plan`, `status` and `list` print: tables for a person, from numbers that others computed."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments.catalogue import Entry
from experiments.place import Place, say
from experiments.plan import Plan
from experiments.tuning import lines, searched, waiting
from largebatch.config import digest
from sweeps.board import duration
from sweeps.ledger import Ledger
from sweeps.snapshot import alive, document, read
from sweeps.tally import first_line

STATES = ("done", "diverged", "stuck", "failed", "cancelled", "missing")
FAILURES = 5
"""Failed runs that `status` prints."""


def show_plan(plan: Plan, place: Place, console: Console) -> None:
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
    if plan.surveying:
        say(console, f"{plan.surveying.landscapes:,} landscapes of {plan.surveying.points:,} points in all")
    left = plan.runs - plan.done - plan.cancelled
    jobs = f"{left:,} left in {plan.packs:,} packs on {plan.workers} workers"
    out = f"{plan.cancelled:,} cancelled, " if plan.cancelled else ""
    say(console, f"{plan.runs:,} runs, {plan.done:,} done, {out}{jobs}")
    say(console, f"{plan.programs} programs, compiled {plan.compilations} times (once a worker that needs it)")
    say(console, f"{plan.updates:,} updates and {plan.examples:,} examples in all{_bound(plan)}")
    if left:
        say(console, f"about {duration(plan.seconds)}{_bound(plan)}, {plan.basis}")
    if worst := plan.worst:
        say(console, f"that is what is known by now: {worst.known}")
        more = f"at most {worst.runs:,} runs, {worst.updates:,} updates and {worst.examples:,} examples"
        say(console, f"in the worst case {more} in {worst.stages} stages, about {duration(worst.seconds)}")
    say(console, f"to train it: {place.command('run')}" if left else f"the report: {place.command('report')}")


def show_status(place: Place, ledger: Ledger, console: Console) -> None:
    """Print done, diverged, stuck, failed and missing by batch size, why runs failed, and how to go on."""
    said = status_of(place, ledger)
    states = [state for state in STATES if state != "cancelled" or ledger.cancelled]  # few sweeps have such
    table = _table("batch size", *states, "runs")
    for row in said["rows"]:
        cells = [str(row[state]) if row[state] else "·" for state in states]
        table.add_row(f"{row['batch_size']:,}", *cells, str(sum(row[state] for state in STATES)))
    console.print(table)
    for line in lines(place.experiment, ledger.done.keys(), ledger.failed.keys()):
        say(console, line)
    told = ", ".join(f"{said['counts'][state]} {state}" for state in states)
    say(console, f"{place.experiment.name}: {told} of {ledger.total} runs")
    if ledger.foreign:
        say(console, f"{len(ledger.foreign)} records of other runs lie in the same folder; they are left alone")
    for failure in list(ledger.failed.values())[:FAILURES]:
        run = failure.digest[:8]
        say(console, f"{run} failed {failure.attempts} times: {first_line(failure.error)}")
    if ledger.failed:
        more = len(ledger.failed) - FAILURES
        each = place.command("show", next(iter(ledger.failed))[:8])
        say(console, (f"and {more} more; " if more > 0 else "") + f"traceback and settings of one: {each}")
    if held := waiting(place.experiment, ledger.failed.keys()):
        say(console, f"to let the search go on without a trial: {place.command('cancel', '--run', held[:8])}")
    if ledger.cancelled:
        say(console, f"{len(ledger.cancelled)} cancelled; to take them back in: {place.command('retry')}")
    if said["driver"]:
        now = said["driver"]
        say(console, f"process {now['process']} on {now['host']} trains it")
    say(console, f"{said['why']}: {said['next']}")


def status_of(place: Place, ledger: Ledger) -> dict[str, Any]:
    """Return how a sweep stands as plain values: by batch size, in all, why runs failed, who is at work."""
    found = [(config.batch_size, _state(ledger, digest(config))) for config in place.experiment.configs]
    counted, ended = Counter(found), Counter(state for _, state in found)
    told = read(place.folder)
    at_work = told is not None and alive(told)
    why, verb = ("to go on", "run") if ledger.failed or ledger.missing else ("to make the report again", "report")
    return {
        "experiment": place.experiment.name,
        "folder": str(place.folder),
        "counts": {state: ended[state] for state in STATES} | {"total": ledger.total},
        "rows": [
            {"batch_size": batch, **{state: counted[batch, state] for state in STATES}}
            for batch in sorted({batch for batch, _ in found})
        ],
        "failed": [vars(failure) for failure in ledger.failed.values()],
        "missing": [digest(config) for config in ledger.missing],
        "cancelled": ledger.cancelled,
        "foreign": ledger.foreign,
        "driver": document(told) if told is not None and at_work else None,
        **searched(place.experiment),
        "why": "to follow it" if at_work else why,  # a second driver would be refused
        "next": place.command("status", "--watch") if at_work else place.command(verb),
    }


def show_entries(kind: str, entries: Iterable[Entry], console: Console) -> None:
    """Print one table of names: what each is and where it comes from."""
    table = Table(box=None, pad_edge=False, title=kind, title_justify="left", title_style="bold")
    for style in ("bold", "", "dim"):
        table.add_column(style=style)
    table.show_header = False
    for entry in entries:
        table.add_row(entry.name, entry.line + (f"\n{entry.cost}" if entry.cost else ""), entry.source)
    console.print(table)


def _state(ledger: Ledger, run: str) -> str:
    if run in ledger.done:
        return ledger.done[run]
    return "failed" if run in ledger.failed else "cancelled" if run in ledger.cancelled else "missing"


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
