"""Random views of images that are drawn anew at each visit; off unless asked for."""

from largebatch.config.base import NonNegativeInt, Strict


class Augment(Strict):
    """Random flips and crops of each image at each visit, from its own key (He et al. 2016)."""

    flip: bool = False
    """Mirror the image from left to right with probability 1/2."""
    crop: NonNegativeInt = 0
    """Pad with this many zeros on each side and cut a random window of the old size; 0 leaves images whole."""
