"""The streams of a pack's rows, window after window of epochs, and the audit of what was visited; no jax here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int8, Int32

from largebatch import sampling
from largebatch.audit import Audit
from largebatch.config import RunConfig
from largebatch.layout import Layout


@dataclass(frozen=True)
class Window:
    """Which part of a run one plan holds.

    Attributes:
        layout: how its batches are cut.
        origin: its first update.
        epoch: its first epoch.
        epochs: how many it holds, at most `layout.epochs`; fewer where the run ends before.
    """

    layout: Layout
    origin: int
    epoch: int
    epochs: int

    def visited(self, update: int) -> list[int]:
        """Return how many positions of each epoch were visited after so many updates of the run."""
        done = update - self.origin - np.arange(self.epochs) * self.layout.per_epoch
        updates = np.clip(done, 0, self.layout.per_epoch)
        return np.minimum(updates * self.layout.batch, self.layout.examples).tolist()


class Streams:
    """What each row of a pack visits, and has visited.

    Rows that draw the same are drawn and audited once. With `grab` every row has its own
    permutation, which follows from the last one and the signs of its units.

    Args:
        rows: the runs; all or none of them use `grab`.
        labels: classes of the training examples, as trained on.
        ahead: epochs of its order that each run leaves to those it was forked from.
    """

    def __init__(self, rows: Sequence[RunConfig], labels: np.ndarray, ahead: Sequence[int]) -> None:
        """Begin before the first epoch."""
        own = [f"row {place}" if row.grab else str(ahead[place]) for place, row in enumerate(rows)]
        self.keys = [f"{row.order} {row.seed.order} {mine}" for row, mine in zip(rows, own, strict=True)]
        self.rows = dict(zip(self.keys, rows, strict=True))
        self.ahead = dict(zip(self.keys, ahead, strict=True))
        self.labels = labels
        self.window: Window | None = None
        self._epoch = 0
        self._plans: dict[str, list[np.ndarray]] = {}
        self._audits = {key: Audit(np.zeros(len(labels), np.int64)) for key in self.rows}
        self._ended: dict[int, Audit] = {}

    def load(
        self, window: Window, *, update: int, signs: Int8[np.ndarray, "rows units"] | None = None
    ) -> Int32[np.ndarray, "rows stream"]:
        """Return the stream of every row in a window; the window before is audited up to `update`.

        Args:
            window: what to load.
            update: how far the run is.
            signs: of every row's units in the epoch before, for `grab`.
        """
        self._audits = {key: self._audit(key, update) for key in self.rows}
        stream = np.zeros((len(self.keys), window.layout.stream), np.int32)
        plans = {key: self._epochs(key, window, signs) for key in self.rows}
        for place, key in enumerate(self.keys):
            if plans[key]:
                stream[place, : window.epochs * window.layout.examples] = np.concatenate(plans[key])
        self._plans, self.window, self._epoch = plans, window, window.epoch
        return stream

    def _epochs(self, key: str, window: Window, signs: np.ndarray | None) -> list[np.ndarray]:
        row = self.rows[key]
        if row.grab and window.epoch and self._plans:
            return [self._follow(key, window, signs)]
        epochs = range(window.epoch, window.epoch + window.epochs)
        if sampling.ORDERS[row.order].repeats and len(epochs):
            return [self._draw(row, window, epochs[0])] * len(epochs)
        ahead = 0 if row.grab else self.ahead[key]
        return [self._draw(row, window, ahead + epoch) for epoch in epochs]

    def _draw(self, row: RunConfig, window: Window, epoch: int) -> np.ndarray:
        return sampling.plan(
            row.order, examples=window.layout.examples, seed=row.seed.order, epoch=epoch,
            batch=window.layout.batch, labels=self.labels,
        )  # fmt: skip

    def _follow(self, key: str, window: Window, signs: np.ndarray | None) -> np.ndarray:
        (current,) = self._plans[key]
        if window.epoch == self._epoch:
            return current
        assert window.epoch == self._epoch + 1 and signs is not None, "a permutation follows from the one before"
        return sampling.balanced(current, signs[self.keys.index(key)])

    def _audit(self, key: str, update: int) -> Audit:
        if self.window is None:
            return self._audits[key]
        found = self._audits[key].copy()
        for plan, visited in zip(self._plans[key], self.window.visited(update), strict=True):
            found.add(plan[:visited])
        return found

    def end(self, place: int, update: int) -> None:
        """Close the audit of a row that is over, while others go on."""
        self._ended[place] = self._audit(self.keys[place], update)

    def audit(self, place: int, update: int) -> Audit:
        """Return what a row has visited after so many updates, or had when it ended."""
        return self._ended.get(place) or self._audit(self.keys[place], update)

    def part(self, place: int) -> dict[str, Any]:
        """Return what `join` needs of one row."""
        key = self.keys[place]
        grab = {"permutations": self._plans[key][0]} if self.rows[key].grab and key in self._plans else {}
        return {"epoch": self._epoch, "audits": self._audits[key].state(), **grab}

    def join(self, parts: Sequence[dict[str, Any]]) -> None:
        """Continue from the parts of all rows, taken at the same update of the same runs; see `restore`."""
        named = dict(zip(self.keys, parts, strict=True))
        whole = {name: {k: p[name] for k, p in named.items() if name in p} for name in ("permutations", "audits")}
        self.restore({"epoch": parts[0]["epoch"], "ended": {}, **whole})

    def snapshot(self) -> dict[str, Any]:
        """Return what `restore` needs: the audits of the windows before, and the permutations of `grab`."""
        return {
            "epoch": self._epoch,
            "permutations": {key: plans[0] for key, plans in self._plans.items() if self.rows[key].grab},
            "audits": {key: audit.state() for key, audit in self._audits.items()},
            "ended": {str(place): audit.state() for place, audit in self._ended.items()},
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Continue from a snapshot; the window it was taken in is to be loaded next."""
        self.window, self._epoch = None, int(saved["epoch"])
        self._plans = {key: [np.asarray(plan)] for key, plan in saved["permutations"].items()}
        self._audits = {key: Audit.restore(state) for key, state in saved["audits"].items()}
        self._ended = {int(place): Audit.restore(state) for place, state in saved["ended"].items()}
