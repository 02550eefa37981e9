"""One row of a pack as it becomes a record: what was measured, where it ended, and why."""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from largebatch import measurements
from largebatch.config import RunConfig, digest
from largebatch.records import HISTORY, TIMING, Record, Status
from largebatch.weights import Named

PARTS = ("train", "validation", "test")
MEASURES = ("loss", "error", "error_true", "noisy", "memorized")
"""What `largebatch.evaluate.evaluate` sums over each part."""
NAN = float("nan")


@dataclass
class History:
    """The measurements of one run, and whether it is over.

    Attributes:
        config: the run.
        uninformed: loss of the best prediction that ignores the input.
        history: rows of `largebatch.records.HISTORY`.
        timing: rows of `largebatch.records.TIMING`.
        status: None while the run goes on.
        diverged_at: first update whose loss was not finite.
        reached_at: update at which the target was crossed, interpolated.
        pending: loss sum and count of the batches since the last row.
        probes: what each probe found, by its title.
        weights: those that are kept, by update and path.
    """

    config: RunConfig
    uninformed: float
    history: list[dict[str, float]] = field(default_factory=list)
    timing: list[dict[str, float]] = field(default_factory=list)
    status: Status | None = None
    diverged_at: float = NAN
    reached_at: float = NAN
    pending: list[float] = field(default_factory=lambda: [0.0, 0.0])
    probes: dict[str, measurements.Measured] = field(default_factory=dict)
    weights: dict[int, Named] = field(default_factory=dict)

    @property
    def target(self) -> float:
        """The train loss to stop at; NaN without a target."""
        until = self.config.budget.until
        return until.train_loss if until else NAN

    def watch(self, loss_sum: float, count: float, nonfinite: float) -> bool:
        """Take note of a stretch; return whether a full evaluation is wanted now."""
        self.pending = [self.pending[0] + loss_sum, self.pending[1] + count]
        if math.isfinite(nonfinite) and math.isnan(self.diverged_at):
            self.diverged_at = nonfinite
        # The running loss lags and fluctuates: look a little above the target already.
        near = count > 0 and loss_sum / count <= 1.25 * self.target
        return not math.isnan(self.diverged_at) or near

    def measure(
        self, measured: Mapping[str, np.ndarray], place: Mapping[str, float], clock: Mapping[str, float]
    ) -> None:
        """Append a row from one row of `largebatch.evaluate.evaluate`, and decide whether the run is over.

        Args:
            measured: `sums` [3, 5], `counts` [3], `weight_norm`, `distance`.
            place: update, epoch, examples, learning_rate and gradient_norm.
            clock: columns of `TIMING`.
        """
        loss_sum, count = self.pending
        row = {**place, **_means(measured), "running_train_loss": loss_sum / count if count else NAN}
        if math.isnan(self.diverged_at) and not math.isfinite(row["train_loss"]):
            self.diverged_at = place["update"]
        self._cross(row)
        self.history.append(row)
        self.timing.append(dict(clock))
        self.pending = [0.0, 0.0]
        if not math.isnan(self.diverged_at):
            self.status = "diverged"
        elif row["train_loss"] <= self.target:
            self.status = "done"

    def _cross(self, row: Mapping[str, float]) -> None:
        if not row["train_loss"] <= self.target:
            return
        self.reached_at = row["update"]
        if self.history:
            # Straight in the logarithm of the loss between the two evaluations around the target; a loss may be 0.
            before = self.history[-1]
            a, b = (math.log(max(point["train_loss"], sys.float_info.min)) for point in (before, row))
            share = (a - math.log(self.target)) / (a - b)
            self.reached_at = before["update"] + share * (row["update"] - before["update"])

    def end(self) -> None:
        """Close a run that spent its budget."""
        if self.status is None:
            stuck = self.history[-1]["train_loss"] >= self.uninformed
            self.status = "stuck" if stuck else "done"

    def record(self, *, experiment: str, summary: Mapping[str, Any], provenance: Mapping[str, Any]) -> Record:
        """Return the record of a closed run."""
        assert self.status is not None, "a record is made of a closed run"
        # By column, because a row read from a checkpoint has only floats.
        last = {c.name: np.asarray(self.history[-1][c.name], c.dtype).item() for c in HISTORY}
        own = {
            "diverged_at": self.diverged_at,
            "target": self.target,
            "target_reached": None if math.isnan(self.target) else not math.isnan(self.reached_at),
            "updates_to_target": self.reached_at,
            "uninformed_loss": self.uninformed,
            "seconds": self.timing[-1]["seconds"],
            **measurements.summary(self.probes, self.timing[-1]["seconds"]),
        }
        return Record(
            digest=digest(self.config),
            experiment=experiment,
            status=self.status,
            config=self.config.model_dump(mode="json"),
            summary={**last, **own, **summary},
            provenance=dict(provenance),
            history={c.name: np.array([row[c.name] for row in self.history], c.dtype) for c in HISTORY},
            timing={c.name: np.array([row[c.name] for row in self.timing], c.dtype) for c in TIMING},
            probes=self.probes,
        )


def _means(measured: Mapping[str, np.ndarray]) -> dict[str, float]:
    sums, counts = np.asarray(measured["sums"], np.float64), np.asarray(measured["counts"], np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(counts[:, None] > 0, sums / counts[:, None], NAN)
        noisy = sums[0, 3]
        row = {f"{part}_loss": means[i, 0] for i, part in enumerate(PARTS)}
        row |= {f"{part}_error": means[i, 1] for i, part in enumerate(PARTS)}
        if not math.isfinite(row["train_loss"]):
            # The argmax of NaN is class 0: an error rate of a diverged run would be an accident.
            row = dict.fromkeys(row, NAN)
            means[0, 2] = noisy = NAN
        row["train_error_true"] = means[0, 2]
        row["memorized"] = sums[0, 4] / noisy if noisy > 0 else NAN
    row["loss_gap"] = row["test_loss"] - row["train_loss"]
    row["error_gap"] = row["test_error"] - row["train_error"]
    norms = {name: float(measured[name]) for name in ("weight_norm", "distance")}
    return {**{name: float(value) for name, value in row.items()}, **norms}
