"""Scaling rules: how the learning rate follows the batch size, one plain function a rule."""

from collections.abc import Callable

from largebatch.config import RunConfig


def constant(ratio: float, exponent: float | None = None) -> float:
    """Return 1: the rate does not depend on the batch size (Keskar et al. 2017)."""
    return 1.0


def linear(ratio: float, exponent: float | None = None) -> float:
    """Return B / B_ref: k times the batch, k times the rate (Krizhevsky 2014; Goyal et al. 2017, section 2.1)."""
    return ratio


def sqrt(ratio: float, exponent: float | None = None) -> float:
    """Return the root of B / B_ref: it keeps the covariance of the step (Hoffer et al. 2017, section 4)."""
    return ratio**0.5


def power(ratio: float, exponent: float | None = None) -> float:
    """Return (B / B_ref) to a stated exponent: between the rules (McCandlish et al. 2018, section 2.2)."""
    if exponent is None:
        raise ValueError("the rule power needs an exponent, as in {name: power, exponent: 0.75}")
    return ratio**exponent


RULES: dict[str, Callable[[float, float | None], float]] = {
    "constant": constant, "linear": linear, "sqrt": sqrt, "power": power,
}  # fmt: skip


def scaled_rate(config: RunConfig) -> float:
    """Return the peak learning rate of a run: its rate at the reference batch, times its rule's factor."""
    rule = config.scaling_rule
    return config.learning_rate * RULES[rule.name](config.batch_size / config.reference_batch, rule.exponent)
