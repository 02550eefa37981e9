"""The columns of a run's history and of its clock: name, unit, dtype and meaning of each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column of a run's history: its name, unit, numpy dtype and meaning."""

    name: str
    unit: str
    dtype: str
    meaning: str


HISTORY = (
    Column("update", "updates", "int64", "optimizer steps taken when measured"),
    Column("epoch", "epochs", "float64", "passes over the training set"),
    Column("examples", "examples", "int64", "training examples processed, repeats counted"),
    Column("learning_rate", "1", "float64", "rate of the last update"),
    Column("train_loss", "nats or 1", "float64", "mean loss, full training set, evaluation mode"),
    Column("train_error", "fraction", "float64", "misclassified, against the given labels"),
    Column("train_error_true", "fraction", "float64", "misclassified, against the labels before label noise"),
    Column("validation_loss", "nats or 1", "float64", "mean loss, full validation set"),
    Column("validation_error", "fraction", "float64", "misclassified validation examples"),
    Column("test_loss", "nats or 1", "float64", "mean loss, full test set"),
    Column("test_error", "fraction", "float64", "misclassified test examples"),
    Column("loss_gap", "nats or 1", "float64", "test_loss - train_loss"),
    Column("error_gap", "fraction", "float64", "test_error - train_error"),
    Column("memorized", "fraction", "float64", "of the training labels that noise changed, those predicted as given"),
    Column("running_train_loss", "nats or 1", "float64",
           "mean loss of the batches since the last row, training mode"),
    Column("gradient_norm", "1", "float64", "norm of the last update's gradient, before clipping"),
    Column("weight_norm", "1", "float64", "norm of all parameters"),
    Column("distance", "1", "float64", "norm of parameters minus initial parameters"),
)  # fmt: skip
TIMING = (
    Column("update", "updates", "int64", "optimizer steps taken when measured"),
    Column("seconds", "s", "float64", "wall clock since the pack's first update, compilation excluded"),
    Column("training_seconds", "s", "float64", "the part of it spent in updates"),
    Column("evaluation_seconds", "s", "float64", "the part of it spent in evaluation"),
)
