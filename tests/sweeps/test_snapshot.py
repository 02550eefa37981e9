"""What a driver tells other terminals, how it looks there, and a request to stop."""

import io
import json
import os
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from sweeps import snapshot
from sweeps.board import board, duration, line, size
from sweeps.events import Advanced, Cause, Failed, Finished, Started
from sweeps.expand import expand
from sweeps.ledger import Ledger
from sweeps.memory import in_use
from sweeps.packing import pack
from sweeps.progress import Progress
from sweeps.snapshot import Beat, Row, Snapshot, Trouble, alive, ask, asked, read
from sweeps.tally import Tally

BASE = {"dataset": {"name": "synthetic", "train_size": 64}}
RUNS = expand(BASE, {"batch_size": [8, 64], "scaling_rule": ["constant", "linear"]}, [], [0])
SMALL, LARGE = pack(RUNS, 2)
NAN = float("nan")
STATES = {"done": 3, "running": 2, "waiting": 1, "failed": 1, "diverged": 0}
WIDE = Snapshot(
    rows=tuple(Row(8 * 4**i, {**STATES, "waiting": 1000 * i}, 1234567.0 / 4**i, 3 * 10**9 >> i) for i in range(6)),
    speed=1543210.0,
    seconds_left=7500.0,
    troubles=(Trouble(128, 3, 2, False, "XlaRuntimeError: RESOURCE_EXHAUSTED: out of memory " * 4),),
)


def drawn(shown, width=80):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(board(shown))
    return console.file.getvalue().splitlines()


def test_the_table_fits_into_80_columns_and_says_everything():
    lines = drawn(WIDE)
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == [
        "batch", "done", "running", "waiting", "failed", "diverged", "examples/s", "memory",
    ]  # fmt: skip
    assert lines[1].split() == ["8", "3", "2", "·", "1", "·", "1,234,567", "3.0", "GB"]
    assert lines[6].split() == ["8,192", "3", "2", "5,000", "1", "·", "1,206", "94", "MB"]
    assert lines[7].startswith("batch 128: 3 runs failed, attempt 2: XlaRuntimeError: RESOURCE_EXHAUSTED")
    assert lines[7].endswith("…") and len(lines) == 9
    assert lines[8].endswith("24 of 15,036 runs, 1,543,210 examples/s, about 2 h 5 min left")


def test_one_line_says_the_same():
    assert line(WIDE) == (
        "18 of 15,036 runs done, 12 running, 6 failed, 1,543,210 examples/s, about 2 h 5 min left"
    )  # fmt: skip
    nothing = replace(WIDE, rows=(Row(8, dict.fromkeys(STATES, 0), NAN, 0),), speed=NAN, seconds_left=NAN)
    assert line(nothing) == "0 of 0 runs done"


def test_cancelled_runs_are_told_where_there_are_any():
    some = replace(WIDE, rows=(Row(8, {**STATES, "cancelled": 5}, NAN, 0),))
    assert line(some).startswith("3 of 12 runs done, 2 running, 1 failed, 5 cancelled, ")
    *_, told, last = map(str.strip, drawn(some))
    assert told == "5 cancelled, of the runs that have ended" and "9 of 12 runs, 1,543,210 examples/s" in last
    assert "cancelled" not in "".join(drawn(WIDE)) + line(WIDE)


def test_a_snapshot_is_read_as_it_was_written(tmp_path):
    told = replace(WIDE, speed=NAN, process=1, host="here", when=2.0, rows=(*WIDE.rows, Row(9, STATES, NAN, 0)))
    (tmp_path / "progress.json").write_text(json.dumps(snapshot.document(told), allow_nan=False))
    assert repr(read(tmp_path)) == repr(told)
    for torn in ("", "{", "[]", '{"rows": 1}', '{"rows": [], "troubles": [], "speed": 1}'):
        (tmp_path / "progress.json").write_text(torn)
        assert read(tmp_path) is None
    assert read(tmp_path / "absent") is None


def test_a_driver_is_alive_while_it_speaks_and_its_process_is_there():
    now = replace(WIDE, process=os.getpid(), host=socket.gethostname(), when=100.0)
    assert alive(now, lambda: 105.0) and alive(now, lambda: 95.0)
    assert not alive(now, lambda: 100.0 + 2 * snapshot.SILENCE_SECONDS)
    assert not alive(replace(now, ended=True), lambda: 100.0) and not alive(None)
    gone = replace(now, process=2**22 + 1)
    assert not alive(gone, lambda: 100.0)
    assert alive(replace(gone, host="elsewhere"), lambda: 100.0)


def test_a_tally_tells_speed_and_memory_by_batch_size_and_the_latest_failures(tmp_path):
    now = [100.0]
    tally = Tally(RUNS, Ledger.read(tmp_path, RUNS), [SMALL, LARGE], clock=lambda: now[0])
    tally.tell(Started(SMALL, 0))
    now[0] += 20
    tally.tell(Started(LARGE, 1))
    for _ in range(4):
        now[0] += 1
        tally.tell(Advanced(SMALL, 10, memory=50))
        tally.tell(Advanced(LARGE, 300, memory=20))
    tally.tell(Advanced(SMALL, 0, memory=40))
    for attempt in range(6):
        tally.tell(Failed(LARGE, Cause("ValueError", "no\ngood"), attempt, final=attempt == 5))
    small, large = tally.snapshot().rows
    assert (small.batch_size, small.memory, large.memory) == (8, 50, 20)
    assert large.speed == pytest.approx(300)
    assert tally.snapshot().speed == pytest.approx(small.speed + large.speed)
    assert small.counts["running"] == 2 and large.counts["failed"] == 2
    troubles = tally.snapshot().troubles
    assert [each.attempt for each in troubles] == [2, 3, 4, 5] and troubles[-1].final
    assert {each.cause for each in troubles} == {"ValueError: no"}


def test_a_driver_writes_where_it_stands_and_at_last_that_it_has_ended(tmp_path):
    progress = Progress(Console(file=io.StringIO()), folder=tmp_path)
    progress.begin(RUNS, Ledger.read(tmp_path, RUNS), [SMALL, LARGE])
    first = read(tmp_path)
    assert alive(first) and first.counts["waiting"] == 4
    progress.tell(Started(SMALL, 0))
    deadline = time.monotonic() + 10
    while read(tmp_path).counts["running"] != 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    progress.tell(Finished(SMALL, dict.fromkeys(SMALL.digests, "done")))
    progress.end()
    last = read(tmp_path)
    assert last.ended and not alive(last) and last.counts["done"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]


def test_a_request_to_stop_presses_ctrl_c_once_and_an_old_one_is_forgotten(tmp_path):
    pressed = []
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        ask(tmp_path)
        beat = Beat(tmp_path, lambda: WIDE, every=0.02)
        assert not asked(tmp_path), "a request to an earlier driver is obeyed"
        time.sleep(0.1)
        beat.end()
        assert not pressed
        ask(tmp_path)
        beat = Beat(tmp_path, lambda: WIDE, every=0.02, listening=True)  # the next stage of the same driver
        deadline = time.monotonic() + 10
        while not pressed:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.1)
        beat.end()
    finally:
        signal.signal(signal.SIGINT, before)
    assert pressed == [signal.SIGINT] and not asked(tmp_path)


def test_a_request_that_cannot_be_removed_yet_presses_once_it_can(tmp_path, monkeypatch):
    """Pressed twice, Ctrl-C stops at once."""
    pressed, refused = [], []
    monkeypatch.setattr(snapshot.os, "kill", lambda *said: pressed.append(said))
    unlink = Path.unlink

    def fussy(path, **how):
        if len(refused) < 3:
            refused.append(path)
            raise OSError("not now")
        unlink(path, **how)

    ask(tmp_path)
    monkeypatch.setattr(Path, "unlink", fussy)
    beat = Beat(tmp_path, lambda: WIDE, every=0.02, listening=True)
    deadline = time.monotonic() + 10
    while asked(tmp_path):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.1)
    beat.end()
    assert len(refused) == 3 and pressed == [(os.getpid(), signal.SIGINT)]


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path):
    (tmp_path / "file").write_text("in the way")
    Beat(tmp_path / "file", lambda: WIDE, every=0.02).end()


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345_678, "12 MB"), (3 * 10**9, "3.0 GB"), (999_700, "1.0 MB")],
)
def test_sizes_read_as_people_say_them(count, text):
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (59.4, "59 s"), (60, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_read_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def test_memory_is_the_devices_where_they_have_some_and_else_the_machines(monkeypatch):
    import resource

    held, most = in_use(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert 0.2 * most < held < 1.1 * most
    one = SimpleNamespace(memory_stats=lambda: {"bytes_in_use": 5})
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(local_devices=lambda: [one, one]))
    assert in_use() == 10
    none = SimpleNamespace(memory_stats=lambda: None)
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(local_devices=lambda: [none]))
    assert in_use() > 0.2 * most
    monkeypatch.setattr("sweeps.memory.STATM", Path("/nowhere"))
    assert in_use() == 0
