"""ONNX's recurrent operators, RNN, LSTM and GRU, node by node: a layer and its parameters as one, and back.

ONNX's gates and peepholes are stacked as ours, so W, R and P are copies with an axis of directions in front. B is b
and, behind it, the recurrent part's bias: p of a GRU's candidate, else 0.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from lstm_core import layers, variants
from lstm_core.arrays import namespace
from lstm_core.checks import check_choice, check_kind, check_same_shape, listed
from lstm_core.layers import Layer
from lstm_core.types import Arrays

from .configs import prefixes


def library() -> Any:
    """The package onnx, or ImportError that says what to install.

    >>> from lstm_formats.onnx_nodes import library
    >>> library().__name__
    'onnx'
    """
    try:
        import onnx.checker
        import onnx.shape_inference
    except ImportError as error:
        raise ImportError('onnx_io: needs ONNX: pip install "lstm-core[onnx]"') from error
    return onnx


class Form(NamedTuple):
    """How ONNX has a cell.

    operator:    RNN, LSTM or GRU
    gates:       the order of its rows, in our letters
    activations: in each direction
    attributes:  more of them
    own:         the gates that our p acts on: P of an LSTM, rows of a GRU's recurrent bias

    >>> from lstm_formats.onnx_nodes import FORMS
    >>> FORMS["gru"].gates, FORMS["gru"].attributes
    ('zrn', {'linear_before_reset': 1})
    """

    operator: str
    gates: str
    activations: list[str]
    attributes: dict[str, Any] = {}  # noqa: RUF012 (nobody writes into it)
    own: str = ""


FORMS = {  # by cell; of several with one operator, the one with ONNX's default attributes first
    "rnn": Form("RNN", "h", ["Tanh"]),
    "rnn relu": Form("RNN", "h", ["Relu"]),
    "lstm": Form("LSTM", "iofg", ["Sigmoid", "Tanh", "Tanh"], own="iof"),
    "gru before": Form("GRU", "zrn", ["Sigmoid", "Tanh"], {"linear_before_reset": 0}),
    "gru": Form("GRU", "zrn", ["Sigmoid", "Tanh"], {"linear_before_reset": 1}, own="n"),
}
DIRECTIONS = {  # ONNX's word -> ours, and the layer that it makes of a recurrent one
    "forward": (("forward",), lambda of: of),
    "reverse": (("reverse",), layers.reverse),
    "bidirectional": (("forward", "reverse"), layers.bidirectional),
}


def to_node(layer: Layer, P: Arrays) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
    """A recurrent layer, reverse and bidirectional too, and its parameters -> ONNX's operator, attributes, arrays.

    The arrays, by ONNX's letters: W (directions, G*H, D), R (directions, G*H, H), B (directions, 2*G*H) and, of an LSTM
    with peepholes, P (directions, 3*H). Raises ValueError for a variant that ONNX has no operator for.

    >>> layer = gru(2, 3)
    >>> P = {name: np.zeros(shape) for name, shape in layer.shapes.items()}
    >>> operator, attributes, arrays = onnx_io.to_node(layer, P)
    >>> operator, attributes["linear_before_reset"], arrays["B"].shape
    ('GRU', 1, (1, 18))
    """
    check_kind("layer", layer, layers.Layer, "a recurrent layer such as lstm(28, 100)")
    form, starts = _form(layer), prefixes(layer.directions).values()
    check_kind("P", P, Mapping, "a dict of arrays")
    if P.keys() != layer.shapes.keys():
        raise ValueError(f"P: expected {listed(layer.shapes)}, got {listed(P)}")
    for key, shape in layer.shapes.items():
        where = f"P[{key!r}]"
        if namespace(**{where: P[key]}) is not np:
            raise TypeError(f"{where}: expected a NumPy array, got {type(P[key]).__name__}")
        check_same_shape(where, P[key], shape)
    W, R, b = (np.stack([P[start + key] for start in starts]) for key in "WRb")
    H, arrays = R.shape[-1], {"W": W, "R": R}
    recurrent_b = np.zeros_like(b)
    if any(key.endswith("p") for key in P):
        p = np.stack([P[start + "p"] for start in starts])  # (directions, K, H, 1)
        if form.operator == "LSTM":
            arrays["P"] = p.reshape(len(p), -1)
        else:
            recurrent_b[:, _own_rows(form, H)] = p[:, 0]
    arrays["B"] = np.concatenate([b, recurrent_b], axis=1)[..., 0]
    direction = next(word for word, (ours, _) in DIRECTIONS.items() if ours == layer.directions)
    return form.operator, _attributes(form, direction, H), {key: arrays[key] for key in "WRBP" if key in arrays}


def from_node(node: Any, arrays: Arrays) -> tuple[Layer, dict[str, np.ndarray]]:
    """The other way: a node of ONNX's RNN, LSTM or GRU and its arrays (B and P may be left out) -> layer, parameters.

    The attribute layout and the inputs sequence_lens, initial_h and initial_c are about x and y, not about the layer:
    they are the caller's business. A recurrent bias is added to the input's where the equations allow it. Raises
    ValueError for wrong shapes, and for attributes other than direction, hidden_size, the operator's usual activations
    and linear_before_reset.

    >>> import onnx
    >>> node = onnx.helper.make_node("RNN", ["x", "W", "R"], ["y"], hidden_size=3)
    >>> layer, P = onnx_io.from_node(node, {"W": np.ones((1, 3, 2)), "R": np.ones((1, 3, 3))})
    >>> layer.name, P["b"].ravel()
    ('rnn', array([0., 0., 0.]))
    """
    operator, D, H = node.op_type, arrays["W"].shape[-1], arrays["R"].shape[-1]
    check_choice("operator", operator, dict.fromkeys(form.operator for form in FORMS.values()))
    cell, direction = _asked(node, H)
    form, (directions, wrap) = FORMS[cell], DIRECTIONS[direction]
    n, rows = len(directions), len(form.gates) * H
    shapes = {"W": (n, rows, D), "R": (n, rows, H), "B": (n, 2 * rows)}
    shapes |= {"P": (n, len(form.own) * H)} if operator == "LSTM" else {}
    found = {key: array.shape for key, array in sorted(arrays.items())}
    wrong = [f"{key} {shapes.get(key)}, got {shape}" for key, shape in found.items() if shape != shapes.get(key)]
    if wrong:
        raise ValueError(f"{operator}: expected {'; '.join(wrong)}")
    arrays = {"B": np.zeros(shapes["B"], arrays["W"].dtype)} | dict(arrays)
    b, recurrent_b = np.split(arrays["B"][..., None], 2, axis=1)
    ours = {"W": arrays["W"], "R": arrays["R"]}
    if "P" in arrays:
        ours["p"] = arrays["P"].reshape(n, len(form.own), H, 1)
    elif operator == "GRU" and form.own:
        own = _own_rows(form, H)
        ours["p"], recurrent_b = recurrent_b[:, None, own].copy(), recurrent_b.copy()
        recurrent_b[:, own] = 0
    ours["b"] = np.where(recurrent_b == 0, b, b + recurrent_b)
    layer = wrap(layers.recurrent(cell, D, H, own="p" in ours or operator != "LSTM"))
    _form(layer)
    starts = enumerate(prefixes(directions).values())
    return layer, {start + key: array[k] for k, start in starts for key, array in ours.items()}


def _form(layer):
    """How ONNX has the cell of a recurrent layer. Raises ValueError if it has it not, or with its gates otherwise."""
    cell = layer.cell
    form = FORMS.get(cell.name) if cell and cell == variants.CELLS.get(cell.name) else None
    if form is None:
        raise ValueError(f"{layer.name}: ONNX has no operator for this variant; expected one of {', '.join(FORMS)}")
    gates = tuple(form.gates)
    if not gates == cell.inputs == cell.recurs or (form.own and tuple(form.own) != cell.own):
        raise ValueError(f"{layer.name}: expected the gates {form.gates}, as ONNX has them, got {cell.inputs}")
    return form


def _own_rows(form, H):
    """The rows of a GRU's recurrent bias that are our p."""
    k = form.gates.index(form.own)
    return slice(k * H, (k + 1) * H)


def _attributes(form, direction, H):
    activations = form.activations * len(DIRECTIONS[direction][0])
    return {"direction": direction, "hidden_size": H, "activations": activations} | form.attributes


def _asked(node, H):
    """The cell and the direction that the attributes of `node` ask for; or ValueError."""
    given = {attribute.name: value_of(attribute) for attribute in node.attribute if attribute.name != "layout"}
    direction = given.get("direction", "forward")
    check_choice("direction", direction, DIRECTIONS)
    forms = {cell: form for cell, form in FORMS.items() if form.operator == node.op_type}
    forms = {cell: _attributes(form, direction, H) for cell, form in forms.items()}
    default = next(iter(forms.values()))
    asked = {"input_forget": 0} | default | given
    for cell, attributes in forms.items():
        if {"input_forget": 0} | attributes == asked:
            return cell, direction
    raise ValueError(f"{node.op_type}: expected {' or '.join(map(str, forms.values()))}, got {listed([asked])}")


def value_of(attribute: Any) -> Any:
    """The value of a node's attribute, text decoded.

    >>> import onnx
    >>> from lstm_formats.onnx_nodes import value_of
    >>> value_of(onnx.helper.make_attribute("activations", ["Tanh"]))
    ['Tanh']
    """
    value = library().helper.get_attribute_value(attribute)
    if isinstance(value, list):
        return [item.decode() if isinstance(item, bytes) else item for item in value]
    return value.decode() if isinstance(value, bytes) else value
