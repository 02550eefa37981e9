"""A measurement of no time with the interface of `sweeps.speed.measure`; the learning rate tells what happens."""

import os
import signal
import time

from sweeps.calibration import Speed

MEASURING = f"{__name__}:measure"


def measure(trial, seconds):
    if trial.config.learning_rate == 1.0:
        os.kill(os.getpid(), signal.SIGKILL)
    if trial.config.learning_rate == 2.0:
        time.sleep(600)
    return Speed(100.0 * trial.width, None, seconds, f"pid {os.getpid()}")
