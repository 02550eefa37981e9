"""A figure with surfaces is shown in three dimensions too: this module is such a figure."""

import math
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from analysis.figures import FIGURES, Figure
from analysis.report import write_report
from tests.analysis.records_on_disk import OnDisk

KNOWN = ("batch_size", "seed")
GRID = [-1.0, -0.5, 0.0, 0.5, 1.0]


def prepare(results):
    bowl = [[0.01 + x * x + 0.2 * y * y for y in GRID] for x in GRID]
    holed = [[None if x == y == 0 else 1.0 + x for y in GRID] for x in GRID]
    path = {"xy": [[-1, -1], [0.5, 0.2], [0, 0], [7, 7]], "train_loss": [1.2, None, 0.01, 3.0], "updates": [0, 1, 2, 3]}
    surfaces = [
        {"setting": setting, "seed": 3, "x": GRID, "y": GRID, "parts": ["train", "test"], "train_loss": z, "path": path,
         "explained": explained}
        for setting, z, explained in (
            ("batch_size 16", bowl, None), ("batch_size 1024", holed, [0.75, 0.125]), ("none", [[None] * 5] * 5, None),
        )
    ]  # fmt: skip
    return {"figure": "bowl", "surfaces": surfaces}


def draw(numbers, canvas):
    canvas.add_axes((0.1, 0.1, 0.8, 0.8)).contour(GRID, GRID, numbers["surfaces"][0]["train_loss"])


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


def pixels(canvas):
    """Return the colours of a canvas, [height, width, rgba]."""
    png = canvas.evaluate("node => node.toDataURL()").partition(",")[2]
    return np.asarray(Image.open(BytesIO(b64decode(png))).convert("RGBA"))


def painted(canvas):
    """Return how many pixels have a colour, and a number that tells pictures apart."""
    colors = pixels(canvas)
    return int((colors[..., 3] > 0).sum()), hash(colors.tobytes())


def red(canvas):
    """Return how many pixels have the colour of the path, #d04a2f."""
    return int((pixels(canvas)[..., :3] == (0xD0, 0x4A, 0x2F)).all(axis=-1).sum())


def test_each_surface_is_drawn_named_and_turned_by_keys_and_by_drag(page):
    canvases = page.locator(".surface canvas")
    assert canvases.count() == 2, "where nothing was measured there is nothing to show"
    bowl = canvases.first
    assert bowl.get_attribute("aria-label") == (
        "batch_size 16, seed 3: train loss (logarithmic) from 0.0100 to 1.21 over first direction and second "
        "direction; arrow keys turn it"
    )
    assert "over component 1 (75%) and component 2 (12%)" in canvases.last.get_attribute("aria-label")
    bowl.scroll_into_view_if_needed()
    assert red(bowl) > 20 and red(canvases.last) > 20, "the path of the run"
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
