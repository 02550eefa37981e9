"""Every figure on other people's results: drawn of what they measured, or told in words what they did not."""

import json

import pytest
from matplotlib.figure import Figure as Canvas

from analysis.exchange import read_foreign
from analysis.exchange.imported import write_imported
from analysis.figures import FIGURES
from analysis.load import load
from tests.analysis.exchange.test_batch_science import STUDY, TABLE
from tests.analysis.exchange.test_weights_and_biases import folder

RATES, BATCHES = (0.05, 0.1, 0.2), (64, 256, 1024)
LACKING = {
    "time_to_target": "timings", "throughput_vs_batch": "timings", "order_rates": "budget.updates",
    "sharpness_vs_batch": "sharpness",
    "sharpness_vs_gap": "sharpness", "noise_scale": "gradient_noise", "spectrum": "spectrum", "distance": "distance",
    "region_of_confusion": "confusion", "gradient_variance": "gradient_variance", "edge_of_stability": "curvature",
    "interpolation": "interpolation", "landscape": "landscape", "critical_batch_methods": "target",
}  # fmt: skip


def studies(root):
    """Write three batch sizes with three rates each, as `batch_science` lays them out."""
    for batch in BATCHES:
        for number, rate in enumerate(RATES, 1):
            trial = root / f"cifar_10/resnet_8/momentum/{batch}/{number}"
            trial.mkdir(parents=True)
            (trial.parent / "study.json").write_text(json.dumps(STUDY | {"batch_size": batch}))
            said = {"status": "COMPLETE", "steps": 600, "trial_id": number, "parameters": {"learning_rate": rate}}
            (trial / "metadata.json").write_text(json.dumps(said))
            (trial / "measurements.csv").write_text(TABLE.replace("0.8,0.2,", f"0.8,{0.1 + rate},"))
    return root


def logged(root):
    """Write three batch sizes with three rates each, as objects of W&B."""
    runs, history = [], []
    for batch in BATCHES:
        for rate in RATES:
            name = f"{batch}-{rate}"
            config = {"batch_size": batch, "lr": rate, "train_size": 2048, "dataset": "cifar", "model": "vgg"}
            runs.append({"id": name, "state": "finished", "config": config})
            for step in range(0, 21, 4):
                accuracy = {
                    "val_acc": 0.2 + rate + step / 40,
                    "test_acc": 0.2 + step / 50,
                    "train_acc": 0.3 + step / 50,
                }
                loss = {"train_loss": 2.0 / (1 + step), "val_loss": 1.0, "test_loss": 1.0}
                history.append({"run_id": name, "_step": step, **accuracy, **loss})
    return folder(root, runs_json=runs, history_json=history)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """Both, imported."""
    root, found = tmp_path_factory.mktemp("theirs"), {}
    for name, made in (("batch_science", studies), ("wandb", logged)):
        write_imported(read_foreign(made(root / name), format=name), root / f"{name}_in", question="?", figures=[])
        found[name] = load(root / f"{name}_in")
    return found


@pytest.mark.parametrize("form", ["batch_science", "wandb"])
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_drawn_or_says_what_was_not_measured(theirs, form, name):
    figure = FIGURES[name]
    for _, part in figure.combinations(theirs[form]):
        numbers = figure.prepare(part)
        figure.draw(numbers, Canvas())
        assert figure.table(numbers)[1] and json.dumps(numbers, allow_nan=False)
        assert figure.caption(numbers).startswith("Not drawn: ") == ("cannot" in numbers) == (name in LACKING)
        assert LACKING.get(name, "") in numbers.get("cannot", "")
