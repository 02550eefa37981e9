"""What may be said about a run, and the keys that follow from it. No jax here."""

from largebatch.config.augment import Augment
from largebatch.config.base import Duration, Kind, Strict, leaves
from largebatch.config.budget import Budget, Evaluate, Target
from largebatch.config.cadence import Cadence
from largebatch.config.datasets import DATASETS
from largebatch.config.digest import digest, pack_key, program_key
from largebatch.config.execution import Execution, Seeds
from largebatch.config.fork import Fork
from largebatch.config.landscapes import LANDSCAPES, Landscape
from largebatch.config.models import MODELS, Norm
from largebatch.config.optimizers import OPTIMIZERS
from largebatch.config.orders import Grab
from largebatch.config.probe import Probe
from largebatch.config.probes import PROBES
from largebatch.config.run import RunConfig
from largebatch.config.scaling import Coefficients, ScalingRule, stretch_factor
from largebatch.config.schedules import SCHEDULES

__all__ = [
    "DATASETS", "LANDSCAPES", "MODELS", "OPTIMIZERS", "PROBES", "SCHEDULES", "Augment", "Budget", "Cadence",
    "Coefficients", "Duration", "Evaluate", "Execution", "Fork", "Grab", "Kind", "Landscape", "Norm", "Probe",
    "RunConfig", "ScalingRule", "Seeds", "Strict", "Target", "digest", "leaves", "pack_key", "program_key",
    "stretch_factor",
]  # fmt: skip
