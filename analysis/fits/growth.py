"""How the distance from initialization grows: log t, a power of t, or its root (Hoffer et al. 2017), by AIC."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LAWS = ("log", "power", "sqrt")
EXPONENTS = np.linspace(0.01, 1.5, 299)


@dataclass(frozen=True)
class Growth:
    """Three laws beside each other.

    Attributes:
        aic: law -> n log(RSS / n) + 2 k (Akaike 1974); smaller is better, and below 2 apart they cannot be told apart.
        determination: law -> R^2.
        exponent: p of the power law.
        best: the law with the smallest AIC.
        decades: decades of t that were seen; below 3 a small power and a logarithm look alike.
    """

    aic: dict[str, float]
    determination: dict[str, float]
    exponent: float
    best: str
    decades: float

    def advantage(self, law: str, over: str) -> float:
        """Return by how much the AIC of `law` is smaller than that of `over`."""
        return self.aic[over] - self.aic[law]


def growth(t: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> Growth:
    """Return how well y = a + b log t, y = b t^p and y = a + b sqrt(t) describe a curve, each by least squares.

    All three have two parameters besides the noise. Points of one curve are not
    independent, so the differences rank the laws and are no test.

    Args:
        t: updates, above 0, log-spaced, 4 or more.
        y: the distance, any unit.

    Raises:
        ValueError: a t is not above 0, a value is not finite, or fewer than 4 points.
    """
    t, y = np.asarray(t, float), np.asarray(y, float)
    if len(t) < 4:
        raise ValueError(f"laws of growth need 4 points or more, got {len(t)}")
    if not ((t > 0) & np.isfinite(t) & np.isfinite(y)).all():
        raise ValueError("laws of growth need finite values and updates above 0; leave out the start at update 0")
    powers = t ** EXPONENTS[:, None]
    scales = powers @ y / (powers**2).sum(axis=1)
    sums = ((y - scales[:, None] * powers) ** 2).sum(axis=1)
    best = int(np.argmin(sums))
    rss = {"log": _straight(np.log(t), y), "power": float(sums[best]), "sqrt": _straight(np.sqrt(t), y)}
    n, total = len(t), float(((y - y.mean()) ** 2).sum())
    aic = {law: float(n * np.log(max(value, 1e-300) / n) + 6) for law, value in rss.items()}
    return Growth(
        aic=aic,
        determination={law: 1 - value / total if total > 0 else 1.0 for law, value in rss.items()},
        exponent=float(EXPONENTS[best]),
        best=min(LAWS, key=lambda law: aic[law]),
        decades=float(np.log10(t.max() / t.min())),
    )


def _straight(x: np.ndarray, y: np.ndarray) -> float:
    dx, dy = x - x.mean(), y - y.mean()
    return float(((dy - dx * (dx @ dy) / max(dx @ dx, 1e-300)) ** 2).sum())
