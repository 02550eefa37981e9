"""What `doctor` finds on machines that lack something, each made up."""

import json
from types import SimpleNamespace

import pytest

from experiments import doctor
from experiments.doctor import Finding
from largebatch.storage import place_of
from tests.experiments.command_line import called

SECRET = "0123456789" * 4


def examined(*words):
    return called("doctor", *words, columns=80)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine that lacks nothing, with its caches and keys elsewhere; looking at devices and Ray is left out."""
    well = lambda name: lambda: Finding(name, "well", "made up")  # noqa: E731
    monkeypatch.setattr(doctor, "_devices", well("devices"))
    monkeypatch.setattr(doctor, "_ray", well("ray"))
    (tmp_path / "netrc").write_text("")
    for name, value in {"LARGEBATCH_CACHE": tmp_path / "cache", "NETRC": tmp_path / "netrc"}.items():
        monkeypatch.setenv(name, str(value))
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL", "LARGEBATCH_DATA", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def found(results, **options):
    return {each.name: each for each in doctor.examine(place_of(str(results)), **options)}


def test_nothing_is_broken_and_the_last_line_says_how_to_begin(machine):
    done = examined("--results", machine / "results")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[-1] == "nothing is broken; to begin: largebatch run smoke" and max(map(len, lines)) <= 80
    assert not (machine / "results").exists()
    quick = json.loads(examined("--quick", "--json", "--results", machine).stdout)
    assert quick["well"] and "ray" not in {each["name"] for each in quick["findings"]}


def test_something_broken_ends_with_code_1(machine, monkeypatch):
    monkeypatch.setattr(doctor, "_ray", lambda: Finding("ray", "broken", "Ray does not start", "do this"))
    done = examined("--results", machine)
    assert done.exit_code == 1 and done.stdout.splitlines()[-1] == "broken: ray; the rest works without"
    assert "do this" in done.stdout
    assert not json.loads(examined("--results", machine, "--json").stdout)["well"]


def test_a_place_for_results_that_cannot_be_used_is_told(machine, monkeypatch):
    (machine / "file").write_text("")
    assert "cannot be written" in found(machine / "file" / "results")["results"].text
    for free, state in ((10**10, "well"), (10**9 - 1, "missing"), (10**8 - 1, "broken")):
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place, free=free: SimpleNamespace(free=free))
        assert found(machine)["results"].state == state


def test_the_cache_is_measured_and_must_be_writable(machine, monkeypatch):
    home = machine / "cache" / "xla"
    home.mkdir(parents=True)
    assert found(machine)["cache"].text.endswith("0 files, 0 B")
    (folder,) = home.iterdir()
    (folder / "program").write_bytes(b"x" * 2048)
    assert found(machine)["cache"].text == f"compiled programs are kept in {folder}: 1 files, 2.0 kB"
    (machine / "file").write_text("")
    monkeypatch.setenv("LARGEBATCH_CACHE", str(machine / "file"))
    assert found(machine)["cache"].state == "broken"


@pytest.mark.parametrize("way", ["environment", "netrc", "another host"])
def test_a_key_of_wandb_is_noticed_and_never_shown(machine, monkeypatch, way):
    assert found(machine)["wandb"].state == "missing"
    host = "api.wandb.ai" if way != "another host" else "example.org"
    if way == "environment":
        monkeypatch.setenv("WANDB_API_KEY", SECRET)
    else:
        (machine / "netrc").write_text(f"machine {host}\n  login user\n  password {SECRET}\n")
        (machine / "netrc").chmod(0o600)
    assert found(machine)["wandb"].state == ("missing" if way == "another host" else "well")
    assert SECRET not in examined("--results", machine).output + examined("--results", machine, "--json").output


def test_a_machine_without_wandb_is_not_broken(machine, monkeypatch):
    find, version = doctor.importlib.util.find_spec, doctor.metadata.version

    def absent(name):
        if name == "wandb":
            raise doctor.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(doctor.metadata, "version", absent)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None if name == "wandb" else find(name))
    seen = found(machine)
    assert (seen["versions"].state, seen["wandb"].state) == ("well", "missing")
    assert seen["wandb"].text == "wandb is not installed"


def test_data_are_found_where_the_loaders_look(machine, monkeypatch):
    assert found(machine)["cifar10"].state == "missing"
    data = machine / "data"
    (data / "mnist").mkdir(parents=True)
    (data / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"")
    (data / "cifar-10-python.tar.gz").write_bytes(b"")
    monkeypatch.setenv("LARGEBATCH_DATA", str(data))
    seen = found(machine)
    assert seen["mnist"].text == f"found in {data / 'mnist'}" and seen["cifar10"].text == f"found in {data}"
    monkeypatch.setenv("LARGEBATCH_DATA", str(data / "absent"))
    assert found(machine)["mnist"].state == "broken" and "is not a folder" in found(machine)["mnist"].text


def test_a_package_that_is_not_installed_is_named(machine, monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("jax", "no-such-package"))
    each = found(machine)["versions"]
    assert each.state == "broken" and each.text.startswith("no-such-package not installed; largebatch ")


def test_a_program_that_says_nothing_useful_is_a_finding(monkeypatch):
    assert doctor._asked("print(); print('[1, 2]')") == ([1, 2], "")
    assert doctor._asked("raise ValueError('no device')") == (None, "ValueError: no device")
    assert doctor._asked("pass") == (None, "it says nothing")
    monkeypatch.setattr(doctor, "PATIENCE_SECONDS", 0.2)
    said, why = doctor._asked("import time; time.sleep(9)")
    assert said is None and "timed out after 0.2 seconds" in why


@pytest.mark.parametrize(
    ("said", "gpus", "state", "text"),
    [
        ([["cpu"], 6.0], 0, "well", "jax has 1 x cpu"),
        ([["gpu A", "gpu A"], 6.0], 2, "well", "jax has 2 x gpu A"),
        ([["cpu"], 6.0], 2, "missing", "the GPUs are not used"),
        ([["cpu"], 5.0], 0, "broken", "and adds 0 to 3 to 5.0"),
        (None, 0, "broken", "jax computes nothing: boom"),
    ],
)
def test_devices_are_judged_by_what_jax_says(monkeypatch, said, gpus, state, text):
    monkeypatch.setattr(doctor, "_asked", lambda program: (said, "boom"))
    monkeypatch.setattr(doctor, "gpus", lambda: gpus)
    each = doctor._devices()
    assert each.state == state and text in each.text
