"""Sequences: states in and out, pieces, masks and lengths, buckets, truncated BPTT, and layers in any order.

What holds for one string holds for each string of a padded batch; what stands in the padding counts for nothing.
"""

import copy
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lstm_core import (
    Model,
    activation,
    bidirectional,
    dense,
    dropout,
    embedding,
    evaluate,
    fit,
    gradcheck,
    gru,
    last,
    lstm,
    model,
    mse,
    optim,
    reverse,
    rnn,
    softmax_cross_entropy,
    training,
)  # fmt: skip  # isort: skip
from lstm_core.arrays import views

# Against the complex step, or against the same sum in another order: some hundred products and sums, each to 1e-16,
# relative to the largest element.
TOLERANCE = 1e-12
CELLS = {
    "rnn": rnn, "lstm": lstm, "peepholes": lambda D, H: lstm(D, H, peepholes=True), "gru": gru,
    "gru before": lambda D, H: gru(D, H, reset="before"),
}  # fmt: skip


def build(layers, loss=mse, dtype=np.float64, seed=0):
    """A model whose biases and peepholes are not nought."""
    rng = np.random.default_rng(seed)
    net = Model(layers, loss, rng=rng, dtype=dtype)
    net.theta += (0.3 * rng.standard_normal(net.theta.shape)).astype(dtype)
    return net


def sgd():
    return {"optimizer": optim.sgd(), "rate": optim.constant(0.1), "progress": False}


# ---- every layer in any order, with masks, states and dropout: the complex step ----------------------------------


def gradient_error(net, T, B, mask=None, dropout_seed=None, seed=1):
    """Model.backward against the complex step: θ, x and the initial states, loss on all y and all final states."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, net.labels, (T, B)) if net.labels else rng.standard_normal((T, net.layers[0].features, B))
    y, after, _ = net.forward(x, mask=mask)
    states = [[rng.standard_normal(s.shape) for s in state] for state in after]
    dy, dstates = rng.standard_normal(y.shape), [tuple(rng.standard_normal(s.shape) for s in state) for state in after]
    shapes = {"theta": net.theta.shape} | ({} if net.labels else {"x": x.shape})
    shapes |= {(k, i): s.shape for k, state in enumerate(states) for i, s in enumerate(state)}

    def run(vector):
        V = views(shapes, vector)
        s = [tuple(V[k, i] for i in range(len(state))) for k, state in enumerate(states)]
        fresh = None if dropout_seed is None else np.random.default_rng(dropout_seed)
        return net.at(V["theta"]), net.at(V["theta"]).forward(V.get("x", x), s, mask=mask, rng=fresh)

    def value(vector):
        _, (y, after, _) = run(vector)
        return (dy * y).sum() + sum((d * s).sum() for k in range(len(after)) for d, s in zip(dstates[k], after[k]))

    start = np.concatenate([net.theta, *([] if net.labels else [x.ravel()]), *(s.ravel() for t in states for s in t)])
    twin, (_, _, caches) = run(start)
    grad, dx, dstates0 = twin.backward(caches, dy, dstates)
    assert [[s.shape for s in state] for state in dstates0] == [[s.shape for s in state] for state in states]
    found = [grad, *([] if net.labels else [dx.ravel()]), *(s.ravel() for state in dstates0 for s in state)]
    return gradcheck.relative_error(np.concatenate(found), gradcheck.complex_step(value, start))


def prefix(lengths, T):
    return np.arange(T)[:, None] < np.array(lengths)


@st.composite
def problems(draw):
    """A stack of two to five layers, its input's T and B, and a mask."""
    sizes, cells = st.integers(2, 4), st.sampled_from(sorted(CELLS))
    D, layers, backward = draw(sizes), [], False
    for k in range(draw(st.integers(1, 3))):
        kinds = ["recurrent", "bidirectional", "reverse", "dense"]
        kind = draw(st.sampled_from(kinds + (["activation", "dropout"] if k else ["embedding"])))
        H = draw(sizes)
        if kind in ("recurrent", "bidirectional", "reverse"):
            of = CELLS[draw(cells)](D, H)
            layers.append({"recurrent": lambda of: of, "bidirectional": bidirectional, "reverse": reverse}[kind](of))
            backward = kind != "recurrent"
        elif kind in ("activation", "dropout"):
            functions = ["tanh", "sigmoid", "relu", "softmax", "log_softmax"]
            layers.append(activation(draw(st.sampled_from(functions))) if kind == "activation" else dropout(0.4))
            H = D
        else:
            layers.append(dense(D, H) if kind == "dense" else embedding(D, H))
        D = 2 * H if kind == "bidirectional" else H
    end = draw(st.sampled_from(["all", "ends"] + ["last"] * (not backward)))
    layers += {"all": [], "ends": [bidirectional(gru(D, 2), last=True)], "last": [last()]}[end]
    layers += [dense(4 if end == "ends" else D, 2)]
    T, B = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    lengths = draw(st.none() | st.lists(st.integers(1, T), min_size=B, max_size=B))
    return layers, T, B, lengths


EVERYTHING = [
    embedding(5, 3), bidirectional(lstm(3, 2, peepholes=True)), dropout(0.3), activation("relu"), gru(4, 3),
    activation("softmax"), bidirectional(gru(3, 2, reset="before"), last=True), activation("sigmoid"), dense(4, 2),
]  # fmt: skip
worst = [0.0]


@settings(max_examples=40)
@given(problems())
@example((EVERYTHING, 5, 3, [5, 1, 3]))
@example(([lstm(3, 4), dropout(0.5), bidirectional(rnn(4, 2)), gru(4, 3), last(), dense(3, 2)], 4, 3, [2, 4, 1]))
@example(([reverse(lstm(3, 2, peepholes=True)), rnn(2, 3, "relu"), last(), lstm(3, 2), dense(2, 2)], 1, 2, [1, 1]))
def test_any_stack_is_differentiated_right(problem):
    layers, T, B, lengths = problem
    error = gradient_error(build(layers), T, B, None if lengths is None else prefix(lengths, T), dropout_seed=3)
    assert error <= TOLERANCE
    worst[0] = max(worst[0], error)


def test_the_worst_of_them(shown):
    shown(f"rung 3  stacks of every kind of layer, masked, with states: complex step to {worst[0]:.1e} relative")


@pytest.mark.parametrize("layers", [
    [lstm(3, 4, peepholes=True), gru(4, 2), rnn(2, 5), dense(5, 2)],
    [bidirectional(lstm(3, 2)), bidirectional(gru(4, 3)), dense(6, 2)],
    [gru(3, 4), bidirectional(rnn(4, 2), last=True), dense(4, 2)],
], ids=["stacked", "bidirectional", "ends"])  # fmt: skip
@pytest.mark.parametrize("mask", [None, np.random.default_rng(0).random((6, 4)) < 0.5], ids=["whole", "with gaps"])
def test_initial_and_final_states_have_their_gradients(layers, mask, shown):
    error = gradient_error(build(layers), 6, 4, mask)
    assert error <= TOLERANCE
    name = ", ".join(layer.name for layer in layers)
    shown(f"rung 3  {name}{'' if mask is None else ', gaps'}: all gradients = complex step to {error:.1e} relative")


# ---- three pieces are the whole, to the last bit -----------------------------------------------------------------

STACK = [lstm(3, 5, peepholes=True), activation("tanh"), gru(5, 4), rnn(4, 6), dense(6, 2)]


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("layers", [[f(3, 5), dense(5, 2)] for f in CELLS.values()] + [STACK], ids=[*CELLS, "stack"])
def test_three_pieces_are_the_whole(layers, masked):
    """Outputs, final states, dx and dstate0 exactly; a parameter's gradient is one sum over time, or three."""
    net, rng = build(layers), np.random.default_rng(1)
    x, dy = rng.standard_normal((9, 3, 4)), rng.standard_normal((9, 2, 4))
    mask = prefix([9, 2, 5, 6], 9) if masked else None
    y, final, caches = net.forward(x, mask=mask)
    dstates = [tuple(rng.standard_normal(s.shape) for s in state) for state in final]
    grad, dx, dstates0 = net.backward(caches, dy, dstates)

    states, found, kept, total = None, [], [], 0
    pieces = [slice(0, 3), slice(3, 6), slice(6, 9)]
    for piece in pieces:
        part, states, cache = net.forward(x[piece], states, mask=None if mask is None else mask[piece])
        found.append(part)
        kept.append(cache)
    dxs = []
    for piece, cache in reversed(list(zip(pieces, kept))):
        part, dx_piece, dstates = net.backward(cache, dy[piece], dstates)
        total = total + part
        dxs.insert(0, dx_piece)
    np.testing.assert_equal([np.concatenate(found), states], [y, final])
    np.testing.assert_equal([np.concatenate(dxs), dstates], [dx, dstates0])
    assert gradcheck.relative_error(total, grad) <= TOLERANCE


@pytest.mark.parametrize("reads_last", [False, True], ids=["all", "last"])
@pytest.mark.parametrize("lengths", [None, np.array([9, 7, 8, 7, 9])], ids=["whole", "lengths"])
def test_three_pieces_are_the_whole_at_the_edge(lengths, reads_last):
    net = build([*STACK[:-1], *[last()] * reads_last, dense(6, 2)], dtype=np.float32)
    x = np.random.default_rng(1).standard_normal((5, 9, 3)).astype(np.float32)
    y, final = net.run(x, lengths=lengths)
    states, parts = None, []
    for begin in (0, 3, 6):
        n = None if lengths is None else np.clip(lengths - begin, 1, 3)
        part, states = net.run(x[:, begin : begin + 3], states, n)
        parts.append(part)
    np.testing.assert_equal([parts[-1] if reads_last else np.concatenate(parts, axis=1), states], [y, final])


# ---- a padded batch is its strings -------------------------------------------------------------------------------

LENGTHS, LONGEST = np.array([6, 1, 3, 4, 6]), 6
NETS = {
    "all": [lstm(3, 4, peepholes=True), gru(4, 5), dense(5, 2)],
    "last": [gru(3, 4, reset="before"), lstm(4, 3), dropout(0.0), last(), dense(3, 2)],
    "last and on": [gru(3, 4), last(), rnn(4, 3), dense(3, 2)],
    "last at the end": [gru(3, 4), dense(4, 3), activation("sigmoid"), last(), dense(3, 2)],
    "bidirectional": [bidirectional(lstm(3, 2)), bidirectional(gru(4, 3)), dense(6, 2)],
    "both ends": [bidirectional(gru(3, 2)), reverse(rnn(4, 3)), bidirectional(lstm(3, 2), last=True), dense(4, 2)],
    "embedding": [embedding(7, 3), bidirectional(lstm(3, 4)), gru(8, 3), last(), dense(3, 2)],
}


def data_for(net, N=5, seed=2):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, net.labels, (N, LONGEST)) if net.labels else rng.standard_normal((N, LONGEST, 3))
    shape = (N,) if net.reads_last else (N, LONGEST)
    y = rng.integers(0, 2, shape) if net.loss_function is softmax_cross_entropy else rng.standard_normal((*shape, 2))
    return x if net.labels else x.astype(net.theta.dtype), y if y.dtype == int else y.astype(net.theta.dtype)


def target_of(net, y):
    return model.columns(y[:, None] if net.reads_last else y)


LOSSES = pytest.mark.parametrize("loss", [mse, softmax_cross_entropy], ids=["mse", "cross-entropy"])
EACH_NET = pytest.mark.parametrize("layers", NETS.values(), ids=NETS.keys())


@LOSSES
@EACH_NET
def test_a_padded_batch_is_its_strings_one_by_one(layers, loss):
    net = build(layers, loss)
    x, y = data_for(net)
    x, y = net.check_input(x, LENGTHS), y
    found = net.loss_and_gradient(model.columns(x), target_of(net, y), prefix(LENGTHS, LONGEST))
    value, grad, count = 0, 0, 0
    for k, n in enumerate(LENGTHS):
        one, weight = slice(k, k + 1), 1 if net.reads_last else n
        target = target_of(net, y[one] if net.reads_last else y[one, :n])
        value_k, grad_k = net.loss_and_gradient(model.columns(x[one, :n]), target)
        value, grad, count = value + weight * value_k, grad + weight * grad_k, count + weight
    assert found[0] == pytest.approx(value / count, rel=TOLERANCE)
    assert gradcheck.relative_error(found[1], grad / count) <= TOLERANCE


@EACH_NET
def test_each_string_of_a_batch_is_run_on_its_own(layers):
    net = build(layers)
    x, _ = data_for(net)
    y, states = net.run(x, lengths=LENGTHS)
    for k, n in enumerate(LENGTHS):
        alone, after = net.run(x[k : k + 1, :n])
        mine = y[k] if net.reads_last else y[k, :n]
        np.testing.assert_allclose(mine, alone[0], rtol=0, atol=TOLERANCE)
        for a, b in zip([s for t in states for s in t], [s for t in after for s in t], strict=True):
            np.testing.assert_allclose(a[:, k], b[:, 0], rtol=0, atol=TOLERANCE)
    np.testing.assert_array_equal(net.predict(x, LENGTHS), y)


def rubbish(x, value):
    """x with `value` beyond the lengths."""
    x = x.copy()
    for k, n in enumerate(LENGTHS):
        x[k, n:] = value
    return x


@pytest.mark.parametrize("x_pad, label", [(np.nan, -1), (-np.inf, 99), (3e38, -(2**63))], ids=["NaN", "inf", "huge"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@LOSSES
@EACH_NET
def test_whatever_stands_in_the_padding(layers, loss, dtype, x_pad, label):
    """It changes nothing, to the last bit: outputs, scores, and weights after two epochs."""
    net = build(layers, loss, dtype)
    x, y = data_for(net)
    dirty = rubbish(x, label if net.labels else x_pad)
    dirty_y = y if net.reads_last else rubbish(y, label if y.dtype == int else x_pad)
    np.testing.assert_equal(net.run(dirty, lengths=LENGTHS), net.run(x, lengths=LENGTHS))
    assert str(evaluate(net, dirty, dirty_y, 2, LENGTHS)) == str(evaluate(net, x, y, 2, LENGTHS))  # nan is nan
    kept = dirty.tobytes(), dirty_y.tobytes()
    thetas = []
    for a, b in ((x, y), (dirty, dirty_y)):
        twin = copy.deepcopy(net)
        options = {"buckets": dtype == np.float64, "validation": (a, b, LENGTHS)}
        history = fit(twin, a, b, epochs=2, batch=2, lengths=LENGTHS, rng=np.random.default_rng(0), **options, **sgd())
        thetas.append((twin.theta, history.loss, str(history.validation)))
    np.testing.assert_equal(*thetas)
    assert (dirty.tobytes(), dirty_y.tobytes()) == kept  # the data stays as it was handed in


@LOSSES
def test_a_loss_does_not_look_where_no_step_is(loss):
    rng, mask = np.random.default_rng(0), prefix([4, 1, 2], 4)
    y = rng.standard_normal((4, 2, 3))
    target = rng.standard_normal((4, 2, 3)) if loss is mse else rng.integers(0, 2, (4, 3))
    expected = loss(y, target, mask)
    alone = [loss(y[:n, :, [k]], target[:n, ..., [k]]) for k, n in enumerate([4, 1, 2])]
    assert expected[0] == pytest.approx(sum(n * one[0] for n, one in zip([4, 1, 2], alone)) / 7, rel=1e-14)
    np.testing.assert_allclose(expected[1][:2, :, 2:], alone[2][1] * 2 / 7, rtol=0, atol=1e-15)
    assert not expected[1][~mask.repeat(2).reshape(4, 3, 2).swapaxes(1, 2)].any()
    for bad, label in ((np.nan, -1), (np.inf, 99)):
        there = mask[:, None]
        wrong = np.where(there, target, bad) if loss is mse else np.where(mask, target, label)
        np.testing.assert_equal(loss(np.where(there, y, bad), wrong, mask), expected)
    for value, wanted in zip(loss(y, target, np.ones((4, 3), bool)), loss(y, target)):
        np.testing.assert_allclose(value, wanted, rtol=1e-15)


@pytest.mark.parametrize("batch", [1, 2, 5, 1000])
@EACH_NET
def test_scores_with_lengths_by_hand(layers, batch):
    net = build(layers, softmax_cross_entropy)
    x, y = data_for(net)
    surprise, wrong = [], []
    for k, n in enumerate(LENGTHS):
        scores = net.predict(x[k : k + 1, :n]).reshape(-1, 2)
        labels = np.atleast_1d(y[k] if net.reads_last else y[k, :n])
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        surprise.append(-np.log(p[np.arange(len(labels)), labels]))
        wrong.append(scores.argmax(axis=1) != labels)
    found = evaluate(net, x, y, batch, LENGTHS)
    assert found.loss == pytest.approx(np.concatenate(surprise).mean(), rel=TOLERANCE)
    assert found[1:] == (np.concatenate(wrong).mean(), np.mean([w.any() for w in wrong]))


@EACH_NET
def test_lengths_that_are_all_whole_are_no_lengths(layers):
    net = build(layers, softmax_cross_entropy)
    x, y = data_for(net)
    whole = np.full(5, LONGEST, np.uint8)
    np.testing.assert_equal(net.run(x, lengths=whole), net.run(x))
    assert evaluate(net, x, y, lengths=whole) == pytest.approx(evaluate(net, x, y), rel=1e-15)


# ---- fit with lengths, written out -------------------------------------------------------------------------------

MANY = np.array([3, 6, 1, 3, 3, 6, 2, 3, 1, 3, 6, 3, 2])  # seven of length 3, three of 6, two of 1, two of 2 but one


def by_hand(net, x, y, chosen, lengths):
    """One step of gradient descent; returns the loss and its weight. The gradient is summed string by string."""
    value, grad, count = 0, 0, 0
    for k in chosen:
        n, one = lengths[k], slice(k, k + 1)
        weight = 1 if net.reads_last else n
        target = target_of(net, y[one] if net.reads_last else y[one, :n])
        value_k, grad_k = net.loss_and_gradient(model.columns(x[one, :n]), target)
        value, grad, count = value + weight * value_k, grad + weight * grad_k, count + weight
    net.theta -= 0.1 * grad / count
    return value / count, count


@pytest.mark.parametrize("buckets", [False, True], ids=["masks", "buckets"])
@LOSSES
@pytest.mark.parametrize("name", ["all", "last and on", "bidirectional", "both ends"])
def test_fit_with_lengths_is_the_loop_it_says_it_is(name, loss, buckets):
    """Two epochs of batches of 4: no string is left out, none comes twice, the loss is the mean over all steps."""
    net = build(NETS[name], loss)
    x, y = data_for(net, len(MANY))
    twin, rng, expected, every = copy.deepcopy(net), np.random.default_rng(5), [], []
    for _ in range(2):
        order = rng.permutation(len(MANY))
        batches = [order[k : k + 4] for k in range(0, len(MANY), 4)]
        if buckets:
            groups = [[k for k in order if MANY[k] == n] for n in (1, 2, 3, 6)]
            batches = [group[k : k + 4] for group in groups for k in range(0, len(group), 4)]
            batches = [batches[k] for k in rng.permutation(len(batches))]
            assert len(batches) == 5 and all(len({MANY[k] for k in batch}) == 1 for batch in batches)
        assert sorted(k for batch in batches for k in batch) == list(range(len(MANY)))
        done = [by_hand(twin, x, y, batch, MANY) for batch in batches]
        every += [value for value, _ in done]
        expected.append(sum(value * n for value, n in done) / sum(n for _, n in done))
    history = fit(net, x, y, epochs=2, batch=4, rng=np.random.default_rng(5), lengths=MANY, buckets=buckets, **sgd())
    np.testing.assert_allclose(net.theta, twin.theta, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(history.loss, expected, rtol=TOLERANCE)
    np.testing.assert_allclose(history.batch_loss, every, rtol=TOLERANCE)


def test_progress_in_buckets(capsys):
    """The schedule and the bar count the batches that there are: five, where four would hold all strings."""
    net, seen = build(NETS["all"]), []
    fit(net, *data_for(net, len(MANY)), epochs=2, batch=4, rng=np.random.default_rng(0), lengths=MANY, buckets=True,
        rate=lambda progress: seen.append(progress) or 0.1)
    np.testing.assert_allclose(seen, (np.arange(10) + 0.5) / 5, rtol=1e-15)
    assert "10/10" in capsys.readouterr().err


@pytest.mark.parametrize("truncate", [None, 1, 4])
@pytest.mark.parametrize("name", ["all", "last"])
def test_the_bar_is_full_in_the_end(name, truncate, monkeypatch):
    """Also where a batch has fewer pieces than there might be, and where an earlier run goes on."""
    bars = []

    class Bar:
        def __init__(self, total, **_):
            self.total, self.done = total, 0
            bars.append(self)

        def update(self, n=1):
            self.done += n

        __enter__, __exit__ = lambda self: self, lambda *_: None
        set_description = set_postfix = lambda *_, **__: None

    monkeypatch.setattr(training, "tqdm", Bar)
    net, history = build(NETS[name]), None
    for epochs in (1, 3):
        options = {"epochs": epochs, "batch": 4, "lengths": MANY, "truncate": truncate, "history": history}
        history = fit(net, *data_for(net, len(MANY)), rng=np.random.default_rng(0), **options)
    pieces = 1 if truncate is None else -(-LONGEST // truncate)
    assert [(bar.total, bar.done) for bar in bars] == [(4 * pieces, 4 * pieces), (8 * pieces, 8 * pieces)]


# ---- truncated BPTT ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 6, 100])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@LOSSES
@pytest.mark.parametrize("name", ["all", "last", "last at the end"])
def test_truncation_is_the_loop_it_says_it_is(name, loss, lengths, steps):
    """An update after each piece that has outputs, the state carried on by the weights of the time.

    String by string, up to its own end: also where another string of the batch goes on, and where the last piece is a
    single step.
    """
    net = build(NETS[name], loss)
    x, y = data_for(net)
    twin, order = copy.deepcopy(net), np.random.default_rng(5).permutation(5)
    ends = np.full(5, LONGEST) if lengths is None else lengths
    for chosen in (order[:3], order[3:]):
        states, longest = dict.fromkeys(chosen), max(ends[chosen])
        for begin in range(0, longest, steps):
            final, grad, count = begin + steps >= longest, 0, 0
            for k in chosen:
                piece = slice(begin, min(begin + steps, ends[k]))
                here = model.columns(x[k : k + 1, piece])
                if net.reads_last and final:
                    weight, target = 1, target_of(net, y[k : k + 1])
                elif not net.reads_last and len(here):
                    weight, target = len(here), target_of(net, y[k : k + 1, piece])
                else:
                    weight = 0
                if len(here):
                    before, (_, states[k], _) = states[k], twin.forward(here, states[k])
                else:  # it has ended: one step that is not there
                    here, before = model.columns(0 * x[k : k + 1, :1]), states[k]
                if weight:
                    there = prefix([max(ends[k] - begin, 0)], len(here))
                    grad = grad + weight * twin.learn(here, target, before, there)[1]
                    count += weight
            if count:
                twin.theta -= 0.1 * grad / count
    fit(net, x, y, epochs=1, batch=3, rng=np.random.default_rng(5), lengths=lengths, truncate=steps, **sgd())
    np.testing.assert_allclose(net.theta, twin.theta, rtol=0, atol=TOLERANCE)


def test_the_gradient_of_a_piece_takes_its_initial_state_for_a_constant():
    net, rng = build(NETS["all"]), np.random.default_rng(3)
    x, target = rng.standard_normal((6, 3, 2)), rng.standard_normal((6, 2, 2))
    _, states, _ = net.forward(x[:4])
    loss, grad, after = net.learn(x[4:], target[4:], states)

    def value(theta, states):
        y, _, _ = net.at(theta).forward(x[4:].astype(theta.dtype), [[s.astype(theta.dtype) for s in t] for t in states])
        return mse(y, target[4:].astype(y.dtype))[0]

    assert loss == value(net.theta, states)
    expected = gradcheck.complex_step(lambda theta: value(theta, states), net.theta)
    assert gradcheck.relative_error(grad, expected) <= TOLERANCE
    np.testing.assert_equal(after, net.forward(x)[1])


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("name", ["all", "last", "last at the end"])
def test_truncation_beyond_the_end_truncates_nothing(name, lengths):
    thetas = []
    for truncate in (None, LONGEST, LONGEST + 1, 10**9):
        net = build(NETS[name], softmax_cross_entropy, np.float32)
        settings = {"epochs": 2, "batch": 2, "lengths": lengths, "truncate": truncate}
        history = fit(net, *data_for(net), rng=np.random.default_rng(1), progress=False, **settings)
        thetas.append((net.theta, history.loss, history.batch_norm))
    for other in thetas[1:]:
        np.testing.assert_equal(other, thetas[0])


def test_pieces_of_a_model_that_reads_on_after_last_are_not_the_whole():
    """A layer behind `last` would take a step a piece: such a model is not truncated."""
    net = build(NETS["last and on"])
    assert not net.runs_forward and build(NETS["last"]).runs_forward
    assert not any(build(NETS[name]).runs_forward for name in ("bidirectional", "both ends", "embedding"))
    with pytest.raises(ValueError, match=r"^truncate: expected layers that run forward, got"):
        fit(net, *data_for(net), epochs=1, truncate=3, rng=np.random.default_rng(0), progress=False)


def test_truncated_updates_one_a_piece():
    net = build(NETS["all"])
    x, y = data_for(net)
    history = fit(net, x, y, epochs=3, batch=2, truncate=4, rng=np.random.default_rng(0), **sgd())
    assert len(history.batch_loss) == len(history.batch_norm) == 3 * 3 * 2
    weights = np.tile([2 * 4, 2 * 2, 2 * 4, 2 * 2, 1 * 4, 1 * 2], (3, 1))  # strings times steps
    np.testing.assert_allclose(history.loss, (np.reshape(history.batch_loss, (3, 6)) * weights).sum(axis=1) / 30)
    rates = []
    fit(net, x, y, epochs=1, batch=5, truncate=4, rng=np.random.default_rng(0), optimizer=optim.sgd(), progress=False,
        rate=lambda progress: rates.append(progress) or 0.1)
    np.testing.assert_allclose(rates, [2 / 6, 5 / 6])  # the middle of each piece


def peak_memory(T, truncate, reads_last=False):
    """Bytes that fit takes at most, beyond what was there before: the data and the model."""
    net = Model([rnn(2, 64), *[last()] * reads_last, dense(64, 2)], mse, rng=np.random.default_rng(0))
    x = np.zeros((32, T, 2), np.float32)
    y = np.zeros((32, 2) if reads_last else (32, T, 2), np.float32)
    tracemalloc.start()
    try:
        fit(net, x, y, epochs=1, batch=32, truncate=truncate, rng=np.random.default_rng(0), progress=False)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("reads_last", [False, True], ids=["all", "last"])
def test_memory_of_truncated_bptt_does_not_grow_with_time(reads_last, shown):
    """1,000 and 100,000 steps in pieces of 50: within 10 %, room for the history's two numbers a piece."""
    short, long = (peak_memory(T, 50, reads_last) for T in (1000, 100_000))
    assert long <= 1.1 * short, (short, long)
    whole = [peak_memory(T, None, reads_last) for T in (500, 1000)]
    assert 1.8 <= whole[1] / whole[0] <= 2.2, whole  # as a check of the measurement: linear, without truncation
    shown(
        f"memory  truncated BPTT, pieces of 50, {'last step' if reads_last else 'every step'}: {short / 1e6:.2f} MB "
        f"for T = 1,000, {long / 1e6:.2f} MB for T = 100,000; whole, T = 1,000: {whole[1] / 1e6:.2f} MB"
    )
