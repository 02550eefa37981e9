"""Results of others on the command line: taking them in, and reporting what no experiment file describes."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from experiments.check import report_problems
from experiments.document import Node, parse, plain
from experiments.place import DESCRIPTION
from experiments.problems import ExperimentError, Mark, Problem, unknown
from largebatch.storage import Folder, place_of

if TYPE_CHECKING:
    from analysis.exchange.imported import Imported

SHOWN = ("question", "figures", "claims", "published", "deviations", "history")
"""Sections that say what a report shows, and that `--set` changes for it."""


def folder_of(experiment: str, results: str) -> Folder | None:
    """Return where imported results of such a name would lie; None for what is an experiment file."""
    return None if "/" in experiment or experiment.endswith((".yaml", ".yml")) else place_of(results) / experiment


def description(folder: Folder) -> dict[str, Any] | None:
    """Return what describes an imported experiment; None where the folder holds none."""
    path = folder / DESCRIPTION
    if not path.exists():
        return None
    found = json.loads(path.read_bytes())
    return found if isinstance(found, dict) and found.get("imported") else None


def refuse(experiment: str, results: str) -> None:
    """Refuse to train, plan or check what was imported.

    Raises:
        ExperimentError: the name is that of imported results.
    """
    folder = folder_of(experiment, results)
    if folder is not None and (found := description(folder)):
        what = f"imported from {found['imported']['format']}, so there is nothing of it to train or to check"
        raise ExperimentError([Problem(Mark(experiment), "", f"{what}; report, export and compare take it")])


def report_of(folder: Folder, found: dict[str, Any], settings: Sequence[str], size: str | None = None) -> Folder:
    """Make the report of imported results, with the sections that `--set` changes; return it.

    With a size, figures for a paper are drawn besides.

    Raises:
        ExperimentError: a setting is none of `SHOWN`, or not what the section takes.
        ResultsError: the folder holds no run.
    """
    from analysis.report import write_report

    shown = {name: found[name] for name in SHOWN if name in found}
    for setting in settings:
        name, node = _set(setting)
        problems = report_problems(Node({name: node}, node.mark))
        if problems:
            raise ExperimentError(problems)
        shown[name] = plain(node)
    return write_report(folder, **shown, size=size)


def _set(setting: str) -> tuple[str, Node]:
    name, _, text = setting.partition("=")
    mark = f"--set {setting}"
    if name not in SHOWN:
        what = f"{unknown('section', name, SHOWN)}; of imported results only what is shown can be set"
        raise ExperimentError([Problem(Mark(mark), "", what)])
    node = parse(text, mark, path=name, option=True)
    if not isinstance(node.value, str if name == "question" else list):
        wanted = "text" if name == "question" else "a list"
        raise ExperimentError([Problem(Mark(mark), name, f"got {text!r}; must be {wanted}")])
    return name, node


def figures_for(found: "Imported", select: str | None) -> list[str]:
    """Return the figures that imported results are shown in at first: a search as a whole, or one run an arm."""
    from analysis.exchange.imported import searched

    return ["steps_to_target"] if searched(found) and not select else ["gap_vs_batch", "curves", "steps_to_target"]
