"""Every network at the smallest size it has: built, with random weights, applied."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from pydantic import TypeAdapter

from largebatch.config import run
from largebatch.models import build

READ = TypeAdapter(run.AnyModel)
CLASSES = 10
OWN = "tests.largebatch.models.own_network:network"
SAMPLES = {
    "logistic": (8, 8), "mlp": (8, 8), "conv1d": (40,), "cnn": (28, 28, 1), "keskar_f1": (28, 28, 1),
    "keskar_c1": (32, 32, 3), "keskar_c2": (32, 32, 3), "resnet": (32, 32, 3), "resnet18": (32, 32, 3),
    "wide_resnet": (32, 32, 3), "vgg": (32, 32, 3), "transformer": (12,), "custom": (8, 8),
    "linear": (8, 8), "point": (1,),
}  # fmt: skip
"""Name -> shape of the examples it is made for."""
NEEDED = {"custom": {"path": OWN}}
"""Name -> options without a default."""
TINY = {
    "keskar_f1": ({}, (5,)),
    "keskar_c1": ({"channels": 3, "widths": [12, 10]}, (7, 9, 2)),
    "keskar_c2": ({"channels": 3, "width": 12}, (32, 32, 1)),
    "resnet": ({"depth": 8, "width": 2}, (7, 9, 2)),
    "resnet18": ({"width": 2}, (8, 9, 1)),
    "wide_resnet": ({"depth": 10, "widen": 1}, (6, 5, 2)),
    "vgg": ({"depth": 9, "width": 2}, (18, 16, 2)),
    "transformer": ({"width": 8, "depth": 2, "heads": 2}, (6,)),
}
"""Name -> options, and shape of an example."""
# Compiling tiny networks well takes longer than running them badly.
CHEAP = {"xla_backend_optimization_level": 0}


def network(options, *, matmul=True, dtype="float32", **rest):
    """Return the module of some options; those without a default are filled in."""
    options = READ.validate_python({**NEEDED.get(options["name"], {}), **options})
    return build(options, classes=CLASSES, dtype=jnp.dtype(dtype), axis_name=None, matmul=matmul, **rest)


def tiny(name, *, matmul=True, dtype="float64", compute=None, **options):
    """Return the module of a network at its smallest."""
    return network({"name": name, **TINY[name][0], **options}, matmul=matmul, dtype=dtype, compute=compute)


def kind(name, dtype):
    """Return the type of a network's inputs."""
    return "int32" if name == "transformer" else dtype


def shapes(module, sample, dtype):
    """Return shapes and types of the parameters, computing nothing."""
    x = jax.ShapeDtypeStruct((3, *sample), dtype)
    mask = jax.ShapeDtypeStruct((3,), bool)
    return jax.eval_shape(partial(module.init, mode="statistics"), jax.random.key(0), x, mask=mask)["params"]


def drawn(module, sample, dtype="float64", n=3, seed=0):
    """Return random parameters, near the size of initial ones but with shifts, and random inputs."""
    rng = np.random.default_rng(seed)

    def leaf(path, a):
        if path[-1].key == "scale":
            return rng.uniform(0.5, 1.5, a.shape).astype(a.dtype)
        deviation = np.sqrt(2 / np.prod(a.shape[:-1])) if len(a.shape) > 1 else 0.3
        return (deviation * rng.standard_normal(a.shape)).astype(a.dtype)

    params = jax.tree_util.tree_map_with_path(leaf, shapes(module, sample, dtype))
    if jnp.issubdtype(dtype, jnp.integer):
        return params, rng.integers(0, CLASSES, (n, *sample)).astype(dtype)
    return params, rng.standard_normal((n, *sample)).astype(dtype)


def logits(module, variables, x, mask=None, mode="train", keys=None, mutable=False):
    """Return what the network answers, compiled whole."""
    mask = np.ones(len(x), bool) if mask is None else mask
    apply = jax.jit(partial(module.apply, mode=mode, mutable=mutable), compiler_options=CHEAP)
    # Fetched at once: a CPU reads NumPy's inputs in place, and a test may change them next.
    return jax.device_get(apply(variables, x, mask=mask, keys=keys))
