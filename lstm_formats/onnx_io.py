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
from pathlib import Path

import numpy as np

from lstm_core import layers, variants
from lstm_core.arrays import to_host
from lstm_core.checks import check_choice
from lstm_core.files import write_atomic
from lstm_core.model import Model

from .checkpoint import config_of, model_from

OPSET, IR_VERSION = 22, 10
FORMS = {  # cell -> ONNX's operator, its activations in each direction, more attributes; an operator's default first
    "rnn": ("RNN", ["Tanh"], {}),
    "rnn relu": ("RNN", ["Relu"], {}),
    "lstm": ("LSTM", ["Sigmoid", "Tanh", "Tanh"], {}),
    "gru before": ("GRU", ["Sigmoid", "Tanh"], {"linear_before_reset": 0}),
    "gru": ("GRU", ["Sigmoid", "Tanh"], {"linear_before_reset": 1}),
}
DIRECTIONS = {"forward": [""], "reverse": [""], "bidirectional": ["forward.", "reverse."]}  # how names in P begin


def save(model, path, states=False, softmax=False):
    """Write `model` to the ONNX file `path`, whole or not at all.

    states:  initial states are inputs too and final states outputs, those of layer "lstm" called "lstm.h.initial",
             "lstm.c.initial", "lstm.h.final", "lstm.c.final", each (directions, batch, hidden), in the order of the
             layers; else every layer starts from 0
    softmax: y are probabilities: a softmax over the classes stands behind the last layer, where `load` finds it
             as a layer, so that a model to train on is better saved without

    Initializers are called as the parameters, "lstm.W"; the layers' configs are in the metadata, as JSON.
    Raises ValueError for a cell that ONNX has no operator for, a loss that is not of `losses`, or parameters that are
    not finite; ImportError without onnx.
    """
    onnx = _onnx()
    if softmax:
        more = Model([*model.layers, layers.activation("softmax")], model.loss_function, rng=np.random.default_rng(0))
        model = more.at(model.theta)
    proto, meta = _proto(onnx, model, states), config_of(model) | {"names": model.names, "states": bool(states)}
    onnx.helper.set_model_props(proto, {"lstm_core": json.dumps(meta)})
    onnx.checker.check_model(proto, full_check=True)
    write_atomic(path, proto.SerializeToString())


def load(path):
    """The `Model` of an ONNX file that `save` has written. Its numbers are those in the graph: there is no checksum.

    The graph has to be, node for node, that of the layers in the metadata. (For a single node of any other graph there
    is `from_node`.) Initial states are not a model's: `Model.run` takes them.
    Raises OSError if there is no such file, ImportError without onnx, and ValueError, naming the file and what is wrong
    in it, for all else: truncated, other operators, attributes or connections, wrong shapes, NaN.
    """
    onnx, raw, arrays = _onnx(), Path(path).read_bytes(), {}
    try:
        proto = onnx.load_model_from_string(raw)
        onnx.checker.check_model(proto, full_check=True)
        meta = json.loads({prop.key: prop.value for prop in proto.metadata_props}["lstm_core"])
        weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
        nodes = {node.name: node for node in proto.graph.node}
        for name, config in zip(meta["names"], meta["layers"], strict=True):
            P = {key: weights[f"{name}.{key}"] for key in "WRBPb" if f"{name}.{key}" in weights}
            shapes = layers.make(config).shapes
            P = from_node(nodes[f"{name}.Y"], P)[1] if "R" in P else {key: np.atleast_2d(P[key]).T for key in P}
            if shapes != (found := {key: P[key].shape for key in shapes if key in P}):
                raise ValueError(f"{name}: expected {shapes}, got {found}")
            arrays |= {f"{name}.{key}": P[key] for key in shapes}
        model = model_from(meta, arrays)
        expected, found = (_parts(onnx, p) for p in (_proto(onnx, model, meta["states"]), proto))
        for ours, theirs in zip([*expected, None], [*found, None]):
            if ours != theirs:
                ours, theirs = (" ".join(str(part).partition("raw_data")[0].split()) for part in (ours, theirs))
                raise ValueError(f"graph: expected {ours}, got {theirs}" + ", with other numbers" * (ours == theirs))
        return model
    except Exception as error:  # a damaged file fails in many ways: in protobuf, in onnx, and here
        raise ValueError(f"{path}: expected an ONNX model of lstm_core, whole: {error}") from error


def to_node(layer, P):
    """A recurrent layer, reverse and bidirectional too, and its parameters -> ONNX's operator, attributes, arrays.

    The arrays, by ONNX's letters: W (directions, G*H, D), R (directions, G*H, H), B (directions, 2*G*H) and, of an LSTM
    with peepholes, P (directions, 3*H). Raises ValueError for a variant that ONNX has no operator for.
    """
    kind, of = layer.config["layer"], layer.config.get("of", layer.config)
    if of["cell"] not in FORMS:
        raise ValueError(f"{layer.name}: ONNX has no operator for this variant; expected one of {', '.join(FORMS)}")
    direction, H = "forward" if kind == "recurrent" else kind, of["hidden"]
    operator, attributes = _form(of["cell"], direction, H)
    W, R, b, p = (np.stack([P.get(k + key, [[]]) for k in DIRECTIONS[direction]]) for key in "WRbp")
    u_b = np.zeros_like(b)
    if operator == "GRU" and p.size:
        u_b[:, 2 * H :] = p[:, 0]
    arrays = {"W": W, "R": R, "B": np.concatenate([b, u_b], axis=1)[..., 0], "P": p.reshape(len(p), -1)}
    return operator, attributes, arrays if operator == "LSTM" and p.size else {key: arrays[key] for key in "WRB"}


def from_node(node, arrays):
    """The other way: a node of ONNX's RNN, LSTM or GRU and its arrays (B and P may be left out) -> layer, parameters.

    The attribute layout and the inputs sequence_lens, initial_h and initial_c are about x and y, not about the layer:
    they are the caller's business. A recurrent bias is added to the input's where the equations allow it. Raises
    ValueError for wrong shapes, and for attributes other than direction, hidden_size, the operator's usual activations
    and linear_before_reset.
    """
    values = lambda a: a.s.decode() or [s.decode() for s in a.strings] or list(a.floats) or a.f or a.i
    given = {a.name: values(a) for a in node.attribute if a.name != "layout"}
    operator, direction, (D, H) = node.op_type, given.get("direction", "forward"), (arrays[k].shape[-1] for k in "WR")
    check_choice("direction", direction, DIRECTIONS)
    forms = {cell: _form(cell, direction, H)[1] for cell in FORMS if FORMS[cell][0] == operator}
    asked = {"input_forget": 0} | next(iter(forms.values())) | given
    cell = next((cell for cell, form in forms.items() if {"input_forget": 0} | form == asked), None)
    if cell is None:
        raise ValueError(f"{operator}: expected {' or '.join(map(str, forms.values()))}, got {asked}")
    n, rows = len(DIRECTIONS[direction]), len(variants.CELLS[cell].inputs) * H
    shapes = {"W": (n, rows, D), "R": (n, rows, H), "B": (n, 2 * rows), "P": (n, 3 * H)}
    arrays = {"B": np.zeros(shapes["B"], arrays["W"].dtype)} | arrays
    if wrong := [f"{key} {shapes[key]}, got {a.shape}" for key, a in arrays.items() if a.shape != shapes[key]]:
        raise ValueError(f"{operator}: expected {'; '.join(wrong)}")
    b, u_b = np.split(arrays["B"][..., None], 2, axis=1)
    own = {"p": arrays["P"].reshape(n, 3, H, 1)} if "P" in arrays else {}
    if cell == "gru":
        own, u_b = {"p": u_b[:, None, 2 * H :]}, np.where(np.arange(rows)[:, None] < 2 * H, u_b, 0)
    own |= {"W": arrays["W"], "R": arrays["R"], "b": np.where(u_b == 0, b, b + u_b)}
    layer = layers.recurrent(cell, D, H, own=cell != "lstm" or "p" in own)
    layer = layer if direction == "forward" else getattr(layers, direction)(layer)
    return layer, {prefix + key: a[k] for k, prefix in enumerate(DIRECTIONS[direction]) for key, a in own.items()}


def _form(cell, direction, H):
    operator, functions, more = FORMS[cell]
    functions = functions * len(DIRECTIONS[direction])
    return operator, {"direction": direction, "hidden_size": H, "activations": functions} | more


def _onnx():
    try:
        import onnx.checker
    except ImportError as error:
        raise ImportError("onnx_io: needs ONNX: pip install onnx") from error
    return onnx


def _parts(onnx, proto):
    """All that a model's meaning depends on, one part after the other."""
    g, numpy = proto.graph, onnx.numpy_helper  # numbers may be stored in several ways, but not in another file
    weights = [t if t.external_data else numpy.from_array(numpy.to_array(t), t.name) for t in g.initializer]
    return [*proto.opset_import, *g.input, *g.output, *g.node, *weights, *g.sparse_initializer, *proto.functions]


def _proto(onnx, model, states):
    """The ONNX model of `model`; inside its graph, axes are (time, batch, features)."""
    helper, nodes, weights, name, model = onnx.helper, [], {}, "x", model.at(to_host(model.theta))
    info, dtype = helper.make_tensor_value_info, helper.np_dtype_to_tensor_dtype(model.theta.dtype)
    steps, D = ["batch", "time"], model.layers[0].features
    inputs = [info("x", onnx.TensorProto.INT64, steps) if model.labels else info("x", dtype, [*steps, D])]
    outputs = [info("y", dtype, [*steps[: 2 - model.reads_last], model.outputs])]

    def then(op, *given, made=None, **attributes):
        """A node that reads `given`: names of values, and weights (key, array); returns the first value it makes."""
        weights.update((f"{name}.{pair[0]}", pair[1]) for pair in given if isinstance(pair, tuple))
        given, made = [g if isinstance(g, str) else f"{name}.{g[0]}" for g in given], made or [f"{name}.{op}"]
        nodes.append(helper.make_node(op, given, made, made[0], **attributes))
        return made[0]

    y = then("Transpose", "x", perm=[1, 0] if model.labels else [1, 0, 2])
    for name, layer in zip(model.names, model.layers):
        P, config = {key: model.params[f"{name}.{key}"] for key in layer.shapes}, layer.config
        if config["layer"] == "dense":
            y = then("Add", then("MatMul", y, ("W", P["W"].T)), ("b", P["b"][:, 0]))
        elif config["layer"] == "embedding":
            y = then("Gather", ("W", P["W"].T), y)
        elif config["layer"] == "last":
            y = then("Gather", y, ("step", np.array([-1])))
        elif config["layer"] == "activation":
            y = then(config["function"].capitalize(), y)
        elif config["layer"] != "dropout":
            operator, attributes, arrays = to_node(layer, P)
            (n, _, H), (W, R, B, *P) = arrays["R"].shape, arrays.items()
            ends = [f"{name}.{key}" for key in ("hc" if operator == "LSTM" else "h")]
            start, made = [f"{end}.initial" if states else "" for end in ends], [f"{end}.final" for end in ends]
            inputs += [info(key, dtype, [n, "batch", H]) for key in start if states]
            outputs += [info(key, dtype, [n, "batch", H]) for key in made if states]
            y = then(operator, y, W, R, B, "", *start, *P, made=[f"{name}.Y", *made], **attributes)
            final = config.get("last", False)  # Y_h (directions, batch, H), else Y (time, directions, batch, H)
            y = then("Transpose", made[0] if final else y, perm=[1, 0, 2] if final else [0, 2, 1, 3])
            y = then("Reshape", y, ("shape", np.array([1, -1, n * H] if final else [0, 0, n * H])))
    name = "y"
    y = then("Gather", y, ("step", np.array(0))) if model.reads_last else then("Transpose", y, perm=[1, 0, 2])
    nodes[-1].output[0] = "y"
    tensors = [onnx.numpy_helper.from_array(np.asarray(array, order="C"), key) for key, array in weights.items()]
    graph = helper.make_graph(nodes, "lstm_core", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
