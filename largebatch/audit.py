"""What a run really visited: epoch by epoch, and how often each example; no jax here."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Int, Int32

from largebatch.records import Column, parquet

EPOCHS = (
    Column("epoch", "epochs", "int64", "counted from 0"),
    Column("plan", "", "str", "first 16 hex digits of the SHA-256 of the indices visited, in order, as int32"),
    Column("distinct", "examples", "int64", "different examples among them"),
    Column("visited", "examples", "int64", "visited in this epoch, repeats counted"),
)
"""Columns of `audit.parquet`: one row for every epoch begun."""


@dataclass
class Audit:
    """The audit of one stream of indices.

    Attributes:
        visits: of each example, int64[N].
        plan, distinct, visited: one value for every epoch begun, as in `EPOCHS`.
    """

    visits: Int[np.ndarray, " examples"]
    plan: list[str] = field(default_factory=list)
    distinct: list[int] = field(default_factory=list)
    visited: list[int] = field(default_factory=list)
    _last: tuple[Any, Any] = field(default=(None, None), repr=False)

    def add(self, indices: Int32[np.ndarray, " visited"]) -> None:
        """Take note of the indices of an epoch that were visited, in order; nothing visited is nothing begun."""
        if not len(indices):
            return
        key, seen = self._last
        if key is None or len(key) != len(indices) or not np.array_equal(key, indices):
            counts = np.bincount(indices, minlength=len(self.visits))
            seen = hashlib.sha256(np.asarray(indices, "<i4").tobytes()).hexdigest()[:16], counts
            self._last = indices, seen
        plan, counts = seen
        self.visits = self.visits + counts
        self.plan.append(plan)
        self.distinct.append(int(np.count_nonzero(counts)))
        self.visited.append(len(indices))

    def copy(self) -> "Audit":
        """Return an audit that goes on apart from this one."""
        return Audit(self.visits, [*self.plan], [*self.distinct], [*self.visited], self._last)

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, as arrays and lists."""
        return {name: value for name, value in self._columns() if name != "epoch"} | {"visits": self.visits}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> "Audit":
        """Return the audit whose `state` this is."""
        return cls(np.asarray(state["visits"]), [*state["plan"]], [*state["distinct"]], [*state["visited"]])

    def summary(self) -> dict[str, Any]:
        """Return the numbers of it that belong into a run's summary."""
        return {
            "epochs_begun": len(self.plan),
            "visits_min": int(self.visits.min()),
            "visits_max": int(self.visits.max()),
            "visits_mean": float(self.visits.mean()),
        }

    def files(self) -> dict[str, bytes]:
        """Return the files of a run's folder that hold it, by name.

        `audit.parquet` has the columns of `EPOCHS`. `visits.npy` is a histogram over all N examples,
        int64[different counts, 2]: how often an example was visited over the run, how many were so often.
        """
        histogram = np.bincount(self.visits)
        often = np.flatnonzero(histogram)
        content = io.BytesIO()
        # A second parquet file would cost ten times the time of this one.
        np.save(content, np.stack([often, histogram[often]], axis=1))
        return {"audit.parquet": parquet(dict(self._columns()), EPOCHS), "visits.npy": content.getvalue()}

    def _columns(self) -> Iterator[tuple[str, Any]]:
        yield "epoch", np.arange(len(self.plan))
        for name in ("plan", "distinct", "visited"):
            yield name, getattr(self, name)
