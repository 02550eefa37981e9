"""What may follow the batch size: the rate, the optimizer's coefficients, the length of training.

The arithmetic is in `largebatch.scaling`.
"""

import math
from typing import Any, Literal

from pydantic import field_validator, model_validator

from largebatch.config.base import Positive, PositiveInt, Strict

PARAMETERS = {
    "power": ("exponent", "0.75"), "noise_scale": ("noise_scale", "1000"), "tuned": ("rates", "{8: 0.02, 32: 0.1}"),
}  # fmt: skip
"""Rule -> the one field that belongs to it, and what it may look like."""

Stretch = Literal["batch"] | Positive


class ScalingRule(Strict):
    """How the learning rate follows the batch size, from `reference_batch`."""

    name: Literal["constant", "linear", "sqrt", "power", "noise_scale", "tuned"]
    """A rule of `largebatch.scaling`."""
    exponent: float | None = None
    """Of `power` alone: the rate grows as (batch / reference) to this power."""
    noise_scale: Positive | None = None
    """Of `noise_scale` alone: B_noise in examples, the batch at which the rate is half its limit."""
    rates: dict[PositiveInt, Positive] | None = None
    """Of `tuned` alone: batch size -> its peak rate; `learning_rate` and `reference_batch` then set no rate."""

    @field_validator("rates", mode="before")
    @classmethod
    def _keys_are_numbers(cls, value: Any) -> Any:
        # A key is text in YAML as it is read here, and in JSON.
        if not isinstance(value, dict):
            return value
        wrong = [key for key in value if not str(key).isdecimal()]
        if wrong or not value:
            told = f"the batch size {wrong[0]!r} is no whole number" if wrong else "empty"
            raise ValueError(f"rates: {told}; write batch size: rate, as in {{8: 0.02, 32: 0.1}}")
        return {int(key): rate for key, rate in value.items()}

    @model_validator(mode="after")
    def _own_parameter(self) -> "ScalingRule":
        for rule, (field, example) in PARAMETERS.items():
            given = getattr(self, field)
            if (self.name == rule) != (given is not None):
                raise ValueError(
                    f"{field} belongs to the rule {rule} and to no other, as in {{name: {rule}, {field}: {example}}}; "
                    f"got {self.name} with {field} {given}"
                )
        return self


class Coefficients(Strict):
    """How the optimizer's coefficients follow the batch size, from `reference_batch`; each stays unless told."""

    momentum: Literal["stay", "half_life", "noise_scale"] = "stay"
    """`half_life`: the same number of examples (Marek & Lotfi 2025); `noise_scale`: that of SGD is kept (Smith & Le
    2018)."""
    betas: Literal["stay", "half_life", "square_root"] = "stay"
    """`half_life`: the same number of examples (Marek & Lotfi 2025); `square_root`: Adam's (Malladi et al. 2022)."""
    epsilon: Literal["stay", "square_root"] = "stay"
    """`square_root`: divided by the root of the batch ratio (Malladi et al. 2022)."""
    weight_decay: Literal["stay", "half_life"] = "stay"
    """`half_life`: of decoupled decay, the same number of examples whatever the rate (Marek & Lotfi 2025)."""


def stretch_factor(stretch: Stretch | None, *, batch: int, reference: int) -> float:
    """Return by how much epochs and examples are multiplied (regime adaptation, Hoffer et al. 2017, section 5).

    `batch` means ceil(B / B_ref), so that a large batch takes the updates of the reference batch, and no
    batch is trained for less than was said; null means 1.
    """
    if stretch is None:
        return 1.0
    return float(math.ceil(batch / reference)) if stretch == "batch" else stretch
