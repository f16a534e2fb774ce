"""Rung 3: every gradient against the complex step, to 1e-13; and the whole model, losses included."""

import copy

import numpy as np
import pytest
from ladder import SIZES, TOLERANCE, gradient_errors, random_mask

from lstm_core import Model, dense, gradcheck, gru, last, lstm, mse, recurrent, rnn, scan, softmax_cross_entropy
from lstm_core.record import record
from lstm_core.variants import CELLS, RNN_RELU

each_size = pytest.mark.parametrize("sizes", SIZES, ids=lambda s: "T{}-B{}-D{}-H{}".format(*s))
each_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
each_cell_with_and_without_p = pytest.mark.parametrize(
    "cell, own",
    [(cell, own) for cell in CELLS.values() for own in {len(cell.own) > 0, False}],
    ids=lambda v: getattr(v, "name", v),
)


@each_size
@each_cell_with_and_without_p
def test_backward_is_the_derivative_to_rounding(cell, own, sizes, shown):
    errors = gradient_errors(cell, sizes, own)
    assert all(error <= TOLERANCE for error in errors.values()), errors  # max() would pass over a NaN
    shown(
        f"rung 3  {cell.name} {'with' if own else 'without'} p, (T, B, D, H) = {sizes}: "
        f"backward = complex step to {max(errors.values()):.1e} relative"
    )


@pytest.mark.parametrize("masked", [True, "units"], ids=["steps", "units"])
@each_size
@each_cell
def test_backward_is_the_derivative_where_steps_are_missing(cell, sizes, masked, shown):
    errors = gradient_errors(cell, sizes, len(cell.own) > 0, masked=masked)
    assert all(error <= TOLERANCE for error in errors.values()), errors
    shown(
        f"rung 3  {cell.name} with a mask{' of units' if masked == 'units' else ''}, (T, B, D, H) = {sizes}: "
        f"backward = complex step to {max(errors.values()):.1e} relative"
    )


# ---- masks ------------------------------------------------------------------------------------------------------


def run(cell, P, x, mask, rng):
    """All results of a forward and a backward pass: h, final state, gradients, dx, dstate0."""
    (T, _, B), H = x.shape, len(P["b"]) // len(cell.inputs)
    state, dstate = (tuple(rng.standard_normal((len(cell.states), H, B))) for _ in range(2))
    h, final, cache = scan.forward(cell, P, x, state, mask=mask)
    grads, dx, dstate0 = scan.backward(cell, P, cache, rng.standard_normal((T, H, B)), dstate)
    return [h, *final, *grads.values(), dx, *dstate0]


def drawn(cell, sizes, rng):
    """Random parameters and input."""
    T, B, D, H = sizes
    P = {name: rng.standard_normal(shape) for name, shape in scan.parameter_shapes(cell, D, H).items()}
    return P, rng.standard_normal((T, D, B))


@each_size
@each_cell
def test_padding_does_not_leak(cell, sizes):
    """Whatever stands where there is no step: nothing changes, to the last bit, and its own derivative is 0.

    Any finite numbers, that is, as long as W x is finite, too: 0 · ∞ is NaN.
    """
    mask = random_mask(*sizes[:2])
    P, x = drawn(cell, sizes, np.random.default_rng(5))
    results = []
    for size in (1, 1e3, 1e150, 1e300):
        other = size * np.random.default_rng(int(np.log10(size))).uniform(-1, 1, x.shape)
        padded = np.where(mask[:, None], x, other)
        results.append(run(cell, P, padded, mask, np.random.default_rng(6)))
        dx = results[-1][-1 - len(cell.states)]
        assert dx.shape == x.shape and not dx[~np.broadcast_to(mask[:, None], x.shape)].any()
        for found, expected in zip(results[-1], results[0], strict=True):
            np.testing.assert_array_equal(found, expected)
            assert np.isfinite(found).all()


@each_cell
def test_each_example_alone_without_its_padding(cell):
    """A mask means: the example is the sequence of the steps that are there. All True is no mask, to the last bit."""
    T, B, H = 7, 4, 6
    mask, rng = random_mask(T, B), np.random.default_rng(7)
    assert mask.any(axis=0).all()
    P, x = drawn(cell, (T, B, 3, H), rng)
    state, dstate = (tuple(rng.standard_normal((len(cell.states), H, B))) for _ in range(2))
    dh = rng.standard_normal((T, H, B))
    h, final, cache = scan.forward(cell, P, x, state, mask=mask)
    grads, dx, dstate0 = scan.backward(cell, P, cache, dh, dstate)
    total = {name: np.zeros_like(g) for name, g in grads.items()}
    for n in range(B):
        there, one = np.flatnonzero(mask[:, n]), np.s_[..., n : n + 1]
        h_n, final_n, cache_n = scan.forward(cell, P, x[there][one], tuple(s[one] for s in state))
        # a loss on a step that is missing is one on the h before; before the first step, on the initial state
        dh_n, dh_0 = np.zeros_like(h_n), 0
        for t in range(T):
            if seen := mask[: t + 1, n].sum():
                dh_n[seen - 1] += dh[t][one]
                np.testing.assert_allclose(h[t][one], h_n[seen - 1], rtol=0, atol=1e-13)
            else:
                dh_0 = dh_0 + dh[t][one]
                np.testing.assert_array_equal(h[t][one], state[0][one])
        grads_n, dx_n, dstate0_n = scan.backward(cell, P, cache_n, dh_n, tuple(d[one] for d in dstate))
        for name, g in grads_n.items():
            total[name] += g
        found = [*(s[one] for s in final), dx[there][one], *(d[one] for d in dstate0)]
        for a, b in zip(found, [*final_n, dx_n, dstate0_n[0] + dh_0, *dstate0_n[1:]], strict=True):
            assert gradcheck.relative_error(a, b) <= TOLERANCE
    for name in grads:
        assert gradcheck.relative_error(grads[name], total[name]) <= TOLERANCE

    all_there, no_mask = (run(cell, P, x, m, np.random.default_rng(8)) for m in (np.ones((T, B), bool), None))
    for a, b in zip(all_there, no_mask, strict=True):
        np.testing.assert_array_equal(a, b)


# ---- relu -------------------------------------------------------------------------------------------------------


def test_at_the_kink_of_relu_the_code_takes_0():
    """There is no derivative: the difference to the right is W, the one to the left 0, their mean neither."""
    W = 3.0
    P = {"W": np.array([[W]]), "R": np.ones((1, 1)), "b": np.zeros((1, 1))}

    def h(x):
        return scan.forward(RNN_RELU, P, np.reshape(x, (1, 1, 1)))[0].item()

    _, _, cache = scan.forward(RNN_RELU, P, np.zeros((1, 1, 1)))
    _, dx, _ = scan.backward(RNN_RELU, P, cache, np.ones((1, 1, 1)))
    assert dx.item() == 0
    assert (h(1e-3) - h(0.0)) / 1e-3 == pytest.approx(W) and (h(0.0) - h(-1e-3)) / 1e-3 == 0
    assert gradcheck.central_differences(h, [0.0]) == pytest.approx(W / 2)
    complex_P = {name: array.astype(complex) for name, array in P.items()}
    imaginary = scan.forward(RNN_RELU, complex_P, np.full((1, 1, 1), 1e-30j))[0].item().imag
    assert imaginary == 0  # the complex step goes by the real part, 0, and agrees


# ---- cells are elementwise, nothing is shared -------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell, k",
    [
        pytest.param(cell, k, id=cell.name + (f", {stage.name}" if stage.name else ""))
        for cell in CELLS.values()
        for k, stage in enumerate(cell.stages)
    ],
)
def test_one_hidden_unit_and_one_example_stand_for_any_number(cell, k):
    """The scalar proof holds for every H and B because cells are elementwise: here are H*B scalar runs, and one run."""
    rng, H, B, stage = np.random.default_rng(1), 4, 3, cell.stages[k]
    a, u = (rng.standard_normal((len(gates), H, B)) for gates in (stage.inputs, stage.recurs))
    handed_over = len(record(cell)[k].step.inputs["s"])  # the state, or what the stage before makes of it
    s, p = rng.standard_normal((handed_over, H, B)), rng.standard_normal((len(cell.own), H, 1))
    after, kept = stage.step(a, u, tuple(s), tuple(p), np.tanh)
    w = rng.standard_normal((len(after), H, B))
    grads = stage.back(tuple(w), kept, tuple(p))
    for i, j in np.ndindex(H, B):
        at = slice(i, i + 1), slice(j, j + 1)
        p_1 = tuple(p[:, at[0]])
        after_1, kept_1 = stage.step(a[:, *at], u[:, *at], tuple(s[:, *at]), p_1, np.tanh)
        grads_1 = stage.back(tuple(w[:, *at]), kept_1, p_1)
        for whole, one in zip([after, *grads], [after_1, *grads_1], strict=True):
            for plane, scalar in zip(whole, one, strict=True):
                assert np.broadcast_to(plane, (H, B))[at] == scalar  # to the last bit


@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
@each_cell_with_and_without_p
def test_backward_twice_gives_the_same_and_results_are_kept(cell, own, masked):
    """Nothing that was handed in or out changes later: no buffer is shared, the cache is only read."""
    rng = np.random.default_rng(4)
    P = {name: rng.standard_normal(s) for name, s in scan.parameter_shapes(cell, 5, 4, own).items()}
    state, dstate = (tuple(rng.standard_normal((len(cell.states), 4, 2))) for _ in range(2))
    x, dh = rng.standard_normal((3, 5, 2)), rng.standard_normal((3, 4, 2))
    h, final, cache = scan.forward(cell, P, x, state, mask=random_mask(3, 2) if masked else None)
    kept = copy.deepcopy([P, x, state, dh, dstate, h, final, cache])
    grads = scan.backward(cell, P, cache, dh, dstate)
    first = copy.deepcopy(grads)
    again = scan.backward(cell, P, cache, dh, dstate)
    scan.backward(cell, P, scan.forward(cell, P, 2 * x)[2], -dh)  # of the same shapes, other numbers
    np.testing.assert_equal([grads, again], [first, first])
    np.testing.assert_equal([P, x, state, dh, dstate, h, final, cache], kept)


def test_the_checks_see_small_errors_and_nan():
    """What the rungs stand on: 1e-12 is not within the tolerance, NaN never is, a projection looks everywhere."""
    a = np.linspace(1e-3, 2e-3, 5)
    assert gradcheck.relative_error(a, a * (1 + 1e-12)) > TOLERANCE and gradcheck.relative_error(0 * a, 0 * a) == 0
    for bad in (np.where(a > 1.9e-3, np.nan, a), np.full(5, np.nan)):
        assert not gradcheck.relative_error(a, bad) <= 1 and not gradcheck.relative_error(bad, a) <= 1
    with pytest.raises(ValueError, match="b: expected the shape of a"):
        gradcheck.relative_error(a.reshape(5, 1), a)
    for k in range(5):
        wrong = 2 * a
        wrong[k] *= 1.01
        slope, along = gradcheck.projection(lambda v: (v * v).sum(), a, wrong, np.random.default_rng(0))
        assert abs(slope - along) > 1e-7
    slope, along = gradcheck.projection(lambda v: (v * v).sum(), a, 2 * a, np.random.default_rng(0))
    assert along == pytest.approx(slope, rel=1e-13)


def test_without_p_is_p_equal_to_zero():
    rng = np.random.default_rng(2)
    for cell in [cell for cell in CELLS.values() if cell.own]:
        P = {name: rng.standard_normal(s) for name, s in scan.parameter_shapes(cell, 5, 4).items()}
        P["p"] = np.zeros_like(P["p"])
        x, dh = rng.standard_normal((3, 5, 2)), rng.standard_normal((3, 4, 2))
        results = []
        without_p = {name: array for name, array in P.items() if name != "p"}
        for params in (P, without_p):
            h, state, cache = scan.forward(cell, params, x)
            grads, dx, ds = scan.backward(cell, params, cache, dh)
            results.append([h, *state, *(grads[name] for name in without_p), dx, *ds])
        for with_p, without in zip(*results, strict=True):
            np.testing.assert_array_equal(with_p, without)


LAYERS = {
    "rnn last": [rnn(3, 4), last(), dense(4, 2)],
    "lstm all": [lstm(3, 4), dense(4, 2)],
    "peephole last": [lstm(3, 4, peepholes=True), last(), dense(4, 2)],
    "gru all": [gru(3, 4), dense(4, 2)],
    "gru before last": [gru(3, 4, reset="before"), last(), dense(4, 2)],
    "stacked": [gru(3, 6), lstm(6, 4, peepholes=True), rnn(4, 7), last(), dense(7, 2)],
} | {f"cell {name}": [recurrent(name, 3, 4), dense(4, 2)] for name in CELLS}


@pytest.mark.parametrize("loss", [mse, softmax_cross_entropy], ids=lambda f: f.__name__)
@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS.keys())
def test_model_gradient_is_the_derivative_of_the_loss(layers, loss):
    rng = np.random.default_rng(3)
    model = Model(layers, loss, rng=rng, dtype=np.float64)
    model.theta += 0.5 * rng.standard_normal(model.theta.shape)
    x = rng.standard_normal((5, 3, 4))
    T = 1 if model.reads_last else 5
    target = rng.standard_normal((T, 2, 4)) if loss is mse else rng.integers(0, 2, (T, 4))

    def value(theta):
        y, _, _ = model.at(theta).forward(x.astype(theta.dtype))
        return loss(y, target.astype(y.dtype) if loss is mse else target)[0]

    found, grad = model.loss_and_gradient(x, target)
    assert found == pytest.approx(value(model.theta))
    assert gradcheck.relative_error(grad, gradcheck.complex_step(value, model.theta)) <= TOLERANCE
    slope, along = gradcheck.projection(value, model.theta, grad, rng)
    assert along == pytest.approx(slope, rel=1e-12)  # one sum over all parameters: some cancellation
