import copy

import pytest

from largebatch.config import (
    DATASETS,
    MODELS,
    OPTIMIZERS,
    SCHEDULES,
    Budget,
    Kind,
    RunConfig,
    digest,
    leaves,
    pack_key,
    program_key,
)  # fmt: skip
from largebatch.config.digest import KEPT
from largebatch.extent import extent_of
from tests.largebatch.company import COMPANY, OWN, REFUSED

GOLDEN = {
    "7b7871e0e799e48f": {},
    "20ba20f6575c78f8": {
        "dataset": {"name": "mnist1d"}, "model": {"name": "conv1d"}, "optimizer": {"name": "adam"},
        "learning_rate": 0.01, "batch_size": 100, "budget": {"updates": 6000}, "seed": 2,
    },
    "89ac665cae0e4c09": {
        "dataset": {"name": "fashion_mnist", "train_size": 10000},
        "model": {"name": "cnn", "norm": {"scope": "ghost", "size": 16}},
        "batch_size": "full", "scaling_rule": {"name": "power", "exponent": 0.75},
        "schedule": {"name": "step", "milestones": [{"epochs": 2}, {"fraction": 0.5}]},
        "budget": {"epochs": 30, "until": {"train_loss": 0.1}},
    },
}  # fmt: skip

REFERENCE = {
    "dataset": {"name": "synthetic"},
    "model": {"name": "mlp", "norm": {"scope": "ghost", "size": 8}},
    "optimizer": {"name": "sgd", "momentum": 0.9, "weight_decay": 1e-4, "clip_norm": 1.0},
    "schedule": {"name": "cosine", "warmup": {"epochs": 1}},
    "scaling_rule": {"name": "power", "exponent": 0.5},
    "budget": {"epochs": 10, "until": {"train_loss": 0.1}},
}

PROGRAM, LOOP, NUMBER, EXECUTION = Kind.PROGRAM, Kind.LOOP, Kind.NUMBER, Kind.EXECUTION
FIELDS = {
    "dataset.name": ({"name": "digits"}, PROGRAM),
    "dataset.train_size": (512, PROGRAM),
    "dataset.validation_size": (128, PROGRAM),
    "dataset.label_noise": (0.2, LOOP),
    "dataset.standardize": ("none", LOOP),
    "dataset.test_size": (500, PROGRAM),
    "dataset.features": (10, PROGRAM),
    "dataset.classes": (2, PROGRAM),
    "dataset.teacher_width": (8, LOOP),
    "dataset.noise": (0.5, LOOP),
    "model.name": ({"name": "logistic"}, PROGRAM),
    "model.widths": ([64], PROGRAM),
    "model.activation": ("tanh", PROGRAM),
    "model.norm.scope": ({"scope": "group", "size": 8}, PROGRAM),
    "model.norm.size": (4, PROGRAM),
    "loss": ("squared_error", PROGRAM),
    "optimizer.name": ({"name": "adam"}, PROGRAM),
    "optimizer.momentum": (0.5, NUMBER),
    "optimizer.nesterov": (True, PROGRAM),
    "optimizer.weight_decay": (0, NUMBER),
    "optimizer.clip_norm": (2, NUMBER),
    "optimizer.decay": ("matrices", PROGRAM),
    "optimizer.clip": ("block", PROGRAM),
    "learning_rate": (0.2, NUMBER),
    "reference_batch": (64, NUMBER),
    "batch_size": (16, PROGRAM),
    "scaling_rule.name": ({"name": "linear"}, NUMBER),
    "scaling_rule.exponent": (0.75, NUMBER),
    "scaling_rule.noise_scale": ({"name": "noise_scale", "noise_scale": 100}, NUMBER),
    "scaling_rule.rates": ({"name": "tuned", "rates": {32: 0.1}}, NUMBER),
    "coefficients.momentum": ("half_life", NUMBER),
    "coefficients.betas": ("half_life", NUMBER),
    "coefficients.epsilon": ("square_root", NUMBER),
    "coefficients.weight_decay": ("half_life", NUMBER),
    "schedule.name": ({"name": "constant"}, NUMBER),
    "schedule.warmup.epochs": (2, NUMBER),
    "schedule.warmup.updates": ({"updates": 32}, NUMBER),
    "schedule.warmup.examples": ({"examples": 1024}, NUMBER),
    "schedule.warmup.fraction": ({"fraction": 0.1}, NUMBER),
    "schedule.warmup_from": (0.5, NUMBER),
    "schedule.warmup_shape": ("constant", NUMBER),
    "schedule.stretch": ("batch", NUMBER),
    "schedule.final": (0.5, NUMBER),
    "order": ("sequential", NUMBER),
    "fork": ({"fork": {"at": {"epochs": 1}}}, NUMBER),
    "grab": ({"order": "grab", "grab": {"unit": 8}}, PROGRAM),
    "l2": (0.1, NUMBER),
    "augment": ({"augment": {"flip": True}}, PROGRAM),
    "label_smoothing": (0.2, NUMBER),
    "sam": ({"sam": {}}, PROGRAM),
    "gradient_penalty": ({"gradient_penalty": {}}, PROGRAM),
    "injected_noise": ({"injected_noise": {"kind": "multiplicative", "sigma": 0.1}}, PROGRAM),
    "averaging": ({"averaging": {"kind": "ema", "half_life": {"epochs": 1}}}, PROGRAM),
    "local": ({"local": {"workers": 4, "steps": 2}}, PROGRAM),
    "partial": ("drop", PROGRAM),
    "budget.epochs": (11, LOOP),
    "budget.updates": ({"updates": 320}, LOOP),
    "budget.examples": ({"examples": 10240}, LOOP),
    "budget.stretch": (2.0, LOOP),
    "budget.until.train_loss": (0.2, LOOP),
    "evaluate.every": ({"epochs": 1}, LOOP),
    "evaluate.points": (30, LOOP),
    "evaluate.spacing": ("linear", LOOP),
    "probes": ([{"name": "sharpness"}], LOOP),
    "seed.initialization": (1, NUMBER),
    "seed.order": (1, NUMBER),
    "seed.data": (1, LOOP),
    "precision": ("float64", PROGRAM),
    "execution.devices": (2, EXECUTION),
    "execution.max_device_batch": (16, EXECUTION),
    "execution.pack_width": (4, EXECUTION),
    "execution.convolution": ("native", EXECUTION),
    "execution.keep_weights": ({"at": "end"}, EXECUTION),
    "execution.keep_state": (True, EXECUTION),
}
"""Every leaf of the reference configuration: another value (a mapping replaces the parent), and its kind."""
OF_ADAM = ("coefficients.betas", "coefficients.epsilon", "coefficients.weight_decay")
BESIDE = {
    "augment": {"dataset": {"name": "mnist", "train_size": 1024}},
    "label_smoothing": {"label_smoothing": 0.1},
    "l2": {"l2": 0.01},
} | dict.fromkeys(OF_ADAM, {"optimizer": {"name": "adamw"}})
"""What a field is changed beside: null is another program than a number, and some optimizers have no such field."""

OTHER = {
    "train_size": 500, "validation_size": 7, "label_noise": 0.1, "standardize": "feature", "test_size": 7,
    "features": 7, "classes": 7, "teacher_width": 7, "noise": 0.7, "widths": [7], "activation": "gelu",
    "norm": {"scope": "layer"}, "channels": 7, "width": 7, "weight_decay": 0.5, "clip_norm": 0.5, "momentum": 0.5,
    "beta1": 0.5, "beta2": 0.5, "epsilon": 0.5, "warmup": {"epochs": 1}, "warmup_from": 0.5, "warmup_shape": "constant",
    "final": 0.5, "milestones": [{"updates": 7}], "factor": 0.5, "grow_batch_to": 64,
    "stretch": "batch", "clip": "block", "trust": 0.5,
    "initial_accumulator": 0.5, "update_rms": 0.5, "length": 7, "path": "x.txt", "alphabet": 7,
    "memory": 2, "condition": 7.0, "setup": "rr", "smallest": 0.5, "largest": 7.0, "push": 0.5, "dimensions": 7,
    "decay": 0.5, "preconditioner": 0.5, "average": 0.5, "depth": 16, "dropout": 0.3, "dropouts": [0, 0, 0.3],
    "zero_init": True, "shortcut": "projection", "widen": 7, "heads": 1, "tied": True, "options": {"size": 7},
}  # fmt: skip
"""Field of any entry of any table -> a value that is nowhere the default."""

NEEDED = {"custom": {"path": "mine:network"}, "sgd": {"momentum": 0.9}, "step": {"milestones": [{"epochs": 3}]}}
TABLES = {"dataset": DATASETS, "model": MODELS, "optimizer": OPTIMIZERS, "schedule": SCHEDULES}
ENTRIES = [(where, name) for where, table in TABLES.items() for name in table]


def read(said):
    return RunConfig.model_validate(said)


def changed(path, value, said=REFERENCE):
    """Return the reference configuration with one leaf changed, and nothing else."""
    said = copy.deepcopy(said)
    parents = path.split(".")
    if isinstance(value, dict) and path not in ("evaluate.every", "execution.keep_weights"):
        parents = parents[:-1]
    if not parents:
        return read(said | value)
    place = said
    for name in parents[:-1]:
        place = place.setdefault(name, {})
    if path.startswith("budget.") and isinstance(value, dict):
        value = value | {"until": said["budget"]["until"]}
    place[parents[-1]] = value
    return read(said)


def reversed_keys(said):
    return {k: reversed_keys(said[k]) for k in reversed(said)} if isinstance(said, dict) else said


@pytest.mark.parametrize(("expected", "said"), GOLDEN.items(), ids=list(GOLDEN))
def test_digests_are_what_they_always_were(expected, said):
    assert digest(read(said)) == expected


@pytest.mark.parametrize("deep", [False, True])
def test_a_changed_copy_has_a_digest_of_its_own(deep):
    one = RunConfig()
    assert len(digest(one)) == 16
    other = one.model_copy(update={"learning_rate": 0.3}, deep=deep)
    assert digest(other) == digest(RunConfig.model_validate({"learning_rate": 0.3})) != digest(one)
    assert one.model_dump() == RunConfig().model_dump() and one == RunConfig() and hash(one) == hash(RunConfig())


@pytest.mark.parametrize("said", [*GOLDEN.values(), REFERENCE])
def test_digest_forgets_how_it_was_said(said):
    one = read(said)
    assert digest(read(reversed_keys(said))) == digest(one)
    explicit = one.model_dump()
    assert digest(read(explicit)) == digest(one)
    assert digest(read(one.model_dump(mode="json"))) == digest(one)


def test_whole_numbers_are_the_same_rate():
    assert digest(read({"learning_rate": 1})) == digest(read({"learning_rate": 1.0})) != digest(read({}))


def test_full_becomes_n():
    full, number = ({"dataset": {"name": "digits", "train_size": 300}, "batch_size": b} for b in ("full", 300))
    assert read(full).batch_size == 300
    assert digest(read(full)) == digest(read(number))


def test_grab_has_a_program_of_its_own_and_its_unit_by_default():
    one, unit = read({"order": "grab"}), read({"order": "grab", "grab": {"unit": 4}})
    assert one.grab.unit == 1
    assert digest(read(one.model_dump(mode="json"))) == digest(one) == digest(read({"order": "grab", "grab": {}}))
    assert len({digest(one), digest(unit), digest(read({}))}) == 3
    assert len({program_key(one), program_key(unit), program_key(read({}))}) == 3


def test_one_seed_moves_all_three():
    assert read({"seed": 3}) == read({"seed": {"initialization": 3, "order": 3, "data": 3}})


def test_the_table_of_kinds_is_complete():
    assert set(FIELDS) == {path for path, _, _ in leaves(read(REFERENCE))}


@pytest.mark.parametrize("path", FIELDS)
def test_what_a_field_changes(path):
    value, kind = FIELDS[path]
    said = REFERENCE | BESIDE.get(path, {})
    one, other = read(said), changed(path, value, said)
    same = {"digest": digest(one) == digest(other), "program": program_key(one) == program_key(other),
            "pack": pack_key(one) == pack_key(other)}  # fmt: skip
    assert same == {
        "digest": kind is EXECUTION,
        # What becomes of a row's weights is no part of what is computed.
        "program": kind in (LOOP, NUMBER) or path in KEPT,
        "pack": kind is NUMBER or path in KEPT,
    }
    declared = {path: kind for path, kind, _ in leaves(one)}
    assert declared[path] is kind


@pytest.mark.parametrize(("where", "name"), ENTRIES)
def test_every_option_of_every_entry_counts(where, name):
    plain = {"name": name, **NEEDED.get(name, {})}
    rest = {"batch_size": 2} | COMPANY.get(name, {})
    one = read({where: plain} | rest)
    assert all(isinstance(kind, Kind) for _, kind, _ in leaves(one))
    other = OTHER | OWN.get(name, {})
    fields = set(TABLES[where][name].model_fields) - {"name"} - REFUSED.get(name, set())
    if where == "optimizer":
        default = getattr(one.optimizer, "nesterov", False)
        other |= {"nesterov": not default, "decay": "all" if one.optimizer.decay == "matrices" else "matrices"}
    digests = {digest(read({where: plain | {field: other[field]}} | rest)) for field in fields}
    assert len(digests | {digest(one)}) == len(fields) + 1


@pytest.mark.parametrize(("where", "name"), ENTRIES)
def test_every_entry_says_what_it_is(where, name):
    entry = TABLES[where][name]
    assert len(entry.summary()) > 20
    for field in entry.model_fields:
        told = [c.model_fields[field].description for c in entry.__mro__ if field in getattr(c, "model_fields", {})]
        assert any(told), f"{name}.{field} has no docstring"
    if where == "dataset":
        assert entry.licence


def test_what_follows_from_a_run_is_computed_once_and_forgotten_by_its_copies():
    run = read({})
    assert extent_of(run) is extent_of(run)
    longer = run.model_copy(update={"budget": Budget(epochs=77)})
    assert extent_of(longer).total == extent_of(read({"budget": {"epochs": 77}})).total != extent_of(run).total


@pytest.mark.parametrize("number", ["momentum", "weight_decay", "clip_norm"])
def test_null_is_another_program_and_zero_is_not(number):
    tiny = 1e-9 if number == "clip_norm" else 0
    null = changed(f"optimizer.{number}", None)
    assert program_key(changed(f"optimizer.{number}", tiny)) == program_key(read(REFERENCE)) != program_key(null)
