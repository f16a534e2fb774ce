"""A graph that another program wrote -> the model that computes the same.

`_Reader` goes through the nodes in their order. An operator that moves numbers is followed (`onnx_values`); one that
computes is a layer, and the layers are a chain: each is given what the one before it makes, whole. What does not fit is
refused, with the operator and the name of the node.
"""

import numpy as np

from lstm_core import layers
from lstm_core.checks import brief, listed
from lstm_core.losses import mse

from ._onnx_values import (
    Node,
    Room,
    Row,
    Size,
    Stream,
    Uniform,
    concat,
    flatten,
    gather,
    moved,
    reshape,
    shape_of,
    sizes_in,
    sliced,
    squeeze,
    transpose,
    unsqueeze,
)
from .configs import DAMAGE, check_number_of, model_from, reason
from .onnx_checks import check_tensor
from .onnx_nodes import from_node, value_of

OLDEST = 7  # opset; before it, RNN, LSTM, GRU, Gemm and Add were others
OPERATORS = {  # of a graph that can be read
    "Add", "Cast", "Concat", "Constant", "ConstantOfShape", "Dropout", "Expand", "Flatten", "GRU", "Gather", "Gemm",
    "Identity", "LSTM", "LogSoftmax", "MatMul", "Mul", "RNN", "Relu", "Reshape", "Shape", "Sigmoid", "Slice", "Softmax",
    "Squeeze", "Tanh", "Transpose", "Unsqueeze",
}  # fmt: skip
RECURRENT = "RNN", "LSTM", "GRU"
ACTIVATIONS = {"Tanh": "tanh", "Sigmoid": "sigmoid", "Relu": "relu", "Softmax": "softmax", "LogSoftmax": "log_softmax"}
MOVES = {"Flatten": flatten, "Reshape": reshape, "Squeeze": squeeze, "Transpose": transpose, "Unsqueeze": unsqueeze}
INPUTS = "X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"  # of a recurrent operator
TYPES = {1: np.dtype(np.float32), 11: np.dtype(np.float64)}


def model_of(onnx, proto, size):
    """The model of an ONNX message that takes `size` bytes, with a loss for the time being; or ValueError."""
    opsets = {found.domain.removeprefix("ai.onnx"): found.version for found in proto.opset_import}
    newest, opset = onnx.defs.onnx_opset_version(), opsets.get("", 0)
    if not OLDEST <= opset <= newest:
        raise ValueError(f"opset: expected {OLDEST} … {newest}, which onnx {onnx.__version__} knows, got {opset}")
    for node in proto.graph.node:  # before the library looks at them
        _check_node(node)
    for tensor in proto.graph.initializer:
        check_tensor(tensor)
    onnx.checker.check_model(proto)
    reader = _Reader(onnx, proto.graph, opset, Room(3 * size + 1_000_000))
    for node in proto.graph.node:
        try:
            reader.read(node)
        except DAMAGE as error:
            raise ValueError(f"{_named(node)}: {reason(error)}") from error
    return reader.model(proto.graph.output)


def _named(node):
    """A node as it stands in a message: its operator, and its name or what it makes."""
    domain = f"{node.domain}." if node.domain else ""
    return listed([f"{domain}{node.op_type} {brief(node.name or (node.output[0] if node.output else ''))}"])


def _check_node(node):
    """Raise ValueError for an operator that is no layer and moves no numbers, or numbers that are not in the file."""
    if node.op_type not in OPERATORS or node.domain not in ("", "ai.onnx"):
        raise ValueError(f"{_named(node)}: expected an operator that is a layer of lstm_core or moves numbers: "
                         f"{', '.join(sorted(OPERATORS))}")  # fmt: skip
    for attribute in node.attribute:
        if attribute.HasField("g"):
            raise ValueError(f"{_named(node)}: expected no graph within a node, got {listed([attribute.name])}")
        if attribute.HasField("t"):
            try:
                check_tensor(attribute.t)
            except ValueError as error:
                raise ValueError(f"{_named(node)}: {error}") from error


class _Reader:
    """The layers of a graph, as far as it is read.

    values:  by name; `made` counts what layers have made: whatever is not of the newest is stale
    time, batch: which axes of x these are: parts of an axis (see `Stream`); time is () when one step is left
    bare:    whether the last layer is a dense that waits for its b
    """

    def __init__(self, onnx, graph, opset, room):
        self.onnx, self.opset, self.room = onnx, opset, room
        self.values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.layers, self.numbers, self.made, self.bare, self.uniform = [], [], 0, False, {}
        self.time = self.batch = None
        inputs = [port for port in graph.input if port.name not in self.values]
        if len(inputs) != 1:
            raise ValueError(f"graph: expected x as its one input, got {listed(port.name for port in inputs)}")
        self.dtype, self.values[inputs[0].name] = self._input(inputs[0])

    def _input(self, port):
        """The dtype, None of labels, and the stream of the input x."""
        kind, dims = port.type.tensor_type.elem_type, port.type.tensor_type.shape.dim
        sizes = {str(k): d.dim_value if d.HasField("dim_value") else Size(1, (str(k),)) for k, d in enumerate(dims)}
        features = sizes.pop("2", None)
        if any(isinstance(size, int) and size < 1 for size in [*sizes.values(), features]):
            raise ValueError(f"{port.name}: expected sizes of at least 1, got {brief([*sizes.values(), features])}")
        if len(dims) == 2 and kind in (6, 7):
            return None, Stream((("0",), ("1",)), (Row(0),), None, sizes)
        if len(dims) != 3 or kind not in TYPES or not isinstance(features, int):
            raise ValueError(
                f"{listed([port.name])}: expected float32 or float64 (batch, time, features), the features a number, "
                f"or integers (batch, time), got {len(dims)} axes of type {kind}, features {features}"
            )
        return TYPES[kind], Stream((("0",), ("1",), ("units",)), (Row(0),), features, sizes)

    @property
    def same_type(self):
        """ONNX's number of the dtype."""
        return [number for number, dtype in TYPES.items() if dtype == self.dtype]

    def read(self, proto):
        """Read one node."""
        attributes = {a.name: value_of(a) for a in proto.attribute}
        missing = [name for name in proto.input if name and name not in self.values]
        if missing:
            raise ValueError(f"expected values that can be read, got {listed(missing)}")
        node = Node(proto.op_type, [self.values[n] if n else None for n in proto.input], attributes, self.opset)
        made = self._recurrent(proto, node) if node.op in RECURRENT else [self._made(node)]
        self.values.update(zip(proto.output, made))

    def _made(self, node):
        """What a node makes of its values."""
        streams = [value for value in node.given if isinstance(value, Stream)]
        if node.op == "Constant":
            return self._constant(node)
        if node.op == "Shape":
            return shape_of(node)
        if node.op == "ConstantOfShape":
            value = node.attributes.get("value")
            number = 0.0 if value is None else self.onnx.numpy_helper.to_array(value).item()
            return Uniform(number, *sizes_in(node.known(0, "a shape"))[-1:])
        if streams:
            return self._of_streams(node, streams)
        if node.op in ("Identity", "Cast"):
            return self._cast(node, node.given[0])
        if node.op == "Expand" or any(isinstance(value, Uniform) for value in node.given):
            uniform = {self._one_number(value) for value in node.given[: None if node.op == "Concat" else 1]}
            if node.op in ("Add", "Mul", "MatMul", "Gemm") or len(uniform) != 1 or None in uniform:
                raise ValueError("expected one number, as often as is asked for, got several")
            last = sizes_in(node.known(1, "a shape"))[-1:] if node.op == "Expand" else []
            if node.op == "Slice" and isinstance(node.given[0], Uniform) and node.integers(3, "axes") == [0]:
                last = [node.given[0].last]
            return Uniform(uniform.pop(), *last)
        return moved(node, self.room)

    def _constant(self, node):
        (name, value), *more = node.attributes.items()
        if more or name not in ("value", "value_int", "value_ints", "value_float", "value_floats"):
            raise ValueError(f"expected one number or array, got {listed(node.attributes)}")
        if name == "value":
            return self.onnx.numpy_helper.to_array(value)
        return np.array(value, np.float32 if "float" in name else np.int64)

    def _one_number(self, value):
        """The number that is everywhere in a value, or None."""
        if isinstance(value, Uniform):
            return value.number
        if not isinstance(value, np.ndarray) or value.dtype == object:
            return None
        if id(value) not in self.uniform:  # often one array is the state of many
            same = bool((value == value.flat[0]).all())
            self.uniform[id(value)] = value, value.flat[0].item() if same else None
        return self.uniform[id(value)][1]

    def _cast(self, node, value):
        kept = isinstance(value, Uniform) or (value.dtype == object and node.attributes.get("to") == 7)
        if node.op == "Identity" or kept:
            return value
        to = self.onnx.helper.tensor_dtype_to_np_dtype(node.attributes["to"])
        if to.kind not in "iuf" or to.itemsize > 8:
            raise ValueError(f"expected integers or floating-point numbers, got {to}")
        self.room.take(value.size * to.itemsize)
        return value.astype(to)

    # ---- what depends on x -----------------------------------------------------------------------------------------

    def _of_streams(self, node, streams):
        """What a node makes of values some of which depend on x."""
        stream = node.given[0]
        if node.op == "Concat" and len(streams) == len(node.given):
            return concat(node, streams)
        if node.op in ("MatMul", "Gemm", "Add"):
            return self._affine(node)
        if node.op == "Gather" and not isinstance(stream, Stream):
            return self._embedding(node, streams[0])
        if len(streams) > 1 or not isinstance(stream, Stream):
            raise ValueError("expected one array that depends on x, the first, got others")
        if node.op in MOVES:
            return MOVES[node.op](node, stream)
        if node.op in ("Gather", "Slice"):
            return (gather if node.op == "Gather" else sliced)(node, stream, self.time)
        if node.op in ACTIVATIONS:
            return self._activation(node, stream)
        if node.op == "Dropout":
            return self._dropout(node, stream)
        if node.op == "Identity":
            return stream
        if node.op == "Cast" and node.attributes["to"] in ((6, 7) if stream.units is None else self.same_type):
            return stream
        raise ValueError(f"expected an operator that is a layer, or moves numbers, got it for {stream}")

    def _settled(self, stream):
        """The stream as all that the layers so far make; `last`, or final states, is one more layer."""
        if stream.units is None:
            raise ValueError("expected features, got labels")
        if stream.rows[0].made != self.made:
            raise ValueError("expected a chain of layers, each of what the one before it makes, got a branch")
        if stream.rows != tuple(Row(self.made, k, stream.rows[0].of) for k in range(stream.rows[0].of)):
            raise ValueError("expected all directions of the layer before, forward's first, as h, got others")
        if stream.at == "every" or self.time == ():
            return stream._replace(at="every")
        running = [layer.directions for layer in self.layers if layer.directions][-1]
        if len(running) == 2 and stream.at == "final":
            self.layers[-1] = layers.bidirectional(layers.make(self.layers[-1].config["of"]), last=True)
            self.made += 1
        elif "reverse" in running:
            raise ValueError(
                "expected the last step of a layer that runs forward, or the final states of both directions side by "
                "side, got the last step of what runs in reverse, and has seen no other yet"
            )
        else:
            stream = self._appended(layers.last(), {}, stream)
        self.time = ()
        return stream._replace(rows=tuple(row._replace(made=self.made) for row in stream.rows), at="every")

    def _appended(self, layer, P, stream, units=None):
        """One more layer with its parameters; what it makes has the axes of `stream`, and so many units."""
        check_number_of(range(len(self.layers) + 1))
        if layer.features is not None and layer.features != stream.size(stream.features):
            raise ValueError(f"expected weights for {stream.size(stream.features)} features, got {layer.features}")
        self.room.take(sum(array.nbytes for array in P.values()))  # many layers may have the same
        if self.dtype is None and P:
            self.dtype = next(iter(P.values())).dtype
        for key, array in P.items():
            if array.shape != layer.shapes[key] or array.dtype != self.dtype:
                raise ValueError(
                    f"expected {key} {layer.shapes[key]} of {self.dtype}, got {array.shape} of {array.dtype}"
                )
        self.layers.append(layer)
        self.numbers.append(P)
        self.made, self.bare = self.made + 1, False
        if units is None:
            return stream._replace(rows=tuple(row._replace(made=self.made) for row in stream.rows))
        axes = tuple(tuple(part for part in axis if part != "rows") for axis in stream.axes)
        return stream._replace(axes=axes, rows=(Row(self.made),), units=units)

    def _activation(self, node, stream):
        if node.op in ("Softmax", "LogSoftmax"):
            k = stream.axis(node.attributes.get("axis", -1 if self.opset >= 13 else 1))
            if stream.axes[k] != stream.features or (self.opset < 13 and k != len(stream.axes) - 1):
                raise ValueError(f"expected a softmax over the features, got one over axis {k} of {stream}")
        return self._appended(layers.activation(ACTIVATIONS[node.op]), {}, self._settled(stream))

    def _dropout(self, node, stream):
        if node.value(2) is not None and node.known(2, "training_mode").any():
            raise ValueError("expected a graph for use, got training_mode")
        rate = node.attributes.get("ratio", 0.5) if node.value(1) is None else node.known(1, "ratio").item()
        return self._appended(layers.dropout(float(rate)), {}, self._settled(stream))

    def _affine(self, node):
        """MatMul, Gemm, and Add of a b that a MatMul waits for."""
        stream, array = node.given[:2]
        if node.op == "Add" and isinstance(array, Stream):
            stream, array = array, stream
        if not isinstance(stream, Stream) or not isinstance(array, np.ndarray) or array.dtype == object:
            raise ValueError("expected what depends on x and numbers in the file, in this order, got others")
        if node.op == "Add":
            return self._with_b(stream, array)
        if stream.axes[-1] != stream.features or stream.units is None or array.ndim != 2:
            raise ValueError(f"expected a product of the features, the last axis, and a matrix, got {stream}")
        b = node.value(2)
        if node.op == "Gemm":
            plain = {"alpha": 1.0, "beta": 1.0, "transA": 0}
            found = plain | {key: node.attributes[key] for key in plain.keys() & node.attributes.keys()}
            if found != plain or len(stream.axes) != 2:
                raise ValueError(f"expected {plain} and two axes, got {found} and {stream}")
            array = array.T if node.attributes.get("transB", 0) else array
            b = None if b is None else node.known(2, "C")
        features, outputs = array.shape
        P = {"W": array.T, "b": np.zeros((outputs, 1), array.dtype)}
        made = self._appended(layers.dense(features, outputs), P, self._settled(stream), outputs)
        self.bare = True
        return made if b is None else self._with_b(made, b)

    def _with_b(self, stream, b):
        """The last layer, a dense, with b in the place of zeros."""
        if not self.bare or stream.rows != (Row(self.made),) or stream.axes[-1] != ("units",):
            raise ValueError("expected to add a bias to a product of its own, got another sum")
        if b.ndim > len(stream.axes) or b.size not in (1, stream.units) or b.shape[-1:] not in ((), (b.size,)):
            raise ValueError(f"expected a bias of {stream.units} numbers, got shape {b.shape}")
        if b.dtype != self.dtype:
            raise ValueError(f"expected a bias of {self.dtype}, got {b.dtype}")
        self.numbers[-1]["b"] = np.broadcast_to(b.ravel(), (stream.units,))[:, None]
        self.made, self.bare = self.made + 1, False
        return stream._replace(rows=(Row(self.made),))

    def _embedding(self, node, stream):
        W = node.known(0, "the rows")
        if stream.units is not None or self.layers or W.ndim != 2 or node.attributes.get("axis", 0) != 0:
            raise ValueError("expected labels that choose rows of a matrix, got another choice")
        made = self._appended(layers.embedding(*W.shape), {"W": W.T}, stream, W.shape[1])
        return made._replace(axes=(*stream.axes, ("units",)))

    def _recurrent(self, proto, node):
        """Y, Y_h and Y_c of a recurrent operator."""
        given = dict(zip(INPUTS, node.given))
        X, W = given["X"], node.known(1, "W")
        if node.attributes.get("layout", 0):
            raise ValueError("expected layout 0, time first, got 1")
        if given.get("sequence_lens") is not None:
            raise ValueError("expected no sequence_lens: lengths are not a model's, `Model.predict` takes them")
        self._check_states(given, node.known(2, "R"))
        if not isinstance(X, Stream) or X.units is None or len(X.axes) != 3 or X.axes[2] != X.features:
            raise ValueError(f"expected X with axes of time, batch and features, got {X if given else 'none'}")
        X = self._settled(X)
        time, batch, _ = X.axes
        if self.batch is None and self.time is None and len(time) == len(batch) == 1:
            self.time, self.batch = time, batch
        if (time, batch) != (self.time, self.batch):
            raise ValueError(f"expected X with axes of time, batch and features, got {X}")
        arrays = {key: node.known(INPUTS.index(key), key) for key in "WRBP" if given.get(key) is not None}
        with np.errstate(over="ignore", invalid="ignore"):  # infinity and NaN are refused with the whole
            layer, P = from_node(proto, arrays)
        n, H = len(layer.directions), arrays["R"].shape[-1]
        if W.dtype != arrays["R"].dtype:
            raise ValueError(f"expected R of {W.dtype}, got {arrays['R'].dtype}")
        made = self._appended(layer, P, X, H)
        rows = tuple(Row(self.made, k, n) for k in range(n))
        along = ("rows",) if n > 1 else ()
        Y = made._replace(axes=(time, along, batch, ("units",)), rows=rows)
        final = Y._replace(axes=Y.axes[1:], at="final")
        return Y, final, final._replace(rows=tuple(row._replace(state="c") for row in rows))

    def _check_states(self, given, R):
        """Raise ValueError unless the initial states are zeros, for as many units as R has."""
        for name in ("initial_h", "initial_c"):
            state = given.get(name)
            if state is None:
                continue
            if self._one_number(state) != 0:
                found = "what depends on x" if isinstance(state, Stream) else "others"
                raise ValueError(f"expected {name} to be left out or zeros, got {found}")
            last = state.last if isinstance(state, Uniform) else state.shape[-1]
            if last not in (None, R.shape[-1]):
                raise ValueError(
                    f"expected {name} of {R.shape[-1]} units, got {last}. (So PyTorch's exporter with dynamo=True "
                    "writes an LSTM with proj_size, which ONNX has no operator for)"
                )

    def model(self, ports):
        """The model of what was read; the first output is y, others are final states."""
        outputs = [(port.name, self.values.get(port.name)) for port in ports]
        for name, value in outputs[1:]:
            if not isinstance(value, Stream) or value.at != "final":
                raise ValueError(f"{listed([name])}: expected one output, and final states, got another")
        name, y = outputs[0]
        if self.batch is None:
            raise ValueError(f"graph: expected one of {', '.join(RECURRENT)}, got none")
        if not isinstance(y, Stream):
            raise ValueError(f"{listed([name])}: expected what depends on x, got known numbers")
        try:
            y = self._settled(y)
        except ValueError as error:
            raise ValueError(f"{listed([name])}: {error}") from error
        features, steps = y.features, [self.batch] if self.time == () else [self.batch, self.time]
        if y.axes not in ((*steps, features), (*steps[::-1], features)):
            raise ValueError(f"{listed([name])}: expected axes of batch, time and features, got {y}")
        arrays = [P[key].ravel() for layer, P in zip(self.layers, self.numbers, strict=True) for key in layer.shapes]
        config = {"dtype": str(self.dtype), "loss": mse.__name__, "layers": [layer.config for layer in self.layers]}
        return model_from(config, np.concatenate(arrays))
