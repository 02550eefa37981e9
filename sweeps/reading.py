"""What goes wrong where an experiment's folder is read, as a sweep's refusal. No jax here."""

from collections.abc import Iterator
from contextlib import contextmanager

from largebatch.records import RecordError
from largebatch.storage import Folder
from sweeps import SweepError


@contextmanager
def reading(folder: Folder) -> Iterator[None]:
    """Read what lies in an experiment's folder.

    Raises:
        SweepError: the folder cannot be read, or a record in it is torn.
    """
    try:
        yield
    except OSError as error:
        raise SweepError(f"{folder} cannot be read: {error}; choose another --results folder") from error
    except RecordError as error:
        raise SweepError(str(error)) from error
