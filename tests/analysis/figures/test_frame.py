"""What stands around the panels: it takes the lines it needs, and the panels stay as large as they are."""

import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.figures.frame import frame
from analysis.figures.letters import cut, fitted_lines, inches
from analysis.style import settings

NUMBERS = {"budget": "30 epochs", "policy": "learning rate 0.1 at B = 32, scaled by the rule linear, cosine decay",
           "setting": "digits, N = 1,024", "footnote": "unfinished: 3 of 9 runs"}  # fmt: skip
NAMES = ["B = 16", "32", "64", "128", "256", "512", "N = 1,024", "a rather long name"]


@pytest.mark.parametrize("width", [3.25, 6.75])
def test_the_legend_is_read_along_its_rows_and_the_sheet_grows_by_them(width):
    canvas = Canvas(figsize=(width, 3.0), dpi=100)
    axes = canvas.add_axes((0.2, 0.25, 0.7, 0.4))
    with rc_context(settings()):
        keys = [paper.key(name) for name in NAMES]
        frame(canvas, NUMBERS, "A title", keys, "how to read what is drawn on this sheet")
        canvas.draw_without_rendering()
    (legend,) = canvas.legends
    places = {t.get_text(): t.get_window_extent() for t in legend.get_texts()}
    lines = sorted({round(box.y0) for box in places.values()})
    assert len(lines) == {3.25: 3, 6.75: 1}[width]
    assert sorted(places, key=lambda name: (-round(places[name].y0), places[name].x0)) == NAMES
    assert axes.get_position().height * canvas.get_figheight() == pytest.approx(1.2)
    heading = [text for text in canvas.texts if text.get_text() in " ".join(NUMBERS.values()) + "A title · "]
    assert canvas.get_figheight() == pytest.approx(3.0, abs=1e-9) or width == 3.25
    assert heading and min(t.get_window_extent().y0 for t in heading[:2]) > max(box.y1 for box in places.values())


def test_lines_are_no_wider_than_the_room_and_hold_all_words():
    text = "one line of words that does not fit into so little room"
    lines = fitted_lines(text, 1.0, 8.0)
    assert " ".join(lines) == text and len(lines) > 2 and all(inches(line, 8.0) <= 1.0 for line in lines)
    assert inches(text, 16.0) == pytest.approx(2 * inches(text, 8.0), rel=0.01)
    short = cut(text, 1.0, 8.0)
    assert inches(short, 8.0) <= 1.0 and short.endswith("…") and text.startswith(short[:-1]) and len(short) > 8
    assert cut("words", 1.0, 8.0) == "words"
