"""How many workers of which size a cluster has room for. Numbers only: Ray decides which device each gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from largebatch.config import RunConfig
from sweeps import SweepError
from sweeps.packing import computed
from sweeps.where import Device

EPSILON = 1e-9


@dataclass(frozen=True)
class Devices:
    """What a cluster computes on."""

    kind: Device
    share: float
    """Of a device that a job of one device takes; 1 on CPU cores."""
    nodes: tuple[int, ...]
    """Devices of each machine."""

    def size(self, devices: int) -> float:
        """Return what a job on so many devices takes."""
        return float(devices) if devices > 1 else self.share


def devices_of(nodes: Sequence[Mapping[str, float]], gpus: float | None) -> Devices:
    """Return what a cluster's machines offer to jobs.

    Args:
        nodes: resources of each machine that is up, as Ray names them.
        gpus: GPUs a job takes; None takes one where there are any, and CPU cores where there are none.

    Raises:
        SweepError: GPUs are asked for, and there are none, or not so many in one machine.
    """
    counts = _counts(nodes, "gpu")
    share = float(sum(counts) > 0) if gpus is None else gpus
    if share == 0:
        return Devices("cpu", 1.0, _counts(nodes, "cpu"))
    if share > max(counts, default=0):
        raise SweepError(
            f"{share:g} GPUs a run, but the Ray cluster has {sum(counts):g}"
            + (f", at most {max(counts)} in one machine, and a run stays in one" if sum(counts) >= share else "")
            + "; lower it, or use 0 to train on CPU cores"
        )
    return Devices("gpu", min(1.0, share), counts)


def again(devices: Devices, nodes: Sequence[Mapping[str, float]]) -> Devices:
    """Return the same kind of devices on the machines that are up now; there may be none."""
    return replace(devices, nodes=_counts(nodes, devices.kind))


def _counts(nodes: Sequence[Mapping[str, float]], kind: Device) -> tuple[int, ...]:
    return tuple(int(node.get(kind.upper(), 0)) for node in nodes)


def spread(configs: Sequence[RunConfig], gpus: float | None) -> list[RunConfig]:
    """Return runs on so many devices each, where they declare one and their batch can be shared; digests stay."""
    if gpus is None or gpus <= 1:
        return list(configs)
    found = []
    for config in configs:
        smallest = min(batch for _, batch in config.ramp)
        alone = config.execution.devices == 1 and smallest >= gpus
        found.append(computed(config, devices=int(gpus)) if alone else config)
    return found


def room(devices: Devices, wanted: Mapping[float, int], most: int | None) -> dict[float, int]:
    """Return size -> workers of that size, the largest first, so that small ones do not break up a machine.

    Args:
        devices: of the cluster.
        wanted: size -> jobs of that size, waiting and running.
        most: workers at a time.
    """
    free, left = list(devices.nodes), most if most is not None else sum(wanted.values())
    found = {}
    for size in sorted(wanted, reverse=True):
        found[size] = 0
        while found[size] < wanted[size] and left > 0:
            # Into the fullest machine that has room: others keep theirs whole.
            able = [number for number, count in enumerate(free) if count >= max(1.0, size)]
            if not able:
                break
            place = min(able, key=free.__getitem__)
            taken = 1 if size >= 1 else int(1 / size + EPSILON)
            taken = min(taken, wanted[size] - found[size], left)
            free[place] -= max(1, int(size))
            found[size] += taken
            left -= taken
    return found


def refuse_larger(devices: Devices, asked: int) -> None:
    """Refuse a job that no machine can hold.

    Raises:
        SweepError: how many devices it asks for, and how many there are.
    """
    largest = max(devices.nodes, default=0)
    if devices.size(asked) > largest:
        kind = "GPUs" if devices.kind == "gpu" else "CPU cores"
        raise SweepError(
            f"a run asks for {asked} devices, and the largest machine of the Ray cluster has {largest} {kind}; a run "
            "stays in one machine (runs over several are not supported): lower execution.devices or --gpus-per-run"
        )
