"""The ONNX graph of a model: what `onnx_io.save` writes, and what `onnx_io.load` holds a file against."""

import numpy as np

from lstm_core.arrays import to_host
from lstm_core.checks import check_count

from .onnx_nodes import to_node

OPSET, OLDEST = 22, 14  # if not told otherwise; and below which the operators mean something else


def versions(onnx, opset, ir_version=None):
    """The opset and the IR version to write. ValueError for one that is too old, or that onnx does not know.

    ir_version: of the file itself; None: the oldest that may have this opset, which most programs read
    """
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST <= check_count("opset", opset) <= newest:
        raise ValueError(f"opset: expected {OLDEST} … {newest}, which onnx {onnx.__version__} knows, got {opset}")
    oldest = onnx.helper.find_min_ir_version_for([onnx.helper.make_opsetid("", int(opset))])
    if ir_version is None:
        return int(opset), oldest
    if not oldest <= check_count("ir_version", ir_version) <= onnx.IR_VERSION:
        raise ValueError(f"ir_version: expected {oldest} … {onnx.IR_VERSION} for opset {opset}, got {ir_version}")
    return int(opset), int(ir_version)


class _Graph:
    """An ONNX graph in the making: its nodes, its weights, what goes in and what comes out.

    lengths: whether they are an input; then `lengths_given` is its name, until one step of each example is left
    """

    def __init__(self, onnx, dtype, states, lengths):
        self.onnx, self.dtype = onnx, onnx.helper.np_dtype_to_tensor_dtype(dtype)
        self.nodes, self.weights, self.inputs, self.outputs = [], {}, [], []
        self.states, self.lengths_given = states, "lengths" if lengths else ""

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


def proto_of(onnx, model, states, lengths, opset, ir_version):
    """The ONNX model of `model`; inside its graph, axes are (time, batch, features)."""
    model, types = model.at(to_host(model.theta)), onnx.TensorProto
    graph = _Graph(onnx, model.theta.dtype, states, lengths)
    if model.labels:
        graph.inputs.append(graph.port("x", ["batch", "time"], types.INT64))
        y = graph.node("x", "Transpose", "x", perm=[1, 0])
    else:
        graph.inputs.append(graph.port("x", ["batch", "time", model.layers[0].features]))
        y = graph.node("x", "Transpose", "x", perm=[1, 0, 2])
    if lengths:
        graph.inputs.append(graph.port("lengths", ["batch"], types.INT32))
    steps = ["batch"] if model.reads_last else ["batch", "time"]
    graph.outputs.append(graph.port("y", [*steps, model.outputs]))
    for name, layer in zip(model.names, model.layers, strict=True):
        P = {key: model.params[f"{name}.{key}"] for key in layer.shapes}
        y = (_recurrent if layer.directions else _stepwise)(graph, name, layer, P, y)
        if layer.collapses:
            graph.lengths_given = ""
    if model.reads_last:
        graph.node("y", "Gather", y, graph.weight("y.step", np.array(0)))
    else:
        graph.node("y", "Transpose", y, perm=[1, 0, 2])
    graph.nodes[-1].output[0] = "y"
    weights = [onnx.numpy_helper.from_array(np.asarray(x, order="C"), name) for name, x in graph.weights.items()]
    says = SAYS[bool(lengths)]
    whole = onnx.helper.make_graph(graph.nodes, "lstm_core", graph.inputs, graph.outputs, weights, says)
    imports = [onnx.helper.make_opsetid("", opset)]
    return onnx.helper.make_model(whole, opset_imports=imports, ir_version=ir_version)


SAYS = {  # a graph's doc_string
    False: "x: every step of it is there; strings of several lengths need a graph with the input lengths",
    True: "lengths: so many steps of each x are there, 1 … time; beyond, y says nothing",
}


def _stepwise(graph, name, layer, P, x):
    """The nodes of a layer that does not run through time; returns the name of what they make of x."""
    match layer.config:
        case {"layer": "dense"}:
            product = graph.node(name, "MatMul", x, graph.weight(f"{name}.W", P["W"].T))
            return graph.node(name, "Add", product, graph.weight(f"{name}.b", P["b"][:, 0]))
        case {"layer": "embedding"}:
            return graph.node(name, "Gather", graph.weight(f"{name}.W", P["W"].T), x)
        case {"layer": "last"}:
            return _last(graph, name, x)
        case {"layer": "activation", "function": function}:
            return graph.node(name, function.title().replace("_", ""), x)
        case {"layer": "dropout"}:
            return x
    raise ValueError(f"{name}: expected a layer of lstm_core, got {layer.config}")


def _last(graph, name, x):
    """The nodes that keep the last step of x (time, batch, C), of each example its own if there are lengths."""
    if not graph.lengths_given:
        return graph.node(name, "Gather", x, graph.weight(f"{name}.step", np.array([-1])))
    step = graph.node(name, "Cast", graph.lengths_given, to=graph.onnx.TensorProto.INT64)
    step = graph.node(name, "Sub", step, graph.weight(f"{name}.one", np.array(1)))
    step = graph.node(name, "Unsqueeze", step, graph.weight(f"{name}.axis", np.array([1])))
    x = graph.node(name, "Transpose", x, perm=[1, 0, 2])
    x = graph.node(name, "GatherND", x, step, batch_dims=1)  # (batch, C)
    return graph.node(name, "Unsqueeze", x, graph.weight(f"{name}.time", np.array([0])), made=[f"{name}.y"])


def _recurrent(graph, name, layer, P, x):
    """The nodes of a recurrent layer, its states inputs and outputs if the graph has them; what they make of x."""
    operator, attributes, arrays = to_node(layer, P)
    n, _, H = arrays["R"].shape
    kept = [f"{name}.{key}" for key in layer.cell.states]
    initial = [f"{state}.initial" if graph.states else "" for state in kept]
    final = [f"{state}.final" for state in kept]
    if graph.states:
        graph.inputs += [graph.port(state, [n, "batch", H]) for state in initial]
        graph.outputs += [graph.port(state, [n, "batch", H]) for state in final]
    W, R, B, *peepholes = [graph.weight(f"{name}.{key}", array) for key, array in arrays.items()]
    given = x, W, R, B, graph.lengths_given, *initial, *peepholes
    y = graph.node(name, operator, *given, made=[f"{name}.Y", *final], **attributes)
    if layer.collapses:  # the final h, (directions, batch, H)
        y = graph.node(name, "Transpose", final[0], perm=[1, 0, 2])
        return graph.node(name, "Reshape", y, graph.weight(f"{name}.shape", np.array([1, -1, n * H])))
    y = graph.node(name, "Transpose", y, perm=[0, 2, 1, 3])  # from (time, directions, batch, H)
    return graph.node(name, "Reshape", y, graph.weight(f"{name}.shape", np.array([0, 0, n * H])))


def parts_of(onnx, proto):
    """All that a model's meaning depends on, one part after the other."""
    g, numpy = proto.graph, onnx.numpy_helper
    yield from (*proto.opset_import, *g.input, *g.output, *g.node)
    for tensor in g.initializer:  # its numbers may be stored in several ways
        yield numpy.from_array(numpy.to_array(tensor), tensor.name)
