"""A figure with surfaces is shown in three dimensions too: this module is such a figure."""

import math

import pytest

from analysis.figures import FIGURES, Figure
from analysis.report import write_report
from tests.analysis.records_on_disk import OnDisk

KNOWN = ("batch_size", "seed")
GRID = [-1.0, -0.5, 0.0, 0.5, 1.0]


def prepare(results):
    bowl = [[0.01 + x * x + 0.2 * y * y for y in GRID] for x in GRID]
    holed = [[None if x == y == 0 else 1.0 + x for y in GRID] for x in GRID]
    names = {"x": "first direction", "y": "second direction", "z": "train loss"}
    surfaces = [{"label": label, "x": GRID, "y": GRID, "z": z, "names": names} for label, z in
                (("B = 16", bowl), ("B = N", holed), ("none", [[None] * 5] * 5))]  # fmt: skip
    return {"figure": "bowl", "surfaces": surfaces}


def draw(numbers, canvas):
    canvas.add_axes((0.1, 0.1, 0.8, 0.8)).contour(*[numbers["surfaces"][0][name] for name in "xyz"])


def caption(numbers):
    return "Two surfaces."


def table(numbers):
    return ["x"], [["1"]]


@pytest.fixture
def page(tmp_path, monkeypatch, open_page):
    monkeypatch.setitem(FIGURES, "bowl", Figure("bowl", "a bowl", __name__))
    disk = OnDisk(tmp_path / "exp")
    disk.add()
    path = write_report(disk.close(), figures=["bowl"], question="?", claims=[])
    return open_page(path, bypass_csp=True)


def painted(canvas):
    """Return how many pixels have a colour, and a sum that tells pictures apart."""
    return canvas.evaluate(
        """(node) => {
          const { data } = node.getContext("2d").getImageData(0, 0, node.width, node.height);
          let count = 0, sum = 0;
          for (let i = 0; i < data.length; i += 4) if (data[i + 3]) { count += 1; sum += i * data[i + 1] % 9973; }
          return [count, sum];
        }"""
    )


def test_each_surface_is_drawn_named_and_turned_by_keys_and_by_drag(page):
    canvases = page.locator(".surface canvas")
    assert canvases.count() == 2, "where nothing was measured there is nothing to show"
    bowl = canvases.first
    assert bowl.get_attribute("aria-label") == (
        "B = 16: train loss (logarithmic) from 0.0100 to 1.21 over first direction and second direction; arrow keys "
        "turn it"
    )
    bowl.scroll_into_view_if_needed()
    count, first = painted(bowl)
    assert count > 5000
    bowl.focus()
    page.keyboard.press("ArrowRight")
    turned = painted(bowl)[1]
    assert turned != first and bowl.get_attribute("data-angle") == "-0.85 0.55"
    page.keyboard.press("Home")
    assert painted(bowl)[1] == first
    box = bowl.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 116)
    page.mouse.up()
    turn, tilt = map(float, bowl.get_attribute("data-angle").split())
    assert (turn, tilt) == (pytest.approx(-0.7 - 60 / 120), pytest.approx(0.55 + 0.1))
    for _ in range(20):
        page.keyboard.press("ArrowDown")
    assert float(bowl.get_attribute("data-angle").split()[1]) == pytest.approx(math.pi / 2, abs=0.01), "from above"


def test_a_surface_is_accessible_and_not_printed(page):
    from axe_playwright_python.sync_playwright import Axe

    assert Axe().run(page).response["violations"] == []
    page.emulate_media(media="print")
    assert not page.locator(".surface").first.is_visible()
