"""Rung 4: a model written as ONNX is the same in onnxruntime and in ONNX's reference evaluator, and comes back."""

import itertools
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnx.reference
import onnxruntime
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from lstm_core import Model, fit, mse, softmax_cross_entropy
from lstm_core.layers import (
    activation,
    bidirectional,
    dense,
    dropout,
    embedding,
    gru,
    last,
    lstm,
    recurrent,
    reverse,
    rnn,
)
from lstm_formats import onnx_io

# ---- a model, and what others make of its file ---------------------------------------------------------------------

RECURRENT = {
    "rnn": rnn,
    "rnn, relu": lambda D, H: rnn(D, H, "relu"),
    "lstm": lstm,
    "lstm, peepholes": lambda D, H: lstm(D, H, peepholes=True),
    "gru, after": gru,
    "gru, after, without p": lambda D, H: recurrent("gru", D, H, own=False),
    "gru, before": lambda D, H: gru(D, H, reset="before"),
}
RUNS = {
    "forward": lambda of: of,
    "reverse": reverse,
    "both": bidirectional,
    "both, last": lambda of: bidirectional(of, last=True),
}
SIZE = st.integers(1, 6)


def made(stack, dtype="float32", loss=mse, start=0):
    """A model with the starting values of W and R, and b and p of the same size: none is 0."""
    model = Model(stack, loss, rng=np.random.default_rng(start), dtype=dtype)
    for array in model.params.values():
        array += np.random.default_rng(start + 1).normal(0, 0.2, array.shape)
    return model


def runs_back(stack):
    """Whether the last of its recurrent layers runs from the end: then no `last` may follow."""
    running = [layer for layer in stack if layer.config.keys() & {"of", "cell"}]
    return bool(running) and "of" in running[-1].config


@st.composite
def models(draw, dtype, main, others):
    """A stack with the layer `main`, (cell, run), and up to three others in front of it and behind it."""

    def recurrent_layer(D, cell, run):
        return RUNS[run](RECURRENT[cell](D, draw(SIZE)))

    D = draw(SIZE)
    stack = [embedding(draw(st.integers(2, 5)), D)] if draw(st.integers(0, 3)) == 0 else []
    place = draw(st.integers(0, 2))
    for k in range(draw(st.integers(place + 1, 3))):
        choice = draw(st.sampled_from(["recurrent", "recurrent", "dense", "activation", "dropout", "last"]))
        if k == place:
            layer = recurrent_layer(D, *main)
        elif choice == "recurrent":
            layer = recurrent_layer(D, *draw(st.sampled_from(others)))
        elif choice == "dense" or not stack or (choice == "last" and runs_back(stack)):
            layer = dense(D, draw(SIZE))
        elif choice == "activation":
            layer = activation(draw(st.sampled_from(["tanh", "sigmoid", "relu", "softmax", "log_softmax"])))
        else:
            layer = {"dropout": dropout(0.3), "last": last()}[choice]
        stack.append(layer)
        D = layer.output("T", D)[1]
    stack += [dense(D, draw(SIZE))] if draw(st.booleans()) else []
    return made(stack, dtype, start=draw(st.integers(0, 99)))


def problem(model, B, T):
    """x and nonzero initial states: as `Model.run` takes them, and as the file does, by name."""
    rng, dtype = np.random.default_rng(5), model.theta.dtype
    x = rng.standard_normal((B, T, model.layers[0].features or 1)).astype(dtype)
    x = rng.integers(0, model.labels, (B, T)) if model.labels else x
    _, ends = model.run(x)
    states = [tuple(rng.standard_normal(s.shape).astype(dtype) for s in end) for end in ends]
    return x, states


def by_name(model, states, end):
    """States of all layers as the file has them: "lstm.h.final" and so on -> (directions, B, H)."""
    found = {}
    for name, layer, state in zip(model.names, model.layers, states, strict=True):
        keys = "hc" if layer.config.get("of", layer.config).get("cell") == "lstm" else "h"
        for k, key in enumerate(keys if state else ""):
            found[f"{name}.{key}.{end}"] = np.stack([s.T for s in state[k :: len(keys)]])
    return found


def runtime(path, feed):
    """All outputs of the file by onnxruntime, on one thread: name -> array."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, feed), strict=True))


def reference_evaluator(path, feed):
    model = onnx.reference.ReferenceEvaluator(str(path))
    return dict(zip(model.output_names, model.run(None, feed), strict=True))


def largest_error(found, expected):
    """The largest difference, relative to the largest number of its array where that is above 1."""
    assert found.keys() == expected.keys()
    assert all(found[k].shape == a.shape and found[k].dtype == a.dtype for k, a in expected.items())
    return max(float(np.abs(found[k] - a).max() / max(1, np.abs(a).max())) for k, a in expected.items())


# float32: a rounding costs 6e-8, onnxruntime's tanh and σ are rational approximations, off by some 2e-7, and what a
# state carries adds up over the steps and layers. float64: 1e-16 a rounding, and both sides call the same tanh and exp.
# (onnxruntime knows float32 only, the reference evaluator no RNN of relu.)
ORACLES = {
    "float32": (runtime, 1e-6, "onnxruntime", sorted(RECURRENT)),
    "float64": (reference_evaluator, 1e-13, "ONNX's reference evaluator", sorted(RECURRENT.keys() - {"rnn, relu"})),
}


@pytest.mark.parametrize("dtype", ORACLES)
def test_models_are_the_same_elsewhere_and_come_back(dtype, shown):
    run, tolerance, oracle, cells = ORACLES[dtype]
    every, errors, seen = list(itertools.product(cells, RUNS)), [], set()

    def check(model, B, T):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            onnx_io.save(model, path, states=True)
            x, states = problem(model, B, T)
            y, ends = model.run(x, states)
            found = run(path, {"x": x} | by_name(model, states, "initial"))
            errors.append(largest_error(found, {"y": y} | by_name(model, ends, "final")))
            onnx_io.save(model, path)
            errors.append(largest_error(run(path, {"x": x}), {"y": model.predict(x)}))
            assert max(errors[-2:]) <= tolerance, (model.names, errors[-2:])
            same(onnx_io.load(path), model)
        seen.update(layer.config["layer"] for layer in model.layers)

    for k, main in enumerate(every):
        drawn = given(models(dtype, main, every), SIZE, st.integers(3, 8))(check)
        seed(k)(settings(max_examples=4)(drawn))()  # a seed for each, or all would draw the same others
    assert seen == {"recurrent", "reverse", "bidirectional", "dense", "embedding", "last", "activation", "dropout"}
    count = len(errors) // 2
    shown(f"rung 4  {count} random models in {dtype}, with and without states = {oracle}, to {max(errors):.1e}")


def same(found, model):
    """The same layers and loss, the same numbers to the last bit."""
    assert [layer.config for layer in found.layers] == [layer.config for layer in model.layers]
    assert found.loss_function is model.loss_function and found.names == model.names
    np.testing.assert_array_equal(found.theta, model.theta, strict=True)


# ---- the interface ---------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


def ports(values):
    return {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}


def test_inputs_and_outputs(path):
    model = made([lstm(3, 4), bidirectional(gru(4, 2)), dense(4, 5)])
    onnx_io.save(model, path, states=True)
    graph = onnx.load(path).graph
    state = {"lstm.h": [1, "batch", 4], "lstm.c": [1, "batch", 4], "bidirectional gru.h": [2, "batch", 2]}
    assert ports(graph.input) == {"x": ["batch", "time", 3]} | {f"{k}.initial": v for k, v in state.items()}
    assert ports(graph.output) == {"y": ["batch", "time", 5]} | {f"{k}.final": v for k, v in state.items()}
    assert {"lstm.W", "lstm.R", "bidirectional gru.W", "dense.W", "dense.b"} <= {w.name for w in graph.initializer}
    onnx_io.save(made([embedding(7, 3), rnn(3, 4), last(), dense(4, 5)]), path)
    graph = onnx.load(path).graph
    assert ports(graph.input) == {"x": ["batch", "time"]} and ports(graph.output) == {"y": ["batch", 5]}
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.INT64


def test_a_sequence_in_two_pieces_gives_what_the_whole_gives(path):
    model = made([lstm(3, 4, peepholes=True), gru(4, 5), dense(5, 2)])
    onnx_io.save(model, path, states=True)
    x, states = problem(model, 2, 7)
    first = runtime(path, {"x": x[:, :4]} | by_name(model, states, "initial"))
    carried = {k.replace("final", "initial"): v for k, v in first.items() if k != "y"}
    y = np.concatenate([first["y"], runtime(path, {"x": x[:, 4:]} | carried)["y"]], axis=1)
    assert largest_error({"y": y}, {"y": model.run(x, states)[0]}) <= ORACLES["float32"][1]


@pytest.mark.parametrize("tail", [[], [last()]])
def test_softmax_makes_probabilities(tail, path):
    model = made([lstm(3, 4), activation("softmax"), dense(4, 5), *tail], loss=softmax_cross_entropy)
    onnx_io.save(model, path, softmax=True)
    x, _ = problem(model, 2, 4)
    (y,), loaded = runtime(path, {"x": x}).values(), onnx_io.load(path)
    np.testing.assert_allclose(y.sum(-1), 1, rtol=0, atol=1e-6)  # five numbers, a rounding each
    scores = np.exp(model.predict(x))
    assert largest_error({"y": y}, {"y": scores / scores.sum(-1, keepdims=True)}) <= ORACLES["float32"][1]
    assert loaded.layers[-1].config == {"layer": "activation", "function": "softmax"}
    assert loaded.layers[-1].config not in [layer.config for layer in model.layers[2:]]
    np.testing.assert_array_equal(loaded.theta, model.theta, strict=True)


def test_a_model_that_came_back_trains_as_the_one_that_stayed(path):
    model = made([bidirectional(lstm(3, 4, peepholes=True)), dropout(0.2), gru(8, 4), last(), dense(4, 2)])
    onnx_io.save(model, path)
    loaded, before = onnx_io.load(path), model.theta.copy()
    x, y = np.random.default_rng(0).standard_normal((2, 20, 5, 3)).astype(np.float32)
    for m in (model, loaded):
        fit(m, x, y[:, 0, :2].copy(), epochs=3, batch=8, rng=np.random.default_rng(1), progress=False)
    np.testing.assert_array_equal(loaded.theta, model.theta, strict=True)
    assert (model.theta != before).all()


def test_a_weight_altered_in_the_graph_is_refused_and_without_the_digest_loaded(path):
    """However a tensor keeps its numbers."""
    model = made([lstm(3, 4), dense(4, 2)])
    onnx_io.save(model, path)
    proto = onnx.load(path)
    tensor = next(tensor for tensor in proto.graph.initializer if tensor.name == "dense.b")
    tensor.CopyFrom(onnx.helper.make_tensor("dense.b", tensor.data_type, [2], model.params["dense.b"][:, 0]))
    assert not tensor.raw_data
    onnx.save(proto, path)
    np.testing.assert_array_equal(onnx_io.load(path).theta, model.theta)
    for name, index in (("dense.W", (3, 1)), ("lstm.R", (0, 5, 2))):
        edit(proto, name, index, 7)
        onnx.save(proto, path)
        with pytest.raises(ValueError, match=r"model\.onnx: .*expected content with SHA-256 .*: it was altered"):
            onnx_io.load(path)
    metadata(lambda meta: meta.pop("sha256"))(proto)
    onnx.save(proto, path)
    loaded = onnx_io.load(path)
    assert loaded.params["dense.W"][1, 3] == 7 and loaded.params["lstm.R"][5, 2] == 7
    assert (loaded.theta != model.theta).sum() == 2


def test_the_loss_is_under_the_digest_too(path):
    """It is nowhere in the graph."""
    onnx_io.save(made([lstm(3, 4), dropout(0.5), dense(4, 2)]), path)
    for change in (lambda meta: meta.update(loss="softmax_cross_entropy"),
                   lambda meta: meta["layers"][1].update(rate=0.1)):  # fmt: skip
        proto = onnx.load(path)
        metadata(change)(proto)
        (path.parent / "other.onnx").write_bytes(proto.SerializeToString())
        with pytest.raises(ValueError, match=r"other\.onnx: .*SHA-256"):
            onnx_io.load(path.parent / "other.onnx")


def edit(proto, name, index, value):
    tensor = next(tensor for tensor in proto.graph.initializer if tensor.name == name)
    array = onnx.numpy_helper.to_array(tensor).copy()
    array[index] = value
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, name))


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [lambda of: of, reverse, bidirectional])
@pytest.mark.parametrize("cell", ["nig", "nfg", "nog", "niaf", "noaf", "cifg", "fgr", "nas"])
def test_a_variant_is_not_exported(cell, wrap, path):
    layer = wrap(recurrent(cell, 3, 4))
    path.write_bytes(b"what was there")
    with pytest.raises(ValueError, match=f"{layer.name}: .*expected one of rnn, rnn relu, lstm, gru before, gru"):
        onnx_io.save(made([layer]), path)
    assert path.read_bytes() == b"what was there" and list(path.parent.iterdir()) == [path]


def test_no_numbers_are_not_exported(path):
    model = made([lstm(3, 4)])
    model.params["lstm.R"][2, 1] = np.nan
    with pytest.raises(ValueError, match=r"lstm\.R: expected finite numbers"):
        onnx_io.save(model, path)
    with pytest.raises(ValueError, match="loss: expected one of"):
        onnx_io.save(made([lstm(3, 4)], loss=lambda y, target: (0, y)), path)
    assert not path.exists()


def test_without_onnx_the_error_says_what_to_install(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    for call in (lambda: onnx_io.save(made([lstm(3, 4)]), path), lambda: onnx_io.load(path)):
        with pytest.raises(ImportError, match=r'pip install "lstm-core\[onnx\]"'):
            call()


def test_no_file(path):
    with pytest.raises(FileNotFoundError):
        onnx_io.load(path)


def test_a_truncated_file_is_refused(path):
    onnx_io.save(made([lstm(3, 2), dense(2, 2)]), path)
    raw = path.read_bytes()
    assert len(raw) > 1000
    for size in {*range(0, len(raw), 7), *range(len(raw) - 300, len(raw))}:
        path.write_bytes(raw[:size])
        with pytest.raises(ValueError, match=r"model\.onnx: expected an ONNX model of lstm_core, whole"):
            onnx_io.load(path)


def node(proto, op):
    return next(node for node in proto.graph.node if node.op_type == op)


def attribute(op, **values):
    """A change of one node's attributes."""

    def change(proto):
        keep = [a for a in node(proto, op).attribute if a.name not in values]
        del node(proto, op).attribute[:]
        node(proto, op).attribute.extend([*keep, *(onnx.helper.make_attribute(k, v) for k, v in values.items())])

    return change


def weight(name, change):
    """A change of one initializer."""

    def apply(proto):
        tensor = next(tensor for tensor in proto.graph.initializer if tensor.name == name)
        tensor.CopyFrom(onnx.numpy_helper.from_array(change(onnx.numpy_helper.to_array(tensor).copy()), name))

    return apply


def put(index, value):
    def change(array):
        array[index] = value
        return array

    return change


def metadata(change):
    def apply(proto):
        meta = json.loads(proto.metadata_props[0].value)
        change(meta)
        proto.metadata_props[0].value = json.dumps(meta)

    return apply


def rewire(op, k, value):
    return lambda proto: node(proto, op).input.__setitem__(k, value)


def external(proto):
    """The first weight, in a file of its own, which is there."""
    tensor = proto.graph.initializer[0]
    Path("elsewhere.bin").write_bytes(tensor.raw_data)
    onnx.external_data_helper.set_external_data(tensor, "elsewhere.bin")
    tensor.ClearField("raw_data")


DAMAGE = {  # what is done to the file -> how, and what the message says
    "clip": (attribute("LSTM", clip=3.0), "LSTM: .*clip': 3.0"),
    "input_forget": (attribute("LSTM", input_forget=1), "input_forget': 1"),
    "other activations": (attribute("LSTM", activations=["Sigmoid", "Relu", "Tanh"]), "Relu"),
    "the other direction": (attribute("LSTM", direction="reverse"), "reverse"),
    "batch first": (attribute("LSTM", layout=1), 'name: "layout"'),
    "the other GRU": (attribute("GRU", linear_before_reset=0), "gru: expected .*p"),
    "softmax over the batch": (attribute("Softmax", axis=1), 'name: "axis"'),
    "another operator": (lambda p: setattr(node(p, "Tanh"), "op_type", "Elu"), "Elu"),
    "another domain": (lambda p: setattr(node(p, "Tanh"), "domain", "com.example"), "com.example"),
    "another opset": (lambda p: setattr(p.opset_import[0], "version", 21), "version: 21"),
    "one more node": (
        lambda p: p.graph.node.append(onnx.helper.make_node("Tanh", ["y"], ["more"], "more")), '"more"'),
    "one more weight": (
        lambda p: p.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(2), "more")), "None, got .*more"),
    "one less output": (lambda p: p.graph.output.pop(), "final"),
    "a layer passed by": (rewire("MatMul", 0, "tanh.Tanh"), "tanh.Tanh"),
    "states exchanged": (lambda p: [rewire("LSTM", 5, "lstm.c.initial")(p), rewire("LSTM", 6, "lstm.h.initial")(p)],
                         "lstm.c.initial"),
    "weights exchanged": (rewire("LSTM", 2, "lstm.W"), "lstm.W"),
    "NaN": (weight("lstm.W", put((0, 1, 2), np.nan)), "lstm.W: expected finite"),
    "infinity": (weight("dense.b", put(1, np.inf)), "dense.b: expected finite"),
    "float16": (weight("dense.W", lambda a: a.astype(np.float16)), "float16|FLOAT16|type"),
    "W too wide": (weight("lstm.W", lambda a: np.concatenate([a, a], axis=2)), "lstm: expected .*6"),
    "R of another H": (weight("lstm.R", lambda a: a[:, :, :3]), "expected|mismatch"),
    "P too short": (weight("lstm.P", lambda a: a[:, :5]), "LSTM: expected P .1, 12., got .1, 5."),
    "dense transposed": (weight("dense.W", lambda a: np.ascontiguousarray(a.T)), "graph: expected dims|shape|dim"),
    "a recurrent bias where there is none": (weight("lstm.B", put((0, 20), 1)), "lstm.B.*with other numbers"),
    "another shape asked for": (weight("lstm.shape", put(2, -1)), "lstm.shape.*with other numbers"),
    "no weight": (lambda p: p.graph.initializer.pop(0), "lstm.W|transposed"),
    "external data": (external, "TensorProto.external_data: expected none"),
    "no metadata": (lambda p: p.ClearField("metadata_props"), "lstm_core"),
    "other metadata": (metadata(lambda m: m["layers"].pop()), "argument|shorter|longer"),
    "another hidden size": (metadata(lambda m: m["layers"][0].update(hidden=5)), "lstm: expected"),
    "an enormous layer": (metadata(lambda m: m["layers"][0].update(hidden=10**9)), "lstm: expected .*1000000000"),
    "another function": (metadata(lambda m: m["layers"][1].update(function="relu")), "Relu"),
    "another loss": (metadata(lambda m: m.update(loss="os.remove")), "loss"),
    "another precision": (metadata(lambda m: m.update(dtype="float64")), "float64"),
    "metadata of another kind": (metadata(lambda m: m.clear()), "names"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused(damage, path, monkeypatch):
    monkeypatch.chdir(path.parent)
    change, says = DAMAGE[damage]
    stack = [lstm(3, 4, peepholes=True), activation("tanh"), gru(4, 4), activation("softmax"), dense(4, 2)]
    onnx_io.save(made(stack), path, states=True)
    proto = onnx.load(path)
    change(proto)
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(ValueError, match=f"(?s)model.onnx: expected an ONNX model of lstm_core, whole: .*({says})"):
        onnx_io.load(path)
