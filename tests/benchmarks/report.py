"""Where the numbers go: `bench.json` (merged), `bench.md`, `bench.png`, and a table on the console."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from largebatch.records import write_file
from tests.benchmarks.catalogue import BENCHMARKS
from tests.benchmarks.measure import ROOT, TINY

PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "torch", "ray", "wandb")
COLUMNS = ("case", "median", "spread", "n", "target", "met", "detail")
LEAST_DRAWN = 0.01
MET = {True: "yes", False: "NO", None: ""}


def origin() -> dict[str, Any]:
    """Return when and on what something was measured."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip() or None,
        "machine": {"cpu": _cpu(), "cores": len(os.sched_getaffinity(0)), "platform": platform.platform(terse=True)},
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}},
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return model or platform.processor() or platform.machine()


def merge(folder: Path, name: str, found: dict[str, Any]) -> None:
    """Put one benchmark's result into `bench.json`, in place of an earlier one of the same name."""
    known = {**_read(folder), name: found}
    ordered = {each: known[each] for each in BENCHMARKS if each in known}
    write_file(folder / "bench.json", json.dumps(ordered, indent=1).encode())


def _read(folder: Path) -> dict[str, Any]:
    path = folder / "bench.json"
    return json.loads(path.read_text()) if path.exists() else {}


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return a row as the table shows it, in the order of `COLUMNS`."""
    value, unit = row["value"], row["unit"]
    target = "" if row["target"] is None else f"{'<=' if row['at_most'] else '>='} {row['target']:g}"
    spread = f"{_figure(value['low'])} to {_figure(value['high'])}" if value["count"] > 1 else ""
    return (
        row["case"], f"{_figure(value['median'])} {unit}", spread, str(value["count"]), target, MET[row["met"]],
        row["detail"],
    )  # fmt: skip


def _figure(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def _title(name: str, found: dict[str, Any]) -> str:
    return f"{BENCHMARKS[name].title}{' (quick)' if found['quick'] else ''}"


def show(console: Console, name: str, found: dict[str, Any]) -> None:
    """Print one benchmark's table."""
    table = Table(*COLUMNS, title=_title(name, found), title_justify="left")
    for row in found["rows"]:
        table.add_row(*cells(row), style="red" if row["met"] is False else None)
    console.print(table)
    for note in found["notes"]:
        console.print(note, highlight=False, markup=False)


def write(folder: Path) -> list[Path]:
    """Write table and picture from `bench.json`, and return the files that stand."""
    found = _read(folder)
    if not found:
        return []
    write_file(folder / "bench.md", "\n".join(_markdown(found)).encode())
    _draw(found, folder / "bench.png")
    return [folder / name for name in ("bench.json", "bench.md", "bench.png")]


def _markdown(found: dict[str, Any]) -> list[str]:
    lines = ["# Benchmarks", ""]
    for name, result in found.items():
        machine, versions = result["machine"], result["versions"]
        lines += [f"## {name}: {_title(name, result)}", ""]
        lines += [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
        lines += [f"| {' | '.join(cells(row))} |" for row in result["rows"]]
        lines += ["", *[f"- {note}" for note in result["notes"]]]
        packages = ", ".join(f"{package} {version}" for package, version in versions.items())
        lines += [
            f"- {result['when']}, {result['seconds']:.0f} s, load before {result['load_before']:.1f}; "
            f"{machine['cpu']}, {machine['cores']} cores; {packages}",
            "",
        ]
    return lines


def _draw(found: dict[str, Any], path: Path) -> None:
    """Draw every row with a target: how many times over it is met, 1 is the target itself."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = [(name, row) for name, result in found.items() for row in result["rows"] if row["share"] is not None]
    figure, axes = plt.subplots(figsize=(10, 1.2 + 0.17 * len(rows)), layout="constrained")
    for place, (_, row) in enumerate(rows):
        low, high = (_share(row, row["value"][end]) for end in ("low", "high"))
        colour = "#0072b2" if row["met"] else "#d04a2f"
        axes.plot([low, high], [place, place], color=colour, linewidth=1.2)
        middle = _share(row, row["value"]["median"])
        axes.plot([middle], [place], "o" if row["met"] else "s", color=colour, markersize=4)
    axes.set_yticks(range(len(rows)), [f"{name}: {row['case']}" for name, row in rows], fontsize=6.5)
    axes.axvline(1, color="#1c1d21", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)  # benchmarks without targets leave no row
    axes.grid(axis="x", color="#dcdde2", linewidth=0.5)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:g}")
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("times over that the target is met (median, smallest to largest)", fontsize=8)
    figure.savefig(path, dpi=160)
    plt.close(figure)


def _share(row: dict[str, Any], value: float) -> float:
    share = row["target"] / max(value, TINY) if row["at_most"] else value / row["target"]
    return max(share, LEAST_DRAWN)  # the axis is logarithmic
