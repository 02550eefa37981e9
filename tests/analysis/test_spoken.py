import pytest

from analysis.spoken import label_of, spoken


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dataset.label_noise 0.0", "label noise 0"),
        ("model.name mlp, budget.until.train_loss 0.05", "model mlp, train loss 0.05"),
        ("test_error, batch_size full − 16.0 at 1.05", "test error, batch size full − 16 at 1.05"),
        ("sgd, lr 10.0.", "sgd, lr 10.0."),
    ],
)
def test_names_lose_their_section_and_numbers_their_idle_digit(text, words):
    assert spoken(text) == words


def test_a_label_of_many_fields_leaves_out_those_that_are_not_set():
    many = "model.widths [200, 200], sam.rho none, label_smoothing 0.1, local.workers none"
    assert label_of(many) == "widths [200, 200], label smoothing 0.1"
    assert label_of("model.name mlp, sam.rho none") == "model mlp, rho none"
