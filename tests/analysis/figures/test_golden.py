"""Every figure with something drawn in it: the same bytes in another process, the numbers as they are kept."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.figures import FIGURES
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
