"""What users hand in: targets of any numbers that fit, and sequences padded in front."""

import copy

import numpy as np
import pytest

from lstm_core import (
    CrossEntropy,
    Model,
    activation,
    bidirectional,
    binary_cross_entropy,
    dense,
    embedding,
    evaluate,
    fit,
    gru,
    last,
    lstm,
    mse,
    recurrent,
    reverse,
    rnn,
    softmax_cross_entropy,
)
from lstm_core.variants import CELLS

N, T, D, C = 7, 5, 3, 4
LENGTHS = np.array([5, 1, 3, 4, 5, 2, 3])


def rng(seed=0):
    return np.random.default_rng(seed)


def network(loss, end=(), dtype=np.float32, outputs=C):
    return Model([lstm(D, 4), *end, dense(4, outputs)], loss, rng=rng(), dtype=dtype)


def trained(model, x, y, **more):
    """Scores, losses and weights after two epochs."""
    twin = copy.deepcopy(model)
    history = fit(twin, x, y, epochs=2, batch=3, rng=rng(1), progress=False, **more)
    return str(evaluate(model, x, y, **more)), history.loss, twin.theta.tolist()


X = rng().standard_normal((N, T, D)).astype(np.float32)
LABELS = rng(1).integers(0, C, (N, T))
VALUES = rng(2).standard_normal((N, T, C)).astype(np.float16).astype(np.float32)  # few digits: float16 holds them


# ---- targets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u4", "i8", "u8", ">i4"])
def test_any_integers_are_labels(dtype):
    model = network(softmax_cross_entropy)
    assert trained(model, X, LABELS.astype(dtype)) == trained(model, X, LABELS)


@pytest.mark.parametrize("dtype", ["f2", "f8", "g", ">f4"])
def test_values_are_cast_as_x_is(dtype):
    model = network(mse)
    assert trained(model, X.astype(float), VALUES.astype(dtype)) == trained(model, X, VALUES)
    whole = np.arange(N * T * C).reshape(N, T, C) % 3
    assert trained(model, X, whole) == trained(model, X, whole.astype(np.float32))


def test_booleans_are_labels_of_two_classes_and_values():
    two, some = LABELS > 1, VALUES > 0
    model = network(softmax_cross_entropy, outputs=2)
    assert trained(model, X, two) == trained(model, X, two.astype(int))
    model = network(binary_cross_entropy)
    assert trained(model, X, some) == trained(model, X, some.astype(np.float32)) == trained(model, X, some.astype(int))


def test_what_is_out_of_the_range_of_float32():
    y = VALUES.astype(float)
    y[2, 1, 0] = 1e300
    with pytest.raises(ValueError, match=r"^y: expected finite numbers, got NaN or infinity, first in example 2"):
        evaluate(network(mse), X, y)
    lengths = np.full(N, 1)  # beyond them, nobody looks
    assert np.isfinite(evaluate(network(mse), X, y, lengths=lengths).loss)


@pytest.mark.parametrize("dtype", [bool, int, np.float32, float])
@pytest.mark.parametrize("loss", [softmax_cross_entropy, CrossEntropy(ignore_index=-100), CrossEntropy([1] * C)])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
def test_one_hot_labels_are_refused_in_words(loss, dtype, lengths):
    onehot = np.eye(C)[LABELS].astype(dtype)
    if lengths is not None:
        onehot[np.arange(T) >= lengths[:, None]] = 1  # whatever
    with pytest.raises(ValueError, match=r"^y: expected class labels \(B, T\), got .* one-hot: pass y.argmax"):
        evaluate(network(loss), X, onehot, lengths=lengths)
    found = evaluate(network(loss), X, onehot.argmax(axis=-1), lengths=lengths)
    assert found == evaluate(network(loss), X, LABELS, lengths=lengths)


def test_one_hot_targets_of_other_losses_are_values():
    onehot = np.eye(C)[LABELS]
    for loss in mse, binary_cross_entropy:
        assert np.isfinite(evaluate(network(loss), X, onehot).loss)


@pytest.mark.parametrize("loss", [softmax_cross_entropy, CrossEntropy(ignore_index=-100)])
def test_labels_counted_from_one_are_refused_in_words(loss):
    with pytest.raises(ValueError, match=r"^y: expected labels in 0 \.\.\. 3, got 1 \.\.\. 4: they look counted"):
        evaluate(network(loss), X, LABELS + 1)
    with pytest.raises(ValueError, match=r"^y: expected labels in 0 \.\.\. 3, got 0 \.\.\. 4$"):
        evaluate(network(loss), X, LABELS + (LABELS > 1))


@pytest.mark.parametrize("loss", [mse, binary_cross_entropy])
def test_labels_for_a_loss_of_values_are_refused_in_words(loss):
    with pytest.raises(ValueError, match=r"^y: expected values \(B, T, C=4\) for this loss, got labels \(B, T\)"):
        evaluate(network(loss), X, LABELS)


@pytest.mark.parametrize("bad", [-1.0, 1.5])
def test_one_bad_target_is_found_before_training_begins(bad):
    """Wherever it stands; but not beyond the lengths."""
    y = np.zeros((N, T, C))
    y[4, 3, 2] = bad
    model = network(binary_cross_entropy)
    before = model.theta.copy()
    with pytest.raises(ValueError, match=r"^target: expected numbers in \[0, 1\], got"):
        fit(model, X, y, epochs=1, batch=1, rng=rng(), progress=False)
    np.testing.assert_array_equal(model.theta, before)
    assert np.isfinite(evaluate(model, X, y, lengths=np.full(N, 3)).loss)


def test_a_loss_of_one_s_own_is_asked_about_steps_that_are_there():
    """One that wants each target to be a distribution is not shown the zeros of the padding."""

    def picky(y, target, mask=None):
        there = 1 if mask is None else mask
        assert (abs(target.sum(axis=1) - 1) * there < 1e-6).all()
        return mse(y, target) if mask is None else mse(y, target, mask)

    y = rng().random((N, T, C))
    y /= y.sum(axis=-1, keepdims=True)
    assert np.isfinite(evaluate(network(picky, dtype=np.float64), X.astype(float), y, lengths=LENGTHS).loss)


def test_the_class_of_a_loss_is_none():
    with pytest.raises(TypeError, match=r"^loss: expected a function .* got the class CrossEntropy; call it"):
        network(CrossEntropy)


@pytest.mark.parametrize("loss", [mse, binary_cross_entropy])
def test_one_output_wants_an_axis_of_its_own(loss):
    y = LABELS > 1
    model = network(loss, outputs=1)
    with pytest.raises(ValueError, match=r"^y: expected values with an axis C=1 .* pass y\[\.\.\., None\]"):
        evaluate(model, X, y)
    assert np.isfinite(evaluate(model, X, y[..., None]).loss)


# ---- padding in front --------------------------------------------------------------------------------------------

STACKS = {name: [recurrent(name, D, 4), dense(4, C)] for name in CELLS}
STACKS |= {
    "last": [lstm(D, 4), gru(4, 3), last(), dense(3, C)],
    "both ways": [bidirectional(lstm(D, 2, peepholes=True)), reverse(gru(4, 3)), dense(3, C)],
    "both ends": [bidirectional(gru(D, 2), last=True), dense(4, C)],
    "zoneout": [lstm(D, 4, zoneout_h=0.3, zoneout_c=0.5), activation("tanh"), dense(4, C)],
    "labels": [embedding(5, D), bidirectional(rnn(D, 2)), dense(4, C)],
}
each_stack = pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS.keys())


def pre(x, pad):
    """The first steps of each example last, the rest `pad`, as Keras's pad_sequences does by default."""
    found = np.full_like(x, pad)
    for row, whole, n in zip(found, x, LENGTHS):
        row[T - n :] = whole[:n]
    return found


def given(stack, loss):
    model = Model(stack, loss, rng=rng(), dtype=np.float64)
    x = rng().integers(0, 5, (N, T)) if model.labels else rng().standard_normal((N, T, D))
    y = LABELS[:, 0] if model.reads_last else LABELS
    if loss is mse:
        y = rng(3).standard_normal((*y.shape, C))
    return model, x, y


@each_stack
@pytest.mark.parametrize("batch", [None, 3])
def test_a_string_padded_in_front_gives_what_it_gives_alone(stack, batch):
    model, x, _ = given(stack, softmax_cross_entropy)
    padded = pre(x, -1 if model.labels else np.nan)
    y = model.predict(padded, LENGTHS, batch, padding="pre")
    for k, n in enumerate(LENGTHS):
        found = y[k] if model.reads_last else y[k, T - n :]
        np.testing.assert_allclose(found, model.predict(x[k : k + 1, :n])[0], rtol=0, atol=1e-13)
    _, states = model.run(padded, lengths=LENGTHS, padding="pre")
    np.testing.assert_equal(states, model.run(x, lengths=LENGTHS)[1])


@each_stack
@pytest.mark.parametrize("loss", [softmax_cross_entropy, mse, CrossEntropy([1, 2, 0, 3], 1)])
@pytest.mark.parametrize("lengths_dtype", [np.int64, np.uint8])
def test_padding_in_front_learns_what_padding_behind_does(stack, loss, lengths_dtype):
    """To the last bit, whatever stands in the padding; pieces of time and buckets too."""
    model, x, y = given(stack, loss)
    lengths = LENGTHS.astype(lengths_dtype)
    front = pre(x, -1 if model.labels else np.nan)
    front_y = y if model.reads_last else pre(y, np.nan if loss is mse else -7)
    before = front.tobytes(), front_y.tobytes()
    more = {"truncate": 2} if model.runs_forward else {"buckets": True}
    behind = copy.deepcopy(model)
    settings = {"epochs": 2, "batch": 3, "lengths": lengths, "progress": False, **more}
    history = fit(behind, x, y, rng=rng(1), validation=(x, y, lengths), **settings)
    found = fit(model, front, front_y, rng=rng(1), validation=(front, front_y, lengths), padding="pre", **settings)
    np.testing.assert_array_equal(model.theta, behind.theta)
    assert found.loss == history.loss and str(found.validation) == str(history.validation)
    scores = evaluate(model, front, front_y, lengths=lengths, padding="pre")
    assert str(scores) == str(evaluate(model, x, y, lengths=lengths))
    assert (front.tobytes(), front_y.tobytes()) == before


def test_a_validation_set_without_lengths_is_whole():
    model, x, y = given(STACKS["lstm"], softmax_cross_entropy)
    history = fit(model, pre(x, 0), pre(y, 0), epochs=1, rng=rng(), lengths=LENGTHS, padding="pre", validation=(x, y),
                  progress=False)  # fmt: skip
    assert history.validation[0] == evaluate(model, x, y)


def test_padding_wants_lengths():
    model, x, y = given(STACKS["lstm"], softmax_cross_entropy)
    calls = [
        lambda **k: model.predict(x, **k), lambda **k: model.predict(x, batch=2, **k), lambda **k: model.run(x, **k),
        lambda **k: evaluate(model, x, y, **k), lambda **k: fit(model, x, y, epochs=1, rng=rng(), **k),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(ValueError, match=r"^padding: expected lengths to go by, got lengths=None"):
            call(padding="pre")
        with pytest.raises(ValueError, match=r"^padding: expected one of 'post', 'pre', got 'front'"):
            call(padding="front", lengths=LENGTHS)
