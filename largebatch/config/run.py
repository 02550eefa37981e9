"""RunConfig: everything one training needs to know, checked before anything is computed."""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from largebatch.config import problem
from largebatch.config.augment import Augment
from largebatch.config.base import BelowOne, Kind, Options, Positive, PositiveInt, Strict
from largebatch.config.budget import Budget, Evaluate
from largebatch.config.datasets import DATASETS, Dataset, Digits
from largebatch.config.exclusions import refuse_inexact
from largebatch.config.execution import Execution, Seeds
from largebatch.config.fork import Fork, check_fork, laid_over
from largebatch.config.models import MODELS, Mlp, Norm
from largebatch.config.optimizers import OPTIMIZERS, Optimizer, Sgd
from largebatch.config.orders import Grab, OrderName, check_order, with_grab
from largebatch.config.probe import Probe
from largebatch.config.probe import check as check_probes
from largebatch.config.probes import PROBES
from largebatch.config.remedies import Averaging, GradientPenalty, InjectedNoise, Local, Sam
from largebatch.config.scaling import Coefficients, ScalingRule, stretch_factor
from largebatch.config.schedules import SCHEDULES, Constant, Schedule, Step

if TYPE_CHECKING:
    AnyDataset = Dataset
    AnyModel = Any
    AnyOptimizer = Optimizer
    AnySchedule = Schedule
    AnyProbe = Probe
else:

    def _one_of(table: Mapping[str, type[Options]]) -> Any:
        """Return the type of the options of any entry of a table, told apart by their name."""
        return Annotated[reduce(or_, table.values()), Field(discriminator="name")]

    AnyDataset, AnyModel, AnyOptimizer, AnySchedule, AnyProbe = map(
        _one_of, (DATASETS, MODELS, OPTIMIZERS, SCHEDULES, PROBES)
    )


class RunConfig(Strict):
    """One training with one seed; two runs are the same run if and only if their digests are equal."""

    dataset: Annotated[AnyDataset, Kind.LOOP] = Digits(name="digits")
    """The data set and how it is split."""
    model: Annotated[AnyModel, Kind.PROGRAM] = Mlp(name="mlp")
    """The network."""
    loss: Annotated[Literal["cross_entropy", "squared_error", "half_squares", "quadratic"], Kind.PROGRAM] = (
        "cross_entropy"
    )
    """Training loss; `squared_error` is half the squared distance to the one-hot label, `half_squares` to a number."""
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
    coefficients: Annotated[Coefficients, Kind.NUMBER] = Coefficients()
    """How momentum, betas, epsilon and weight decay follow the batch size."""
    schedule: Annotated[AnySchedule, Kind.NUMBER] = Constant(name="constant")
    """The shape of the learning rate over the run."""
    order: Annotated[OrderName, Kind.NUMBER] = "reshuffle"
    """How the next examples are drawn."""
    grab: Annotated[Grab | None, Kind.PROGRAM, Field(validate_default=True)] = None
    """Options of the order `grab`, and of no other."""
    l2: Annotated[Positive | None, Kind.NUMBER] = None
    """Coefficient of half the squared norm of all weights, as part of the loss that is trained and reported."""
    augment: Annotated[Augment | None, Kind.PROGRAM] = None
    """Random views of the training images."""
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
    probes: Annotated[tuple[AnyProbe, ...], Kind.LOOP, Field(strict=False)] = ()
    """What else is measured, at which of the evaluations, on which examples."""
    fork: Annotated[Fork | None, Kind.NUMBER] = None
    """Begin where another run stands after some updates."""
    seed: Annotated[Seeds, Kind.LOOP] = Seeds()
    """Seeds; one number sets all three."""
    precision: Annotated[Literal["float32", "float64", "bfloat16"], Kind.PROGRAM] = "float32"
    """Arithmetic of training and evaluation; `bfloat16` is that of the factors of matrix products and convolutions,
    whose sums, and everything else, are float32."""
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

    @field_validator("grab", mode="before")
    @classmethod
    def _grab_by_order(cls, value: Any, info: Any) -> Any:
        return with_grab(value, info.data.get("order"))

    @field_validator("seed", mode="before")
    @classmethod
    def _one_seed_for_all(cls, value: Any) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return dict.fromkeys(Seeds.model_fields, value) if whole else value

    @model_validator(mode="after")
    def _parts_fit(self) -> "RunConfig":
        problem.check(self)
        check_probes(self.probes, self.dataset)
        return self

    @model_validator(mode="after")
    def _rules_apply(self) -> "RunConfig":
        from largebatch import scaling  # it reads configurations, so it cannot be imported before there are any

        scaling.scaled_rate(self)
        scaling.scaled_coefficients(self)
        return self

    @model_validator(mode="after")
    def _grows(self) -> "RunConfig":
        limit = getattr(self.schedule, "grow_batch_to", None)
        if isinstance(limit, int) and not self.batch_size <= limit <= self.dataset.train_size:
            raise ValueError(
                f"grow_batch_to {limit} lies outside of batch_size {self.batch_size} to the {self.dataset.train_size} "
                "training examples; choose one between them, or full"
            )
        if limit is not None and any(epoch % 1 for epoch, _ in self._ramp()):
            raise ValueError(
                f"stretch {self.schedule.stretch} moves a milestone of grow_batch_to into an epoch; use whole numbers"
            )
        return self

    @model_validator(mode="after")
    def _order_is_exact(self) -> "RunConfig":
        check_order(self)
        return self

    @model_validator(mode="after")
    def _statistics_are_exact(self) -> "RunConfig":
        norm: Norm = getattr(self.model, "norm", Norm())
        if norm.scope in ("batch", "ghost"):
            for _, batch in self.ramp:
                self._check_statistics(norm, batch)
        return self

    def _check_statistics(self, norm: Norm, batch: int) -> None:
        limit = self.execution.max_device_batch
        if norm.scope == "batch" and limit and -(-batch // self.execution.devices) > limit:
            raise ValueError(
                f"norm scope batch needs the whole batch at once, but batch_size {batch} exceeds "
                f"max_device_batch {limit}; raise max_device_batch, or use ghost, layer or none"
            )
        group = norm.size if norm.scope == "ghost" and norm.size else batch
        if norm.scope == "ghost" and limit and limit < group:
            raise ValueError(f"a ghost group of {group} does not fit max_device_batch {limit}; raise it")
        last = 0 if self.partial == "drop" else self.dataset.train_size % batch
        lonely = next((b for b in (batch, last) if b and (b % group == 1 or b == 1)), None)
        if lonely:
            raise ValueError(
                f"norm scope {norm.scope} would normalise one example alone: an update of {lonely} examples "
                f"cut into groups of {group}; change batch_size, size or train_size, or use partial: drop"
            )

    @model_validator(mode="after")
    def _parent_fits(self) -> "RunConfig":
        check_fork(self)
        return self

    @model_validator(mode="after")
    def _remedies_are_exact(self) -> "RunConfig":
        refuse_inexact(self)
        return self

    @property
    def parent(self) -> "RunConfig | None":
        """The run that this one begins from; None where it begins with new weights.

        Nobody reads what its probes would find, so that it has those alone that `fork.parent` names.

        Raises:
            ValueError: what `fork.parent` changes makes no run.
        """
        if self.fork is None:
            return None
        own = self.model_dump(mode="json", exclude={"fork", "probes"})
        return RunConfig.model_validate(laid_over(own, self.fork.parent))

    @property
    def ramp(self) -> tuple[tuple[int, int], ...]:
        """(first epoch, batch size) of each phase; more than one only where the schedule grows the batch."""
        return tuple((int(epoch), batch) for epoch, batch in self._ramp())

    def _ramp(self) -> list[tuple[float, int]]:
        phases = [(0.0, self.batch_size)]
        if isinstance(self.schedule, Step) and (limit := self.schedule.grow_batch_to) is not None:
            most = self.dataset.train_size if limit == "full" else limit
            factor = stretch_factor(self.schedule.stretch, batch=self.batch_size, reference=self.reference_batch)
            for passed, epoch in enumerate(sorted(m.value * factor for m in self.schedule.milestones), start=1):
                batch = min(most, round(self.batch_size / self.schedule.factor**passed))
                if batch != phases[-1][1]:
                    phases = [phase for phase in phases if phase[0] != epoch] + [(epoch, batch)]
        return phases

    @property
    def storage(self) -> Literal["float32", "float64"]:
        """Type of the weights, the data and all sums."""
        return "float64" if self.precision == "float64" else "float32"

    @property
    def updates_per_epoch(self) -> int:
        """Updates that one pass over the training set takes."""
        n, b = self.dataset.train_size, self.batch_size
        return n // b if self.partial == "drop" else -(-n // b)
