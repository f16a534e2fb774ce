"""The formats that are read, for the hunt with altered files (see `altered`).

Whole files of each, how one is read, what makes a content one to go on with, and how it is altered in its own terms:
with a digest that is right, or none.
"""

import contextlib
import copy
import gzip
import hashlib
import importlib.util
import json
import math
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytorch_graphs
import safetensors.numpy
from altered import Format, pick
from data_readers import IDX, alter_hdf5, alter_idx, check_showers, hdf5_samples, read_idx, read_showers

import lstm_core as core
from lstm_core import bidirectional, dense, dropout, embedding, fit, gru, last, lstm, recurrent, reverse, rnn
from lstm_formats import checkpoint, onnx_io, xml_io
from lstm_formats._onnx_graph import parts_of
from lstm_formats.onnx_checks import digest

ODD = [None, True, False, 0, 1, -1, 2, 0.5, -0.5, 1e308, math.inf, -math.inf, math.nan, 2**31, 2**32, 2**64, 2**128,
       10**30, 10**400, "", "0", "lstm", "gru", "dense", "PCG64", "float64", "é\0", "x" * 3_000, [], {}, [[]],
       [0.0] * 9, {"tensor": "state.5"}, {"layer": "last"}, [1, 2, 3]]  # fmt: skip


def models():
    """Small ones that have everything between them."""
    rng = np.random.default_rng(0)
    stacks = [
        [lstm(2, 3, peepholes=True), dropout(0.25, variational=True), dense(3, 2)],
        [embedding(4, 2), gru(2, 2), bidirectional(rnn(2, 2), last=True)],
        [reverse(gru(2, 2, reset="before")), core.activation("softmax"), dense(2, 1)],
        [recurrent("gru", 2, 2, own=False), last()],
    ]
    for k, stack in enumerate(stacks):
        loss = core.mse if k % 2 else core.softmax_cross_entropy if k else core.CrossEntropy([1, 0.5], ignore_index=-1)
        yield core.Model(stack, loss, rng=rng, dtype=np.float64 if k == 2 else np.float32)


def same_model(path, model, save, load):
    """A model that computes, and that is the same when it is saved and loaded again."""
    shape = (2, 3) if model.labels else (2, 3, model.layers[0].features)
    model.predict(np.zeros(shape, int if model.labels else model.theta.dtype))
    save(model, path)
    assert repr(described(load(path))) == repr(described(model))


def described(model):
    configs = [layer.config for layer in model.layers]
    loss = model.loss_function
    return getattr(loss, "__name__", loss), str(model.theta.dtype), configs, model.theta.tobytes()


# ---- JSON ------------------------------------------------------------------------------------------------------------


def places(value):
    """Every container in a value of JSON."""
    found, todo = [], [value]
    while todo:
        here = todo.pop()
        if isinstance(here, dict | list):
            found.append(here)
            todo += here.values() if isinstance(here, dict) else here
    return found


def edit(rng, value):
    """Change a value of JSON in one place, in place."""
    here = pick(rng, [part for part in places(value) if part])
    keys = list(here) if isinstance(here, dict) else range(len(here))
    key, other = pick(rng, keys), pick(rng, keys)
    what = int(rng.integers(0, 7))
    if what == 0:
        here.pop(key)
    elif what == 1:
        here[key], here[other] = here[other], here[key]
    elif what == 2 and isinstance(here, list):
        here *= int(rng.integers(2, 200))
    elif what == 2:
        here[pick(rng, ["more", "tensor", "of", "theta", "x" * 3_000])] = pick(rng, ODD)
    elif what == 3 and type(here[key]) in (int, float):
        here[key] += pick(rng, [1, -1, 1e-3, 2**31])
    else:
        here[key] = copy.deepcopy(pick(rng, ODD))


# ---- checkpoints -----------------------------------------------------------------------------------------------------


def checkpoints():
    kinds = [np.random.MT19937, np.random.PCG64, np.random.Philox, np.random.SFC64]
    with tempfile.TemporaryDirectory() as folder:
        path, samples = Path(folder) / "c", []
        for k, (model, bits) in enumerate(zip(models(), kinds)):
            rng = np.random.Generator(bits(k))
            x = rng.integers(0, 4, (4, 3)) if model.labels else rng.standard_normal((4, 3, 2))
            x = x if model.labels else x.astype(model.theta.dtype)
            y = rng.standard_normal(model.predict(x).shape).astype(model.theta.dtype)
            y = y if model.loss_function is core.mse else rng.integers(0, model.outputs, y.shape[:-1])

            def rate(progress, k=k):
                return 0.01 if progress < 1.7 or k == 3 else np.nan  # three break off in their second epoch

            history = core.History()
            try:
                fit(model, x, y, epochs=2, batch=2, rng=rng, rate=rate, validation=(x, y), patience=9, history=history,
                    progress=False)  # fmt: skip
            except ValueError:
                assert history.unfinished is not None
            history.seconds = [0.25] * len(history.seconds)  # the same bytes in every run
            checkpoint.save(model, path, history, rng)
            samples.append(path.read_bytes())
        checkpoint.save(next(models()), path)
        return [*samples, path.read_bytes()]


def read_checkpoint(path):
    return Loaded(*checkpoint.load(path))


class Loaded:
    """A model, and a history and a generator or none; as text it is what is told apart."""

    def __init__(self, model, history=None, rng=None):
        self.model, self.history, self.rng = model, history, rng

    def __repr__(self):
        history, rng = self.history and vars(self.history), self.rng and self.rng.bit_generator.state
        with np.printoptions(threshold=10**6, floatmode="unique"):
            return repr((described(self.model), history, rng))


def check_checkpoint(path, content):
    model, history, rng = content.model, content.history, content.rng
    same_model(path, model, checkpoint.save, lambda path: checkpoint.load(path)[0])
    checkpoint.save(model, path, history, rng)
    assert repr(read_checkpoint(path)) == repr(content)
    for generator in filter(None, (rng, unfinished(history))):
        generator.integers(0, 9, 5, dtype=np.uint32), generator.permutation(99), generator.random(700)
        generator.standard_normal(9)


def unfinished(history):
    from lstm_formats.states import generator_from

    return history and history.unfinished and generator_from(history.unfinished["rng"])


def alter_checkpoint(rng, raw):
    """Its JSON or its arrays changed, and a digest that is right."""
    tensors = {k: v.copy() for k, v in sorted(safetensors.numpy.load(raw).items())}  # else in any order
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    meta = json.loads(header["__metadata__"]["lstm_core"])
    for _ in range(int(rng.integers(1, 3))):
        if rng.random() < 0.7:
            edit(rng, meta)
        else:
            alter_array(rng, tensors)
    text = json.dumps(meta)
    if isinstance(meta, dict) and isinstance(meta.get("sha256"), str) and meta["sha256"]:
        text = text.replace(meta["sha256"], checkpoint.BLANK)
    raw = safetensors.numpy.save(tensors, {"lstm_core": text})
    return raw.replace(checkpoint.BLANK.encode(), hashlib.sha256(raw).hexdigest().encode(), 1), True


def alter_array(rng, arrays):
    """One of the named arrays: other numbers, another shape, type or name, or gone."""
    name = pick(rng, list(arrays))
    x = arrays.pop(name)
    flat = x.reshape(-1)
    what = int(rng.integers(0, 8))
    if what == 0 and x.size:
        flat[int(rng.integers(0, x.size))] = pick(rng, [0, 1, 2, 7])
    elif what == 1 and x.size and x.dtype.kind == "f":
        flat[int(rng.integers(0, x.size))] = pick(rng, [np.nan, np.inf, -1.0, 1e30])
    elif what == 2:
        with np.errstate(all="ignore"):
            x = x.astype(pick(rng, ["f2", "f4", "f8", "i8", "u4", "u8", "?"]))
    elif what == 3:
        x = np.concatenate([flat, flat[:1]])
    elif what == 4:
        x = flat[:-1]
    elif what == 5:
        x = x.T if x.ndim > 1 else x[None]
    if what == 6:
        arrays[pick(rng, ["theta", "state.0", "x" * 3_000, *arrays])] = x
    elif what < 6:
        arrays[name] = np.array(x, order="C")


# ---- XML -------------------------------------------------------------------------------------------------------------


def saved(save):
    """The bytes of the small models, as `save` writes them to a path."""
    with tempfile.TemporaryDirectory() as folder:
        for model in models():
            save(model, Path(folder) / "m")
            yield (Path(folder) / "m").read_bytes()


def read_model(load):
    return lambda path: Loaded(load(path))


def checked_model(save, load):
    return lambda path, content: same_model(path, content.model, save, load)


VALUES = ["", "0", "1", "-1", "3", "1e3", "true", "i", "o", "lstm", "gru", "9" * 40, "x" * 3_000]
TEXTS = ["", "1", "nan", "-inf", "1e39", "1_0", "0x1", "１", "1 " * 99, "1,5", "9" * 400, "x" * 3_000]


def alter_xml(rng, raw):
    """Elements and attributes changed; the digest left as it is, or none, or forgotten with what is meant by it."""
    root = ElementTree.fromstring(raw)
    for _ in range(int(rng.integers(1, 3))):
        every = list(root.iter())
        here, other = pick(rng, every), pick(rng, every)
        key = pick(rng, [*here.attrib, "more"])
        what = int(rng.integers(0, 8))
        if what == 0:
            here.set(key, pick(rng, VALUES))
        elif what == 1:
            here.attrib.pop(key, None)
        elif what == 2 and here is not root:
            for parent in every:
                if here in list(parent):
                    parent.remove(here)
        elif what == 3:
            (other if here in list(other.iter()) and other is not here else root).append(copy.deepcopy(here))
        elif what == 4:
            here.attrib, other.attrib = other.attrib, here.attrib
        elif what == 5:
            here.text, other.text = other.text, here.text
        elif what == 6:
            here.text = pick(rng, TEXTS)
        else:
            here.tag = pick(rng, ["Layer", "Weights", "Biases", "Model", "InputWeights"])
    if rng.random() < 0.8:
        root.attrib.pop("sha256", None)
    text = ElementTree.tostring(root)
    if rng.random() < 0.05:
        text = pick(rng, [b"<!DOCTYPE a>", b"<?xml version='1.0' encoding='utf-16'?>", b"<!--" + text + b"-->"]) + text
    return text, b"sha256" not in text


# ---- ONNX ------------------------------------------------------------------------------------------------------------


def onnx_samples():
    yield from saved(onnx_io.save)
    yield from (raw for raw, _ in zip(saved(lambda model, path: onnx_io.save(model, path, states=True)), range(1)))


def messages(proto):
    """Every message within a message, with where it is: (the message that it is in, field)."""
    found, todo = [], [proto]
    while todo:
        here = todo.pop()
        found.append(here)
        for field, value in here.ListFields():
            if field.message_type is not None:
                todo += [value] if not field.is_repeated else list(value)
    return found


def alter_onnx(rng, raw):
    """Fields of messages changed, the digest left as it is, taken away, or right for what there now is."""
    import onnx

    proto = onnx.load_model_from_string(raw)
    meta = json.loads(proto.metadata_props[0].value)
    for _ in range(int(rng.integers(1, 3))):
        if rng.random() < 0.25:
            edit(rng, meta)
            meta = meta if isinstance(meta, dict) else {}
        elif rng.random() < 0.25:
            tensor = pick(rng, proto.graph.initializer) if proto.graph.initializer else onnx.TensorProto()
            tensor.raw_data = renumbered_bytes(rng, tensor.raw_data)
        else:
            alter_message(rng, pick(rng, messages(proto)), onnx)
    how = rng.random()
    if how < 0.6:
        meta.pop("sha256", None)
    if 0.6 < how < 0.9:
        with contextlib.suppress(Exception):  # of a graph that ONNX has no words for
            meta["sha256"] = digest(meta, parts_of(onnx, proto))
    if proto.metadata_props:
        proto.metadata_props[0].value = json.dumps(meta)
    raw = proto.SerializeToString()
    return raw, how < 0.9 or not has_digest(raw)


def graph_samples():
    """Graphs that PyTorch wrote, and ours with all that they have, without metadata."""
    import onnx

    paths = sorted(pytorch_graphs.FOLDER.glob("*.onnx"))
    yield from (path.read_bytes() for path in paths if not pytorch_graphs.is_step_by_step(path.stem))
    for raw in saved(onnx_io.save):
        proto = onnx.load_model_from_string(raw)
        proto.ClearField("metadata_props")
        yield proto.SerializeToString()


def alter_graph(rng, raw):
    """Fields of messages changed, or a number in a constant: then it may be another model."""
    import onnx

    proto = onnx.load_model_from_string(raw)
    for _ in range(int(rng.integers(1, 4))):
        tensors = [part for part in messages(proto) if isinstance(part, onnx.TensorProto)]
        if rng.random() < 0.3 and tensors:
            tensor = pick(rng, tensors)
            tensor.raw_data = renumbered_bytes(rng, tensor.raw_data)
        elif rng.random() < 0.3:
            rewire(rng, proto.graph.node)
        else:
            alter_message(rng, pick(rng, messages(proto)), onnx)
    return proto.SerializeToString(), True


def rewire(rng, nodes):
    """One node reads what another makes, or is another operator."""
    here, there = pick(rng, nodes), pick(rng, nodes)
    if rng.random() < 0.3:
        here.op_type = there.op_type
    elif here.input and there.output:
        here.input[int(rng.integers(0, len(here.input)))] = pick(rng, [*there.output, *there.input])


def load_graph(path):
    """With the loss that is saved with it."""
    return onnx_io.load_graph(path, core.mse)


def renumbered_bytes(rng, raw):
    """One number of four bytes is 2, of eight 2 or so."""
    at = 4 * int(rng.integers(0, len(raw) // 4 + 1))
    return raw[:at] + b"\0\0\0\x40" + raw[at + 4 :] if at < len(raw) else raw


WORDS = ["", "x", "y", "lstm.W", "gru", "LSTM", "GRU", "Loop", "If", "Scan", "Constant", "reverse", "direction",
         "layout", "clip", "beside.bin", "/etc/passwd", "../beside.bin", "x" * 3_000]  # fmt: skip
NUMBERS = [0, 1, 2, 3, 5, 7, 10, 11, -1, 2**31 - 1]


def alter_message(rng, here, onnx):
    """One field of a message: another value, none, one more, others in its place."""
    field = pick(rng, here.DESCRIPTOR.fields)
    if field.is_repeated:
        values = getattr(here, field.name)
        what = int(rng.integers(0, 4))
        if field.message_type is None:
            values.append(a_value(rng, field))
        elif what == 0 or not values:
            values.add()
        elif what == 1:
            values.add().CopyFrom(pick(rng, values))
        elif what == 2:
            del values[int(rng.integers(0, len(values)))]
        else:
            a, b = (int(k) for k in rng.integers(0, len(values), 2))
            one, other = copy.deepcopy(values[a]), copy.deepcopy(values[b])
            values[a].CopyFrom(other)
            values[b].CopyFrom(one)
    elif rng.random() < 0.3:
        here.ClearField(field.name)
    elif field.message_type is not None:
        getattr(here, field.name).SetInParent()
    elif field.enum_type is not None:
        setattr(here, field.name, pick(rng, field.enum_type.values).number)
    else:
        setattr(here, field.name, a_value(rng, field))


def a_value(rng, field):
    if field.cpp_type == field.CPPTYPE_STRING:
        text = pick(rng, WORDS)
        return text.encode() if field.type == field.TYPE_BYTES else text
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return float(pick(rng, [0, 1, -1, math.nan, math.inf, 1e30]))
    value = pick(rng, NUMBERS)
    return abs(value) if field.cpp_type in (field.CPPTYPE_UINT32, field.CPPTYPE_UINT64) else value


# ---- all of them -----------------------------------------------------------------------------------------------------


def always(raw):
    return True


def never(raw):
    return False


def has_digest(raw):
    """Whether XML or ONNX has a digest in it; without one, other numbers are another model."""
    return b"sha256" in raw


def formats():
    """Name -> `Format`; without those whose library is not installed."""
    found = {
        "checkpoint": Format(checkpoints(), "", read_checkpoint, check_checkpoint, alter_checkpoint, always),
        "xml": Format([*saved(xml_io.save)], ".xml", read_model(xml_io.load), checked_model(xml_io.save, xml_io.load),
                      alter_xml, has_digest),
        "idx": Format([gzip.compress(IDX, mtime=0), IDX], ".gz", read_idx, None, alter_idx, always),
    }  # fmt: skip
    if importlib.util.find_spec("onnx"):
        found["onnx"] = Format([*onnx_samples()], ".onnx", read_model(onnx_io.load),
                               checked_model(onnx_io.save, onnx_io.load), alter_onnx, has_digest)  # fmt: skip
        found["graphs"] = Format([*graph_samples()], ".onnx", read_model(load_graph),
                                 checked_model(onnx_io.save, onnx_io.load), alter_graph, never)  # fmt: skip
    if importlib.util.find_spec("h5py"):
        found["hdf5"] = Format([*hdf5_samples()], ".h5", read_showers, check_showers, alter_hdf5, never)
    return found
