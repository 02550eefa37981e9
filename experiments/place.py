"""An experiment and where its results lie, and how a command speaks of it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from experiments.experiment import Experiment
from largebatch.storage import Folder, below

if TYPE_CHECKING:
    from rich.console import Console


DESCRIPTION = "experiment.json"
"""File in a folder of results that says what was asked, and how."""


@dataclass(frozen=True)
class Place:
    """Where an experiment's results lie, and the words that name it on the command line."""

    results: Folder
    experiment: Experiment
    words: tuple[str, ...]
    """EXPERIMENT and the options that say which runs are meant, as typed."""

    @property
    def folder(self) -> Folder:
        """The experiment's folder of results."""
        return below(self.results, self.experiment.name)

    def grown(self, *, torn: bool = False) -> "Place":
        """Return the place with all runs that follow from the experiment's records; see `Experiment.grown`."""
        return replace(self, experiment=self.experiment.grown(self.folder, torn=torn))

    def command(self, verb: str, *more: str) -> str:
        """Return a command about this experiment, ready to be typed; `more` follows the experiment's name."""
        return typed(verb, self.words, *more)


def typed(verb: str, words: Sequence[str], *more: str) -> str:
    """Return a command as one would type it: EXPERIMENT first of `words`, then `more`, then the options of `words`."""
    return shlex.join(["largebatch", verb, *words[:1], *more, *words[1:]])


def say(console: "Console", text: str) -> None:
    """Print one line as it is: no markup, no wrapping of paths and commands."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)
