"""Text: a source whose entropy is known, and files cut into stretches that share nothing."""

import hashlib

import numpy as np
import pytest
from pydantic import ValidationError

from largebatch.config import DATASETS
from largebatch.datasets import load, text
from largebatch.datasets.data import DataError


def options(**given):
    return DATASETS["text"](name="text", **given)


def bigram_loss(data, transitions):
    """Cross-entropy of the source's own transitions on the training pairs, in nats."""
    return -np.log(transitions[data.train_x.ravel(), data.train_y.ravel()])


def entropy_by_eigenvector(transitions, letters, memory):
    """The entropy rate from the dominant eigenvector of the whole matrix over states, built entry by entry."""
    states = letters**memory
    matrix = np.zeros((states, states))
    for state in range(states):
        for letter in range(letters):
            matrix[state, (state * letters + letter) % states] += transitions[state, letter]
    values, vectors = np.linalg.eig(matrix.T)
    stationary = np.real(vectors[:, np.argmax(np.real(values))])
    stationary /= stationary.sum()
    return -sum(stationary[s] * (transitions[s] * np.log(transitions[s])).sum() for s in range(states))


@pytest.mark.parametrize(("letters", "memory"), [(2, 1), (8, 1), (3, 3), (5, 2)])
def test_the_entropy_rate_is_that_of_the_source(letters, memory):
    made = options(alphabet=letters, memory=memory, train_size=4, validation_size=0, test_size=1)
    data = load(made, seed=1)
    expected = entropy_by_eigenvector(text.source(made, 1), letters, memory)
    assert data.entropy_rate == pytest.approx(expected, rel=1e-10)
    assert 0.1 < data.entropy_rate < np.log(letters)
    assert data.vocabulary == "abcdefgh"[:letters] and data.classes == letters


def test_the_true_bigram_model_reaches_the_entropy_and_its_counts_are_the_sources():
    made = options(train_size=4000, length=25)
    data, transitions = load(made, seed=0), text.source(made, 0)
    losses = bigram_loss(data, transitions)
    # Four standard errors; the chain forgets fast, so pairs count as independent up to a factor.
    assert abs(losses.mean() - data.entropy_rate) < 4 * 2 * losses.std() / np.sqrt(losses.size)
    counts = np.zeros((8, 8))
    np.add.at(counts, (data.train_x.ravel(), data.train_y.ravel()), 1)
    visits = counts.sum(axis=1, keepdims=True)
    assert visits.min() > 100
    error = np.abs(counts / visits - transitions) / np.sqrt(transitions * (1 - transitions) / visits)
    assert error.max() < 5


def test_a_longer_memory_beats_pairs():
    made = options(alphabet=4, memory=2, train_size=2000)
    data = load(made, seed=0)
    transitions = text.source(made, 0)
    state = data.train_x[:, :-1] * 4 + data.train_x[:, 1:]
    own = -np.log(transitions[state, data.train_y[:, 1:]])
    assert abs(own.mean() - data.entropy_rate) < 0.01
    counts = np.ones((4, 4))
    np.add.at(counts, (data.train_x.ravel(), data.train_y.ravel()), 1)
    pairs = -np.log((counts / counts.sum(axis=1, keepdims=True))[data.train_x, data.train_y])
    assert pairs.mean() > data.entropy_rate + 0.05


def test_the_target_is_the_next_character_and_the_text_is_one_stretch():
    data = load(options(train_size=7, length=5), seed=0)
    assert data.train_x.shape == data.train_y.shape == (7, 5) and data.train_x.dtype == np.int32
    np.testing.assert_array_equal(data.train_x.ravel()[1:], data.train_y.ravel()[:-1])
    assert data.tokens == 35
    longer = load(options(train_size=9, length=5), seed=0)
    np.testing.assert_array_equal(longer.train_x[:7], data.train_x)
    np.testing.assert_array_equal(longer.test_x, data.test_x)


@pytest.fixture
def file(tmp_path):
    """A text in which every character occurs once, so that places can be told."""
    path = tmp_path / "a.txt"
    path.write_text("".join(chr(0x4E00 + (7 * i) % 101) for i in range(101)), encoding="utf-8")
    return path


def test_parts_of_a_file_share_no_character(file):
    said = {"path": str(file), "length": 4, "validation_size": 3, "test_size": 5}
    data = load(options(train_size=10, **said), seed=0)
    content = file.read_text(encoding="utf-8")
    assert data.vocabulary == "".join(sorted(content)) and data.classes == 101 and data.entropy_rate is None

    def spoken(part):
        x, y = getattr(data, f"{part}_x").ravel(), getattr(data, f"{part}_y").ravel()
        return "".join(data.vocabulary[code] for code in [*x, y[-1]])

    assert spoken("train") == content[:41]
    assert spoken("test") == content[-21:]
    assert spoken("validation") == content[-34:-21]
    smaller = load(options(train_size=2, **said), seed=5)
    np.testing.assert_array_equal(smaller.train_x, data.train_x[:2])
    np.testing.assert_array_equal(smaller.validation_x, data.validation_x)
    assert load(options(train_size=2, **said | {"validation_size": 0}), seed=0).validation_x.shape == (0, 4)


def test_a_file_is_looked_for_in_the_data_folder(file, monkeypatch):
    monkeypatch.setenv("LARGEBATCH_DATA", str(file.parent))
    said = {"path": "a.txt", "length": 4, "train_size": 1, "validation_size": 1, "test_size": 1}
    assert load(options(**said), seed=0).classes == 101
    right = hashlib.sha256(file.read_bytes()).hexdigest()
    assert load(options(**said, sha256=right), seed=0).classes == 101
    with pytest.raises(DataError, match=r"a\.txt has sha256 [0-9a-f]{64}, not 0{64}; get the text that was meant"):
        load(options(**said, sha256="0" * 64), seed=0)


def test_what_is_no_text(file, tmp_path):
    with pytest.raises(DataError, match=r"has 101 characters, but .* length 10 .* take 103; lower one of them"):
        load(options(path=str(file), length=10, train_size=4, validation_size=2, test_size=4), seed=0)
    with pytest.raises(DataError, match=r"no text at .*gone\.txt; put the file there, .* path: null"):
        load(options(path=str(tmp_path / "gone.txt")), seed=0)
    (tmp_path / "latin").write_bytes(b"\xe9t\xe9")
    with pytest.raises(DataError, match=r"latin is not UTF-8 .*convert it"):
        load(options(path=str(tmp_path / "latin")), seed=0)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"label_noise": 0.1}, "label_noise redraws classes, and the targets of text are tokens; got 0.1, leave it"),
        ({"standardize": "global"}, "inputs of text .* not standardised; got global, leave standardize at none"),
        ({"path": "a", "memory": 2}, "memory belongs to generated text, and path gives a file; leave out one"),
        ({"sha256": "0" * 64}, "sha256 belongs to a file, and path is null; leave out one of the two"),
        ({"path": "a", "sha256": "0"}, "should match pattern"),
    ],
)
def test_options_that_mean_nothing(said, message):
    with pytest.raises(ValidationError, match=message):
        options(**said)
