"""What is shown of runs that still train: their files, and their pages in W&B while the server works."""

import os
from types import SimpleNamespace

import pytest

from largebatch import live, mirror
from largebatch.config import digest
from largebatch.live import LiveRows
from largebatch.mirror import Mirror
from largebatch.replay import CURVES, artifacts
from largebatch.tracking import REPORT, mirrored
from largebatch.train import train_pack
from tests.largebatch.small import seeded
from tests.largebatch.tracked import Session, Streamed, expected_rows, inspect, leave_record, wait_for


def test_the_file_of_a_run_grows_as_its_record_will_read(tmp_path):
    seen = []

    def look(examples):
        seen.append({name: live.read(path) for name, path in live.files(tmp_path).items()})

    configs = [seeded(1), seeded(2)]
    done = train_pack(configs, width=2, experiment="trial", runs=tmp_path / "runs", observe=look)
    for record in done:
        rows = expected_rows(tmp_path / "runs" / record.digest)
        shown = [look[record.digest] for look in seen]
        assert all(each.experiment == "trial" and each.config == record.config for each in shown)
        assert [len(each.rows) for each in shown] == list(range(len(seen))) and len(seen) == len(rows)
        assert shown[-1].rows == rows[:-1]
    assert not live.files(tmp_path)


def test_a_run_that_goes_on_from_a_checkpoint_shows_what_the_checkpoint_holds(tmp_path):
    places = {"runs": tmp_path / "runs", "checkpoint": tmp_path / "pack", "checkpoint_seconds": 0.0}
    (config,) = [seeded(1)]

    def stop(examples):
        if len(live.read(next(iter(live.files(tmp_path).values()))).rows) == 3:
            raise RuntimeError("the power goes")

    with pytest.raises(RuntimeError, match="the power goes"):
        train_pack([config], width=2, observe=stop, **places)
    (path,) = live.files(tmp_path).values()
    path.write_text(path.read_text() + '{"update": 99}\n')
    seen = []
    (record,) = train_pack([config], width=2, observe=lambda examples: seen.append(live.read(path).rows), **places)
    assert seen[0] == expected_rows(tmp_path / "runs" / record.digest)[:3]


def test_a_torn_or_absent_file_costs_the_watcher_only_what_is_torn(tmp_path):
    shown = LiveRows(tmp_path / "runs", "trial", seeded(1))
    shown.begin([{"update": 0}])
    shown.add({"update": 5})
    shown.path.write_text(shown.path.read_text() + '{"update": 1')
    assert live.read(shown.path).rows == [{"update": 0}, {"update": 5}]
    shown.path.write_text('{"digest"')
    assert live.read(shown.path) is None
    for torn in (b"\xff\xfe\n", b"1\n", b""):
        shown.path.write_bytes(torn)
        assert live.read(shown.path) is None
    shown.end()
    assert live.read(shown.path) is None and not (tmp_path / "live").exists()
    (tmp_path / "live").write_text("in the way")
    shown.begin([])
    shown.add({"update": 0})
    nowhere = LiveRows(None, "trial", seeded(1))
    nowhere.begin([])
    nowhere.end()


def test_rows_arrive_while_a_run_trains_and_its_end_adds_the_rest(tmp_path, wandb_server):
    run = Streamed(tmp_path)
    with Session("live", tmp_path) as session:
        for number in (2, 4):
            run.measure(run.rows[number - 2 : number])
            wait_for(lambda number=number: wandb_server.rows(run.identity) == run.rows[:number])
        assert not wandb_server.summary[run.identity].get("status")
        session.add(record := run.finish())
    assert session.counts == (1, 0, None)
    assert wandb_server.rows(run.identity) == run.rows
    assert wandb_server.summary[run.identity]["status"] == "done"
    assert len(list(tmp_path.glob("wandb/run-*"))) == 1
    last = wandb_server.everything(run.identity)[2]
    assert {name: last[f"by_update/{name}"] for name in CURVES} == {name: run.rows[2][name] for name in CURVES}
    assert {name: last[f"by_epoch/{name}"] for name in CURVES} == {name: run.rows[2][name] for name in CURVES}
    home = tmp_path / "wandb"
    assert mirrored(record, "online", "largebatch", home), "a run that was streamed would be sent again"
    assert mirrored(record, "offline", "largebatch", home) and not mirrored(record, "live", "another", home)


def test_a_page_that_shows_other_rows_than_the_record_is_written_again(tmp_path, wandb_server):
    run = Streamed(tmp_path)
    with Session("live", tmp_path) as session:
        run.measure([{**run.rows[0], "test_error": 0.5}, run.rows[1]])
        wait_for(lambda: len(wandb_server.rows(run.identity)) == 2)
        session.add(run.finish())
    assert session.counts == (1, 0, None)
    assert wandb_server.rows(run.identity) == run.rows


class Shown:
    """Stands in for a page; keeps what it is shown."""

    opened = {}

    def __init__(self, experiment, digest, config, **where):
        self.rows, self.ended = [], []
        Shown.opened[digest] = self

    def log(self, row):
        self.rows.append(row)

    def end(self, record):
        self.ended.append(record and record.status)


def test_no_more_is_streamed_at_a_time_than_the_bounds_say(tmp_path, monkeypatch):
    monkeypatch.setattr(mirror, "Page", Shown)
    monkeypatch.setattr(mirror, "OPEN_PAGES", 3)
    monkeypatch.setattr(mirror, "ROWS_A_LOOK", 4)
    Shown.opened.clear()
    for seed in range(5):
        LiveRows(tmp_path / "runs", "trial", seeded(seed)).begin([{"update": number} for number in range(10)])
    LiveRows(tmp_path / "runs", "trial", left := seeded(9)).begin([{"update": 0}])
    path = tmp_path / "live" / f"{digest(left)}.jsonl"
    os.utime(path, (1e9, 1e9))
    monkeypatch.setattr(live, "files", lambda folder, files=live.files: {digest(left): path, **files(folder)})
    clock = iter(range(0, 1000, 2))
    Mirror("largebatch", "trial", "live", tmp_path / "wandb", lambda: next(clock)).follow([None, None])
    assert len(Shown.opened) == 3 and digest(left) not in Shown.opened
    assert [len(page.rows) for page in Shown.opened.values()] == [8, 8, 8]
    assert all(page.ended == [None] for page in Shown.opened.values())


def test_a_server_that_fails_is_left_alone_for_a_while(tmp_path, monkeypatch, capfd):
    tried = []

    def refuse(record, **where):
        tried.append(record.digest)
        raise OSError("no")

    monkeypatch.setattr(mirror, "replay", refuse)
    folders = [leave_record(tmp_path / "runs", seed=seed) for seed in range(6)]
    now = [0.0]
    writer = Mirror("largebatch", "trial", "online", tmp_path / "wandb", lambda: now[0])

    def told():
        assert len(tried) == mirror.PATIENCE
        yield folders[0]
        now[0] += mirror.PAUSE_SECONDS + 1
        yield from folders

    writer.follow(told())
    assert len(tried) == mirror.PATIENCE + 1, "after the pause one attempt, then another pause"
    assert len(capfd.readouterr().out.splitlines()) == mirror.PATIENCE + 1


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_the_report_and_its_figures_are_artifacts(tmp_path, wandb_server, mode):
    report = tmp_path / REPORT
    report.mkdir()
    content = {"report.html": b"<p>answer</p>", "gap.svg": b"<svg/>", "gap.json": b"{}"}
    for name, text in content.items():
        (report / name).write_bytes(text)
    with Session(mode, tmp_path) as session:
        session.add(report)
    assert session.counts == (1, 0, None)
    if mode == "offline":
        (kinds,) = inspect(tmp_path).values()
        assert [a["name"] for a in kinds["artifact"]] == ["trial-report", "trial-figures"]
        assert not wandb_server.artifacts
    with Session("online", tmp_path) as again:
        again.add(report)
    assert again.counts == (int(mode == "offline"), 0, None)
    assert wandb_server.files("trial-report") == {"report.html": content.pop("report.html")}
    assert wandb_server.files("trial-figures") == content


def test_names_are_cut_to_what_the_client_takes(tmp_path, monkeypatch):
    """W&B's own checks are the oracle: of a tag by its settings, of an artifact's name by the artifact."""
    import wandb

    said, logged = [], []
    stub = SimpleNamespace(log_artifact=lambda artifact: logged.append(artifact.name), finish=lambda: None)
    monkeypatch.setattr(wandb, "init", lambda **given: said.append(given) or stub)
    artifacts(tmp_path, project="p", experiment="my sweep " * 8, online=False, directory=tmp_path / "wandb")
    assert wandb.Settings(run_tags=said[0]["tags"]).run_tags == (("my sweep " * 8)[:64],)
    assert len(logged) == 2 and all(name.startswith("my-sweep-my-sweep-") for name in logged)


def test_two_writers_are_not_at_work_on_the_same_results(tmp_path, wandb_server):
    with Session("offline", tmp_path) as first:
        wait_for(lambda: (tmp_path / "wandb" / ".lock").exists())
        with Session("online", tmp_path) as second:
            pass
        assert "is at work for another command on the same results" in second.outcome.warning
    assert first.counts == (0, 0, None)
