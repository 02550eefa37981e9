"""Records to numbers to ink: what a sweep showed, how sure that is, and what it rests on.

The only input is what the runs left behind (`largebatch.records`) and `experiment.json`
beside them. Nothing here imports jax or ray.
"""
