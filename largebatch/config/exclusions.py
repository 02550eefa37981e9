"""Which remedies, orders and ways of cutting a batch exclude each other, and why: the one place that refuses them."""

from collections.abc import Callable
from typing import Any

from largebatch.config.models import Norm
from largebatch.config.remedies import Local

PLAIN_STEP = "the temperature is that of plain gradient descent; use sgd without momentum"
FEATURES: dict[str, Callable[[Any], bool]] = {
    "sam": lambda c: c.sam is not None,
    "gradient_penalty": lambda c: c.gradient_penalty is not None,
    "injected_noise": lambda c: c.injected_noise is not None,
    "averaging": lambda c: c.averaging is not None,
    "local": lambda c: c.local is not None,
    "label_smoothing": lambda c: c.label_smoothing is not None,
    "noise of examples' covariance": lambda c: getattr(c.injected_noise, "batch", None) is not None,
    "noise by weights of examples": lambda c: _noise(c) in ("minibatch", "multiplicative"),
    "langevin noise": lambda c: _noise(c) == "langevin",
    "norm scope batch": lambda c: _norm(c).scope == "batch",
    "norm scope ghost": lambda c: _norm(c).scope == "ghost",
    "partial mean": lambda c: c.partial == "mean",
    "order with_replacement": lambda c: c.order == "with_replacement",
    "momentum": lambda c: getattr(c.optimizer, "momentum", None) is not None,
    "an optimizer other than sgd": lambda c: c.optimizer.name != "sgd",
    "a loss without classes": lambda c: c.loss not in ("cross_entropy", "squared_error"),
    "a growing batch": lambda c: len(c.ramp) > 1,
    "an average with a half-life": lambda c: getattr(c.averaging, "kind", None) == "ema",
    "l2": lambda c: c.l2 is not None,
    "order grab": lambda c: c.grab is not None,
    "a fork": lambda c: c.fork is not None,
    "a fork of local SGD": lambda c: c.fork is not None and c.parent.local is not None,
}
EXCLUDED = [
    ("sam", "gradient_penalty", "both move the weights before the gradient is taken; choose one"),
    ("sam", "injected_noise", "the noise is defined for the gradient at the weights themselves; choose one"),
    ("gradient_penalty", "injected_noise", "the noise is defined for the gradient of the loss alone; choose one"),
    ("local", "sam", "m counts in the logical batch, which no worker sees; choose one"),
    ("local", "gradient_penalty", "m counts in the logical batch, which no worker sees; choose one"),
    ("local", "injected_noise", "the noise is defined for the logical batch, which no worker sees; choose one"),
    ("local", "averaging", "the workers' average exists only every few updates; choose one"),
    ("local", "norm scope batch", "no worker sees the whole batch; use ghost, layer or none"),
    ("local", "partial mean", "a worker may have no example in a smaller batch; use keep or drop"),
    ("noise of examples' covariance", "norm scope batch", "there no example has a gradient of its own; use layer"),
    ("noise of examples' covariance", "norm scope ghost", "there no example has a gradient of its own; use layer"),
    ("noise by weights of examples", "order with_replacement",
     "an example drawn twice in an update would have one weight; use reshuffle"),
    ("langevin noise", "momentum", PLAIN_STEP),
    ("langevin noise", "an optimizer other than sgd", PLAIN_STEP),
    ("label_smoothing", "a loss without classes", "only a distribution can be smoothed; remove it"),
    ("local", "a growing batch", "the workers share batches of one size; choose one"),
    ("an average with a half-life", "a growing batch", "its decay an update follows from one batch size; use swa"),
    ("local", "a fork", "its workers have weights of their own; fork without it"),
    ("a fork of local SGD", "a fork", "its workers have weights of their own; fork from another run"),
    ("l2", "sam", "whether the penalty climbs too is not settled; use weight_decay"),
    ("l2", "gradient_penalty", "whether the penalty has a penalty is not settled; use weight_decay"),
    ("l2", "injected_noise", "the noise is defined for the gradient of the loss alone; use weight_decay"),
    ("l2", "local", "the loss of workers apart has no common penalty; use weight_decay"),
    ("l2", "order grab", "grab balances the gradients of the examples' own losses; use weight_decay"),
    ("order grab", "sam", "grab balances gradients at the weights themselves; choose one"),
    ("order grab", "gradient_penalty", "grab balances gradients at the weights themselves; choose one"),
    ("order grab", "injected_noise", "grab balances gradients without noise; choose one"),
    ("order grab", "local", "grab balances the gradients of all workers together; choose one"),
    ("order grab", "a growing batch", "grab keeps one sign a unit and epoch of one size; choose one"),
]  # fmt: skip


def _noise(config: Any) -> str | None:
    return getattr(config.injected_noise, "kind", None)


def _norm(config: Any) -> Norm:
    norm: Norm = getattr(config.model, "norm", Norm())
    return norm


def refuse_inexact(config: Any) -> None:
    """Raise ValueError where the remedies of a run do not go together, or with the way its batches are cut.

    Args:
        config: a `RunConfig`, whose own checks have passed.
    """
    for one, other, reason in EXCLUDED:
        if FEATURES[one](config) and FEATURES[other](config):
            raise ValueError(f"{one} and {other} exclude each other: {reason}")
    for name in ("sam", "gradient_penalty"):
        options = getattr(config, name)
        if options is not None and options.m is not None and options.m < config.ramp[-1][1]:
            _check_groups(name, options.m, config)
    if config.local is not None:
        _check_workers(config.local, config)
    noise = config.injected_noise
    if getattr(noise, "finite_population", False) and noise.batch > config.batch_size:
        raise ValueError(
            f"injected_noise: {noise.batch} examples cannot be drawn without replacement from the "
            f"{config.batch_size} of an update; use a batch of at most {config.batch_size}"
        )


def _check_groups(name: str, m: int, config: Any) -> None:
    norm, limit = _norm(config), config.execution.max_device_batch
    if norm.scope == "batch":
        raise ValueError(
            f"{name}: groups of m = {m} would split the batch of {config.batch_size} that norm scope batch "
            "normalises; leave m null, or use ghost, layer or none"
        )
    if norm.scope == "ghost" and m % (norm.size or 1):
        raise ValueError(f"{name}: m = {m} would split a ghost group of {norm.size}; use a multiple of {norm.size}")
    if limit and limit < m:
        raise ValueError(f"{name}: a group of m = {m} does not fit max_device_batch {limit}; raise it")


def _check_workers(local: Local, config: Any) -> None:
    workers, batch, devices = local.workers, config.batch_size, config.execution.devices
    limit, norm = config.execution.max_device_batch, _norm(config)
    if batch % workers:
        raise ValueError(f"local: batch_size {batch} cannot be shared by {workers} workers; use a multiple of it")
    if workers % devices:
        raise ValueError(f"local: {workers} workers cannot be shared by {devices} devices; use a divisor of {workers}")
    if limit and limit < batch // devices:
        raise ValueError(
            f"local: workers take their {batch // workers} examples side by side, {batch // devices} on a device, "
            f"more than max_device_batch {limit}; raise it"
        )
    if norm.scope == "ghost" and batch // workers % (norm.size or 1):
        raise ValueError(
            f"local: a worker's {batch // workers} examples would split a ghost group of {norm.size}; "
            f"use a divisor of {batch // workers}"
        )
