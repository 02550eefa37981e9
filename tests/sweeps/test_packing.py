import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from largebatch.config import RunConfig, digest, pack_key, program_key
from sweeps.expand import expand
from sweeps.packing import convolutional, cost_of, pack, size_of, without

BASE = {"dataset": {"name": "synthetic", "train_size": 64}, "model": {"name": "logistic"}}
GRID = expand(
    BASE,
    {"batch_size": [1, 8, "full"], "scaling_rule": ["constant", "linear"], "order": ["sequential", "reshuffle"]},
    [],
    [0, 1],
)


@settings(deadline=None)
@given(st.permutations(GRID), st.integers(1, 5))
def test_packs_are_uniform_within_width_and_hold_every_run_once(configs, width):
    jobs = pack(configs, width)
    assert sorted(d for job in jobs for d in job.digests) == sorted(map(digest, configs))
    for job in jobs:
        assert 1 <= len(job.configs) <= width == job.width
        assert len({pack_key(config) for config in job.configs}) == 1
    assert len({job.name for job in jobs}) == len(jobs)


def test_packs_are_as_few_as_the_width_allows():
    assert len(pack(GRID, 4)) == 6  # 3 batch sizes x 2 seeds (the data stream is shared by a pack), 4 runs each
    assert len(pack(GRID, 3)) == 12


def test_names_do_not_depend_on_what_is_already_done():
    jobs = pack(GRID, 4)
    left = without(jobs, {jobs[0].digests[1], *jobs[1].digests})
    assert [job.name for job in left] == [jobs[0].name, *(job.name for job in jobs[2:])]
    assert left[0].digests == (jobs[0].digests[0], *jobs[0].digests[2:])


def test_names_tell_widths_apart():
    assert not {job.name for job in pack(GRID[:1], 2)} & {job.name for job in pack(GRID[:1], 3)}


def test_width_may_be_given_by_program_and_by_run():
    small, large = GRID[0], GRID[-1]
    widths = {program_key(small): 2, program_key(large): 8}
    assert [job.width for job in pack([small, large], widths)] == [2, 8]
    own = small.model_copy(update={"execution": small.execution.model_copy(update={"pack_width": 5})})
    assert [job.width for job in pack([own], 2)] == [5]


@pytest.mark.parametrize("widths", [0, {}])
def test_a_width_that_is_missing_or_below_one_is_refused(widths):
    with pytest.raises(ValueError, match="pack width of program [0-9a-f]{12} is .*; give a whole number of at least 1"):
        pack(GRID, widths)


def test_small_batches_cost_more():
    costs = [cost_of(RunConfig.model_validate(BASE | {"batch_size": b})) for b in (1, 8, 64)]
    assert costs == sorted(costs, reverse=True)


@pytest.mark.parametrize(
    ("model", "data", "products"),
    [
        ({"name": "logistic"}, "digits", 0),
        ({"name": "mlp", "widths": [128, 128]}, "digits", 128 * 128),
        ({"name": "mlp", "widths": [512, 512]}, "digits", 512 * 512),
        ({"name": "mlp", "widths": [200, 100]}, "fashion_mnist", 784 * 200 + 200 * 100),
        ({"name": "logistic"}, "fashion_mnist", 0),
        # places x inputs of a window x channels, and the dense layer
        ({"name": "cnn"}, "fashion_mnist", 784 * 9 * 32 + 196 * 288 * 64 + 3136 * 128),
        ({"name": "conv1d"}, "mnist1d", 20 * 5 * 25 + 10 * 75 * 25 + 5 * 75 * 25),
    ],
)
def test_a_network_is_as_large_as_its_products(model, data, products):
    config = RunConfig.model_validate({"model": model, "dataset": {"name": data}})
    assert size_of(config) == pytest.approx(max(1, products / 128**2))
    assert convolutional(config) == (model["name"] in ("cnn", "conv1d"))


def quadratic(name, seed, **changes):
    said = {"dataset": {"name": name}, "model": {"name": "point"}, "loss": "quadratic", "batch_size": 1, "seed": seed}
    return RunConfig.model_validate(said | changes)


def test_seeds_share_a_pack_where_the_data_do_not_depend_on_them():
    assert len(pack([quadratic("ill_conditioned", seed) for seed in range(4)], 4)) == 1
    assert len(pack([quadratic("scalar_quadratics", seed) for seed in range(4)], 4)) == 4


def test_an_update_of_a_point_is_a_twentieth_of_one_of_a_network_and_moments_are_looked_at_logarithmically():
    point = quadratic("ill_conditioned", 0, budget={"updates": 1000})
    assert cost_of(point) == pytest.approx(1000 * 1e-6)
    order = {"order": "with_replacement", "batch_size": 4}
    long, short = (
        quadratic("noisy_quadratic", 0, budget={"updates": updates}, **order) for updates in (2**20 - 1, 2**10 - 1)
    )
    assert cost_of(long) == pytest.approx(4 * cost_of(short)) == pytest.approx(10_000 * 5e-7 * 20**2)
