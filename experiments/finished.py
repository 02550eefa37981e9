"""From a name or a folder on the command line to results that exist, whoever trained them."""

from pathlib import Path

from analysis.load import ResultsError
from experiments.place import DESCRIPTION
from experiments.problems import unknown
from largebatch.storage import Folder, place_of


def finished(text: str, results: str) -> Folder:
    """Return the folder of an experiment that ran or was imported.

    Args:
        text: a folder or its address, a name below `results`, or the experiment's YAML file.
        results: where results are kept.

    Raises:
        ResultsError: there is none; the names that there are.
        StorageError: an address that cannot be used.
    """
    home = place_of(results)
    names = dict.fromkeys([text, Path(text).stem]) if "://" not in text else {}
    for folder in (place_of(text), *(home / name for name in names if "/" not in name)):
        if (folder / DESCRIPTION).exists():
            return folder
    known = sorted(path.parent.name for path in home.glob(f"*/{DESCRIPTION}")) if isinstance(home, Path) else []
    if not known:
        what = f"{results} holds no results called {text}, nor is it a folder of any"
        raise ResultsError(f"{what}; run or import it first")
    raise ResultsError(f"{unknown('results', text, known)}; or give a folder that holds {DESCRIPTION}")
