import io

from rich.console import Console

from sweeps.events import Advanced, Cause, Failed, Finished, Lost, Started, Waiting
from sweeps.expand import expand
from sweeps.ledger import Ledger
from sweeps.packing import pack
from sweeps.progress import Progress

BASE = {"dataset": {"name": "synthetic", "train_size": 64}}
RUNS = expand(BASE, {"batch_size": [8, 64], "scaling_rule": ["constant", "linear"]}, [], [0])
SMALL, LARGE = pack(RUNS, 2)


def shown(terminal, tmp_path, events, every=0.0):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    progress = Progress(console, every=every)
    progress.begin(RUNS, Ledger.read(tmp_path, RUNS), [SMALL, LARGE])
    for event in events:
        progress.tell(event)
    progress.end()
    return console.file.getvalue()


STORY = [
    Started(SMALL, 0),
    Advanced(SMALL, 100),
    Finished(SMALL, dict(zip(SMALL.digests, ["done", "diverged"], strict=True))),
    Started(LARGE, 0),
    Lost(0, Cause("ActorDiedError", "killed\nby someone")),
    Failed(LARGE, Cause("ValueError", "[red]no good[/red]"), 1, final=False),
]


def test_plain_lines_tell_the_story(tmp_path):
    lines = shown(False, tmp_path, STORY).splitlines()
    assert lines[0] == "0 of 4 runs done"
    assert lines[1] == "0 of 4 runs done, 2 running"
    assert "1 of 4 runs done, 1 diverged" in lines[3]
    assert "worker 0 died (ActorDiedError: killed); another takes its place" in lines
    failed = "2 runs at batch size 64 failed, attempt 1, will be tried again: ValueError: [red]no good[/red]"
    assert failed in lines
    assert lines[-1] == "stopped before the end; the same command goes on from here, finished runs are kept"


def test_a_sweep_that_ended_says_nothing_of_going_on(tmp_path):
    ends = [Finished(job, dict.fromkeys(job.digests, "done")) for job in (SMALL, LARGE)]
    lines = shown(False, tmp_path, ends).splitlines()
    assert lines[-1].startswith("4 of 4 runs done")


def test_plain_lines_are_not_too_many(tmp_path):
    many = [Started(SMALL, 0), *[Advanced(SMALL, 1)] * 1000]
    assert len(shown(False, tmp_path, many, every=60.0).splitlines()) == 3  # the first, the last, how to go on


def test_a_terminal_gets_a_row_for_each_batch_size(tmp_path):
    text = shown(True, tmp_path, STORY)
    last = text[text.rindex("done") :]
    assert "diverged" in last and "2 of 4 runs" in last
    for batch in ("8", "64"):
        assert any(line.strip().startswith(batch) for line in Console().render_str(last).plain.splitlines())


def test_why_nothing_runs_is_said_once_each_time(tmp_path):
    text = shown(False, tmp_path, [Waiting("no machine"), Waiting("no machine"), Waiting(), Waiting("no machine")])
    assert text.count("no machine") == 2
