"""What may be said about a run, and the keys that follow from it. No jax here."""

from largebatch.config.base import Duration, Kind, Strict, leaves
from largebatch.config.datasets import DATASETS
from largebatch.config.digest import digest, pack_key, program_key
from largebatch.config.models import MODELS, Norm
from largebatch.config.optimizers import OPTIMIZERS
from largebatch.config.orders import Grab
from largebatch.config.run import Budget, Evaluate, Execution, RunConfig, ScalingRule, Seeds, Target
from largebatch.config.schedules import SCHEDULES

__all__ = [
    "DATASETS", "MODELS", "OPTIMIZERS", "SCHEDULES", "Budget", "Duration", "Evaluate", "Execution",
    "Grab", "Kind", "Norm", "RunConfig", "ScalingRule", "Seeds", "Strict", "Target", "digest", "leaves",
    "pack_key", "program_key",
]  # fmt: skip
