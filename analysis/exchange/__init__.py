"""Results for others, and others' results for every figure here: `largebatch export` and `largebatch import`.

| format | out | in | what it is |
|---|---|---|---|
| `parquet` | x | | `runs.parquet`, `histories.parquet`, and `columns.csv` that says what each column is |
| `csv` | x | | the same as text |
| `batch_science` | x | x | dataset/model/optimizer/batch_size/study.json, trial/metadata.json, trial/measurements.csv (Shallue et al. 2019) |
| `wandb` | | x | the tables that the pages and the programs of Weights & Biases write; see `weights_and_biases` |

Imported runs carry `imported` in their provenance, and a digest of their source: no configuration
stands behind them that could be trained.
"""  # noqa: E501

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.exchange.imported import Imported
    from analysis.load import Results

EXPORTS = {"parquet": "tables", "csv": "tables", "batch_science": "batch_science"}
IMPORTS = {"batch_science": "batch_science", "wandb": "weights_and_biases"}


class ExchangeError(Exception):
    """Results cannot be written or read in a format; the message says why and what to do."""


def export(results: "Results", to: Path, *, format: str) -> list[Path]:
    """Write results into an empty or new folder; return the files.

    Args:
        results: an experiment's runs.
        to: the folder.
        format: one of `EXPORTS`.

    Raises:
        ExchangeError: the folder holds something, or the format is unknown.
    """
    _known("export", format, EXPORTS)
    to = Path(to)
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ExchangeError(f"{to} is not empty; give a new folder, so that nothing of another export stays in it")
    return list(_module(EXPORTS[format]).export(results, to, format))


def read_foreign(source: Path, *, format: str, train_size: int | None = None) -> "Imported":
    """Read results of others, without writing anything.

    Args:
        source: the folder that holds them.
        format: one of `IMPORTS`.
        train_size: training examples, where the source does not say.

    Raises:
        ExchangeError: what is missing or wrong in which file, or the format is unknown.
    """
    _known("import", format, IMPORTS)
    if not Path(source).is_dir():
        raise ExchangeError(f"{source} is no folder; give the one that holds the {format} results")
    found: Imported = _module(IMPORTS[format]).read(Path(source), train_size)
    return found


def _known(what: str, format: str, formats: dict[str, str]) -> None:
    if format not in formats:
        raise ExchangeError(f"unknown {what} format {format!r}; accepted: {', '.join(formats)}")


def _module(name: str) -> Any:
    return import_module(f"analysis.exchange.{name}")
