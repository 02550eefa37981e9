"""The words of a claim: what may be measured, reduced and compared. Cheap to import."""

from dataclasses import dataclass

from largebatch.records import HISTORY

WORSE = (
    "update", "epoch", "examples", "seconds", "train_loss", "train_error", "train_error_true", "validation_loss",
    "validation_error", "test_loss", "test_error", "loss_gap", "error_gap", "running_train_loss", "excess_loss",
)  # fmt: skip
"""Measures of which more is worse: a run without a number ranks above every other. Of the rest it is unknown."""

PROBES = {
    "noise_scale": "tr(Sigma) / |G|^2 (McCandlish et al. 2018)",
    "noise_scale_two_batch": "its estimate from gradients of two batch sizes (McCandlish et al. 2018, appendix A.1)",
    "squared_gradient": "squared norm of the gradient over the whole training set",
    "sharpness": "metric 2.1, full space (Keskar et al. 2017)",
    "sharpness_subspace": "metric 2.1, random subspace of 100 dimensions (Keskar et al. 2017)",
    "adaptive_sharpness": "sharpness relative to the weights' own size (Kwon et al. 2021)",
    "filter_normalised_sharpness": "rise of the loss along filter-normalised directions (Li et al. 2018)",
    "m_sharpness": "rise in the worst direction of m examples, averaged (Foret et al. 2021)",
    "flatness": "mean rise of the loss under Gaussian noise on the weights (Wu et al. 2020)",
    "interpolated_rise": "curvature of the loss towards the other run of a pair (Li et al. 2018, figure 2)",
    "rise_at_large": "loss a step beyond the large-batch end of the line between two runs, minus at it (Keskar et al.)",
    "rise_at_small": "loss a step beyond the small-batch end, minus at it (Keskar et al. 2017, figure 3)",
    "batch_sharpness": "curvature of batches along their own gradients (Andreyev & Beneventano 2024)",
    "lambda_max": "largest eigenvalue of the Hessian",
    "lambda_min": "smallest eigenvalue of the Hessian",
    "spectral_ratio": "largest over fifth eigenvalue of the Hessian (Foret et al. 2021, figure 3)",
    "hessian_trace": "trace of the Hessian",
    "stability": "lambda_max over 2 / rate, or that of momentum; 1 at the edge of stability (Cohen et al. 2021)",
    "gradient_variance": "trace of the covariance of the gradient of the smallest batch that the probe draws",
    "gradient_variance_slope": "log-log slope of the variance of a batch's gradient against its size",
    "sign_agreement": "fraction of component gradients that agree in sign with the full gradient (Bertsekas 2016)",
    "stationary_variance": "variance of the iterates once they only fluctuate",
    "excess_loss": "loss minus its minimum, for problems that know it",
    "output_change": "largest change of a logit by a reparametrization (Dinh et al. 2017)",
}
"""Measurements beyond the history that a claim may be about, with their source."""

HISTORIES = tuple(c.name for c in HISTORY if c.name not in ("learning_rate", "memorized"))
MEASURES = (*HISTORIES, "memorized", "seconds", *PROBES)

DERIVED = ("peak_rate", "rate_per_example")
"""Axes made of configured numbers: the rate after the scaling rule, and that rate over the batch size."""

GOALS = ("update", "epoch", "examples", "seconds", "train_loss", "train_error", "excess_loss", "squared_gradient")
"""Measures of which the smallest on an axis may be taken: how soon, or how far, training itself gets."""

LENGTHS = (
    "train_loss", "epochs", "updates", "examples", "seconds", "validation_error", "validation_loss",
)  # fmt: skip


@dataclass(frozen=True)
class Reduction:
    """How many numbers become one: along a run's history, or along an axis of the sweep."""

    meaning: str
    along: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


REDUCTIONS = {
    "rise": Reduction("last over first value of a run that was measured", "history"),
    "largest": Reduction("largest value of a run", "history"),
    "mean": Reduction("mean over a run's updates, straight between evaluation points", "history"),
    "smallest": Reduction("smallest value of a run", "history"),
    "late_mean": Reduction("mean over the second half of a run's updates", "history"),
    "log_fit": Reduction("R^2 of a straight line in log(update)", "history"),
    "log_over_sqrt": Reduction("AIC of a line in sqrt(update) minus that of one in log(update)", "history"),
    "log_over_power": Reduction("AIC of a power of the update minus that of a line in its logarithm", "history"),
    "best": Reduction("smallest value on one axis or several, of a goal that is no measure of generalization", "axis",
                      ("over",)),
    "argbest": Reduction("where on an axis the smallest value lies, between grid points by a parabola", "axis",
                         ("over",)),
    "width": Reduction("octaves of an axis on which the value lies within so much of the best", "axis",
                       ("over", "within")),
    "critical_batch": Reduction("B_crit of the hyperbola through updates to a target", "axis", (), ("over",)),
    "minimum_updates": Reduction("S_min of that hyperbola", "axis", (), ("over",)),
    "minimum_examples": Reduction("E_min of that hyperbola", "axis", (), ("over",)),
    "hyperbola_rms": Reduction("root mean square of its residuals, natural logarithms", "axis", (), ("over",)),
    "largest_kept": Reduction("largest batch size whose value is within so much of every smaller one's (Merrill et al. "
                              "2025)", "axis", ("within",), ("over",)),
    "perfect_until": Reduction("batch size at which perfect scaling ends", "axis", (), ("over",)),
    "plateau_from": Reduction("batch size from which more examples save no update", "axis", (), ("over",)),
}  # fmt: skip
