"""Figures by name: each turns results into plain numbers, and plain numbers into ink.

Importing this table is cheap: pandas and matplotlib come with the first figure made.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from analysis.figures.options import Options
    from analysis.load import Results

Numbers = dict[str, Any]
Entry = str | Mapping[str, Any]
"""What an experiment asks for: a figure's name, or a mapping of `name` and its options."""
ARMS = "*"
"""In `KNOWN`: whatever else varies is drawn as lines of one figure, up to `MOST_ARMS` of the module or this one."""
MOST_ARMS = 7
WHOLE = "**"
"""In `KNOWN`: the figure is of the experiment as a whole and averages over no field, so that none splits it."""


@dataclass(frozen=True)
class Figure:
    """One entry: a module with the functions below, imported when first used.

    Its `KNOWN` names the fields that the figure itself shows; it refuses to average over others.
    Its `Options`, if it has more than every figure, are what an experiment may say; `prepare` then takes them too.
    Where it has no `draw`, that is in `<module>_ink`, which alone needs matplotlib.
    """

    name: str
    summary: str
    module: str

    @property
    def _own(self) -> ModuleType:
        return import_module(self.module)

    def prepare(self, results: "Results", options: Mapping[str, Any] | None = None) -> Numbers:
        """Return what is to be drawn as plain, JSON-able numbers; None means not measured.

        Where the records lack what the figure shows, the numbers say why under `cannot`, and so do drawing,
        caption and table.

        Args:
            results: an experiment's runs.
            options: as the experiment states them; the numbers repeat them under `options`.

        Raises:
            ValueError: a field varies that the figure does not show, or an option is none of the figure's.
        """
        if others := self._splitting(results):
            raise ValueError(
                f"{self.name} would average over {', '.join(others)}; draw one figure for each value (`combinations`)"
            )
        from analysis.figures.describe import CannotDraw, conditions

        chosen = self.options.model_validate(dict(options or {}))
        try:
            numbers = self._own.prepare(results, *[chosen] * hasattr(self._own, "Options"))
        except CannotDraw as error:
            numbers = {"figure": self.name, **conditions(results), "cannot": str(error)}
        return {**numbers, "options": chosen.given()}

    def draw(self, numbers: Mapping[str, Any], canvas: "Canvas") -> None:
        """Draw the numbers of `prepare` on an empty matplotlib figure, and set its size.

        Whoever writes it to a file does that within `analysis.style.settings_of` its numbers too.
        """
        from matplotlib import rc_context

        from analysis.style import SIZES, WIDTH, settings_of, size_of

        with rc_context(settings_of(numbers)):
            canvas.set_figwidth(SIZES[size] if (size := size_of(numbers)) else WIDTH)
            self._draw(numbers, canvas)

    def _draw(self, numbers: Mapping[str, Any], canvas: "Canvas") -> None:
        if why := numbers.get("cannot"):
            from analysis.figures.sheets import in_words

            in_words(canvas, numbers, self.summary[:1].upper() + self.summary[1:], f"Not drawn: {why}.")
            return
        ink = self._own if hasattr(self._own, "draw") else import_module(f"{self.module}_ink")
        ink.draw(numbers, canvas)

    def caption(self, numbers: Mapping[str, Any]) -> str:
        """Return how to read the figure, in words that also stand in for it."""
        why = numbers.get("cannot")
        if why:
            return f"Not drawn: {why}."
        # Modules speak of several seeds and batch sizes; one of them is said as one.
        said = re.sub(r"\b1 seeds\b", "one seed", str(self._own.caption(numbers)))
        return re.sub(r"dark to light from (?:B = )?([\d,]+) to \1\b", r"B = \1", said)

    def table(self, numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
        """Return the main numbers in words, as (header, rows), for those who cannot see the figure."""
        if why := numbers.get("cannot"):
            return ["not drawn, because"], [[why]]
        header, rows = self._own.table(numbers)
        return header, rows

    @property
    def known(self) -> tuple[str, ...]:
        """The fields that the figure shows."""
        known: tuple[str, ...] = self._own.KNOWN
        return known

    @property
    def options(self) -> "type[Options]":
        """The model of what an experiment may say about the figure."""
        from analysis.figures.options import Options

        found: type[Options] = getattr(self._own, "Options", Options)
        return found

    def _splitting(self, results: "Results") -> list[str]:
        """Return the fields of which each value needs a figure of its own."""
        from analysis.gap import as_text, varying

        if WHOLE in self.known:
            return []
        runs = results.runs
        others = varying(runs, [name for name in self.known if name != ARMS], results.fields)
        if ARMS not in self.known:
            return others
        lines: list[str] = []
        most = getattr(self._own, "MOST_ARMS", MOST_ARMS)
        for name in sorted(others, key=lambda name: name != "scaling_rule"):
            if len(runs[[*lines, name]].apply(as_text).drop_duplicates()) <= most:
                lines.append(name)
        return [name for name in others if name not in lines]

    def combinations(self, results: "Results") -> Iterator[tuple[str, "Results"]]:
        """Yield (label, results) for each combination of values of the fields that the figure does not show.

        Where there are none, the label is empty and the results are all of them.
        """
        from analysis.gap import as_text

        others = self._splitting(results)
        if not others:
            yield "", results
            return
        keys = results.runs[others].apply(as_text).agg(", ".join, axis=1)
        for _, group in keys.groupby(keys, sort=False):
            values = results.runs.loc[group.index[0], others]
            label = ", ".join(f"{name} {_shown(values[name])}" for name in others)
            yield label, results.only(results.runs.index.isin(group.index))


FIGURES: dict[str, Figure] = {
    name: Figure(name, summary, f"analysis.figures.{name}")
    for name, summary in (
        ("gap_vs_batch", "test and train error, gap and train loss against batch size"),
        ("curves", "train loss and test error over the run, one line a batch size"),
        ("budget_flip", "test error, gap and train loss against batch size under every budget"),
        ("steps_to_target", "updates to a target against batch size, with its three regimes"),
        ("critical_batch", "updates against examples to a target, and the critical batch size"),
        ("pareto", "examples against updates to a target, one curve a target"),
        ("time_to_target", "seconds to a target against batch size"),
        ("throughput_vs_batch", "examples a second against batch size"),
        ("optimal_learning_rate", "the best learning rate against batch size, with the power that it follows"),
        ("rate_batch_heatmap", "error and train loss over batch size and learning rate"),
        ("remedies", "paired difference of every arm to a reference, sorted, with the train loss beside it"),
        ("order_rates", "how the error falls with epochs, updates or examples, one line an order"),
        ("sharpness_vs_batch", "test error and sharpness against batch size"),
        ("sharpness_vs_gap", "sharpness against the gap, coloured by learning rate"),
        ("noise_scale", "gradient noise scale along training and against the loss"),
        ("spectrum", "spectrum of the Hessian at the start and at the end, by batch size"),
        ("distance", "distance from initialization along training, and the law that it follows"),
        ("region_of_confusion", "share of examples that agree with the full gradient along training"),
        ("gradient_variance", "variance of the gradient of a batch against its size"),
        ("edge_of_stability", "top eigenvalue along training beside the largest stable one"),
        ("interpolation", "loss and error on the way from one run's weights to another's"),
        ("landscape", "loss on a plane through a run's weights, with the path that led there"),
        ("critical_batch_methods", "the critical batch size by three methods, side by side"),
    )
}


def asked(entry: Entry) -> tuple[Figure, dict[str, Any]]:
    """Return the figure that an entry of an experiment's `figures` asks for, and its options.

    Raises:
        KeyError: there is no such figure.
    """
    said = {"name": entry} if isinstance(entry, str) else dict(entry)
    return FIGURES[said.pop("name")], said


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return "none" if math.isnan(value) else f"{value:g}"
    return str(value).lower() if value is None else str(value)
