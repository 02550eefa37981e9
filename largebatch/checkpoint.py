"""One file a pack: everything needed to go on with the same bits."""

from collections.abc import Sequence
from typing import Any

import flax.serialization as serialization
import numpy as np

from largebatch.config import digest
from largebatch.history import History
from largebatch.measurements import packed, unpacked
from largebatch.pack import Pack
from largebatch.storage import Folder, write_file

SCHEMA = 2
FIELDS = ("history", "timing", "status", "diverged_at", "reached_at", "pending")


def save(path: Folder, pack: Pack, rows: Sequence[History], elapsed: dict[str, float]) -> None:
    """Write the pack's state and its rows' histories atomically; the previous file stands until then."""
    content = {
        "schema": SCHEMA,
        "digests": [digest(row) for row in pack.rows],
        "update": pack.update,
        "elapsed": elapsed,
        "streams": pack.streams.snapshot(),
        "state": serialization.to_state_dict(pack.snapshot()),
        "rows": [{name: flat(getattr(row, name)) for name in FIELDS} for row in rows],
        "probes": [packed(row.probes) for row in rows],
        "weights": [{str(update): named for update, named in row.weights.items()} for row in rows],
    }
    write_file(path, serialization.msgpack_serialize(content))


def restore(path: Folder, pack: Pack, rows: Sequence[History]) -> dict[str, float] | None:
    """Bring a pack and its rows to where the file left them, and return the elapsed seconds.

    Returns None, and changes nothing, where there is no file, or it is torn or of another pack.
    """
    content = _read(path)
    if content.get("schema") != SCHEMA or content["digests"] != [digest(row) for row in pack.rows]:
        return None
    pack.streams.restore(content["streams"])
    pack.restore(serialization.from_state_dict(pack.snapshot(), content["state"]), int(content["update"]))
    for row, saved in zip(rows, content["rows"], strict=True):
        for name in FIELDS:
            setattr(row, name, unflat(saved[name]))
    for row, saved in zip(rows, content["probes"], strict=True):
        row.probes = unpacked(saved)
    for row, saved in zip(rows, content.get("weights", [{}] * len(rows)), strict=True):
        row.weights = {int(update): named for update, named in saved.items()}
    return dict(content["elapsed"])


def _read(path: Folder) -> dict[str, Any]:
    try:
        content = serialization.msgpack_restore(path.read_bytes())
    except (FileNotFoundError, ValueError):
        # A damaged file must not stop a pack at every attempt: it starts over.
        return {}
    return content if isinstance(content, dict) else {}


def flat(value: Any) -> Any:
    """Return rows as columns, which a file holds; anything else as it is."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {name: np.array([row[name] for row in value], np.float64) for name in value[0]}
    return value


def unflat(value: Any) -> Any:
    """Return columns as rows; the inverse of `flat`."""
    if isinstance(value, dict):
        columns = {name: column.tolist() for name, column in value.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return value
