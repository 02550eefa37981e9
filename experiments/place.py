"""An experiment and where its results lie, and how a command speaks of it."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.experiment import Experiment

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Place:
    """Where an experiment's results lie, and the words that name it on the command line."""

    results: Path
    experiment: Experiment
    words: tuple[str, ...]
    """EXPERIMENT and the options that say which runs are meant, as typed."""

    @property
    def folder(self) -> Path:
        """The experiment's folder of results."""
        return self.results / self.experiment.name

    def command(self, verb: str) -> str:
        """Return a command about this experiment, ready to be typed."""
        return shlex.join(["largebatch", verb, *self.words])


def say(console: "Console", text: str) -> None:
    """Print one line as it is: no markup, no wrapping of paths and commands."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)
