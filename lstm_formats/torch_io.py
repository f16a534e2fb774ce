"""PyTorch's state dicts, as dicts of NumPy arrays: `lstm`, `gru`, `rnn`, bidirectional ones, dense and embedding.

    torch_module.load_state_dict({name: torch.tensor(x) for name, x in torch_io.state_dict(model).items()})
    torch_io.load_state_dict(model, torch_module.state_dict())

PyTorch stacks the gates of an LSTM as i f g o and those of a GRU as r z n; here they are i o f g and z r n. Its two
biases are one here: see `_places`.
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from lstm_core.arrays import to_host, views
from lstm_core.checks import brief, check_flag, check_kind, listed
from lstm_core.model import Model

from ._places import array_of, check_has, first, recurrent, set_arrays
from .configs import check_known, prefixes

GATES = {"rnn": "h", "rnn relu": "h", "lstm": "ifgo", "gru": "rzn"}  # PyTorch's order, in the letters of our cells
ENDS = {"forward": "", "reverse": "_reverse"}
WRAPPERS = "module", "_orig_mod"  # what DataParallel and torch.compile call the module that they wrap


def state_dict(model: Model, stacked: bool = False) -> dict[str, np.ndarray]:
    """The parameters of `model` in PyTorch's names, shapes and order: name -> NumPy array.

    A module is called as the layer is (`model.names`, blanks made underscores): "lstm.weight_ih_l0", "dense.bias", ….
    The arrays are copies and contiguous, as safetensors.numpy needs them. Biases are always there.
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
    return {name: array_of(theta, place) for name, place in _places(model, stacked).items()}


def load_state_dict(model: Model, state: Mapping[str, Any], stacked: bool = False, cast: bool = False) -> None:
    """Set the parameters of `model` to those of PyTorch's `state`, name -> tensor or NumPy array: all or none.

    Names are those of `state_dict`, and these may differ:

    * "module." and "_orig_mod.", which DataParallel and torch.compile write, do not count, wherever they stand;
    * where the model is one module, its name may be left out, as in torch.nn.LSTM(3, 4).state_dict();
    * a module that has none of its biases, as with bias=False, has them all 0.

    cast: whether arrays of another precision (float16, bfloat16, float32, float64) are converted to the model's dtype,
          rounded to nearest where that has fewer digits; if not, they are refused

    Raises ValueError for a wrong name, shape, dtype, NaN or infinity, and for an LSTM with proj_size; TypeError for
    masked arrays and other subclasses.

    >>> model = Model([lstm(3, 4)], mse, rng=rng)
    >>> state = {"module.weight_ih_l0": np.ones((16, 3), np.float16), "module.weight_hh_l0": np.zeros((16, 4), "f2")}
    >>> torch_io.load_state_dict(model, state, cast=True)
    >>> float(model.params["lstm.W"].mean()), float(abs(model.params["lstm.b"]).max())
    (1.0, 0.0)
    """
    check_kind("model", model, Model, "a Model")
    check_kind("state", state, Mapping, "a dict of arrays")
    cast = check_flag("cast", cast)
    places = _places(model, stacked)
    found = _named(state, places, stacked)
    set_arrays(model, {name: (place, found[name]) for name, place in places.items() if name in found}, cast)


def _named(state, places, stacked):
    """What is in `state`, by the names of `places`. Raises ValueError for names that these are not, and that lack."""
    modules, found, written = {name.rpartition(".")[0] for name in places}, {}, {}
    for given, x in state.items():
        given = given if isinstance(given, str) and given else brief(given)
        parts = [part for part in given.split(".") if part not in WRAPPERS] or [given]
        if parts[-1].startswith("weight_hr_l"):
            raise ValueError(f"state: expected an LSTM without proj_size, which is not here, got {listed([given])}")
        if len(modules) == 1 and len(parts) == 1:
            parts = [*modules, *parts]
        name = ".".join(parts)
        if name in found:
            raise ValueError(f"state: expected each array once, got {listed([written[name], given])}")
        found[name], written[name] = x, given
    unknown = {name: written[name] for name in found if name not in places}
    missing = [name for name in places if name not in found]
    for module in modules:  # bias=False
        biases = {name for name in places if name.startswith(f"{module}.bias")}
        if biases <= {*missing}:
            missing = [name for name in missing if name not in biases]
    if unknown or missing:
        several = not stacked and any(re.search(r"_l[1-9]\d*(_reverse)?$", name) for name in unknown)
        hint = "; stacked=True takes the layers of one module" if several else ""
        raise ValueError(
            "state: expected the names of torch_io.state_dict(model), got "
            f"unknown: {listed(unknown.values()) or 'none'}; missing: {listed(missing) or 'none'}{hint}"
        )
    return found


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
            check_has("PyTorch", GATES, name, layer)
            module, level = (layer.name, kinds[:k].count(layer.name)) if stacked else (name, 0)
            for direction, prefix in prefixes(layer.directions).items():
                own = {key: P[prefix + key] for key in "WRbp" if prefix + key in P}
                arrays = recurrent(layer.cell, own, GATES[layer.cell.name])
                module, end = module.replace(" ", "_"), ENDS[direction]
                places |= {f"{module}.{array}_l{level}{end}": place for array, place in arrays.items()}
        elif layer.labels:
            places[f"{name}.weight"] = first(P["W"].T)
        elif P:  # dense
            places |= {f"{name}.weight": first(P["W"]), f"{name}.bias": first(P["b"][:, 0])}
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
