"""Which networks and losses fit the targets of a data set, said before anything is computed."""

from typing import Any

LOSSES_OF: dict[str, tuple[str, ...]] = {
    "classes": ("cross_entropy", "squared_error"),
    "tokens": ("cross_entropy", "squared_error"),
    "numbers": ("half_squares",),
    "components": ("quadratic",),
}
"""Targets of a data set -> losses that are defined on them."""

TRAINED_ONLY = (
    "fork", "l2", "label_smoothing", "sam", "gradient_penalty", "injected_noise", "averaging", "local",
)  # fmt: skip
"""Fields that mean something only where weights are trained."""


def check(config: Any) -> None:
    """Refuse a loss or a network that means nothing on a run's data set.

    Args:
        config: a run's configuration.

    Raises:
        ValueError: the message says what fits instead.
    """
    dataset, model = config.dataset, config.model
    fitting = LOSSES_OF[dataset.targets]
    if config.loss not in fitting:
        raise ValueError(
            f"loss {config.loss} is not defined on {dataset.name}, whose targets are {dataset.targets}; "
            f"use loss: {' or '.join(fitting)}"
        )
    if model.name != "custom" and (dataset.targets == "tokens") != model.tokens:
        wanted = "{name: transformer}" if dataset.targets == "tokens" else "one for inputs without a sequence, as mlp"
        raise ValueError(f"model {model.name} does not fit {dataset.name}; use model: {wanted}")
    if (dataset.targets == "components") != (model.name == "point"):
        wanted = "{name: point}" if dataset.targets == "components" else "a network, as in {name: mlp}"
        raise ValueError(f"model {model.name} does not fit {dataset.name}; use model: {wanted}")
    initial = getattr(model, "initial", None)
    if initial is not None and len(initial) != dataset.dimensions:
        raise ValueError(
            f"initial has {len(initial)} numbers, but {dataset.name} has {dataset.dimensions} dimensions; "
            f"give {dataset.dimensions}, or null for a standard normal draw"
        )
    if config.augment is not None and not dataset.images:
        raise ValueError(f"augment draws views of images, and {dataset.name} has none; leave it out")
    if dataset.name == "noisy_quadratic":
        _check_moments(config)


def _check_moments(config: Any) -> None:
    """Refuse what the moments of the noisy quadratic model do not follow exactly."""
    optimizer = config.optimizer
    own = optimizer.name == "sgd"
    beyond = [name for name in type(optimizer).model_fields if own and name not in ("name", "momentum")]
    said = [name for name in beyond if getattr(optimizer, name) != type(optimizer).model_fields[name].default]
    if not own or said:
        raise ValueError(
            f"noisy_quadratic follows SGD with or without heavy-ball momentum, got {optimizer.name}"
            f"{' with ' + ', '.join(said) if said else ''}; use optimizer: {{name: sgd, momentum: 0.9}}"
        )
    if config.order != "with_replacement":
        raise ValueError(
            f"the draws of noisy_quadratic are independent, got order {config.order}; use order: with_replacement"
        )
    beside = [name for name in TRAINED_ONLY if getattr(config, name) is not None]
    beside += ["probes"] if config.probes else []
    beside += ["grow_batch_to"] if len(config.ramp) > 1 else []
    if beside:
        raise ValueError(f"noisy_quadratic follows the moments of SGD alone, without {', '.join(beside)}; remove it")
    if config.partial != "drop" and config.dataset.train_size % config.batch_size:
        raise ValueError(
            f"batch_size {config.batch_size} does not divide train_size {config.dataset.train_size}, and every "
            "batch of noisy_quadratic has one size; use partial: drop"
        )
