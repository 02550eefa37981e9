"""Room for workers on the machines of a cluster; the oracle tries every way to place them."""

import itertools
import socket

import pytest

from largebatch.config import digest
from sweeps import SweepError
from sweeps.placement import Devices, again, devices_of, refuse_larger, room, spread
from sweeps.ray_engine import reaching
from tests.largebatch.small import small


def gpus(*nodes, share=1.0):
    return Devices("gpu", share, nodes)


@pytest.mark.parametrize(
    ("nodes", "asked", "found"),
    [
        ([{"CPU": 4.0}], None, Devices("cpu", 1.0, (4,))),
        ([{"CPU": 4.0, "GPU": 2.0}, {"CPU": 8.0}], None, gpus(2, 0)),
        ([{"CPU": 4.0, "GPU": 2.0}, {"CPU": 8.0}], 0, Devices("cpu", 1.0, (4, 8))),
        ([{"GPU": 2.0}], 0.25, gpus(2, share=0.25)),
        ([{"GPU": 2.0}, {"GPU": 1.0}], 2, gpus(2, 1)),
    ],
)
def test_what_a_cluster_computes_on(nodes, asked, found):
    assert devices_of(nodes, asked) == found


@pytest.mark.parametrize(
    ("nodes", "asked", "message"),
    [
        ([{"CPU": 2.0}], 1, "1 GPUs a run, but the Ray cluster has 0; lower it, or use 0"),
        ([{"GPU": 2.0}], 4, "4 GPUs a run, but the Ray cluster has 2; lower it"),
        ([{"GPU": 2.0}, {"GPU": 2.0}], 4, "has 4, at most 2 in one machine, and a run stays in one; lower it"),
    ],
)
def test_gpus_that_are_not_there_or_not_together_are_refused(nodes, asked, message):
    with pytest.raises(SweepError, match=message):
        devices_of(nodes, asked)


@pytest.mark.parametrize(
    ("devices", "wanted", "most", "expected"),
    [
        (gpus(4), {1: 10}, None, {1: 4}),
        (gpus(4), {1: 3}, None, {1: 3}),
        (gpus(4), {1: 10}, 2, {1: 2}),
        (gpus(2, share=0.25), {0.25: 100}, None, {0.25: 8}),
        (gpus(2, share=0.35), {0.35: 100}, None, {0.35: 4}),
        (gpus(1, share=0.1), {0.1: 100}, None, {0.1: 10}),
        (gpus(3, 3), {2: 10}, None, {2: 2}),  # 6 devices, but a run stays in one machine
        (gpus(4, 4), {4: 1, 1: 10}, None, {4: 1, 1: 4}),
        (gpus(2, 4), {2: 1, 4: 1}, None, {2: 1, 4: 1}),
        (gpus(6, 3), {3: 1, 2: 3}, None, {3: 1, 2: 3}),
        (gpus(2, share=0.5), {2: 1, 0.5: 3}, None, {2: 1, 0.5: 0}),
        (gpus(3, share=0.5), {2: 1, 0.5: 3}, None, {2: 1, 0.5: 2}),
        (gpus(2), {4: 1, 1: 2}, None, {4: 0, 1: 2}),
        (gpus(), {1: 5}, None, {1: 0}),
        (Devices("cpu", 1.0, (2, 0)), {1: 5}, None, {1: 2}),
    ],
)
def test_workers_by_size_the_largest_first(devices, wanted, most, expected):
    assert room(devices, wanted, most) == expected


def possible(nodes, workers):
    """Whether whole workers fit, by trying every machine for each."""
    sizes = [size for size, count in workers.items() for _ in range(count)]
    for places in itertools.product(range(len(nodes)), repeat=len(sizes)):
        used = [sum(s for s, p in zip(sizes, places, strict=True) if p == node) for node in range(len(nodes))]
        if all(u <= n for u, n in zip(used, nodes, strict=True)):
            return True
    return not sizes


@pytest.mark.parametrize("nodes", [(4,), (2, 2), (1, 3), (3, 3), (4, 1, 1)])
@pytest.mark.parametrize("wanted", [{1: 2, 2: 1}, {1: 3, 3: 1}, {2: 2, 4: 1}, {1: 1, 2: 1, 3: 1}])
def test_what_is_promised_fits_and_one_more_of_the_smallest_would_not(nodes, wanted):
    found = room(gpus(*nodes), wanted, None)
    assert possible(nodes, found)
    smallest = min(wanted)
    if found[smallest] < wanted[smallest]:
        assert not possible(nodes, found | {smallest: found[smallest] + 1})


def test_machines_that_leave_take_their_devices_and_the_kind_stays():
    before = devices_of([{"GPU": 2.0}, {"CPU": 4.0}], None)
    assert again(before, [{"CPU": 4.0}]) == gpus(0)
    assert again(before, [{"GPU": 2.0}, {"GPU": 8.0}]) == gpus(2, 8)


def test_a_run_over_several_machines_is_refused():
    message = (
        "a run asks for 4 devices, and the largest machine of the Ray cluster has 2 GPUs; a run stays in one machine "
        r"\(runs over several are not supported\): lower execution.devices or --gpus-per-run"
    )
    with pytest.raises(SweepError, match=message):
        refuse_larger(gpus(2, 2, 2), 4)
    refuse_larger(gpus(2, 2, 2), 2)


def test_whole_gpus_are_shared_by_the_batch_where_it_is_large_enough():
    runs = [small(batch_size=1), small(batch_size=8), small(batch_size=8, execution={"devices": 4})]
    assert [run.execution.devices for run in spread(runs, 2)] == [1, 2, 4]
    assert list(map(digest, spread(runs, 2))) == list(map(digest, runs))
    assert spread(runs, 0.5) == spread(runs, 1) == spread(runs, None) == runs


@pytest.mark.parametrize("port", ["{closed}", "99999", "one"])
def test_an_address_where_nobody_listens_is_told_at_once(port):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{port.format(closed=free.getsockname()[1])}"
        message = f"no Ray cluster answers at {address} .*; start one with ray start --head, or leave the address out"
        with pytest.raises(SweepError, match=message), reaching(address):
            pytest.fail("Ray was asked, which takes minutes to give up")
