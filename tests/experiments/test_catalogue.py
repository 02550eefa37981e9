"""Every name of every table is listed, with what it is."""

import pytest

from analysis.figures import FIGURES
from experiments.catalogue import KINDS, entries
from experiments.experiment import packaged
from experiments.problems import ExperimentError
from largebatch.config import DATASETS, MODELS, OPTIMIZERS, PROBES, SCHEDULES
from largebatch.config.remedies import REMEDIES
from largebatch.sampling import ORDERS
from largebatch.scaling import RULES

TABLES = {
    "experiments": packaged(), "datasets": DATASETS, "models": MODELS, "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES, "probes": PROBES, "orders": ORDERS, "rules": RULES, "remedies": REMEDIES,
    "figures": FIGURES,
}  # fmt: skip


def test_every_table_is_listed():
    assert set(KINDS) == set(TABLES)


@pytest.mark.parametrize("kind", TABLES)
def test_every_name_has_a_line(kind):
    found = entries(kind)
    assert [entry.name for entry in found] == list(TABLES[kind])
    assert all(len(entry.line) > 10 for entry in found)


@pytest.mark.parametrize(
    "kind", ["datasets", "models", "schedules", "optimizers", "probes", "orders", "rules", "remedies"]
)
def test_what_is_taken_from_others_names_its_source(kind):
    assert all(entry.source for entry in entries(kind))


def test_a_paper_in_brackets_becomes_the_source():
    rule = next(entry for entry in entries("rules") if entry.name == "sqrt")
    assert RULES["sqrt"].__doc__ == f"Return {rule.line} ({rule.source})."
    assert rule.source.startswith(("Hoffer", "Krizhevsky"))


def test_the_licence_of_a_data_set_is_its_source():
    assert {entry.name: entry.source for entry in entries("datasets")} == {
        name: options.licence for name, options in DATASETS.items()
    }


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(ExperimentError, match="unknown kind 'ordrs'; accepted: .*; did you mean orders?"):
        entries("ordrs")
