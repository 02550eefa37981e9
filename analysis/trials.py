"""The best of k trials: how far a minimum over a search would move if the search were repeated."""

import numpy as np
from jaxtyping import Float

from analysis.intervals import LEVEL, Interval


def best_of(
    validation: Float[np.ndarray, " n"],
    reported: Float[np.ndarray, " n"] | None = None,
    *,
    k: int | None = None,
    level: float = LEVEL,
) -> Interval:
    """Return what the best of `k` trials reports, with its bootstrap interval over trials (Shallue et al. 2019).

    The bootstrap needs no draws here. Of k trials drawn with replacement out of n, the best
    is the j-th best of all with probability ((n - j + 1) / n)^k - ((n - j) / n)^k, so its
    quantiles are exact. Nothing better than the best trial seen can appear in it: the
    interval tells what a luckless search would have found, not what a larger one would.

    Args:
        validation: what the search selects by, one value a trial, less is better; a trial that
            diverged is +inf, and counts.
        reported: what is read at the selected trial, such as test error; None reads the validation.
        k: trials of a search; None means all n.
        level: nominal coverage.

    Raises:
        ValueError: there is no trial, a validation value is NaN, or the lengths differ.
    """
    values, chances = _distribution(validation, reported, k)
    order = np.argsort(values, kind="stable")
    below = np.cumsum(chances[order])
    low, high = (
        float(values[order][np.searchsorted(below, share - 1e-12)]) for share in ((1 - level) / 2, (1 + level) / 2)
    )
    return Interval(float(values[0]), low, high, len(values))


def expected_best(
    validation: Float[np.ndarray, " n"], reported: Float[np.ndarray, " n"] | None = None, *, k: int
) -> float:
    """Return what the best of `k` trials reports on average (Dodge et al. 2019, equation 6).

    Arguments and errors are those of `best_of`.
    """
    values, chances = _distribution(validation, reported, k)
    used = chances > 0
    return float(np.sum(values[used] * chances[used]))


def _distribution(validation: np.ndarray, reported: np.ndarray | None, k: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the reported values, best trial first, and the chance of each to be the best of k."""
    n = len(validation)
    if n == 0 or np.isnan(validation).any():
        raise ValueError(f"the best of k trials needs a validation value of every trial (inf if it diverged), got {n}")
    if reported is not None and len(reported) != n:
        raise ValueError(f"{n} validation values and {len(reported)} reported ones; one of each a trial")
    if k is not None and k < 1:
        raise ValueError(f"a search has at least one trial, got k = {k}")
    order = np.argsort(validation, kind="stable")
    left = np.arange(n, -1, -1) / n
    chances = left[:-1] ** (k or n) - left[1:] ** (k or n)
    return (validation if reported is None else reported)[order].astype(float), chances
