"""ONNX: a model as a graph that other programs run, and back; and the graphs that other programs write.

    x (batch, time, features), or int64 labels (batch, time)  ->  Transpose: time comes first
        recurrent, reverse, bidirectional    RNN, LSTM or GRU, then the directions side by side (Transpose, Reshape)
        dense                                MatMul, Add
        embedding                            Gather
        last                                 Gather; with lengths GatherND, of each example its own last step
        activation                           Tanh, Sigmoid, Relu, Softmax, LogSoftmax
        dropout                              nothing: the graph is for use, not for training
    ->  y (batch, time, C), or (batch, C) if the model reads the last step, as `Model.predict` gives it

Batch and time are free. The numbers have the model's dtype; onnxruntime's RNN, LSTM and GRU know float32 only. ONNX's
gates and peepholes are stacked as ours: see `onnx_nodes`. dense and embedding hold W transposed.
"""

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from itertools import zip_longest

import numpy as np

from lstm_core import layers
from lstm_core.checks import brief, check_flag, check_function, listed
from lstm_core.files import read, write_atomic
from lstm_core.model import Model

from ._onnx_graph import OPSET, parts_of, proto_of, versions
from ._onnx_read import model_of
from .configs import (
    DAMAGE,
    FIELDS,
    check_fields,
    check_json,
    check_losses,
    check_order,
    config_of,
    layers_of,
    model_from,
    reason,
)
from .onnx_checks import MESSAGES, MORE_MESSAGES, check_graph, check_wire, digest
from .onnx_nodes import from_node, library, to_node  # noqa: F401 (to_node stands here for those who call it)


def save(
    model: Model,
    path: str | os.PathLike,
    states: bool = False,
    softmax: bool = False,
    lengths: bool = False,
    opset: int = OPSET,
    ir_version: int | None = None,
) -> None:
    """Write `model` to the ONNX file `path`, whole or not at all.

    states:  initial states are inputs too and final states outputs, those of layer "lstm" called "lstm.h.initial",
             "lstm.c.initial", "lstm.h.final", "lstm.c.final", each (directions, batch, hidden), in the order of the
             layers; else every layer starts from 0
    softmax: y are probabilities: a softmax over the classes stands behind the last layer, where `load` finds it
             as a layer, so that a model to train on is better saved without
    lengths: int32 lengths (batch,) are an input too, and y is that of `Model.predict` with them: only so many steps of
             each x are there, 1 … time; y says nothing beyond, final states are those at each example's end, and labels
             that pad have to be labels. Without it, every step of x is there
    opset:   of the operators, 14 … the newest that the installed onnx knows
    ir_version: of the file; None: the oldest that may have this opset

    Initializers are called as the parameters, "lstm.W"; the layers' configs are in the metadata, as JSON, and with them
    a SHA-256 of all that the model's meaning depends on, the numbers too.
    Raises ValueError for a cell that ONNX has no operator for, with zoneout too, for a loss that has no name, for
    parameters that are not finite, or for another opset or IR version; ImportError without onnx.

    >>> model = Model([lstm(2, 3), last()], mse, rng=rng)
    >>> onnx_io.save(model, "model.onnx", lengths=True, opset=14)
    >>> import onnx
    >>> [port.name for port in onnx.load("model.onnx").graph.input]
    ['x', 'lengths']
    """
    check_order(model, path)
    states, softmax = check_flag("states", states), check_flag("softmax", softmax)
    onnx, lengths = library(), check_flag("lengths", lengths)
    opset, ir_version = versions(onnx, opset, ir_version)
    if softmax:
        more = Model([*model.layers, layers.activation("softmax")], model.loss_function, rng=np.random.default_rng(0))
        model = more.at(model.theta)
    meta = config_of(model) | {"names": [*model.names], "states": states, "lengths": lengths, "opset": opset}
    proto = proto_of(onnx, model, states, lengths, opset, ir_version)
    text = json.dumps(meta | {"sha256": digest(meta, parts_of(onnx, proto))})
    check_json("layers", text.encode())
    onnx.helper.set_model_props(proto, {"lstm_core": text})
    onnx.checker.check_model(proto, full_check=True)
    raw = proto.SerializeToString()
    check_wire(raw, proto.DESCRIPTOR)
    write_atomic(path, raw)


def load(path: str | os.PathLike, losses: Mapping[str, Callable] | None = None) -> Model:
    """The `Model` of an ONNX file that `save` has written: the numbers in the graph, the rest from the metadata.

    losses: name -> function, for a model whose loss is one of your own

    The graph has to be, node for node, that of the layers in the metadata. (A graph that another program wrote is
    read by `load_graph`, a single node by `from_node`.) Initial states and lengths are not a model's: `Model.run` takes
    them. No other file is opened.
    Raises OSError if there is no such file, ImportError without onnx, and ValueError, naming the file and what is wrong
    in it, for all else: truncated, other operators, attributes or connections, wrong shapes, NaN, or other numbers than
    those of the SHA-256 in the metadata. (Files from before there was one are read; who changes numbers on purpose
    removes it.)

    >>> model = Model([lstm(2, 3, peepholes=True), last()], mse, rng=rng)
    >>> onnx_io.save(model, "model.onnx")
    >>> np.array_equal(onnx_io.load("model.onnx").theta, model.theta)
    True
    """
    losses = check_losses(losses)
    return _opened(path, "an ONNX model of lstm_core, whole", MESSAGES, partial(_ours, losses))


def load_graph(path: str | os.PathLike, loss: Callable) -> Model:
    """The `Model` that computes what the graph in an ONNX file computes, as PyTorch's exporters write it, and others.

    loss: a function of `losses`, to go on training with: a graph has none

    The graph is followed node by node, and read if it is a chain of layers: RNN, LSTM or GRU from zero states, in
    either direction or both; embedding (Gather of rows), Linear (Gemm, MatMul and Add), Tanh, Sigmoid, Relu, Softmax,
    LogSoftmax, Dropout; all steps, the last one, or the final states; in any opset from 7 on, of fixed sizes or free.
    Whatever the order of axes in the graph, the model takes x (batch, time, features), or labels (batch, time), and
    gives (batch, time, C) or (batch, C). Final states may be more outputs: `Model.run` gives them. Metadata, ours
    too, are not looked at, and no other file is opened.
    Refused, as no chain of layers: what is written step by step, as PyTorch's exporter with dynamo=True writes nn.RNN
    and Keras 3 (on PyTorch) its LSTM; the last step of a bidirectional layer, of which reverse has seen one step only;
    sums and means over time, projections, states or lengths as inputs.
    Raises OSError if there is no such file, ImportError without onnx, TypeError for a loss that is none, and
    ValueError, naming the file and the node (operator and name) and why it cannot be read, for all else.

    >>> from tempfile import TemporaryDirectory
    >>> from lstm_core import Model, dense, lstm, mse
    >>> model = Model([lstm(2, 3), dense(3, 1)], mse, rng=np.random.default_rng(0))
    >>> with TemporaryDirectory() as folder:
    ...     save(model, f"{folder}/m.onnx")  # as good as any other
    ...     load_graph(f"{folder}/m.onnx", mse).names
    ('lstm', 'dense')
    """
    check_function("loss", loss, "a function such as losses.mse", 2)
    model = _opened(path, "a graph of layers", MESSAGES | MORE_MESSAGES, model_of)
    model.loss_function = loss
    return model


def _opened(path, expected, messages, read_model):
    """`read_model`(onnx, message, size of the file) of the file `path`; ValueErrors say what was expected of it."""
    onnx, raw = library(), read(path)
    from google.protobuf.message import DecodeError

    damage = *DAMAGE, DecodeError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError
    try:
        check_wire(raw, onnx.ModelProto.DESCRIPTOR, messages)
        return read_model(onnx, onnx.load_model_from_string(raw), len(raw))
    except damage as error:
        raise ValueError(f"{path}: expected {expected}: {reason(error)}") from error


def _ours(losses, onnx, proto, _):
    """The model of a file of our own."""
    found, meta = _metadata(proto)
    check_graph(proto.graph)
    onnx.checker.check_model(proto, full_check=True)
    config = {key: meta[key] for key in FIELDS}
    model = model_from(config, _parameters(onnx, proto, meta["names"], layers_of(config)), losses)
    opset, ir_version = versions(onnx, meta["opset"])
    same = proto_of(onnx, model, meta["states"], check_flag("lengths", meta["lengths"]), opset, ir_version)
    _check_same(parts_of(onnx, same), parts_of(onnx, proto))
    if "sha256" in meta and meta["sha256"] != digest(found, parts_of(onnx, proto)):
        raise ValueError(f"expected content with SHA-256 {brief(meta['sha256'])}, got another: it was altered")
    return model


def _metadata(proto):
    """Our metadata in an ONNX model, as found, and with what older files have not, their digest aside."""
    props = {prop.key: prop.value for prop in proto.metadata_props}
    if "lstm_core" not in props:
        raise ValueError("there are no metadata lstm_core; a graph that another program wrote is read by load_graph")
    text = props["lstm_core"].encode()
    check_json("metadata", text)
    found = json.loads(text)
    expected = (*FIELDS, "names", "states", "lengths", "opset")
    meta = {"lengths": False, "opset": OPSET} | found
    check_fields("metadata", meta, (*expected, "sha256") if "sha256" in found else expected)
    return found, meta


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
