"""What every part of a configuration has: kinds, strictness, and lengths with their units."""

import pytest
from pydantic import BaseModel, ValidationError

from largebatch.config import Budget, Duration, Evaluate, RunConfig, Strict, leaves


def test_a_field_without_a_kind_is_refused():
    class Careless(Strict):
        forgotten: int = 1

    with pytest.raises(TypeError, match=r"Careless.forgotten declares no kind: add one of program, loop, number"):
        list(leaves(Careless()))


def models_under(model):
    yield model
    for info in model.model_fields.values():
        for inner in _classes(info.annotation):
            yield from models_under(inner)


def _classes(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _classes(inner)


def test_nothing_is_lax():
    found = set(models_under(RunConfig))
    assert len(found) >= 20
    assert all(issubclass(model, Strict) and model.model_config == Strict.model_config for model in found)


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        RunConfig.model_validate({}).learning_rate = 1.0


@pytest.mark.parametrize("unit", ["epochs", "updates", "examples", "fraction"])
def test_a_duration_knows_its_unit(unit):
    duration = Duration(**{unit: 1})
    assert (duration.unit, duration.value) == (unit, 1.0)


def test_a_budget_is_a_duration():
    assert Budget(examples=7).duration == Duration(examples=7)
    assert Evaluate().every is None


@pytest.mark.parametrize(("partial", "updates"), [("keep", 4), ("mean", 4), ("drop", 3)])
def test_updates_of_an_epoch(partial, updates):
    digits = {"dataset": {"name": "digits", "train_size": 100}, "partial": partial}
    assert RunConfig.model_validate({**digits, "batch_size": 32}).updates_per_epoch == updates
    assert RunConfig.model_validate({**digits, "batch_size": 25}).updates_per_epoch == 4
