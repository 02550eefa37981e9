"""An experiment's folder as two tables: one row a run, and the long table of all histories."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.between import with_rises
from analysis.gather import Gathered, gather
from analysis.select import final, select
from largebatch.records import Folder, folders, matching


def measured(histories: pd.DataFrame) -> list[str]:
    """Return the columns of the table of runs that come from one row of a history; its rate is the configured one."""
    return [str(name) for name in histories.columns if name not in ("digest", "learning_rate")]


class ResultsError(Exception):
    """An experiment's folder cannot be analysed; the message says why and what to do."""


@dataclass(frozen=True)
class Counts:
    """How many runs an experiment expects and what became of them."""

    expected: int
    present: int
    failed: int
    diverged: int
    stuck: int
    unreached: int
    foreign: int

    @property
    def missing(self) -> int:
        """Runs that have left no record, failed ones among them."""
        return self.expected - self.present

    def sentence(self) -> str:
        """Return the counts as a figure prints them, as in `162 of 162 runs, 27 diverged`."""
        parts = [f"{self.present:,} of {self.expected:,} runs"]
        named = (
            (self.diverged, "diverged"),
            (self.stuck, "stuck"),
            (self.unreached, "short of the target"),
            (self.failed, "failed"),
        )
        parts += [f"{count:,} {word}" for count, word in named if count]
        return ("unfinished: " if self.missing else "") + ", ".join(parts)


@dataclass(frozen=True)
class Results:
    """What an experiment has left behind so far.

    `runs` has one row a run, indexed by digest: the status, the outcome, the flattened
    configuration under dotted names (`scaling_rule` and `seed` are one column each), the
    summary, the columns of the history at its last row, and two axes made of them:
    `peak_rate` after the scaling rule, and `rate_per_example`, that over the batch size. Runs of a search have a
    `purpose` (search, edge, confirm) and the number of their `trial`. `fields` names the columns
    that configuration fills, seeds and execution left out. `outcome` is the status, or
    `unreached` where a run spent its cap before it reached the target of its budget.
    """

    folder: Folder
    experiment: Mapping[str, Any]
    runs: pd.DataFrame
    fields: tuple[str, ...]
    counts: Counts
    failures: tuple[Mapping[str, Any], ...]
    provenance: tuple[Mapping[str, Any], ...]
    _histories: pd.DataFrame

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self.experiment.get("name", self.folder.name))

    def histories(self) -> pd.DataFrame:
        """Return every evaluation point of the runs in `runs`: `digest` and the columns of `HISTORY`."""
        return self._histories[self._histories["digest"].isin(self.runs.index)]

    def extended(self, name: str, values: Callable[[str, np.ndarray], np.ndarray]) -> "Results":
        """Return the same results with a further column of the histories, and of `runs` where each run ended.

        Args:
            name: of the column.
            values: (digest, updates) -> one value an update.
        """
        rows = self.histories()
        parts = [pd.Series(values(str(digest), own["update"].to_numpy()), own.index, float)
                 for digest, own in rows.groupby("digest", observed=True)]  # fmt: skip
        rows = rows.assign(**{name: pd.concat(parts)})
        return replace(self, runs=self.runs.assign(**{name: final(rows)[name]}), _histories=rows)

    def only(self, mask: "pd.Series[bool]") -> "Results":
        """Return the same results with those rows of `runs` alone; the counts stay the experiment's."""
        return replace(self, runs=self.runs[mask])

    def at(self, where: Mapping[str, float] | None) -> "Results":
        """Return the same results with `runs` measured elsewhere than at the end, as in `{train_loss: 0.05}`.

        A finished run that never gets there has the outcome `unreached`.
        """
        if where is None:
            return self
        names = measured(self._histories)
        rows = select(self.histories(), where).reindex(self.runs.index)[names]
        runs = self.runs.drop(columns=names).join(rows)
        absent = runs["outcome"].isin(("done", "unreached")) & rows["update"].isna()
        runs["outcome"] = runs["status"].mask(absent, "unreached")
        return replace(self, runs=runs)


def load(experiment_folder: Folder | str) -> Results:
    """Read an experiment's records; those that belong to no run of it are counted and left out.

    Args:
        experiment_folder: `<results>/<name>`; text is a folder on this machine.

    Raises:
        ResultsError: there is no readable `experiment.json`, or no run of it has finished.
        RecordError: a run's folder is torn.
    """
    folder = Path(experiment_folder) if isinstance(experiment_folder, str) else experiment_folder
    experiment = _document(folder)
    expected = list(dict.fromkeys(experiment["digests"]))
    found = {path.name: path for path in folders(folder / "runs")}
    records = gather([found[digest] for digest in expected if digest in found])
    if not records.rows:
        raise ResultsError(
            f"{folder / 'runs'} holds no finished run of this experiment (expected {len(expected)}, "
            f"{len(found)} of other experiments); run it first"
        )
    histories = records.histories()
    runs = with_rises(_runs(records, histories).join(_trials(experiment)), folder)
    failures = tuple(_failures(folder, set(expected) - set(found)))
    tally = runs["outcome"].value_counts()
    counts = Counts(
        expected=len(expected),
        present=len(runs),
        failed=len(failures),
        foreign=len(found) - len(runs),
        **{outcome: int(tally.get(outcome, 0)) for outcome in ("diverged", "stuck", "unreached")},
    )
    origins = tuple(records.provenance.values())
    return Results(folder, experiment, runs, records.fields, counts, failures, origins, histories)


def _document(folder: Folder) -> Mapping[str, Any]:
    path = folder / "experiment.json"
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ResultsError(f"{folder} holds no experiment.json; give the folder of an experiment that ran") from None
    except ValueError as error:
        raise ResultsError(f"{path} is torn ({error}); run the experiment again to write it anew") from None
    if not isinstance(document, dict) or not isinstance(document.get("digests"), list):
        raise ResultsError(f"{path} does not list the digests of its runs; run the experiment again to write it anew")
    return document


def _runs(records: Gathered, histories: pd.DataFrame) -> pd.DataFrame:
    runs = pd.DataFrame(records.rows).set_index("digest")
    names = measured(histories)
    runs = runs.drop(columns=[name for name in names if name in runs]).join(final(histories)[names])
    reached = runs.get("target_reached", pd.Series(None, runs.index, dtype=object))
    runs["outcome"] = runs["status"].mask((runs["status"] == "done") & reached.eq(False), "unreached")
    rates = np.array(records.rates)
    return runs.assign(peak_rate=rates, rate_per_example=rates / runs["batch_size"].to_numpy(float))


def _trials(experiment: Mapping[str, Any]) -> pd.DataFrame:
    """Return `purpose` (search, edge or confirm) and `trial` of each run of a search; else no columns."""
    said = (experiment.get("search") or {}).get("trials", {})
    return pd.DataFrame.from_dict(said, orient="index", columns=["purpose", "trial"]) if said else pd.DataFrame()


def _failures(folder: Folder, unfinished: set[str]) -> Iterator[Mapping[str, Any]]:
    for path in matching(folder / "failures", "*.json"):
        if path.stem in unfinished:
            try:
                yield json.loads(path.read_bytes())
            except ValueError:
                yield {"digest": path.stem, "attempts": None, "error": f"{path} is torn", "traceback": ""}
