"""Scaling rules: how the rate and the optimizer's coefficients follow the batch size, one plain function a rule."""

from collections.abc import Callable

import numpy as np

from largebatch.config import RunConfig, ScalingRule


def constant(rate: float, batch: int, reference: int, rule: ScalingRule) -> float:
    """Return the rate as it is: it does not depend on the batch size (Keskar et al. 2017)."""
    return rate


def linear(rate: float, batch: int, reference: int, rule: ScalingRule) -> float:
    """Return rate * B / B_ref: k times the batch, k times the rate (Goyal et al. 2017, section 2.1)."""
    return rate * (batch / reference)


def sqrt(rate: float, batch: int, reference: int, rule: ScalingRule) -> float:
    """Return rate * root of B / B_ref: it keeps the covariance of the step (Hoffer et al. 2017, section 4)."""
    return rate * (batch / reference) ** 0.5


def power(rate: float, batch: int, reference: int, rule: ScalingRule) -> float:
    """Return rate * (B / B_ref) to a stated exponent: between the rules (McCandlish et al. 2018, section 2.2)."""
    if rule.exponent is None:
        raise ValueError("the rule power needs an exponent, as in {name: power, exponent: 0.75}")
    return rate * (batch / reference) ** rule.exponent


def noise_scale(rate: float, batch: int, reference: int, rule: ScalingRule) -> float:
    """Return rate * (1 + B_noise / B_ref) / (1 + B_noise / B): it saturates (McCandlish et al. 2018, equation 2.7).

    Linear far below B_noise, constant far above it.
    """
    if rule.noise_scale is None:
        raise ValueError("the rule noise_scale needs B_noise, as in {name: noise_scale, noise_scale: 1000}")
    return rate * ((1 + rule.noise_scale / reference) / (1 + rule.noise_scale / batch))


def tuned(rate: float, batch: int, reference: int, rule: ScalingRule) -> float:
    """Return the rate that was found best for this very batch size (Shallue et al. 2019).

    Raises:
        ValueError: the table has no rate for it.
    """
    rates = rule.rates or {}
    if batch not in rates:
        raise ValueError(
            f"the scaling rule tuned has no rate for batch_size {batch}; rates has "
            f"{', '.join(map(str, sorted(rates)))}; add {batch}: its rate"
        )
    return rates[batch]


RULES: dict[str, Callable[[float, int, int, ScalingRule], float]] = {
    "constant": constant, "linear": linear, "sqrt": sqrt, "power": power, "noise_scale": noise_scale, "tuned": tuned,
}  # fmt: skip


def half_life(beta: float, ratio: float) -> float:
    """Return beta ** k: an average that forgets half in as many examples as before (Marek & Lotfi 2025).

    The half-life of an average is ln(1/2) / ln(beta) updates; k times the batch makes it k times shorter.

    Args:
        beta: decay at the reference batch, in [0, 1).
        ratio: k = B / B_ref.
    """
    return beta**ratio


def square_root_beta(beta: float, ratio: float) -> float:
    """Return 1 - k (1 - beta) (Malladi et al. 2022, the square-root rule of RMSProp and Adam).

    Raises:
        ValueError: 1 - beta would leave (0, 1).
    """
    if ratio == 1:
        return beta
    # Not exactly 1, because 1 - 0.9 is less than a tenth.
    if ratio * (1 - beta) > 1 - 1e-12:
        raise ValueError(f"1 - beta would become {ratio:g} * {1 - beta:g} = {ratio * (1 - beta):g}, outside of (0, 1)")
    return 1 - ratio * (1 - beta)


def square_root_epsilon(epsilon: float, ratio: float) -> float:
    """Return epsilon / root of k (Malladi et al. 2022): the noise that it is compared with falls so."""
    return epsilon / ratio**0.5


def noise_scale_momentum(momentum: float, ratio: float, growth: float) -> float:
    """Return the momentum that keeps SGD's noise scale, rate * N / (B (1 - m)) (Smith & Le 2018).

    So 1 - m' = (1 - m) * growth / k: under the linear rule it stays, at a constant rate it grows with the batch.

    Args:
        momentum: m, at the reference batch.
        ratio: k = B / B_ref.
        growth: rate at B over rate at B_ref.

    Raises:
        ValueError: m' would leave [0, 1).
    """
    if growth == ratio:
        return momentum
    kept = (1 - momentum) * growth / ratio
    if kept > 1 + 1e-12:
        raise ValueError(f"1 - momentum would become {kept:g}, more than 1")
    return max(0.0, 1 - kept)


def half_life_decay(weight_decay: float, ratio: float, growth: float) -> float:
    """Return the decoupled decay wd' with rate' * wd' = k * rate * wd (Marek & Lotfi 2025).

    Weights then shrink as much an example, at every point of the schedule (to first order in rate * wd).
    """
    return weight_decay * ratio / growth


def scaled_rate(config: RunConfig) -> float:
    """Return the peak learning rate of a run: its rate at the reference batch, as its rule changes it.

    Raises:
        ValueError: a tuned rate is missing.
    """
    return _rate_at(config, config.batch_size)


def _rate_at(config: RunConfig, batch: int) -> float:
    rule = config.scaling_rule
    return RULES[rule.name](config.learning_rate, batch, config.reference_batch, rule)


def scaled_coefficients(config: RunConfig) -> dict[str, float]:
    """Return the coefficients of the optimizer that follow the batch size, by name; those that stay are left out.

    Raises:
        ValueError: a rule has nothing to change, or would change it to what cannot be.
    """
    options, said = config.optimizer, config.coefficients
    ratio = config.batch_size / config.reference_batch
    found: dict[str, float] = {}
    if said.momentum != "stay":
        found["momentum"] = _momentum(config, ratio)
    if said.betas != "stay":
        betas = [name for name in ("beta1", "beta2") if hasattr(options, name)]
        _need(bool(betas), f"betas: {said.betas}", f"{options.name} has no betas")
        rule = {"half_life": half_life, "square_root": square_root_beta}[said.betas]
        try:
            found |= {name: rule(getattr(options, name), ratio) for name in betas}
        except ValueError as error:
            raise ValueError(_too_large(config, max(1 - getattr(options, name) for name in betas), error)) from None
    if said.epsilon != "stay":
        epsilon = getattr(options, "epsilon", 0.0)
        has = epsilon > 0 and hasattr(options, "beta2")
        _need(has, "epsilon: square_root", f"{options.name} has no epsilon beside the root of an average")
        found["epsilon"] = square_root_epsilon(epsilon, ratio)
    if said.weight_decay != "stay":
        why = f"{options.name} adds the decay to what it then averages or normalises"
        _need(options.decoupled, "weight_decay: half_life", why)
        if options.weight_decay is not None:
            found["weight_decay"] = half_life_decay(options.weight_decay, ratio, _growth(config))
    _check_rounding(config, found)
    return found


def _growth(config: RunConfig) -> float:
    return scaled_rate(config) / _rate_at(config, config.reference_batch)


def _momentum(config: RunConfig, ratio: float) -> float:
    rule, options = config.coefficients.momentum, config.optimizer
    momentum: float | None = getattr(options, "momentum", None)
    if momentum is None:
        raise ValueError(_cannot(f"momentum: {rule}", f"{options.name} has no momentum here"))
    if rule == "half_life":
        return half_life(momentum, ratio)
    why = f"the noise scale is SGD's, not that of {options.name}"
    _need(options.name == "sgd", "momentum: noise_scale", why)
    try:
        return noise_scale_momentum(momentum, ratio, _growth(config))
    except ValueError as error:
        raise ValueError(
            f"momentum: noise_scale at batch_size {config.batch_size} and reference_batch "
            f"{config.reference_batch}: {error}; use the linear rule, a smaller reference_batch, or momentum: stay"
        ) from None


def _too_large(config: RunConfig, widest: float, error: Exception) -> str:
    largest = int(config.reference_batch / widest * (1 + 1e-12))
    largest -= largest / config.reference_batch * widest > 1 - 1e-12
    return (
        f"betas: square_root at batch_size {config.batch_size}: {error}; B / reference_batch must be less "
        f"than {1 / widest:g}, so batch_size at most {largest}; or use half_life"
    )


def _check_rounding(config: RunConfig, found: dict[str, float]) -> None:
    number = np.float64 if config.precision == "float64" else np.float32
    for name, value in found.items():
        if name in ("momentum", "beta1", "beta2") and number(value) >= 1:
            raise ValueError(
                f"{name} would become {value!r} at batch_size {config.batch_size}, which is 1 in {config.precision}; "
                "use a smaller reference_batch, or precision: float64"
            )


def _need(holds: bool, rule: str, why: str) -> None:
    if not holds:
        raise ValueError(_cannot(rule, why))


def _cannot(rule: str, why: str) -> str:
    return f"{rule} cannot be followed: {why}; write {rule.partition(':')[0]}: stay, or choose another optimizer"
