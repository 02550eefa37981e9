"""What `prune` lists and deletes, and what it leaves alone."""

import fcntl
import json
from pathlib import Path

from experiments.commands.options import place
from experiments.description import describe
from experiments.experiment import load
from experiments.programs import choices
from largebatch.config import digest
from largebatch.live import LiveRows
from sweeps.cancelling import cancel
from sweeps.choice import shaped
from sweeps.ledger import Failure, write_failure
from sweeps.packing import pack
from sweeps.where import Where
from tests.experiments.command_line import called
from tests.experiments.finished_runs import SMOKE, leave, words_for


def test_prune_lists_and_deletes_only_what_serves_nobody(begun):
    folder = begun / "smoke"
    write_failure(folder, Failure(digest(SMOKE[0]), 1, "old", "", "then"))
    write_failure(folder, Failure("f" * 16, 1, "of another", "", "then"))
    for run in (digest(SMOKE[0]), digest(SMOKE[5]), "f" * 16):
        cancel(folder, run)
    foreign = load("smoke", ["budget.epochs=3"]).configs[0]
    leave(folder, foreign, seconds=1.0)
    LiveRows(folder / "runs", "smoke", SMOKE[0]).begin([])
    wasted = {f"runs/{digest(foreign)}", f"failures/{digest(SMOKE[0])}.json", "failures/" + "f" * 16 + ".json"}
    wasted |= {f"live/{digest(SMOKE[0])}.jsonl"}
    wasted |= {f"cancelled/{digest(SMOKE[0])}.json", "cancelled/" + "f" * 16 + ".json"}
    before = {path for path in folder.rglob("*")}
    listed = called(*words_for(begun, "prune"))
    assert {line.split()[2].rstrip(":") for line in listed.stdout.splitlines()[:-1]} == wasted
    assert "6 things, " in listed.stdout and "largebatch prune smoke --yes --results" in listed.stdout
    assert {path for path in folder.rglob("*")} == before
    told = json.loads(called(*words_for(begun, "prune"), "--json").stdout)
    assert not told["deleted"] and len(told["found"]) == 6
    assert "6 things, " in called(*words_for(begun, "prune"), "--yes").stdout
    gone = {str(path.relative_to(folder)) for path in before - set(folder.rglob("*"))}
    assert wasted == {name for name in gone if str(Path(name).parent) in ("runs", "failures", "live", "cancelled")}
    assert "nothing to prune" in called(*words_for(begun, "prune")).stdout


def test_prune_takes_checkpoints_of_ended_packs_and_no_other(begun):
    at, folder = place("smoke", [], None, str(begun)), begun / "smoke"
    told = {"folder": folder, "done": set(), "where": Where("cpu", "m"), "workers": 1, "pack": 1}
    describe(at, choices(SMOKE, **told))
    jobs = pack(shaped(SMOKE, choices(SMOKE, **told)))
    (folder / "checkpoints").mkdir()
    for job in jobs:
        (folder / "checkpoints" / f"{job.name}.msgpack").write_bytes(b"x")
    called(*words_for(begun, "prune"), "--yes")
    left = {path.stem for path in (folder / "checkpoints").iterdir()}
    assert left == {job.name for job in jobs if set(job.digests) & {digest(config) for config in SMOKE[5:]}}


def test_without_a_folder_there_is_nothing_to_prune_and_none_is_made(tmp_path):
    assert json.loads(called(*words_for(tmp_path, "prune"), "--json").stdout) == {"deleted": False, "found": []}
    done = called(*words_for(tmp_path, "prune"), "--yes")
    assert done.exit_code == 0 and done.stdout.startswith(f"nothing to prune in {tmp_path / 'smoke'}")
    assert not (tmp_path / "smoke").exists()


def test_prune_takes_nothing_from_under_a_sweep(begun):
    with open(begun / "smoke" / ".lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = called(*words_for(begun, "prune"), "--yes")
    assert done.exit_code == 2 and "another sweep is running" in done.stderr
