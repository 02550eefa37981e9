"""CIFAR-10 and CIFAR-100: 32x32 photographs from the official archives, checked against their published checksums.

The Python version is read from its archive or unpacked, the binary version from its
archive; the hub's tables come last. A pickle is read by a reader that admits three
names of NumPy and nothing else, so that no file can run anything.
"""

from functools import lru_cache

import numpy as np

from largebatch.config.datasets import Dataset
from largebatch.datasets import cache, hub
from largebatch.datasets.cifar_files import FORMS, PAGE, SOURCES, Images, Source
from largebatch.datasets.data import DataError, Parts, Pool
from largebatch.datasets.places import given
from largebatch.datasets.split import divide

_ARRAYS = ("x", "y", "x_test", "y_test")


def load(options: Dataset, seed: int) -> Parts:
    """Return the set named by the options, inputs in [0, 1], [n, 32, 32, 3]; test is the official 10,000.

    Labels of CIFAR-100 are the fine ones.

    Raises:
        DataError: the files are nowhere to be found, damaged, or not the official ones.
    """
    return divide(_pool(options.name, tuple(map(str, given(options.name)))), options, seed)


@lru_cache(maxsize=1)
def _pool(name: str, places: tuple[str, ...]) -> Pool:
    # `places` is here for the cache: another data folder is another pool.
    source = SOURCES[name]
    (x, y), (x_test, y_test) = _on_disk(source) or _from_the_hub(source, list(places))
    return Pool(x, y, classes=source.classes, scale=255.0, test_inputs=x_test, test_labels=y_test)


def _on_disk(source: Source) -> tuple[Images, Images] | None:
    for place in given(source.name):
        for file, read in FORMS.items():
            path = place / getattr(source, file)
            if path.exists():
                return read(path, source)
    return None


def _from_the_hub(source: Source, places: list[str]) -> tuple[Images, Images]:
    kept = cache.folder() / f"{source.name}.npz"
    arrays = cache.read(kept, _ARRAYS)
    if arrays is None:
        download = hub.downloader()
        if download is None:
            raise DataError(_nowhere(source, [*places, str(kept)]))
        read = [
            hub.unpack(
                hub.fetch_table(source.repository, file, sha256=sha256, download=download),
                image="img", label=source.column,
            )
            for file, sha256 in source.tables.items()
        ]  # fmt: skip
        arrays = dict(zip(_ARRAYS, [array for pair in read for array in pair], strict=True))
        cache.keep(kept, arrays, f"{source.title} is unpacked again")
    return (arrays["x"], arrays["y"].astype(np.int32)), (arrays["x_test"], arrays["y_test"].astype(np.int32))


def _nowhere(source: Source, places: list[str]) -> str:
    return (
        f"{source.title} was not found in {', '.join(places)}. Three ways to get it: "
        f"1. put {source.archive} or {source.binary} from {PAGE} in a folder and set LARGEBATCH_DATA to it; "
        f"2. put the unpacked folder {source.folder} there; "
        "3. pip install 'largebatch[hub]', which downloads it once"
    )
