"""A checkpoint is replaced whole or not at all, wherever in the writing of the next one a process dies."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from largebatch import checkpoint
from largebatch.history import History
from largebatch.pack import Pack
from tests.largebatch.small import small

ELAPSED = {"training": 3.0, "evaluation": 1.0}
DYING = """
import itertools, json, os, resource, signal, sys
from pathlib import Path
from largebatch import storage

path, old = Path(sys.argv[1]), Path(sys.argv[1]).read_bytes()
new = old + os.urandom(3 * len(old))

def die_at(line):
    left = [line]
    def trace(frame, event, argument):
        if frame.f_code.co_filename == storage.__file__ and event == "line":
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)

def die_in_the_middle(size):
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

def stands(prepare, given):
    path.write_bytes(old)
    child = os.fork()
    if not child:
        prepare(given)
        storage.write_file(path, new)
        os._exit(0)
    died = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    return died, {old: "old", new: "new"}.get(path.read_bytes(), "torn")

middle = [stands(die_in_the_middle, size) for size in (1, len(old), len(new) - 1)]
lines = []
while not lines or lines[-1][0]:
    lines.append(stands(die_at, len(lines)))
path.write_bytes(old)
print(json.dumps([middle, lines]))
"""


@pytest.fixture
def saved(tmp_path):
    """A pack, its rows, and the file that holds them."""
    one, file = small(), tmp_path / "pack.msgpack"
    pack, rows = Pack([one], width=1), [History(one, 1.0)]
    checkpoint.save(file, pack, rows, ELAPSED)
    return pack, rows, file


def test_a_process_that_dies_while_it_saves_leaves_the_checkpoint_before(saved):
    pack, rows, file = saved
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", DYING, file]
    done = subprocess.run(command, env=environment, timeout=60, check=True, capture_output=True)
    middle, lines = json.loads(done.stdout)
    assert middle == [[True, "old"]] * 3
    # Killed before each line of the write: the new one stands once it has taken the other's name, and not before.
    states = [state for _, state in lines]
    assert len(lines) > 8 and [died for died, _ in lines] == [True] * (len(lines) - 1) + [False]
    assert states == sorted(states, reverse=True) and {*states} == {"old", "new"}
    assert len([entry for entry in file.parent.iterdir() if entry != file]) > 3, "what the dead have left"
    assert checkpoint.restore(file, pack, rows) == ELAPSED


def test_a_checkpoint_is_on_the_disk_before_it_takes_the_place_of_another(saved, monkeypatch):
    pack, rows, file = saved
    done, fsync, replace = [], os.fsync, os.replace

    def synced(descriptor):
        fsync(descriptor)
        done.append(os.fstat(descriptor).st_size)

    def replaced(source, target):
        done.append((Path(source).stat().st_size, target))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    checkpoint.save(file, pack, rows, ELAPSED)
    size = file.stat().st_size
    assert done == [size, (size, file)]
