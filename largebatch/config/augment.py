"""Random views of images that are drawn anew at each visit; off unless asked for."""

from largebatch.config.base import NonNegativeInt, Strict


class Augment(Strict):
    """What is drawn for each example at each update, from its own key."""

    flip: bool = False
    """Mirror the image from left to right with probability 1/2."""
    crop: NonNegativeInt = 0
    """Pad with this many zeros on each side and cut a random window of the old size; 0 leaves images whole."""
