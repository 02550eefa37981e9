"""From a name or a folder on the command line to results that lie on disk, whoever trained them."""

from pathlib import Path

from analysis.load import ResultsError
from experiments.problems import unknown
from largebatch.storage import Folder

DESCRIPTION = "experiment.json"


def finished(text: str, results: Folder) -> Folder:
    """Return the folder of an experiment that ran or was imported.

    Args:
        text: a folder, a name below `results`, or the experiment's YAML file.
        results: where results are kept.

    Raises:
        ResultsError: there is none; the names that there are.
    """
    for folder in (Path(text), results / text, results / Path(text).stem):
        if (folder / DESCRIPTION).exists():
            return folder
    names = sorted(path.parent.name for path in results.glob(f"*/{DESCRIPTION}"))
    if not names:
        what = f"{results} holds no results yet, and {text} is no folder of any"
        raise ResultsError(f"{what}; run or import an experiment")
    raise ResultsError(f"{unknown('results', text, names)}; or give a folder that holds {DESCRIPTION}")
