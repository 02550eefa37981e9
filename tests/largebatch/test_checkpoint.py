import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from largebatch import records
from largebatch.pack import Pack
from largebatch.train import Stopped, train_pack
from tests.largebatch.small import seeded

WIDTH = 4
BATCH_NORM = {"name": "mlp", "widths": [8], "norm": {"scope": "batch"}}
OPTIMIZERS = {"momentum": {"momentum": 0.9, "weight_decay": 0.01}, "adam": {"name": "adam"}}
ORDERS = ["with_replacement", "reshuffle", "shuffle_once"]


class Killed(Exception):
    """Raised in the place of a signal."""


def pack(optimizer="momentum"):
    """Return four rows: three orders, and one that diverges early and is frozen from then on."""
    same = {"model": BATCH_NORM, "optimizer": OPTIMIZERS[optimizer], "budget": {"updates": 24},
            "evaluate": {"every": {"updates": 3}}}  # fmt: skip
    rows = [seeded(place, order=order, **same) for place, order in enumerate(ORDERS)]
    return [*rows, seeded(9, learning_rate=1e30, **same)]


def trained(configs, **options):
    return train_pack(configs, width=WIDTH, experiment="small", **options)


def killed_after(calls, configs, **options):
    """Train until `observe` was called so often, then stop without any tidying up."""
    left = [calls]

    def observe(examples):
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    with pytest.raises(Killed):
        trained(configs, observe=observe, checkpoint_seconds=0, **options)


def assert_same_bits(got, expected):
    assert len(got) == len(expected)
    clock = {"seconds", "setup_seconds", "resumed_at"}
    for a, b in zip(got, expected, strict=True):
        assert (a.digest, a.status) == (b.digest, b.status)
        for name, column in b.history.items():
            assert a.history[name].dtype == column.dtype
            np.testing.assert_array_equal(a.history[name], column, err_msg=name)
        for name in set(b.summary) - clock:
            assert type(a.summary[name]) is type(b.summary[name]), name
            np.testing.assert_equal(a.summary[name], b.summary[name], err_msg=name)


@pytest.fixture(scope="module")
def whole():
    """The records of packs that were never killed."""
    done = {name: trained(pack(name)) for name in OPTIMIZERS}
    for name, rows in done.items():
        assert [r.status for r in rows] == ["done", "done", "done", "diverged"], name
        assert rows[0].history["distance"][-1] > 0.1
    return done


@pytest.mark.parametrize("calls", [1, 2, 4, 8])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_killed_pack_ends_with_the_bits_of_one_never_killed(optimizer, calls, whole, tmp_path):
    file = tmp_path / "pack.msgpack"
    killed_after(calls, pack(optimizer), checkpoint=file)
    assert file.exists()
    seen = []
    got = trained(pack(optimizer), checkpoint=file, observe=seen.append)
    assert_same_bits(got, whole[optimizer])
    # The stretch that was killed is done again, those before it are not; the first stretch is of no update.
    assert len(seen) == 9 - calls
    assert {r.summary["resumed_at"] for r in got} == {3 * (calls - 1)}
    assert not file.exists(), "a finished pack leaves no checkpoint"


def test_killed_again_and_again(whole, tmp_path):
    file = tmp_path / "pack.msgpack"
    for _ in range(4):
        killed_after(2, pack(), checkpoint=file)
    assert_same_bits(trained(pack(), checkpoint=file), whole["momentum"])


def test_killed_before_the_first_checkpoint(whole, tmp_path):
    file = tmp_path / "pack.msgpack"
    killed_after(0, pack(), checkpoint=file)
    assert not file.exists()
    assert_same_bits(trained(pack(), checkpoint=file), whole["momentum"])


def test_the_state_of_the_optimizer_is_needed(whole, tmp_path, monkeypatch):
    # Were it not, the tests above would not notice its loss.
    restore = Pack.restore

    def forget(self, state, update):
        restore(self, state.replace(optimizer=jax.tree.map(np.zeros_like, state.optimizer)), update)

    monkeypatch.setattr(Pack, "restore", forget)
    file = tmp_path / "pack.msgpack"
    killed_after(4, pack(), checkpoint=file)
    with pytest.raises(AssertionError, match="not equal"):
        assert_same_bits(trained(pack(), checkpoint=file), whole["momentum"])


def test_saves_are_spaced_in_time(tmp_path):
    file = tmp_path / "pack.msgpack"
    existed = []
    trained(pack(), checkpoint=file, checkpoint_seconds=3600, observe=lambda n: existed.append(file.exists()))
    assert existed == [False] * 9


def test_a_checkpoint_of_another_pack_is_ignored(whole, tmp_path):
    file = tmp_path / "pack.msgpack"
    others = pack()
    others[0] = others[0].model_copy(update={"learning_rate": 0.01})
    killed_after(4, others, checkpoint=file)
    got = trained(pack(), checkpoint=file)
    assert_same_bits(got, whole["momentum"])
    assert got[0].summary["resumed_at"] is None


TORN = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "garbled": lambda content: b"\xc1" + content[1:],
    "too long": lambda content: content + b"\x00",
    "no mapping": lambda content: b"\x01",
}


@pytest.mark.parametrize("how", TORN)
def test_a_torn_checkpoint_is_ignored(how, whole, tmp_path):
    file = tmp_path / "pack.msgpack"
    killed_after(4, pack(), checkpoint=file)
    file.write_bytes(TORN[how](file.read_bytes()))
    assert_same_bits(trained(pack(), checkpoint=file), whole["momentum"])


SCRIPT = """
import os, signal, sys
from pathlib import Path
from largebatch.train import train_pack
from tests.largebatch.test_checkpoint import WIDTH, pack

left = [5]
def observe(examples):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

folder = Path(sys.argv[1])
train_pack(pack(), width=WIDTH, experiment="small", runs=folder / "runs", checkpoint=folder / "pack.msgpack",
           checkpoint_seconds=0, observe=observe)
"""


def test_a_process_killed_for_good(whole, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", SCRIPT, tmp_path], env=environment, timeout=300)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "pack.msgpack").exists()
    got = trained(pack(), runs=tmp_path / "runs", checkpoint=tmp_path / "pack.msgpack")
    assert got[0].summary["resumed_at"] == 9
    assert_same_bits(got, whole["momentum"])
    assert len(list(records.folders(tmp_path / "runs"))) == 4
    assert {entry.name for entry in tmp_path.iterdir()} == {"runs"}


def test_told_to_stop_a_pack_saves_where_it_stands_and_goes_on_with_the_same_bits(whole, tmp_path):
    asked = iter([False, False, True])
    with pytest.raises(Stopped, match=r"at update 6; saved in .*pack\.msgpack"):
        trained(pack(), checkpoint=tmp_path / "pack.msgpack", runs=tmp_path / "runs", stop=lambda: next(asked))
    assert not (tmp_path / "runs").exists()
    got = trained(pack(), checkpoint=tmp_path / "pack.msgpack")
    assert got[0].summary["resumed_at"] == 6
    assert_same_bits(got, whole["momentum"])
