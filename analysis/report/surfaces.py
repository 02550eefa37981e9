"""The loss surfaces of the figure `landscape`, as the page's script shows them in three dimensions."""

import math
from collections.abc import Mapping
from typing import Any

from analysis.report.markup import data


def surfaces(numbers: Mapping[str, Any]) -> str:
    """Return a figure's surfaces for the script; nothing if it has none.

    Args:
        numbers: of a figure; `landscape` keeps its grids under `surfaces`.
    """
    views = [_view(surface) for surface in numbers.get("surfaces", ())]
    return data(views, kind="surfaces") if views else ""


def _view(surface: Mapping[str, Any]) -> dict[str, Any]:
    """Return label, x [k], y [m], z [k][m], path [[x, y, z], ...] and the names of the three; None where not finite."""
    part = surface["parts"][0]
    shares = surface.get("explained")
    names = [f"component {i + 1} ({share:.0%})" for i, share in enumerate(shares)] if shares else []
    x, y = names or ["first direction", "second direction"]
    path = surface["path"]
    places = [[*xy, loss] for xy, loss in zip(path["xy"], path["train_loss"], strict=True) if loss is not None]
    return {
        "label": f"{surface['setting']}, seed {surface['seed']}",
        "x": list(surface["x"]),
        "y": list(surface["y"]),
        "z": [[_finite(value) for value in row] for row in surface[f"{part}_loss"]],
        "path": places if part == "train" else [],
        "names": {"x": x, "y": y, "z": f"{part} loss"},
    }


def _finite(value: Any) -> Any:
    return None if value is None or not math.isfinite(value) else value
