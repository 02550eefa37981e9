"""The figures of landscapes: the grids on disk, in the numbers, the words and the picture."""

import json

import numpy as np
import pytest
from matplotlib.contour import ContourSet

from analysis.figures import FIGURES
from analysis.figures.files import save
from analysis.figures.grids import words
from analysis.load import load
from largebatch.landscapes import Grid
from tests.analysis.figures.drawing import drawn
from tests.analysis.records_on_disk import OnDisk

ALPHA = [-1.0, 0.0, 1.0, 2.0]
SIDE = [-1.0, 0.0, 1.0]


def line(folder, title, seed, runs, curved=False, bump=0.0):
    """Write an interpolation whose train loss is 1 + alpha^2 + bump and whose test loss is twice that."""
    settings = [{"scaling_rule": "constant", "batch_size": batch} for batch in (16, "full")]
    grid = Grid(title, "interpolation", seed, {"curved": curved, "parts": ["train", "test"]}, runs, settings, "key",
                {"alpha": ALPHA}, {"distance": 2.0, "norms": [1.0, 1.5]})  # fmt: skip
    loss = [1 + alpha**2 + bump for alpha in ALPHA]
    grid.put(range(4), {"train_loss": loss, "train_error": [0.1] * 4, "test_loss": [2 * v for v in loss],
                        "test_error": [0.2, 0.2, 0.2, float("nan")]})  # fmt: skip
    grid.write(folder)
    return grid


def plane(folder, run, directions="random", finished=9):
    """Write a surface whose train loss is 1 + x^2 + 4 y^2."""
    frame = {"updates": [0, 4], "trajectory": [[0.5, -0.25], [0.0, 0.0]], "explained": None}
    if directions == "pca":
        frame["explained"] = [0.9, 0.05]
    options = {"directions": directions, "parts": ["train"]}
    grid = Grid(f"plane_{directions}", "surface", 0, options, [run], [{"batch_size": 1024}], "key",
                {"x": SIDE, "y": SIDE}, frame)  # fmt: skip
    loss = [1 + x**2 + 4 * y**2 for x in SIDE for y in SIDE]
    grid.put(range(finished), {"train_loss": loss[:finished], "train_error": [0.0] * finished})
    grid.write(folder)


def landscapes(folder):
    """Write two straight lines, an arc and two planes; return the folder of the experiment."""
    disk = OnDisk(folder)
    places = [(batch, seed) for batch in (16, 1024) for seed in (0, 1)]
    runs = {(batch, seed): disk.add(config={"batch_size": batch, "seed": seed}) for batch, seed in places}
    for seed in (0, 1):
        line(folder, "line", seed, [runs[16, seed], runs[1024, seed]], bump=seed / 10)
    line(folder, "arc", 0, [runs[16, 0], runs[1024, 0]], curved=True)
    plane(folder, runs[1024, 0])
    plane(folder, runs[1024, 0], "pca")
    return disk.close()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return load(landscapes(tmp_path_factory.mktemp("landscapes") / "exp"))


def test_every_seed_of_an_interpolation_is_in_the_numbers(results):
    numbers = FIGURES["interpolation"].prepare(results)
    arc, straight = numbers["panels"]
    assert (arc["curved"], straight["curved"]) == (True, False)
    assert (straight["ends"], straight["where"], straight["alpha"]) == (["B = 16", "B = N"], "constant", ALPHA)
    assert [one["seed"] for one in straight["lines"]] == [0, 1]
    assert straight["lines"][1]["train_loss"] == pytest.approx([2.1, 1.1, 2.1, 5.1])
    assert straight["lines"][0]["test_error"] == [0.2, 0.2, 0.2, None]
    head, rows = FIGURES["interpolation"].table(numbers)
    assert dict(zip(head, rows[-2], strict=True)) == {
        "from": "B = 16", "to": "B = N", "seed": "1", "part": "train", "loss at the first": "1.1",
        "loss at the second": "2.1", "highest between": "2.1", "distance": "2",
    }  # fmt: skip
    caption = FIGURES["interpolation"].caption(numbers)
    assert "from B = 16 (alpha 0) to B = N (alpha 1), constant, along an arc" in caption


def test_a_surface_has_its_grid_and_its_path_for_a_view_in_three_dimensions(results):
    numbers = json.loads(json.dumps(FIGURES["landscape"].prepare(results)))
    principal, plain = numbers["surfaces"]
    loss = np.array(plain["train_loss"])
    assert loss.shape == (3, 3)
    assert (loss[2, 1], loss[1, 2], loss[1, 1]) == (2.0, 5.0, 1.0), "rows are x, columns are y"
    assert plain["path"]["xy"] == [[0.5, -0.25], [0.0, 0.0]]
    history = results.histories()
    own = history[history["digest"] == plain["run"]].set_index("update")["train_loss"]
    assert plain["path"]["train_loss"][0] == pytest.approx(own[0])
    assert plain["setting"] == "B = 1,024"
    assert principal["explained"] == [0.9, 0.05]
    head, rows = FIGURES["landscape"].table(numbers)
    assert rows[1][head.index("loss nearest the run")] == "1" and rows[1][head.index("highest")] == "6"
    assert "two random directions" in FIGURES["landscape"].caption(numbers)


def test_surfaces_are_drawn_with_the_same_contours(results):
    numbers = FIGURES["landscape"].prepare(results)
    other = numbers["surfaces"][1]
    other["train_loss"] = [[10 * loss for loss in row] for row in other["train_loss"]]
    canvas = drawn(FIGURES["landscape"], numbers)
    levels = [[list(c.levels) for c in axes.collections if isinstance(c, ContourSet)] for axes in canvas.axes]
    assert [len(own) for own in levels] == [2, 2] and all(own == levels[0][0] for panel in levels for own in panel)
    assert (levels[0][0][0], levels[0][0][-1]) == pytest.approx((1, 60))


@pytest.mark.parametrize("name", ["interpolation", "landscape"])
def test_the_picture_is_the_same_bytes_again(results, name, tmp_path):
    files = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        save(FIGURES[name], FIGURES[name].prepare(results), folder)
        files.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert files[0] == files[1]
    assert len(files[0][f"{name}.svg"]) > 10_000


def test_an_unfinished_one_is_not_drawn_and_says_how_to_get_it(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    plane(tmp_path / "exp", disk.add(config={"batch_size": 1024}), finished=4)
    results = load(disk.close())
    numbers = FIGURES["landscape"].prepare(results)
    assert numbers["cannot"].startswith("no surface of these runs has been computed (1 are unfinished); state it under")
    assert "largebatch landscape exp" in FIGURES["landscape"].caption(numbers)
    save(FIGURES["landscape"], numbers, tmp_path)


def test_one_without_a_finite_loss_says_so(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    run = disk.add(config={"batch_size": 1024})
    grid = Grid("lost", "surface", 0, {"directions": "random", "parts": ["train"]}, [run], [{}], "key",
                {"x": SIDE, "y": SIDE}, {"updates": [], "trajectory": [], "explained": None})  # fmt: skip
    grid.put(range(9), {"train_loss": [float("inf")] * 9, "train_error": [1.0] * 9})
    grid.write(tmp_path / "exp")
    numbers = FIGURES["landscape"].prepare(load(disk.close()))
    assert numbers["cannot"] == "no surface of these runs has a finite loss anywhere; state it with a smaller span"


def test_a_setting_in_words():
    assert words({"scaling_rule": {"name": "power", "exponent": 0.75}, "batch_size": 16, "order": "grab"}) == (
        "B = 16, power 0.75, order grab"
    )


def test_critical_batch_methods_in_words_and_ink(tmp_path):
    from tests.analysis.test_critical_batch import write_three_ways

    results = load(write_three_ways(tmp_path / "three_ways"))
    figure = FIGURES["critical_batch_methods"]
    numbers = figure.prepare(results, {"tolerance": 0.02})
    assert [each["method"] for each in numbers["methods"]] == [
        "updates to a target", "noise scale", "branched training", "branched training"
    ]  # fmt: skip
    assert numbers["methods"][3]["bound"] == "at least" and numbers["options"] == {"tolerance": 0.02}
    _, rows = figure.table(numbers)
    assert rows[0][1] == "128" and rows[3][1] == "at least 512"
    assert "branched training: at least 512 (forks after 2,048 examples, tolerance 0.02" in figure.caption(numbers)
    save(figure, numbers, tmp_path)
    empty = OnDisk(tmp_path / "none")
    empty.add(config={"batch_size": 16})
    assert "none of the runs has a target" in figure.prepare(load(empty.close()))["cannot"]
