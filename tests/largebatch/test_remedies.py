"""Every remedy gives the same numbers whatever the devices, micro-batches and pack; what may not be said together."""

import jax
import numpy as np
import pytest
from pydantic import ValidationError

from largebatch.config import Kind, RunConfig, digest, leaves, pack_key, program_key
from largebatch.pack import Pack
from largebatch.remedies import NONE, remedies_of, remedy_numbers
from largebatch.train import train_pack
from tests.largebatch.short import BATCH, REMEDIES, UPDATES, N, assert_close, distance, plain, short, trained

OTHER_NUMBERS = {
    "label_smoothing": 0.4, "rho": 0.1, "strength": 0.1, "epsilon": 0.05, "std": 0.5, "batch": 7, "sigma": 0.1,
    "temperature": 0.1, "half_life": {"updates": 5}, "start": {"updates": 4}, "every": {"updates": 1},
}  # fmt: skip
ANOTHER = {"m": 3, "adaptive": True, "finite_population": True, "workers": 8, "steps": 5,
           "average": "parameters_and_momentum"}  # fmt: skip


def said(name):
    """Return the one field that a remedy sets, and its value."""
    return next((field, value) for field, value in REMEDIES[name].items() if field not in ("optimizer", "model"))


def neighbour(name):
    """Return the run with another value of every number of its remedy, and other seeds."""
    field, value = said(name)
    if isinstance(value, dict):
        value = {key: OTHER_NUMBERS.get(key, own) for key, own in value.items()}
    else:
        value = OTHER_NUMBERS[field]
    return short(**{**REMEDIES[name], field: value}, seed={"initialization": 1, "order": 2})


LIMITS = {"local": None, "post-local": None, "sam by groups": 5, "penalty by groups": 5, "adaptive sam": 4}
"""Examples that a device takes at once: 3, or a whole group, or all of its workers."""


def cut(config, name, devices):
    execution = {"devices": devices, "max_device_batch": LIMITS.get(name, 3)}
    return config.model_copy(update={"execution": config.execution.model_copy(update=execution)})


@pytest.mark.parametrize("name", REMEDIES)
def test_a_row_beside_other_numbers_on_two_devices_in_micro_batches_is_the_run_alone(name):
    one, other = short(**REMEDIES[name]), neighbour(name)
    assert pack_key(one) == pack_key(other)
    alone = trained(one)[1]
    assert_close(trained(cut(other, name, 2), cut(one, name, 2), place=1, stops=(4, UPDATES))[-1], alone)
    assert distance(alone, trained(plain(name))[1]) > 1e-4


@pytest.mark.parametrize("name", ["sam by groups", "minibatch", "diagonal", "local", "post-local"])
def test_four_devices_do_not_matter(name):
    # 4 examples a device, or whole groups of 5; the last batch of 2 leaves three devices without any.
    one = short(**REMEDIES[name])
    assert_close(trained(cut(one, name, 4))[1], trained(one)[1])


@pytest.mark.parametrize("name", REMEDIES)
def test_a_stretch_in_two_calls_gives_the_same_bits(name):
    one = short(**REMEDIES[name])
    for a, b in zip(*(jax.tree.leaves(trained(one, stops=s)[-1]) for s in ((UPDATES,), (1, 4, UPDATES))), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("devices", [1, 4])
@pytest.mark.parametrize("name", ["post-local", "ema"])
def test_a_snapshot_in_the_middle_holds_everything(name, devices):
    one = short(**REMEDIES[name], execution={"devices": devices})
    with jax.enable_x64(True):
        pack, fresh = Pack([one], width=1), Pack([one], width=1)
        pack.advance(5)
        fresh.restore(pack.snapshot(), 5)
        pack.advance(UPDATES)
        fresh.advance(UPDATES)
        for a, b in zip(*(jax.tree.leaves(p.params(0)) for p in (pack, fresh)), strict=True):
            np.testing.assert_array_equal(a, b)


def test_without_remedies_nothing_is_compiled_in():
    assert remedies_of(short(), BATCH) == NONE
    assert remedy_numbers(short()) == {}


@pytest.mark.parametrize("m", [BATCH, BATCH + 1, 10 * N])
@pytest.mark.parametrize("name", ["sam", "gradient_penalty"])
def test_groups_of_the_whole_batch_are_no_groups(name, m):
    assert remedies_of(short(**{name: {"m": m}}), BATCH) == remedies_of(short(**{name: {}}), BATCH)


def test_durations_are_converted_by_the_batch_size():
    said = [({"examples": 48}, 16), ({"updates": 3}, 16), ({"epochs": 3}, 50), ({"fraction": 0.5}, 16)]
    runs = [short(averaging={"kind": "ema", "half_life": half_life}, batch_size=batch) for half_life, batch in said]
    decays = [remedy_numbers(run)["averaging.decay"] for run in runs]
    np.testing.assert_allclose(decays, [0.5 ** (1 / 3)] * 3 + [0.5 ** (1 / 4.5)], rtol=1e-15)
    swa = {"kind": "swa", "start": {"fraction": 0.5}}
    assert remedy_numbers(short(averaging=swa)) == {"averaging.start": 5, "averaging.every": 4}


def test_a_diverged_row_ends_and_its_neighbour_does_not_see_it():
    rows = [short(sam={"rho": 0.1, "m": 5}, averaging={"kind": "ema", "half_life": {"updates": 2}}, learning_rate=rate)
            for rate in (1e200, 0.1)]  # fmt: skip
    broken, sound = train_pack(rows, width=2)
    assert (broken.status, sound.status in ("done", "stuck")) == ("diverged", True)
    assert broken.summary["diverged_at"] <= 2
    alone = train_pack(rows[1:], width=2)[0]
    np.testing.assert_array_equal(sound.history["test_loss"], alone.history["test_loss"])


@pytest.mark.parametrize("name", REMEDIES)
def test_numbers_share_a_program_and_the_rest_does_not(name):
    field, value = said(name)
    one = short(**REMEDIES[name])
    assert digest(one) != digest(neighbour(name)) and program_key(one) == program_key(neighbour(name))
    declared = {path.split(".")[1] if "." in path else path: kind
                for path, kind, _ in leaves(one) if path.split(".")[0] == field}  # fmt: skip
    for leaf, kind in declared.items():
        assert kind is (Kind.NUMBER if leaf in OTHER_NUMBERS else Kind.PROGRAM)
        if leaf in ANOTHER and isinstance(value, dict) and value.get(leaf) != ANOTHER[leaf] and "std" not in value:
            assert program_key(short(**{**REMEDIES[name], field: value | {leaf: ANOTHER[leaf]}})) != program_key(one)


def test_which_size_of_isotropic_noise_is_given_is_compiled_in():
    sizes = [short(injected_noise={"kind": "isotropic", name: 4}) for name in ("std", "batch")]
    assert program_key(sizes[0]) != program_key(sizes[1])


SAM, PENALTY, EMA, LOCAL = {"m": 6}, {"m": 6}, {"kind": "ema", "half_life": {"epochs": 1}}, {"workers": 4, "steps": 2}
NOISE, LANGEVIN = {"kind": "minibatch", "batch": 4}, {"kind": "langevin", "temperature": 1}
DIAGONAL = {"kind": "diagonal", "batch": 4}
LEAST_SQUARES = {"dataset": {"name": "least_squares"}, "model": {"name": "linear"}, "loss": "half_squares"}
GROWING = {"schedule": {"name": "step", "milestones": [{"epochs": 1}], "factor": 0.5, "grow_batch_to": 32}}
SCOPES = {"batch": {"scope": "batch"}, "ghost": {"scope": "ghost", "size": 4}}
REFUSED = [
    ({"sam": SAM, "gradient_penalty": PENALTY}, "sam and gradient_penalty exclude each other: both move the weights"),
    ({"sam": SAM, "injected_noise": NOISE}, "sam and injected_noise exclude each other: the noise is defined"),
    ({"gradient_penalty": PENALTY, "injected_noise": NOISE}, "gradient_penalty and injected_noise exclude each other"),
    ({"local": LOCAL, "sam": SAM}, "local and sam exclude each other: m counts in the logical batch"),
    ({"local": LOCAL, "gradient_penalty": PENALTY}, "local and gradient_penalty exclude each other"),
    ({"local": LOCAL, "injected_noise": NOISE}, "local and injected_noise exclude each other"),
    ({"local": LOCAL, "averaging": EMA}, "local and averaging exclude each other: the workers' average exists only"),
    ({"local": LOCAL, "norm": SCOPES["batch"]}, "local and norm scope batch exclude each other: no worker sees"),
    ({"local": LOCAL, "partial": "mean"}, "local and partial mean exclude each other: a worker may have no example"),
    ({"injected_noise": DIAGONAL, "norm": SCOPES["batch"]}, "covariance and norm scope batch exclude each other"),
    ({"injected_noise": NOISE, "norm": SCOPES["ghost"]}, "covariance and norm scope ghost exclude.*: there no example"),
    ({"injected_noise": NOISE, "order": "with_replacement"}, "weights of examples and order with_replacement exclude"),
    ({"injected_noise": LANGEVIN}, "langevin noise and momentum exclude each other: .* use sgd without momentum"),
    ({"injected_noise": LANGEVIN, "optimizer": {"name": "adam"}}, "langevin noise and an optimizer other than sgd"),
    ({"label_smoothing": 0.1, **LEAST_SQUARES}, "label_smoothing and a loss without classes exclude"),
    ({"l2": 0.1, "sam": SAM}, "l2 and sam exclude each other: whether the penalty climbs too"),
    ({"l2": 0.1, "gradient_penalty": PENALTY}, "l2 and gradient_penalty exclude each other"),
    ({"l2": 0.1, "injected_noise": NOISE}, "l2 and injected_noise exclude each other"),
    ({"l2": 0.1, "local": LOCAL}, "l2 and local exclude each other: the loss of workers apart"),
    ({"l2": 0.1, "order": "grab"}, "l2 and order grab exclude each other"),
    ({"order": "grab", "sam": SAM}, "order grab and sam exclude each other"),
    ({"order": "grab", "gradient_penalty": PENALTY}, "order grab and gradient_penalty exclude each other"),
    ({"order": "grab", "injected_noise": NOISE}, "order grab and injected_noise exclude each other"),
    ({"order": "grab", "local": LOCAL}, "order grab and local exclude each other"),
    ({"order": "grab", **GROWING}, "order grab and a growing batch exclude each other: grab keeps one sign a unit"),
    ({"order": "grab", "fork": {"at": {"epochs": 1}}}, "begins with a permutation of its own; fork with keep: param"),
    ({"local": LOCAL, **GROWING}, "local and a growing batch exclude each other: the workers share"),
    ({"averaging": EMA, **GROWING}, "an average with a half-life and a growing batch exclude .* use swa"),
    ({"local": LOCAL, "fork": {"at": {"epochs": 1}}}, "local and a fork exclude each other: its workers"),
    ({"fork": {"at": {"epochs": 1}, "parent": {"local": LOCAL}}}, "a fork of local SGD and a fork exclude"),
    ({"label_smoothing": 1.0}, "less than 1"),
    ({"sam": SAM, "norm": SCOPES["batch"]}, "sam: groups of m = 6 would split the batch of 16 that norm scope batch"),
    ({"gradient_penalty": PENALTY, "norm": SCOPES["ghost"]}, "would split a ghost group of 4; use a multiple of 4"),
    ({"sam": SAM, "execution": {"max_device_batch": 5}}, "sam: a group of m = 6 does not fit max_device_batch 5"),
    ({"sam": {"rho": -1}}, "greater than or equal to 0"),
    ({"local": {"workers": 3, "steps": 2}}, "batch_size 16 cannot be shared by 3 workers; use a multiple of it"),
    ({"local": LOCAL, "execution": {"devices": 3}}, "4 workers cannot be shared by 3 devices; use a divisor of 4"),
    ({"local": LOCAL, "execution": {"max_device_batch": 15}}, "4 examples side by side, 16 on a device, more than"),
    ({"local": LOCAL, "norm": {"scope": "ghost", "size": 8}}, "a worker's 4 examples would split a ghost group of 8"),
    ({"injected_noise": {"kind": "isotropic"}}, "isotropic noise needs std or batch, one of them, as in"),
    ({"injected_noise": {"kind": "isotropic", "std": 1, "batch": 2}}, "isotropic noise needs std or batch"),
    ({"injected_noise": {"kind": "isotropic", "std": 1, "finite_population": True}}, "finite_population belongs to"),
    ({"injected_noise": {"kind": "minibatch", "batch": 17, "finite_population": True}},
     "17 examples cannot be drawn without replacement from the 16 of an update; use a batch of at most 16"),
    ({"injected_noise": {"kind": "white"}}, "'isotropic', 'diagonal', 'minibatch', 'multiplicative'.*'langevin'"),
    ({"averaging": {"kind": "ema", "half_life": {}}}, "exactly one of epochs, updates, examples, fraction; got none"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[str(changes)[:70] for changes, _ in REFUSED])
def test_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        short(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"sam": {}, "norm": SCOPES["batch"], "dataset": {"name": "digits", "train_size": 64}},
        {"sam": {"m": 8}, "norm": SCOPES["ghost"], "averaging": EMA, "label_smoothing": 0.1},
        {"local": LOCAL, "norm": SCOPES["ghost"], "execution": {"devices": 2, "max_device_batch": 8}},
        {"injected_noise": {"kind": "minibatch", "batch": 17}},
        {"injected_noise": {"kind": "multiplicative", "sigma": 1}, "norm": SCOPES["ghost"]},
    ],
)
def test_accepted(changes):
    assert isinstance(short(**changes), RunConfig)
