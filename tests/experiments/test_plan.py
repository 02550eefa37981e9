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
