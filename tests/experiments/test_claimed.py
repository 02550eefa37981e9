"""A claim about what a probe finds needs the probe, and is told so at its place before anything runs."""

import pytest

from experiments.experiment import load
from experiments.problems import ExperimentError

HEAD = "question: q\nbase: {probes: [{name: curvature, top: 2}, {name: sharpness, label: keskar, eps: [0.001]}]}\n"
AXES = "axes: {batch_size: [16, full]}\nclaims:\n"


def refusal(tmp_path, claim, head=HEAD + AXES):
    (tmp_path / "x.yaml").write_text(f"{head}  - {claim}\n")
    with pytest.raises(ExperimentError) as caught:
        load(tmp_path / "x.yaml")
    return str(caught.value).replace(str(tmp_path) + "/", "")


def claim(measure, **more):
    said = "".join(f", {key}: {value}" for key, value in more.items())
    return f"{{says: s, measure: {measure}, value: 1, direction: less{said}}}"


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        ("noise_scale", "x.yaml:5:24: claims[0].measure: noise_scale is measured by a probe that no run has; it has "
         "curvature, keskar; add {name: gradient_noise} to base.probes"),
        ("{late_mean: batch_sharpness}", "x.yaml:5:36: claims[0].measure.late_mean: batch_sharpness is measured by a "),
        ("sharpness_subspace", "it has curvature, keskar; add {name: sharpness, dimensions: 100} to base.probes"),
        ("curvatur/trace", "x.yaml:5:24: claims[0].measure: unknown probe 'curvatur'; accepted: curvature, keskar; did "
         "you mean curvature?; a measure <probe>/<number> needs it among the probes"),
        ("sharpness/sharpness/0.001", "unknown probe 'sharpness'; accepted: curvature, keskar"),
        ("curvature/eigenvalue/3", "unknown number of the probe curvature 'eigenvalue/3'; accepted: eigenvalue/1, "
         "eigenvalue/2, eigenvalue/smallest, minimum, trace, gradient_norm, products; did you mean eigenvalue/"),
        ("keskar/sharpness/0.0005", "unknown number of the probe keskar 'sharpness/0.0005'; accepted: sharpness/0.001"),
        ("sharpnes", "unknown measure 'sharpnes' (did you mean sharpness?)"),
    ],
)  # fmt: skip
def test_what_no_probe_measures_cannot_be_claimed(tmp_path, measure, message):
    assert message in refusal(tmp_path, claim(measure))


def test_both_measures_of_a_comparison_are_looked_at(tmp_path):
    ratio = "{says: s, kind: ratio, measure: sharpness, compare: {measure: [sharpness, flatness]}, within: [1, 2]}"
    assert "x.yaml:5:79: claims[0].compare.measure[1]: flatness is measured by a probe" in refusal(tmp_path, ratio)


@pytest.mark.parametrize("measure", [
    "sharpness", "lambda_max", "stability", "{late_mean: stability}", "spectral_ratio", "keskar/rise/0.001",
    "curvature/eigenvalue/2", "distance", "test_error",
])  # fmt: skip
def test_what_is_measured_can_be_claimed(tmp_path, measure):
    (tmp_path / "x.yaml").write_text(f"{HEAD}{AXES}  - {claim(measure)}\n")
    assert len(load(tmp_path / "x.yaml").claims) == 1


def test_a_probe_may_be_on_an_axis(tmp_path):
    axis = "question: q\naxes: {probes: [[{name: confusion}], [{name: confusion, draws: 10}]]}\nclaims:\n"
    (tmp_path / "x.yaml").write_text(f"{axis}  - {claim('confusion/agree/16')}\n")
    assert load(tmp_path / "x.yaml").claims
    assert "unknown number of the probe confusion 'agree/17'" in refusal(tmp_path, claim("confusion/agree/17"), axis)


def test_a_wrong_probe_is_told_once(tmp_path):
    wrong = HEAD.replace("top: 2", "topp: 2") + AXES
    told = refusal(tmp_path, claim("noise_scale"), wrong)
    assert "topp" in told and "noise_scale" not in told
