"""A user's own network, as the tables of all networks need one."""

import jax
import jax.numpy as jnp


def network(classes, width=4):
    def init(key, x):
        inner, outer = jax.random.split(key)
        return {
            "inner": jax.random.normal(inner, (x[0].size, width)),
            "outer": jax.random.normal(outer, (width, classes)),
        }

    def apply(params, x):
        return jnp.tanh(x.reshape(len(x), -1) @ params["inner"]) @ params["outer"]

    return init, apply


def not_a_pair(classes):
    return lambda params, x: x


def wrong_shape(classes):
    return lambda key, x: {"bias": jnp.zeros(classes)}, lambda params, x: params["bias"]
