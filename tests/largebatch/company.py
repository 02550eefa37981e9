"""What an entry of a table needs beside it to be a run at all: a problem has its own network and loss."""

POINT = {"model": {"name": "point"}, "loss": "quadratic"}
COMPANY = {
    "least_squares": {"model": {"name": "linear"}, "loss": "half_squares"},
    "scalar_quadratics": POINT,
    "ill_conditioned": POINT,
    "noisy_quadratic": POINT | {"order": "with_replacement"},
    "point": {"dataset": {"name": "scalar_quadratics"}, "loss": "quadratic"},
    "linear": {"dataset": {"name": "least_squares"}, "loss": "half_squares"},
    "text": {"model": {"name": "transformer"}},
    "transformer": {"dataset": {"name": "text"}},
}
"""Name of an entry -> the rest of a run that fits it."""

OWN = {
    "cnn": {"channels": [7]},
    "resnet": {"depth": 44},
    "wide_resnet": {"depth": 28},
    "transformer": {"width": 8, "norm": {"scope": "none"}},
    "custom": {"path": "mine:other"},
    "point": {"initial": [0.5]},
    "ill_conditioned": {"train_size": 300},
    "noisy_quadratic": {"train_size": 64},
}
"""Name of an entry -> values for fields of which another entry has another kind."""

REFUSED = {
    "text": {"label_noise", "standardize", "sha256"},
    "least_squares": {"label_noise", "standardize"},
    **dict.fromkeys(
        ("scalar_quadratics", "ill_conditioned", "noisy_quadratic"), {"label_noise", "standardize", "validation_size"}
    ),
}
"""Name of an entry -> fields that it has with its kind, and that may not be changed (alone)."""
