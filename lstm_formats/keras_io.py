"""Keras's weights, as lists of NumPy arrays: LSTM, GRU, SimpleRNN, Bidirectional, Dense and Embedding.

    for layer, arrays in zip(keras_layers, keras_io.get_weights(model)):
        layer.set_weights(arrays)
    keras_io.set_weights(model, [layer.get_weights() for layer in keras_model.layers])

An example is a row there, so kernel (D, G*H) and recurrent_kernel (H, G*H) are W and R transposed. The gates of an LSTM
are stacked as i f c o (our i f g o), those of a GRU as z r h (our z r n). A GRU with reset_after=True, Keras's default,
has two biases, (2, 3*H), and is `gru(D, H)`; with reset_after=False it has one, (3*H,), and is
`gru(D, H, reset="before")`. What the biases are here says `_places`.
"""

from typing import NamedTuple

import numpy as np

from lstm_core.arrays import to_host, views
from lstm_core.checks import brief, check_flag, check_kind, listed
from lstm_core.model import Model

from ._places import Place, array_of, check_has, first, recurrent, set_arrays
from .configs import check_known, prefixes

GATES = {"rnn": "h", "rnn relu": "h", "lstm": "ifgo", "gru": "zrn", "gru before": "zrn"}  # Keras's order, our letters
LAYERS = "[layer.get_weights() for layer in keras_model.layers]"


class _Slot(NamedTuple):
    """An array that a layer of Keras has: what it is called there, and the `Place` of its numbers."""

    name: str
    place: Place


def get_weights(model: Model) -> list[list[np.ndarray]]:
    """The parameters of `model` as Keras has them: for each layer with parameters what `layer.get_weights()` gives.

    Copies, in the model's dtype. In Keras `keras_model.set_weights([x for arrays in found for x in arrays])` takes them
    all at once. Biases are always there (use_bias=True). The layers without parameters are the caller's business, and
    so is what arrays do not tell: the activations, return_sequences (`last`), merge_mode="concat" of Bidirectional.
    Raises ValueError for layers that Keras does not have: peepholes, variants, reverse, a GRU without recurrent bias.

    >>> import numpy as np
    >>> from lstm_core import Model, dense, lstm, mse
    >>> model = Model([lstm(3, 4), dense(4, 2)], mse, rng=np.random.default_rng(0))
    >>> [[x.shape for x in arrays] for arrays in get_weights(model)]
    [[(3, 16), (4, 16), (16,)], [(4, 2), (2,)]]
    """
    check_kind("model", model, Model, "a Model")
    theta = to_host(model.theta)
    return [[array_of(theta, slot.place) for slot in slots] for slots in _slots(model).values()]


def set_weights(model: Model, weights: list, cast: bool = False) -> None:
    """Set the parameters of `model` to Keras's `weights`: all or none.

    weights: for each layer what `layer.get_weights()` gives, in the order of the layers; empty lists, of layers without
             weights, do not count. Without its biases a layer is one with use_bias=False: they are 0
    cast:    whether arrays of another precision (float16, bfloat16, float32, float64) are converted to the model's
             dtype, rounded to nearest where that has fewer digits; if not, they are refused

    Arrays do not tell which function a layer applies: here it is tanh, and the gates' is the logistic sigmoid, Keras's
    defaults (SimpleRNN with "relu": `rnn(D, H, "relu")`). Nor do they tell reset_after where there is no bias.
    Raises ValueError for another number of layers or arrays, a wrong shape, dtype, NaN or infinity, and for layers that
    Keras does not have (see `get_weights`); TypeError for masked arrays and other subclasses.

    >>> import numpy as np
    >>> from lstm_core import Model, lstm, mse
    >>> model = Model([lstm(3, 4)], mse, rng=np.random.default_rng(0))
    >>> set_weights(model, [[np.ones((3, 16), "f4"), np.zeros((4, 16), "f4")]])
    >>> model.params["lstm.W"].mean(), abs(model.params["lstm.b"]).max()
    (np.float32(1.0), np.float32(0.0))
    """
    check_kind("model", model, Model, "a Model")
    check_kind("weights", weights, list | tuple, f"lists of arrays, {LAYERS}")
    cast, layers, given = check_flag("cast", cast), _slots(model), {}
    for k, arrays in enumerate(weights):
        if not isinstance(arrays, list | tuple):
            raise TypeError(f"weights[{k}]: expected a list of arrays for each layer, {LAYERS}, got {brief(arrays)}")
    there = [k for k, arrays in enumerate(weights) if len(arrays)]
    if len(there) != len(layers):
        counts = f"{len(there)} with {listed(len(weights[k]) for k in there) or 'no'} arrays"
        raise ValueError(f"weights: expected lists of arrays for {len(layers)} layers, {listed(layers)}, got {counts}")
    for k, (name, slots) in zip(there, layers.items(), strict=True):
        arrays, without = weights[k], [slot for slot in slots if not slot.name.endswith("bias")]
        if len(arrays) not in (len(slots), len(without)):
            names = listed(slot.name for slot in slots)
            raise ValueError(
                f"weights[{k}]: expected {names} of {name}, or those without bias, got {len(arrays)} arrays"
            )
        for j, (slot, x) in enumerate(zip(slots if len(arrays) == len(slots) else without, arrays, strict=True)):
            given[f"weights[{k}][{j}]: {name} {slot.name}"] = slot.place, x
    set_arrays(model, given, cast)


def _slots(model):
    """Keras's arrays for each layer of `model` with parameters: name of the layer -> list of `_Slot`."""
    index, found = views(model.shapes, np.arange(model.theta.size)), {}
    for name, layer in zip(model.names, model.layers, strict=True):
        check_known(layer)
        P = {key: index[f"{name}.{key}"] for key in layer.shapes}
        if layer.directions:
            check_has("Keras", GATES, name, layer)
            found[name] = []
            for direction, prefix in prefixes(layer.directions).items():
                own = {key: P[prefix + key] for key in "WRbp" if prefix + key in P}
                word = {"forward": "", "reverse": "backward "}[direction]
                found[name] += [_Slot(word + array, place) for array, place in _recurrent(layer.cell, own)]
        elif layer.labels:
            found[name] = [_Slot("embeddings", first(P["W"].T))]
        elif P:  # dense
            found[name] = [_Slot("kernel", first(P["W"].T)), _Slot("bias", first(P["b"][:, 0]))]
    return found


def _recurrent(cell, P):
    """The arrays of Keras for one direction of a recurrent layer with the indices P: pairs of name and `Place`."""
    W, R, b, recurrent_b = recurrent(cell, P, GATES[cell.name]).values()
    both = Place(*(np.stack(parts) for parts in zip(b, recurrent_b, strict=True)))
    yield "kernel", Place(W.index.T, W.second.T)
    yield "recurrent_kernel", Place(R.index.T, R.second.T)
    yield "bias", both if cell.name == "gru" else b
