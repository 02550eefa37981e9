import pytest

from analysis.spoken import spoken


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
