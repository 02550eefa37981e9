"""What each probe writes into its table: the names that a claim may ask for, and an analysis may look up."""

from collections.abc import Callable
from typing import Any

from largebatch.config.probe import Probe

LAYERED = ("trace", "squared_norm", "b_simple")
"""Numbers that `gradient_noise` has of each layer too, as `b_simple/<layer>`."""


def numbers(probe: Probe) -> tuple[str, ...]:
    """Return the names of the numbers that a probe finds; `*` stands for a layer."""
    return tuple(NUMBERS[probe.name](probe))


def _gradient_noise(o: Any) -> list[str]:
    found = [*LAYERED, "signal_to_noise", "signal_to_noise_per_weight"]
    found += [f"{name}/*" for name in LAYERED] if o.layers else []
    found += ["b_noise", "trace_hessian_covariance"] if o.hessian_draws else []
    return found + [f"two_batch_{name}" for name in LAYERED if o.two_batch]


def _gradient_variance(o: Any) -> list[str]:
    slope = ["slope"] if len(o.batch_sizes) > 1 else []
    return ["trace", *slope, *(f"{name}/{size}" for size in o.batch_sizes for name in ("variance", "expected"))]


def _batch_sharpness(o: Any) -> list[str]:
    return ["batch_sharpness", "mean_ratio", "gradient_noise_interaction", "along_gradient", "batch_size"]


def _sharpness(o: Any) -> list[str]:
    each = ("sharpness", "rise", "iterations", "evaluations")
    spread = ["spread"] if o.dimensions is not None else []
    return [*(f"{name}/{eps:g}" for eps in o.eps for name in each), "loss", "evaluations", *spread]


def _adaptive_sharpness(o: Any) -> list[str]:
    return ["sharpness", "one_step", "groups"]


def _average_sharpness(o: Any) -> list[str]:
    return ["sharpness", "magnitude"]


def _curvature(o: Any) -> list[str]:
    smallest = ["eigenvalue/smallest", "minimum"] if o.smallest else []
    trace = ["trace"] if o.draws else []
    return [*(f"eigenvalue/{place + 1}" for place in range(o.top)), *smallest, *trace, "gradient_norm", "products"]


def _spectrum(o: Any) -> list[str]:
    return ["mean", "mean_square", "negative", "largest", "smallest"]


def _path(o: Any) -> list[str]:
    return ["step", "turn", "outward", "position"]


def _confusion(o: Any) -> list[str]:
    sizes = dict.fromkeys((1, *o.batch_sizes))
    known = [f"region/{size}/{end}" for size in sizes for end in ("low", "high")]
    return [*(f"agree/{size}" for size in sizes), "cosine/1", "position", *known]


def _reparametrization(o: Any) -> list[str]:
    each = [f"{what}/{probe.title}" for probe in o.measures for what in ("before", "after", "ratio")]
    return ["output_change", "factor", *each]


def _mistakes(o: Any) -> list[str]:
    return ["error", "examples"]


NUMBERS: dict[str, Callable[[Any], list[str]]] = {
    "gradient_noise": _gradient_noise,
    "gradient_variance": _gradient_variance,
    "batch_sharpness": _batch_sharpness,
    "sharpness": _sharpness,
    "adaptive_sharpness": _adaptive_sharpness,
    "average_sharpness": _average_sharpness,
    "curvature": _curvature,
    "spectrum": _spectrum,
    "path": _path,
    "confusion": _confusion,
    "reparametrization": _reparametrization,
    "mistakes": _mistakes,
}
