"""What is wrong with an experiment, where it was written, and how a person reads it."""

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mark:
    """Where something was written: a place in a file, or a command-line option as a whole."""

    source: str
    """The file as the user named it, or the option, as in `--set batch_size=0`."""
    line: int = 0
    """From 1; 0 for an option."""
    column: int = 0
    """From 1; 0 for an option."""
    text: str = ""
    """The whole source line."""

    def __str__(self) -> str:
        """Return `file:line:column`, or the option."""
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source

    def excerpt(self) -> str:
        """Return the source line with a caret under the column; nothing for an option."""
        if not self.text.strip():
            return ""
        number = str(self.line)
        indent = "".join("\t" if c == "\t" else " " for c in self.text[: self.column - 1])
        return f"\n  {number} | {self.text}\n  {' ' * len(number)} | {indent}^"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, in which key, and what to do about it."""

    mark: Mark
    path: str
    what: str

    def __str__(self) -> str:
        """Return one line, and for a file the source line with a caret."""
        where = f"{self.mark}: {self.path}" if self.path else str(self.mark)
        return f"{where}: {self.what}{self.mark.excerpt()}"


class ExperimentError(Exception):
    """An experiment cannot be read; `problems` holds everything that is wrong with it, in order of place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep each problem once, sorted by where it was written."""
        self.problems: tuple[Problem, ...] = tuple(sorted(dict.fromkeys(problems), key=_place))
        count = len(self.problems)
        lines = [str(problem) for problem in self.problems]
        super().__init__("\n".join([*lines, f"{count} error{'s' * (count > 1)}; nothing was run or changed"]))


def _place(problem: Problem) -> tuple[str, int, int]:
    return problem.mark.source, problem.mark.line, problem.mark.column


def nearest(word: object, accepted: Iterable[str]) -> str:
    """Return `; did you mean …?` with the closest accepted word, or nothing if none is close."""
    close = difflib.get_close_matches(str(word), list(accepted), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def unknown(kind: str, word: object, accepted: Sequence[str]) -> str:
    """Return the sentence for a name that is in no table: the accepted ones and the nearest."""
    return f"unknown {kind} {show(word)}; accepted: {', '.join(accepted)}{nearest(word, accepted)}"


def show(value: Any) -> str:
    """Return a value as it would be written in YAML, cut where it is long."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
