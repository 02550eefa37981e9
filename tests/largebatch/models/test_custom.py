import textwrap

import jax
import numpy as np
import pytest

from largebatch.models import custom
from largebatch.pack import Pack
from largebatch.train import train
from tests.largebatch.models.tiny import OWN, drawn, logits, network, shapes
from tests.largebatch.small import small

FOLDER = OWN.partition(":")[0]


@pytest.fixture
def example(tmp_path, monkeypatch):
    """Write the docstring's example where Python finds it, and return its path."""
    lines = custom.__doc__.split("::\n")[1].split("\nand in the experiment")[0]
    (tmp_path / "my_module.py").write_text(textwrap.dedent(lines))
    monkeypatch.syspath_prepend(tmp_path)
    return "my_module:network"


def test_the_example_of_the_docstring_computes_what_it_says(example):
    with jax.enable_x64(True):
        module = network({"name": "custom", "path": example, "options": {"width": 5}}, dtype="float64")
        params, x = drawn(module, (8, 8))
        own = params["custom"]
        assert {name: a.shape for name, a in own.items()} == {"inner": (64, 5), "outer": (5, 10)}
        expected = np.tanh(x.reshape(3, 64) @ own["inner"]) @ own["outer"]
        np.testing.assert_allclose(logits(module, {"params": params}, x), expected, rtol=1e-12)


def test_a_custom_network_trains_and_goes_on_from_a_snapshot(example):
    config = small(model={"name": "custom", "path": example, "options": {"width": 3}})
    pack = Pack([config], width=1)
    first = pack.params(0)["custom"]
    assert {name: a.shape for name, a in first.items()} == {"inner": (6, 3), "outer": (3, 3)}
    assert first["inner"].std() == pytest.approx(6**-0.5, rel=0.5)
    pack.advance(3)
    half = pack.snapshot()
    pack.advance(6)
    last = pack.params(0)["custom"]
    assert np.abs(last["inner"] - first["inner"]).max() > 1e-4
    again = Pack([config], width=1)
    again.restore(half, 3)
    again.advance(6)
    jax.tree.map(np.testing.assert_array_equal, again.params(0)["custom"], last)


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("no_such_module:network", {}, "'no_such_module:network' cannot be imported: No module named .*PYTHONPATH"),
        (f"{FOLDER}:nothing", {}, f"model.path '{FOLDER}:nothing' cannot be imported: .* no attribute 'nothing'"),
        (f"{FOLDER}:not_a_pair", {}, r"returned function; must return two functions \(init, apply\)"),
        (OWN, {"wide": 3}, r"does not take classes and the options {'wide': 3}: .*unexpected keyword argument 'wide'"),
        (f"{FOLDER}:wrong_shape", {}, r"apply of the custom network returned shape \(10,\); must be logits \(3, 10\)"),
    ],
)  # fmt: skip
def test_what_is_no_network_is_refused(path, options, message):
    with pytest.raises(ValueError, match=message):
        shapes(network({"name": "custom", "path": path, "options": options}), (8, 8), "float32")


def test_a_record_says_which_code_was_named(example, tmp_path):
    import hashlib

    record = train(small(model={"name": "custom", "path": example, "options": {"width": 3}}, budget={"updates": 1}))
    said = hashlib.sha256((tmp_path / "my_module.py").read_bytes()).hexdigest()[:16]
    assert record.provenance["code"] == {"path": example, "source": said, "packages": {}}
    assert custom.origin("numpy.linalg:norm")["packages"] == {"numpy": np.__version__}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("os:system", "'os:system', which is of Python itself; give a function of your own installed module"),
        ("subprocess:run", "which is of Python itself"),
        ("/tmp/evil.py:network", "must be a module and a function of it"),
        ("..evil:network", "must be a module and a function of it"),
        ("my_module:network()", "must be a module and a function of it"),
    ],
)
def test_code_is_named_by_the_dotted_path_of_an_installed_module_alone(path, message):
    with pytest.raises(ValueError, match=message):
        small(model={"name": "custom", "path": path})
