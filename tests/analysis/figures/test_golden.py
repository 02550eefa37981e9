"""Every figure with something drawn: the same bytes in another process, the numbers that are kept, a paper's sizes."""

import hashlib
import json
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from analysis.figures import FIGURES
from analysis.figures.files import save
from analysis.load import load
from analysis.style import settings
from tests.analysis.figures import golden

ROOT = Path(__file__).parents[3]
SAVE = "import sys; from pathlib import Path; from tests.analysis.figures.golden import drawn; import json\n" \
       "drawn({k: Path(v) for k, v in json.loads(sys.argv[1]).items()}, Path(sys.argv[2]))"  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folders of all results, where the figures were drawn, and their numbers."""
    root = tmp_path_factory.mktemp("golden")
    found = golden.folders(root)
    return found, root / "drawn", golden.drawn(found, root / "drawn")


def leaves(value, path=""):
    """Yield (where, value) of everything in nested numbers."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(each, f"{path}/{key}")
    else:
        yield path, value


def differs(kept, now):
    """Whether a number is another one: beyond what rounding to five digits and another processor's sums do."""
    if isinstance(kept, bool) or not (isinstance(kept, float | int) and isinstance(now, float | int)):
        return kept != now
    return not abs(kept - now) <= 1e-4 * max(abs(kept), abs(now)) + 1e-7


@pytest.mark.parametrize("name", FIGURES)
def test_the_numbers_are_those_that_are_kept(made, name):
    _, _, numbers = made
    assert "cannot" not in numbers[name]["numbers"]
    kept = dict(leaves(json.loads((golden.KEPT / f"{name}.json").read_text())))
    now = dict(leaves(json.loads(json.dumps(golden.rounded(numbers[name])))))
    wrong = {at: (kept.get(at, "absent"), now.get(at, "absent")) for at in kept | now
             if at not in kept or at not in now or differs(kept[at], now[at])}  # fmt: skip
    told = "\n".join(f"{at}: kept {one}, now {other}" for at, (one, other) in list(wrong.items())[:12])
    assert not wrong, f"{len(wrong)} numbers differ; if that is meant: python -m tests.analysis.figures.golden\n{told}"


def test_figures_are_the_same_bytes_in_another_process(made, tmp_path):
    found, here, _ = made
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    places = json.dumps({name: str(folder) for name, folder in found.items()})
    subprocess.run([sys.executable, "-c", SAVE, places, tmp_path], check=True, env=environment, cwd=tmp_path)
    sums = [{path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in side.iterdir()}
            for side in (here, tmp_path)]  # fmt: skip
    assert sums[0] == sums[1] and len(sums[0]) == 3 * len(FIGURES)


def shown(numbers, size):
    """Return the sheet of a size, and (words, points, box in pixels) of all that is written on it."""
    figure = FIGURES[numbers["figure"]]
    canvas = Canvas(dpi=100)
    with rc_context(settings(size)):
        FigureCanvasAgg(canvas)
        figure.draw({**numbers, "options": {"size": size} if size else {}}, canvas)
        canvas.draw_without_rendering()
        ticks = [tick for axes in canvas.axes for axis in (axes.xaxis, axes.yaxis) for tick in axis._update_ticks()]
        texts = [*canvas.texts, *(text for legend in canvas.legends for text in legend.get_texts())]
        texts += [label for tick in ticks for label in (tick.label1, tick.label2)]
        for axes in canvas.axes:
            texts += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        said = [text for text in texts if text.get_visible() and text.get_text().strip()]
        return canvas, [(text.get_text(), text.get_fontsize(), text.get_window_extent()) for text in said]


def meet(a, b):
    """Whether two boxes have more than the edge of their letters in common."""
    return min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1


@pytest.mark.parametrize("name", FIGURES)
def test_at_a_papers_sizes_letters_are_as_large_as_the_text_and_nothing_is_cut_or_covered(made, name):
    numbers = made[2][name]["numbers"]
    for size, inches in ((None, 6.75), ("column", 3.25), ("text", 5.5), ("page", 6.75)):
        canvas, texts = shown(numbers, size)
        width, height = canvas.bbox.size
        assert canvas.get_figwidth() == inches and len(texts) > 8
        assert size is None or {points for _, points, _ in texts} <= {8.0, 9.0}
        cut = [words for words, _, box in texts if min(*box.p0, width - box.x1, height - box.y1) < -1]
        assert not cut, (size, cut)
        covered = [(a, b) for (a, _, one), (b, _, other) in combinations(texts, 2) if meet(one, other)]
        assert not covered, (size, covered)


@pytest.mark.parametrize(("size", "inches"), [("column", 3.25), ("text", 5.5), ("page", 6.75)])
def test_files_for_a_paper_are_as_wide_as_it_asks(made, tmp_path, size, inches):
    figure, results = FIGURES["curves"], load(made[0]["curves"])
    svg = save(figure, figure.prepare(results, {"size": size}), tmp_path)
    assert svg.name == f"curves--size-{size}.svg"
    assert f'width="{72 * inches:g}pt"' in svg.read_text()
    wide = int.from_bytes(svg.with_suffix(".png").read_bytes()[16:20])  # the header's width in pixels
    assert wide == 200 * inches
    pdf = svg.with_suffix(".pdf").read_bytes()
    assert f"/MediaBox [ 0 0 {72 * inches:g} ".encode() in pdf and b"CreationDate" not in pdf
