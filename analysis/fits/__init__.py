"""Curves fitted to a sweep's numbers, each with intervals and a word on whether the sweep can tell."""

from analysis.fits.growth import Growth, growth
from analysis.fits.hyperbola import Hyperbola, hyperbola
from analysis.fits.power_law import Knee, PowerLaw, knee, power_law
from analysis.fits.regimes import Regimes, regimes

__all__ = ["Growth", "Hyperbola", "Knee", "PowerLaw", "Regimes", "growth", "hyperbola", "knee", "power_law", "regimes"]
