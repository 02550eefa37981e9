"""What `show RUN` prints of one run: what it is, its curves, how it ended, what computed it, its log."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from experiments.curve import curve
from experiments.place import Place, say
from largebatch import live, records
from largebatch.config import RunConfig, digest
from largebatch.records import Record
from largebatch.storage import Folder
from sweeps import worker_log
from sweeps.ledger import Failure, Ledger

CURVES = ("train_loss", "test_loss", "test_error")
SUMMARY = (
    "updates", "update", "epoch", "train_loss", "train_error", "test_loss", "test_error", "loss_gap", "error_gap",
    "diverged_at", "updates_to_target", "seconds", "setup_seconds", "pack_width", "resumed_at",
)  # fmt: skip
"""Of a record's summary, what everybody asks for first; `--json` has everything."""

LAST = 10
"""Lines of its worker's log; `logs` shows more."""


@dataclass(frozen=True)
class Shown:
    """One run and all that is known of it."""

    config: RunConfig
    state: str
    """`done`, `diverged`, `stuck`, `failed`, `cancelled`, `running` or `missing`."""
    record: Record | None
    rows: Sequence[Mapping[str, float | int]]
    """What was measured, of a run without a record too."""
    failure: Failure | None
    logs: Sequence[tuple[Folder, str]] = ()
    """What workers wrote while they were at it: file and text."""

    @property
    def digest(self) -> str:
        """The run's identity."""
        return digest(self.config)


def shown(place: Place, config: RunConfig) -> Shown:
    """Read what there is of a run.

    Raises:
        RecordError: its record is torn.
        SweepError: a failure's record is torn.
    """
    run = digest(config)
    logs = worker_log.of_run(place.folder, run)
    ledger = Ledger.read(place.folder, place.experiment.configs)
    if run in ledger.done:
        record = records.read(place.folder / "runs" / run)
        series = {name: values.tolist() for name, values in {**record.timing, **record.history}.items()}
        rows = [dict(zip(series, values, strict=True)) for values in zip(*series.values(), strict=True)]
        return Shown(config, ledger.done[run], record, rows, None, logs)
    path = live.files(place.folder).get(run)
    unfinished = live.read(path) if path else None
    failure = ledger.failed.get(run)
    state = "cancelled" if run in ledger.cancelled else "running" if unfinished else "missing"
    state = "failed" if failure else state
    return Shown(config, state, None, unfinished.rows if unfinished else [], failure, logs)


def document(run: Shown) -> dict[str, Any]:
    """Return everything that is known of a run as plain values."""
    return {
        "digest": run.digest,
        "state": run.state,
        "config": run.config.model_dump(mode="json"),
        "summary": run.record.summary if run.record else None,
        "provenance": run.record.provenance if run.record else None,
        "rows": [dict(row) for row in run.rows],
        "failure": vars(run.failure) if run.failure else None,
        "logs": [{"file": str(path), "text": text} for path, text in run.logs],
    }


def show_run(place: Place, run: Shown, console: Console) -> None:
    """Print a run, and what to type next."""
    name = f"run {run.digest}: {run.state}"
    say(console, name)
    _pairs(console, "configuration (what differs from the defaults)", _differing(run.config))
    for measure in CURVES:
        points = [(row["update"], row[measure]) for row in run.rows if measure in row]
        if not points:
            continue
        say(console, f"\n{measure} against updates")
        x, y = zip(*points, strict=True)
        for text in curve(x, y, width=min(64, console.width - 12), height=6, logarithmic=measure == "train_loss"):
            say(console, text)
    if run.record:
        summary = {key: run.record.summary.get(key) for key in SUMMARY}
        _pairs(console, "in the end", {key: _number(value) for key, value in summary.items() if value is not None})
        _pairs(console, "computed by", _provenance(run.record.provenance))
        say(console, f"\nrecord: {place.folder / 'runs' / run.digest}")
    if run.failure:
        say(console, f"\nfailed {run.failure.attempts} times, last at {run.failure.when}")
        say(console, run.failure.traceback.rstrip() or run.failure.error)
    for path, text in run.logs[-1:]:
        lines = text.rstrip().splitlines()
        say(console, f"\nlog: the last {min(LAST, len(lines))} of {len(lines)} lines about it in {path}")
        for line in lines[-LAST:]:
            say(console, f"  {line}")
    say(console, _next(place, run))


def _next(place: Place, run: Shown) -> str:
    if run.state == "failed":
        return f"to try it again: {place.command('run')}; its worker's log: {place.command('logs', run.digest[:8])}"
    if run.state == "cancelled":
        return f"it was taken out of the sweep; to take it back in: {place.command('retry', run.digest[:8])}"
    if run.state == "running":
        return f"it trains, or was left unfinished; what is going on: {place.command('status', '--watch')}"
    if run.state == "missing":
        return f"nothing is known of it yet; to train it: {place.command('run')}"
    return f"everything as JSON: {place.command('show', run.digest[:8], '--json')}"


def _differing(config: RunConfig) -> dict[str, str]:
    said = config.model_dump(mode="json", exclude={"execution"}, exclude_defaults=True)
    return {"batch_size": str(config.batch_size), **_flat(said)}


def _flat(said: Mapping[str, Any], path: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in said.items():
        where = f"{path}{name}"
        flat |= _flat(value, f"{where}.") if isinstance(value, dict) else {where.removesuffix(".name"): str(value)}
    return flat


def _provenance(said: Mapping[str, Any]) -> dict[str, str]:
    flat = {key: value for key, value in said.items() if not isinstance(value, dict) and value not in (None, "")}
    packages = said.get("packages") or {}
    data = said.get("data") or {}
    own = {"packages": ", ".join(f"{name} {version}" for name, version in packages.items())}
    return {key: str(value) for key, value in {**flat, **own, "data": data.get("checksum", "")}.items() if value}


def _pairs(console: Console, title: str, pairs: Mapping[str, str]) -> None:
    if not pairs:
        return
    say(console, f"\n{title}")
    margin = max(map(len, pairs)) + 2
    for key, value in pairs.items():
        lines = textwrap.wrap(value, max(20, console.width - margin), break_on_hyphens=False) or [""]
        say(console, f"{key:<{margin}}" + f"\n{'':<{margin}}".join(lines))


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
