"""The table of probes: from a name to the function that measures. What may be said of each is in the configuration."""

from collections.abc import Callable
from typing import Any

import numpy as np

from largebatch.probes.adaptive_sharpness import adaptive_sharpness
from largebatch.probes.average_sharpness import average_sharpness
from largebatch.probes.batch_sharpness import batch_sharpness
from largebatch.probes.confusion import confusion
from largebatch.probes.curvature import curvature
from largebatch.probes.estimate import Values
from largebatch.probes.gradient_noise import gradient_noise
from largebatch.probes.gradient_variance import gradient_variance
from largebatch.probes.mistakes import mistakes
from largebatch.probes.path import path
from largebatch.probes.problem import Problem
from largebatch.probes.reparametrization import reparametrization
from largebatch.probes.sharpness import sharpness
from largebatch.probes.spectrum import spectrum

PROBES: dict[str, Callable[[Any, Problem, np.random.Generator], Values]] = {
    "gradient_noise": gradient_noise,
    "gradient_variance": gradient_variance,
    "batch_sharpness": batch_sharpness,
    "sharpness": sharpness,
    "adaptive_sharpness": adaptive_sharpness,
    "average_sharpness": average_sharpness,
    "curvature": curvature,
    "spectrum": spectrum,
    "path": path,
    "confusion": confusion,
    "reparametrization": reparametrization,
    "mistakes": mistakes,
}
