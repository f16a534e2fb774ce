"""Rungs 1 and 2: the shipped code, run on symbols, is the derivative it claims to be. Exact."""

import numpy as np
import pytest
import sympy

from lstm_core import cells, dense, last, mse, scan, softmax_cross_entropy, symbolic
from lstm_core.variants import CELLS

MASK = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 0]], bool)  # (T, B): every example of another kind


@pytest.mark.proof
@pytest.mark.parametrize("cell", [*CELLS.values(), symbolic.PROBE], ids=lambda cell: cell.name)
def test_rung_1_cell(cell, shown):
    proofs = symbolic.prove_cell(cell)
    variables = [scan.inputs(s) + s.gates + s.states + s.own for s in cell.stages or [cell]]  # a, u, s, p
    assert len(proofs) == sum(variables)
    for proof in proofs:
        shown(f"rung 1  {proof.statement}  ({proof.seconds:.3f} s)")


@pytest.mark.proof
@pytest.mark.parametrize("sizes", [dict(T=2, D=1, H=3, B=4), dict(T=3, D=4, H=2, B=1)], ids=str)
def test_rung_2_scan(sizes, shown):
    proofs = symbolic.prove_scan(**sizes)
    assert len(proofs) == 4 + 1 + symbolic.PROBE.states  # W, R, b, p; x; the initial state
    for proof in proofs:
        shown(f"rung 2  {proof.statement}  ({proof.seconds:.3f} s)")


@pytest.mark.proof
def test_rung_2_scan_with_a_mask(shown):
    proofs = symbolic.prove_scan(T=3, D=1, H=2, B=3, mask=MASK)
    assert len(proofs) == 4 + 1 + symbolic.PROBE.states
    for proof in proofs:
        shown(f"rung 2  {proof.statement}  ({proof.seconds:.3f} s)")


@pytest.mark.proof
def test_rung_2_full_peephole_lstm_two_steps(shown):
    """A cross-check that takes no induction: the whole LSTM, T = 2, symbols throughout."""
    for proof in symbolic.prove_scan(cell=cells.LSTM, T=2, D=1, H=1, B=1):
        shown(f"rung 2  {proof.statement}  ({proof.seconds:.3f} s)")


@pytest.mark.proof
@pytest.mark.parametrize("layer", [dense(2, 3), last()], ids=lambda layer: layer.name)
def test_layers(layer, shown):
    proofs = symbolic.prove_layer(layer, T=2, B=2)
    assert len(proofs) == len(layer.shapes) + 1
    for proof in proofs:
        shown(f"rung 1  {proof.statement}  ({proof.seconds:.3f} s)")


@pytest.mark.proof
@pytest.mark.parametrize("loss, target", [(mse, None), (softmax_cross_entropy, np.array([[0, 2], [1, 1]]))])
def test_losses(loss, target, shown):
    proof = symbolic.prove_loss(loss, target)
    shown(f"rung 1  {proof.statement}  ({proof.seconds:.3f} s)")


def test_a_wrong_loss_or_layer_is_disproved():
    def loss(y, target):
        value, dy = softmax_cross_entropy(y, target)
        return value, 2 * dy

    with pytest.raises(symbolic.Disproof, match="∂loss/∂y = dy does not hold for y_0_0_0"):
        symbolic.prove_loss(loss, np.array([[0]]))

    def late(y, target):
        value, dy = mse(y, target)
        dy = dy.copy()
        dy[-1, -1, -1] += 1
        return value, dy

    with pytest.raises(symbolic.Disproof, match="does not hold for y_1_2_1"):
        symbolic.prove_loss(late, None)

    def shifted(y, target):
        """The largest score leaks into the value: dy is right only if it is taken for a constant."""
        value, dy = softmax_cross_entropy(y, target)
        return value + symbolic.namespace.max(y, axis=1, keepdims=True).sum(), dy

    with pytest.raises(symbolic.Disproof, match="∂loss/∂max = 0 does not hold for max_0_0_0"):
        symbolic.prove_loss(shifted, np.array([[0]]))
    layer = dense(2, 3)
    squared = layer._replace(backward=lambda P, x, dy, ds: layer.backward(P, x, dy * dy, ds))
    with pytest.raises(symbolic.Disproof):  # right for upstream 1 only
        symbolic.prove_layer(squared)
    wrong = layer._replace(backward=lambda P, x, dy, ds: layer.backward(P, x, 2 * dy, ds))
    with pytest.raises(symbolic.Disproof, match="dW does not hold for W_0_0"):
        symbolic.prove_layer(wrong)


def test_a_wrong_cell_is_disproved():
    def back(ds, saved, p):
        da, du, ds, dp = cells.lstm_back(ds, saved, p)
        return da, du, ds, (dp[1], dp[0], dp[2])

    with pytest.raises(symbolic.Disproof, match="dp_0 does not hold for p_0_0_0"):
        symbolic.prove_cell(cells.LSTM._replace(back=back))
    swapped = cells.LSTM._replace(back=lambda ds, saved, p: cells.lstm_back(ds[::-1], saved, p))
    with pytest.raises(symbolic.Disproof):  # the upstream gradients of h and c are not the same symbol
        symbolic.prove_cell(swapped)
    doubled = cells.RNN._replace(back=lambda ds, saved, p: cells.rnn_back((ds[0] * ds[0],), saved, p))
    with pytest.raises(symbolic.Disproof):  # right for upstream 1 only
        symbolic.prove_cell(doubled)


def test_a_wrong_scan_is_disproved():
    def backward(cell, P, cache, dh, dstate):
        grads, dx, ds = scan.backward(cell, P, cache, dh, dstate)
        return grads | {"R": grads["R"].T}, dx, ds

    with pytest.raises(symbolic.Disproof, match="shape"):
        symbolic.prove_scan(backward=backward)

    def late(cell, P, cache, dh, dstate):
        return scan.backward(cell, P, cache, dh, None)

    with pytest.raises(symbolic.Disproof, match="does not hold for"):
        symbolic.prove_scan(backward=late)

    def spoilt(name, at):
        """A backward that is wrong in one element of one result."""

        def backward(cell, P, cache, dh, dstate):
            grads, dx, ds = scan.backward(cell, P, cache, dh, dstate)
            array = {**grads, "x": dx, "s0": ds[0], "s1": ds[1]}[name]
            array[at] += dh[0, 0, 0]
            return grads, dx, ds

        return backward

    for name, at in [("W", (-1, -1)), ("R", (0, 1)), ("b", (1, 0)), ("p", (1, 1, 0)), ("x", (1, 1, 0)),
                     ("s0", (1, 0)), ("s1", (0, 0))]:
        with pytest.raises(symbolic.Disproof, match=f"d{name} does not hold for"):
            symbolic.prove_scan(backward=spoilt(name, at))

    def deaf(cell, P, cache, dh, dstate):
        return scan.backward(cell, P, cache, 0 * dh, dstate)

    def last_only(cell, P, cache, dh, dstate):
        return scan.backward(cell, P, cache, np.concatenate([dh[-1:]] * len(dh)), dstate)

    for wrong in (deaf, last_only):
        with pytest.raises(symbolic.Disproof):
            symbolic.prove_scan(backward=wrong)


def test_a_scan_that_forgets_the_mask_on_the_way_back_is_disproved():
    def forgetful(cell, P, cache, dh, dstate):
        x, _, saved = cache
        return scan.backward(cell, P, (x, None, saved), dh, dstate)

    def elsewhere(cell, P, cache, dh, dstate):
        x, mask, saved = cache
        return scan.backward(cell, P, (x, mask[::-1], saved), dh, dstate)

    for wrong in (forgetful, elsewhere):
        with pytest.raises(symbolic.Disproof, match=r"T=3, masked: .* does not hold for"):
            symbolic.prove_scan(backward=wrong, T=3, D=1, H=1, B=3, mask=MASK)


def test_what_is_proven_of_a_relu_is_proven_away_from_its_kink():
    """To symbols k = positive(x) is a constant, whichever: a wrong use of k in back is found, a wrong k is not."""
    cell = CELLS["rnn relu"]
    x = symbolic.symbols("x", 1)
    assert cells.positive(x).item() == symbolic.positive(x.item()) and cells.positive(x).item().diff(x.item()) == 0

    def back(ds, saved, p):
        da, du, ds, dp = cell.back(ds, saved, p)
        return (saved[0] * da[0],), du, ds, dp  # the same in numbers, k * k = k, but symbols do not know that

    with pytest.raises(symbolic.Disproof, match="da_0 does not hold"):
        symbolic.prove_cell(cell._replace(back=back))


def test_is_zero_knows_identities_and_refuses_others():
    x, y = sympy.symbols("x y", real=True)
    t = sympy.tanh
    assert symbolic.is_zero(sympy.diff(t(x * y + t(x)), x) - (1 - t(x * y + t(x)) ** 2) * (y + 1 - t(x) ** 2))
    assert symbolic.is_zero(sympy.Integer(0)) and not symbolic.is_zero(sympy.Rational(1, 10**9))
    assert not symbolic.is_zero(sympy.diff(t(x), x) - (1 - t(y) ** 2))
    assert not symbolic.is_zero(t(x) / y)


def test_symbols_pass_through_the_scan_unchanged():
    """One cell, many readings: numbers put into the symbolic result give what the numeric run gives."""
    rng = np.random.default_rng(0)
    shapes = scan.parameter_shapes(cells.GRU, 2, 1) | {"x": (2, 2, 1)}
    S = {name: symbolic.symbols(name, *shape) for name, shape in shapes.items()}
    N = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    h, _, _ = scan.forward(cells.GRU, {k: S[k] for k in "WRbp"}, S["x"])
    values = {s: n for name in S for s, n in zip(S[name].flat, N[name].flat, strict=True)}
    expected, _, _ = scan.forward(cells.GRU, {k: N[k] for k in "WRbp"}, N["x"])
    assert float(h[-1].item().subs(values)) == pytest.approx(expected[-1].item(), rel=1e-14)
