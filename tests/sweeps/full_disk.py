"""A disk that is full but for some records, where a file system of its own may be mounted."""

import subprocess
from contextlib import contextmanager


@contextmanager
def full_disk(place):
    """Mount it at a new folder and yield what makes room on it; None where that is not allowed."""
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", place], capture_output=True).returncode:
        yield None
        return
    try:
        yield lambda: subprocess.run(["mount", "-o", "remount,size=16m", place], check=True)
    finally:
        subprocess.run(["umount", "-l", place], check=True)
