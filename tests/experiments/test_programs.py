"""How programs are computed is recorded with the experiment, and a resumed or extended sweep keeps to it."""

import errno
import io
import json

import pytest
from rich.console import Console

from experiments.description import describe
from experiments.experiment import load
from experiments.place import Place
from experiments.programs import recorded
from experiments.run import Wishes, run
from largebatch.config import program_key
from sweeps import SweepError
from sweeps.calibration import Speed, keep
from sweeps.choice import Choice
from sweeps.engine import InProcessEngine
from sweeps.where import here
from tests.sweeps.stub_training import TRAINING, details, tell

SETTINGS = ["figures=[]", "claims=[]", "axes.scaling_rule=[constant]", "axes.batch_size=[16]"]


class Engine(InProcessEngine):
    """Trains nothing for long, and refuses to measure."""

    def __init__(self):
        super().__init__(training=TRAINING)

    def measure(self, trials, **_):
        pytest.fail("measured")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LARGEBATCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def swept(tmp_path, monkeypatch):
    """Run the smoke sweep of so many seeds, and return the widths of its calls so far, and what was said."""
    monkeypatch.setattr("experiments.run.report", lambda place: place.folder / "report" / "report.html")

    def sweep(seeds, pack=None):
        place = Place(tmp_path, load("smoke", [*SETTINGS, f"seeds={seeds}"]), ("smoke",))
        console = Console(file=io.StringIO(), width=300)
        assert run(place, engine=Engine(), wishes=Wishes(width=pack), project="any", wandb="off", console=console) == 0
        return sorted(call["width"] for call in details(place.folder)), console.file.getvalue()

    return sweep


def only(tmp_path):
    (choice,) = recorded(tmp_path / "smoke").values()
    return choice


def test_an_extended_sweep_keeps_its_width_though_a_measurement_would_choose_another(swept, tmp_path):
    assert swept(4, pack=2)[0] == [2] * 4  # seeds move the data too, so that no two runs share a pack
    config = load("smoke", SETTINGS).configs[0]
    keep(config, here(), {"1": Speed(100.0), "2": Speed(1.0), "4": Speed(1.0)})
    widths, said = swept(6)
    assert widths == [2] * 6 and "warning" not in said
    assert (only(tmp_path).width, only(tmp_path).reason) == (2, "--pack 2")


def test_a_typed_width_that_contradicts_is_said_and_recorded_and_finished_runs_stay(swept, tmp_path):
    swept(2)
    assert only(tmp_path) == Choice(1, "auto", "default; no run shares its pack")
    widths, said = swept(3, pack=4)
    assert widths == [1, 1, 4]
    assert "warning: --pack 4 contradicts the width recorded with the experiment, 1: finished runs stay" in said
    assert swept(4)[0] == [1, 1, 4, 4]


def test_programs_that_are_no_longer_asked_for_stay_recorded(swept, tmp_path):
    swept(1, pack=2)
    path = tmp_path / "smoke" / "experiment.json"
    said = json.loads(path.read_text())
    said["programs"]["0123456789ab"] = {"width": 8, "convolution": "native", "reason": "measured"}
    path.write_text(json.dumps(said))
    swept(2)
    assert recorded(tmp_path / "smoke")["0123456789ab"] == Choice(8, "native", "measured")


def test_where_memory_ran_out_is_recorded_and_not_run_into_again(swept, tmp_path):
    tell(tmp_path / "smoke", "room", text="8")
    assert swept(2, pack=4)[0] == [1] * 3 + [2, 4], "4 rows, 2 rows, then half of 16 examples, for both runs"
    found = only(tmp_path)
    assert (found.width, found.max_device_batch) == (1, 8)
    assert found.reason == "out of memory in packs of 1"
    widths, _ = swept(3)
    assert widths == [1] * 4 + [2, 4]


@pytest.mark.parametrize("damage", ["{", '{"programs": {"a": {"wdith": 1}}}', '{"programs": []}', "[]"])
def test_a_damaged_description_is_told(damage, tmp_path):
    (tmp_path / "experiment.json").write_text(damage)
    with pytest.raises(SweepError, match="does not say how its programs are computed .*; delete it, and widths are"):
        recorded(tmp_path)


def test_a_description_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("experiments.description.write_file", full)
    message = r"smoke cannot be written \(.*No space left on device\); make room, then run the sweep again"
    with pytest.raises(SweepError, match=message):
        describe(Place(tmp_path, load("smoke", SETTINGS), ("smoke",)), {})


def test_no_folder_has_nothing_recorded(tmp_path):
    assert recorded(tmp_path / "none") == {}
    assert len({program_key(config) for config in load("smoke").configs}) == 2
