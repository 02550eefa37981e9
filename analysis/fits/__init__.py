"""Curves fitted to a sweep's numbers, each with intervals and a word on whether the sweep can tell."""

from analysis.fits.branched import Branched, branched
from analysis.fits.growth import Growth, Growths, growth, growths
from analysis.fits.hyperbola import Hyperbola, hyperbola
from analysis.fits.power_law import Knee, PowerLaw, knee, power_law
from analysis.fits.regimes import Regimes, regimes

__all__ = [
    "Branched", "Growth", "Growths", "Hyperbola", "Knee", "PowerLaw", "Regimes", "branched", "growth", "growths",
    "hyperbola", "knee", "power_law", "regimes",
]  # fmt: skip
