"""What a sweep takes, counted by hand; and the time, from rough constants or from the runs that are there."""

import pytest

from experiments.experiment import load
from experiments.plan import plan
from experiments.programs import choices
from sweeps import SweepError
from sweeps.calibration import COMPILE_SECONDS
from sweeps.ledger import Ledger
from sweeps.packing import cost_of
from sweeps.where import Where
from tests.experiments.finished_runs import leave


def extent(configs, folder, workers=2, width=2):
    where = Where("cpu", "test")
    ledger = Ledger.read(folder, configs)
    done = ledger.done.keys()
    programs = choices(configs, folder=folder, done=done, where=where, workers=workers, pack=width)
    return plan(configs, folder=folder, ledger=ledger, workers=workers, programs=programs)


def test_the_quickstart_is_counted_right(tmp_path):
    found = extent(load("quickstart").configs, tmp_path)
    assert (found.runs, found.done, found.programs, found.compilations) == (162, 0, 6, 12)
    assert {row.batch_size: row.updates for row in found.rows} == {
        b: (30 * -(-1024 // b),) * 2 for b in (1, 8, 32, 128, 512, 1024)
    }
    assert all(row.examples == (30 * 1024, 30 * 1024) and row.runs == 27 for row in found.rows)
    assert found.examples == 162 * 30 * 1024
    assert sum(row.packs for row in found.rows) == found.packs
    assert not found.capped


def test_a_target_makes_everything_an_upper_bound(tmp_path):
    assert extent(load("mnist1d").configs, tmp_path).capped


def test_without_records_the_time_rests_on_stated_constants(tmp_path):
    configs = load("smoke").configs
    one, two = extent(configs, tmp_path, workers=1), extent(configs, tmp_path, workers=2)
    assert one.basis.startswith("from rough constants: 20 µs an update and 1 µs an example on one CPU core")
    busy = sum(map(cost_of, configs))
    assert one.seconds == pytest.approx(busy + 2 * COMPILE_SECONDS)
    assert two.compilations == 4
    assert two.seconds == pytest.approx(busy / 2 + 2 * COMPILE_SECONDS)


def test_a_wider_network_takes_longer_in_proportion(tmp_path):
    thin, wide = (load("smoke", [f"model.widths=[{w}, {w}]"]).configs for w in (128, 512))
    setup = 2 * COMPILE_SECONDS
    expected = 16 * (extent(thin, tmp_path, workers=1).seconds - setup)
    assert extent(wide, tmp_path, workers=1).seconds - setup == pytest.approx(expected)


def test_a_program_is_compiled_no_more_often_than_it_has_packs(tmp_path):
    found = extent(load("smoke").configs, tmp_path, workers=8)
    assert (found.packs, found.programs, found.compilations) == (4, 2, 4)


def test_finished_runs_are_left_out_and_their_speed_is_used(tmp_path):
    configs = load("smoke").configs
    first = next(c for c in configs if c.batch_size == 16)
    leave(tmp_path, first, seconds=2 * 100 * cost_of(first), setup=3.0)
    found = extent(configs, tmp_path, workers=1)
    assert (found.done, found.basis) == (1, "from the speed of 1 finished runs here")
    others = sum(cost_of(c) for c in configs if c is not first) + cost_of(first)  # a lonely run still fills its pack
    assert found.seconds == pytest.approx(100 * others + 2 * 3.0)


def test_a_run_that_ended_early_counts_for_the_updates_it_made(tmp_path):
    configs = load("smoke").configs
    first = next(c for c in configs if c.batch_size == 16)
    leave(tmp_path, first, seconds=2 * 100 * cost_of(first), setup=0.0)
    whole = extent(configs, tmp_path, workers=1).seconds
    leave(tmp_path / "half", first, seconds=100 * cost_of(first), updates=16, setup=0.0)
    assert extent(configs, tmp_path / "half", workers=1).seconds == pytest.approx(whole)


def test_a_finished_sweep_takes_nothing(tmp_path):
    configs = load("smoke").configs
    for config in configs:
        leave(tmp_path, config, seconds=1.0)
    found = extent(configs, tmp_path)
    assert (found.packs, found.programs, found.compilations, found.seconds) == (0, 0, 0, 0.0)


def test_a_folder_of_another_experiment_is_refused(tmp_path):
    leave(tmp_path, load("mnist1d").configs[0], seconds=1.0)
    with pytest.raises(SweepError, match="holds 1 records and none is a run of this experiment"):
        extent(load("smoke").configs, tmp_path)


OPTIONS = "probes=[{name: average_sharpness, draws: 20, every: {epochs: 1}, precision: float32}, {name: path}]"


def test_what_probes_take_is_estimated_from_their_gradients(tmp_path):
    configs = load("smoke", [OPTIONS]).configs
    found = extent(configs, tmp_path, workers=1)
    sharpness, path = found.probes
    # 21 passes forward, a third of a gradient each. At B = 16 the evaluation after one epoch is the last one.
    assert (sharpness.title, sharpness.runs, sharpness.measured) == ("average_sharpness", 8, 0)
    assert sharpness.measurements == (2, 3)
    assert sharpness.gradients == pytest.approx(256 * 21 / 3)
    look = (256 + 64 + 256) / 3 * 1e-6  # train, validation and test; at 6 of 32 updates, and at all of 2 and the start
    trained = {16: 2 * 256 * 1e-6 + 32 * 20e-6 + 6 * look, 256: 2 * 256 * 1e-6 + 2 * 20e-6 + 3 * look}
    probed = {16: 2 * 256 * 7 * 1e-6, 256: 3 * 256 * 7 * 1e-6}
    assert sharpness.share == pytest.approx(sum(probed[b] / (trained[b] + probed[b]) for b in (16, 256)) / 2)
    assert (path.share, path.gradients) == (0, 0)
    plain = extent(load("smoke").configs, tmp_path, workers=1)
    assert found.seconds - plain.seconds == pytest.approx(4 * sum(probed.values()))
    assert plain.probes == ()
    double = extent(load("smoke", [OPTIONS.replace("float32", "float64")]).configs, tmp_path, workers=1)
    assert double.probes[0].gradients == pytest.approx(2 * 256 * 21 / 3)


def test_the_share_that_finished_runs_measured_counts_instead(tmp_path):
    configs = load("smoke", [OPTIONS]).configs
    for config, share in zip(configs, (0.2, 0.4), strict=False):
        leave(tmp_path, config, seconds=1.0, summary={"probe_share.average_sharpness": share, "probe_share.path": 0.0})
    sharpness, path = extent(configs, tmp_path).probes
    assert (sharpness.share, sharpness.measured) == (pytest.approx(0.3), 2)
    assert (path.share, path.measured) == (0.0, 2)
