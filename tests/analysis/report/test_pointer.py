"""What the pointer finds: places computed by hand from the boxes of the axes, words from their formatters."""

import json

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter

from analysis.figures.marks import repeated
from analysis.report.pointer import MOST, Mark, read


@pytest.fixture
def sheet():
    """Ten by five inches; axes from 10 to 90 % both ways, x from 0 to 10, y from 0 to 1."""
    canvas = Canvas(figsize=(10, 5), dpi=150)
    FigureCanvasAgg(canvas)
    axes = canvas.add_axes((0.1, 0.1, 0.8, 0.8))
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 1)
    return canvas, axes


def place(x, y):
    """Return where a value lies, in points from the upper left."""
    return round(720 * (0.1 + 0.8 * x / 10), 1), round(360 * (1 - (0.1 + 0.8 * y)), 1)


def test_a_line_is_found_where_it_lies_and_belongs_to_its_arm(sheet):
    canvas, axes = sheet
    axes.plot([1, 4], [0.25, 0.5], color="#0072b2", label="linear")
    axes.plot([2], [0.75], "o", color="#e07b00", label="sqrt")
    axes.legend()
    axes.set_title("a title")
    axes.set_xlabel("batch size B   (N = 1,024)")
    axes.set_ylabel("error\n(square-root axis)")
    found = read(canvas)
    assert found.arms == [("linear", "#0072b2"), ("sqrt", "#e07b00")]
    assert found.panels == [("a title", "batch size B", "error")]
    assert found.marks == [
        Mark(*place(1, 0.25), 0, 0, "1", "0.25"), Mark(*place(4, 0.5), 0, 0, "4", "0.5"),
        Mark(*place(2, 0.75), 1, 0, "2", "0.75"),
    ]  # fmt: skip
    assert json.loads(json.dumps(found.plain()))["marks"][0] == [*place(1, 0.25), 0, 0, "1", "0.25"]


def test_what_is_not_there_or_beyond_the_axes_or_no_data_is_left_out(sheet):
    canvas, axes = sheet
    axes.plot([1, 2, 3, 30], [np.nan, 0.5, 7, 0.5], color="red")
    axes.axhline(0.3)
    axes.axvline(5)
    axes.plot([5], [0.1], color="blue", visible=False)
    assert [mark.x_words for mark in read(canvas).marks] == ["2"]


def test_a_solid_line_has_the_interval_of_the_bar_in_its_colour_and_a_dashed_one_its_name(sheet):
    canvas, axes = sheet
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:.4g} %"))
    axes.plot([1, 2], [0.5, 0.6], color="#0072b2")
    axes.plot([1, 2], [0.52, 0.1], color="#0072b2", linestyle="--")
    axes.plot([2], [0.6], color="#e07b00")
    axes.plot([1], [0.9], color="#0072b2")
    axes.vlines([1, 2], [0.4, 0.55], [0.6, 0.65], color="#0072b2")
    for label, style in (("test", "-"), ("train", (0, (3, 1.5)))):
        axes.plot([], [], color="#66686f", linestyle=style, label=label)
    axes.legend()
    assert [mark.y_words for mark in read(canvas).marks] == [
        "test 50 % [40 %, 60 %]", "test 60 % [55 %, 65 %]", "train 52 %", "train 10 %", "test 60 %",
        "test 90 %",
    ]  # fmt: skip


def test_the_end_of_a_repeated_search_says_what_it_is(sheet):
    canvas, axes = sheet
    repeated(axes, (4, 4), (0.25, 0.5), "#0072b2")
    assert [(mark.x_words, mark.y_words) for mark in read(canvas).marks] == [("4", "search repeated 0.5")]


def test_a_batch_size_is_told_without_the_dodge(sheet):
    canvas, axes = sheet
    axes.set_xscale("log", base=2)
    axes.set_xlim(8, 2048)
    axes.set_xticks([16, 64, 1024])
    axes.plot([16 * 2**0.2, 1024 * 2**-0.3], [0.5, 0.5])
    assert [mark.x_words for mark in read(canvas).marks] == ["16", "1,024"]


def test_clouds_and_meshes_are_found_too(sheet):
    canvas, axes = sheet
    axes.scatter([3], [0.5], color="#0072b2")
    mesh = axes.pcolormesh([0, 2, 4], [0, 0.5, 1], np.ma.masked_equal([[1.5, 2.5], [0, 4.5]], 0))
    canvas.colorbar(mesh, cax=canvas.add_axes((0.95, 0.1, 0.02, 0.8)))
    assert [(m.x, m.y, m.y_words) for m in read(canvas).marks] == [
        (*place(3, 0.5), "0.5"), (*place(1, 0.25), "0.25: 1.5"), (*place(3, 0.25), "0.25: 2.5"),
        (*place(3, 0.75), "0.75: 4.5"),
    ]  # fmt: skip


def test_panels_borrow_names_from_their_row_and_column():
    canvas = Canvas(figsize=(4, 4))
    FigureCanvasAgg(canvas)
    for x in (0.1, 0.6):
        for y in (0.1, 0.6):
            axes = canvas.add_axes((x, y, 0.3, 0.3))
            axes.set_title(f"column {x}" if y == 0.6 else "")
            axes.set_xlabel(f"x of {x}" if y == 0.1 else "")
    canvas.text(0.02, 0.25, "below", rotation=90)
    canvas.text(0.02, 0.75, "above", rotation=90)
    assert read(canvas).panels == [
        ("column 0.1", "x of 0.1", "below"), ("column 0.1", "x of 0.1", "above"),
        ("column 0.6", "x of 0.6", "below"), ("column 0.6", "x of 0.6", "above"),
    ]  # fmt: skip


def test_a_figure_of_very_many_marks_is_thinned_evenly(sheet):
    canvas, axes = sheet
    axes.plot(np.linspace(0, 10, 2 * MOST), np.full(2 * MOST, 0.5))
    marks = read(canvas).marks
    assert len(marks) == MOST
    assert marks[1].x_words == f"{2 * 10 / (2 * MOST - 1):.4g}"


def test_colours_of_the_sheet_are_no_arms(sheet):
    canvas, axes = sheet
    axes.plot([1], [0.5], color="#1c1d21", label="test")
    axes.legend()
    assert read(canvas).arms == [] and read(canvas).marks[0].arm == -1
