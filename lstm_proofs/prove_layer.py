"""Layers without a state, and losses: their backward pass is the derivative of their forward pass."""

import numpy as np
import sympy

from lstm_core import symbols
from lstm_core.arrays import namespace
from lstm_core.checks import brief, check_count, check_function, check_kind, check_shape
from lstm_core.layers import Layer
from lstm_core.types import Array, Loss

from .proof import Proof, prove_derivatives


def prove_layer(layer: Layer, T: int = 2, B: int = 2) -> list[Proof]:
    """The backward pass of a `Layer` is the derivative of its forward pass, for arbitrary input, parameters, upstream.

    For layers without a state: `dense`, `last`. Returns a list of `Proof`; raises `Disproof`.

    >>> [proof.statement for proof in prove_layer(dense(2, 3))]
    ['layer dense: ∂(Σ dy·y)/∂W = dW', 'layer dense: ∂(Σ dy·y)/∂b = db', 'layer dense: ∂(Σ dy·y)/∂x = dx']
    """
    check_kind("layer", layer, Layer, "a layer such as dense(3, 2)")
    if layer.directions or layer.labels:
        raise ValueError(f"layer: expected one without a state and labels, got {layer.name}")
    T, B = check_count("T", T), check_count("B", B)
    P = {name: symbols.array(name, *shape) for name, shape in layer.shapes.items()}
    x = symbols.array("x", T, layer.features or 2, B)
    y, _, cache = layer.forward(P, x, ())
    dy = symbols.array("dy", *y.shape)
    grads, dx, _ = layer.backward(P, cache, dy, ())
    loss, variables = (dy * y).sum(), {**P, "x": x}
    return [
        prove_derivatives(f"layer {layer.name}: ∂(Σ dy·y)/∂{v} = d{v}", loss, variables[v], dv)
        for v, dv in {**grads, "x": dx}.items()
    ]


def prove_loss(loss: Loss, target: Array | None) -> Proof:
    """The derivative dy that a loss returns is the derivative of its value, for C = 3 arbitrary outputs a column.

    target: (T, B) labels, or None for a loss of values: then it is (T, 3, B) symbols, T = B = 2.
    If the loss takes a maximum over classes, that is one more symbol, and the value is proven not to depend on it.
    Returns a `Proof`; raises `Disproof`.

    >>> prove_loss(mse, None).statement
    'loss mse: ∂loss/∂y = dy'
    """
    check_function("loss", loss, "a function such as losses.mse", 2)
    if target is not None:
        namespace(target=target)
        check_shape("target", target, {"T": None, "B": None})
    T, B = (2, 2) if target is None else target.shape
    y = symbols.array("y", T, 3, B)
    found = loss(y, symbols.array("t", T, 3, B) if target is None else target)
    if not isinstance(found, tuple | list) or len(found) != 2 or not isinstance(found[0], sympy.Expr):
        raise TypeError(f"loss: expected a function that returns the loss, an expression, and dy, got {brief(found)}")
    value, dy = found
    shifts = [v for v in value.free_symbols if v.name.startswith("max_")]
    unmoved = np.zeros(len(shifts), int)
    name = getattr(loss, "__name__", loss)
    prove_derivatives(f"loss {name}: ∂loss/∂max = 0", value, np.array(shifts, object), unmoved)
    return prove_derivatives(f"loss {name}: ∂loss/∂y = dy", value, y, dy)
