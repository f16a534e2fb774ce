"""Rung 4: ONNX's own tests for RNN, LSTM and GRU, node by node, through this package.

Most of them have one time step and every weight the same, so the same comparison is made with onnxruntime on nodes
where each input matters: both biases, peepholes, initial states, sequence_lens, each direction.
"""

import importlib
import itertools
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime
import pytest

from lstm_core.gradcheck import relative_error
from lstm_core.layers import Pass
from lstm_core.model import step_mask
from lstm_formats import onnx_io


class Case(NamedTuple):
    node: onnx.NodeProto
    inputs: dict  # name in ONNX's specification -> array
    outputs: dict


OPERANDS = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"]


def named(names, values, arrays):
    """Arrays by the specification's names; a node may call them otherwise, or leave some out ("")."""
    arrays = iter(arrays)
    return {name: next(arrays) for name, value in zip(names, values) if value}


def cases():
    """All of onnx.backend.test.case.node for the three operators: name -> Case."""
    found = {}
    before = np.random.get_state()  # noqa: NPY002 (some cases draw their weights from it)
    np.random.seed(0)  # noqa: NPY002
    for operator in ("RNN", "LSTM", "GRU"):
        module = importlib.import_module(f"onnx.backend.test.case.node.{operator.lower()}")

        def record(node, inputs, outputs, name, **_):
            made = named(["Y", "Y_h", "Y_c"], node.output, outputs)
            found[name] = Case(node, named(OPERANDS, node.input, inputs), made)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "expect", record)
            for function in sorted(vars(getattr(module, operator))):
                if function.startswith("export"):
                    getattr(getattr(module, operator), function)()
    np.random.set_state(before)  # noqa: NPY002
    return found


CASES = cases()


def run(node, given):
    """The outputs of the node, by this package: Y (T, directions, B, H), Y_h, Y_c (directions, B, H); or layout 1."""
    layout = next((a.i for a in node.attribute if a.name == "layout"), 0)
    time_first = (lambda array: np.moveaxis(array, 0, 1)) if layout else (lambda array: array)
    layer, P = onnx_io.from_node(node, {key: given[key] for key in "WRBP" if key in given})
    assert {key: array.shape for key, array in P.items()} == layer.shapes
    X = time_first(given["X"])
    (T, B, _), (n, _, H) = X.shape, given["R"].shape
    keys = "hc" if node.op_type == "LSTM" else "h"
    zero = np.zeros((B, n, H) if layout else (n, B, H), np.float32)
    starts = [time_first(given.get(f"initial_{key}", zero)) for key in keys]
    state = tuple(np.ascontiguousarray(start[k].T) for k in range(n) for start in starts)
    mask = step_mask(given["sequence_lens"], T) if "sequence_lens" in given else None
    y, state, _ = layer.forward(P, np.ascontiguousarray(X.transpose(0, 2, 1)), state, Pass(False, mask))
    Y = y.reshape(T, n, H, B).transpose(0, 1, 3, 2)
    if mask is not None:
        Y = np.where(mask[:, None, :, None], Y, 0)  # ONNX: 0 where there is no step
    ends = [np.stack([s.T for s in state[k :: len(state) // n]]) for k in range(len(state) // n)]
    Y = Y.transpose(2, 0, 1, 3) if layout else Y
    return dict(zip(["Y", "Y_h", "Y_c"], [Y, *map(time_first, ends)]))


def errors(found, expected):
    assert all(found[name].shape == array.shape and array.dtype == np.float32 for name, array in expected.items())
    return {name: relative_error(found[name], array) for name, array in expected.items()}


# Both sides compute in float32, ONNX's cases in NumPy. Their inputs go to 18, so pre-activations reach some 50 and are
# rounded by 50 times 6e-8; nothing in tanh and σ makes that larger: 3e-6 relative to outputs of about 1.
TOLERANCE = 3e-6


@pytest.mark.parametrize("name", CASES)
def test_onnx_s_own_case(name):
    case = CASES[name]
    assert case.outputs
    found = errors(run(case.node, case.inputs), case.outputs)
    assert all(error <= TOLERANCE for error in found.values()), found


@pytest.mark.skipif(tuple(map(int, onnx.__version__.split(".")[:2])) < (1, 23), reason="ONNX before 1.23 had twelve")
def test_there_are_eighteen(shown):
    """Six of each operator."""
    operators = [case.node.op_type for case in CASES.values()]
    assert len(CASES) == 18 and {operators.count(name) for name in ("RNN", "LSTM", "GRU")} == {6}
    worst = max(e for case in CASES.values() for e in errors(run(case.node, case.inputs), case.outputs).values())
    shown(f"rung 4  all {len(CASES)} of ONNX's own tests of RNN, LSTM and GRU pass, to {worst:.1e} relative")


NODES = [
    ("RNN", dict(activations=["Tanh"])), ("RNN", dict(activations=["Relu"])), ("LSTM", {}), ("LSTM", dict(P=True)),
    ("GRU", dict(linear_before_reset=0)), ("GRU", dict(linear_before_reset=1)),
]  # fmt: skip


def node(operator, form, direction, seed=0, sizes=(5, 4, 3, 2)):
    """A node in which every input matters, and its inputs (float32)."""
    rng, (T, B, D, H), n = np.random.default_rng(seed), sizes, 2 if direction == "bidirectional" else 1
    G, states = {"RNN": (1, "h"), "LSTM": (4, "hc"), "GRU": (3, "h")}[operator]
    shapes = {"X": (T, B, D), "W": (n, G * H, D), "R": (n, G * H, H), "B": (n, 2 * G * H)}
    shapes |= {f"initial_{key}": (n, B, H) for key in states} | ({"P": (n, 3 * H)} if "P" in form else {})
    given = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    given["sequence_lens"] = np.array([5, 2, 1, 4], np.int32)
    attributes = {key: value * n if key == "activations" else value for key, value in form.items() if key != "P"}
    names = [name if name in given else "" for name in OPERANDS[: 8 if operator == "LSTM" else 6]]
    made = ["Y", *(f"Y_{key}" for key in states)]
    return onnx.helper.make_node(operator, names, made, hidden_size=H, direction=direction, **attributes), given


def runtime(node, given):
    """The node's outputs by onnxruntime."""
    info = onnx.helper.make_tensor_value_info
    kind = {name: onnx.helper.np_dtype_to_tensor_dtype(array.dtype) for name, array in given.items()}
    inputs = [info(name, kind[name], given[name].shape) for name in node.input if name]
    graph = onnx.helper.make_graph([node], "node", inputs, [info(name, 1, None) for name in node.output])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 22)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip(node.output, session.run(None, given)))


every_node = pytest.mark.parametrize(
    "operator, form, direction",
    [(operator, form, d) for (operator, form), d in itertools.product(NODES, ["forward", "reverse", "bidirectional"])],
)


@every_node
def test_a_node_is_that_of_onnxruntime(operator, form, direction):
    made, given = node(operator, form, direction)
    found = errors(run(made, given), runtime(made, given))
    assert set(found) == set(made.output) and all(error <= TOLERANCE for error in found.values()), found


@every_node
def test_every_input_of_the_node_matters(operator, form, direction):
    """Without one of them, or with its halves the other way round, the result is another by far."""
    made, given = node(operator, form, direction)
    expected = runtime(made, given)
    for name in given.keys() - {"X", "W", "R"}:
        less = {key: array for key, array in given.items() if key != name}
        assert max(errors(run(made, less), expected).values()) > 1e-3, name
    if "linear_before_reset" in form:
        halves = given | {"B": np.roll(given["B"], given["B"].shape[1] // 2, axis=1)}
        assert (max(errors(run(made, halves), expected).values()) > 1e-3) == form["linear_before_reset"]


@every_node
def test_a_layer_becomes_that_node_again(operator, form, direction):
    made, given = node(operator, form, direction)
    layer, P = onnx_io.from_node(made, {key: given[key] for key in "WRBP" if key in given})
    again, attributes, arrays = onnx_io.to_node(layer, P)
    assert again == operator and attributes["direction"] == direction
    there, Q = onnx_io.from_node(onnx.helper.make_node(again, [], [], **attributes), arrays)
    assert there.config == layer.config and Q.keys() == P.keys()
    assert all((Q[key] == P[key]).all() for key in P)


REFUSED = [
    ("LSTM", dict(clip=3.0), "clip"), ("RNN", dict(clip=0.0), "clip"), ("LSTM", dict(input_forget=1), "forget': 1"),
    ("LSTM", dict(activations=["Sigmoid", "Tanh", "Relu"]), "Relu"), ("RNN", dict(activations=["Affine"]), "Affine"),
    ("RNN", dict(activation_alpha=[0.5]), "activation_alpha"), ("GRU", dict(activations=["Tanh"] * 2), "'Tanh', 'Tanh"),
    ("RNN", dict(hidden_size=3), "hidden_size': 3"), ("GRU", dict(direction="sideways"), "direction"),
    ("RNN", dict(direction="bidirectional"), "expected B"), ("RNN", dict(linear_before_reset=1), "before_reset': 1"),
]  # fmt: skip


@pytest.mark.parametrize("operator, attributes, says", REFUSED)
def test_other_attributes_are_refused(operator, attributes, says):
    _, given = node(operator, {}, "forward")
    with pytest.raises(ValueError, match=says):
        onnx_io.from_node(onnx.helper.make_node(operator, [], [], **attributes), {key: given[key] for key in "WRB"})


@pytest.mark.parametrize("key, shape", [("W", (1, 9, 3)), ("R", (1, 7, 2)), ("B", (1, 8)), ("P", (1, 5)), ("B", (16,))])
def test_wrong_shapes_are_refused(key, shape):
    made, given = node("LSTM", dict(P=True), "forward")
    arrays = {k: given[k] for k in "WRBP"} | {key: np.zeros(shape, np.float32)}
    with pytest.raises(ValueError, match=f"LSTM: expected .*{key} .*, got"):
        onnx_io.from_node(made, arrays)
