"""Where a fork begins: the state of its parent after some updates, trained once and kept for all that fork there."""

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import flax.serialization as serialization
import jax
import numpy as np

from largebatch.config import RunConfig, digest
from largebatch.extent import fork_point
from largebatch.state import State
from largebatch.storage import Folder, write_file

SAVE_SECONDS = 60.0
"""Between two saves while a parent is trained."""
SCHEMA = 2


def parent_state(config: RunConfig, folder: Folder | None) -> Any:
    """Return the state in which a fork's parent stands at the fork, as nested dictionaries of NumPy arrays.

    The parent trains alone, in a pack of width 1, from the latest state that `folder` holds.

    Args:
        config: the fork.
        folder: where states are kept between calls; None keeps nothing.
    """
    from largebatch.pack import Pack  # a pack of forks asks for its parents' states

    parent, point = config.parent, fork_point(config)
    assert parent is not None, "only a fork has a parent"
    name = digest(parent)
    done, kept = _latest(folder, name, point)
    if done == point:
        return kept["state"]
    pack = Pack([parent], width=1, states=folder)
    pack.warm_up()  # it loads the first plan, which a permutation that follows from another would not outlive
    if done:
        pack.streams.restore(kept["streams"])
        pack.restore(serialization.from_state_dict(pack.snapshot(), kept["state"]), done)
    stretch, saved = pack.layouts[0].updates, time.perf_counter()
    while pack.update < point:
        pack.advance(min(point, pack.update + stretch))
        if folder and pack.update < point and time.perf_counter() - saved > SAVE_SECONDS:
            _save(folder, name, pack)
            saved = time.perf_counter()
    if folder:
        _save(folder, name, pack)
    return serialization.to_state_dict(pack.snapshot())


def _file(folder: Folder, name: str, update: int) -> Folder:
    return folder / f"{name}-{update}.msgpack"


def _save(folder: Folder, name: str, pack: Any) -> None:
    # The permutation of `grab` follows from the one before, so it is kept with the state.
    streams, state = pack.streams.snapshot(), serialization.to_state_dict(pack.snapshot())
    content = {"schema": SCHEMA, "streams": streams, "state": state}
    write_file(_file(folder, name, pack.update), serialization.msgpack_serialize(content))


def _latest(folder: Folder | None, name: str, most: int) -> tuple[int, dict[str, Any]]:
    """Return the last kept update up to `most` and what `_save` wrote of it; 0 and nothing where there is none."""
    found = [] if folder is None or not folder.is_dir() else [f.name for f in folder.glob(f"{name}-*.msgpack")]
    kept = sorted((int(m[1]) for f in found if (m := re.search(r"-(\d+)\.msgpack$", f))), reverse=True)
    for update in (u for u in kept if u <= most):
        assert folder is not None
        try:
            content = serialization.msgpack_restore(_file(folder, name, update).read_bytes())
        except (OSError, ValueError):
            continue  # a damaged file must not stop a fork: an earlier state serves
        if isinstance(content, dict) and content.get("schema") == SCHEMA:
            return update, content
    return 0, {}


def forked(state: State, rows: Sequence[RunConfig], states: Folder | None) -> State:
    """Return new states with those rows that are forks put where their parents stand."""
    parents: dict[str, Any] = {}
    for place, row in enumerate(rows):
        if row.fork is None:
            continue
        run = digest(row)
        if run not in parents:
            parents[run] = parent_state(row, states)
        kept = state if row.fork.keep == "all" else state.params
        theirs = parents[run] if row.fork.keep == "all" else parents[run]["params"]
        taken = serialization.from_state_dict(jax.tree.map(lambda a: a[:1], kept), theirs)
        put = jax.tree.map(lambda a, b, place=place: with_row(a, b, place), kept, taken)
        state = put if row.fork.keep == "all" else _begun(state, put)
    return state


def _begun(state: State, params: Any) -> State:
    """Return a state that begins at given weights, its average too."""
    return replace(state, params=params, average=None if state.average is None else params)


def with_row(array: np.ndarray, row: np.ndarray, place: int) -> np.ndarray:
    """Return a copy in which one row is that of another array, which has one."""
    changed = np.array(array)
    changed[place] = row[0]
    return changed
