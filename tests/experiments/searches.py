"""A small search on digits, as a file that tests change."""

RATE = "  learning_rate: {search: log_uniform, low: 0.01, high: 3}"
TEXT = f"""\
question: q
base:
  dataset: {{name: digits, train_size: 256, validation_size: 64}}
  model: {{name: mlp, widths: [4]}}
  budget: {{epochs: 2}}
  evaluate: {{points: 3}}
axes:
  batch_size: [16, full]
{RATE}
seeds: 1
search:
  count: 5
"""


def write(tmp_path, text=TEXT):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path
