"""A Ray cluster of several raylets on this machine, with pretended GPUs: who got which, who left, who came.

Whose device is whose is Ray's to say (`CUDA_VISIBLE_DEVICES`); the stub training writes it down.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.sweeps.cluster_driver import CASES
from tests.sweeps.stub_training import details, tell
from tests.sweeps.undisturbed import same_as_undisturbed

ROOT = Path(__file__).parents[2]
SOON = {"health_check_period_ms": 500, "health_check_failure_threshold": 3}
"""A machine that refuses to answer is given up after 1.5 s, not 15; one that answers late, as late as ever."""


@pytest.fixture(scope="module")
def cluster():
    """A head without devices and three machines with two pretended GPUs each."""
    utils = pytest.importorskip("ray.cluster_utils")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))
        small = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
        head = {"num_cpus": 0, "num_gpus": 0, "_system_config": SOON, **small}
        made = utils.Cluster(initialize_head=True, head_node_args=head)
        made.machines = [made.add_node(num_cpus=1, num_gpus=2, wait=False, **small) for _ in range(3)]
        made.wait_for_nodes()
        made.another = lambda: made.add_node(num_cpus=1, num_gpus=2, wait=False, **small)
        yield made
        made.shutdown()


class Driver:
    """A driver process and what it has told so far."""

    def __init__(self, cluster, folder, case, *options):
        words = [sys.executable, "-m", "tests.sweeps.cluster_driver", cluster.address, str(folder), case, *options]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        self.told = []

    def end(self, seconds=120):
        out, err = self.process.communicate(timeout=seconds)
        self.told += [json.loads(line) for line in out.splitlines() if line.startswith('["')]  # Ray speaks up too
        assert self.told, err
        return self.told[-1]

    def until(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)


def on_devices(folder, seconds):
    """Return (machine, device) -> beginnings of the calls on it; the calls last so many seconds."""
    found = defaultdict(list)
    for call in details(folder):
        for device in call["visible"].split(","):
            found[call["node"], device].append(call["begun"])
    return {place: sorted(begun) for place, begun in found.items()}


def together(begun, seconds):
    """Return the most calls under way at a time, each no shorter than so many seconds."""
    return max(sum(start <= other < start + seconds for other in begun) for start in begun)


def test_jobs_of_two_gpus_beside_jobs_of_one_and_no_two_on_one_device(cluster, tmp_path):
    tell(tmp_path, "seconds", text="3")
    driver = Driver(cluster, tmp_path, "mixed")
    assert driver.end() == ["Outcome", [8, 0, 0]]
    seen = details(tmp_path)
    assert Counter((call["devices"], len(call["visible"].split(","))) for call in seen) == {(1, 1): 6, (2, 2): 2}
    places = on_devices(tmp_path, 3)
    assert len(places) == 6, "every device was used"
    assert {place: together(begun, 3) for place, begun in places.items()} == dict.fromkeys(places, 1)
    begun = sorted(call["begun"] for call in seen)
    assert max(sum(start <= other < start + 3 for other in begun) for start in begun) >= 3, "side by side"
    same_as_undisturbed(tmp_path, CASES["mixed"], tmp_path / "clean", width=1)


def test_a_share_of_a_gpu_is_shared_by_as_many_and_so_is_its_memory(cluster, tmp_path):
    """The training function is a module that no machine has installed: it is sent along."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "only_sent.py").write_text("from tests.sweeps.stub_training import train_pack as train_pack\n")
    tell(tmp_path, "seconds", text="2")
    driver = Driver(cluster, tmp_path, "shares", "0.5", "4", str(own), "only_sent:train_pack")
    assert driver.end() == ["Outcome", [8, 0, 0]]
    crowds = [together(begun, 2) for begun in on_devices(tmp_path, 2).values()]
    assert max(crowds) == 2
    assert {call["fraction"] for call in details(tmp_path)} == {"0.450"}


def test_a_run_that_no_machine_can_hold_is_refused(cluster, tmp_path):
    driver = Driver(cluster, tmp_path, "apart")
    kind, message = driver.end()
    assert kind == "SweepError"
    assert "a run asks for 4 devices, and the largest machine of the Ray cluster has 2 GPUs; a run stays" in message
    assert details(tmp_path) == []


def test_a_raylet_is_killed_and_another_machine_joins(cluster, tmp_path):
    """Of three machines; what ran there runs elsewhere, and what the newcomer brings is used."""
    tell(tmp_path, "seconds", text="2")
    driver = Driver(cluster, tmp_path, "single")
    driver.until(lambda: len({call["node"] for call in details(tmp_path)}) == 3)
    dead = cluster.machines[1]
    lost = {call["pid"]: call for call in details(tmp_path) if call["node"] == dead.node_id}
    os.kill(dead.all_processes["raylet"][0].process.pid, signal.SIGKILL)
    killed = time.monotonic()
    tell(tmp_path, "seconds", text="4")  # longer from now on, so that the sweep does not end before it is noticed
    newcomer = cluster.another()
    assert driver.end() == ["Outcome", [24, 0, 0]]
    noticed = [when for kind, *_, when in driver.told if kind == "Lost"]
    assert lost and noticed
    later = [call for call in details(tmp_path) if call["begun"] > killed]
    # Its workers outlive a raylet for as long as the cluster takes to notice; from then on nothing is sent there.
    assert not [call for call in later if call["node"] == dead.node_id and call["begun"] > max(noticed)]
    assert newcomer.node_id in {call["node"] for call in later}
    again = Counter(name for call in details(tmp_path) for name in call["digests"])
    twice = {name for name, count in again.items() if count > 1}
    assert len(twice) <= 2 and set(again.values()) <= {1, 2}, "only what ran on the dead machine ran again"
    print("begun again after", [c["begun"] - killed for c in later if set(c["digests"]) & twice], "s")
    same_as_undisturbed(tmp_path, CASES["single"], tmp_path / "clean", width=1)
