"""Linear regression on Gaussian inputs: the minimiser of the training loss is known.

As in `synthetic`, each part has streams of its own, so that its first examples are the
same whatever its size, and noise moves targets without moving inputs.
"""

import numpy as np
from jaxtyping import Float32, Float64

from largebatch.config.convex import LeastSquares
from largebatch.datasets.data import Parts, checksum
from largebatch.sampling import generator


def load(options: LeastSquares, seed: int) -> Parts:
    """Return inputs a ~ N(0, H), float32[n, d], and targets a.w + noise, float64[n]; another seed is another w and H.

    `minimiser` is that of the mean of (a.w - b)^2 / 2 over the training set, the shortest where there are many.
    """
    root, weights = covariance_root(options, seed), teacher(options, seed)

    def draw(part: str, size: int) -> tuple[Float32[np.ndarray, "n features"], Float64[np.ndarray, " n"]]:
        x = generator(f"least_squares_{part}", seed, 0).standard_normal((size, options.features)) @ root
        noise = generator(f"least_squares_{part}_noise", seed, 0).standard_normal(size)
        x = x.astype(np.float32)
        return x, x.astype(np.float64) @ weights + options.noise * noise

    train_x, train_y = draw("train", options.train_size)
    validation_x, validation_y = draw("validation", options.validation_size)
    test_x, test_y = draw("test", options.test_size)
    minimiser = np.linalg.lstsq(train_x.astype(np.float64), train_y)[0]
    minimum = 0.5 * np.mean((train_x @ minimiser - train_y) ** 2)
    return Parts(
        train_x=train_x, train_y=train_y, identity=np.arange(options.train_size), validation_x=validation_x,
        validation_y=validation_y, test_x=test_x, test_y=test_y, classes=1,
        checksum=checksum([train_x, train_y, validation_x, validation_y, test_x, test_y]),
        minimum=float(minimum), minimiser=minimiser,
    )  # fmt: skip


def covariance_root(options: LeastSquares, seed: int) -> Float64[np.ndarray, "features features"]:
    """Return R with H = R^T R: eigenvalues from 1 down to 1 / condition in equal ratios, axes turned at random."""
    d = options.features
    eigenvalues = options.condition ** -np.linspace(0.0, 1.0, d)
    axes, _ = np.linalg.qr(generator("least_squares_axes", seed, 0).standard_normal((d, d)))
    return np.sqrt(eigenvalues)[:, None] * axes.T


def teacher(options: LeastSquares, seed: int) -> Float64[np.ndarray, " features"]:
    """Return the weights that the targets are made with, of expected squared length 1."""
    return generator("least_squares_teacher", seed, 0).standard_normal(options.features) / np.sqrt(options.features)
