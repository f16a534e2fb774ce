"""Losses beyond the plain ones: scores that are there or not, class weights, labels that do not count.

By themselves against their formulas, then through a model: batches, lengths, pieces of time and ranks.
"""

import copy
import math
import pickle
import tracemalloc

import numpy as np
import pytest
import standin
from hypothesis import given
from hypothesis import strategies as st

from lstm_core import (
    CrossEntropy,
    Model,
    binary_cross_entropy,
    dense,
    evaluate,
    fit,
    gradcheck,
    gru,
    last,
    lstm,
    optim,
    softmax_cross_entropy,
)
from lstm_core.model import columns, step_mask

# Against the same sum in another order, or the complex step: some hundred terms, each to 1e-16.
TOLERANCE = 1e-13
SHAPES = st.tuples(st.integers(1, 4), st.integers(2, 5), st.integers(1, 4))  # T, C, B
WEIGHTS = 0.5, 3.0, 0.0, 2.0, 1.0


# ---- binary cross-entropy ----------------------------------------------------------------------------------------


@given(SHAPES, st.floats(1e-3, 30))
def test_binary_cross_entropy_is_the_formula(shape, scale):
    """In plain Python, element by element, targets between 0 and 1 too."""
    rng = np.random.default_rng(0)
    y, t = scale * rng.standard_normal(shape), rng.choice([0.0, 0.3, 1.0], shape)
    costs = [
        t_k * math.log1p(math.exp(-y_k)) + (1 - t_k) * math.log1p(math.exp(y_k))
        for y_k, t_k in zip(y.ravel(), t.ravel())
    ]
    loss, dy = binary_cross_entropy(y, t)
    assert loss == pytest.approx(math.fsum(costs) / len(costs), rel=TOLERANCE)
    exact = gradcheck.complex_step(lambda v: binary_cross_entropy(v.reshape(shape), t.astype(v.dtype))[0], y.ravel())
    np.testing.assert_allclose(dy.ravel(), exact, rtol=0, atol=TOLERANCE)
    mask = rng.random((shape[0], shape[2])) < 0.6
    mask[0, 0] = True
    there = np.broadcast_to(mask[:, None], shape).ravel()
    loss, dy = binary_cross_entropy(y, t, mask)
    assert loss == pytest.approx(math.fsum(c for c, v in zip(costs, there) if v) / there.sum(), rel=TOLERANCE)
    assert not dy.ravel()[~there].any()


@pytest.mark.parametrize("dtype, huge", [(np.float32, 3e38), (np.float64, 1e308)])
def test_no_score_is_too_large(dtype, huge):
    """Warnings are errors here. What is right costs nothing, what is wrong as much as its score."""
    y = np.array([huge, -huge, 1e4, -1e4, 0], dtype).reshape(1, 5, 1)
    right = np.array([1, 0, 1, 0, 1], dtype).reshape(1, 5, 1)
    loss, dy = binary_cross_entropy(y, right)
    assert loss == dtype(math.log(2)) / 5 and loss.dtype == dy.dtype == dtype
    assert dy.ravel().tolist() == [0, 0, 0, 0, dtype(-0.5) / 5]
    loss, dy = binary_cross_entropy(y[:, 2:], 1 - right[:, 2:])
    assert loss == pytest.approx((2e4 + math.log(2)) / 3) and dy.ravel()[:2].tolist() == [dtype(1) / 3, dtype(-1) / 3]
    assert binary_cross_entropy(y[:, :1], 0 * right[:, :1])[0] == dtype(huge)


def test_small_losses_keep_their_digits():
    y = np.array([[[40.0]]])
    assert binary_cross_entropy(y, np.ones((1, 1, 1)))[0] == pytest.approx(math.exp(-40), rel=1e-14, abs=0)


@pytest.mark.parametrize("bad", [-0.1, 1.1, np.nan, np.inf])
def test_targets_are_probabilities(bad):
    y, t = np.zeros((2, 3, 2)), np.zeros((2, 3, 2))
    t[1, 2, 1] = bad
    with pytest.raises(ValueError, match=r"^target: expected numbers in \[0, 1\], got"):
        binary_cross_entropy(y, t)
    mask = np.array([[1, 1], [1, 0]], bool)
    assert binary_cross_entropy(y, t, mask)[0] == pytest.approx(math.log(2))  # where no step is, nobody looks


# ---- class weights, and labels that do not count -----------------------------------------------------------------


def by_hand(y, target, class_weights, ignore_index, mask=None):
    """Σ w loss / Σ w, one step after the other."""
    total, weight = [], []
    for t, b in np.ndindex(target.shape):
        k = int(target[t, b])
        if k != ignore_index and (mask is None or mask[t, b]):
            w = class_weights[k] if class_weights else 1.0
            total.append(w * math.log(math.fsum(math.exp(v - y[t, k, b]) for v in y[t, :, b])))
            weight.append(w)
    return math.fsum(total) / math.fsum(weight)


@given(SHAPES, st.booleans(), st.sampled_from([None, -100, 0, 1]), st.booleans())
def test_a_weighted_mean_is_the_formula(shape, weighted, ignore_index, masked):
    T, C, B = shape
    rng = np.random.default_rng(0)
    y, target = rng.standard_normal(shape), rng.integers(0, C, (T, B))
    if ignore_index == -100:
        target[rng.random((T, B)) < 0.3] = -100
    target[0, 0] = 1 if ignore_index == 0 else 0
    mask = rng.random((T, B)) < 0.6 if masked else None
    if masked:
        mask[0, 0] = True
    weights = WEIGHTS[:C] if weighted else None
    loss = CrossEntropy(weights, ignore_index)
    value, dy = loss(y, target, mask)
    assert value == pytest.approx(by_hand(y, target, weights, ignore_index, mask), rel=TOLERANCE)
    exact = gradcheck.complex_step(lambda v: loss(v.reshape(shape), target, mask)[0], y.ravel())
    np.testing.assert_allclose(dy.ravel(), exact, rtol=0, atol=TOLERANCE)
    left_out = (target == ignore_index) | (False if mask is None else ~mask)
    assert not np.moveaxis(dy, 1, 2)[left_out].any()
    ratio = loss.weights(target, mask) * (max(weights) if weighted else 1)
    plain = np.array([weights[k] if weighted and k >= 0 else 1.0 for k in target.ravel()]).reshape(T, B)
    np.testing.assert_allclose(ratio, np.where(left_out, 0, plain), rtol=1e-15)


def test_without_either_it_is_the_softmax_cross_entropy():
    rng = np.random.default_rng(0)
    y, target, mask = rng.standard_normal((3, 4, 2)), rng.integers(0, 4, (3, 2)), rng.random((3, 2)) < 0.7
    np.testing.assert_equal(CrossEntropy()(y, target, mask), softmax_cross_entropy(y, target, mask))
    np.testing.assert_allclose(CrossEntropy([7.0] * 4)(y, target)[1], softmax_cross_entropy(y, target)[1], rtol=1e-14)


@pytest.mark.parametrize("loss, target", [
    (CrossEntropy(ignore_index=2), [[2, 2]]), (CrossEntropy(ignore_index=-100), [[-100, -100]]),
    (CrossEntropy([1, 1, 0]), [[2, 2]]), (CrossEntropy([0, 1, 1], 1), [[0, 1]]),
])  # fmt: skip
def test_where_nothing_counts_there_is_no_mean(loss, target):
    with pytest.raises(ValueError, match=r"^target: expected labels that count, got only such"):
        loss(np.zeros((1, 3, 2)), np.array(target))


@pytest.mark.parametrize("weights", [[1e-300, 3e-300], [1e300, 3e300], [1e-45, 3e-45]])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_only_the_ratio_of_weights_matters(weights, dtype):
    y, target = np.array([[[1, 2], [3, 5]]], dtype), np.array([[0, 1]])
    for found, wanted in zip(CrossEntropy(weights)(y, target), CrossEntropy([1, 3])(y, target)):
        assert found.dtype == dtype and np.isfinite(found).all()
        np.testing.assert_allclose(found, wanted, rtol=0.3 if weights[0] == 1e-45 else 1e-6)  # 1e-45 has one digit


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint64, np.int64])
def test_any_integers_are_labels(dtype):
    target, loss = np.array([[0, 1, 2, 1]]), CrossEntropy(WEIGHTS[:3], 1)
    y = np.random.default_rng(0).standard_normal((1, 3, 4))
    np.testing.assert_equal(loss(y, target.astype(dtype)), loss(y, target))
    np.testing.assert_equal(CrossEntropy(ignore_index=-100)(y, target.astype(dtype)), softmax_cross_entropy(y, target))


@pytest.mark.parametrize("error, message, arguments", [
    (TypeError, "class_weights: expected a list of numbers, got float", {"class_weights": 2.0}),
    (TypeError, "class_weights: expected a list of numbers, got list", {"class_weights": []}),
    (TypeError, "class_weights: expected a list of numbers, got ndarray", {"class_weights": np.ones((2, 2))}),
    (ValueError, "class_weights: expected a number >= 0, got -1", {"class_weights": [1, -1]}),
    (ValueError, "class_weights: expected a number >= 0, got nan", {"class_weights": np.array([1, np.nan])}),
    (ValueError, "class_weights: expected a number > 0 among them, got zeros only", {"class_weights": [0, 0.0]}),
    (ValueError, "ignore_index: expected an integer of 64 bits, got 1.0", {"ignore_index": 1.0}),
    (ValueError, "ignore_index: expected an integer of 64 bits, got True", {"ignore_index": True}),
])  # fmt: skip
def test_bad_numbers_are_refused(error, message, arguments):
    with pytest.raises(error, match=f"^{message}"):
        CrossEntropy(**arguments)


def test_it_is_a_value():
    loss = CrossEntropy(np.array([1, 2], np.float32), np.int64(-1))
    assert loss == CrossEntropy([1.0, 2.0], -1) and loss.class_weights == (1.0, 2.0) and type(loss.ignore_index) is int
    loss.weights(np.array([[0, 1]]))
    assert pickle.loads(pickle.dumps(loss)) == copy.deepcopy(loss) == loss and hash(loss)
    with pytest.raises(AttributeError):
        loss.ignore_index = 3


def test_on_a_device():
    rng = np.random.default_rng(0)
    y, target, mask = rng.standard_normal((3, 4, 2)), rng.integers(0, 4, (3, 2)), rng.random((3, 2)) < 0.7
    values = rng.random((3, 4, 2))
    for loss, wanted in (CrossEntropy(WEIGHTS[:4], 1), target), (binary_cross_entropy, values):
        expected = loss(y, wanted, mask)
        found = loss(*map(standin.asarray, (y, wanted, mask)))
        np.testing.assert_array_equal(found[1].get(), expected[1])
        assert float(found[0]) == expected[0]


def test_many_classes_take_no_matrix_of_classes_by_classes():
    """V = 50,000 in float32: y and dy have 0.2 MB each, the weights 0.4 MB, and a handful of arrays of that size."""
    y, target = np.zeros((1, 50_000, 1), np.float32), np.array([[7]])
    loss = CrossEntropy(np.ones(50_000), -100)
    loss(y, target)
    tracemalloc.start()
    loss(y, target)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3e6


# ---- through a model: batches, lengths, pieces, updates ----------------------------------------------------------

N, T, D, C = 11, 6, 3, 3
LENGTHS = np.array([6, 1, 3, 4, 6, 2, 5, 6, 1, 2, 3])
LOSS = CrossEntropy((0.5, 3.0, 1.0), ignore_index=-100)


def network(loss=LOSS, end=(), dtype=np.float64):
    return Model([lstm(D, 4), *end, dense(4, C)], loss, rng=np.random.default_rng(0), dtype=dtype)


def data(reads_last=False, seed=0):
    """Half of the labels are ignored, and in some examples all."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((N, T, D)), rng.integers(0, C, (N,) if reads_last else (N, T))
    y[rng.random(y.shape) < 0.4] = -100
    y[:2], y[2] = -100, 1
    return x, y


def whole(model, x, y, lengths=None):
    """Loss of all examples in one piece, by the loss itself."""
    y = y[:, None] if model.reads_last else y
    mask = None if lengths is None else step_mask(lengths, T)
    outputs, _, _ = model.forward(columns(x), keep=False, mask=mask)
    return float(model.loss(outputs, columns(y), mask)[0])


@pytest.mark.parametrize("batch", [1, 2, 3, 1000])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("end", [(), (last(),)], ids=["all", "last"])
def test_scores_of_batches_are_those_of_the_whole(end, lengths, batch):
    model = network(end=end)
    x, y = data(model.reads_last)
    found = evaluate(model, x, y, batch=batch, lengths=lengths)
    assert found.loss == pytest.approx(whole(model, x, y, lengths), rel=TOLERANCE)
    counts = (y != -100) & (True if lengths is None or model.reads_last else step_mask(lengths, T).T)
    wrong = (model.predict(x, lengths).argmax(axis=-1) != y) & counts
    some, any_wrong = (counts, wrong) if model.reads_last else (counts.any(axis=1), wrong.any(axis=1))
    assert found.error == wrong.sum() / counts.sum() and found.whole == any_wrong.sum() / some.sum()
    assert 0 < some.sum() < N


@pytest.mark.parametrize("loss", [LOSS, binary_cross_entropy], ids=["cross-entropy", "binary"])
@pytest.mark.parametrize("settings", [{}, {"lengths": LENGTHS}, {"truncate": 4}, {"lengths": LENGTHS, "truncate": 2}],
                         ids=["whole", "lengths", "truncated", "both"])  # fmt: skip
def test_the_loss_of_an_epoch_is_that_of_the_data(settings, loss):
    """At rate 0 the weights stay; where pieces are cut, the state is carried on, so that it is the same sum."""
    model = network(loss)
    x, y = data()
    if loss is binary_cross_entropy:
        y = np.random.default_rng(1).integers(0, 2, (N, T, C)) > 0
    history = fit(model, x, y, epochs=1, batch=3, rng=np.random.default_rng(0), rate=lambda progress: 0.0,
                  validation=(x, y, *([settings["lengths"]] if "lengths" in settings else [])), validation_batch=2,
                  progress=False, **settings)  # fmt: skip
    target = y.astype(float) if loss is binary_cross_entropy else y
    expected = whole(model, x, target, settings.get("lengths"))
    assert history.loss[0] == pytest.approx(expected, rel=TOLERANCE)
    assert history.validation[0].loss == pytest.approx(expected, rel=TOLERANCE)


def test_a_batch_of_which_nothing_counts_makes_no_update():
    """Of eleven batches of one string, two have no label that counts: nine updates, with and without pieces."""
    x, y = data()
    silent = (y == -100).all(axis=1).sum()
    for truncate in None, T:
        model = network()
        history = fit(model, x, y, epochs=2, batch=1, rng=np.random.default_rng(0), truncate=truncate, progress=False)
        assert silent >= 2 and len(history.batch_loss) == len(history.batch_norm) == 2 * (N - silent)
        assert all(map(math.isfinite, history.batch_loss))


def test_an_ignored_label_teaches_nothing():
    """Whatever stands there, and whatever x is, of an example all of whose labels are ignored: the same weights."""
    x, y = data(reads_last=True)
    other = x.copy()
    other[y == -100] = 7.0
    found = []
    for seen in x, other:
        model = network(end=(last(),))
        fit(model, seen, y, epochs=2, batch=4, rng=np.random.default_rng(0), optimizer=optim.sgd(), progress=False)
        found.append(model.theta)
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-15)  # BLAS may add up columns in another order


def test_goes_on_bit_for_bit():
    x, y = data()
    settings = {"batch": 1, "truncate": 4, "progress": False}
    model, rng = network(), np.random.default_rng(0)
    once = fit(model, x, y, epochs=4, rng=rng, **settings)
    twin, rng = network(), np.random.default_rng(0)
    history = fit(twin, x, y, epochs=2, rng=rng, **settings)
    fit(twin, x, y, epochs=4, rng=rng, history=history, **settings)
    np.testing.assert_array_equal(twin.theta, model.theta)
    assert history.batch_loss == once.batch_loss


@pytest.mark.parametrize("call", [evaluate, lambda m, x, y: fit(m, x, y, epochs=1, rng=np.random.default_rng(0))],
                         ids=["evaluate", "fit"])  # fmt: skip
def test_data_of_which_nothing_counts_is_refused(call):
    x, y = data()
    model = network()
    for model.loss_function, label in (LOSS, -100), (CrossEntropy([1, 1, 0]), 2):
        with pytest.raises(ValueError, match=r"^y: expected labels that count, got only such as the loss ignores"):
            call(model, x, np.full_like(y, label))
    model.loss_function = CrossEntropy([1, 2])
    with pytest.raises(ValueError, match=r"^class_weights: expected"):
        call(model, x, np.full_like(y, 0))


def test_hidden_labels_do_not_count():
    """Lengths hide all labels that the loss would count."""
    x, y = data()
    y = np.where(np.arange(T) < LENGTHS[:, None], -100, 1)
    with pytest.raises(ValueError, match=r"^y: expected labels that count"):
        evaluate(network(), x, y, lengths=LENGTHS)


def test_a_weighted_loss_of_one_s_own():
    """With a method `weights` its means are put together by them."""

    class Mine:
        def __call__(self, y, target, mask=None):
            return LOSS(y, target, mask)

        def weights(self, target, mask=None):
            return LOSS.weights(target, mask)

    x, y = data()
    y[y == -100] = 0
    assert evaluate(network(Mine()), x, y, batch=2) == evaluate(network(), x, y, batch=2)


@pytest.mark.parametrize("net", [gru, lstm], ids=["gru", "lstm"])
def test_labels_that_are_there_or_not_are_learnt(net):
    """Two questions of each string, asked at its end: was the first number positive, was the sum?"""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2_000, 4, 1)).astype(np.float32)
    y = np.concatenate([x[:, 0] > 0, x.sum(axis=1) > 0], axis=1)
    model = Model([net(1, 16), last(), dense(16, 2)], binary_cross_entropy, rng=rng)
    fit(model, x[:1_500], y[:1_500], epochs=15, batch=50, rate=optim.constant(0.01), rng=rng, progress=False)
    assert ((model.predict(x[1_500:]) > 0) == y[1_500:]).mean() > 0.93
