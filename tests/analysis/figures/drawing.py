"""A figure on a canvas, to look at what was drawn."""

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from analysis.style import SETTINGS


def drawn(figure, numbers):
    """Return the canvas, drawn once, so that every label has its place."""
    canvas = Canvas()
    FigureCanvasAgg(canvas)
    with rc_context(SETTINGS):
        figure.draw(numbers, canvas)
        canvas.canvas.draw()
    return canvas


def words_of(canvas):
    """Return every text of a canvas and of its axes."""
    return [text.get_text() for text in [*canvas.texts, *(t for axes in canvas.axes for t in axes.texts)]]


def marks(axes, sign, *, hollow=None):
    """Return the places (x, y) of all marks of a kind; `hollow` keeps those without or with a filling."""
    lines = [line for line in axes.lines if line.get_marker() == sign]
    if hollow is not None:
        lines = [line for line in lines if (line.get_markerfacecolor() in ("none", "#ffffff")) == hollow]
    places = [(float(x), float(y)) for line in lines for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]
    return [(x, y) for x, y in places if x == x and y == y]  # what was not measured is drawn as NaN
