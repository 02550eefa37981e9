"""The palette as the colour-blind see it, by published matrices, and the width that journals take."""

from itertools import combinations

import numpy as np
import pytest

from analysis.style import MARKERS, PALETTE, WIDTH, look_of

SEEN = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "nobody": np.eye(3).tolist(),
}
"""Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB."""
XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
"""IEC 61966-2-1, white D65."""


def linear(color):
    c = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """Return CIELAB of linear RGB (CIE 15:2004)."""
    t = np.array(XYZ) @ rgb / (np.array(XYZ) @ np.ones(3))
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def apart(a, b, sight):
    return float(np.linalg.norm(np.subtract(*(lab(np.clip(np.array(SEEN[sight]) @ linear(c), 0, 1)) for c in (a, b)))))


def test_black_and_white_are_a_hundred_apart_and_red_and_green_come_near_without_red_cones():
    assert apart("#000000", "#ffffff", "protanopia") == pytest.approx(100, abs=0.1)
    assert apart("#ff0000", "#8f7d00", "protanopia") < 0.2 * apart("#ff0000", "#8f7d00", "nobody")


@pytest.mark.parametrize("sight", SEEN)
def test_the_first_colours_are_told_apart_and_all_of_them_by_their_markers_too(sight):
    # 2.3 is a just noticeable difference (Mahy et al. 1994); thin lines want several.
    first = [apart(a, b, sight) for a, b in combinations(PALETTE[:5], 2)]
    assert min(first) > 15
    assert min(apart(a, b, sight) for a, b in combinations(PALETTE, 2)) > 10
    assert len({look_of(place)[1] for place in range(len(PALETTE))}) == len(MARKERS) == len(PALETTE)


@pytest.mark.parametrize("sight", SEEN)
def test_every_colour_is_seen_on_paper(sight):
    assert min(apart(color, "#ffffff", sight) for color in PALETTE) > 30


def test_a_figure_is_as_wide_as_two_columns_of_a_paper():
    # ICML's text is 6.75 inches wide; Nature takes at most 183 mm, Science 184 mm.
    assert WIDTH == 6.75 and WIDTH * 25.4 <= 183
