"""RunConfig: everything one training needs to know, checked before anything is computed."""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from largebatch.config.base import BelowOne, Duration, Kind, NonNegativeInt, Options, Positive, PositiveInt, Strict
from largebatch.config.datasets import DATASETS, Dataset, Digits
from largebatch.config.models import MODELS, Mlp, Norm
from largebatch.config.optimizers import OPTIMIZERS, Optimizer, Sgd
from largebatch.config.remedies import Averaging, GradientPenalty, InjectedNoise, Local, Sam, refuse_inexact
from largebatch.config.schedules import SCHEDULES, Constant, Schedule

if TYPE_CHECKING:
    AnyDataset = Dataset
    AnyModel = Any
    AnyOptimizer = Optimizer
    AnySchedule = Schedule
else:

    def _one_of(table: Mapping[str, type[Options]]) -> Any:
        """Return the type of the options of any entry of a table, told apart by their name."""
        return Annotated[reduce(or_, table.values()), Field(discriminator="name")]

    AnyDataset, AnyModel, AnyOptimizer, AnySchedule = map(_one_of, (DATASETS, MODELS, OPTIMIZERS, SCHEDULES))


class ScalingRule(Strict):
    """How the learning rate follows the batch size, from `reference_batch`."""

    name: Literal["constant", "linear", "sqrt", "power"]
    """A rule of `largebatch.scaling`."""
    exponent: float | None = None
    """Of `power` alone: the rate grows as (batch / reference) to this power."""

    @model_validator(mode="after")
    def _exponent(self) -> "ScalingRule":
        if (self.name == "power") != (self.exponent is not None):
            raise ValueError(
                "exponent belongs to the rule power and to no other, as in {name: power, exponent: 0.75}; "
                f"got {self.name} with exponent {self.exponent}"
            )
        return self


class Target(Strict):
    """Where a run stops before its budget is spent."""

    train_loss: Positive
    """Loss on the full training set, in evaluation mode."""


class Budget(Strict):
    """What is held equal between batch sizes; exactly one unit, and optionally a target to stop at."""

    epochs: Positive | None = None
    """Passes over the training set."""
    updates: PositiveInt | None = None
    """Steps of the optimizer."""
    examples: PositiveInt | None = None
    """Training examples processed, repeats counted."""
    until: Target | None = None
    """Stop at this target; the unit above is then the cap."""

    @model_validator(mode="after")
    def _one_unit(self) -> "Budget":
        given = [u for u in ("epochs", "updates", "examples") if getattr(self, u) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of epochs, updates, examples; got {', '.join(given) or 'none'}")
        return self

    @property
    def duration(self) -> Duration:
        """The budget, or the cap where there is a target, as a duration."""
        return Duration(epochs=self.epochs, updates=self.updates, examples=self.examples)


class Evaluate(Strict):
    """When the full train, validation and test sets are evaluated, besides the start and the end."""

    every: Duration | None = None
    """At equal distances."""
    points: PositiveInt | None = None
    """At this many updates over the run (fewer where they coincide); null means 60 unless `every` is given."""
    spacing: Literal["log", "linear"] = "log"
    """How the `points` are spaced in updates."""

    @model_validator(mode="after")
    def _one_way(self) -> "Evaluate":
        if self.every is not None and self.points is not None:
            raise ValueError("give every or points, not both, as in {every: {epochs: 1}}")
        return self


class Seeds(Strict):
    """Three separate streams of randomness."""

    initialization: Annotated[NonNegativeInt, Kind.NUMBER] = 0
    """Of the initial weights."""
    order: Annotated[NonNegativeInt, Kind.NUMBER] = 0
    """Of the order of examples."""
    data: NonNegativeInt = 0
    """Of the split, the subset and the label noise."""


class Execution(Strict):
    """How to compute; it changes no number beyond float tolerance, and is not part of the digest."""

    devices: PositiveInt = 1
    """Devices that share each batch of one run."""
    max_device_batch: PositiveInt | None = None
    """Largest batch a device takes at once; larger ones are cut into micro-batches. Null: no limit."""
    pack_width: PositiveInt | None = None
    """Runs trained side by side in one program; null chooses by device."""
    convolution: Literal["auto", "matmul", "native"] = "auto"
    """`matmul` writes convolutions as matrix products; `auto` does so on a CPU."""


class RunConfig(Strict):
    """One training with one seed; two runs are the same run if and only if their digests are equal."""

    dataset: Annotated[AnyDataset, Kind.LOOP] = Digits(name="digits")
    """The data set and how it is split."""
    model: Annotated[AnyModel, Kind.PROGRAM] = Mlp(name="mlp")
    """The network."""
    loss: Annotated[Literal["cross_entropy", "squared_error"], Kind.PROGRAM] = "cross_entropy"
    """Training loss; `squared_error` is half the squared distance to the one-hot label."""
    optimizer: Annotated[AnyOptimizer, Kind.PROGRAM] = Sgd(name="sgd")
    """The optimizer and its coefficients."""
    learning_rate: Annotated[Positive, Kind.NUMBER] = 0.1
    """Peak learning rate at the reference batch."""
    reference_batch: Annotated[PositiveInt, Kind.NUMBER] = 32
    """Batch size at which every scaling rule gives `learning_rate`."""
    batch_size: Annotated[PositiveInt, Kind.PROGRAM, Field(validate_default=True)] = 32
    """Examples averaged an update, from 1 to N; `full` is N."""
    scaling_rule: Annotated[ScalingRule, Kind.NUMBER] = ScalingRule(name="constant")
    """How the learning rate follows the batch size."""
    schedule: Annotated[AnySchedule, Kind.NUMBER] = Constant(name="constant")
    """The shape of the learning rate over the run."""
    order: Annotated[Literal["with_replacement", "reshuffle", "shuffle_once", "sequential"], Kind.NUMBER] = "reshuffle"
    """How the next examples are drawn."""
    label_smoothing: Annotated[BelowOne | None, Kind.NUMBER] = None
    """Share of the label spread evenly over all classes in training (Szegedy et al. 2016); the running train loss is
    then of the smoothed labels, every evaluation of the given ones."""
    sam: Annotated[Sam | None, Kind.PROGRAM] = None
    """Sharpness-aware minimization."""
    gradient_penalty: Annotated[GradientPenalty | None, Kind.PROGRAM] = None
    """Penalty on the squared norm of the gradient."""
    injected_noise: Annotated[InjectedNoise | None, Kind.PROGRAM] = None
    """Noise added to gradients or weights, for batches so large that they have none of their own."""
    averaging: Annotated[Averaging | None, Kind.PROGRAM] = None
    """Evaluate an average of the weights instead of the last ones."""
    local: Annotated[Local | None, Kind.PROGRAM] = None
    """Workers that step alone between averages of their weights."""
    partial: Annotated[Literal["keep", "mean", "drop"], Kind.PROGRAM] = "keep"
    """The last, smaller batch of an epoch: divided by the nominal size, by its own, or left out."""
    budget: Annotated[Budget, Kind.LOOP] = Budget(epochs=10)
    """When the run ends."""
    evaluate: Annotated[Evaluate, Kind.LOOP] = Evaluate()
    """When it is measured."""
    seed: Annotated[Seeds, Kind.LOOP] = Seeds()
    """Seeds; one number sets all three."""
    precision: Annotated[Literal["float32", "float64"], Kind.PROGRAM] = "float32"
    """Arithmetic of training and evaluation."""
    execution: Annotated[Execution, Kind.EXECUTION] = Execution()
    """How to compute."""

    @field_validator("batch_size", mode="before")
    @classmethod
    def _full_is_n(cls, value: Any, info: Any) -> Any:
        dataset = info.data.get("dataset")
        if dataset is None:
            return 1 if value == "full" else value
        if value == "full":
            return dataset.train_size
        if isinstance(value, str):
            raise ValueError(f"got {value!r}; a batch size is a whole number from 1 to N, or full")
        if isinstance(value, int) and value > dataset.train_size:
            raise ValueError(
                f"{value} is more than the {dataset.train_size} training examples; "
                f"use at most {dataset.train_size}, or full"
            )
        return value

    @field_validator("scaling_rule", mode="before")
    @classmethod
    def _rule_by_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("seed", mode="before")
    @classmethod
    def _one_seed_for_all(cls, value: Any) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return dict.fromkeys(Seeds.model_fields, value) if whole else value

    @model_validator(mode="after")
    def _statistics_are_exact(self) -> "RunConfig":
        norm: Norm = getattr(self.model, "norm", Norm())
        if norm.scope not in ("batch", "ghost"):
            return self
        limit = self.execution.max_device_batch
        if norm.scope == "batch" and limit and -(-self.batch_size // self.execution.devices) > limit:
            raise ValueError(
                f"norm scope batch needs the whole batch at once, but batch_size {self.batch_size} exceeds "
                f"max_device_batch {limit}; raise max_device_batch, or use ghost, layer or none"
            )
        group = norm.size if norm.scope == "ghost" and norm.size else self.batch_size
        if norm.scope == "ghost" and limit and limit < group:
            raise ValueError(f"a ghost group of {group} does not fit max_device_batch {limit}; raise it")
        last = 0 if self.partial == "drop" else self.dataset.train_size % self.batch_size
        lonely = next((b for b in (self.batch_size, last) if b and (b % group == 1 or b == 1)), None)
        if lonely:
            raise ValueError(
                f"norm scope {norm.scope} would normalise one example alone: an update of {lonely} examples "
                f"cut into groups of {group}; change batch_size, size or train_size, or use partial: drop"
            )
        return self

    @model_validator(mode="after")
    def _remedies_are_exact(self) -> "RunConfig":
        refuse_inexact(self)
        return self

    @property
    def updates_per_epoch(self) -> int:
        """Updates that one pass over the training set takes."""
        n, b = self.dataset.train_size, self.batch_size
        return n // b if self.partial == "drop" else -(-n // b)
