"""`largebatch probe`: finished runs are measured once, and what cannot be is said."""

import pytest

from largebatch.records import read_probes
from tests.experiments.command_line import called

KEPT = ("--set", "execution.keep_weights={at: end}", "--set", "seeds=1", "--set", "axes.batch_size=[16]")
PROBE = "{name: average_sharpness, draws: 2, subset: {size: 16}}"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results of two runs of the smoke sweep with their last weights."""
    folder = tmp_path_factory.mktemp("kept")
    assert called("run", "smoke", "--in-process", "--wandb", "off", "--results", folder, *KEPT).exit_code == 0
    return folder


def probed(results, *asked):
    words = [word for one in asked for word in ("--probe", one)]
    return called("probe", "smoke", "--in-process", "--results", results, *KEPT, *words)


def test_finished_runs_are_measured_once(results):
    first, again = probed(results, PROBE), probed(results, PROBE)
    assert first.exit_code == again.exit_code == 0
    assert first.output.count(" measured\n") == 2
    assert "2 of 2 runs are measured by average_sharpness" in first.output
    assert again.output.count("had been measured before") == 2
    folders = list((results / "smoke" / "runs").iterdir())
    assert all(read_probes(folder)["average_sharpness"].series("sharpness")[0].tolist() == [32] for folder in folders)


def test_a_run_that_cannot_be_measured_is_told_and_the_others_go_on(results):
    for folder in list((results / "smoke" / "runs").iterdir())[:1]:
        (folder / "weights.npz").rename(folder / "away")
    done = probed(results, "{name: average_sharpness, label: other, draws: 2, subset: {size: 16}}")
    (folder / "away").rename(folder / "weights.npz")
    assert done.exit_code == 1
    assert "could not be measured: " in done.output and "keeps no weights" in done.output
    assert "1 of 2 runs are measured by other" in done.output


@pytest.mark.parametrize(("asked", "told"), [
    (["sharpnes"], "unknown probe 'sharpnes'; accepted: gradient_noise, .*; did you mean sharpness"),
    (["{eps: [0.1]}"], "unknown probe null"),
    (["{name: sharpness, ep: [0.1]}"], "ep: unknown key; accepted: .*; did you mean eps"),
    (["path", "path"], "path: asked for 2 times; give one a label of its own"),
])  # fmt: skip
def test_what_is_asked_is_checked_first(results, asked, told):
    done = probed(results, *asked)
    assert done.exit_code == 2
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(done.output)


def test_without_a_finished_run_there_is_nothing_to_measure(tmp_path):
    done = probed(tmp_path, "path")
    assert done.exit_code == 2
    assert "holds no finished run to measure; first: largebatch run smoke" in done.output
