"""The page, from the question at the top to how to reproduce it at the bottom."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from analysis.figures import Figure
from analysis.load import Results
from analysis.report.beside import protocol, published_table
from analysis.report.configuration import configuration, provenance
from analysis.report.cost import cost
from analysis.report.markup import Html, data, details, html, table
from analysis.report.pointer import Marks
from analysis.report.runs_table import failures, lost, runs_table
from analysis.report.surfaces import surfaces
from analysis.report.svg import inline
from analysis.report.verdict_table import SIGNS, verdict_table
from analysis.spoken import label_of, spoken
from analysis.style import size_of
from analysis.verdicts import Verdict
from largebatch.records import Folder

MOST_BYTES = 4_800_000
"""What the page may weigh: under 5 MB, so that it can be mailed and opens on a phone."""
SCRIPTS = ("tables.js", "figures.js", "surface.js")


@dataclass(frozen=True)
class Said:
    """What the experiment file says besides its runs.

    Attributes:
        question: one sentence.
        published: numbers of the paper, as in the file.
        deviations: departures from the paper's protocol, a sentence each.
        history: changes after results had been seen: date, change, reason.
        policy: how values that were searched were selected for the figures, in words.
    """

    question: str
    published: Sequence[Mapping[str, Any]] = ()
    deviations: Sequence[str] = ()
    history: Sequence[Mapping[str, Any]] = ()
    policy: str = ""


@dataclass(frozen=True)
class Drawing:
    """A figure with the numbers that were drawn, the SVG file that shows them, and where its marks lie."""

    figure: Figure
    numbers: Mapping[str, Any]
    svg: Folder
    marks: Marks


def page(results: Results, said: Said, *, verdicts: Sequence[Verdict], drawings: Sequence[Drawing]) -> str:
    """Return the whole report as one HTML document that needs no network, and asks for none."""
    source = files("analysis.report")
    template = Template(source.joinpath("template.html").read_text(encoding="utf-8"))
    parts = dict(
        title=html(results.name),
        question=html(said.question),
        style=source.joinpath("report.css").read_text(encoding="utf-8"),
        script="\n".join(source.joinpath(name).read_text(encoding="utf-8") for name in SCRIPTS),
        state=_state(results, verdicts, said.policy),
        verdicts=verdict_table(verdicts),
        published=published_table(said.published, verdicts),
        lost=lost(results),
        failures=failures(results),
        runs=runs_table(results),
        configuration=configuration(results),
        protocol=protocol(said.deviations, said.history),
        cost=cost(results),
        provenance=provenance(results),
        reproduce=_reproduce(results),
    )
    room = MOST_BYTES - sum(len(part.encode()) for part in parts.values())
    return template.substitute(parts, figures=_figures(drawings, room))


def _state(results: Results, verdicts: Sequence[Verdict], policy: str) -> str:
    counts = results.counts
    parts = [counts.sentence(), *([f"Figures show {spoken(policy)}"] if policy else [])]
    if counts.missing:
        parts.append(f"{counts.missing:,} still missing, so every number below may change")
    if counts.foreign:
        parts.append(f"{counts.foreign:,} records of other experiments in the folder were left out")
    if origin := results.experiment.get("imported"):
        parts.append(f"imported from {origin.get('format')}; nothing of it can be trained here")
    kind = "unfinished" if counts.missing else "complete"
    paper = results.experiment.get("paper")
    told: Counter[str] = Counter(verdict.verdict for verdict in verdicts)
    chips = "".join(f"<span class='badge {word}'>{told[word]} {word}</span> " for word in SIGNS if told[word])
    return (
        f'<p class="state {kind}">{html(". ".join(parts))}.</p>'
        + (f'<p class="chips">{chips}</p>' if chips else "")
        + (f"<p>After {html(paper)}.</p>" if paper else "")
    )


def _figures(drawings: Sequence[Drawing], room: int) -> str:
    """Return the figures one after the other; those beyond the room left are named with their files."""
    parts, left_out = [], []
    for place, drawing in enumerate(drawings):
        part = _figure(place, drawing)
        size = len(part.encode())
        if size <= room:
            parts.append(part)
            room -= size
        else:
            left_out.append(f"<li>{html(drawing.svg.stem)}: {_links(drawing)}</li>")
    if left_out:
        parts.append(
            "<section><h3>Beside the page</h3><p>To keep this page small these figures are not on it; their files lie "
            f"beside it.</p><ul>{''.join(left_out)}</ul></section>"
        )
    return "\n".join(parts)


def _links(drawing: Drawing) -> str:
    name = escape(drawing.svg.stem)
    kinds = ("svg", "png", *["pdf"] * bool(size_of(drawing.numbers)), "json")
    return ", ".join(f'<a href="{name}.{kind}">{kind.upper()}</a>' for kind in kinds)


def _figure(place: int, drawing: Drawing) -> str:
    figure, numbers = drawing.figure, drawing.numbers
    caption = figure.caption(numbers)
    name, prefix = drawing.svg.stem, f"figure{place}"
    kinds = " ".join(filter(None, [prefix, size_of(numbers)]))
    svg = inline(drawing.svg.read_text(encoding="utf-8"), prefix=prefix, label=caption, kinds=kinds)
    title = figure.summary[:1].upper() + figure.summary[1:]
    label = f": {label_of(numbers['label'])}" if numbers.get("label") else ""
    return (
        f'<section><h3>{html(title + label)}</h3><figure class="{prefix}">'
        f'<div class="scroll plot" role="region" tabindex="0" aria-label="{escape(title + label)}">{svg}</div>'
        f'<figcaption>{html(caption)} <span class="files">Files: {_links(drawing)}</span></figcaption>'
        f"{data(drawing.marks.plain(), kind='marks')}{surfaces(numbers)}</figure>"
        f"{details('The numbers drawn', table(*figure.table(numbers), label=f'numbers of {name}'))}</section>"
    )


def _reproduce(results: Results) -> str:
    command = results.experiment.get("command") or f"largebatch run {results.name}"
    command = command if isinstance(command, str) else " ".join(command)
    commits = sorted({str(p["commit"]) for p in results.provenance if p.get("commit")})
    parts = []
    if origin := results.experiment.get("imported"):
        form = html(origin.get("format"))
        parts.append(f"<p>These runs were imported from {form}; what trained them is not here.</p>")
    else:
        parts.append(f'<pre tabindex="0"><code>{html(command)}</code></pre>')
        parts.append("<p>It trains what is missing and makes this page again.</p>")
    if commits:
        codes = ", ".join(f"<code>{html(commit)}</code>" for commit in commits[:4])
        parts.append(f"<p>The records were made by the code of commit {codes}{' …' if len(commits) > 4 else ''}.</p>")
    source = results.experiment.get("source") or {}
    texts = source.items() if isinstance(source, Mapping) else [("the experiment file", source)]
    parts += [details(Html(f"The file <code>{html(name)}</code>"), _code(text)) for name, text in texts]
    return "".join(parts)


def _code(text: str) -> str:
    return f'<pre tabindex="0"><code>{html(text)}</code></pre>'
