"""Rung 1 for layers without a state, and for losses with a mask: exact, on symbols. Rung 2 for both directions."""

import numpy as np
import pytest

from lstm_core import (
    CrossEntropy,
    activation,
    bidirectional,
    binary_cross_entropy,
    cells,
    dropout,
    embedding,
    layers,
    mse,
    recurrent,
    reverse,
    softmax_cross_entropy,
    symbols,
)  # fmt: skip
from lstm_proofs import Disproof, is_zero, prove_layer, prove_loss
from lstm_proofs.proof import prove_derivatives

MASK = np.array([[1, 1, 0], [0, 1, 0]], bool)  # (T, B): with a gap, whole, and none at all


def show(shown, rung, proofs):
    for proof in proofs:
        shown(f"rung {rung}  {proof.statement}  ({proof.seconds:.3f} s)")


@pytest.mark.proof
@pytest.mark.parametrize("function", ["tanh", "sigmoid", "relu", "softmax", "log_softmax"])
def test_activation(function, shown):
    """relu wherever its argument is not 0; the softmax's largest score is one more symbol: nothing depends on it."""
    layer = activation(function)
    proofs = prove_layer(layer, T=2, B=2)
    assert len(proofs) == 1
    show(shown, 1, proofs)
    if "softmax" in function:
        y, _, _ = layer.forward({}, symbols.array("x", 1, 3, 1), ())
        shifts = sorted((v for v in y.sum().free_symbols if v.name.startswith("max_")), key=str)
        assert shifts and all(is_zero(y_k.diff(shift)) for y_k in y.flat for shift in shifts)


def prove(layer, x, variables, state=(), dstate=(), how=layers.PLAIN):
    """As `prove_layer` does, for labels x, for a state and for a mask."""
    P = {name: variables[name] for name in layer.shapes}
    y, after, cache = layer.forward(P, x, state, how)
    dy = symbols.array("dy", *y.shape)
    grads, dx, dstate0 = layer.backward(P, cache, dy, dstate)
    loss = (dy * y).sum() + sum((d * s).sum() for d, s in zip(dstate, after))
    found = {**grads, "x": dx, **{f"s{k}": d for k, d in enumerate(dstate0)}}
    assert found.keys() >= variables.keys()
    return [
        prove_derivatives(f"layer {layer.name}: ∂loss/∂{v} = d{v}", loss, variables[v], found[v]) for v in variables
    ]


@pytest.mark.proof
def test_embedding(shown):
    """A label that comes twice, one that comes once, and one that never does."""
    layer, x = embedding(4, 3), np.array([[0, 2], [2, 3]])
    proofs = prove(layer, x, {"W": symbols.array("W", 3, 4)})
    show(shown, 1, proofs)
    wrong = layer._replace(backward=lambda *args: ({"W": layer.backward(*args)[0]["W"][:, ::-1]}, None, ()))
    with pytest.raises(Disproof, match="dW does not hold for W_0_0"):
        prove(wrong, x, {"W": symbols.array("W", 3, 4)})


@pytest.mark.proof
@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "masked"])
@pytest.mark.parametrize("make", [
    reverse, bidirectional, lambda of: bidirectional(of, last=True),
], ids=["reverse", "bidirectional", "both ends"])  # fmt: skip
def test_directions(make, mask, shown):
    """A vanilla RNN either way: parameters, input and initial states, loss on all outputs and all final states."""
    layer, B = make(recurrent(cells.RNN, 2, 1)), 1 if mask is None else 3
    variables = {name: symbols.array(name, *shape) for name, shape in layer.shapes.items()}
    names = ["s0", "s1"][: 1 + layer.name.startswith("bidirectional")]
    state, dstate = (tuple(symbols.array(prefix + name, 1, B) for name in names) for prefix in ("", "d"))
    variables |= dict(zip(names, state)) | {"x": symbols.array("x", 2, 2, B)}
    proofs = prove(layer, variables["x"], variables, state, dstate, layers.Pass(mask=mask))
    assert len(proofs) == 1 + len(names) * 4
    show(shown, 2, proofs)


def test_directions_swapped_are_disproved():
    layer = bidirectional(recurrent(cells.RNN, 1, 1))

    def backward(P, cache, dy, dstate):
        return layer.backward(P, cache, dy[:, ::-1], dstate)

    variables = {name: symbols.array(name, *shape) for name, shape in layer.shapes.items()}
    with pytest.raises(Disproof):
        prove(layer._replace(backward=backward), symbols.array("x", 2, 1, 1), variables)


@pytest.mark.proof
@pytest.mark.parametrize("loss, target", [
    (mse, None), (binary_cross_entropy, None), (softmax_cross_entropy, np.array([[0, 2, 1], [1, 1, -1]])),
    (CrossEntropy((1, 0.5, 0.5)), np.array([[0, 2, 1], [0, 1, -1]])),
    (CrossEntropy((0.5, 1, 0), ignore_index=2), np.array([[1, 2, 0], [1, 2, -1]])),
], ids=["mse", "binary cross-entropy", "cross-entropy", "class weights", "ignored"])  # fmt: skip
@pytest.mark.parametrize("mask", [MASK, MASK | True], ids=["masked", "whole"])
def test_losses_with_a_mask(loss, target, mask, shown):
    mask = mask[:, :2] if target is None else mask
    target = target if target is None or not mask.all() else abs(target)

    def masked(y, target):
        return loss(y, target, mask)

    masked.__name__ = f"{getattr(loss, '__name__', loss)}, {'masked' if not mask.all() else 'mask of ones'}"
    proof = prove_loss(masked, target)
    show(shown, 1, [proof])
    y = symbols.array("y", 2, 3, mask.shape[1])
    value, dy = masked(y, symbols.array("t", *y.shape) if target is None else target)
    seen = {v.name for v in value.free_symbols}
    for t, b in np.ndindex(mask.shape):
        hidden = [f"{letter}_{t}_{c}_{b}" for letter in "yt" for c in range(3)]
        assert mask[t, b] or (not seen.intersection(hidden) and not dy[t, :, b].any())


@pytest.mark.proof
def test_a_wrong_derivative_of_a_loss_is_disproved():
    """Where a class weight is forgotten on the way back, or the sigmoid has the wrong sign."""

    def binary(y, target):
        value, dy = binary_cross_entropy(y, target)
        return value, -dy

    def weighted(y, target):
        return CrossEntropy((1, 0.5, 0.5))(y, target)[0], softmax_cross_entropy(y, target)[1]

    for loss, target in (binary, None), (weighted, np.array([[0, 2], [1, 0]])):
        with pytest.raises(Disproof, match="does not hold for y"):
            prove_loss(loss, target)


@pytest.mark.proof
@pytest.mark.parametrize("variational", [False, True])
def test_dropout_is_the_factor_it_drew(variational, shown):
    layer = dropout(0.5, variational)
    x, how = symbols.array("x", 2, 2, 2), layers.Pass(rng=np.random.default_rng(0))
    show(shown, 1, prove(layer, x, {"x": x}, how=how))
