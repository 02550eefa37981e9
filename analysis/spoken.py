"""Names of fields as a reader says them."""

import re

MOST = 3
"""Fields of a label up to which all are said."""


def spoken(text: str) -> str:
    """Return words with the configuration's names as a reader says them: no section, no underscores, no idle `.0`.

    `dataset.label_noise 0.0` is `label noise 0`, and of `model.name mlp` the section is what tells it: `model mlp`.
    """
    text = re.sub(r"\b([a-z_]+)\.name\b", r"\1", text)
    text = re.sub(r"\b(?:[a-z_]+\.)+([a-z][a-z_0-9]*)\b", r"\1", text)
    return re.sub(r"(?<![\d.])(\d+)\.0(?![\d.])", r"\1", text).replace("_", " ")


def label_of(text: str) -> str:
    """Return what one figure of several is of, as `spoken`: of many fields those that are not set are left out."""
    parts = text.split(", ")
    return spoken(", ".join(part for part in parts if len(parts) <= MOST or not part.endswith(" none")))
