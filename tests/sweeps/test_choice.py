"""Widths and forms: typed before declared before recorded before measured before the default."""

from pathlib import Path

import pytest

from experiments.experiment import load
from largebatch.config import digest, program_key
from sweeps import SweepError, calibration
from sweeps.calibration import Speed
from sweeps.choice import Choice, choose, shaped
from sweeps.packing import pack
from sweeps.where import Where
from tests.largebatch.small import small

CPU, GPU = Where("cpu", "test"), Where("gpu", "test")
BENCH = Path(__file__).parents[1] / "benchmarks" / "sweep.yaml"
LONG = {"budget": {"updates": 10**7}, "evaluate": {"points": 10}}
CNN = {"model": {"name": "cnn"}, "dataset": {"name": "fashion_mnist", "train_size": 1000}}
DEFAULT = "default; too little left to repay a measurement"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LARGEBATCH_CACHE", str(tmp_path / "cache"))


def runs(count, **changes):
    """Runs that share one pack."""
    return [small(seed={"order": seed}, **changes) for seed in range(count)]


def chosen(configs, *, where=CPU, recorded=None, **options):
    """The one choice for runs of one program."""
    key = program_key(configs[0])
    said = {"left": configs, "workers": 1, **options}
    found = choose(configs, where=where, recorded={key: recorded} if recorded else {}, **said)
    assert found.keys() == {key}
    return found[key]


def measuring(asked=None, **rates):
    """A stand-in for an engine: candidate -> rate, where `w2_native` is width 2, native."""
    named = {name.removeprefix("w").replace("_", " "): rate for name, rate in rates.items()}

    def measure(trials):
        if asked is not None:
            asked.extend(trial.name for trial in trials)
        return [Speed(rate) if (rate := named[t.name]) else Speed(error="no room") for t in trials]

    return measure


def never(trials):
    pytest.fail(f"measured {[trial.name for trial in trials]}")


@pytest.mark.parametrize("name", [BENCH, "smoke", "quickstart"])
def test_a_small_sweep_never_waits_for_a_measurement(name):
    configs = load(name).configs
    found = choose(configs, left=configs, where=CPU, workers=2, recorded={}, measure=never)
    assert {choice.width for choice in found.values()} == {1}
    assert {choice.reason for choice in found.values()} == {DEFAULT}


def test_runs_that_are_done_do_not_count_towards_what_repays():
    configs = runs(8, **LONG)
    assert chosen(configs, left=[], measure=never).reason == DEFAULT


def test_the_fastest_is_taken_measured_once_and_says_its_numbers():
    asked, configs = [], runs(8, **LONG)
    found = chosen(configs, measure=measuring(asked, w1=1000.0, w2=1500.0, w4=3000.0))
    assert (found.width, found.rates) == (4, {"1": 1000.0, "2": 1500.0, "4": 3000.0})
    assert found.reason == "measured, updates of one run a second by width: 1: 1,000, 2: 1,500, 4: 3,000"
    assert asked == ["1", "2", "4"]
    assert chosen(configs, measure=never) == found
    assert chosen(runs(8), measure=never).width == 4, "what is known serves a short sweep as well"


@pytest.mark.parametrize("said", [
    {"fork": {"at": {"updates": 5}, "parent": {"batch_size": 10}}},
    {"scaling_rule": {"name": "tuned", "rates": {32: 0.1}}, "batch_size": 32},
])  # fmt: skip
def test_runs_that_hold_a_mapping_are_measured_too(said):
    configs = runs(8, **LONG, **said)
    with pytest.raises(TypeError, match="unhashable"):
        hash(configs[0])
    assert chosen(configs, measure=measuring(w1=1000.0, w2=1500.0, w4=3000.0)).width == 4


def test_the_default_stays_unless_another_is_faster_by_more_than_noise():
    assert chosen(runs(8, **LONG), measure=measuring(w1=1000.0, w2=1049.0, w4=900.0)).width == 1
    assert chosen(runs(8, batch_size=8, **LONG), measure=measuring(w1=1000.0, w2=1051.0, w4=900.0)).width == 2


def test_dead_rows_cost_what_live_ones_do():
    # 5 runs: 5 rows of width 1, 3 packs of 2 = 6 rows, 2 packs of 4 = 8 rows.
    rates = {"w1": 1000.0, "w2": 1000.0 * 6 / 5 * 1.04, "w4": 1000.0 * 8 / 5 * 1.06}
    assert chosen(runs(5, **LONG), measure=measuring(**rates)).width == 4
    assert chosen(runs(5, batch_size=8, **LONG), measure=measuring(**rates | {"w4": 1500.0})).width == 1


def test_evaluations_count_as_often_as_there_are():
    # 10^7 updates at 10,000 a second take 1,000 s and at 5,000 a second 2,000 s; 100 evaluations of 20 s turn it round.
    def measure(trials):
        return [Speed(10_000.0, 20.0) if trial.width == 1 else Speed(5_000.0, 5.0) for trial in trials]

    for points, width in ((10, 1), (100, 2)):
        configs = runs(2, batch_size=points, **LONG | {"evaluate": {"points": points, "spacing": "linear"}})
        found = chosen(configs, measure=measure)
        assert found.width == width
        assert "1: 10,000 (20 s an evaluation), 2: 5,000 (5 s an evaluation)" in found.reason


def test_no_pack_is_so_wide_that_a_worker_has_nothing_to_do():
    asked = []
    chosen(runs(8, **LONG), workers=4, measure=measuring(asked, w1=1.0, w2=1.0))
    assert asked == ["1", "2"]


def test_a_form_is_chosen_for_runs_that_share_no_pack():
    asked = []
    found = chosen([small(**CNN, **LONG)], measure=measuring(asked, w1_matmul=10.0, w1_native=30.0))
    assert (found.width, found.convolution, asked) == (1, "native", ["1 matmul", "1 native"])
    assert "by width and form: 1 matmul: 10, 1 native: 30" in found.reason


def test_a_candidate_that_is_not_possible_is_told_and_kept():
    configs = runs(8, **LONG)
    found = chosen(configs, measure=measuring(w1=1000.0, w2=2000.0, w4=None))
    assert found.width == 2 and "4: not possible" in found.reason and found.rates["4"] is None
    assert chosen(configs, measure=never) == found


def test_where_no_candidate_was_possible_the_default_stays_and_the_next_sweep_asks_again():
    configs = runs(8, **LONG)
    assert chosen(configs, measure=measuring(w1=None, w2=None, w4=None)).width == 1
    assert chosen(configs, measure=measuring(w1=1.0, w2=1.0, w4=9.0)).width == 4


def test_another_version_measures_again(monkeypatch):
    configs = runs(8, **LONG)
    chosen(configs, measure=measuring(w1=1.0, w2=1.0, w4=9.0))
    monkeypatch.setattr(calibration, "versions", lambda: {"jax": "next"})
    assert chosen(configs, measure=measuring(w1=1.0, w2=9.0, w4=1.0)).width == 2


def test_what_is_recorded_stays_whatever_is_measured_now():
    configs = runs(8, **LONG)
    chosen(configs, measure=measuring(w1=1.0, w2=1.0, w4=9.0))
    found = chosen(configs, recorded=Choice(2, "auto", "default; a guess"), measure=never)
    assert (found.width, found.warning) == (2, None)
    assert found.why == "recorded with the experiment: default; a guess"
    assert chosen(configs, recorded=found).why == found.why, "the reason does not grow"


def test_a_typed_width_overrides_and_says_what_it_contradicts():
    configs = runs(8)
    found = chosen(configs, pack=3, recorded=Choice(2, "auto", "default"))
    assert (found.width, found.why) == (3, "--pack 3")
    assert found.warning == (
        "--pack 3 contradicts the width recorded with the experiment, 2: finished runs stay, and are equal to float "
        "tolerance, not to the bit"
    )
    assert chosen(configs, pack=2, recorded=Choice(2, "auto", "default")).warning is None
    assert chosen(configs, pack=3).warning is None


def test_a_declared_width_comes_before_a_recorded_one_and_after_a_typed_one():
    configs = runs(8, execution={"pack_width": 5})
    assert chosen(configs).why == "execution.pack_width: 5"
    assert chosen(configs, recorded=Choice(2, "auto", "default")).width == 5
    assert chosen(configs, pack=3).width == 3


@pytest.mark.parametrize(("count", "width"), [(3, 3), (40, 32)])
def test_on_a_gpu_the_default_is_a_guess_that_fits_and_says_so(count, width):
    found = chosen(runs(count), where=GPU)
    assert (found.width, found.reason) == (
        width,
        "default; a guess; too little left to repay a measurement",
    )


def test_the_default_form_is_told_by_device():
    assert chosen([small(**CNN)]).convolution == "matmul"
    assert chosen([small(**CNN)], where=GPU).convolution == "native"
    assert chosen(runs(2)).convolution == "auto"


def test_a_native_convolution_in_a_pack_on_a_cpu_is_refused_or_replaced():
    with pytest.raises(SweepError, match="native in packs of 2 does not end on a CPU; use packs of 1, as in --pack 1"):
        chosen([small(**CNN, execution={"convolution": "native"})], pack=2)
    assert chosen([small(**CNN)], pack=2, recorded=Choice(1, "native", "measured")).convolution == "matmul"
    assert chosen([small(**CNN)], recorded=Choice(1, "native", "measured")).convolution == "native"
    assert chosen([small(**CNN)], recorded=Choice(8, "native", "measured")).convolution == "matmul"
    assert chosen([small(**CNN)], where=GPU, recorded=Choice(8, "native", "measured")).convolution == "native"


def test_a_long_program_that_nobody_has_measured_says_what_a_run_will_do():
    assert "`largebatch run` does so first, in about 15 s" in chosen(runs(8, **LONG)).reason
    assert chosen(runs(1, **LONG)).reason == "default; no run shares its pack"


def test_shaped_runs_keep_their_identity_and_are_packed_as_chosen():
    configs = [*runs(5), *runs(3, batch_size=8)]
    keys = [program_key(configs[0]), program_key(configs[-1])]
    found = shaped(configs, {keys[0]: Choice(2, "auto", ""), keys[1]: Choice(4, "auto", "", max_device_batch=4)})
    assert [digest(config) for config in found] == [digest(config) for config in configs]
    assert [(job.width, len(job.configs)) for job in pack(found)] == [(2, 2), (2, 2), (2, 1), (4, 3)]
    assert [config.execution.max_device_batch for config in found] == [None] * 5 + [4] * 3
