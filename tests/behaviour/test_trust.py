"""What was once wrong without a word: each kind is right now, or refused by name with nothing changed."""

import math
import sys
import tracemalloc

import numpy as np
import pytest

from lstm_core import (
    Model,
    activation,
    adam,
    bidirectional,
    constant,
    data,
    dense,
    dropout,
    embedding,
    evaluate,
    fit,
    gradcheck,
    gru,
    last,
    layers,
    lstm,
    momentum,
    mse,
    optim,
    recurrent,
    rnn,
    sample,
    sgd,
    softmax_cross_entropy,
)  # fmt: skip
from lstm_core.checks import check_count, check_flag, check_fraction, check_not_negative, check_number, check_positive
from lstm_core.model import columns, step_mask


def rng(seed=0):
    return np.random.default_rng(seed)


def small(dtype=np.float32, seed=0):
    return Model([lstm(2, 4), dense(4, 2)], softmax_cross_entropy, rng=rng(seed), dtype=dtype)


def parity(count=64, length=6):
    return data.parity(rng(1), count, length)


def state_of(model, history=None, generator=None):
    """All that could have changed, as bytes and numbers."""
    found = [model.theta.tobytes()]
    if history is not None:
        arrays = {k: v.tobytes() if getattr(v, "ndim", 0) else v for k, v in (history.optimizer or {}).items()}
        found += [history.loss[:], history.rate[:], history.validation[:], history.batch_loss[:], history.best, arrays]
    if generator is not None:
        found.append(generator.bit_generator.state)
    return found


# ---- one owner ---------------------------------------------------------------------------------------------------


def test_what_is_assigned_to_a_parameter_is_what_everybody_uses():
    model, x = small(), parity()[0]
    bias = np.array([[3], [-1]], np.float32)
    model.params["dense.b"] = bias
    np.testing.assert_array_equal(model.theta[-2:], bias[:, 0])
    bias[:] = 0  # the caller's array stays the caller's
    assert model.params["dense.b"][0] == 3 and np.shares_memory(model.params["dense.b"], model.theta)
    model.params.update({"dense.W": np.zeros((2, 4), np.float32)})
    np.testing.assert_allclose(model.predict(x), np.broadcast_to([3, -1], (64, 6, 2)))
    fit(model, *parity(), epochs=1, rng=rng(), progress=False)
    np.testing.assert_array_equal(model.params["dense.b"][:, 0], model.theta[-2:])
    model.params["dense.b"] += 1
    np.testing.assert_array_equal(model.params["dense.b"][:, 0], model.theta[-2:])


@pytest.mark.parametrize("name, array, error, message", [
    ("dense.b", np.zeros((2, 1)), TypeError, "expected dtype float32, got float64"),
    ("dense.b", np.zeros((2, 1), int), TypeError, "expected dtype float32, got int64"),
    ("dense.b", np.zeros(2, np.float32), ValueError, r"expected shape \(2, 1\), got \(2,\)"),
    ("dense.b", np.full((2, 1), np.nan, np.float32), ValueError, "expected finite numbers, got NaN or infinity"),
    ("dense.b", [[0], [0]], TypeError, "expected a NumPy or CuPy array, got list"),
    ("dense.c", np.zeros((2, 1), np.float32), KeyError, "dense.c"),
])  # fmt: skip
def test_what_is_no_parameter_is_refused(name, array, error, message):
    model = small()
    before = state_of(model)
    with pytest.raises(error, match=message):
        model.params[name] = array
    with pytest.raises(TypeError, match="expected a model to keep its parameters"):
        del model.params["dense.b"]
    with pytest.raises(AttributeError):
        model.params = {}
    with pytest.raises(TypeError):
        model.layers[0] = dense(2, 4)
    assert state_of(model) == before


# ---- what an update makes ----------------------------------------------------------------------------------------


def fails(model, error=FloatingPointError, **settings):
    """`fit` raises; its history."""
    with pytest.raises(error) as caught:
        fit(model, *parity(), rng=rng(), progress=False, **{"epochs": 2, "batch": 16} | settings)
    return caught.value.history


class Late:
    """A schedule that is harmless for some updates."""

    def __init__(self, rate, after):
        self.rate, self.after, self.calls = rate, after, 0

    def __call__(self, progress):
        self.calls += 1
        return self.rate if self.calls > self.after else 1e-3


@pytest.mark.parametrize("optimizer", [sgd(), momentum(), adam(), adam(weight_decay=0.1)],
                         ids=["sgd", "momentum", "adam", "adamw"])  # fmt: skip
@pytest.mark.parametrize("after", [0, 3, 5])
def test_a_step_out_of_range_is_not_made(optimizer, after):
    """The weights, the optimiser's state and the history are those before it."""
    model, twin = small(), small()
    history = fails(model, rate=Late(1e39, after), optimizer=optimizer)
    twin_history = None
    if after:

        class Enough(Exception):
            pass

        def stop(progress, calls=[]):  # noqa: B006
            calls.append(progress)
            if len(calls) > after:
                raise Enough
            return 1e-3

        twin_history = fails(twin, Enough, rate=stop, optimizer=optimizer)
        assert state_of(model, history) == state_of(twin, twin_history)
    assert state_of(model)[0] == twin.theta.tobytes() and len(history.batch_loss) == after
    assert np.isfinite(model.theta).all()


def test_a_division_by_nothing_is_not_an_update():
    """0 / (0 + 1e-50) is NaN in float32: a bias without gradient would be lost."""
    model = Model([dense(1, 1)], mse, rng=rng())
    x, y = np.zeros((4, 1, 1), np.float32), np.zeros((4, 1, 1), np.float32)
    before = state_of(model)
    with pytest.raises(FloatingPointError, match=r"weights or an optimiser's state that are not finite, in epoch 1"):
        fit(model, x, y, epochs=1, rng=rng(), optimizer=adam(epsilon=1e-50), progress=False)
    assert state_of(model) == before


def test_a_state_that_overflows_is_not_kept():
    """A gradient of 1e25 is finite, its square is not: Adam would stand still for ever, without a word."""
    model = Model([dense(1, 1)], mse, rng=rng())
    x, y = np.full((4, 1, 1), 1e12, np.float32), np.full((4, 1, 1), 1e13, np.float32)
    with pytest.raises(FloatingPointError, match="optimiser's state"):
        fit(model, x, y, epochs=1, rng=rng(), progress=False)
    fit(model, x, y, epochs=1, rng=rng(), clip=1.0, progress=False)


# ---- NaN that passes ---------------------------------------------------------------------------------------------


def test_nan_is_refused_where_it_comes_in():
    model, (x, y) = small(), parity()
    nan = lambda rng, rows, columns: np.full((rows, columns), np.nan)
    with pytest.raises(ValueError, match=r"^lstm\.W: expected an initialiser that gives finite numbers, got NaN"):
        Model([lstm(2, 4, W=nan), dense(4, 2)], mse, rng=rng())
    with pytest.raises(ValueError, match=r"^dense\.W: expected an initialiser that gives 8 numbers, got 3"):
        Model([lstm(2, 4), dense(4, 2, W=lambda *_: np.zeros(3))], mse, rng=rng())
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match=r"^forget_bias: expected a number, got"):
            lstm(2, 4, forget_bias=bad)
        states = [(np.zeros((4, 3), np.float32), np.full((4, 3), bad, np.float32)), ()]
        with pytest.raises(ValueError, match=r"^states\[0\]\[1\]: expected finite numbers, got NaN or infinity"):
            model.run(x[:3], states)
    model.params["dense.b"][...] = np.nan  # through the view: nobody could refuse it
    with pytest.raises(FloatingPointError, match=r"^evaluate: the loss is NaN"):
        evaluate(model, x, y)
    with pytest.raises(ValueError, match=r"^model: expected finite parameters, got NaN or infinity in dense.b"):
        fit(model, x, y, epochs=1, rng=rng(), progress=False)
    reader = Model([embedding(5, 4), gru(4, 4), dense(4, 5)], softmax_cross_entropy, rng=rng())
    reader.params["dense.b"][0] = np.nan
    with pytest.raises(FloatingPointError, match=r"^sample: a score is not finite"):
        sample(reader, np.array([1]), 2, rng=rng())


# ---- the last step that is there ---------------------------------------------------------------------------------

STACKS = {
    "embedding": lambda: [embedding(7, 4), last(), dense(4, 2)],
    "dense first": lambda: [dense(3, 4), last(), dense(4, 2)],
    "behind dropout": lambda: [dense(3, 4), dropout(0.5), last(), dense(4, 2)],
    "behind an activation": lambda: [dense(3, 4), activation("softmax"), last(), dense(4, 2)],
    "behind a recurrent layer": lambda: [lstm(3, 4), last(), dense(4, 2)],
    "with layers between": lambda: [gru(3, 4), dense(4, 4), activation("tanh"), last(), dense(4, 2)],
    "both ways": lambda: [bidirectional(rnn(3, 2), last=True), dense(4, 2)],
}


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS.keys())
def test_last_is_the_last_step_that_is_there(stack):
    """Wherever it stands: a padded batch gives what each sequence gives by itself, and so does its gradient."""
    model = Model(stack(), softmax_cross_entropy, rng=rng(), dtype=np.float64)
    lengths, T = np.array([2, 5, 3, 1]), 5
    x = rng(1).integers(0, 7, (4, T)) if model.labels else rng(1).standard_normal((4, T, 3))
    y = np.array([0, 1, 1, 0])
    alone = [model.predict(x[k : k + 1, :n]) for k, n in enumerate(lengths)]
    np.testing.assert_allclose(model.predict(x, lengths), np.concatenate(alone), rtol=0, atol=1e-14)
    mask, target = step_mask(lengths, T), columns(y[:, None])
    _, grad = model.loss_and_gradient(columns(x), target, mask=mask)
    parts = [model.loss_and_gradient(columns(x[k : k + 1, :n]), target[:, k : k + 1])[1] for k, n in enumerate(lengths)]
    np.testing.assert_allclose(grad, np.mean(parts, axis=0), rtol=0, atol=1e-14)

    def loss(theta):
        other = model.at(theta)
        return other.loss(other.forward(columns(x if model.labels else x + 0j), mask=mask)[0], target)[0]

    assert gradcheck.relative_error(grad, gradcheck.complex_step(loss, model.theta)) < 1e-13


# ---- subclasses of arrays ----------------------------------------------------------------------------------------


class Metres(np.ndarray):
    """An array with a unit, as several libraries have them."""


@pytest.mark.parametrize("disguise", [
    lambda a: np.ma.masked_invalid(a), lambda a: a.view(Metres),
    lambda a: np.asmatrix(a.reshape(len(a), -1)).view(np.matrix),
], ids=["masked", "with a unit", "matrix"])  # fmt: skip
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_arrays_that_mean_more_than_their_numbers_are_refused(disguise):
    model, (x, y) = small(), parity()
    before = state_of(model)
    calls = {
        "x": lambda: model.predict(disguise(x)),
        "y": lambda: evaluate(model, x, disguise(y)),
        "lengths": lambda: model.predict(x, disguise(np.full(64, 6))),
        "theta": lambda: setattr(model, "theta", disguise(model.theta)),
        "params": lambda: model.params.update({"dense.b": disguise(model.params["dense.b"].copy())}),
    }
    for name, call in calls.items():
        with pytest.raises(TypeError, match=f"^{name}.*: expected a plain NumPy array, got"):
            call()
    with pytest.raises(TypeError, match=r"^x: expected a plain NumPy array"):
        fit(model, disguise(x), y, epochs=1, rng=rng(), progress=False)
    assert state_of(model) == before


def test_a_file_in_memory_is_an_array(tmp_path):
    x, y = parity()
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert type(mapped) is np.memmap
    assert evaluate(small(), mapped, y) == evaluate(small(), x, y)


# ---- numbers -----------------------------------------------------------------------------------------------------

CHECKS = {check_count: 3, check_positive: 0.5, check_fraction: 0.5, check_not_negative: 0.5, check_number: 0.5}


@pytest.mark.parametrize("check, value", CHECKS.items(), ids=lambda v: getattr(v, "__name__", None))
def test_checks_give_pythons_numbers(check, value):
    kinds = (np.int8, np.uint8, np.int64) if check is check_count else (np.float16, np.float32, np.float64)
    for kind in kinds:
        found = check("n", kind(value))
        assert type(found) is type(value) and found == value
    for bad in (None, "1", [1], np.array([1, 2]), np.array(1), True, np.True_, 1j, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"^n: expected .*, got "):
            check("n", bad)
    with pytest.raises(ValueError, match=r"^n: expected"):
        check_positive("n", 10**400)
    assert check_flag("f", np.True_) is True
    for bad in (1, 0, "no", None, np.array([True])):
        with pytest.raises(TypeError, match=r"^f: expected True or False, got "):
            check_flag("f", bad)


def test_small_integers_count_as_far_as_any():
    model, (x, y) = small(), parity(200)
    assert evaluate(model, x, y, batch=np.int8(100)) == evaluate(model, x, y, batch=100)
    wide = lstm(np.int8(100), np.uint8(200))
    assert wide.shapes["W"] == (800, 100) and all(type(n) is int for shape in wide.shapes.values() for n in shape)
    assert type(wide.config["hidden"]) is int
    train = lambda kind: fit(small(), x, y, epochs=kind(2), batch=kind(100), rng=rng(), progress=False)
    histories = [train(int), train(np.int8)]
    assert histories[0].batch_loss == histories[1].batch_loss and len(histories[0].batch_loss) == 4


def test_a_rate_of_single_precision_is_the_one_that_is_saved():
    layer = dropout(np.float32(0.1))
    y, _, _ = layer.forward({}, np.ones((1, 1000, 1)), (), layers.Pass(rng=rng()))
    again, _, _ = layers.make(layer.config).forward({}, np.ones((1, 1000, 1)), (), layers.Pass(rng=rng()))
    np.testing.assert_array_equal(y, again)
    for schedule in (optim.steps(np.float32(0.1), np.int8(100)), constant(np.float16(0.1))):
        assert type(schedule(0.5)) is float


@pytest.mark.parametrize("call", [
    lambda: lstm(3, 4, peepholes="no"), lambda: recurrent("lstm", 3, 4, own=1),
    lambda: bidirectional(rnn(3, 4), last=0),
    lambda: fit(small(), *parity(), epochs=1, rng=rng(), buckets="yes", lengths=np.full(64, 6)),
    lambda: fit(small(), *parity(), epochs=1, rng=rng(), progress="no"),
])  # fmt: skip
def test_a_word_is_no_flag(call):
    with pytest.raises(TypeError, match=r"^\w+: expected True or False, got "):
        call()


# ---- labels ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start, error, message", [
    (np.array([-1]), ValueError, r"^start: expected labels in 0 \.\.\. 2, got -1"),
    (np.array([0, 3]), ValueError, r"^start: expected labels in 0 \.\.\. 2, got 0 \.\.\. 3"),
    (np.array([1.0]), TypeError, "^start: expected integer class labels, got dtype float64"),
    (np.array([True]), TypeError, "^start: expected integer class labels, got dtype bool"),
    (np.array(["a"]), TypeError, "^start: expected integer class labels, got dtype <U1"),
    (np.array([], int), ValueError, "^start: expected n >= 1"),
    (np.array([[1]]), ValueError, r"^start: expected shape \(n\), got \(1, 1\)"),
])  # fmt: skip
@pytest.mark.parametrize("first", [lambda: gru(3, 4), lambda: embedding(3, 3)], ids=["one-hot", "embedding"])
def test_sample_reads_labels_only(first, start, error, message):
    model = Model([first(), dense(4 if first().name == "gru" else 3, 3)], softmax_cross_entropy, rng=rng())
    with pytest.raises(error, match=message):
        sample(model, start, 3, rng=rng())


# ---- interrupted -------------------------------------------------------------------------------------------------


def stopping(call, at, error):
    """`call`, but the `at`-th time it raises `error`."""
    calls = []

    def stopped(*args, **kwargs):
        calls.append(1)
        if len(calls) == at:
            raise error
        return call(*args, **kwargs)

    return stopped


SETTINGS = {
    "plain": {},
    "adam, dropout, patience": {"patience": 3},
    "buckets and pieces": {"lengths": rng(2).integers(1, 7, 64), "buckets": True, "truncate": 2},
}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError()], ids=["interrupt", "error"])
@pytest.mark.parametrize("where, at", [("learn", 1), ("learn", 6), ("learn", 11), ("score", 1), ("score", 2)])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_broken_off_and_gone_on_with(where, at, error, settings, monkeypatch):
    """Within an epoch or its validation; with a history of the caller's or without: bit for bit as without a break."""
    from lstm_core import training

    def network():
        return Model([lstm(2, 4), dropout(0.2), dense(4, 2)], softmax_cross_entropy, rng=rng())

    (x, y), generators = parity(), [rng(5), rng(5)]
    how = {"epochs": 3, "batch": 16, "validation": parity(20), "progress": False, **settings}
    whole = network()
    expected = fit(whole, x, y, rng=generators[0], **how)
    model = network()
    with monkeypatch.context() as patch:
        if where == "learn":
            patch.setattr(Model, "learn", stopping(Model.learn, at, error))
        else:
            patch.setattr(training, "score", stopping(training.score, at, error))
        with pytest.raises(type(error)) as caught:
            fit(model, x, y, rng=generators[1], **how)
    history = caught.value.history
    assert "goes on from the end of epoch" in "".join(caught.value.__notes__)
    assert history.unfinished is not None and len(history.loss) == len(history.validation) == len(history.rate)
    assert fit(model, x, y, rng=generators[1], history=history, **how) is history
    assert state_of(model, history, generators[1]) == state_of(whole, expected, generators[0])
    assert history.unfinished is None and history.batch_norm == expected.batch_norm


def test_an_error_after_an_epoch_leaves_it_whole():
    model, (x, y) = small(), parity()
    with pytest.raises(ZeroDivisionError):
        fit(model, x, y, epochs=3, rng=rng(), progress=False, after_epoch=lambda history: 1 / 0)


# ---- size and time -----------------------------------------------------------------------------------------------


def peak(call):
    tracemalloc.start()
    call()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_fifty_thousand_labels_and_one_token():
    """Loss and embedding of one step: what they return has 3 MB; a matrix of labels by labels would have 10 GB."""
    V, C = 50_000, 8
    layer, x = embedding(V, C), np.array([[7]])
    P = {"W": np.zeros((C, V), np.float32)}

    def once():
        y, _, cache = layer.forward(P, x, ())
        layer.backward(P, cache, y, ())
        softmax_cross_entropy(np.zeros((1, V, 1), np.float32), x)

    assert peak(once) < 1e6 + C * V * 4 + 10 * V * 4


def test_the_embeddings_gradient_is_that_of_one_hot_columns():
    """However many steps are taken at a time, and whichever labels occur."""
    for T, B, V in ((3, 2, 5), (40, 30, 1000), (1, 1, 7)):
        layer, x = embedding(V, 3), rng(T).integers(0, V, (T, B))
        dy = rng().standard_normal((T, 3, B))
        onehot = np.eye(V)[x]
        np.testing.assert_allclose(layer.backward({}, x, dy, ())[0]["W"], np.tensordot(dy, onehot, ((0, 2), (0, 1))))


def test_many_layers_take_time_by_their_number():
    """2,000 layers are named and built in the time of twenty times 100, not of four hundred times."""
    import time

    def seconds(count):
        begin = time.perf_counter()
        Model([dense(1, 1) for _ in range(count)], mse, rng=rng())
        return time.perf_counter() - begin

    few = min(seconds(100) for _ in range(5))
    assert min(seconds(2_000) for _ in range(3)) < 80 * few


def test_long_values_are_cut_in_messages():
    huge = "x" * 10**6
    calls = [
        lambda: check_count("n", huge), lambda: check_flag("f", [huge] * 10), lambda: lstm(3, 4, peepholes=huge),
        lambda: recurrent(huge, 3, 4), lambda: small().run(huge), lambda: Model([huge], mse, rng=rng()),
        lambda: fit(small(), *parity(), epochs=1, rng=rng(), rate=huge),
        lambda: layers.make({"layer": huge}), lambda: small().predict(parity()[0], np.arange(10**6)),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises((ValueError, TypeError)) as caught:
            call()
        assert len(str(caught.value)) < 3_000
    assert sys.getsizeof(huge) > 10**6
