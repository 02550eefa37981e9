"""The report: one self-contained HTML page with the answer, how sure it is, and what it rests on."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from analysis.figures import Entry, Figure

if TYPE_CHECKING:
    from analysis.load import Results
    from largebatch.records import Folder

DRAWN_WITH = ("analysis.verdicts", "analysis.report.page", "analysis.figures.paper", "matplotlib.backends.backend_svg")
"""What a report is made with, imported when it is first needed: it takes seconds."""


def import_report() -> None:
    """Import what a report is made with, as something to do while others keep one waiting."""
    for name in DRAWN_WITH:
        import_module(name)


def once(parts: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the labels and numbers of a figure, those that say the same reason why they cannot be drawn as one.

    Its label counts the others, and is empty where none was drawn.
    """
    reasons = [numbers.get("cannot") for _, numbers in parts]
    for place, (label, numbers) in enumerate(parts):
        why = reasons[place]
        if why is None or reasons.count(why) == 1:
            yield label, numbers
        elif why not in reasons[:place]:
            alike = reasons.count(why)
            yield ("" if alike == len(parts) else f"{label} and {alike - 1} more"), numbers


def write_report(
    experiment_folder: "Folder",
    *,
    figures: Sequence[Entry],
    question: str,
    claims: Sequence[Mapping[str, Any]],
    published: Sequence[Mapping[str, Any]] = (),
    deviations: Sequence[str] = (),
    history: Sequence[Mapping[str, Any]] = (),
    size: str | None = None,
) -> "Folder":
    """Make an experiment's figures and its page from the records alone; return the page.

    Everything lies in `<experiment_folder>/report`: `report.html`, and of each figure SVG, PNG and
    the JSON of its numbers. A figure that cannot show a field that varies is drawn once a value. Where
    something was searched, figures show the selected values alone. With a size, all figures are drawn once
    more for a paper, as SVG, PDF, PNG and JSON in `<experiment_folder>/report/<size>`.

    Args:
        experiment_folder: of the results.
        figures: names in `analysis.figures.FIGURES`, or mappings of `name` and options.
        question: what the experiment asks.
        claims: as in an experiment file, and so are the next three.
        published: numbers of the paper.
        deviations: departures from its protocol.
        history: changes of the protocol after results had been seen.
        size: one of `analysis.style.SIZES`.

    Raises:
        ResultsError: the folder holds no finished run of an experiment.
        RecordError: a run's folder is torn.
        KeyError: a figure is not in `analysis.figures.FIGURES`.
        ValueError: a claim cannot be judged.
    """
    from analysis.load import load
    from analysis.report.page import Drawing, Said, page
    from analysis.report.pointer import marks_of
    from analysis.selection import tuned
    from analysis.verdicts import judge
    from largebatch.records import write_file

    results = load(experiment_folder)
    shown, policy = tuned(results)
    folder = experiment_folder / "report"
    drawings = [Drawing(figure, numbers, svg, marks_of(figure, numbers))
                for figure, numbers, svg in _drawn(shown, figures, folder)]  # fmt: skip
    if size is not None:
        for _ in _drawn(shown, figures, folder / size, size=size):
            pass
    said = Said(question, published, deviations, history, policy)
    html = page(results, said, verdicts=judge(results, claims), drawings=drawings)
    write_file(folder / "report.html", html.encode())
    return folder / "report.html"


def _drawn(
    results: "Results", figures: Sequence[Entry], folder: "Folder", **options: str
) -> Iterator[tuple[Figure, dict[str, Any], "Folder"]]:
    """Draw all figures into a folder; yield each with its numbers and its SVG, one for each value that splits it."""
    from analysis.figures import asked
    from analysis.figures.files import save

    for figure, said in map(asked, figures):
        parts = [(label, figure.prepare(part, {**said, **options})) for label, part in figure.combinations(results)]
        for label, found in once(parts):
            numbers = {**found, "label": label}
            yield figure, numbers, save(figure, numbers, folder, label)
