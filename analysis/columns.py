"""What the columns of the tables are: name, table, unit, meaning."""

from typing import TYPE_CHECKING, Any

from largebatch.records import HISTORY, TIMING

if TYPE_CHECKING:
    import pandas as pd

    from analysis.load import Results

MADE = {
    "digest": ("", "the run's identity: a hash of its configuration, or of its source where it was imported"),
    "status": ("", "how training ended: done, diverged or stuck"),
    "outcome": ("", "the status, or unreached where a run spent its cap before the target of its budget"),
    "seed": ("", "the seed that all streams share, else initialization/order/data"),
    "peak_rate": ("1", "learning rate after the scaling rule, before warm-up and decay; NaN where no rule gives it"),
    "rate_per_example": ("1", "peak_rate over the batch size"),
    "diverged_at": ("updates", "first update with a number that is not finite"),
    "setup_seconds": ("s", "loading and compiling, once a pack"),
    "pack_width": ("runs", "runs trained side by side in the same program"),
    "target_reached": ("", "whether the budget's target was reached"),
    "updates_to_target": ("updates", "where it was, interpolated"),
    "uninformed_loss": ("nats or 1", "loss of a guess that knows only how often each class occurs"),
}
"""Columns that no schema of the records names: unit and meaning."""


PROBED = ("", "found by a probe, or follows from what one found; see `largebatch list probes`")


def columns(results: "Results") -> "pd.DataFrame":
    """Return one row a column of `results.runs` and of `results.histories()`: table, name, unit, meaning.

    Columns of the configuration carry their dotted name; `largebatch validate` and the models in
    `largebatch.config` say what each may be. What comes from the summary alone is called so.
    """
    import pandas as pd

    measured = {column.name: (column.unit, column.meaning) for column in (*HISTORY, *TIMING)}
    along = results.histories().columns
    probed = {*along} - {*measured, "digest"}
    rows: list[dict[str, Any]] = []
    for name in ["digest", *results.runs.columns]:
        unit, meaning = MADE.get(name) or _of(name, measured, probed, results)
        rows.append({"table": "runs", "name": name, "unit": unit, "meaning": meaning})
    for name in along:
        unit, meaning = MADE["digest"] if name == "digest" else measured.get(name, PROBED)
        rows.append({"table": "histories", "name": name, "unit": unit, "meaning": meaning})
    return pd.DataFrame(rows)


def _of(
    name: str, measured: dict[str, tuple[str, str]], probed: set[str], results: "Results"
) -> tuple[str, str]:  # fmt: skip
    """Return unit and meaning; in the table of runs a measured column is read at the run's end."""
    if name in results.fields or name.partition(".")[0] in ("seed", "execution"):
        return "", "configuration"
    if name in measured:
        unit, meaning = measured[name]
        return unit, f"{meaning}, at the end of the run"
    return PROBED if name in probed else ("", "from the run's summary")
