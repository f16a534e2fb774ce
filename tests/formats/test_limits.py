"""Files that are made to do harm: each is refused, or read, within 5 s and 10 times its size in memory (and 20 MB)."""

import gzip
import json
import re
import struct

import numpy as np
import onnx
import pytest
import safetensors.numpy
from altered import CONSTANT, FINE, RATIO, SECONDS, File, verdicts
from onnx import helper, numpy_helper
from opened import opened
from readers import IDX, formats
from test_checkpoint import forged, network

from lstm_core import Model, dense, embedding, gru, last, lstm, mse
from lstm_formats import checkpoint, configs, onnx_io, xml_io

FORMATS = formats()
STACK = lambda: [lstm(2, 3, peepholes=True), dense(3, 2)]


def saved(save, stack, tmp_path, dtype=np.float32):
    """The bytes of a model, as `save` writes it to a path."""
    save(network(stack, dtype=dtype), tmp_path / "m")
    return (tmp_path / "m").read_bytes()


# ---- checkpoints: JSON and arrays ------------------------------------------------------------------------------------


def header_of(text):
    return struct.pack("<Q", len(text)) + text.encode()


def metadata_of(text):
    return header_of(json.dumps({"__metadata__": {"lstm_core": text}}))


def tiny_tensors(count):
    entry = '"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    return header_of("{" + ",".join(entry % k for k in range(count)) + "}")


def many_layers(tmp_path):
    raw = saved(checkpoint.save, STACK(), tmp_path)
    return forged(raw, lambda meta, tensors: meta["model"].update(layers=[{"layer": "last"}] * 300_000))


CHECKPOINTS = {
    "a list of lists": lambda path: metadata_of("[" + "[]," * 10**6 + "0]"),
    "a list of dicts": lambda path: metadata_of("[" + '{"a":1},' * 300_000 + "0]"),
    "a list of integers": lambda path: metadata_of("[" + "999," * 10**6 + "0]"),
    "lists within lists": lambda path: metadata_of("[" * 10**6),
    "a number of a million digits": lambda path: metadata_of('{"version": ' + "9" * 10**6 + "}"),
    "a version of a million letters": lambda path: metadata_of('{"version": "' + "9" * 10**6 + '"}'),
    "no numbers, in many tensors": lambda path: tiny_tensors(50_000),
    "a name of a million letters": lambda path: safetensors.numpy.save({"x" * 10**6: np.zeros(1)}, {"lstm_core": "{}"}),
    "many layers": many_layers,
    "a header without an end": lambda path: struct.pack("<Q", 2**63) + b"{" * 10**6,
    "a model of 8 MB": lambda path: saved(checkpoint.save, [embedding(20_000, 100)], path),
    "orthogonal matrices of 500 rows": lambda path: saved(checkpoint.save, [gru(1, 500)], path),
}

# ---- XML -------------------------------------------------------------------------------------------------------------


def in_the_weights(text):
    """A function of the path: a file with this text in place of its numbers, of as many rows as it has words."""

    def whole(tmp_path):
        raw = saved(xml_io.save, [dense(1, 1)], tmp_path)
        number = re.search(rb"columns=\"1\">([^<]*)<", raw)[1]
        rows = str(len(text.split())).encode()
        raw = raw.replace(number, text, 1).replace(b'rows="1"', b'rows="' + rows + b'"', 1)
        return re.sub(rb'sha256="\w*"', b"", raw).replace(b'outputs="1"', b'outputs="' + rows + b'"')

    return whole


MODEL = b'<Model version="1" dtype="float64" loss="mse">'
XML = {
    "elements within elements": lambda path: MODEL + b"<a>" * 10**6,
    "layers within layers": lambda path: MODEL + b'<Layer layer="last">' * 10**5,
    "many layers": lambda path: MODEL + b'<Layer layer="last"/>' * 10**5 + b"</Model>",
    "many layers of a cell": lambda path: MODEL + b'<Layer layer="dense" features="1" outputs="1"/>' * 10**5,
    "many attributes": lambda path: MODEL + b"<Layer " + b" ".join(b'a%x=""' % k for k in range(10**5)) + b"/>",
    "tags of many attributes": lambda path: (
        MODEL + (b"<Layer " + b" ".join(b'a%x=""' % k for k in range(5_000)) + b"/>") * 50),
    "an attribute of a million letters": lambda path: MODEL + b'<Layer layer="' + b"x" * 10**6 + b'"/>',
    "an element of a million letters": lambda path: b"<" + b"x" * 10**6 + b"/>",
    "a layer of many letters": lambda path: MODEL + b'<Layer layer="' + b"x" * 60_000 + b'"/></Model>',
    "a size of many digits": lambda path: MODEL + b'<Layer layer="dense" features="' + b"9" * 60_000 + b'"/></Model>',
    "a size beyond memory": lambda path: MODEL + b'<Layer layer="dense" features="1" outputs="999999999999"/></Model>',
    "one number of many digits": in_the_weights(b"9" * 10**7),
    "many short numbers": in_the_weights(b"1 " * 300_000),
    "many short numbers that are a model": lambda path: (
        MODEL + b'<Layer layer="dense" features="300000" outputs="1"><Weights rows="1" columns="300000">'
        + b"0 " * 300_000 + b'</Weights><Biases rows="1" columns="1">0</Biases></Layer></Model>'),
    "many lines": in_the_weights(b"12\n" * 300_000),
    "many characters that are written as numbers": in_the_weights(b"&#49;&#32;" * 10**5),
    "blanks": in_the_weights(b" " * 10**7 + b"1"),
    "comments": lambda path: MODEL + b"<!-- -->" * 10**6 + b"</Model>",
    "a model of 100,000 numbers": lambda path: saved(xml_io.save, [dense(999, 100)], path, np.float64),
}  # fmt: skip

# ---- ONNX ------------------------------------------------------------------------------------------------------------


def altered_onnx(change, stack=STACK):
    def whole(tmp_path):
        proto = onnx.load_model_from_string(saved(onnx_io.save, stack(), tmp_path))
        change(proto)
        return proto.SerializeToString()

    return whole


def functions(proto):
    """Each calls the one before it ten times: what took the checker a minute."""
    opset = [helper.make_opsetid("", 22), helper.make_opsetid("own", 1)]
    for k in range(12):
        inner = [helper.make_node("Identity" if k == 0 else f"f{k - 1}", ["x"] if j == 0 else [f"y{j - 1}"], [f"y{j}"],
                                  domain="" if k == 0 else "own") for j in range(10)]  # fmt: skip
        proto.functions.append(helper.make_function("own", f"f{k}", ["x"], ["y9"], inner, opset))
    proto.opset_import.append(opset[1])
    proto.graph.node.insert(0, helper.make_node("f11", ["x"], ["unused"], domain="own"))


def graphs_within(proto):
    inner = helper.make_graph([], "g", [], [])
    for k in range(20):
        node = helper.make_node("Loop", ["x"], [f"y{k}"], body=inner)
        inner = helper.make_graph([node], "g", [], [])
    proto.graph.node.extend(inner.node)


def field(number, raw):
    """A field of protobuf that holds bytes."""

    def varint(value):
        return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)

    return varint(number << 3 | 2) + varint(len(raw)) + raw


def nested(depth):
    """A graph in an attribute of a node of a graph in …"""
    raw = b""
    for _ in range(depth):
        raw = field(1, field(5, field(6, raw)))
    return field(7, raw)


def weight(**fields):
    """A change: the first weight is one of these fields."""

    def change(proto):
        tensor = proto.graph.initializer[0]
        name = tensor.name
        tensor.Clear()
        tensor.name, tensor.data_type = name, fields.pop("data_type", 1)
        for key, value in fields.items():
            if isinstance(value, list):
                getattr(tensor, key).extend(value)
            else:
                setattr(tensor, key, value)

    return change


def external(name):
    def change(proto):
        tensor = proto.graph.initializer[0]
        onnx.external_data_helper.set_external_data(tensor, name)
        tensor.ClearField("raw_data")

    return change


def r_without_rows(proto):
    """Of R, as many columns as there is no memory for, and no rows: then B would be that long."""
    for tensor in proto.graph.initializer:
        if tensor.name == "lstm.R":
            tensor.dims[:], tensor.raw_data = [1, 0, 10**12], b""
    proto.graph.initializer.remove(next(t for t in proto.graph.initializer if t.name == "lstm.B"))


def meta(text):
    def change(proto):
        proto.metadata_props[0].value = text

    return change


ONNX = {
    "functions": altered_onnx(functions),
    "graphs within nodes": altered_onnx(graphs_within),
    "graphs within graphs": lambda path: nested(2_000),
    "empty nodes": lambda path: field(7, b"\x0a\x00" * 500_000),
    "empty weights": lambda path: field(7, b"\x2a\x00" * 500_000),
    "inputs without names": lambda path: field(7, field(1, b"\x0a\x00" * 500_000)),
    "graphs that are put together": lambda path: b"\x3a\x00" * 500_000,
    "packed integers": lambda path: field(7, field(5, field(7, b"\0" * 10**6))),
    "integers that are not packed": lambda path: field(7, field(5, b"\x38\x00" * 500_000)),
    "unknown fields": lambda path: b"\xba\x3e\x00" * 500_000,
    "groups": lambda path: b"\x0b" * 10**6,
    "a length beyond all": lambda path: b"\x3a" + b"\xff" * 9 + b"\x01",
    "a name of a million letters": altered_onnx(lambda p: setattr(p.graph.node[1], "name", "x" * 10**6)),
    "an operator of a million letters": altered_onnx(lambda p: setattr(p.graph.node[1], "op_type", "x" * 10**6)),
    "other operators": altered_onnx(lambda p: p.graph.node.insert(0, helper.make_node(
        "ConstantOfShape", ["lstm.shape"], ["big"]))),
    "many attributes": altered_onnx(lambda p: p.graph.node[1].attribute[1].ints.extend([1] * 10**6)),
    "dims without numbers": altered_onnx(weight(dims=[10**9, 10**9])),
    "dims that are negative": altered_onnx(weight(dims=[-1, -6], raw_data=bytes(24))),
    "numbers without dims": altered_onnx(weight(raw_data=bytes(10**6))),
    "half a number": altered_onnx(weight(dims=[3], raw_data=bytes(13))),
    "words": altered_onnx(weight(data_type=8, dims=[1], string_data=[b"1"])),
    "numbers of four bits": altered_onnx(weight(data_type=22, dims=[2 * 10**6], raw_data=bytes(10**6))),
    "R without rows": altered_onnx(r_without_rows),
    "numbers in a file beside": altered_onnx(external("beside.bin")),
    "numbers in another folder": altered_onnx(external("../beside.bin")),
    "numbers in the system": altered_onnx(external("/etc/passwd")),
    "metadata of lists": altered_onnx(meta("[" + "[]," * 10**6 + "0]")),
    "metadata of layers": altered_onnx(meta('{"layers": [' + '{"layer": "last"},' * 10**5 + "0]}")),
    "a model of 8 MB": lambda path: saved(onnx_io.save, [embedding(20_000, 100)], path),
}  # fmt: skip


def with_nodes(*nodes, **weights):
    """A graph with these nodes in front, and more weights."""

    def change(proto):
        for k, node in enumerate(nodes):
            proto.graph.node.insert(k, node)
        proto.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in weights.items())

    return altered_onnx(change)


def doubled(op, times, **attributes):
    """Each node puts together twice what the one before it made: 2**times as much."""
    return [helper.make_node(op, [f"d{k}", f"d{k}"], [f"d{k + 1}"], **attributes) for k in range(times)]


GRAPHS = ONNX | {
    "doubled and doubled again": with_nodes(*doubled("Concat", 60, axis=0), d0=np.ones(100, np.float32)),
    "multiplied by itself": with_nodes(*doubled("Mul", 60), d0=np.ones((1, 4), np.int64)),
    "as many as nobody has": with_nodes(helper.make_node("ConstantOfShape", ["n"], ["z"]),
                                        helper.make_node("Transpose", ["z"], ["t"]), n=np.array([2**40] * 3)),
    "expanded": with_nodes(helper.make_node("Expand", ["one", "n"], ["z"]), one=np.array(1.0), n=np.array([2**40] * 3)),
    "a shape of many axes": with_nodes(helper.make_node("Reshape", ["x", "n"], ["z"]), n=np.ones(300_000, np.int64)),
    "many new axes": with_nodes(helper.make_node("Unsqueeze", ["x", "n"], ["z"]), n=np.arange(300_000)),
    "many new axes of numbers": with_nodes(helper.make_node("Unsqueeze", ["n", "n"], ["z"]), n=np.arange(300_000)),
    "picked again and again": with_nodes(helper.make_node("Gather", ["n", "i"], ["z"]), n=np.ones((2, 100_000)),
                                         i=np.zeros(10**5, np.int64)),
    "a constant without numbers": with_nodes(helper.make_node(
        "Constant", [], ["c"], value=onnx.TensorProto(data_type=1, dims=[10**9, 10**9]))),
    "a constant in another file": with_nodes(helper.make_node("Constant", [], ["c"], value=onnx.TensorProto(
        data_type=1, dims=[25], data_location=1,
        external_data=[onnx.StringStringEntryProto(key="location", value="beside.bin")]))),
    "a graph in a node": with_nodes(helper.make_node("Tanh", ["x"], ["z"], body=helper.make_graph([], "g", [], []))),
}  # fmt: skip

HOSTILE = {
    "checkpoint": CHECKPOINTS,
    "xml": XML,
    "onnx": ONNX,
    "graphs": GRAPHS,
    "idx": {
        "a gigabyte in a megabyte": lambda path: gzip.compress(bytes(2**26), 9) * 16,
        "ten megabytes": lambda path: IDX + bytes(10**7),
        "many members": lambda path: gzip.compress(b"", 1) * 10**5,
        "a long name": lambda path: b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * 10**6,
    },
}
CASES = [pytest.param(name, case, id=f"{name}: {case}") for name, cases in HOSTILE.items() for case in cases]


@pytest.mark.parametrize("name, case", CASES)
def test_harm_is_not_done(name, case, tmp_path):
    fmt, raw = FORMATS[name], HOSTILE[name][case](tmp_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    for place in (folder, tmp_path):
        (place / "beside.bin").write_bytes(bytes(100))
    (verdict,) = verdicts(fmt, folder, [File(raw, fmt.samples[0], True)])
    assert verdict.what in FINE, verdict
    assert verdict.seconds <= SECONDS and verdict.memory <= RATIO * len(raw) + CONSTANT


def test_no_file_beside_a_model_is_opened(tmp_path, monkeypatch):
    """Neither by us nor by ONNX, which knows how to: the working folder is the model's, the file is there."""
    monkeypatch.chdir(tmp_path)
    raw = altered_onnx(external("beside.bin"))(tmp_path)
    (tmp_path / "beside.bin").write_bytes(bytes(4 * 24))
    (tmp_path / "m").write_bytes(raw)
    with opened(tmp_path) as names:
        with pytest.raises(ValueError, match=r"m: .*TensorProto\.external_data: expected none in a model to be read"):
            onnx_io.load(tmp_path / "m")
        assert names() == {"m"}
        onnx.numpy_helper.to_array(onnx.load_model_from_string(raw).graph.initializer[0], base_dir=str(tmp_path))
        assert names() == {"m", "beside.bin"}  # what makes this test mean something


# ---- what is too large to be read is not written ---------------------------------------------------------------------


def test_more_layers_than_are_read_are_not_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(configs, "MOST_LAYERS", 3)
    for save in (checkpoint.save, xml_io.save, onnx_io.save):
        save(network([dense(1, 1)] * 3), tmp_path / "three")
        with pytest.raises(ValueError, match=r"^layers: expected at most 3 in a file, got 4"):
            save(network([dense(1, 1)] * 4), tmp_path / "four")
    assert not (tmp_path / "four").exists()


def test_many_layers_come_back(tmp_path):
    """A thousand, and more than one would have."""
    stack = [layer for _ in range(250) for layer in (lstm(1, 1), dense(1, 1), gru(1, 1), dense(1, 1))]
    model = Model([*stack, last()], mse, rng=np.random.default_rng(0))
    for save, load in ((checkpoint.save, lambda path: checkpoint.load(path)[0]), (xml_io.save, xml_io.load),
                       (onnx_io.save, onnx_io.load)):  # fmt: skip
        save(model, tmp_path / "m")
        np.testing.assert_array_equal(load(tmp_path / "m").theta, model.theta)


def test_loading_draws_no_starting_values(tmp_path, monkeypatch):
    """They would be overwritten, and take a minute for some thousand hidden units."""
    model, made, real = network([embedding(3, 2), gru(2, 3), dense(3, 1)]), [], np.random.default_rng
    checkpoint.save(model, tmp_path / "c")
    with monkeypatch.context() as patch:
        patch.setattr(np.random, "default_rng", lambda seed: made.append(real(seed)) or made[-1])
        found, _, _ = checkpoint.load(tmp_path / "c")
    assert [rng.bit_generator.state for rng in made] == [real(0).bit_generator.state]
    assert [layer.config for layer in found.layers] == [layer.config for layer in model.layers]
    assert np.size(found.layers[1].init(real(0))["W"]) == 18  # it is the layer that it was, all the same
