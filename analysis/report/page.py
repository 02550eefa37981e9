"""The page, from the question at the top to how to reproduce it at the bottom."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import pandas as pd

from analysis.figures import Figure
from analysis.gap import censored, varying
from analysis.load import Results
from analysis.report.markup import Html, details, html, inline, table
from analysis.report.verdict_table import verdict_table
from analysis.verdicts import Verdict
from largebatch.records import Folder

ARMS = ("batch_size", "scaling_rule", "order")
SHOWN = ("test_error", "train_error", "error_gap", "train_loss", "test_loss", "update", "epoch")


@dataclass(frozen=True)
class Drawing:
    """A figure with the numbers that were drawn and the SVG file that shows them."""

    figure: Figure
    numbers: Mapping[str, Any]
    svg: Folder


def page(
    results: Results, *, question: str, verdicts: Sequence[Verdict], drawings: Sequence[Drawing], policy: str = ""
) -> str:
    """Return the whole report as one HTML document that needs no network; `policy` says how values were selected."""
    source = files("analysis.report")
    template = Template(source.joinpath("template.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=html(results.name),
        question=html(question),
        style=source.joinpath("report.css").read_text(encoding="utf-8"),
        script=source.joinpath("report.js").read_text(encoding="utf-8"),
        state=_state(results, policy),
        verdicts=verdict_table(verdicts),
        figures="\n".join(_figure(place, drawing) for place, drawing in enumerate(drawings)),
        lost=_lost(results),
        failures=_failures(results),
        runs=_runs(results),
        configuration=_configuration(results),
        provenance=_provenance(results),
        reproduce=_reproduce(results),
    )


def _state(results: Results, policy: str) -> str:
    counts = results.counts
    parts = [counts.sentence(), *([f"Figures show {policy}"] if policy else [])]
    if counts.missing:
        parts.append(f"{counts.missing:,} still missing, so every number below may change")
    if counts.foreign:
        parts.append(f"{counts.foreign:,} records of other experiments in the folder were left out")
    kind = "unfinished" if counts.missing else "complete"
    paper = results.experiment.get("paper")
    return f'<p class="state {kind}">{html(". ".join(parts))}.</p>' + (f"<p>After {html(paper)}.</p>" if paper else "")


def _figure(place: int, drawing: Drawing) -> str:
    figure, numbers = drawing.figure, drawing.numbers
    caption = figure.caption(numbers)
    name = drawing.svg.stem
    links = ", ".join(f'<a href="{escape(name)}.{kind}">{kind.upper()}</a>' for kind in ("svg", "png", "json"))
    svg = inline(drawing.svg.read_text(encoding="utf-8"), prefix=f"figure{place}", label=caption)
    title = figure.summary[:1].upper() + figure.summary[1:]
    label = f": {numbers['label']}" if numbers.get("label") else ""
    return (
        f"<section><h3>{html(title + label)}</h3><figure>"
        f'<div class="scroll plot" role="region" tabindex="0" aria-label="{escape(title)}">{svg}</div>'
        f'<figcaption>{html(caption)} <span class="files">Files: {links}</span></figcaption></figure>'
        f"{details('The numbers drawn', table(*figure.table(numbers), label=f'numbers of {name}'))}</section>"
    )


def _lost(results: Results) -> str:
    runs = results.runs[censored(results.runs)]
    if runs.empty:
        return "<p>Every finished run ended with finite numbers.</p>"
    arms = [name for name in _arms(results) if name != "seed"]
    groups = runs.groupby([*arms, "outcome"], sort=True, dropna=False)
    sizes = results.runs.groupby(arms, dropna=False).size()
    rows = []
    for key, group in groups:
        *arm, outcome = key
        at = sorted(int(update) for update in group.get("diverged_at", pd.Series(dtype=float)).dropna())
        when = f"update {', '.join(map(str, at))}" if at else ""
        total = int(sizes.loc[tuple(arm) if len(arm) > 1 else arm[0]])
        rows.append([*map(_plain, arm), outcome, f"{len(group)} of {total}", when])
    intro = (
        "<p>These runs are results, not accidents. They are never averaged away: their cells show counts and the "
        "median, and where a claim is about them they rank worst.</p>"
    )
    head = [*map(_title, arms), "outcome", "runs", "first at"]
    return intro + table(head, rows, label="runs that ended without a usable number")


def _failures(results: Results) -> str:
    if not results.failures:
        return "<p>No run failed.</p>"
    return "".join(
        details(
            f"{failure.get('digest')}: {failure.get('error')} ({failure.get('attempts')} attempts)",
            f"<pre>{html(failure.get('traceback') or 'no traceback was kept')}</pre>",
        )
        for failure in results.failures
    )


def _arms(results: Results) -> list[str]:
    others = varying(results.runs, [*ARMS, "seed"], results.fields)
    return [*ARMS, *others, "seed"]


def _runs(results: Results) -> str:
    shown = [name for name in (*SHOWN, "seconds") if name in results.runs]
    arms = _arms(results)
    rows = (
        [Html(f"<code>{html(digest)}</code>"), *map(_plain, row)]
        for digest, row in zip(
            results.runs.index, results.runs[[*arms, "outcome", *shown]].itertuples(index=False), strict=True
        )
    )
    return table(["run", *map(_title, [*arms, "outcome", *shown])], rows, label="all runs", sortable=True)


def _title(name: str) -> str:
    return name.replace("_", " ")


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) >= 1 else value


def _configuration(results: Results) -> str:
    runs = results.runs
    rows: dict[bool, list[list[Any]]] = {True: [], False: []}
    for name in [*results.fields, "seed"]:
        values = [_plain(value) for value in runs[name].drop_duplicates()]
        shown = [value for value in values if not pd.isna(value)]
        if shown:
            rows[len(values) > 1].append([name, ", ".join(map(str, shown[:12])) + (" …" if len(shown) > 12 else "")])
    varied = table(["field", "values"], rows[True], label="what varies")
    return f"<h3>What varies</h3>{varied}" + details(
        "What every run shares", table(["field", "value"], rows[False], label="what every run shares")
    )


def _provenance(results: Results) -> str:
    found: dict[str, dict[str, None]] = {}
    for origin in results.provenance:
        for name, value in _leaves(origin):
            found.setdefault(name, {})[value] = None
    rows = [[name, ", ".join(list(values)[:4]) + (" …" if len(values) > 4 else "")] for name, values in found.items()]
    return table(["what", "value"], rows, label="provenance")


def _leaves(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{name} ")
        elif value is not None:
            yield f"{path}{name}", value if isinstance(value, str) else json.dumps(value)


def _reproduce(results: Results) -> str:
    command = results.experiment.get("command") or f"largebatch run {results.name}"
    command = command if isinstance(command, str) else " ".join(command)
    parts = [
        f"<pre><code>{html(command)}</code></pre>",
        "<p>It trains what is missing and makes this page again; with nothing missing it only makes the page.</p>",
    ]
    source = results.experiment.get("source") or {}
    texts = source.items() if isinstance(source, Mapping) else [("the experiment file", source)]
    parts += [details(name, f"<pre><code>{html(text)}</code></pre>") for name, text in texts]
    return "".join(parts)
