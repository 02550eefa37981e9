"""Which row of a history stands for its run: the last one, or the one at an equal loss, goal or length."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

UNITS = {"epochs": "epoch", "updates": "update", "examples": "examples"}


def final(histories: pd.DataFrame) -> pd.DataFrame:
    """Return the last row of each run, indexed by digest."""
    return _by_digest(histories[~histories["digest"].duplicated(keep="last")])


def at_train_loss(histories: pd.DataFrame, target: float) -> pd.DataFrame:
    """Return each run where its train loss first reaches `target`, NaN where it never does.

    Between two evaluation points every column is interpolated in the logarithm of the
    train loss, which falls in nearly straight lines there.

    Args:
        histories: long table of `Results.histories`, rows of a run in order.
        target: train loss, full training set, above 0.

    Raises:
        ValueError: the target is not above 0.
    """
    if not target > 0:
        raise ValueError(f"a train loss to be matched must be above 0, got {target}")
    loss = histories["train_loss"].to_numpy(float)
    position = np.log(np.maximum(loss, np.finfo(float).tiny))
    rows = _crossing(histories, -position, -np.log(target))
    # A straight line lies above the curve it stands for, so only the loss of a run that began below is smaller.
    return rows.assign(train_loss=rows["train_loss"].clip(upper=target))


def at_epochs(histories: pd.DataFrame, epochs: float) -> pd.DataFrame:
    """Return each run after `epochs` passes, interpolated; NaN where it ended before."""
    return _crossing(histories, histories["epoch"].to_numpy(float), epochs)


def at_updates(histories: pd.DataFrame, updates: float) -> pd.DataFrame:
    """Return each run after `updates` updates, interpolated; NaN where it ended before."""
    return _crossing(histories, histories["update"].to_numpy(float), updates)


def at_examples(histories: pd.DataFrame, examples: float) -> pd.DataFrame:
    """Return each run after `examples` examples, interpolated; NaN where it ended before."""
    return _crossing(histories, histories["examples"].to_numpy(float), examples)


def at_seconds(histories: pd.DataFrame, seconds: float) -> pd.DataFrame:
    """Return each run after `seconds` of its pack's wall clock, interpolated; NaN where it ended before."""
    return _crossing(histories, histories["seconds"].to_numpy(float), seconds)


def at_validation_error(histories: pd.DataFrame, goal: float) -> pd.DataFrame:
    """Return each run where its validation error first reaches `goal`, NaN where it never does.

    That is how steps to a goal are counted (Shallue et al. 2019); interpolated linearly,
    for an error may be 0. A goal on the test set must have been chosen before it was looked at.
    """
    return _at_error(histories, "validation_error", goal)


def at_validation_loss(histories: pd.DataFrame, goal: float) -> pd.DataFrame:
    """Return each run where its validation loss first reaches `goal`, interpolated in its logarithm.

    Raises:
        ValueError: the goal is not above 0.
    """
    return _at_loss(histories, "validation_loss", goal)


def at_test_error(histories: pd.DataFrame, goal: float) -> pd.DataFrame:
    """Return each run where its test error first reaches `goal`, as `at_validation_error` does."""
    return _at_error(histories, "test_error", goal)


def at_test_loss(histories: pd.DataFrame, goal: float) -> pd.DataFrame:
    """Return each run where its test loss first reaches `goal`, as `at_validation_loss` does."""
    return _at_loss(histories, "test_loss", goal)


def _at_error(histories: pd.DataFrame, measure: str, goal: float) -> pd.DataFrame:
    return _crossing(histories, -histories[measure].to_numpy(float), -goal)


def _at_loss(histories: pd.DataFrame, measure: str, goal: float) -> pd.DataFrame:
    if not goal > 0:
        raise ValueError(f"a {measure.replace('_', ' ')} to be reached must be above 0, got {goal}")
    loss = histories[measure].to_numpy(float)
    return _crossing(histories, -np.log(np.maximum(loss, np.finfo(float).tiny)), -np.log(goal))


SELECTIONS: dict[str, Callable[[pd.DataFrame, float], pd.DataFrame]] = {
    "train_loss": at_train_loss,
    "validation_error": at_validation_error,
    "validation_loss": at_validation_loss,
    "test_error": at_test_error,
    "test_loss": at_test_loss,
    "epochs": at_epochs,
    "updates": at_updates,
    "examples": at_examples,
    "seconds": at_seconds,
}


def select(histories: pd.DataFrame, at: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Return one row a run, indexed by digest: the final one, or as in `{train_loss: 0.05}`."""
    if at is None:
        return final(histories)
    ((name, value),) = at.items()
    return SELECTIONS[name](histories, value)


def _crossing(histories: pd.DataFrame, position: np.ndarray, target: float) -> pd.DataFrame:
    """Interpolate every column where `position` first reaches `target` in each run."""
    digest = histories["digest"].cat.codes.to_numpy()
    hits = np.flatnonzero(position >= target)
    at = hits[np.unique(digest[hits], return_index=True)[1]]
    before = np.maximum(at - 1, 0)
    before = np.where(digest[before] == digest[at], before, at)
    span = position[at] - position[before]
    share = np.divide(target - position[before], span, out=np.ones(len(at)), where=span != 0)[:, None]
    values = histories.drop(columns="digest").to_numpy(float)
    rows = np.where(share == 1, values[at], values[before] + share * (values[at] - values[before]))
    found = pd.DataFrame(rows, histories["digest"].iloc[at].astype(str), histories.columns.drop("digest"))
    return found.reindex(pd.Index(histories["digest"].astype(str).unique(), name="digest"))


def _by_digest(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(digest=rows["digest"].astype(str)).set_index("digest")
