"""fit and evaluate: what an epoch is, what the history says, early stop, divergence; scores against sums by hand."""

import copy
import math
import os
import platform
import subprocess
import sys
import time
import tracemalloc
import types

import numpy as np
import pytest

from lstm_core import (
    History,
    Model,
    Scores,
    data,
    dense,
    dropout,
    evaluate,
    fit,
    gru,
    last,
    lstm,
    mse,
    optim,
    softmax_cross_entropy,
    training,
)
from lstm_core.training import keep_memory

N, T, D, C = 23, 4, 3, 2


def problem(loss=softmax_cross_entropy, dtype=np.float64, seed=0):
    """(model, x, y): 23 short sequences of noise with random targets; enough to overfit."""
    rng = np.random.default_rng(seed)
    model = Model([gru(D, 5), last(), dense(5, C)], loss, rng=rng, dtype=dtype)
    x = rng.standard_normal((N, T, D)).astype(dtype)
    return model, x, rng.standard_normal((N, C)).astype(dtype) if loss is mse else rng.integers(0, C, N)


def train(model, x, y, *, epochs=3, batch=10, seed=1, **settings):
    return fit(model, x, y, epochs=epochs, batch=batch, rng=np.random.default_rng(seed), progress=False, **settings)


def trained(**settings):
    model, x, y = problem()
    return model.theta if train(model, x, y, **settings) else None


# ---- an epoch ----------------------------------------------------------------------------------------------------


def test_fit_is_the_loop_it_says_it_is():
    """Two epochs of SGD written out: new order each epoch, three batches of 10, 10 and 3, clipped, rate by progress."""
    model, x, y = problem()
    twin, rng, rate = copy.deepcopy(model), np.random.default_rng(1), optim.cosine(0.5, 2, 0.3)
    norms, rates = [], []
    for epoch in range(2):
        order = rng.permutation(N)
        for k in range(3):
            chosen = order[10 * k : 10 * k + 10]
            _, grad = twin.loss_and_gradient(x[chosen].transpose(1, 2, 0).copy(), y[chosen][None])
            norms.append(np.linalg.norm(grad))
            rates.append(rate(epoch + (k + 0.5) / 3))
            twin.theta -= rates[-1] * grad * min(1, 0.1 / norms[-1])
    history = train(model, x, y, epochs=2, rate=rate, optimizer=optim.sgd(), clip=0.1)
    np.testing.assert_allclose(model.theta, twin.theta, rtol=0, atol=1e-15)  # clipping divides in another order
    np.testing.assert_allclose(history.batch_norm, norms, rtol=1e-14)
    assert max(norms) > 0.1  # before clipping
    assert history.rate == rates[2::3]


def test_every_example_once_an_epoch_in_a_new_order():
    seen = []

    def spy(y, target):
        seen.append(target[0, 0].copy())
        return mse(y, target)

    model, x, _ = problem(mse)
    model.loss_function = spy
    number = np.arange(1.0, N + 1)
    train(model, x, np.stack([number, number], 1))
    seen = [batch for batch in seen if batch.size > 1]  # fit tries the loss on two single steps first
    assert [batch.size for batch in seen] == 3 * [10, 10, 3]
    epochs = [tuple(np.concatenate(seen[3 * k : 3 * k + 3])) for k in range(3)]
    assert all(sorted(epoch) == list(number) for epoch in epochs) and len(set(epochs)) == 3


def test_history():
    model, x, y = problem()
    start = time.perf_counter()
    history = train(model, x, y, validation=(x[:5], y[:5]))
    assert isinstance(history, History) and sum(history.seconds) < time.perf_counter() - start
    assert [len(h) for h in (history.loss, history.seconds, history.rate, history.validation)] == [3, 3, 3, 3]
    assert len(history.batch_loss) == len(history.batch_norm) == 9
    # the mean over examples, not over batches: the last batch has 3 examples; rounding only
    np.testing.assert_allclose(history.loss, np.reshape(history.batch_loss, (3, 3)) @ [10, 10, 3] / N, rtol=1e-15)
    assert all(type(value) is float for value in history.loss + history.batch_loss + history.batch_norm)
    assert all(s > 0 for s in history.seconds) and history.rate == 3 * [1e-3]
    assert history.validation[-1] == evaluate(model, x[:5], y[:5])
    assert history.best == int(np.argmin([s.loss for s in history.validation]))


def test_history_without_validation():
    history = train(*problem())
    assert history.validation == [] and history.best is None


def test_steps_last_whole_epochs():
    """The last batch of an epoch still belongs to it: the rate halves after the epoch, not before its last step."""
    history = train(*problem(), epochs=4, rate=optim.steps(0.1, every=2))
    assert history.rate == [0.1, 0.1, 0.05, 0.05]


def test_same_generator_same_weights():
    first = trained()
    np.testing.assert_array_equal(trained(), first)
    assert (trained(seed=2) != first).any()


def test_defaults():
    np.testing.assert_array_equal(trained(), trained(rate=optim.constant(1e-3), optimizer=optim.adam(), clip=None))


def test_a_batch_larger_than_the_data_is_the_data():
    np.testing.assert_array_equal(trained(batch=1000), trained(batch=N))


@pytest.mark.parametrize("loss", [mse, softmax_cross_entropy], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fit_fits(loss, dtype):
    model, x, y = problem(loss, dtype)
    before = evaluate(model, x, y).loss
    train(model, x, y, epochs=60, rate=optim.constant(0.02))
    assert evaluate(model, x, y).loss < before / 2
    assert model.theta.dtype == dtype


def test_parity_is_learned_and_generalises():
    """Per-step targets, an LSTM: after 300 batches, unseen strings twice as long are right as a whole.

    Guessing gets none right. Eight seeds gave 0, 0, 0, 0, 0, 0, 0.2 and 0.6 % wrong: 5 % is another machine's rounding.
    """
    rng = np.random.default_rng(0)
    model = Model([lstm(2, 16), dense(16, 2)], softmax_cross_entropy, rng=rng)
    x, y = data.parity(rng, 4800, 10)
    fit(model, x, y, epochs=2, batch=32, rng=rng, rate=optim.constant(1e-2), clip=1.0, progress=False)
    assert evaluate(model, *data.parity(rng, 500, 20)).whole < 0.05


def test_progress_bar(capsys):
    model, x, y = problem()
    train(model, x, y)
    assert capsys.readouterr() == ("", "")
    fit(model, x, y, epochs=2, rng=np.random.default_rng(0))
    out, err = capsys.readouterr()
    assert out == "" and "epoch 2/2" in err and "loss=" in err


# ---- dropout -----------------------------------------------------------------------------------------------------


def dropping(rate=0.5):
    _, x, y = problem()
    layers = [gru(D, 8), dropout(rate), last(), dense(8, C)]
    return Model(layers, softmax_cross_entropy, rng=np.random.default_rng(0), dtype=np.float64), x, y


def test_dropout_is_for_training_only():
    """predict and evaluate give what the model without it gives; and so does training at rate 0."""
    model, x, y = dropping()
    plain, _, _ = dropping(0)
    np.testing.assert_array_equal(model.predict(x), plain.predict(x))
    assert evaluate(model, x, y) == evaluate(plain, x, y)
    history = train(model, x, y, validation=(x, y))
    assert history.validation[-1] == evaluate(model, x, y)
    kept = {"epochs": 1, "batch": N}
    layers, rng = [gru(D, 8), last(), dense(8, C)], np.random.default_rng(0)
    without = Model(layers, softmax_cross_entropy, rng=rng, dtype=np.float64)
    assert train(plain, x, y, **kept).loss == train(without, x, y, **kept).loss
    np.testing.assert_array_equal(plain.theta, without.theta)


def test_dropout_is_drawn_anew_for_each_batch_and_from_the_seed():
    """At rate 0 of learning only the dropout differs from epoch to epoch, from seed to seed."""
    runs = [train(*dropping(), epochs=4, batch=N, seed=seed, rate=lambda progress: 0.0).loss for seed in (1, 1, 2)]
    assert runs[0] == runs[1] and len(set(runs[0] + runs[2])) == 8
    model, x, y = dropping()
    rng = np.random.default_rng(1)
    order = rng.permutation(N)
    loss, _, _ = model.learn(x[order].transpose(1, 2, 0).copy(), y[order][None], rng=rng)
    assert loss * N / N == runs[0][0]


def test_pieces_that_only_carry_the_state_drop_out_too():
    """Truncated, the last step read: the first three steps are not learned from, but they are steps of training."""
    _, x, y = problem()
    layers = [gru(D, 8), dropout(0.5), gru(8, 4), last(), dense(4, C)]
    model = Model(layers, softmax_cross_entropy, rng=np.random.default_rng(0), dtype=np.float64)
    rng = np.random.default_rng(1)
    order = rng.permutation(N)
    columns = x[order].transpose(1, 2, 0).copy()
    _, states, _ = model.forward(columns[:3], rng=rng)
    loss, _, _ = model.learn(columns[3:], y[order][None], states, rng=rng)
    assert train(model, x, y, epochs=1, batch=N, truncate=3).batch_loss == [loss]


# ---- early stop --------------------------------------------------------------------------------------------------
# Validation on the training data with the labels swapped: the better the fit, the worse the score, and epoch 0 is best.

WORSE = {"rate": optim.constant(0.02)}


def swapped():
    _, x, y = problem()
    return x, 1 - y


@pytest.mark.parametrize("patience", [1, 3])
def test_early_stop_restores_the_best_epoch(patience):
    model, x, y = problem()
    history = train(model, x, y, epochs=9, validation=swapped(), patience=patience, **WORSE)
    losses = [scores.loss for scores in history.validation]
    assert losses == sorted(losses) and history.best == 0  # worse with every epoch
    assert len(losses) == 1 + patience
    np.testing.assert_array_equal(model.theta, trained(epochs=1, **WORSE))
    assert evaluate(model, *swapped()) == history.validation[0]


def test_patience_restores_also_where_it_does_not_stop():
    model, x, y = problem()
    history = train(model, x, y, epochs=3, validation=swapped(), patience=5, **WORSE)
    assert len(history.loss) == 3 and history.best == 0
    np.testing.assert_array_equal(model.theta, trained(epochs=1, **WORSE))


def test_of_equal_epochs_the_first_is_the_best_and_weights_come_back_in_place():
    """At rate 0 every epoch is like the first: stop after `patience` more, and theta is the same array as ever."""
    model, x, y = problem()
    theta = model.theta
    history = train(model, x, y, epochs=9, rate=lambda progress: 0.0, validation=(x, y), patience=2)
    assert (history.best, len(history.loss)) == (0, 3)
    assert model.theta is theta


def test_patience_is_not_renewed_by_falling_back_a_little(monkeypatch):
    """Losses 1, 3, 2: better than the epoch before is not better than the best."""
    losses = iter([1.0, 3.0, 2.0, 0.5])
    monkeypatch.setattr(training, "score", lambda *_: Scores(next(losses), math.nan, math.nan))
    model, x, y = problem()
    history = train(model, x, y, epochs=9, validation=(x, y), patience=2)
    assert [scores.loss for scores in history.validation] == [1, 3, 2]


def test_the_generator_moves_on():
    """Two runs on one generator see two orders, as one longer loop by hand would."""
    model, x, y = problem()
    rng = np.random.default_rng(1)
    first, second = (fit(copy.deepcopy(model), x, y, epochs=1, batch=10, rng=rng, progress=False) for _ in range(2))
    assert first.batch_loss != second.batch_loss


def test_patience_counts_from_the_best_epoch():
    """Validation on the training data itself: every epoch is the best so far, and none is thrown away."""
    model, x, y = problem()
    history = train(model, x, y, epochs=4, validation=(x, y), patience=1, **WORSE)
    assert history.best == 3
    np.testing.assert_array_equal(model.theta, trained(epochs=4, **WORSE))


def test_without_patience_validation_only_looks():
    model, x, y = problem()
    history = train(model, x, y, epochs=4, validation=swapped(), **WORSE)
    assert len(history.validation) == 4 and history.best == 0
    np.testing.assert_array_equal(model.theta, trained(epochs=4, **WORSE))


def test_a_run_broken_off_in_its_first_epoch_goes_on():
    """Its history has a state of the optimiser and no epoch, so no weights of a best one either, patience or not."""
    model, x, y = problem()

    def broken(progress):
        raise KeyboardInterrupt

    history = History()
    with pytest.raises(KeyboardInterrupt):
        train(model, x, y, history=history, rate=broken)
    assert history.optimizer["k"] == 0 and history.loss == []
    train(model, x, y, history=history, validation=(x, y), patience=1)
    np.testing.assert_array_equal(model.theta, trained(validation=(x, y), patience=1))


# ---- divergence --------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", [optim.sgd(), optim.momentum()], ids=["sgd", "momentum"])
def test_divergence_stops_before_the_bad_batch(optimizer, dtype):
    rng, path = np.random.default_rng(0), []

    def update(theta, grad, state, rate):
        optimizer.update(theta, grad, state, rate)
        path.append(theta.copy())

    model = Model([dense(D, C)], mse, rng=rng, dtype=dtype)
    x, y = rng.standard_normal((N, 2, D)).astype(dtype), np.ones((N, 2, C), dtype)
    spied = optim.Optimizer(optimizer.init, update)
    with pytest.raises(FloatingPointError, match=r"^fit: loss .* in epoch \d+, batch \d+; the weights are those"):
        train(model, x, y, epochs=1000, optimizer=spied, rate=optim.constant(1e3))
    assert len(path) > 2 and np.isfinite(model.theta).all()
    np.testing.assert_array_equal(model.theta, path[-1])


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("x, y, message", [
    (3e17, 0.0, r"the update leaves .* an optimiser's state that are not finite"),  # loss and gradient 1e35 or so
    (1e-9, 3e18, r"loss inf, gradient norm \d"),  # gradient 3e18, but the sum of 92 squared errors is beyond
], ids=["square of the gradient", "loss"])
def test_loss_and_gradient_are_both_watched(x, y, message):
    model = Model([dense(D, C)], mse, rng=np.random.default_rng(0))
    before = model.theta.tobytes()
    x, y = np.full((N, 2, D), x, np.float32), np.full((N, 2, C), y, np.float32)
    with pytest.raises(FloatingPointError, match=message):
        train(model, x, y, batch=N)
    assert model.theta.tobytes() == before


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_a_validation_loss_that_is_not_finite():
    """It must not become the best epoch, nor pass unseen."""
    model = Model([dense(D, C)], mse, rng=np.random.default_rng(0))
    x, y = np.ones((N, 1, D), np.float32), np.ones((N, 1, C), np.float32)
    with pytest.raises(FloatingPointError, match=r"^fit: validation loss inf after epoch 1"):
        train(model, x, y, validation=(1e30 * x, y), patience=1)
    assert np.isfinite(model.theta).all()


@pytest.mark.parametrize("bad", [-1e-9, math.inf, math.nan])
def test_a_rate_that_is_none_is_named_before_it_is_used(bad):
    """After one good epoch, in the second; and a loss that diverges, in the second batch of it, is counted from 1."""
    model, x, y = problem()
    with pytest.raises(ValueError, match=r"^rate: expected a schedule of numbers >= 0, got \S+ in epoch 2\n"):
        train(model, x, y, rate=lambda progress: 1e-3 if progress < 1 else bad)
    np.testing.assert_array_equal(model.theta, trained(epochs=1))
    model, calls = problem()[0], []
    true = model.learn

    def learn(*given):
        calls.append(0)
        loss, *rest = true(*given)
        return (math.nan if len(calls) == 5 else loss), *rest

    model.learn = learn
    with pytest.raises(FloatingPointError, match=r" in epoch 2, batch 2; the weights"):
        train(model, x, y)


# ---- evaluate ----------------------------------------------------------------------------------------------------


def passing_on():
    """A model whose scores are its inputs."""
    model = Model([dense(2, 2)], softmax_cross_entropy, rng=np.random.default_rng(0), dtype=np.float64)
    model.params["dense.W"][...] = np.eye(2)
    return model


def test_scores_by_hand():
    """Three strings of two steps, scores (1, 0) or (0, 1); wrong are one step of the first, both of the second."""
    bits, labels = np.array([[0, 1], [1, 1], [0, 0]]), np.array([[0, 0], [0, 0], [0, 0]])
    right, wrong = math.log(1 + math.exp(-1)), math.log(1 + math.exp(1))
    loss, error, whole = evaluate(passing_on(), np.eye(2)[bits], labels)
    assert (error, whole) == (3 / 6, 2 / 3)
    assert loss == pytest.approx((right + wrong) / 2, rel=1e-15)


def test_scores_of_values():
    model, x, y = problem(mse)
    loss, error, whole = evaluate(model, x, y)
    assert loss == pytest.approx(((model.predict(x) - y) ** 2).mean(), rel=1e-14)
    assert math.isnan(error) and math.isnan(whole)


@pytest.mark.parametrize("loss", [mse, softmax_cross_entropy], ids=lambda f: f.__name__)
@pytest.mark.parametrize("batch", [1, 4, 22, 23, 1000])
def test_evaluate_does_not_depend_on_the_batch(loss, batch):
    model, x, y = problem(loss)
    found, expected = evaluate(model, x, y, batch=batch), evaluate(model, x, y)
    assert isinstance(found, Scores)
    assert found == pytest.approx(expected, rel=1e-13, nan_ok=True)  # sums of 23 in another order


def test_evaluate_sees_every_example():
    """More than the default batch of 1,000, and only the last one wrong."""
    model, x, _ = problem()
    x = np.repeat(x[:1], 1001, axis=0)
    answer = model.predict(x[:1]).argmax(axis=1).item()
    y = np.full(1001, answer)
    y[-1] = 1 - answer
    assert evaluate(model, x, y).error == 1 / 1001


def test_evaluate_changes_nothing():
    model, x, y = problem()
    before = model.theta.tobytes(), x.tobytes(), y.tobytes()
    evaluate(model, x, y)
    assert before == (model.theta.tobytes(), x.tobytes(), y.tobytes())


def test_fit_does_not_touch_the_data():
    model, x, y = problem()
    before = x.tobytes(), y.tobytes()
    train(model, x, y)
    assert before == (x.tobytes(), y.tobytes())


only_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="how memory is kept is known of glibc only")


def faults_by(program, environment=types.MappingProxyType({})):
    """The page faults that a program prints, in a process whose C library has no limits but those of `environment`."""
    inherited = {name: x for name, x in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=inherited | environment)
    return float(done.stdout)


@only_glibc
@pytest.mark.parametrize("H, kept, environment", [
    (100, True, {}), (600, True, {}), (100, True, {"MALLOC_ARENA_MAX": "2"}),
    (100, False, {"MALLOC_TRIM_THRESHOLD_": "131072"}),
    (100, False, {"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=131072"}),
], ids=str)
def test_memory_is_kept_from_batch_to_batch(H, kept, environment):
    """In a process that has freed no large block before, some thousand pages would be faulted in per batch.

    And are, where the user has set the limit. With 600 units a batch needs more than 64 MB.
    """
    program = f"""
import resource
import numpy as np
from lstm_core import Model, dense, fit, last, lstm, softmax_cross_entropy
from lstm_core.training import keep_memory

assert keep_memory.cache_info().currsize == 0  # an import does nothing
rng = np.random.default_rng(0)
model = Model([lstm(28, {H}, compiled=False), last(), dense({H}, 10)], softmax_cross_entropy, rng=rng)
x, y = rng.random((500, 28, 28), dtype=np.float32), rng.integers(0, 10, 500)
faults = []
note = lambda history: faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
fit(model, x, y, batch=100, epochs=3, rng=rng, after_epoch=note, progress=False)
print((faults[2] - faults[1]) / 5)
"""
    assert (faults_by(program, environment) < 100) == kept


@only_glibc
def test_memory_is_kept_where_the_heap_had_holes():
    """Blocks of many sizes, in a process that has freed 60 MB in the middle of its heap before."""
    program = """
import resource
import numpy as np
from lstm_core.training import keep_memory

small = [np.ones(100_000, np.uint8) for _ in range(600)]
end = np.ones(100_000, np.uint8)
del small
keep_memory()
others = [np.ones(100_000, np.uint8) for _ in range(620)]

def faults_of_a_batch():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [np.ones(5_000_000, np.float32)] + [np.ones(250_000, np.float32) for _ in range(4)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print([faults_of_a_batch() for _ in range(5)][-1])
"""
    assert faults_by(program) < 100


def test_what_keeps_the_memory_takes_none():
    """Who measures the memory of `fit` with tracemalloc, does not see it."""
    tracemalloc.start()
    try:
        keep_memory.__wrapped__()
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()
