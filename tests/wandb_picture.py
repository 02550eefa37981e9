"""`python -m tests.wandb_picture PICTURE.png`: draw how the runs of a small sweep stand in Weights & Biases.

No screenshot: the sweep is mirrored by W&B's own client to the server of the tests, and every word, row and axis of
the picture is read from what arrived there.
"""

import io
import json
import sys
import tempfile
from collections import defaultdict

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from analysis.figures import paper
from analysis.style import INK, MUTED, RULE, SETTINGS, WIDTH, look_of
from tests.experiments.command_line import called
from tests.largebatch.fake_wandb import serving

SWEEP = ("quickstart", "--set", "axes.batch_size=[8,128,full]", "--set", "axes.scaling_rule=[sqrt]",
         "--set", "axes.order=[reshuffle]", "--set", "seeds=2")  # fmt: skip
COLUMNS = {"name": 0.1, "job type": 1.78, "dataset": 2.38, "model": 2.88, "batch_size": 3.32, "scaling_rule": 3.98,
           "order": 4.72, "seed": 5.3, "status": 5.68, "test_error": 6.14}  # fmt: skip
"""Of the table -> inches from the left."""
CURVES = ("test_error", "by_update/test_error", "by_epoch/test_error")
SHADES = 160
"""Colors of the file, which stays small."""
LINE, TABLE, PANEL, FOOT = 0.145, 0.62, 1.35, 0.52
"""Inches: a line of the table, what is above it, the height of a panel, what is below it."""


def prepare(server):
    """Return what the server knows: groups with their runs, and curves with the axis that the client gave each."""
    groups = defaultdict(list)
    for page, bucket in server.buckets.items():
        config = {name: entry["value"] for name, entry in json.loads(bucket["config"]).items()}
        summary = server.summary[page]
        said = {"name": bucket["displayName"], "job type": bucket["jobType"], **config, **summary}
        rows, axes = server.everything(page), axes_of(config["_wandb"]["m"])
        curves = {
            curve: [(row[axes.get(curve, axes["*"])], row[curve]) for row in rows if curve in row]
            for curve in CURVES if rows
        }  # fmt: skip
        run = {"cells": {name: shown(said.get(name)) for name in COLUMNS}, "tags": bucket["tags"], "curves": curves}
        groups[bucket["groupName"]].append({**run, "axes": {curve: axes.get(curve, axes["*"]) for curve in curves}})
    return {name: sorted(runs, key=lambda run: run["cells"]["seed"]) for name, runs in groups.items()}


def axes_of(metrics):
    """Return curve (or `*`, any other) -> axis, from the metrics as the client encodes them: a step by its number."""
    names = [metric.get("1") or metric["2"] for metric in metrics]
    return {name: names[metric["5"] - 1] for name, metric in zip(names, metrics, strict=True) if "5" in metric}


def shown(value):
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


def draw(groups, canvas):
    """Draw the table of runs by group, and below it each curve against its axis, a color a group."""
    lines = 1 + sum(1 + len(runs) for runs in groups.values())
    height = TABLE + lines * LINE + 0.35 + PANEL + FOOT
    canvas.set_size_inches(WIDTH, height)
    bold = {"fontsize": 10, "fontweight": "bold"}
    canvas.text(0.1 / WIDTH, 1 - 0.17 / height, "How a sweep's runs stand in W&B", **bold, va="center")
    told = "drawn from what W&B's client sent of a small sweep to a local server; not a screenshot"
    canvas.text(0.1 / WIDTH, 1 - 0.36 / height, told, fontsize=7.5, color=MUTED, va="center")
    down = TABLE

    def line(cells, **style):
        nonlocal down
        for x, text in cells:
            canvas.text(x / WIDTH, 1 - down / height, text, va="center", **{"fontsize": 7, **style})
        down += LINE

    line([(x, name) for name, x in COLUMNS.items()], color=MUTED)
    for place, (name, runs) in enumerate(groups.items()):
        y = 1 - (down - LINE / 2) / height
        canvas.add_artist(Line2D([0.1 / WIDTH, 1 - 0.1 / WIDTH], [y, y], color=RULE, linewidth=0.6))
        color = look_of(place)[0] if runs[0]["curves"] else INK
        tags = "tags " + ", ".join(runs[0]["tags"])
        line([(0.1, name)], fontweight="bold", color=color)
        down -= LINE
        line([(2.88, tags)], color=MUTED)
        for run in runs:
            line([(x, run["cells"][column]) for column, x in COLUMNS.items()])
    panels(groups, canvas, height)


def panels(groups, canvas, height):
    """Draw the three curves of every run, and the mean of each group, from the first update on."""
    left, between = 0.5, 0.2
    each = (WIDTH - left - 0.1 - 2 * between) / 3
    for number, curve in enumerate(CURVES):
        box = ((left + number * (each + between)) / WIDTH, FOOT / height, each / WIDTH, PANEL / height)
        axes, drawn = canvas.add_axes(box), []
        for place, runs in enumerate(groups.values()):
            color = look_of(place)[0]
            seeds = [[point for point in run["curves"][curve] if point[0] > 0] for run in runs if run["curves"]]
            drawn += seeds
            for points in seeds:
                axes.plot(*zip(*points, strict=True), color=color, linewidth=0.6, alpha=0.5)
            if seeds:
                mean = [(points[0][0], sum(y for _, y in points) / len(points)) for points in zip(*seeds, strict=True)]
                axes.plot(*zip(*mean, strict=True), color=color)
        starts, ends = zip(*((p[0][0], p[-1][0]) for p in drawn), strict=True)
        paper.length_axis(axes, min(starts), max(ends))
        axes.set_xlabel(next(run["axes"][curve] for runs in groups.values() for run in runs if run["axes"]))
        axes.set_title(curve, loc="left")
        axes.set_ylim(0, 1)
        paper.percent(axes)
        axes.tick_params(labelleft=not number)


def main(picture):
    with tempfile.TemporaryDirectory() as results, serving() as server:
        words = ["run", *SWEEP, "--results", results, "--in-process", "--wandb", "live"]
        done = called(*words, **server.environment)
        assert done.exit_code == 0, done.output
        groups = prepare(server)
    with rc_context(SETTINGS):
        canvas = Figure()
        draw(groups, canvas)
        canvas.savefig(whole := io.BytesIO(), format="png", metadata={"Software": None})
    Image.open(whole).convert("RGB").quantize(SHADES).save(picture, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
