"""PyTorch's state dicts, as dicts of NumPy arrays: `lstm`, `gru`, `rnn`, bidirectional ones, dense and embedding.

    torch_module.load_state_dict({name: torch.tensor(x) for name, x in torch_io.state_dict(model).items()})
    torch_io.load_state_dict(model, torch_module.state_dict())

PyTorch stacks the gates of an LSTM as i f g o and those of a GRU as r z n; here they are i o f g and z r n. It adds two
biases, b_ih + b_hh, where one would do: here b is their sum. Only the candidate of a GRU, n = tanh(W x + b_ih
+ r ⊙ (R h + b_hh)), needs both: its b_hh is our p. On the way out b becomes b_ih, and every other b_hh is 0.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from lstm_core.arrays import namespace, to_host, views
from lstm_core.checks import brief, check_flag, check_kind, listed
from lstm_core.model import Model

from .configs import check_known, fill, prefixes

GATES = {"rnn": "h", "rnn relu": "h", "lstm": "ifgo", "gru": "rzn"}  # PyTorch's order, in the letters of our cells
RECURRENT_BIASES = {"gru": "n"}  # the gates whose b_hh is more than a second b_ih: our p
ENDS = {"forward": "", "reverse": "_reverse"}


class Place(NamedTuple):
    """Where in θ the numbers of one of PyTorch's arrays are.

    index:  integers, in the shape of the array
    second: booleans, in the same shape: True for a bias that has its place in θ from another one. It is 0 on the way
            out, and added on the way in

    >>> torch_io.Place(np.arange(2), np.zeros(2, bool)).index
    array([0, 1])
    """

    index: np.ndarray  # type: ignore[assignment]
    second: np.ndarray


def state_dict(model: Model, stacked: bool = False) -> dict[str, np.ndarray]:
    """The parameters of `model` in PyTorch's names, shapes and order: name -> NumPy array.

    A module is called as the layer is (`model.names`, blanks made underscores): "lstm.weight_ih_l0", "dense.bias", ….
    The arrays are copies and contiguous, as safetensors.numpy needs them.
    stacked: recurrent layers of one kind are one module, as of torch.nn.LSTM(num_layers=2): "lstm.weight_ih_l1". They
             have to stand directly behind one another and have as many hidden units; or with a dropout between each
             two, the same everywhere, which is torch.nn.LSTM(num_layers=2, dropout=rate)
    A dict of arrays has no room for a digest: that a number was changed into another nobody can tell.
    Raises ValueError for layers that PyTorch does not have: peepholes, variants, a GRU with reset before, reverse; and
    for layers to be stacked that none of its modules computes.

    >>> model = Model([lstm(2, 3), dense(3, 1)], mse, rng=rng)
    >>> {name: x.shape for name, x in torch_io.state_dict(model).items() if "ih" in name}
    {'lstm.weight_ih_l0': (12, 2), 'lstm.bias_ih_l0': (12,)}
    """
    check_kind("model", model, Model, "a Model")
    theta = to_host(model.theta)
    return {
        name: np.ascontiguousarray(np.where(place.second, 0, theta[place.index]))
        for name, place in _places(model, stacked).items()
    }


def load_state_dict(model: Model, state: Mapping[str, Any], stacked: bool = False) -> None:
    """Set the parameters of `model` to those of PyTorch's `state`, name -> tensor or NumPy array: all or none.

    Names are those of `state_dict`. Raises ValueError for a wrong name, shape, dtype, NaN or infinity, and TypeError
    for masked arrays and other subclasses.

    >>> model, other = (Model([lstm(2, 3), dense(3, 1)], mse, rng=rng) for _ in range(2))
    >>> torch_io.load_state_dict(other, torch_io.state_dict(model))
    >>> np.array_equal(other.theta, model.theta)
    True
    """
    check_kind("model", model, Model, "a Model")
    check_kind("state", state, Mapping, "a dict of arrays")
    state = {name: _host(name, x) for name, x in state.items()}
    places, theta = _places(model, stacked), np.zeros(model.theta.shape, model.theta.dtype)
    if state.keys() != places.keys():
        raise ValueError(f"state: expected {listed(places)}, got {listed(state)}")
    for name, (index, _) in places.items():
        x = state[name]
        if x.shape != index.shape or x.dtype != theta.dtype:
            raise ValueError(f"{name}: expected shape {index.shape} of {theta.dtype}, got {x.shape} of {x.dtype}")
        with np.errstate(over="ignore", invalid="ignore"):  # `fill` refuses infinity and NaN
            theta[index] += x
    fill(model, views(model.shapes, theta))


def _host(name, x):
    """A tensor or array as a plain NumPy array."""
    if hasattr(x, "detach"):
        return x.detach().cpu().numpy()
    if isinstance(x, np.ndarray):
        namespace(**{name: x})
    return np.asarray(x)


def _places(model, stacked):
    """Where PyTorch's numbers are in the θ of `model`: name of an array -> `Place`."""
    index, places = views(model.shapes, np.arange(model.theta.size)), {}
    kinds = [layer.name for layer in model.layers]
    if check_flag("stacked", stacked):
        _check_stacks(model)
    for k, (name, layer) in enumerate(zip(model.names, model.layers, strict=True)):
        check_known(layer)
        P = {key: index[f"{name}.{key}"] for key in layer.shapes}
        if layer.directions:
            _check_pytorch_has(name, layer)
            module, level = (layer.name, kinds[:k].count(layer.name)) if stacked else (name, 0)
            for direction, prefix in prefixes(layer.directions).items():
                arrays = _recurrent(layer.cell, {key: P[prefix + key] for key in "WRbp" if prefix + key in P})
                module, end = module.replace(" ", "_"), ENDS[direction]
                places |= {f"{module}.{array}_l{level}{end}": place for array, place in arrays.items()}
        elif layer.labels:
            places[f"{name}.weight"] = _first(P["W"].T)
        elif P:  # dense
            places |= {f"{name}.weight": _first(P["W"]), f"{name}.bias": _first(P["b"][:, 0])}
    return places


def _check_stacks(model):
    """Raise ValueError unless one module of PyTorch computes what the recurrent layers of each kind do, stacked."""
    kinds = [layer.name for layer in model.layers]
    for kind in dict.fromkeys(layer.name for layer in model.layers if layer.directions):
        places = [k for k, name in enumerate(kinds) if name == kind]
        stack = [model.layers[k] for k in places]
        between = [[layer.config for layer in model.layers[j + 1 : k]] for j, k in pairwise(places)]
        alike = all(configs == between[0] for configs in between) and (
            not between or [config["layer"] for config in between[0]] in ([], ["dropout"])
        )
        hidden = {layer.config.get("of", layer.config)["hidden"] for layer in stack}
        if not alike or len(hidden) > 1 or any(layer.collapses for layer in stack[:-1]):
            found = listed(brief(layer.config) for layer in model.layers[places[0] : places[-1] + 1])
            raise ValueError(
                f"stacked: expected the layers of kind {kind} directly behind one another, or with one and the same "
                f"dropout between each two, of as many hidden units, and all steps handed on, got {found}"
            )


def _check_pytorch_has(name, layer):
    """Raise ValueError unless PyTorch has a module for the recurrent `layer`: its very gates, p or none, direction."""
    cell, learned = layer.cell, any(key.endswith("p") for key in layer.shapes)
    gates, biased = sorted(GATES.get(cell.name, "")), RECURRENT_BIASES.get(cell.name, "")
    same = gates == sorted(cell.inputs) == sorted(cell.recurs) and learned == bool(biased)
    if not same or (learned and tuple(biased) != cell.own) or "forward" not in layer.directions:
        raise ValueError(f"layers: expected such as PyTorch has, without peepholes, got {name}: {layer.config}")


def _recurrent(cell, P):
    """PyTorch's arrays for one direction of a recurrent layer with the indices P, gate by gate in PyTorch's order."""
    H, order = P["R"].shape[1], GATES[cell.name]

    def rows(names, array):
        """Each gate's own, (H, …)."""
        return dict(zip(names, array.reshape(len(names), H, *array.shape[1:]), strict=True))

    W, R, b = rows(cell.inputs, P["W"]), rows(cell.recurs, P["R"]), rows(cell.inputs, P["b"][:, 0])
    p = rows(cell.own, P["p"].ravel()) if "p" in P else {}
    second = np.concatenate([np.full(H, gate not in p) for gate in order])
    return {
        "weight_ih": _first(np.concatenate([W[gate] for gate in order])),
        "weight_hh": _first(np.concatenate([R[gate] for gate in order])),
        "bias_ih": _first(np.concatenate([b[gate] for gate in order])),
        "bias_hh": Place(np.concatenate([p.get(gate, b[gate]) for gate in order]), second),
    }


def _first(index):
    """The `Place` of numbers that stand in θ by themselves."""
    return Place(index, np.zeros(index.shape, bool))
