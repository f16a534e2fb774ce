"""Places: where in θ the numbers of another program's arrays are. What `torch_io` and `keras_io` share.

Both programs stack the gates of a layer in an order of their own and have, or may have, two biases where one would do:
b_ih + b_hh. Here b is their sum. Only the candidate of a GRU with reset after, n = tanh(W x + b_ih + r ⊙ (R h + b_hh)),
needs both: its b_hh is our p. On the way out b becomes b_ih, and every other b_hh is 0.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from lstm_core.arrays import namespace, views
from lstm_core.cells import Cell
from lstm_core.checks import brief
from lstm_core.layers import Layer
from lstm_core.model import Model

from .configs import fill

RECURRENT_BIASES = {"gru": "n"}  # the gates whose b_hh is more than a second b_ih: our p
CASTS = "float16", "bfloat16", "float32", "float64"


class Place(NamedTuple):
    """Where in θ the numbers of an array are.

    index:  integers, in the shape of the array
    second: booleans, in the same shape: True for a bias that has its place in θ from another one. It is 0 on the way
            out, and added on the way in
    """

    index: np.ndarray  # type: ignore[assignment]
    second: np.ndarray


def first(index: np.ndarray) -> Place:
    """The `Place` of numbers that stand in θ by themselves."""
    return Place(index, np.zeros(index.shape, bool))


def recurrent(cell: Cell, P: Mapping[str, np.ndarray], order: str) -> dict[str, Place]:
    """The arrays for one direction of a recurrent layer with the indices P, gate by gate in this `order`.

    weight_ih (G*H, D), weight_hh (G*H, H), bias_ih (G*H,) and bias_hh (G*H,), as PyTorch calls them.
    """
    H = P["R"].shape[1]

    def rows(names, array):
        """Each gate's own, (H, …)."""
        return dict(zip(names, array.reshape(len(names), H, *array.shape[1:]), strict=True))

    W, R, b = rows(cell.inputs, P["W"]), rows(cell.recurs, P["R"]), rows(cell.inputs, P["b"][:, 0])
    p = rows(cell.own, P["p"].ravel()) if "p" in P else {}
    second = np.concatenate([np.full(H, gate not in p) for gate in order])
    return {
        "weight_ih": first(np.concatenate([W[gate] for gate in order])),
        "weight_hh": first(np.concatenate([R[gate] for gate in order])),
        "bias_ih": first(np.concatenate([b[gate] for gate in order])),
        "bias_hh": Place(np.concatenate([p.get(gate, b[gate]) for gate in order]), second),
    }


def check_has(program: str, gates: Mapping[str, str], name: str, layer: Layer) -> None:
    """Raise ValueError unless the `program`, with these `gates` by cell, has the recurrent `layer`.

    It has to have its very gates, p or none, and its direction.
    """
    cell: Any = layer.cell
    learned = any(key.endswith("p") for key in layer.shapes)
    found, biased = sorted(gates.get(cell.name, "")), RECURRENT_BIASES.get(cell.name, "")
    same = found == sorted(cell.inputs) == sorted(cell.recurs) and learned == bool(biased)
    if not same or (learned and tuple(biased) != cell.own) or "forward" not in layer.directions:
        raise ValueError(f"layers: expected such as {program} has, without peepholes, got {name}: {layer.config}")


def array_of(theta: np.ndarray, place: Place) -> np.ndarray:
    """The array whose numbers are in `theta` at this `place`: a copy, contiguous, as safetensors.numpy needs it."""
    return np.ascontiguousarray(np.where(place.second, 0, theta[place.index]))


def set_arrays(model: Model, given: Mapping[str, tuple[Place, object]], cast: bool) -> None:
    """Set the parameters of `model` to arrays: all or none. What is not given is 0.

    given: name of an array, for messages -> its place and what came, a tensor or array
    cast:  whether what is of another precision is converted; one of the model's dtype is expected if not
    """
    theta = np.zeros(model.theta.shape, model.theta.dtype)
    for name, (place, came) in given.items():
        x, dtype = _host(name, came)
        if x.shape != place.index.shape or not (dtype == theta.dtype.name or (cast and dtype in CASTS)):
            wanted = f"shape {place.index.shape} of {' or '.join(CASTS) if cast else theta.dtype}"
            more = "; cast=True converts it" if dtype in CASTS and x.shape == place.index.shape else ""
            raise ValueError(f"{name}: expected {wanted}, got {x.shape} of {dtype}{more}")
        with np.errstate(over="ignore", invalid="ignore"):  # `fill` refuses infinity and NaN
            np.add.at(theta, place.index, x.astype(theta.dtype))  # both biases of a Keras GRU are in one array
    fill(model, views(model.shapes, theta))


def _host(name, x):
    """A tensor or array as a plain NumPy array, and the name of its dtype."""
    if isinstance(x, np.ndarray):
        namespace(**{name: x})
    try:
        if hasattr(x, "detach"):
            x = x.detach().cpu()
            if str(getattr(x, "dtype", "")) == "torch.bfloat16":  # NumPy has no such numbers; float32 has them all
                return x.float().numpy(), "bfloat16"
            x = x.numpy()
        x = np.asarray(x)
    except Exception as error:  # a tensor without numbers, on a device of its own, lists of unlike lengths
        raise ValueError(f"{name}: expected a plain tensor or array, got {brief(x)}") from error
    return x, x.dtype.name
