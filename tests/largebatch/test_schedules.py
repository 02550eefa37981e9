import numpy as np
import optax
import pytest
from pydantic import TypeAdapter

from largebatch.config import SCHEDULES, Duration, RunConfig, digest, pack_key, run
from largebatch.extent import total_updates
from largebatch.schedules import SHAPES, rates, stretched
from largebatch.units import updates_in

TOTAL, PER_EPOCH = 120, 12
READ = TypeAdapter(run.AnySchedule)


def computed(first=0, count=TOTAL, peak=0.5, **options):
    return rates(
        READ.validate_python(options), peak=peak, first=first, count=count, total=TOTAL,
        in_updates=lambda d: updates_in(d, examples=100, batch=9, per_epoch=PER_EPOCH, total=TOTAL),
    )  # fmt: skip


def by_optax(schedule, count=TOTAL):
    return np.array([float(schedule(t)) for t in range(count)])


SHAPED = [
    {"name": "constant"},
    {"name": "cosine", "final": 0.1},
    {"name": "linear", "final": 0.2},
    {"name": "step", "milestones": [{"updates": 30}, {"updates": 60}]},
    {"name": "inverse_sqrt"},
]


def test_constant():
    np.testing.assert_array_equal(computed(name="constant"), np.full(TOTAL, 0.5))


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_cosine_is_optax(final):
    expected = by_optax(optax.cosine_decay_schedule(0.5, TOTAL, alpha=final))
    np.testing.assert_allclose(computed(name="cosine", final=final), expected, rtol=1e-5, atol=1e-7)


def test_linear_is_optax():
    expected = by_optax(optax.linear_schedule(0.5, 0.1, TOTAL))
    np.testing.assert_allclose(computed(name="linear", final=0.2), expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["cosine", "linear"])
def test_decay_begins_at_the_peak_and_would_end_at_final(name):
    got = computed(count=TOTAL + 10, name=name, final=0.2)
    assert got[0] == 0.5
    assert np.all(np.diff(got[:TOTAL]) < 0)
    np.testing.assert_allclose(got[TOTAL:], 0.1)


def test_cosine_is_half_way_in_the_middle():
    assert computed(name="cosine", final=0.2)[TOTAL // 2] == pytest.approx(0.3)


def test_steps_are_optax_and_milestones_are_converted():
    milestones = [{"epochs": 2.5}, {"fraction": 0.5}, {"examples": 800}, {"updates": 100}]
    # 2.5 epochs: two of 12 updates, then 50 examples in batches of 9.
    expected = by_optax(optax.piecewise_constant_schedule(0.5, {30: 0.3, 60: 0.3, 96: 0.3, 100: 0.3}))
    np.testing.assert_allclose(computed(name="step", milestones=milestones, factor=0.3), expected, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPED, ids=lambda s: s["name"])
@pytest.mark.parametrize("begin", [0.0, 0.25])
def test_warmup_reaches_the_peak_with_its_last_update(shape, begin):
    got = computed(**shape, warmup={"epochs": 1}, warmup_from=begin)
    ramp = by_optax(optax.linear_schedule(begin * 0.5, 0.5, PER_EPOCH), PER_EPOCH + 1)[1:]
    np.testing.assert_allclose(got[:PER_EPOCH], ramp, rtol=1e-6)
    assert got[PER_EPOCH - 1] == 0.5
    assert np.all(got <= 0.5)


@pytest.mark.parametrize("shape", SHAPED, ids=lambda s: s["name"])
def test_a_constant_warmup_is_a_share_of_the_schedule_and_then_the_schedule(shape):
    got = computed(**shape, warmup={"epochs": 2}, warmup_from=0.1, warmup_shape="constant")
    gradual = computed(**shape, warmup={"epochs": 2}, warmup_from=0.1)
    np.testing.assert_array_equal(got[2 * PER_EPOCH :], gradual[2 * PER_EPOCH :])
    np.testing.assert_allclose(got[: 2 * PER_EPOCH], 0.05, rtol=1e-12)


# 2 epochs of 12 updates; 2 epochs, 45 examples in batches of 9; a fifth of 120 updates.
@pytest.mark.parametrize(
    ("warmup", "updates"),
    [({"updates": 24}, 24), ({"epochs": 2}, 24), ({"examples": 245}, 29), ({"fraction": 0.2}, 24)],
)
def test_warmup_takes_every_unit(warmup, updates):
    expected = np.minimum((np.arange(TOTAL) + 1) / updates, 1) * 0.5
    np.testing.assert_allclose(computed(name="constant", warmup=warmup), expected, rtol=1e-12)


@pytest.mark.parametrize("warmup", [1, 25])
def test_inverse_sqrt_is_the_transformers(warmup):
    # Vaswani et al. 2017, equation 3, for updates 1, 2, ..., times what brings its peak to 0.5.
    expected = [min(u**-0.5, u * warmup**-1.5) * warmup**0.5 * 0.5 for u in range(1, TOTAL + 1)]
    got = computed(name="inverse_sqrt", warmup={"updates": warmup})
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert np.array_equal(got, computed(name="inverse_sqrt")) == (warmup == 1)


def test_cosine_begins_where_the_warmup_ends():
    expected = by_optax(optax.cosine_decay_schedule(0.5, TOTAL - PER_EPOCH), TOTAL - PER_EPOCH)
    got = computed(name="cosine", warmup={"updates": PER_EPOCH})
    np.testing.assert_allclose(got[PER_EPOCH:], expected, rtol=1e-5, atol=1e-7)


def test_steps_are_counted_from_the_start_of_the_run():
    got = computed(**SHAPED[3], warmup={"updates": 20})
    np.testing.assert_allclose(got[[19, 29, 30, 59, 60]], [0.5, 0.5, 0.05, 0.05, 0.005])


@pytest.mark.parametrize("shape", SHAPED, ids=lambda s: s["name"])
def test_any_stretch_is_cut_from_the_whole(shape):
    whole = computed(**shape, warmup={"updates": 7})
    np.testing.assert_array_equal(computed(first=5, count=40, **shape, warmup={"updates": 7}), whole[5:45])


def test_every_schedule_has_its_arithmetic():
    assert set(SHAPES) == set(SCHEDULES)


STEPS = {"name": "step", "milestones": [{"epochs": 2}, {"fraction": 0.5}, {"updates": 29}], "warmup": {"examples": 40}}


def regime(batch, stretch, schedule=STEPS, budget=None):
    return RunConfig.model_validate({
        "dataset": {"name": "digits", "train_size": 128}, "batch_size": batch, "reference_batch": 16,
        "schedule": schedule | {"stretch": stretch}, "budget": budget or {"epochs": 4, "stretch": stretch},
    })  # fmt: skip


def of_run(config):
    total = total_updates(config)
    sizes = {"examples": 128, "batch": config.batch_size, "per_epoch": config.updates_per_epoch, "total": total}
    return rates(stretched(config), peak=1.0, first=0, count=total, total=total,
                 in_updates=lambda d: updates_in(d, **sizes))  # fmt: skip


def test_a_stretched_schedule_is_that_of_the_reference_batch():
    small = of_run(regime(16, None))
    assert len(small) == 32 and small[15] == 1 and small[16] == pytest.approx(0.01)
    # 8 updates an epoch become 2: a factor of 4 brings back all 32, with every milestone and the warm-up.
    np.testing.assert_array_equal(of_run(regime(64, "batch")), small)
    np.testing.assert_array_equal(of_run(regime(64, 4.0)), small)
    np.testing.assert_array_equal(of_run(regime(16, "batch")), small)
    assert len(of_run(regime(64, None))) == 8


@pytest.mark.parametrize(("batch", "updates"), [(8, 64), (17, 64), (32, 32), (48, 36), (128, 32)])
def test_a_stretched_budget_is_rounded_up_to_whole_factors(batch, updates):
    assert total_updates(regime(batch, "batch")) == updates
    assert total_updates(regime(batch, "batch", budget={"examples": 512, "stretch": "batch"})) == updates


def test_stretching_by_half_shortens():
    assert total_updates(regime(16, 0.5)) == 16
    assert stretched(regime(16, 0.5)).milestones == (Duration(epochs=1), Duration(fraction=0.5), Duration(updates=29))


def test_rows_of_a_pack_end_together():
    one, other = regime(32, "batch"), regime(32, "batch").model_copy(update={"reference_batch": 8})
    assert pack_key(one) != pack_key(other)
    alone, same = (regime(32, None).model_copy(update={"reference_batch": b}) for b in (8, 16))
    assert pack_key(alone) == pack_key(same)


def test_runs_of_all_schedules_share_a_pack():
    assert {shape["name"] for shape in SHAPED} == SCHEDULES.keys()
    runs = [regime(32, None, shape | {"warmup": {"updates": n}}) for n, shape in enumerate(SHAPED, start=1)]
    assert len(set(map(digest, runs))) == len(runs) and len(set(map(pack_key, runs))) == 1
