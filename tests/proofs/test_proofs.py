"""Rungs 1 and 2: the shipped code, run on symbols, is the derivative it claims to be. Exact."""

import ast

import numpy as np
import pytest
import sympy

from lstm_core import cells, dense, last, mse, scan, softmax_cross_entropy, symbols
from lstm_core.record import record
from lstm_core.variants import CELLS
from lstm_proofs import PROBE, Disproof, is_zero, ledger, prove_cell, prove_layer, prove_loss, prove_scan, source

MASK = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 0]], bool)  # (T, B): every example of another kind


def expected_statements(cell):
    """A statement for each a, u and s of each stage, and for each p where its step uses p."""
    statements = []
    for stage, recorded in zip(cell.stages, record(cell), strict=True):
        name = cell.name + (f", {stage.name}" if stage.name else "")
        counts = {"a": len(stage.inputs), "u": len(stage.recurs), "s": len(recorded.step.inputs["s"])}
        if any(isinstance(node, ast.Name) and node.id == "p" for node in ast.walk(source.tree(stage.step))):
            counts["p"] = len(cell.own)
        for v, count in counts.items():
            statements += [f"cell {name}: ∂(Σ w·s')/∂{v}_{k} = d{v}_{k}" for k in range(count)]
    return statements


@pytest.mark.proof
@pytest.mark.parametrize("cell", [*CELLS.values(), PROBE], ids=lambda cell: cell.name)
def test_rung_1_cell(cell, shown):
    proofs = prove_cell(cell)
    assert [proof.statement for proof in proofs] == expected_statements(cell)
    for proof in proofs:
        shown(f"rung 1  {proof.statement}  ({proof.seconds:.3f} s)")


@pytest.mark.proof
@pytest.mark.parametrize("sizes", [dict(T=2, D=1, H=3, B=4), dict(T=3, D=4, H=2, B=1)], ids=str)
def test_rung_2_scan(sizes, shown):
    proofs = prove_scan(**sizes)
    assert len(proofs) == 4 + 1 + len(PROBE.states)  # W, R, b, p; x; the initial state
    for proof in proofs:
        shown(f"rung 2  {proof.statement}  ({proof.seconds:.3f} s)")


@pytest.mark.proof
def test_rung_2_scan_with_a_mask(shown):
    proofs = prove_scan(T=3, D=1, H=2, B=3, mask=MASK)
    assert len(proofs) == 4 + 1 + len(PROBE.states)
    for proof in proofs:
        shown(f"rung 2  {proof.statement}  ({proof.seconds:.3f} s)")


@pytest.mark.proof
def test_rung_2_scan_with_a_mask_of_units(shown):
    """Of each array of the state other units stay as they were: the scan of zoneout in training."""
    mask = np.random.default_rng(0).random((2, 3, 2, 2)) < 0.6
    assert (mask[0] != mask[1]).any() and (mask[..., 0] != mask[..., 1]).any()
    for proof in prove_scan(T=3, D=1, H=2, B=2, mask=mask):
        shown(f"rung 2  {proof.statement}, unit by unit  ({proof.seconds:.3f} s)")


@pytest.mark.proof
def test_rung_2_full_peephole_lstm_two_steps(shown):
    """A cross-check that takes no induction: the whole LSTM, T = 2, symbols throughout."""
    for proof in prove_scan(cell=cells.LSTM, T=2, D=1, H=1, B=1):
        shown(f"rung 2  {proof.statement}  ({proof.seconds:.3f} s)")


@pytest.mark.proof
@pytest.mark.parametrize("layer", [dense(2, 3), last()], ids=lambda layer: layer.name)
def test_layers(layer, shown):
    proofs = prove_layer(layer, T=2, B=2)
    assert len(proofs) == len(layer.shapes) + 1
    for proof in proofs:
        shown(f"rung 1  {proof.statement}  ({proof.seconds:.3f} s)")


@pytest.mark.proof
@pytest.mark.parametrize("loss, target", [(mse, None), (softmax_cross_entropy, np.array([[0, 2], [1, 1]]))])
def test_losses(loss, target, shown):
    proof = prove_loss(loss, target)
    shown(f"rung 1  {proof.statement}  ({proof.seconds:.3f} s)")


def test_a_wrong_loss_or_layer_is_disproved():
    def loss(y, target):
        value, dy = softmax_cross_entropy(y, target)
        return value, 2 * dy

    with pytest.raises(Disproof, match="∂loss/∂y = dy does not hold for y_0_0_0"):
        prove_loss(loss, np.array([[0]]))

    def late(y, target):
        value, dy = mse(y, target)
        dy = dy.copy()
        dy[-1, -1, -1] += 1
        return value, dy

    with pytest.raises(Disproof, match="does not hold for y_1_2_1"):
        prove_loss(late, None)

    def shifted(y, target):
        """The largest score leaks into the value: dy is right only if it is taken for a constant."""
        value, dy = softmax_cross_entropy(y, target)
        return value + symbols.namespace.max(y, axis=1, keepdims=True).sum(), dy

    with pytest.raises(Disproof, match="∂loss/∂max = 0 does not hold for max_0_0_0"):
        prove_loss(shifted, np.array([[0]]))
    layer = dense(2, 3)
    squared = layer._replace(backward=lambda P, x, dy, ds: layer.backward(P, x, dy * dy, ds))
    with pytest.raises(Disproof):  # right for upstream 1 only
        prove_layer(squared)
    wrong = layer._replace(backward=lambda P, x, dy, ds: layer.backward(P, x, 2 * dy, ds))
    with pytest.raises(Disproof, match="dW does not hold for W_0_0"):
        prove_layer(wrong)


def test_a_wrong_cell_is_disproved():
    def back(ds, kept, p):
        da, du, ds, dp = cells.lstm_back(ds, kept, p)
        return da, du, ds, (dp[1], dp[0], dp[2])

    with pytest.raises(Disproof, match="dp_0 does not hold for p_0_0_0"):
        prove_cell(cells.LSTM.altered(back=back))
    swapped = cells.LSTM.altered(back=lambda ds, kept, p: cells.lstm_back(ds[::-1], kept, p))
    with pytest.raises(Disproof):  # the upstream gradients of h and c are not the same symbol
        prove_cell(swapped)
    doubled = cells.RNN.altered(back=lambda ds, kept, p: cells.rnn_back((ds[0] * ds[0],), kept, p))
    with pytest.raises(Disproof):  # right for upstream 1 only
        prove_cell(doubled)


def test_a_cell_whose_step_uses_p_has_to_give_dp():
    """dp may be () only where a stage uses no p: nothing is left unproven without a word."""

    def no_dp(back):
        return lambda ds, kept, p: (*back(ds, kept, p)[:3], ())

    gru = cells.GRU.altered(back=no_dp(cells.gru_back))
    with pytest.raises(Disproof, match=r"cell gru: dp is \(\), but step uses p"):
        prove_cell(gru)
    for k, stage in enumerate(PROBE.stages):  # whichever stage it is
        with pytest.raises(Disproof, match=rf"cell probe, {stage.name}: dp is \(\), but step uses p"):
            prove_cell(PROBE.altered(k, back=no_dp(stage.back)))
    short = cells.LSTM.altered(back=lambda ds, kept, p: (*(d := cells.lstm_back(ds, kept, p))[:3], d[3][:2]))
    with pytest.raises(ValueError, match="shorter"):  # one of three is missing
        prove_cell(short)


def test_a_wrong_scan_is_disproved():
    def backward(cell, P, cache, dh, dstate):
        grads, dx, ds = scan.backward(cell, P, cache, dh, dstate)
        return grads | {"R": grads["R"].T}, dx, ds

    with pytest.raises(Disproof, match="shape"):
        prove_scan(backward=backward)

    def late(cell, P, cache, dh, dstate):
        return scan.backward(cell, P, cache, dh, None)

    with pytest.raises(Disproof, match="does not hold for"):
        prove_scan(backward=late)

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
        with pytest.raises(Disproof, match=f"d{name} does not hold for"):
            prove_scan(backward=spoilt(name, at))

    def deaf(cell, P, cache, dh, dstate):
        return scan.backward(cell, P, cache, 0 * dh, dstate)

    def last_only(cell, P, cache, dh, dstate):
        return scan.backward(cell, P, cache, np.concatenate([dh[-1:]] * len(dh)), dstate)

    for wrong in (deaf, last_only):
        with pytest.raises(Disproof):
            prove_scan(backward=wrong)


def test_a_scan_that_forgets_the_mask_on_the_way_back_is_disproved():
    def forgetful(cell, P, cache, dh, dstate):
        return scan.backward(cell, P, cache._replace(mask=None), dh, dstate)

    def elsewhere(cell, P, cache, dh, dstate):
        return scan.backward(cell, P, cache._replace(mask=cache.mask[::-1]), dh, dstate)

    for wrong in (forgetful, elsewhere):
        with pytest.raises(Disproof, match=r"T=3, masked: .* does not hold for"):
            prove_scan(backward=wrong, T=3, D=1, H=1, B=3, mask=MASK)


def test_what_is_proven_of_a_relu_is_proven_away_from_its_kink():
    """To symbols k = positive(x) is a constant, whichever: a wrong use of k in back is found, a wrong k is not."""
    cell = CELLS["rnn relu"]
    (stage,) = cell.stages
    x = symbols.array("x", 1)
    assert cells.positive(x).item() == symbols.positive(x.item()) and cells.positive(x).item().diff(x.item()) == 0

    def back(ds, kept, p):
        da, du, ds, dp = stage.back(ds, kept, p)
        return (kept.k * da[0],), du, ds, dp  # the same in numbers, k * k = k, but symbols do not know that

    with pytest.raises(Disproof, match="da_0 does not hold"):
        prove_cell(cell.altered(back=back))


def test_is_zero_knows_identities_and_refuses_others():
    x, y = sympy.symbols("x y", real=True)
    t = sympy.tanh
    assert is_zero(sympy.diff(t(x * y + t(x)), x) - (1 - t(x * y + t(x)) ** 2) * (y + 1 - t(x) ** 2))
    assert is_zero(sympy.Integer(0)) and not is_zero(sympy.Rational(1, 10**9))
    assert not is_zero(sympy.diff(t(x), x) - (1 - t(y) ** 2))
    assert not is_zero(t(x) / y)


@pytest.mark.parametrize("number", [0.5, np.float32(0.5), np.float64(0.1), sympy.Float(1e-30)], ids=repr)
def test_an_exact_test_refuses_floating_point_numbers(number):
    """They may have been rounded: SymPy holds 1.0 + 1e-17 for 1.0, and 0.1 for 1/10, and would prove what is false."""
    x = sympy.Symbol("x", real=True)
    for expression in (sympy.tanh(number * x), number * x + x**2, sympy.ring("x", sympy.RR)[0].gens[0] * float(number)):
        with pytest.raises(ValueError, match="expression: expected rational numbers, got"):
            is_zero(expression)

    def wrong(cell, P, cache, dh, dstate):
        grads, dx, dstate0 = scan.backward(cell, P, cache, dh, dstate)
        return grads | {"b": grads["b"] * number / number}, dx, dstate0

    with pytest.raises((ValueError, TypeError), match=r"got the float|'PolyElement' and '[\w.]*[Ff]loat"):
        prove_scan(backward=wrong, T=2, D=1, H=1, B=1)
    with pytest.raises(ledger.Unproven, match="value: expected rational numbers, got the float"):
        ledger.prove_here("softmax-gradient", {"dy": np.array([number]), r"\pi": np.array([number]), "q": 2})


def test_symbols_pass_through_the_scan_unchanged():
    """One cell, many readings: numbers put into the symbolic result give what the numeric run gives."""
    rng = np.random.default_rng(0)
    shapes = scan.parameter_shapes(cells.GRU, 2, 1) | {"x": (2, 2, 1)}
    S = {name: symbols.array(name, *shape) for name, shape in shapes.items()}
    N = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    h, _, _ = scan.forward(cells.GRU, {k: S[k] for k in "WRbp"}, S["x"])
    values = {s: n for name in S for s, n in zip(S[name].flat, N[name].flat, strict=True)}
    expected, _, _ = scan.forward(cells.GRU, {k: N[k] for k in "WRbp"}, N["x"])
    assert float(h[-1].item().subs(values)) == pytest.approx(expected[-1].item(), rel=1e-14)


def test_a_derivative_that_is_missing_is_no_proof():
    def backward(*arguments):
        grads, dx, dstate0 = scan.backward(*arguments)
        return {name: d for name, d in grads.items() if name != "b"}, dx, dstate0

    with pytest.raises(Disproof, match="∂loss/∂b = db: expected shape"):
        prove_scan(backward=backward)
