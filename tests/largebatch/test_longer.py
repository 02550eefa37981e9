"""A longer run that goes on where a shorter one ended has the bits of one trained from the start, or is trained so."""

import json

import flax.serialization as serialization
import numpy as np
import pytest

from largebatch.config import RunConfig, digest, program_key
from largebatch.extent import total_updates
from largebatch.longer import kin, obstacle, start
from largebatch.train import train_pack
from largebatch.weights import read_weights
from tests.largebatch.small import small
from tests.largebatch.test_checkpoint import assert_same_bits

NETWORK = {"model": {"name": "mlp", "widths": [4]}}
EPOCHS = {"evaluate": {"every": {"epochs": 1.0}}}
CASES = {
    # 100 = 3 * 32 + 4: four updates an epoch, so the shorter run ends inside a window of many epochs.
    "momentum": {"optimizer": {"name": "sgd", "momentum": 0.9}},
    "grab": {"order": "grab", "grab": {"unit": 4}},
    "averaged": {"averaging": {"kind": "ema", "half_life": {"epochs": 1}}},
    "growing batch": {"schedule": {"name": "step", "milestones": [{"epochs": 1}, {"epochs": 4}], "factor": 0.5,
                                   "grow_batch_to": 64}},
    "warm-up and steps": {"schedule": {"name": "step", "milestones": [{"epochs": 1}, {"epochs": 4}],
                                       "warmup": {"updates": 3}},
                          "optimizer": {"name": "adam"}, "order": "with_replacement"},
    "local": {"local": {"workers": 4, "steps": 3}},
    "probed": {"probes": [{"name": "sharpness", "every": {"epochs": 1}, "precision": "float32"}]},
}  # fmt: skip


def rows(epochs, keep=False, seeds=(0, 1), **changes):
    execution = {"keep_state": True} if keep else {}
    said = {**NETWORK, **EPOCHS, **changes, "budget": {"epochs": float(epochs)}, "execution": execution}
    return [small(seed={"initialization": seed, "order": seed}, **said) for seed in seeds]


def trained(configs, folder, width=2):
    return train_pack(configs, width=width, runs=folder / "runs")


@pytest.mark.parametrize("case", [c for c in CASES if c not in ("probed", "averaged")])
def test_a_longer_run_goes_on_with_the_bits_of_one_trained_from_the_start(case, tmp_path):
    trained(rows(3, keep=True, **CASES[case]), tmp_path)
    continued = trained(rows(5, **CASES[case]), tmp_path)
    whole = trained(rows(5, **CASES[case]), tmp_path / "whole")
    assert continued[0].summary["resumed_at"] == total_updates(rows(3, **CASES[case])[0])
    assert whole[0].summary["resumed_at"] is None
    assert_same_bits(continued, whole)
    for a, b in zip(continued, whole, strict=True):
        assert a.files == b.files, "the audit of the order differs"
        assert (a.config, a.digest) == (b.config, b.digest)


def test_a_run_may_be_continued_again_and_rows_from_other_packs_and_with_dead_rows(tmp_path):
    one, two = rows(2, keep=True)
    trained([one], tmp_path)
    trained([two], tmp_path)
    trained(rows(3, keep=True), tmp_path)
    (third,) = trained(rows(5, seeds=(1,)), tmp_path)
    assert third.summary["resumed_at"] == 12
    assert_same_bits([third], trained(rows(5, seeds=(1,)), tmp_path / "whole"))


def test_a_pack_of_which_one_row_cannot_go_on_is_trained_from_the_start(tmp_path):
    trained(rows(2, keep=True, seeds=(0,)), tmp_path)
    got = trained(rows(3), tmp_path)
    assert got[0].summary["resumed_at"] is None
    assert_same_bits(got, trained(rows(3), tmp_path / "whole"))


def test_workers_on_several_devices_are_trained_from_the_start(tmp_path):
    local = {"local": {"workers": 2, "steps": 3}}
    spread = [row.model_copy(update={"execution": row.execution.model_copy(update={"devices": 2})})
              for row in rows(2, keep=True, **local)]  # fmt: skip
    trained(spread, tmp_path / "spread")
    assert not (tmp_path / "spread" / "states").exists()
    trained(rows(1, keep=True, **local), tmp_path)
    assert [got.summary["resumed_at"] for got in trained(spread, tmp_path)] == [None, None]


def test_what_other_code_or_other_data_made_is_no_beginning(tmp_path):
    """Its bits would not be those that this code gives on these data, and the record would say that they were."""
    (short,), (long,) = rows(2, keep=True, seeds=(0,)), rows(3, seeds=(0,))
    trained([short], tmp_path)
    (state,), runs = (tmp_path / "states").glob("*"), tmp_path / "runs"
    content = serialization.msgpack_restore(state.read_bytes())
    state.write_bytes(serialization.msgpack_serialize({**content, "data": "f" * 64}))
    (got,) = trained([long], tmp_path)
    assert got.summary["resumed_at"] is None
    state.write_bytes(serialization.msgpack_serialize(content))
    assert start(long, runs, tmp_path / "states")[0].update == 8
    file = runs / digest(short) / "run.json"
    document = json.loads(file.read_text())
    for code, expected in ((None, ""), ("f" * 16, "another version of the code computed the finished run")):
        document["provenance"]["source"] = code
        file.write_text(json.dumps(document))
        assert start(long, runs, tmp_path / "states")[1] == expected


@pytest.mark.parametrize("harm", ["torn", "no record", "not kept"])
def test_without_a_whole_state_and_its_record_a_run_is_trained_from_the_start(harm, tmp_path):
    (short,) = rows(2, keep=harm != "not kept", seeds=(0,))
    trained([short], tmp_path)
    states = list((tmp_path / "states").glob("*")) if harm != "not kept" else []
    assert len(states) == (harm != "not kept")
    if harm == "torn":
        states[0].write_bytes(states[0].read_bytes()[:100])
    elif harm == "no record":
        (tmp_path / "runs" / digest(short) / "run.json").unlink()
    (got,) = trained(rows(3, seeds=(0,)), tmp_path)
    assert got.summary["resumed_at"] is None
    assert_same_bits([got], trained(rows(3, seeds=(0,)), tmp_path / "whole"))


def test_a_run_that_diverged_or_reached_its_target_keeps_nothing(tmp_path):
    lost = small(**NETWORK, **EPOCHS, budget={"epochs": 2.0}, learning_rate=1e30, execution={"keep_state": True})
    aim = {"epochs": 2.0, "until": {"train_loss": 1e6}}
    easy = small(**NETWORK, **EPOCHS, budget=aim, execution={"keep_state": True})
    for config in (lost, easy):
        trained([config], tmp_path)
    assert not list((tmp_path / "states").glob("*"))


def test_keeping_the_state_changes_neither_the_run_nor_its_program():
    kept, plain = rows(2, keep=True)[0], rows(2)[0]
    assert (digest(kept), program_key(kept)) == (digest(plain), program_key(plain))


def longer(**changes):
    """A run of 3 epochs and one of 5, both changed alike."""
    return (small(**{**NETWORK, **EPOCHS, **changes, "budget": {"epochs": e}}) for e in (3.0, 5.0))


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_follow_the_budget_can_go_on(case):
    assert obstacle(*longer(**CASES[case])) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schedule": {"name": "cosine"}}, "the rates of schedule cosine follow the whole budget"),
        ({"schedule": {"name": "constant", "warmup": {"fraction": 0.5}}}, "schedule constant follow the whole budget"),
        ({"averaging": {"kind": "ema", "half_life": {"fraction": 0.5}}}, "its averaging or its local steps follow"),
        ({"evaluate": {"points": 4}}, "it is evaluated at other updates"),
        ({"evaluate": {"every": {"epochs": 2.0}}}, "it is evaluated at other updates"),
        ({"probes": [{"name": "sharpness", "at": "end"}]}, "its probes are taken at other updates"),
        ({"execution": {"keep_weights": {"at": "end"}}}, "its weights are to be kept at updates at which"),
        ({"fork": {"at": {"updates": 2}, "parent": {"batch_size": 10}}}, "it is another run"),
    ],
)
def test_what_follows_the_budget_is_trained_from_the_start_and_said(changes, message):
    why = obstacle(*longer(**changes))
    assert why is not None and message in why


def test_other_probes_shorter_budgets_and_other_runs_are_said():
    short, long = longer()
    probed = RunConfig.model_validate({**long.model_dump(mode="json"), "probes": [{"name": "sharpness"}]})
    assert obstacle(short, probed) == "its probes are others"
    assert obstacle(long, short) == "the finished run is longer, 20 updates"
    other = RunConfig.model_validate({**long.model_dump(mode="json"), "learning_rate": 0.01})
    assert obstacle(short, other) == "it is another run, not the same with a longer budget"
    assert kin(short) == kin(long) == kin(probed) != kin(other)


def test_weights_that_were_kept_on_the_way_are_handed_on(tmp_path):
    every = {"keep_weights": {"every": {"epochs": 1.0}}, "keep_state": True}
    short, long = (small(**NETWORK, **EPOCHS, budget={"epochs": e}, execution=every) for e in (2.0, 3.0))
    assert obstacle(short, long) is None
    (plain,) = rows(2, seeds=(0,))
    assert "its weights are to be kept" in obstacle(plain, long)
    trained([short], tmp_path, width=1)
    (got,), (whole,) = trained([long], tmp_path, width=1), trained([long], tmp_path / "whole", width=1)
    assert got.summary["resumed_at"] == 8
    assert_same_bits([got], [whole])
    ours, theirs = (read_weights(folder / "runs" / digest(long)) for folder in (tmp_path, tmp_path / "whole"))
    assert list(ours) == list(theirs) == [0, 4, 8, 12]
    for update, named in theirs.items():
        for name, values in named.items():
            np.testing.assert_array_equal(ours[update][name], values)


def test_the_latest_state_that_fits_is_taken(tmp_path):
    for epochs in (2, 3, 5):
        trained(rows(epochs, keep=True, seeds=(0,)), tmp_path)
    found = {e: start(rows(e, seeds=(0,))[0], tmp_path / "runs", tmp_path / "states") for e in (1, 2, 4, 6)}
    assert [found[e][0].update for e in (2, 4, 6)] == [8, 12, 20]
    assert found[1] == (None, "the finished run is longer, 20 updates")
