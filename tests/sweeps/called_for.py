"""Functions that workers are told to call; the task says what happens."""

import os
import signal

DOUBLED = f"{__name__}:doubled"


def doubled(task):
    """Return twice a number; raise for a negative one; kill the worker once, or always, where a file is named."""
    number, mark = task
    if mark and not mark.exists():
        if number:
            mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if number < 0:
        raise ValueError(f"{number} is negative")
    return 2 * number, os.getpid()
