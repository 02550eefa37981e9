"""Characters to predict, one after the other: from a file, or from a Markov source of known entropy (Shannon 1948).

The parts are stretches that share no character: of a file training is the beginning and
test the end; a source speaks each part from a stream of its own.
"""

import hashlib
import os
from bisect import bisect_right
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32

from largebatch.config.datasets import Text
from largebatch.datasets.data import DataError, Parts, checksum
from largebatch.sampling import generator

CONCENTRATION = 0.3
"""Of the Dirichlet distribution of each row of transitions: a few letters are likely, the others rare."""
UNIFORM = 0.05
"""Share of the uniform distribution in each row, so that every letter stays reachable from everywhere."""


def load(options: Text, seed: int) -> Parts:
    """Return sequences of tokens, int32[n, T], and the same moved on by one character.

    Raises:
        DataError: the file is missing, is no UTF-8, too short, or another than its checksum says.
    """
    sizes = {"train": options.train_size, "validation": options.validation_size, "test": options.test_size}
    needed = {part: size * options.length + 1 if size else 0 for part, size in sizes.items()}
    entropy = None
    if options.path is None:
        transitions = source(options, seed)
        stationary = _stationary(transitions)
        entropy = float(-(stationary[:, None] * transitions * np.log(transitions)).sum())
        vocabulary = ascii_lowercase[: options.alphabet]
        codes = {part: _speak(transitions, stationary, part, count, seed) for part, count in needed.items()}
    else:
        whole, vocabulary = _read(options)
        codes = _cut(whole, needed, options)
    cut = {part: _sequences(codes[part], size, options.length) for part, size in sizes.items()}
    arrays: dict[str, Any] = {
        f"{part}_{axis}": array for part, pair in cut.items() for axis, array in zip("xy", pair, strict=True)
    }
    symbols = np.frombuffer(vocabulary.encode("utf-32-le"), "<u4")
    return Parts(
        **arrays, identity=np.arange(options.train_size), classes=len(vocabulary),
        checksum=checksum([symbols, *codes.values()]), vocabulary=vocabulary, entropy_rate=entropy,
    )  # fmt: skip


def source(options: Text, seed: int) -> Float64[np.ndarray, "states letters"]:
    """Return the probability of each next letter after each of the alphabet^memory last letters."""
    letters = options.alphabet
    rows = generator("text_source", seed, 0).dirichlet(np.full(letters, CONCENTRATION), letters**options.memory)
    return (1 - UNIFORM) * rows + UNIFORM / letters


def _stationary(transitions: Float64[np.ndarray, "states letters"]) -> Float64[np.ndarray, " states"]:
    """Return how often each state occurs in the long run. A state is a number whose digits are the last letters."""
    states, letters = transitions.shape
    weight, before = np.full(states, 1 / states), np.zeros(states)
    while np.abs(weight - before).sum() > 1e-14:
        # The oldest letter is forgotten, the new one becomes the last digit.
        moved = (weight[:, None] * transitions).reshape(letters, states // letters, letters).sum(axis=0).ravel()
        weight, before = moved / moved.sum(), weight
    return weight


def _speak(transitions: np.ndarray, stationary: np.ndarray, part: str, count: int, seed: int) -> np.ndarray:
    states, letters = transitions.shape
    u = generator(f"text_{part}", seed, 0).random(count + 1).tolist()
    state = min(bisect_right(np.cumsum(stationary).tolist(), u[0]), states - 1)
    rows = np.cumsum(transitions, axis=1).tolist()
    said = np.empty(count, np.int32)
    for place in range(count):
        said[place] = letter = min(bisect_right(rows[state], u[place + 1]), letters - 1)
        state = (state * letters + letter) % states
    return said


def _read(options: Text) -> tuple[Int32[np.ndarray, " characters"], str]:
    given = Path(options.path or "").expanduser()
    places = [Path(os.environ.get("LARGEBATCH_DATA") or ".").expanduser() / given, given]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise DataError(
            f"no text at {' or '.join(dict.fromkeys(map(str, places)))}; put the file there, give another path, "
            "or path: null for a generated text"
        )
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if options.sha256 is not None and found != options.sha256.lower():
        raise DataError(f"{path} has sha256 {found}, not {options.sha256}; get the text that was meant, or correct it")
    try:
        symbols = np.frombuffer(content.decode("utf-8").encode("utf-32-le"), "<u4")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 ({error}); convert it") from None
    vocabulary, codes = np.unique(symbols, return_inverse=True)
    return codes.astype(np.int32), "".join(map(chr, vocabulary))


def _cut(whole: np.ndarray, needed: dict[str, int], options: Text) -> dict[str, np.ndarray]:
    total = sum(needed.values())
    if total > len(whole):
        raise DataError(
            f"{options.path} has {len(whole)} characters, but train_size, validation_size and test_size sequences of "
            f"length {options.length} and the character after each part take {total}; lower one of them"
        )
    end = len(whole) - needed["test"]
    return {
        "train": whole[: needed["train"]],
        "validation": whole[end - needed["validation"] : end],
        "test": whole[end:],
    }


def _sequences(codes: np.ndarray, size: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    shape = (size, length)
    return codes[: size * length].reshape(shape), codes[1 : size * length + 1].reshape(shape)
