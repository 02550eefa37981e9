"""An experiment that is good, changed by a test, and the message that it is refused with."""

import pytest

from experiments.experiment import load
from experiments.problems import ExperimentError

GOOD = """\
question: q
base:
  dataset: {name: digits, train_size: 512}
  budget: {epochs: 2}
axes:
  batch_size: [16, full]
"""


def told(tmp_path, text, *overrides, scale=None):
    """Return the message for a file that holds `text`, without its folder."""
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ExperimentError) as caught:
        load(path, overrides, scale)
    return str(caught.value).replace(f"{tmp_path}/", "")


def headlines(message):
    """Return the lines that carry a place, without excerpts and the count."""
    return [line for line in message.splitlines()[:-1] if not line.startswith("  ")]


def one(tmp_path, text, *overrides, scale=None):
    """Return the only headline of a message."""
    (line,) = headlines(told(tmp_path, text, *overrides, scale=scale))
    return line


def with_line(line, after="base:"):
    """Return the good file with a line put after another."""
    return GOOD.replace(f"{after}\n", f"{after}\n{line}\n")
