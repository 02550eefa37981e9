"""Fashion-MNIST on this machine: Debian's package, downloaded and unpacked without root, once per checkout."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

PACKAGE = "dataset-fashion-mnist"
INSTALLED = Path("/usr/share/datasets/fashion-mnist")
CACHE = Path(__file__).parents[1] / ".cache"


class UnavailableError(Exception):
    """The package cannot be had here; the message says why."""


def fetch_fashion_mnist(cache: Path = CACHE) -> Path:
    """Return the folder of the four files, unpacked in `cache` unless the package is installed."""
    kept = cache / "fashion-mnist"
    for folder in (INSTALLED, kept):
        if len(list(folder.glob("*-ubyte.gz"))) == 4:
            return folder
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise UnavailableError(f"{PACKAGE} is not installed, and there is no apt-get to download it with")
    cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        package = _download(Path(temporary))
        unpacked = Path(temporary) / "unpacked"
        subprocess.run(["dpkg-deb", "-x", package, unpacked], check=True)
        try:
            os.replace(unpacked / INSTALLED.relative_to("/"), kept)
        except OSError:  # another process was first
            if not kept.is_dir():
                raise
    return kept


def _download(folder: Path) -> Path:
    # Package lists of its own where the system has none: updating the system's takes root.
    private = [f"-oDir::State::lists={folder}/lists", f"-oDir::Cache={folder}/cache"]
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "cache" / "archives" / "partial").mkdir(parents=True)
    for commands in ([["download", PACKAGE]], [[*private, "update"], [*private, "download", PACKAGE]]):
        # Only the last command's outcome counts: an update may complain of one source and still serve.
        runs = [
            subprocess.run(["apt-get", "-q", *command], cwd=folder, capture_output=True, text=True, timeout=300)
            for command in commands
        ]
        found = list(folder.glob(f"{PACKAGE}_*.deb"))
        if runs[-1].returncode == 0 and found:
            return found[0]
    raise UnavailableError(f"apt-get download {PACKAGE} failed: {runs[-1].stderr.strip()[-300:]}")


@pytest.fixture(scope="session")
def fashion_mnist_folder() -> Path:
    """The folder of Fashion-MNIST's files; tests that need it are skipped where it cannot be had, and fail in CI."""
    try:
        return fetch_fashion_mnist()
    except UnavailableError as reason:
        if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))


@pytest.fixture
def fashion_mnist(fashion_mnist_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder, with LARGEBATCH_DATA set to it."""
    monkeypatch.setenv("LARGEBATCH_DATA", str(fashion_mnist_folder))
    return fashion_mnist_folder
