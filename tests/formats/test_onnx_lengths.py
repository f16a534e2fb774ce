"""Rung 4: a graph that takes lengths gives in onnxruntime what `predict` gives with them, in old opsets and new."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from lstm_core import Model, mse
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
from lstm_formats._onnx_graph import parts_of
from lstm_formats.onnx_checks import digest

NEWEST = 26  # that onnxruntime 1.31.1 says it knows; onnx 1.23.2 knows 28
B, T, D, H, C = 5, 6, 3, 4, 2
LENGTHS = np.array([3, 6, 1, 5, 2], np.int32)  # not in order, the shortest and all of it

CELLS = {
    "rnn": rnn(D, H), "rnn, relu": rnn(D, H, "relu"), "lstm": lstm(D, H), "peephole": lstm(D, H, peepholes=True),
    "gru": gru(D, H), "gru, without p": recurrent("gru", D, H, own=False), "gru, before": gru(D, H, reset="before"),
}  # fmt: skip
STACKS = {
    "each step": lambda of: [of, dense(H, C)],
    "last": lambda of: [of, last(), dense(H, C)],
    "reverse": lambda of: [reverse(of), dense(H, C)],
    "both": lambda of: [bidirectional(of), dense(2 * H, C)],
    "both, last": lambda of: [bidirectional(of, last=True), dense(2 * H, C)],
    "a dense between": lambda of: [of, dense(H, C), activation("softmax"), last()],
    "two": lambda of: [bidirectional(of), dropout(0.5), gru(2 * H, 2), last()],
    "one step read on": lambda of: [reverse(of), lstm(H, 2), last(), bidirectional(gru(2, 3), last=True)],
}


def made(stack, start=0, **options):
    """A model no number of which is 0."""
    model = Model(stack, mse, rng=np.random.default_rng(start), **options)
    model.theta += np.random.default_rng(start + 1).normal(0, 0.2, model.theta.shape).astype(model.theta.dtype)
    return model


def runtime(path, **feed):
    """All outputs of the file by onnxruntime: name -> array."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, feed), strict=True))


def padded(lengths=LENGTHS, steps=T, features=D):
    """x (B, T, D), and no number at all beyond the lengths."""
    x = np.random.default_rng(7).standard_normal((len(lengths), steps, features)).astype(np.float32)
    x[np.arange(steps) >= lengths[:, None]] = np.nan
    return x


def difference(y, expected, lengths=LENGTHS):
    """The largest, of the steps that are there."""
    assert y.shape == expected.shape and y.dtype == expected.dtype
    if y.ndim == 3:
        there = np.arange(y.shape[1]) < lengths[:, None]
        y, expected = y[there], expected[there]
    return float(np.abs(y - expected).max())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


# Outputs are of size 1 and in float32: a rounding costs 6e-8, onnxruntime's tanh and σ are off by some 2e-7.
@pytest.mark.parametrize("opset", [14, NEWEST])
def test_with_lengths_onnxruntime_gives_what_predict_gives(opset, path, shown):
    errors, moved = {}, {}
    for cell, of in CELLS.items():
        for stack, build in STACKS.items():
            model, x = made(build(of)), padded()
            onnx_io.save(model, path, lengths=True, opset=opset)
            y = runtime(path, x=x, lengths=LENGTHS)["y"]
            errors[cell, stack] = difference(y, model.predict(x, LENGTHS))
            moved[cell, stack] = difference(y, model.predict(np.nan_to_num(x)))
            np.testing.assert_array_equal(onnx_io.load(path).theta, model.theta)
            assert onnx.load(path).opset_import[0].version == opset
    assert max(errors.values()) <= 1e-6, {which: error for which, error in errors.items() if error > 1e-6}
    blind = [key for key, difference in moved.items() if difference < 1e-3 and key[1] != "each step"]
    assert not blind, f"lengths make no difference in {blind}"
    shown(f"rung 4  {len(errors)} models with lengths, opset {opset} = onnxruntime, to {max(errors.values()):.1e}")


@pytest.mark.parametrize("lengths, steps", [([1], 1), ([4], 4), ([2, 2, 2], 7), ([1, 1], 3), ([5, 3], 5)])
def test_sizes_of_batch_and_time_are_free(lengths, steps, path):
    lengths, model = np.array(lengths, np.int32), made(STACKS["two"](CELLS["lstm"]))
    onnx_io.save(model, path, lengths=True)
    x = padded(lengths, steps)
    assert difference(runtime(path, x=x, lengths=lengths)["y"], model.predict(x, lengths), lengths) <= 1e-6


def test_final_states_are_those_at_each_end(path):
    model, x = made([bidirectional(lstm(D, H)), gru(2 * H, 3)]), padded()
    onnx_io.save(model, path, lengths=True, states=True)
    n = len(LENGTHS)
    first = {"bidirectional lstm.h": (2, n, H), "bidirectional lstm.c": (2, n, H), "gru.h": (1, n, 3)}
    rng = np.random.default_rng(3)
    first = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in first.items()}
    h, c, g = first.values()
    states = [tuple(np.ascontiguousarray(s.T) for s in arrays) for arrays in ((h[0], c[0], h[1], c[1]), (g[0],))]
    y, ((hf, cf, hr, cr), (gf,)) = model.run(x, states, LENGTHS)
    found = runtime(path, x=x, lengths=LENGTHS, **{f"{name}.initial": s for name, s in first.items()})
    expected = {"h": np.stack([hf.T, hr.T]), "c": np.stack([cf.T, cr.T]), "g": gf.T[None]}
    assert difference(found["y"], y) <= 1e-6
    for key, name in zip("hcg", first):
        np.testing.assert_allclose(found[f"{name}.final"], expected[key], rtol=0, atol=1e-6)


@pytest.mark.parametrize("stack", [[embedding(4, D), gru(D, H), last()], [embedding(4, D), reverse(rnn(D, H))],
                                   [dense(D, C), last()], [embedding(4, D), dense(D, C)]])  # fmt: skip
def test_labels_and_models_without_recurrence(stack, path):
    model = made(stack)
    onnx_io.save(model, path, lengths=True)
    x = np.random.default_rng(0).integers(0, 4, (B, T)) if model.labels else padded()
    assert difference(runtime(path, x=x, lengths=LENGTHS)["y"], model.predict(x, LENGTHS)) <= 1e-6


def test_what_is_written_says_what_it_does(path):
    """Without lengths there is no such input, and the graph says that every step counts; nobody can hand them in."""
    model = made([lstm(D, H), last()])
    onnx_io.save(model, path)
    graph = onnx.load(path).graph
    assert [port.name for port in graph.input] == ["x"] and "every step of it is there" in graph.doc_string
    with pytest.raises(Exception, match="Invalid input name: lengths"):
        runtime(path, x=np.zeros((2, 3, D), np.float32), lengths=LENGTHS[:2])
    onnx_io.save(model, path, lengths=True)
    graph = onnx.load(path).graph
    assert [port.name for port in graph.input] == ["x", "lengths"] and "so many steps" in graph.doc_string
    assert graph.input[1].type.tensor_type.elem_type == onnx.TensorProto.INT32
    with pytest.raises(Exception, match="lengths"):
        runtime(path, x=padded())
    with pytest.raises(Exception, match="sequence_lens"):
        runtime(path, x=padded(), lengths=LENGTHS + 1)


def test_softmax_and_lengths(path):
    model = made([bidirectional(gru(D, H), last=True), dense(2 * H, C)])
    onnx_io.save(model, path, softmax=True, lengths=True)
    scores = np.exp(model.predict(padded(), LENGTHS))
    found = runtime(path, x=padded(), lengths=LENGTHS)["y"]
    assert difference(found, scores / scores.sum(-1, keepdims=True)) <= 1e-6


# ---- opset and IR version --------------------------------------------------------------------------------------------


def test_every_opset_from_14_on_is_written_and_read(path):
    model, x = made(STACKS["two"](CELLS["peephole"]), start=3), padded()
    for opset in range(14, onnx.defs.onnx_opset_version() + 1):
        onnx_io.save(model, path, lengths=True, opset=opset)
        np.testing.assert_array_equal(onnx_io.load(path).theta, model.theta)
        if opset <= NEWEST:
            assert difference(runtime(path, x=x, lengths=LENGTHS)["y"], model.predict(x, LENGTHS)) <= 1e-6
        else:
            with pytest.raises(Exception, match="opset"):
                runtime(path, x=x, lengths=LENGTHS)


def test_the_ir_version_is_the_oldest_or_the_one_asked_for(path):
    model = made([lstm(D, H)])
    for options, version in (({}, 10), ({"opset": 14}, 7), ({"opset": 26}, 13), ({"opset": 14, "ir_version": 9}, 9)):
        onnx_io.save(model, path, **options)
        assert onnx.load(path).ir_version == version
        runtime(path, x=padded())


@pytest.mark.parametrize("options, says", [
    ({"opset": 13}, "opset: expected 14 … 28, .*got 13"), ({"opset": 29}, "opset: expected 14 … 28, .*got 29"),
    ({"opset": 7}, "got 7"), ({"opset": 0}, "opset: expected"), ({"opset": 14.0}, "opset: expected"),
    ({"opset": 22, "ir_version": 9}, "ir_version: expected 10 … 14 for opset 22, got 9"),
    ({"ir_version": 15}, "ir_version: expected 10 … 14 for opset 22, got 15"), ({"ir_version": "10"}, "ir_v"),
])  # fmt: skip
def test_others_are_refused(options, says, path):
    path.write_bytes(b"what was there")
    with pytest.raises((ValueError, TypeError), match=says):
        onnx_io.save(made([lstm(D, H)]), path, **options)
    assert path.read_bytes() == b"what was there"


# ---- what is read again ----------------------------------------------------------------------------------------------


def rewritten(path, change):
    """The file with other metadata, and a digest that is right for them."""
    proto = onnx.load(path)
    meta = json.loads(proto.metadata_props[0].value)
    change(meta)
    meta["sha256"] = digest(meta, parts_of(onnx, proto))
    proto.metadata_props[0].value = json.dumps(meta)
    path.write_bytes(proto.SerializeToString())


def test_a_file_from_before_there_were_lengths_and_opsets_is_read(path):
    model = made([lstm(D, H), last(), dense(H, C)])
    onnx_io.save(model, path)
    rewritten(path, lambda meta: [meta.pop("lengths"), meta.pop("opset")])
    np.testing.assert_array_equal(onnx_io.load(path).theta, model.theta)


@pytest.mark.parametrize("change, says", [
    (lambda m: m.update(lengths=False), "lengths"), (lambda m: m.update(lengths=1), "lengths: expected"),
    (lambda m: m.update(opset=15), "version: 15"), (lambda m: m.update(opset=3), "opset: expected 14"),
    (lambda m: m.update(opset="14"), "opset: expected"), (lambda m: m.pop("opset"), "version: 22"),
])  # fmt: skip
def test_metadata_that_do_not_fit_the_graph_are_refused(change, says, path):
    onnx_io.save(made([lstm(D, H), last()]), path, lengths=True, opset=14)
    rewritten(path, change)
    with pytest.raises(ValueError, match=says):
        onnx_io.load(path)
