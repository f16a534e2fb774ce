"""Losses in files: those of lstm_core with their numbers, one's own by name, and none without a name."""

import functools

import numpy as np
import pytest

from lstm_core import CrossEntropy, Model, binary_cross_entropy, dense, evaluate, fit, lstm, mse, softmax_cross_entropy
from lstm_formats import checkpoint, onnx_io, xml_io


def my_loss(y, target, mask=None):
    """Three times the mean squared error."""
    value, dy = mse(y, target) if mask is None else mse(y, target, mask)
    return 3 * value, 3 * dy


FORMATS = {
    "checkpoint": (checkpoint.save, lambda *given, **k: checkpoint.load(*given, **k)[0]),
    "xml": (xml_io.save, xml_io.load),
    "onnx": (onnx_io.save, onnx_io.load),
}
each_format = pytest.mark.parametrize("save, load", FORMATS.values(), ids=FORMATS.keys())


def network(loss):
    return Model([lstm(3, 4), dense(4, 2)], loss, rng=np.random.default_rng(0))


@each_format
@pytest.mark.parametrize("loss", [
    mse, softmax_cross_entropy, binary_cross_entropy, CrossEntropy(), CrossEntropy([1 / 3, 1e-300]),
    CrossEntropy(ignore_index=-(2**63)), CrossEntropy((5, 0), -100),
], ids=lambda loss: getattr(loss, "__name__", str(loss)))  # fmt: skip
def test_a_loss_comes_back_with_its_numbers(save, load, loss, tmp_path):
    save(model=network(loss), path=tmp_path / "m")
    found = load(tmp_path / "m").loss_function
    assert found is loss if callable(getattr(loss, "__get__", None)) else found == loss and type(found) is CrossEntropy


@each_format
def test_a_loss_of_one_s_own_comes_back_by_name(save, load, tmp_path):
    path, model = tmp_path / "m", network(my_loss)
    save(model=model, path=path)
    found = load(path, losses={"my_loss": my_loss, "another": mse})
    assert found.loss_function is my_loss
    np.testing.assert_array_equal(found.theta, model.theta)
    for losses in None, {}, {"another": my_loss}:
        with pytest.raises(ValueError, match=r"loss: expected one of .* got 'my_loss'; .* load\(…, losses="):
            load(path, losses=losses)


def test_a_run_with_a_loss_of_one_s_own_goes_on_bit_for_bit(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((8, 5, 3)), rng.standard_normal((8, 5, 2))
    model, rng, once, path = network(my_loss), np.random.default_rng(1), network(my_loss), tmp_path / "m"
    fit(once, x, y, epochs=4, batch=3, rng=np.random.default_rng(1), progress=False)
    history = fit(model, x, y, epochs=2, batch=3, rng=rng, progress=False)
    checkpoint.save(path=path, model=model, history=history, rng=rng)
    model, history, rng = checkpoint.load(path, losses={"my_loss": my_loss})
    fit(model, x, y, epochs=4, batch=3, rng=rng, history=history, progress=False)
    np.testing.assert_array_equal(model.theta, once.theta)
    assert evaluate(model, x, y).loss == evaluate(once, x, y).loss


def named_mse():
    """A function that calls itself mse, and is another."""

    def mse(y, target, mask=None):
        return my_loss(y, target, mask)

    return mse


@each_format
@pytest.mark.parametrize("loss", [lambda y, target: mse(y, target), functools.partial(mse), named_mse()],
                         ids=["lambda", "partial", "another mse"])  # fmt: skip
def test_a_loss_without_a_name_of_its_own_is_not_saved(save, load, loss, tmp_path):
    with pytest.raises(ValueError, match=r"^loss: expected one of mse, .* a function with a name of its own, to save"):
        save(model=network(loss), path=tmp_path / "m")
    assert not (tmp_path / "m").exists()


@each_format
@pytest.mark.parametrize("error, message, losses", [
    (TypeError, "losses: expected a dict, name -> function, got", [my_loss]),
    (TypeError, "losses: expected a function such as losses.mse", {"my_loss": 3}),
    (TypeError, "losses: expected a function .* with 2 arguments", {"my_loss": lambda y: y}),
    (ValueError, "losses: expected names of functions, other than mse", {"mse": my_loss}),
    (ValueError, "losses: expected names of functions", {3: my_loss}),
])  # fmt: skip
def test_bad_losses_are_refused_before_the_file_is_read(save, load, error, message, losses, tmp_path):
    with pytest.raises(error, match=f"^{message}"):
        load(tmp_path / "nothing", losses=losses)


@each_format
def test_many_class_weights(save, load, tmp_path):
    """50,000 fit into a checkpoint and an ONNX file, but not into a tag of XML: that says so, and writes nothing."""
    loss = CrossEntropy(np.random.default_rng(0).random(50_000))
    model = Model([dense(2, 50_000)], loss, rng=np.random.default_rng(0))
    if save is xml_io.save:
        with pytest.raises(ValueError, match=r"^loss: expected no more than a tag in XML can hold"):
            save(model=model, path=tmp_path / "m")
        assert not (tmp_path / "m").exists()
        return
    save(model=model, path=tmp_path / "m")
    assert load(tmp_path / "m").loss_function == loss


@pytest.mark.parametrize("config, message", [
    ({"loss": "CrossEntropy", "class_weights": None}, "loss: expected the fields"),
    ({"loss": "mse", "class_weights": None, "ignore_index": 1}, "loss: expected that of a CrossEntropy"),
    ({"loss": "CrossEntropy", "class_weights": [-1.0], "ignore_index": 1}, "class_weights: expected a number >= 0"),
    ({"loss": "CrossEntropy", "class_weights": "ab", "ignore_index": 1}, "class_weights: expected a list"),
    ({"loss": "CrossEntropy", "class_weights": None, "ignore_index": True}, "ignore_index: expected an integer"),
    ({"loss": "CrossEntropy", "class_weights": [1.0, [2]], "ignore_index": 1}, "class_weights: expected a number"),
    (["mse"], "loss: expected one of"), (None, "loss: expected one of"), ("eval", "loss: expected one of"),
])  # fmt: skip
def test_what_a_file_says_of_a_loss_is_checked(config, message):
    from lstm_formats.configs import loss_from

    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        loss_from(config, {})
