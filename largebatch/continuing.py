"""Goes on where shorter runs ended: the state of each row is kept at its end, and put back into a pack of longer runs.

The continued run has the bits of one trained from the start in a pack of the same width.
"""

from collections.abc import Sequence
from typing import Any

import flax.serialization as serialization
import jax

from largebatch.checkpoint import FIELDS, flat, unflat
from largebatch.fork import with_row
from largebatch.history import History
from largebatch.longer import file_of, start
from largebatch.measurements import packed, unpacked
from largebatch.pack import Pack
from largebatch.storage import Folder, write_file

SCHEMA = 1


def keep(states: Folder, pack: Pack, rows: Sequence[History], elapsed: dict[str, float]) -> None:
    """Keep the state of every row that asked for it and spent its budget; of local SGD on several devices, of none."""
    wanted = [i for i, row in enumerate(rows) if row.config.execution.keep_state and row.status is None]
    if not wanted or not _parted(pack):
        return
    state = _by_row(pack)
    for place in wanted:
        row = rows[place]
        content = {
            "schema": SCHEMA,
            "data": pack.source.checksum,
            "update": pack.update,
            "elapsed": elapsed,
            "state": serialization.to_state_dict(jax.tree.map(lambda a, place=place: a[place : place + 1], state)),
            "streams": pack.streams.part(place),
            "row": {name: flat(getattr(row, name)) for name in FIELDS},
            "probes": packed(row.probes),
            "weights": {str(update): named for update, named in row.weights.items()},
        }
        write_file(file_of(states, row.config), serialization.msgpack_serialize(content))


def begin(states: Folder, runs: Folder, pack: Pack, rows: Sequence[History]) -> dict[str, float] | None:
    """Put a pack and its rows where shorter runs ended, and return the seconds spent so far.

    Returns None, and changes nothing, where not all rows can go on from the same update.
    """
    if not _parted(pack):
        return None
    found = [_read(states, runs, row, pack.source.checksum) for row in rows]
    if any(content is None for content in found) or len({int(content["update"]) for content in found if content}) != 1:
        return None
    contents = [content for content in found if content]
    filled = [*contents, *[contents[-1]] * (len(pack.rows) - len(contents))]  # dead rows repeat the last
    state = _by_row(pack)
    blank = jax.tree.map(lambda a: a[:1], state)
    for place, content in enumerate(filled):
        own = serialization.from_state_dict(blank, content["state"])
        state = jax.tree.map(lambda a, b, place=place: with_row(a, b, place), state, own)
    pack.streams.join([content["streams"] for content in filled])
    whole = state if pack.config.local is None else jax.tree.map(lambda a: a[None], state)
    pack.restore(whole, int(contents[0]["update"]))
    for row, content in zip(rows, contents, strict=True):
        for name in FIELDS:
            setattr(row, name, unflat(content["row"][name]))
        row.probes = unpacked(content["probes"])
        if row.config.execution.keep_weights is not None:
            row.weights = {int(update): named for update, named in content["weights"].items()}
    return {name: max(float(content["elapsed"][name]) for content in contents) for name in contents[0]["elapsed"]}


def _parted(pack: Pack) -> bool:
    """Return whether each row has a state of its own: the workers of local SGD may be spread over several devices."""
    return pack.config.local is None or pack.devices == 1


def _by_row(pack: Pack) -> Any:
    """Return the state of all rows, the row axis first: a snapshot of workers has that of their one device before."""
    state = pack.snapshot()
    return state if pack.config.local is None else jax.tree.map(lambda a: a[0], state)


def _read(states: Folder, runs: Folder, row: History, data: str) -> dict[str, Any] | None:
    """Return the state from which a row can go on; None where there is none, or one of other data."""
    source, _ = start(row.config, runs, states)
    if source is None:
        return None
    try:
        content = serialization.msgpack_restore(source.file.read_bytes())
    except (OSError, ValueError):
        return None  # a damaged file must not stop a run: it starts over
    whole = isinstance(content, dict) and (content.get("schema"), content.get("data")) == (SCHEMA, data)
    return content if whole else None
