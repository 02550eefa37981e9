"""The real training function with a checkpoint many times a second, so that most kills hit a pack that has one."""

from typing import Any

from largebatch.train import Stopped as Stopped
from largebatch.train import train_pack as train

TRAINING = f"{__name__}:train_pack"


def train_pack(configs: Any, **said: Any) -> Any:
    """Train as `largebatch.train.train_pack` does."""
    return train(configs, checkpoint_seconds=0.1, **said)
