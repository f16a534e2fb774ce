"""Rung 4: a graph that another program wrote is read, and computes what it computes in onnxruntime; or is refused.

The graphs of PyTorch's exporters lie in `pytorch/`, see `pytorch_graphs`; where torch is installed more are written.
"""

import contextlib
import itertools

import numpy as np
import onnx
import onnx.reference
import onnxruntime
import pytest
from altered import pick
from onnx import helper, numpy_helper
from pytorch_graphs import FOLDER, LARGEST, NETWORKS, C, D, H, exported, is_step_by_step
from readers import messages, rewire

from lstm_core import Model, dense, dropout, mse, softmax_cross_entropy
from lstm_core.layers import activation, bidirectional, embedding, gru, last, lstm, recurrent, reverse, rnn
from lstm_formats import onnx_io

KEPT = sorted(path.stem for path in FOLDER.glob("*.onnx"))


def runtime(path, x):
    """The first output of a file in onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def input_of(path, free=7):
    """Random numbers for the graph's x, in the graph's own order of axes."""
    port = onnx.load(path).graph.input[0]
    sizes = [d.dim_value or free + k for k, d in enumerate(port.type.tensor_type.shape.dim)]
    return np.random.default_rng(1).standard_normal(sizes).astype(np.float32)


def error_of(path, batch_first):
    """The model that is read, and the largest difference between its outputs and onnxruntime's."""
    model, x = onnx_io.load_graph(path, mse), input_of(path)
    y = model.predict(x if batch_first else x.swapaxes(0, 1).copy())
    expected = runtime(path, x)
    y = y if batch_first or y.ndim == 2 else y.swapaxes(0, 1)
    assert y.shape == expected.shape and y.dtype == expected.dtype
    return model, float(np.abs(y - expected).max())


def layers_of(network):
    """The layers that a network of PyTorch is."""
    cell = network.kind.lower()
    for k in range(network.layers):
        of = recurrent(cell, D if k == 0 else (2 * H if network.both else H), H, own=cell != "lstm")
        ends = network.reads == "state" and k == network.layers - 1
        yield bidirectional(of, last=ends) if network.both else of
    if network.reads != "every" and not network.both:
        yield last()
    if network.tail:
        yield dense(2 * H if network.both else H, C)
    if "softmax" in network.tail:
        yield activation(network.tail)


# Numbers of size 1 in float32: a rounding costs 6e-8, onnxruntime's tanh and σ are off by some 2e-7.
TOLERANCE = 1e-6


def check_read(network, path):
    model, error = error_of(path, network.batch_first)
    assert [layer.config for layer in model.layers] == [layer.config for layer in layers_of(network)]
    assert error <= TOLERANCE
    return error


def test_what_pytorch_wrote_is_read(shown):
    read = [name for name in KEPT if not is_step_by_step(name)]
    errors = {name: check_read(NETWORKS[name], FOLDER / f"{name}.onnx") for name in read}
    chosen = [NETWORKS[name] for name in read]
    for field in ("kind", "layers", "both", "bias", "batch_first", "tail", "dynamo"):
        assert {getattr(n, field) for n in chosen} == {getattr(n, field) for n in NETWORKS.values()}, field
    assert {n.reads for n in chosen} >= {"every", "index", "state"} and {n.free for n in chosen} >= {("batch",), ()}
    assert len(read) >= 16
    shown(f"rung 4  {len(read)} graphs that PyTorch wrote are read = onnxruntime, to {max(errors.values()):.1e}")


def test_the_kept_files_are_small():
    sizes = {name: (FOLDER / f"{name}.onnx").stat().st_size for name in KEPT}
    assert max(sizes.values()) <= LARGEST and sizes.keys() <= NETWORKS.keys()
    for name in KEPT:
        assert not any(node.metadata_props or node.doc_string for node in onnx.load(FOLDER / f"{name}.onnx").graph.node)


def test_a_recurrence_written_step_by_step_is_refused_by_node():
    names = [name for name in KEPT if is_step_by_step(name)]
    assert names
    for name in names:
        says = r"Slice 'node_Slice_\d+': expected all steps .*with dynamo=False it writes RNN"
        with pytest.raises(ValueError, match=says):
            onnx_io.load_graph(FOLDER / f"{name}.onnx", mse)


OLDER, NEWER = ([name for name, n in NETWORKS.items() if n.dynamo == dynamo] for dynamo in (False, True))
FRESH = OLDER[::2] + NEWER[::9]  # the newer exporter takes seconds


@pytest.mark.parametrize("dynamo", [False, True])
def test_what_pytorch_writes_now_is_read(dynamo, tmp_path, shown):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    if dynamo:
        pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    errors = []
    for name in (name for name in FRESH if NETWORKS[name].dynamo == dynamo):
        path = tmp_path / "fresh.onnx"
        path.write_bytes(exported(NETWORKS[name]))
        if is_step_by_step(name):
            with pytest.raises(ValueError, match=r"expected all steps .*with dynamo=False it writes RNN"):
                onnx_io.load_graph(path, mse)
        else:
            errors.append(check_read(NETWORKS[name], path))
    shown(f"rung 4  {len(errors)} graphs fresh from PyTorch are read = onnxruntime, to {max(errors):.1e}")


def test_a_model_that_was_read_learns_and_goes_on(tmp_path):
    """It is a model as any other: with the loss it was given, saved and loaded with it."""
    model = onnx_io.load_graph(FOLDER / f"{KEPT[0]}.onnx", softmax_cross_entropy)
    assert model.loss_function is softmax_cross_entropy
    onnx_io.save(model, tmp_path / "ours.onnx", lengths=True)
    again = onnx_io.load(tmp_path / "ours.onnx")
    np.testing.assert_array_equal(again.theta, model.theta, strict=True)
    assert again.loss_function is softmax_cross_entropy


# ---- our own graphs, as good as any other ----------------------------------------------------------------------------

CELLS = {
    "rnn": rnn(D, H), "rnn, relu": rnn(D, H, "relu"), "lstm": lstm(D, H), "peephole": lstm(D, H, peepholes=True),
    "gru": gru(D, H), "gru, before": gru(D, H, reset="before"),
}  # fmt: skip
STACKS = {
    "each step": lambda of: [of],
    "reverse": lambda of: [reverse(of), dense(H, C), activation("relu")],
    "dense, last": lambda of: [of, dense(H, C), activation("softmax"), last()],
    "dense first": lambda of: [dense(4, D), activation("tanh"), of, last(), dense(H, 1), activation("sigmoid")],
    "both, two": lambda of: [bidirectional(of), activation("tanh"), bidirectional(lstm(2 * H, 2)), dense(4, 2)],
    "one step read on": lambda of: [embedding(5, D), bidirectional(of, last=True), gru(2 * H, 3), dense(3, 2)],
    "two steps of one": lambda of: [of, last(), reverse(rnn(H, 2)), activation("log_softmax")],
}


def made(stack, dtype="float32"):
    """A model no number of which is 0."""
    model = Model(stack, mse, rng=np.random.default_rng(0), dtype=dtype)
    model.theta += np.random.default_rng(1).normal(0, 0.3, model.theta.shape).astype(dtype)
    return model


@pytest.mark.parametrize("cell, stack", [*itertools.product(CELLS, STACKS)])
def test_our_own_graphs_are_read_as_what_they_are(cell, stack, tmp_path):
    for dtype in ("float32", "float64"):
        model = made(STACKS[stack](CELLS[cell]), dtype)
        onnx_io.save(model, tmp_path / "m.onnx", opset=14 if dtype == "float32" else 22)
        found = onnx_io.load_graph(tmp_path / "m.onnx", mse)
        assert [layer.config for layer in found.layers] == [layer.config for layer in model.layers]
        np.testing.assert_array_equal(found.theta, model.theta, strict=True)


# ---- graphs made by hand ---------------------------------------------------------------------------------------------


def graph(nodes, x=("batch", "time", D), dims=None, kind=1, opset=20, seed=0, ir_version=9, outputs=("y",), more=()):
    """The bytes of a graph with x of these axes, and an LSTM's W, R, B, a matrix M and a vector v, a few integers."""
    rng, info = np.random.default_rng(seed), helper.make_tensor_value_info
    dtype = {1: np.float32, 11: np.float64, 7: np.float32, 10: np.float16}[kind]
    weights = {"W": (1, 4 * H, D), "R": (1, 4 * H, H), "B": (1, 8 * H), "M": (H, C), "v": (C,), "W2": (2, 4 * H, D),
               "R2": (2, 4 * H, H), "E": (5, D), "zeros": (1, 2, H)}  # fmt: skip
    weights = {name: rng.standard_normal(shape).astype(dtype) for name, shape in weights.items()}
    weights |= {"zeros": 0 * weights["zeros"], "ones": np.ones((1, 2, H), dtype), **(dims or {})}
    weights |= {str(k): np.array(k) for k in range(-2, 5)} | {f"[{k}]": np.array([k]) for k in range(-2, 5)}
    inputs = [info("x", kind, x), *more]
    made = helper.make_graph(
        nodes, "g", inputs, [info(name, 1 if kind == 7 else kind, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=ir_version)
    with contextlib.suppress(onnx.shape_inference.InferenceError):
        model = onnx.shape_inference.infer_shapes(model)  # an output has to say its shape
    for port in model.graph.output:
        port.type.tensor_type.shape.SetInParent()
    return model.SerializeToString()


def node(op, *given, to="y", **attributes):
    return helper.make_node(op, given, to.split(), f"{op}_{to}", **attributes)


def lstm_node(x="xt", to="Y Yh Yc", more=(), **attributes):
    return node("LSTM", x, "W", "R", "B", *more, to=to, **{"hidden_size": H} | attributes)


def both_node(x="xt", to="Y Yh Yc", **attributes):
    return node("LSTM", x, "W2", "R2", to=to, hidden_size=H, direction="bidirectional", **attributes)


TURNED = node("Transpose", "x", to="xt", perm=[1, 0, 2])
HEAD = [TURNED, lstm_node()]
STEPS = [*HEAD, node("Squeeze", "Y", "[1]", to="h")]  # (time, batch, H)

READ = {  # nodes, and what else `graph` takes
    "flattened to a matrix and back": ([
        *STEPS, node("Reshape", "h", "flat", to="f"), node("Gemm", "f", "M", "v", to="g"),
        node("Reshape", "g", "steps")],
        {"dims": {"flat": np.array([-1, H]), "steps": np.array([5, -1, C])}, "x": ("batch", 5, D)}),
    "sizes taken from x": ([
        *HEAD, node("Transpose", "Y", to="t", perm=[0, 2, 1, 3]), node("Shape", "t", to="s"),
        node("Gather", "s", "0", to="T"), node("Unsqueeze", "T", "[0]", to="T1"),
        node("Slice", "s", "[1]", "[2]", to="B1"), node("Concat", "T1", "B1", "[-1]", to="shape", axis=0),
        node("Reshape", "t", "shape")], {}),
    "a flattened last step": ([*HEAD, node("Flatten", "Yh", to="f", axis=2), node("Gemm", "f", "M")], {}),
    "a slice and a squeeze": ([
        *STEPS, node("Slice", "h", "[-1]", "end", "[0]", to="s"), node("Squeeze", "s", "[0]", to="q"),
        node("MatMul", "q", "M", to="m"), node("Add", "v", "m")], {"dims": {"end": np.array([2**63 - 1])}}),
    "states, a zero of their own": ([
        TURNED, node("Shape", "xt", to="s", start=1, end=2), node("Concat", "[1]", "s", "H", to="n", axis=0),
        node("ConstantOfShape", "n", to="z"), node("Identity", "z", to="z2"),
        lstm_node(more=("", "z", "z2")), node("Squeeze", "Y", "[1]")], {"dims": {"H": np.array([H])}}),
    "zeros for two": ([TURNED, lstm_node(more=("", "zeros", "zeros")), node("Squeeze", "Y", "[1]")],
                      {"x": (2, "time", D)}),
    "one of a batch": ([*HEAD, node("Squeeze", "Y", "[1]", to="h"), node("Reshape", "h", "one")],
                       {"x": (1, 4, D), "dims": {"one": np.array([4, 1, H])}}),
    "one step": ([*HEAD, node("Reshape", "Y", "one"),],
                 {"x": (3, 1, D), "dims": {"one": np.array([1, 3, H])}}),
    "final states put side by side": ([
        TURNED, both_node(), node("Transpose", "Yh", to="t", perm=[1, 0, 2]), node("Reshape", "t", "wide"),],
        {"dims": {"wide": np.array([0, -1])}}),
    "directions side by side by Concat": ([
        TURNED, both_node(), node("Gather", "Y", "0", to="f", axis=1), node("Gather", "Y", "[1]", to="r1", axis=1),
        node("Squeeze", "r1", "[1]", to="r"), node("Concat", "f", "r", axis=2)], {}),
    "dropout, identity and cast": ([
        *STEPS, node("Dropout", "h", to="d"), node("Cast", "d", to="c", to_=1), node("Identity", "c")], {}),
    "labels of 32 bits": ([
        node("Cast", "x", to="c", to_=6), node("Gather", "E", "c", to="e"), node("Transpose", "e", to="xt",
        perm=[1, 0, 2]), lstm_node(), node("Squeeze", "Y", "[1]")], {"x": ("batch", "time"), "kind": 7}),
    "weights put together": ([
        TURNED, node("Slice", "W2", "[1]", "[2]", "[0]", to="w"), node("Concat", "R", to="r", axis=0),
        node("LSTM", "xt", "w", "r", to="Y", hidden_size=H), node("Squeeze", "Y", "[1]")], {}),
    "no squeeze axes": ([*HEAD, node("Squeeze", "Y")], {}),
    "softmax over the second axis": ([
        *STEPS, node("Transpose", "h", to="t", perm=[0, 2, 1]), node("Softmax", "t", to="s", axis=1),
        node("Transpose", "s", perm=[0, 2, 1])], {}),
    "opset 7": ([
        *HEAD, node("Squeeze", "Y", to="h", axes=[1]), node("Slice", "h", to="s", starts=[-1], ends=[2**31 - 1]),
        node("Squeeze", "s", to="q", axes=[0]), node("Gemm", "q", "M", "v", to="g"), node("Softmax", "g")],
        {"opset": 7, "ir_version": 7}),
    "opset 9, the default axis of two": ([*HEAD, node("Squeeze", "Yh", to="h", axes=[0]), node("Softmax", "h")],
                                         {"opset": 9, "ir_version": 7}),
    "opset 24": ([*STEPS, node("LogSoftmax", "h")], {"opset": 24, "ir_version": 12}),
}  # fmt: skip


def written(nodes, options, path):
    for made in nodes:
        for attribute in made.attribute:
            if attribute.name == "to_":
                attribute.name = "to"
    path.write_bytes(graph(nodes, **options))
    return path


@pytest.mark.parametrize("case", READ)
def test_a_graph_made_by_hand_is_read(case, tmp_path):
    path = written(*READ[case], tmp_path / "g.onnx")
    model = onnx_io.load_graph(path, mse)
    port = onnx.load(path).graph.input[0].type.tensor_type
    sizes = [d.dim_value or 6 + k for k, d in enumerate(port.shape.dim)]
    rng = np.random.default_rng(2)
    x = rng.integers(0, 5, sizes) if port.elem_type == 7 else rng.standard_normal(sizes).astype(np.float32)
    expected, y = runtime(path, x), model.predict(x)
    expected = expected.swapaxes(0, 1) if expected.ndim == 3 else expected  # time first, all of those above
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=0, atol=TOLERANCE)


def test_a_graph_in_double_precision_is_read(tmp_path):
    """onnxruntime has no such LSTM, ONNX's own evaluator has."""
    path = written(*READ["a slice and a squeeze"][:1], READ["a slice and a squeeze"][1] | {"kind": 11},
                   tmp_path / "g.onnx")  # fmt: skip
    model, x = onnx_io.load_graph(path, mse), np.random.default_rng(2).standard_normal((3, 4, D))
    (expected,) = onnx.reference.ReferenceEvaluator(str(path)).run(None, {"x": x})
    assert model.theta.dtype == np.float64
    np.testing.assert_allclose(model.predict(x), expected, rtol=0, atol=1e-14)  # a few roundings of numbers of size 1


def test_final_states_may_be_outputs(tmp_path):
    path = written([*STEPS, node("Identity", "h")], {"outputs": ("y", "Yh", "Yc")}, tmp_path / "g.onnx")
    assert onnx_io.load_graph(path, mse).names == ("lstm",)


def test_dropout_is_a_layer(tmp_path):
    for nodes, options, rate in (
        ([*STEPS, node("Dropout", "h", "rate")], {"dims": {"rate": np.array(0.25, np.float32)}}, 0.25),
        ([*HEAD, node("Squeeze", "Y", to="h", axes=[1]), node("Dropout", "h", ratio=0.125)], {"opset": 9}, 0.125),
        ([*STEPS, node("Dropout", "h", "rate", "off")],
         {"dims": {"rate": np.array(0.0, np.float32), "off": np.array(False)}}, 0.0),
    ):  # fmt: skip
        model = onnx_io.load_graph(written(nodes, options, tmp_path / "g.onnx"), mse)
        assert model.layers[-1].config == dropout(rate).config


# ---- what is refused -------------------------------------------------------------------------------------------------

ON, INNER = np.array(True), helper.make_graph([], "inner", [], [])
REFUSED = {  # nodes, what else `graph` takes, and the message: operator, name and why
    "another operator": ([*STEPS, node("Elu", "h")], {}, r"Elu 'Elu_y': expected an operator that is a layer"),
    "attention": ([*STEPS, node("Attention", "h", "h", "h")], {"opset": 23, "ir_version": 11},
                  "Attention 'Attention_y': expected an operator"),
    "another domain": ([*STEPS, helper.make_node("Tanh", ["h"], ["y"], "mine", domain="com.example")], {},
                       "com.example.Tanh 'mine': expected an operator"),
    "a choice of graphs": ([*STEPS, node("If", "true", then_branch=INNER, else_branch=INNER)],
                           {"dims": {"true": ON}}, "If 'If_y': expected an operator"),
    "a graph in a node": ([*STEPS, node("Tanh", "h", body=INNER)], {}, "Tanh 'Tanh_y': expected no graph within"),
    "a projection": ([TURNED, node("Shape", "xt", to="s", start=1, end=2),
                      node("Concat", "[1]", "s", "[4]", to="n", axis=0), node("Expand", "0.0", "n", to="z"),
                      lstm_node(more=("", "z")), node("Squeeze", "Y", "[1]")],
                     {"dims": {"0.0": np.array(0, np.float32)}}, "LSTM .*expected initial_h of 3 units, got 4"),
    "a state of another size": ([TURNED, lstm_node(more=("", "", "wide")), node("Squeeze", "Y", "[1]")],
                                {"x": (2, "time", D), "dims": {"wide": np.zeros((1, 2, 4), np.float32)}},
                                "LSTM .*expected initial_c of 3 units, got 4"),
    "a node without a name": ([*STEPS, helper.make_node("Elu", ["h"], ["y"])], {}, "Elu 'y': expected an operator"),
    "lengths": ([TURNED, lstm_node(more=("n",)), node("Squeeze", "Y", "[1]")],
                {"dims": {"n": np.array([2, 3], np.int32)}}, "LSTM 'LSTM_Y Yh Yc': expected no sequence_lens"),
    "states that are not 0": ([TURNED, lstm_node(more=("", "ones", "zeros")), node("Squeeze", "Y", "[1]")],
                              {"x": (2, "time", D)}, "LSTM .*expected initial_h to be left out or zeros"),
    "states from x": ([TURNED, lstm_node(), node("LSTM", "xt", "W", "R", "B", "", "Yh", to="Z", hidden_size=H),
                       node("Squeeze", "Z", "[1]")], {}, "LSTM 'LSTM_Z': expected initial_h .*depends on x"),
    "batch first": ([node("LSTM", "x", "W", "R", to="Y", hidden_size=H, layout=1), node("Squeeze", "Y", "[2]")], {},
                    "LSTM 'LSTM_Y': expected layout 0"),
    "clip": ([TURNED, lstm_node(clip=3.0), node("Squeeze", "Y", "[1]")], {}, "LSTM .*clip"),
    "W from x": ([TURNED, node("LSTM", "xt", "xt", "R", to="Y", hidden_size=H), node("Squeeze", "Y", "[1]")], {},
                 "LSTM 'LSTM_Y': expected W that is a number"),
    "W too wide": ([TURNED, node("LSTM", "xt", "R", "R", to="Y", hidden_size=H), node("Squeeze", "Y", "[1]")], {},
                   "LSTM .*expected weights for 2 features, got 3"),
    "the first step": ([*STEPS, node("Gather", "h", "0", axis=0)], {}, "Gather 'Gather_y': expected all steps"),
    "all but the last": ([*STEPS, node("Slice", "h", "[0]", "[-1]", "[0]")], {}, "Slice 'Slice_y': expected all steps"),
    "some of the features": ([*STEPS, node("Slice", "h", "[0]", "[2]", "[2]")], {}, "Slice .*a piece of axis 2"),
    "time turned round": ([*STEPS, node("Slice", "h", "[-1]", "far", "[0]", "[-1]")],
                          {"dims": {"far": np.array([-(2**31)])}}, "Slice 'Slice_y': expected steps of 1"),
    "the last step of both": ([
        TURNED, both_node(), node("Transpose", "Y", to="t", perm=[0, 2, 1, 3]), node("Reshape", "t", "wide", to="h"),
        node("Gather", "h", "-1", to="l", axis=0), node("Tanh", "l")], {"dims": {"wide": np.array([0, 0, -1])}},
        "Tanh 'Tanh_y': .*final states of both directions side by side, got the last step of what runs in reverse"),
    "that of a dense behind both": ([
        TURNED, both_node(), node("Transpose", "Y", to="t", perm=[0, 2, 1, 3]), node("Reshape", "t", "wide", to="h"),
        node("MatMul", "h", "M2", to="m"), node("Gather", "m", "-1", to="l", axis=0), node("Tanh", "l")],
        {"dims": {"wide": np.array([0, 0, -1]), "M2": np.ones((2 * H, 2), np.float32)}}, "Tanh 'Tanh_y': .*in reverse"),
    "the final state of reverse": ([
        TURNED, node("LSTM", "xt", "W", "R", to="Y Yh", hidden_size=H, direction="reverse"),
        node("Squeeze", "Yh", "[0]")], {}, "y: .*runs in reverse"),
    "one of both directions": ([TURNED, both_node(), node("Gather", "Y", "0", axis=1)], {}, "y: expected all"),
    "reverse first": ([TURNED, both_node(), node("Gather", "Yh", "0", to="f"), node("Gather", "Yh", "1", to="r"),
                       node("Concat", "r", "f", axis=1)], {}, "y: expected all directions .*forward's first"),
    "c for h": ([*HEAD, node("Squeeze", "Yc", "[0]")], {}, "y: expected all directions .*as h"),
    "a sum of two": ([*STEPS, node("Add", "h", "h")], {}, "Add 'Add_y': expected what depends on x and numbers"),
    "a sum past a layer": ([*STEPS, node("Tanh", "h", to="t"), node("Sigmoid", "h")], {},
                           "Sigmoid 'Sigmoid_y': expected a chain of layers"),
    "a bias without a product": ([*STEPS, node("Add", "h", "b")], {"dims": {"b": np.ones(H, np.float32)}},
                                 "Add 'Add_y': expected to add a bias to a product"),
    "two biases": ([*STEPS, node("MatMul", "h", "M", to="m"), node("Add", "m", "v", to="a"), node("Add", "a", "v")], {},
                   "Add 'Add_y': expected to add a bias to a product"),
    "a bias for each step": ([*STEPS, node("MatMul", "h", "M", to="m"), node("Add", "m", "b")],
                             {"x": (2, 3, D), "dims": {"b": np.ones((3, 1, C), np.float32)}}, "a bias of 4 numbers"),
    "a product from the left": ([*STEPS, node("MatMul", "Q", "h")], {"dims": {"Q": np.ones((3, 3), np.float32)}},
                                "MatMul 'MatMul_y': expected what depends on x and numbers in the file, in this order"),
    "a product of time": ([
        *STEPS, node("Transpose", "h", to="t", perm=[1, 2, 0]), node("MatMul", "t", "Q")],
        {"x": ("batch", 3, D), "dims": {"Q": np.ones((3, 3), np.float32)}}, "MatMul .*expected a product of the feat"),
    "half a product": ([*HEAD, node("Squeeze", "Yh", "[0]", to="h"), node("Gemm", "h", "M", "v", alpha=0.5)], {},
                       "Gemm 'Gemm_y': expected .*alpha"),
    "softmax over time": ([*STEPS, node("Softmax", "h", axis=0)], {}, "Softmax .*expected a softmax over the features"),
    "softmax over all but one": ([*HEAD, node("Squeeze", "Y", to="h", axes=[1]), node("Softmax", "h")],
                                 {"opset": 9}, "Softmax .*expected a softmax over the features"),
    "softmax over two axes": ([
        *HEAD, node("Squeeze", "Y", to="h", axes=[1]), node("Transpose", "h", to="t", perm=[0, 2, 1]),
        node("Softmax", "t", to="s", axis=1), node("Transpose", "s", perm=[0, 2, 1])],
        {"opset": 9}, "Softmax .*expected a softmax over the features"),
    "dropout while training": ([*STEPS, node("Dropout", "h", "rate", "on")],
                               {"dims": {"rate": np.array(0.5, np.float32), "on": ON}}, "Dropout .*graph for use"),
    "the mask of a dropout": ([*STEPS, node("Dropout", "h", to="d m"), node("Identity", "m")], {},
                              "Identity 'Identity_y': expected values that can be read, got m"),
    "features squeezed": ([*STEPS, node("Squeeze", "h", "[0]")], {"x": (2, 1, D)}, "Squeeze .*expected to drop axes"),
    "a shape that mixes": ([*STEPS, node("Reshape", "h", "mixed")],
                           {"x": (2, 6, D), "dims": {"mixed": np.array([4, 3, 3])}}, "Reshape .*a shape that keeps"),
    "time for batch": ([lstm_node("x"), node("Squeeze", "Y", "[1]", to="h"), node("Transpose", "h", to="t",
        perm=[1, 0, 2]), node("LSTM", "t", "R", "R", to="Z", hidden_size=H), node("Squeeze", "Z", "[1]")], {},
        "LSTM 'LSTM_Z': expected X with axes of time, batch"),
    "the last output of many axes": ([*HEAD, node("Identity", "Y")], {}, "y: expected axes of batch, time"),
    "labels without rows": ([node("Cast", "x", to="c", to_=7), node("Transpose", "c")], {"x": ("b", "t"), "kind": 7},
                            "graph: expected one of RNN, LSTM, GRU, got none"),
    "no recurrence": ([node("MatMul", "x", "Q")], {"dims": {"Q": np.ones((D, 3), np.float32)}},
                      "graph: expected one of RNN, LSTM, GRU, got none"),
    "known numbers": ([*STEPS, node("Identity", "v")], {}, "y: expected what depends on x"),
    "one more output": ([*STEPS, node("Tanh", "h")], {"outputs": ("y", "h")}, "h: expected one output"),
    "another input": ([*STEPS, node("Identity", "h")], {"more": [helper.make_tensor_value_info("z", 1, [1])]},
                      "graph: expected x as its one input, got x, z"),
    "half precision": ([*STEPS, node("Identity", "h")], {"kind": 10}, "expected data of type"),
    "features that are free": ([*STEPS, node("Identity", "h")], {"x": ("b", "t", "f")}, "x: expected float32"),
    "no batch": ([node("Unsqueeze", "x", "[1]", to="xt"), lstm_node(), node("Squeeze", "Y", "[1]")],
                 {"x": ("time", D)}, "x: expected float32 or float64 .batch, time, features"),
    "channels first": ([node("Transpose", "x", to="xt", perm=[2, 0, 1]), lstm_node(), node("Squeeze", "Y", "[1]")],
                       {"x": ("batch", D, "time")}, "x: expected float32 or float64"),
    "opset 6": ([*HEAD, node("Squeeze", "Y", axes=[1])], {"opset": 6, "ir_version": 3}, "opset: expected 7 .*got 6"),
    "an opset to come": ([*STEPS, node("Identity", "h")], {"opset": 99}, "opset: expected 7 … 28, .*got 99"),
    "no numbers": ([*STEPS, node("MatMul", "h", "N")], {"dims": {"N": np.full((H, 2), np.nan, np.float32)}}, "finite"),
    "numbers of two kinds": ([*STEPS, node("MatMul", "h", "N")], {"dims": {"N": np.ones((H, 2))}},
                             "float64|expected|Type"),
    "a scalar of x": ([*STEPS, node("Mul", "h", "v")], {}, "Mul 'Mul_y': expected an operator that is a layer"),
    "an index out of range": ([*STEPS, node("Gather", "h", "3", axis=1)], {}, "Gather .*expected all steps"),
    "a wrong axis": ([*STEPS, node("Gather", "h", "0", axis=7)], {}, "Gather .*axis"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_by_name(case, tmp_path):
    nodes, options, says = REFUSED[case]
    path = written(nodes, options, tmp_path / "g.onnx")
    with pytest.raises(ValueError, match=f"(?s)g.onnx: expected a graph of layers: .*({says})"):
        onnx_io.load_graph(path, mse)


def test_a_file_without_metadata_of_ours_says_who_reads_it(tmp_path):
    path = written(*READ["opset 24"], tmp_path / "g.onnx")
    with pytest.raises(ValueError, match="a graph that another program wrote is read by load_graph"):
        onnx_io.load(path)


def test_one_weight_for_many_layers_takes_no_more_memory_than_the_file(tmp_path):
    """A thousand layers of a few bytes each that all have one matrix of a megabyte."""
    square = np.eye(500, dtype=np.float32)
    nodes = [*STEPS, node("MatMul", "h", "wide", to="m0")]
    nodes += [node("MatMul", f"m{k}", "square", to=f"m{k + 1}") for k in range(1000)]
    dims = {"wide": np.ones((H, 500), np.float32), "square": square}
    path = written([*nodes, node("Identity", "m1000")], {"dims": dims}, tmp_path / "g.onnx")
    with pytest.raises(ValueError, match=r"MatMul 'MatMul_m.*': expected arrays no larger than the file"):
        onnx_io.load_graph(path, mse)


def test_loss_has_to_be_one(tmp_path):
    with pytest.raises(TypeError, match="loss: expected a function"):
        onnx_io.load_graph(tmp_path / "none.onnx", None)
    with pytest.raises(FileNotFoundError):
        onnx_io.load_graph(tmp_path / "none.onnx", mse)


# ---- altered graphs: refused, or understood --------------------------------------------------------------------------

SAMPLES = [(FOLDER / f"{name}.onnx").read_bytes() for name in KEPT if not is_step_by_step(name)]


def one_more_or_less(rng, proto):
    """An integer in a constant or an attribute is another, two of them are exchanged, or an axis of x has a size."""
    tensors = [t for t in messages(proto) if isinstance(t, onnx.TensorProto) and t.data_type == 7 and t.raw_data]
    attributes = [a for made in proto.graph.node for a in made.attribute if a.type in (2, 7)]
    what = int(rng.integers(0, 3))
    if what == 0 and tensors:
        tensor = pick(rng, tensors)
        array = numpy_helper.to_array(tensor).copy()
        array.flat[int(rng.integers(array.size))] = rng.integers(-3, 7)
        tensor.raw_data = array.tobytes()
    elif what == 1 and attributes:
        found = pick(rng, attributes)
        if found.type == 2:
            found.i = int(rng.integers(-2, 3))
        else:
            a, b = rng.integers(0, len(found.ints), 2)
            found.ints[a], found.ints[b] = found.ints[b], found.ints[a]
    else:
        pick(rng, proto.graph.input[0].type.tensor_type.shape.dim).dim_value = int(rng.integers(1, 4))


def passed_by(rng, proto):
    """What a node makes is replaced by what it is given."""
    here = pick(rng, [made for made in proto.graph.node if made.input and made.input[0]])
    for made in proto.graph.node:
        for k, name in enumerate(made.input):
            if name == here.output[0]:
                made.input[k] = here.input[0]


def rewired(rng, proto):
    rewire(rng, proto.graph.node)


def test_an_altered_graph_is_refused_or_understood(tmp_path, shown):
    """What is read although it was altered computes what onnxruntime makes of it, if that runs it at all."""
    rng, path = np.random.default_rng(2026), tmp_path / "g.onnx"
    found = {"refused": 0, "the same": 0, "does not run": 0}
    for _ in range(400):
        proto = onnx.load_model_from_string(pick(rng, SAMPLES))
        for _ in range(int(rng.integers(1, 3))):
            pick(rng, [one_more_or_less, one_more_or_less, passed_by, rewired])(rng, proto)
        del proto.graph.output[1:]
        proto.graph.output[0].type.tensor_type.shape.Clear()
        path.write_bytes(proto.SerializeToString())
        try:
            model = onnx_io.load_graph(path, mse)
        except ValueError as error:
            assert str(path) in str(error)
            found["refused"] += 1
            continue
        proto.graph.output[0].type.tensor_type.ClearField("shape")
        path.write_bytes(proto.SerializeToString())
        x = input_of(path)
        try:
            expected = runtime(path, x)
        except Exception:  # onnxruntime has a class of its own for each reason
            found["does not run"] += 1
            continue
        predicted = [model.predict(one) for one in (x, x.swapaxes(0, 1).copy())]
        alike = [np.array_equal(y.shape, expected.shape) and np.abs(y - expected).max() <= TOLERANCE
                 for one in predicted for y in (one, one.swapaxes(0, 1))]  # fmt: skip
        assert any(alike), [layer.config for layer in model.layers]
        found["the same"] += 1
    assert min(found.values()) > 10 and found["the same"] > 40
    shown("altered  graphs that PyTorch wrote: " + ", ".join(f"{n} {what}" for what, n in found.items()))
