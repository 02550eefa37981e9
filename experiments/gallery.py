"""The gallery: every paper's experiment at small scale, one page each, as `make gallery` writes it to `docs/gallery/`.

It can be stopped at any time: sweeps go on where they were, and a page is written as soon as its sweep is complete.
"""

import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.reproduce import counted, numbers, remarks

if TYPE_CHECKING:
    from analysis.verdicts import Verdict
    from experiments.place import Place
    from largebatch.storage import Folder

PAGES = Path("docs/gallery")
RESULTS = Path("results/gallery")
MOST_PARTS = 4
"""Drawings of one kind; of a kind with more of them the report has all and the page none, as no few stand for it."""
LARGEST_SVG = 120_000
"""Bytes; of a larger drawing the PNG is kept."""
SIGNS = {"supported": "✓ supported", "contradicted": "✗ contradicted", "undecided": "? undecided"}


def gallery(
    names: Annotated[list[str] | None, typer.Argument(help="Experiments; default: all that follow a paper.")] = None,
    results: Annotated[Path, typer.Option(help="Where results are kept.")] = RESULTS,
    pages: Annotated[Path, typer.Option(help="Where pages are written.")] = PAGES,
    train: Annotated[bool, typer.Option("--train/--no-train", help="Train, or write pages alone.")] = True,
) -> None:
    """Run the experiments one after the other and write a page on each."""
    from experiments.commands.options import console, engine, place
    from experiments.reproduce import reproduce

    failed = []
    for name in names or chosen():
        at = place(name, None, None, str(results))
        if train:
            code, report = reproduce(at, engine=engine(), console=console())
            if code or report is None:
                failed.append(name)
                continue
        elif not (at.folder / "report").is_dir():
            continue
        write(at, pages)
        index(pages)
    if failed:
        print(f"not complete: {', '.join(failed)}; the same command goes on with them", file=sys.stderr)
        raise typer.Exit(1)


def chosen() -> list[str]:
    """Return the packaged experiments that follow a paper."""
    from experiments.catalogue import entries

    return [entry.name for entry in entries("experiments") if entry.source]


def write(place: "Place", pages: Path) -> Path:
    """Write an experiment's page and its figures from its records and its report, and return the page."""
    from analysis.load import load
    from analysis.report.cost import totals
    from analysis.verdicts import judge

    results = load(place.folder)
    found = judge(results, place.experiment.claims)
    name = place.experiment.name
    kinds = [each if isinstance(each, str) else str(each["name"]) for each in place.experiment.figures]
    shown, left = parts(place.folder / "report", kinds)
    figures = list(_figures(shown, pages / "figures", name))
    path = pages / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(place, found, figures, left, totals(results)), encoding="utf-8")
    return path


def parts(report: "Folder", first: Sequence[str]) -> tuple[list["Folder"], dict[str, int]]:
    """Return the drawings that a page shows, and the kinds that are left to the report with how many those are.

    The kinds that the experiment asks for come first, in its order: its main figure is among them.
    """
    from largebatch.storage import matching

    kinds: dict[str, list[Folder]] = {}
    for svg in matching(report, "*.svg"):
        kinds.setdefault(svg.stem.partition("--")[0], []).append(svg)
    order = sorted(kinds, key=lambda kind: (first.index(kind) if kind in first else len(first), kind))
    left = {kind: len(kinds[kind]) for kind in order if len(kinds[kind]) > MOST_PARTS}
    return [svg for kind in order if kind not in left for svg in kinds[kind]], left


def _figures(shown: Iterable["Folder"], folder: Path, name: str) -> Iterable[tuple[Path, str]]:
    """Copy the drawings, small, and yield each with its caption; those of an earlier page go."""
    from analysis.figures import FIGURES

    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{name}-*"):
        old.unlink()
    for svg in shown:
        content, source = svg.read_bytes(), svg
        if len(content) > LARGEST_SVG:
            source = svg.with_suffix(".png")
            content = source.read_bytes()
        kept = folder / f"{name}-{source.name}"
        kept.write_bytes(content)
        kind = svg.stem.partition("--")[0]
        yield kept, FIGURES[kind].caption(json.loads(svg.with_suffix(".json").read_bytes()))


def page(
    place: "Place",
    found: "Sequence[Verdict]",
    figures: Sequence[tuple[Path, str]],
    left: Mapping[str, int],
    took: str,
) -> str:
    """Return an experiment's page as Markdown: question, verdicts, figures, the paper's numbers, what departs."""
    experiment = place.experiment
    lines = [f"# {experiment.name}", "", experiment.question, "", f"*{experiment.paper}*", "", counted(found), ""]
    lines += [f"`largebatch reproduce {experiment.name}`", ""]
    if "full" in experiment.scales:
        lines += [f"The paper's scale, untested on a GPU: `largebatch reproduce {experiment.name} --scale full`", ""]
    lines += ["## Verdicts", "", "| claim | verdict | numbers |", "|---|---|---|"]
    lines += [_row(one.says, SIGNS[one.verdict], numbers(one)) for one in found]
    if figures or left:
        lines += ["", "## Figures", ""]
        lines += [f"![{figure.stem}](figures/{figure.name})\n\n{caption}\n" for figure, caption in figures]
        lines += [f"The report alone has `{kind}`, in {many} drawings.\n" for kind, many in left.items()]
    if experiment.published:
        ours = {one.says: _ours(one, claim) for one, claim in zip(found, experiment.claims, strict=True)}
        lines += ["", "## Ours against published", "", "| quantity | published | ours | where |", "|---|---|---|---|"]
        lines += [
            _row(n["quantity"], n["value"], ours.get(n["claim"] or "", "not measured"), f"{n['figure']}; {n['source']}")
            for n in experiment.published
        ]
    lines += ["", "## Deviations from the protocol", "", *(f"- {one}" for one in experiment.deviations or ["None."])]
    lines += ["", "## What it took", "", f"{took}."]
    if experiment.history:
        lines += ["", "## Changed after the claims had been stated", ""]
        lines += [f"- {one['date']}: {one['change']} {one['reason']}" for one in experiment.history]
    lines += ["", "## What could not be seen, and why", "", *_unseen(found), ""]
    return "\n".join(lines)


def _ours(one: "Verdict", claim: Mapping[str, Any]) -> str:
    """Return what a claim measured; where it names a value, the measure itself and not what it is above that."""
    from analysis.report.verdict_table import number

    if not one.n:
        return "not measured"
    if one.method == "sign" and (one.effect == 0 or not math.isfinite(one.effect)):
        return f"no number, as runs were lost ({one.verdict})"
    shown = f"{one.effect + claim['value']:.4g}" if "value" in claim else number(one, one.effect)
    return f"{one.measure} {shown} ({one.verdict})"


def _unseen(found: "Sequence[Verdict]") -> list[str]:
    lines = [
        f"- {one.says} {one.verdict.capitalize()}: {remarks(one) or 'the interval lies outside of what was claimed'}."
        for one in found
        if one.verdict != "supported"
    ]
    return lines or ["Everything that was claimed is supported."]


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def index(pages: Path) -> Path:
    """Write the list of all pages there are, with the question and the verdicts of each."""
    lines = [
        "# Gallery", "",
        "Papers on batch size, run again at small scale by `make gallery`. Claims were stated before the first "
        "run; a page lists what was changed later, and what did not hold is shown as such.", "",
        "| experiment | question | verdicts |", "|---|---|---|",
    ]  # fmt: skip
    for path in sorted(pages.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if path.name != "README.md" and (told := re.search(r"^\d+ claims?: (.*)$", text, re.MULTILINE)):
            lines.append(_row(f"[{path.stem}]({path.name})", text.splitlines()[2], told[1]))
    found = pages / "README.md"
    found.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return found


if __name__ == "__main__":
    typer.run(gallery)
