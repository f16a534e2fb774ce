"""ONNX: a model as a graph that other programs run, and back.

    x (batch, time, features), or int64 labels (batch, time)  ->  Transpose: time comes first
        recurrent, reverse, bidirectional    RNN, LSTM or GRU, then the directions side by side (Transpose, Reshape)
        dense                                MatMul, Add
        embedding, last                      Gather
        activation                           Tanh, Sigmoid, Relu, Softmax
        dropout                              nothing: the graph is for use, not for training
    ->  y (batch, time, C), or (batch, C) if the model reads the last step, as `Model.predict` gives it

Batch and time are free. The numbers have the model's dtype; onnxruntime's RNN, LSTM and GRU know float32 only. ONNX's
gates and peepholes are stacked as ours, so W, R and P are copies with an axis of directions in front. B is b and,
behind it, the recurrent part's bias: p of a GRU's candidate, else 0. dense and embedding hold W transposed.
"""

import json
import os
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np

from lstm_core import layers, variants
from lstm_core.arrays import namespace, to_host
from lstm_core.checks import brief, check_choice, check_flag, check_kind, check_same_shape, listed
from lstm_core.files import read, write_atomic
from lstm_core.layers import Layer
from lstm_core.model import Model
from lstm_core.types import Arrays

from .configs import DAMAGE, FIELDS, check_fields, check_json, config_of, layers_of, model_from, prefixes, reason
from .onnx_checks import check_graph, check_wire, digest

OPSET, IR_VERSION = 22, 10


class Form(NamedTuple):
    """How ONNX has a cell.

    operator:    RNN, LSTM or GRU
    gates:       the order of its rows, in our letters
    activations: in each direction
    attributes:  more of them
    own:         the gates that our p acts on: P of an LSTM, rows of a GRU's recurrent bias

    >>> onnx_io.FORMS["gru"].gates, onnx_io.FORMS["gru"].attributes
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


def save(model: Model, path: str | os.PathLike, states: bool = False, softmax: bool = False) -> None:
    """Write `model` to the ONNX file `path`, whole or not at all.

    states:  initial states are inputs too and final states outputs, those of layer "lstm" called "lstm.h.initial",
             "lstm.c.initial", "lstm.h.final", "lstm.c.final", each (directions, batch, hidden), in the order of the
             layers; else every layer starts from 0
    softmax: y are probabilities: a softmax over the classes stands behind the last layer, where `load` finds it
             as a layer, so that a model to train on is better saved without

    Initializers are called as the parameters, "lstm.W"; the layers' configs are in the metadata, as JSON, and with them
    a SHA-256 of all that the model's meaning depends on, the numbers too.
    Raises ValueError for a cell that ONNX has no operator for, a loss that is not of `losses`, or parameters that are
    not finite; ImportError without onnx.

    >>> import onnx
    >>> onnx_io.save(Model([lstm(2, 3), last()], mse, rng=rng), "model.onnx")
    >>> [node.op_type for node in onnx.load("model.onnx").graph.node]
    ['Transpose', 'LSTM', 'Transpose', 'Reshape', 'Gather', 'Gather']
    """
    check_flag("states", states)
    softmax = check_flag("softmax", softmax)
    onnx = _onnx()
    if softmax:
        more = Model([*model.layers, layers.activation("softmax")], model.loss_function, rng=np.random.default_rng(0))
        model = more.at(model.theta)
    meta = config_of(model) | {"names": [*model.names], "states": check_flag("states", states)}
    proto = _proto(onnx, model, states)
    text = json.dumps(meta | {"sha256": digest(meta, _parts(onnx, proto))})
    check_json("layers", text.encode())
    onnx.helper.set_model_props(proto, {"lstm_core": text})
    onnx.checker.check_model(proto, full_check=True)
    raw = proto.SerializeToString()
    check_wire(raw, proto.DESCRIPTOR)
    write_atomic(path, raw)


def load(path: str | os.PathLike) -> Model:
    """The `Model` of an ONNX file that `save` has written: the numbers in the graph, the rest from the metadata.

    The graph has to be, node for node, that of the layers in the metadata. (For a single node of any other graph there
    is `from_node`.) Initial states are not a model's: `Model.run` takes them. No other file is opened.
    Raises OSError if there is no such file, ImportError without onnx, and ValueError, naming the file and what is wrong
    in it, for all else: truncated, other operators, attributes or connections, wrong shapes, NaN, or other numbers than
    those of the SHA-256 in the metadata. (Files from before there was one are read; who changes numbers on purpose
    removes it.)

    >>> model = Model([lstm(2, 3, peepholes=True), last()], mse, rng=rng)
    >>> onnx_io.save(model, "model.onnx")
    >>> np.array_equal(onnx_io.load("model.onnx").theta, model.theta)
    True
    """
    onnx, raw = _onnx(), read(path)
    from google.protobuf.message import DecodeError

    damage = *DAMAGE, DecodeError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError
    try:
        check_wire(raw, onnx.ModelProto.DESCRIPTOR)
        proto = onnx.load_model_from_string(raw)
        check_graph(proto.graph)
        onnx.checker.check_model(proto, full_check=True)
        meta = _metadata(proto)
        config = {key: meta[key] for key in FIELDS}
        model = model_from(config, _parameters(onnx, proto, meta["names"], layers_of(config)))
        _check_same(_parts(onnx, _proto(onnx, model, meta["states"])), _parts(onnx, proto))
        if "sha256" in meta and meta["sha256"] != digest(meta, _parts(onnx, proto)):
            raise ValueError(f"expected content with SHA-256 {brief(meta['sha256'])}, got another: it was altered")
        return model
    except damage as error:
        raise ValueError(f"{path}: expected an ONNX model of lstm_core, whole: {reason(error)}") from error


def _metadata(proto):
    """Our metadata in an ONNX model: `config_of`, the layers' names, whether there are states, and a digest or none."""
    found = {prop.key: prop.value for prop in proto.metadata_props}["lstm_core"].encode()
    check_json("metadata", found)
    meta = json.loads(found)
    expected = (*FIELDS, "names", "states", "sha256")
    check_fields("metadata", meta if "sha256" in meta else meta | {"sha256": None}, expected)
    return meta


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
    given = {attribute.name: _value(attribute) for attribute in node.attribute if attribute.name != "layout"}
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


def _value(attribute):
    """The value of a node's attribute, text decoded."""
    value = _onnx().helper.get_attribute_value(attribute)
    if isinstance(value, list):
        return [item.decode() if isinstance(item, bytes) else item for item in value]
    return value.decode() if isinstance(value, bytes) else value


def _onnx():
    try:
        import onnx.checker
        import onnx.shape_inference
    except ImportError as error:
        raise ImportError("onnx_io: needs ONNX: pip install onnx") from error
    return onnx


# ---- the graph of a model --------------------------------------------------------------------------------------------


class _Graph:
    """An ONNX graph in the making: its nodes, its weights, what goes in and what comes out."""

    def __init__(self, onnx, dtype):
        self.onnx, self.dtype = onnx, onnx.helper.np_dtype_to_tensor_dtype(dtype)
        self.nodes, self.weights, self.inputs, self.outputs = [], {}, [], []

    def port(self, name, axes, dtype=None):
        """What goes in or comes out under this `name`; an axis is a number, or a word if it is free."""
        return self.onnx.helper.make_tensor_value_info(name, dtype or self.dtype, axes)

    def weight(self, name, array):
        """Keep a weight; returns its name."""
        self.weights[name] = array
        return name

    def node(self, layer, operator, *given, made=None, **attributes):
        """Put in a node that reads the values called `given`; returns the name of the first value that it makes.

        made: the names of these values; if left out, there is one, called by the layer and the operator
        """
        made = made or [f"{layer}.{operator}"]
        self.nodes.append(self.onnx.helper.make_node(operator, given, made, made[0], **attributes))
        return made[0]


def _proto(onnx, model, states):
    """The ONNX model of `model`; inside its graph, axes are (time, batch, features)."""
    model = model.at(to_host(model.theta))
    graph = _Graph(onnx, model.theta.dtype)
    if model.labels:
        graph.inputs.append(graph.port("x", ["batch", "time"], onnx.TensorProto.INT64))
        y = graph.node("x", "Transpose", "x", perm=[1, 0])
    else:
        graph.inputs.append(graph.port("x", ["batch", "time", model.layers[0].features]))
        y = graph.node("x", "Transpose", "x", perm=[1, 0, 2])
    steps = ["batch"] if model.reads_last else ["batch", "time"]
    graph.outputs.append(graph.port("y", [*steps, model.outputs]))
    for name, layer in zip(model.names, model.layers, strict=True):
        P = {key: model.params[f"{name}.{key}"] for key in layer.shapes}
        if layer.directions:
            y = _recurrent(graph, name, layer, P, y, states)
        else:
            y = _stepwise(graph, name, layer, P, y)
    if model.reads_last:
        graph.node("y", "Gather", y, graph.weight("y.step", np.array(0)))
    else:
        graph.node("y", "Transpose", y, perm=[1, 0, 2])
    graph.nodes[-1].output[0] = "y"
    weights = [onnx.numpy_helper.from_array(np.asarray(x, order="C"), name) for name, x in graph.weights.items()]
    whole = onnx.helper.make_graph(graph.nodes, "lstm_core", graph.inputs, graph.outputs, weights)
    return onnx.helper.make_model(whole, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _stepwise(graph, name, layer, P, x):
    """The nodes of a layer that does not run through time; returns the name of what they make of x."""
    match layer.config:
        case {"layer": "dense"}:
            product = graph.node(name, "MatMul", x, graph.weight(f"{name}.W", P["W"].T))
            return graph.node(name, "Add", product, graph.weight(f"{name}.b", P["b"][:, 0]))
        case {"layer": "embedding"}:
            return graph.node(name, "Gather", graph.weight(f"{name}.W", P["W"].T), x)
        case {"layer": "last"}:
            return graph.node(name, "Gather", x, graph.weight(f"{name}.step", np.array([-1])))
        case {"layer": "activation", "function": function}:
            return graph.node(name, function.capitalize(), x)
        case {"layer": "dropout"}:
            return x
    raise ValueError(f"{name}: expected a layer of lstm_core, got {layer.config}")


def _recurrent(graph, name, layer, P, x, states):
    """The nodes of a recurrent layer, its states inputs and outputs of the graph if `states`; what they make of x."""
    operator, attributes, arrays = to_node(layer, P)
    n, _, H = arrays["R"].shape
    kept = [f"{name}.{key}" for key in layer.cell.states]
    initial = [f"{state}.initial" if states else "" for state in kept]
    final = [f"{state}.final" for state in kept]
    if states:
        graph.inputs += [graph.port(state, [n, "batch", H]) for state in initial]
        graph.outputs += [graph.port(state, [n, "batch", H]) for state in final]
    W, R, B, *peepholes = [graph.weight(f"{name}.{key}", array) for key, array in arrays.items()]
    given = x, W, R, B, "", *initial, *peepholes  # "": the lengths, which are not given
    y = graph.node(name, operator, *given, made=[f"{name}.Y", *final], **attributes)
    if layer.collapses:  # the final h, (directions, batch, H)
        y = graph.node(name, "Transpose", final[0], perm=[1, 0, 2])
        return graph.node(name, "Reshape", y, graph.weight(f"{name}.shape", np.array([1, -1, n * H])))
    y = graph.node(name, "Transpose", y, perm=[0, 2, 1, 3])  # from (time, directions, batch, H)
    return graph.node(name, "Reshape", y, graph.weight(f"{name}.shape", np.array([0, 0, n * H])))


# ---- what is in a file -----------------------------------------------------------------------------------------------


def _parameters(onnx, proto, names, found_layers):
    """The parameters in a graph, by our names, for the layers called `names`. ValueError for other shapes."""
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    nodes, arrays = {node.name: node for node in proto.graph.node}, {}
    for name, layer in zip(names, found_layers, strict=True):
        if layer.directions:
            found = {key: weights[f"{name}.{key}"] for key in "WRBP" if f"{name}.{key}" in weights}
            _, P = from_node(nodes[f"{name}.Y"], found)
        else:
            found = {key: weights[f"{name}.{key}"] for key in layer.shapes if f"{name}.{key}" in weights}
            P = {key: np.atleast_2d(array).T for key, array in found.items()}
        shapes = {key: P[key].shape for key in layer.shapes if key in P}
        if shapes != layer.shapes:
            raise ValueError(f"{listed([name])}: expected {layer.shapes}, got {shapes}")
        arrays |= {f"{name}.{key}": P[key] for key in layer.shapes}
    return arrays


def _check_same(expected, found):
    """Raise ValueError, naming the first that differs, unless the parts of two graphs are the same."""
    for ours, theirs in zip_longest(expected, found):
        if ours != theirs:
            ours, theirs = map(_words, (ours, theirs))
            more = ", with other numbers" if ours == theirs else ""
            raise ValueError(f"graph: expected {ours}, got {theirs}{more}")


def _words(part):
    """A part of a graph as it stands in a message: of a weight all but its numbers."""
    if getattr(part, "raw_data", b""):
        part = type(part)(dims=part.dims, data_type=part.data_type, name=part.name)
    return listed([" ".join(str(part).split())])


def _parts(onnx, proto):
    """All that a model's meaning depends on, one part after the other."""
    g, numpy = proto.graph, onnx.numpy_helper
    yield from (*proto.opset_import, *g.input, *g.output, *g.node)
    for tensor in g.initializer:  # its numbers may be stored in several ways
        yield numpy.from_array(numpy.to_array(tensor), tensor.name)
