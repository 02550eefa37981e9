"""Probes: measurements at fixed weights that return nothing to training.

A probe is a pure function `(options, problem, rng) -> values`, one file each, named for what it measures: the problem
is a network's loss on some of its data near its weights, and everything random comes from the generator, which follows
from the probe's seed and the update. `table` names them all, `take` takes one, `visits` takes a pack's along its runs.
"""
