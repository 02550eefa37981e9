"""Landscapes of kept weights: the ends are the runs themselves, and finished points are not computed again."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest

from largebatch.config import LANDSCAPES, digest
from largebatch.landscapes import Grid, read_grid, read_landscapes
from largebatch.probes.grids import Points, frame, measure
from largebatch.probes.landscape import principal
from largebatch.records import RecordError, read
from largebatch.train import train
from largebatch.weights import read_weights
from tests.largebatch.small import seeded


@pytest.fixture(autouse=True)
def float64():
    """Let each landscape choose its own precision, as it does outside of tests."""
    with jax.enable_x64(False):
        yield


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two runs with their weights along the way, and one with its last alone."""
    runs = tmp_path_factory.mktemp("runs")
    kept = [{"every": {"updates": 5}}, {"every": {"updates": 5}}, {"at": "end"}]
    configs = [seeded(seed, execution={"keep_weights": cadence}) for seed, cadence in enumerate(kept)]
    for config in configs:
        train(config, runs=runs)
    return [runs / digest(config) for config in configs]


def options(name, **said):
    if name == "interpolation":
        said = {"between": [{"batch_size": 16}, {"batch_size": 32}], **said}
    return LANDSCAPES[name].model_validate({"name": name, "precision": "float64", **said})


def computed(of, folders, places=None):
    axes, told = frame(of, folders)
    size = int(np.prod([len(axis) for axis in axes.values()]))
    points = Points(tuple(folders), of, tuple(map(tuple, axes.values())), tuple(places or range(size)))
    return axes, told, measure(points)


def at_the_end(folder):
    history = read(folder).history
    return {name: history[name][-1] for name in ("train_loss", "train_error", "test_loss", "test_error")}


def test_the_ends_of_the_line_are_the_runs_themselves(folders):
    axes, told, found = computed(options("interpolation", points=4), folders[:2])
    assert axes == {"alpha": [-1.0, 0.0, 1.0, 2.0]}
    for place, folder in ((1, folders[0]), (2, folders[1])):
        for name, value in at_the_end(folder).items():
            assert found[name][place] == pytest.approx(value, rel=1e-6)
    ends = [np.concatenate([a.ravel() for _, a in sorted(read_weights(f)[20].items())]) for f in folders[:2]]
    assert told["distance"] == pytest.approx(np.linalg.norm(np.subtract(*ends)), rel=1e-6)
    assert told["norms"] == pytest.approx([np.linalg.norm(end) for end in ends], rel=1e-6)


def test_an_arc_has_the_same_ends_and_another_middle(folders):
    line, arc = (
        computed(options("interpolation", points=3, span=[0, 1], parts=["test"], curved=curved), folders[:2])[2]
        for curved in (False, True)
    )
    assert set(arc) == {"test_loss", "test_error"}
    np.testing.assert_allclose(np.array(line["test_loss"])[[0, 2]], np.array(arc["test_loss"])[[0, 2]], rtol=1e-9)
    assert abs(line["test_loss"][1] / arc["test_loss"][1] - 1) > 0.01


@pytest.mark.parametrize("directions", ["random", "pca"])
def test_a_surface_has_the_run_in_it_and_its_path(folders, directions):
    of = options("surface", points=3, directions=directions, parts=["train"], trajectory=5)
    axes, told, found = computed(of, folders[:1])
    assert told["updates"] == [0, 5, 10, 15, 20]
    path = np.array(told["trajectory"])
    np.testing.assert_allclose(path[-1], 0, atol=1e-9)
    if directions == "random":
        assert axes["x"] == axes["y"] == [-1.0, 0.0, 1.0]
        assert found["train_loss"][4] == pytest.approx(at_the_end(folders[0])["train_loss"], rel=1e-6)
    else:
        extent = path.max(axis=0) - path.min(axis=0)
        for axis, side, low, wide in zip("xy", (axes["x"], axes["y"]), path.min(axis=0), extent, strict=True):
            assert (side[0], side[-1]) == pytest.approx((low - 0.25 * wide, low + 1.25 * wide)), axis
        assert 0.5 < sum(told["explained"]) <= 1 + 1e-9
        # Where the path turns least, the plane through its ends has its losses: at the first point, but for the rest.
        assert told["explained"][0] > told["explained"][1]


def test_principal_directions_are_the_eigenvectors_of_the_covariance():
    rng = np.random.default_rng(0)
    shapes = {"a": (2, 3), "b": (4,)}
    trail = [{name: rng.standard_normal(shape) for name, shape in shapes.items()} for _ in range(7)]
    (first, second), shares = principal(trail, trail[-1])
    flat = np.array([np.concatenate([point["a"].ravel(), point["b"]]) for point in trail])
    values, vectors = np.linalg.eigh(np.cov(flat.T))
    for axis, value, vector, share in zip((first, second), values[::-1], vectors.T[::-1], shares, strict=False):
        own = np.concatenate([axis["a"].ravel(), axis["b"]])
        assert abs(own @ vector) == pytest.approx(1)
        assert own[np.abs(own).argmax()] > 0
        assert share == pytest.approx(value / values.sum())


def test_a_point_is_the_same_alone_and_among_others(folders):
    of = options("surface", points=3, size=10, trajectory=0)
    _, told, every = computed(of, folders[:1])
    assert told["trajectory"] == []
    _, _, some = computed(of, folders[:1], places=[7, 2])
    assert some["train_loss"] == [every["train_loss"][7], every["train_loss"][2]]


def test_what_weights_cannot_give_is_refused(folders, tmp_path):
    with pytest.raises(RecordError, match=r"keeps its weights at 1 updates, too few .*keep_weights=\{points: 7\}"):
        frame(options("surface", directions="pca", trajectory=7), folders[2:])
    other = seeded(0, model={"widths": [9]}, execution={"keep_weights": {"at": "end"}})
    train(other, runs=tmp_path)
    with pytest.raises(ValueError, match="the two runs have different networks, between whose weights"):
        frame(options("interpolation"), [folders[0], tmp_path / digest(other)])


def test_a_grid_on_disk_knows_what_is_finished(tmp_path):
    grid = Grid("line", "interpolation", 0, {}, ["a", "b"], [{}, {}], "key", {"x": [0.0, 1.0], "y": [0.0, 1.0, 2.0]})
    assert grid.missing == list(range(6))
    grid.put([4, 1], {"train_loss": [float("inf"), 0.5]})
    grid.write(tmp_path)
    (again,) = read_landscapes(tmp_path)
    assert again == grid
    assert again.missing == [0, 2, 3, 5]
    assert again.values["train_loss"] == [None, 0.5, None, None, None, None], "a loss that is not finite is finished"
    document = json.loads(grid.file(tmp_path).read_text())
    grid.file(tmp_path).write_text(json.dumps({**document, "schema": 2}))
    assert read_landscapes(tmp_path) == []
    grid.file(tmp_path).write_text("{")
    assert read_grid(grid.file(tmp_path)) is None
    grid.file(tmp_path).unlink()
    grid.file(tmp_path).mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        read_grid(grid.file(tmp_path))  # what cannot be read now is not begun anew
    grid.file(tmp_path).rmdir()
    replace(grid, seed=1).write(tmp_path)
    assert [found.seed for found in read_landscapes(tmp_path)] == [1]
