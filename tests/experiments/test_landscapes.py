"""The landscapes that a file states: their runs, what is wrong with them, and that finished points stay."""

import json

import pytest
from rich.console import Console

from experiments.experiment import load
from experiments.problems import ExperimentError
from experiments.surveying import compute
from largebatch.config import digest
from sweeps.engine import InProcessEngine
from tests.experiments.command_line import called

ENDS = "between: [{batch_size: 16}, {batch_size: full}], where: {scaling_rule: constant}"
LINE = f"{{name: interpolation, {ENDS}, points: 5}}"
FULL = "around: {batch_size: full, scaling_rule: linear}"
PLANE = f"{{name: surface, label: plane, {FULL}, points: 2, trajectory: 2, seeds: 2}}"


def quiet():
    return Console(quiet=True)


def written(folder, *landscapes):
    path = folder / "land.yaml"
    entries = [f"  - {one}" for one in landscapes]
    path.write_text("\n".join(["question: Flat?", "extends: smoke", "landscapes:", *entries]))
    return path


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep with landscapes, run once."""
    folder = tmp_path_factory.mktemp("land")
    path = written(folder, LINE, PLANE)
    done = called("run", path, "--in-process", "--wandb", "off", "--results", folder)
    assert done.exit_code == 0, done.output
    return path, folder, done


def test_its_runs_are_found_and_keep_their_weights(tmp_path):
    found = load(written(tmp_path, LINE, PLANE))
    line, first, second = found.landscapes
    assert [(run.batch_size, run.scaling_rule.name, run.seed.order) for run in line.runs] == [
        (16, "constant", 0), (256, "constant", 0)
    ]  # fmt: skip
    assert [(each.seed, each.runs[0].batch_size) for each in (first, second)] == [(0, 256), (1, 256)]
    plain = load("smoke").configs
    assert list(map(digest, plain)) == list(map(digest, found.configs)), "keeping weights is the same run"
    said = {digest(run): run.execution.keep_weights for run in found.configs}
    assert said[digest(line.runs[0])].at == "end"
    assert said[digest(second.runs[0])].points == 2
    assert sum(cadence is not None for cadence in said.values()) == 4


def test_a_cadence_of_ones_own_stays(tmp_path):
    found = load(written(tmp_path, LINE), ["execution.keep_weights={every: {epochs: 1}}"])
    assert {run.execution.keep_weights.every.epochs for run in found.configs} == {1}


def test_a_plan_counts_the_points_that_are_left(swept, tmp_path):
    path, folder, _ = swept
    before, plain, after = (
        json.loads(called("plan", which, "--json", "--workers", "1", "--results", where).output)
        for which, where in ((path, tmp_path), ("smoke", tmp_path), (path, folder))
    )
    assert (before["surveying"]["landscapes"], before["surveying"]["points"]) == (3, 5 + 2 * 2 * 2)
    looks = 13 * (256 + 256) / 3  # train and test
    assert before["seconds"] - plain["seconds"] == pytest.approx(looks * 1e-6)
    assert plain["surveying"] is after["surveying"] is None
    assert "3 landscapes of 13 points in all" in called("plan", path, "--results", tmp_path).output


def test_they_are_computed_after_the_sweep_and_listed_with_it(swept):
    _, folder, done = swept
    assert "3 of 3 landscapes in" in done.output
    grids = sorted(path.name for path in (folder / "land" / "landscapes").iterdir())
    assert grids == ["interpolation-0.json", "plane-0.json", "plane-1.json"]
    document = json.loads((folder / "land" / "experiment.json").read_text())
    assert [entry["name"] for entry in document["landscapes"]] == ["interpolation", "surface", "surface"]


class Counting(InProcessEngine):
    """An engine that stops after some tasks, as a person does."""

    def __init__(self, most=10**9):
        super().__init__()
        self.places, self.most = [], most

    def call(self, function, tasks, on_end):
        def end(number, outcome):
            self.places += tasks[number].places
            on_end(number, outcome)
            if len(self.places) >= self.most:
                raise KeyboardInterrupt

        super().call(function, tasks, end)


def test_finished_points_are_kept(swept):
    path, folder, _ = swept
    place, wanted = folder / "land", load(path).landscapes[:1]
    again = Counting()
    whole, lost = compute(place, wanted, engine=again, console=quiet())
    assert (len(whole), lost, again.places) == (1, [], [])
    file = place / "landscapes" / "interpolation-0.json"
    before = json.loads(file.read_text())
    file.unlink()
    stopped = Counting(most=2)
    with pytest.raises(KeyboardInterrupt):
        compute(place, wanted, engine=stopped, console=quiet())
    assert json.loads(file.read_text())["done"].count("1") == 2
    rest = Counting()
    compute(place, wanted, engine=rest, console=quiet())
    assert sorted(stopped.places + rest.places) == [0, 1, 2, 3, 4]
    assert json.loads(file.read_text()) == before


def test_other_options_are_another_landscape_and_lost_weights_are_told(swept, tmp_path):
    _, folder, _ = swept
    denser = load(written(tmp_path, LINE.replace("points: 5", "points: 3"))).landscapes
    counted = Counting()
    compute(folder / "land", denser, engine=counted, console=quiet())
    assert sorted(counted.places) == [0, 1, 2]
    other = load(written(tmp_path, "{name: surface, around: {batch_size: 16, scaling_rule: linear}}")).landscapes
    whole, lost = compute(folder / "land", other, engine=counted, console=quiet())
    assert not whole
    assert lost[0].startswith("surface, seed 0: ") and "keeps no weights" in lost[0]


def test_the_command_alone(swept, tmp_path):
    path, folder, _ = swept
    done = called("landscape", path, "--in-process", "--results", folder)
    assert done.exit_code == 0 and "3 of 3 landscapes" in done.output
    none = called("landscape", "smoke", "--in-process", "--results", tmp_path)
    assert none.exit_code == 2
    assert "smoke states no landscapes; add the section landscapes to its file" in none.output
    away = called("landscape", path, "--in-process", "--results", tmp_path)
    assert away.exit_code == 1
    assert "is not finished" in away.output


@pytest.mark.parametrize(("landscape", "told"), [
    ("{name: surfac}", r"land.yaml:4:12: landscapes\[0\].name: unknown landscape 'surfac'; .*did you mean surface\?"),
    ("{around: {batch_size: 16}}", r"land.yaml:4:5: landscapes\[0\]: unknown landscape null; accepted: interp"),
    ("{name: surface, curvd: true}", r"land.yaml:4:21: landscapes\[0\].curvd: unknown key; accepted: name, label"),
    (LINE.replace("full", "16"), "between takes two runs that differ in values of the same fields"),
    (LINE.replace("points: 5", "span: [1, 0]"), r"span takes the first and the last alpha, in rising order; got \[1"),
    ("{name: surface, directions: pca, trajectory: 2}", "trajectory takes 3 or more; got 2"),
    ("{name: surface, around: {batch_sise: 16}}", "unknown key; accepted: dataset, .*did you mean batch_size"),
    ("{name: surface, around: {seed: 1}}", "land.yaml:4:5: .*unknown key"),
    ("{name: surface, around: {batch_size: 16}}", "2 runs a seed have .*differ in scaling_rule, so state those under"),
    ("{name: surface, around: {batch_size: 17}}", 'no run has {"batch_size": 17}; give values that the axes have'),
    ("3", r"landscapes\[0\]: got 3; must be a mapping"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_where_it_stands(tmp_path, landscape, told):
    with pytest.raises(ExperimentError, match=told):
        load(written(tmp_path, landscape))


def test_a_search_has_no_runs_to_state_them_of(tmp_path):
    drawn = "axes.learning_rate={search: log_uniform, low: 0.01, high: 1}"
    with pytest.raises(ExperimentError, match="runs that are known before the sweep, but this experiment searches"):
        load(written(tmp_path, LINE), [drawn])


def test_fewer_seeds_than_stated_are_enough_to_count(tmp_path):
    found = load(written(tmp_path, PLANE), most_seeds=1)
    assert [each.seed for each in found.landscapes] == [0]


def test_two_of_a_name_are_refused(tmp_path):
    with pytest.raises(ExperimentError, match=r"land.yaml:5:5: .*two landscapes are called interpolation; give one"):
        load(written(tmp_path, LINE, LINE))
