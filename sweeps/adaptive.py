"""Adaptive search by Optuna's ask and tell: what to try next, from what was found, and from nothing else. No jax here.

No study is kept anywhere. It is made anew for every question and told everything in the order of the trials, so that
a search goes on after any interruption as if there had been none.
"""

import importlib.util
import warnings
from collections.abc import Sequence
from typing import Any

from sweeps.ranges import Range
from sweeps.search import Values

EXTRA = "sampler tpe needs Optuna: pip install 'largebatch[search]', or use halton or sobol"
"""What whoever asks for this sampler is told, before anything runs, where Optuna is not `available`."""


def available() -> bool:
    """Return whether Optuna can be imported."""
    return importlib.util.find_spec("optuna") is not None


def ask(
    ranges: Sequence[Range], tried: Sequence[Values], values: Sequence[float], count: int, *, seed: Sequence[int]
) -> list[Values]:
    """Return the next trials of a tree-structured Parzen estimator (Bergstra et al. 2011), to be trained side by side.

    It works on the unit cube, each axis on its own scale; those that are asked for together count as
    bad until they are told (the constant liar of Ginsbourger et al. 2010), so that they differ.

    Args:
        ranges: one for each searched axis.
        tried: the values of all trials so far, in order.
        values: what each found, less is better; inf where it was lost.
        count: how many to ask for.
        seed: of the sampler.
    """
    import numpy as np
    import optuna

    names = [str(axis) for axis in range(len(ranges))]
    unit: dict[str, Any] = {name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in names}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=0, multivariate=len(ranges) > 1, constant_liar=True,
            seed=int(np.random.SeedSequence([*seed]).generate_state(1)[0]),
        )  # fmt: skip
        study = optuna.create_study(sampler=sampler, direction="minimize")
        for own, value in zip(tried, values, strict=True):
            shares = {name: min(1.0, max(0.0, r.share_of(v))) for name, r, v in zip(names, ranges, own, strict=True)}
            study.add_trial(optuna.trial.create_trial(params=shares, distributions=unit, value=value))
        asked = [study.ask(unit).params for _ in range(count)]
    return [tuple(r.at(params[name]) for name, r in zip(names, ranges, strict=True)) for params in asked]
