"""How the distance from initialization grows: log t, a power of t, or its root (Hoffer et al. 2017), by AIC."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analysis.intervals import Interval, mean_interval

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


@dataclass(frozen=True)
class Growths:
    """The laws over several seeds, each curve fitted by itself.

    Attributes:
        over_power: AIC of the power law minus that of the logarithm; above 0 the logarithm describes the curves better.
        over_sqrt: AIC of the square root minus that of the logarithm.
        exponent: of the power law.
        slope: of the logarithm, in units of y for each factor e in t.
        decades: decades of t that the shortest curve saw.
    """

    over_power: Interval
    over_sqrt: Interval
    exponent: Interval
    slope: Interval
    decades: float


def growths(curves: Sequence[tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]]) -> Growths:
    """Return how several curves grow, with Student's intervals over them.

    The points of one curve hang together, so that an interval from one fit alone would be too short; seeds do not.

    Args:
        curves: (t, y) of each seed, as `growth` takes them.

    Raises:
        ValueError: there is no curve, or `growth` refuses one.
    """
    if not curves:
        raise ValueError("laws of growth need a curve or more, got none")
    found = [growth(t, y) for t, y in curves]
    slopes = [float(np.polyfit(np.log(t), y, 1)[0]) for t, y in curves]
    return Growths(
        over_power=mean_interval(np.array([each.advantage("log", "power") for each in found])),
        over_sqrt=mean_interval(np.array([each.advantage("log", "sqrt") for each in found])),
        exponent=mean_interval(np.array([each.exponent for each in found])),
        slope=mean_interval(np.array(slopes)),
        decades=min(each.decades for each in found),
    )


def _straight(x: np.ndarray, y: np.ndarray) -> float:
    dx, dy = x - x.mean(), y - y.mean()
    return float(((dy - dx * (dx @ dy) / max(dx @ dx, 1e-300)) ** 2).sum())
