"""The path of the weights: how long its steps are, and how far they turn."""

from typing import Any

import numpy as np

from largebatch.probes.estimate import NAN, Values
from largebatch.probes.problem import Problem


def path(options: Any, problem: Problem, rng: np.random.Generator) -> Values:
    """Return what the step from the measurement before looks like, in units of the weights and as cosines.

    With w the weights now, v and u those one and two measurements before, and s those of the first: `step` = |w - v|;
    `turn` = cos(w - v, v - u), 1 on a straight line; `outward` = cos(w - v, v - s), whether the step leads further
    away; `position` = cos(w, v); `straightness` = |w - s| / length of the path so far is left to the analysis, which
    has every step. The distance from the initial weights, whose growth Hoffer et al. 2017 (section 3) find
    logarithmic, is in every run's history. NaN where there is no earlier measurement yet.

    Cost: no gradient; the weights of three measurements are kept.
    """
    trail = problem.trail
    if not trail:
        return dict.fromkeys(("step", "turn", "outward", "position"), NAN)
    w, v = problem.w, np.asarray(trail[-1], np.float64)
    step = w - v
    found: Values = {"step": float(np.linalg.norm(step)), "position": cosine(w, v)}
    found["outward"] = cosine(step, v - trail[0]) if len(trail) > 1 else NAN
    found["turn"] = cosine(step, v - trail[-2]) if len(trail) > 1 else NAN
    return found


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Return the cosine of the angle between two vectors; NaN where one is zero."""
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 0 else NAN
