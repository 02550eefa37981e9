"""The bootstrap over trials, naively: every search that could have been drawn, one after the other."""

from itertools import product

import numpy as np


def bootstrapped(selected_by, reported=None):
    """Return between what the best of as many trials lies in 95 % of all resamples; None where that is infinite."""
    reported = selected_by if reported is None else reported
    draws = product(range(len(selected_by)), repeat=len(selected_by))
    every = [reported[min(draw, key=lambda i: selected_by[i])] for draw in draws]
    found = np.quantile(np.sort(every), [0.025, 0.975], method="inverted_cdf")
    return [float(end) if np.isfinite(end) else None for end in found]
