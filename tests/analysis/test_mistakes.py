"""McNemar on test examples that were recorded: counts by hand, p from the binomial law written out."""

import json
from math import comb

import numpy as np
import pytest

from analysis.compare import compare
from analysis.load import load
from analysis.mistakes import Pair, told
from analysis.verdicts import judge
from tests.analysis.probing import table
from tests.analysis.records_on_disk import OnDisk
from tests.experiments.command_line import called

EXAMPLES = 21
CLAIM = {"says": "s", "measure": "test_error", "compare": {"batch_size": [64, 16]}, "direction": "greater"}


def wrong(batch, seed, shift=0):
    return np.random.default_rng([batch, seed, shift]).random(EXAMPLES) < (0.6 if batch == 64 else 0.3)


def written(
    folder, *, shift=0, mark=lambda batch, seed: 7, status=lambda batch, seed: "done", part="test", update=None,
    seeds=(0, 1),
):  # fmt: skip
    disk = OnDisk(folder)
    for batch in (16, 64):
        for seed in seeds:
            config = {"batch_size": batch, "seed": seed, "probes": [{"name": "mistakes", "subset": {"part": part}}]}
            length = 10 * (1024 // batch) if update is None else update
            arrays = {
                (length, "wrong"): np.packbits(wrong(batch, seed, shift)),
                (length, "of"): [mark(batch, seed)] * 8,
            }
            found = table({(length, "examples"): EXAMPLES}, arrays)
            found.arrays = {name: value.astype(np.uint8) for name, value in found.arrays.items()}
            errors = float(wrong(batch, seed, shift).mean())
            disk.add(config=config, status=status(batch, seed), test_error=errors, probes={"mistakes": found})
    return load(disk.close())


def naive(a, b):
    """Return what each alone gets wrong, and the two-sided binomial p of these counts."""
    only_a = sum(x and not y for x, y in zip(a, b, strict=True))
    only_b = sum(y and not x for x, y in zip(a, b, strict=True))
    n = only_a + only_b
    return only_a, only_b, min(1.0, 2 * sum(comb(n, k) for k in range(min(only_a, only_b) + 1)) / 2**n)


def test_a_verdict_on_test_errors_tells_the_examples_that_only_one_side_is_wrong_on(tmp_path):
    (shown,) = judge(written(tmp_path / "a"), [CLAIM])
    each = []
    for seed in (0, 1):
        only_a, only_b, p = naive(wrong(64, seed), wrong(16, seed))
        each.append(f"seed {seed} {only_a} against {only_b}, p = {p:.2g}")
    assert shown.note == f"test examples of 21 that only one is wrong on (McNemar): {'; '.join(each)}"
    assert judge(written(tmp_path / "b"), [{**CLAIM, "measure": "train_error"}])[0].note == ""


@pytest.mark.parametrize(
    ("said", "seeds"),
    [
        ({}, ["0", "1"]),
        ({"mark": lambda batch, seed: batch if seed else 7}, ["0"]),
        ({"status": lambda batch, seed: "done" if seed else "diverged"}, ["1"]),
        ({"part": "validation"}, []),
        ({"update": 1}, []),
        ({"seeds": (10, 2)}, ["2", "10"]),
    ],
    ids=["all", "other examples", "a run lost", "not the test set", "not at the end", "in order of seeds"],
)
def test_only_twins_that_ended_on_the_same_examples_are_compared(tmp_path, said, seeds):
    found = written(tmp_path / "a", **said)
    (shown,) = judge(found, [CLAIM])
    assert [word.split()[1] for word in shown.note.split("McNemar): ")[-1].split("; ") if "against" in word] == seeds


def test_two_experiments_are_compared_arm_by_arm_and_told(tmp_path):
    a, b = written(tmp_path / "a"), written(tmp_path / "b", shift=1)
    found = compare(a, b)
    for row in found.differences:
        batch = row.arm.get("batch_size")
        wanted = [naive(wrong(batch, seed), wrong(batch, seed, 1)) for seed in (0, 1)] if batch else []
        got = [(pair.only_a, pair.only_b, pair.p) for pair in row.twins]
        if row.measure == "test_error" and batch:
            np.testing.assert_allclose(got, wanted)
        else:
            assert got == []
    json.dumps(found.plain(), allow_nan=False)
    done = called("compare", "a", "b", "--results", tmp_path)
    assert done.exit_code == 0 and done.stdout.count("(McNemar)") == 2


def test_many_pairs_are_counted():
    many = [Pair(str(seed), 3, 5, 1000, 0.5) for seed in range(7)]
    assert told(many).endswith("seed 4 3 against 5, p = 0.5; and 2 more pairs")
    assert told(many).startswith("test examples of 1,000 that") and told([]) == ""
