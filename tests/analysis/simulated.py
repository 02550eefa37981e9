"""Sweeps whose truth is known, for claims to be judged on."""

from dataclasses import replace

import numpy as np

from analysis.verdicts import judge

BATCHES = [16, 32, 64, 128, 256, 512]
NOISE = np.random.default_rng(11).normal(size=(5, len(BATCHES), 3))


def filled(blank, f, *, column="test_error", noise=0.0, lost=(), seeds=5):
    """Return the sweep with `column` = f(batch, rule) + noise, runs of `lost` (batch, rule, seed) diverged."""
    runs = blank.runs[blank.runs["seed"] < seeds]
    rules = ["constant", "sqrt", "linear"]
    rows = list(zip(runs["batch_size"], runs["scaling_rule"], runs["seed"], strict=True))
    values = [f(b, r) + noise * NOISE[s, BATCHES.index(b), rules.index(r)] for b, r, s in rows]
    outcome = ["diverged" if row in lost else "done" for row in rows]
    return replace(blank, runs=runs.assign(**{column: values, "outcome": outcome}))


def verdict(found, **claim):
    (only,) = judge(found, [{"says": "it is so", "measure": "test_error", "where": {"scaling_rule": "sqrt"}, **claim}])
    return only


def column(found, batch, name="test_error", rule="sqrt"):
    runs = found.runs[(found.runs["batch_size"] == batch) & (found.runs["scaling_rule"] == rule)]
    return runs.sort_values("seed")[name].to_numpy(float)
