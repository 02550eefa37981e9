"""Small fixed results of which every figure is really drawn, and the numbers drawn then: `golden/<figure>.json`.

To renew them after a change that is meant: `python -m tests.analysis.figures.golden`, and read the difference.
"""

import json
import re
import tempfile
from pathlib import Path

import numpy as np

from analysis.figures import FIGURES
from analysis.figures.files import save
from analysis.load import load
from tests.analysis.figures import test_comparisons, test_landscapes, test_odd_probes, test_rates
from tests.analysis.figures.reaching import rows, wobble
from tests.analysis.records_on_disk import sweep

KEPT = Path(__file__).parent / "golden"
DIGITS = 5
TARGETS = ("gap_vs_batch", "curves", "budget_flip", "steps_to_target", "critical_batch", "pareto", "time_to_target",
           "throughput_vs_batch", "critical_batch_methods")  # fmt: skip
RATES = ("optimal_learning_rate", "rate_batch_heatmap")
OPTIONS = {"pareto": {"targets": [{"train_loss": 0.4}, {"train_loss": 0.1}]}}


def reached(point):
    steps = 20.0 * (1 + 64 / point["batch_size"]) * wobble(point)
    told = {"updates_to_target": steps, "target_reached": True}
    return {"rows": rows(steps, 3_000, test_error=0.2 + 0.01 * point["seed"]), "summary": told}


def folders(root):
    """Write all results below a folder; return figure -> the folder of an experiment."""
    until = {"budget": {"updates": 3_000, "until": {"train_loss": 0.1}}}
    targets = sweep(root / "targets", reached, {"batch_size": [8, 32, 128, 512, 1024]}, seeds=2, base=until)
    rates = sweep(root / "rates", test_rates.fate,
                  {"batch_size": test_rates.BATCHES, "learning_rate": test_rates.RATES}, seeds=2)  # fmt: skip
    found = dict.fromkeys(TARGETS, targets) | dict.fromkeys(RATES, rates)
    found["remedies"] = test_comparisons.forest(root / "remedies").folder
    found["order_rates"] = test_comparisons.orders(
        root / "orders", test_comparisons.excess, test_comparisons.LENGTHS
    ).folder
    for name, (probes, fate) in test_odd_probes.CASES.items():
        base = {"budget": {"updates": 3000}, "probes": probes}
        found[name] = sweep(root / name, fate, {"batch_size": [16, 1024]}, seeds=2, base=base)
    landscapes = test_landscapes.landscapes(root / "landscapes")
    return found | dict.fromkeys(("interpolation", "landscape"), landscapes)


def drawn(found, folder):
    """Draw every figure into a folder, and return its numbers with how many marks of each kind the SVG has."""
    numbers = {}
    for name, figure in FIGURES.items():
        results = load(found[name])
        (_, part), *_ = figure.combinations(results)
        numbers[name] = figure.prepare(part, OPTIONS.get(name))
        svg = save(figure, numbers[name], folder).read_text()
        kinds = sorted(re.findall(r'<g id="(axes|line2d|text|PathCollection|FillBetween\w*)_\d+"', svg))
        numbers[name] = {"numbers": numbers[name], "svg": {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}}
    return numbers


def rounded(value):
    """Return numbers to five digits, and names of runs by their place, for a digest is made of the configuration."""
    if isinstance(value, dict):
        return {str(key): rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.{DIGITS}g}")
    return value


def renew():
    """Write all numbers anew."""
    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        for name, numbers in drawn(folders(Path(place)), Path(place) / "drawn").items():
            text = json.dumps(rounded(numbers), separators=(",", ":"), allow_nan=False)
            (KEPT / f"{name}.json").write_text(text.replace('],"', '],\n"').replace("},{", "},\n{") + "\n")


if __name__ == "__main__":
    renew()
