"""Data, files, gradient checks, proofs, records and formats: cases of `calls`."""

import tempfile

import numpy as np
import standin
import zoo
from calls import CASES, FOLDER, MASK, Call, D, H, N, T, a, case, network, normal, or_lstm, point, rng
from zoo import BAD, UNKNOWN, array, count, flag, generator, only, or_none, positive, unknown

import lstm_core as core
import lstm_proofs
from lstm_core import cells, data, files, gradcheck, layers, parallel, record, scan, symbols
from lstm_formats import checkpoint, configs, keras_io, onnx_io, torch_io, xml_io

# ---- data, files, parallel -------------------------------------------------------------------------------------------


@case
def digits():
    return Call(data.digits, {"rng": rng(), "test": 10}, {"rng": generator,
            "test": lambda v: count(v) if count(v) is BAD or v < 1797 else BAD})  # fmt: skip


@case
def parity():
    return Call(data.parity, {"rng": rng(), "count": 2, "length": 3}, {"rng": generator, "count": zoo.size,
            "length": zoo.size})  # fmt: skip


@case
def content():
    return Call(data.content, {"name": "nothing"}, {})


@case
def team():
    return Call(lambda comm: parallel.team(comm).size, {"comm": None}, {"comm": or_none(only)})


@case
def job():
    def call(timeout):
        with parallel.job(timeout) as comm:
            return comm.size

    return Call(call, {"timeout": 100.0}, {"timeout": or_none(positive)})


def folder():
    return tempfile.mkdtemp(dir=FOLDER[0])


@case
def write_atomic():
    def path(v):
        return zoo.SKIP  # files are another test's

    return Call(files.write_atomic, {"path": f"{folder()}/a", "raw": b"abc"}, {"path": path,
            "raw": lambda v: bytes(v) if isinstance(v, bytes | bytearray | memoryview) else BAD})  # fmt: skip


# ---- gradcheck -------------------------------------------------------------------------------------------------------


def or_list(spec):
    return lambda v: UNKNOWN if isinstance(v, list | tuple | range | bytearray | memoryview) else spec(v)


@case
def problem():
    arguments = {"cell": cells.LSTM, "sizes": (T, 2, D, H), "rng": rng(), "own": True, "mask": None, "scan": scan}
    cell = lambda v: v if isinstance(v, cells.Cell) else BAD
    return Call(lambda **k: gradcheck.problem(**k).gradient(), arguments, {"cell": cell, "sizes": unknown,
            "sizes.0": zoo.size, "sizes.1": zoo.size, "sizes.2": zoo.size, "sizes.3": zoo.size,
            "rng": generator, "own": flag, "mask": or_none(array(T, 2, kinds="b")),
            "scan": lambda v: zoo.SKIP})  # fmt: skip


@case
def problem_at():
    P, x, state = point()
    P, x, state = {k: v.astype(float) for k, v in P.items()}, x.astype(float), tuple(s.astype(float) for s in state)
    arguments = {"cell": cells.LSTM, "P": P, "x": x, "dh": normal(T, H, N, dtype=float), "state": state,
            "dstate": None, "variables": ("W", "h_0"), "mask": None}  # fmt: skip
    f8 = dict(dtype=np.float64, finite=False)
    specs = {k: unknown for k in ("P", "state", "dstate", "variables", "variables.0", "variables.1", "state.0",
            "state.1", "mask", "x", "dh")} | {f"P.{k}": unknown for k in P}  # fmt: skip
    specs |= {"cell": or_lstm, "dh": array(T, H, N, **f8), "mask": MASK}
    return Call(lambda **k: gradcheck.problem_at(**k).gradient(), arguments, specs)


@case
def complex_step():
    return Call(gradcheck.complex_step, {"f": lambda theta: (theta * theta).sum(),
            "theta": normal(3, dtype=float), "epsilon": 1e-30}, {"f": zoo.takes(1),
            "theta": or_list(array(None, kinds="fiu", finite=False)), "epsilon": positive})  # fmt: skip


@case
def central_differences():
    return Call(gradcheck.central_differences, {"f": lambda theta: float((theta * theta).sum()),
            "theta": normal(3, dtype=float), "epsilon": 1e-5}, {"f": zoo.takes(1),
            "theta": or_list(array(None, kinds="fiu", finite=False)), "epsilon": positive})  # fmt: skip


@case
def projection():
    arguments = {"f": lambda theta: (theta * theta).sum(), "theta": normal(3, dtype=float),
            "gradient": normal(3, dtype=float), "rng": rng(), "epsilon": 1e-30}  # fmt: skip
    return Call(gradcheck.projection, arguments, {"f": zoo.takes(1),
            "theta": or_list(array(3, kinds="fiu", finite=False)),
            "gradient": or_list(array(3, kinds="fiu", finite=False)), "rng": generator,
            "epsilon": positive})  # fmt: skip


@case
def relative_error():
    return Call(gradcheck.relative_error, {"a": normal(2, 3), "b": normal(2, 3)}, {"a": unknown, "b": unknown})


# ---- proofs ----------------------------------------------------------------------------------------------------------


@case
def prove_cell():
    return Call(lambda cell: len(lstm_proofs.prove_cell(cell)), {"cell": cells.RNN}, {"cell": a(cells.Cell)})


@case
def prove_scan():
    arguments = {"forward": scan.forward, "backward": scan.backward, "cell": cells.RNN, "T": 1, "D": 1, "H": 1,
            "B": 1, "mask": None}  # fmt: skip
    small = lambda v: zoo.SKIP if count(v) is not BAD and v > 1 else count(v)
    return Call(lambda **k: len(lstm_proofs.prove_scan(**k)), arguments, {"forward": unknown,
            "backward": unknown, "cell": lambda v: zoo.SKIP if isinstance(v, cells.Cell) else BAD, "T": small,
            "D": small, "H": small, "B": small, "mask": or_none(array(1, 1, kinds="b"))})  # fmt: skip


@case
def grade():
    arguments = {"step": cells.rnn_step, "back": cells.rnn_back, "cell": cells.RNN, "own": True}
    return Call(lambda **k: lstm_proofs.grade(**k).right, arguments, {"step": unknown, "back": unknown,
            "cell": lambda v: zoo.SKIP if isinstance(v, cells.Cell) else BAD, "own": flag})  # fmt: skip


@case
def grade_scan():
    arguments = {"forward": scan.forward, "backward": scan.backward, "cell": cells.RNN}
    return Call(lambda **k: lstm_proofs.grade_scan(**k).right, arguments, {"forward": unknown, "backward": unknown,
            "cell": lambda v: zoo.SKIP if isinstance(v, cells.Cell) else BAD})  # fmt: skip


@case
def prove_layer():
    small = lambda v: zoo.SKIP if count(v) is not BAD and v > 1 else count(v)
    return Call(lambda **k: len(lstm_proofs.prove_layer(**k)), {"layer": core.dense(1, 1), "T": 1, "B": 1},
            {"layer": a(layers.Layer), "T": small, "B": small})  # fmt: skip


@case
def prove_loss():
    return Call(lambda **k: lstm_proofs.prove_loss(**k).statement, {"loss": core.softmax_cross_entropy,
            "target": np.array([[0, 1]])}, {"loss": lambda v: UNKNOWN if callable(v) else BAD,
            "target": unknown})  # fmt: skip


@case
def recorded():
    return Call(lambda **k: len(record.record(**k)), {"cell": cells.GRU, "own": True}, {"cell": a(cells.Cell),
            "own": flag})  # fmt: skip


@case
def played():
    return Call(lambda **k: record.played(**k).name, {"cell": cells.GRU, "see": lambda k, record, node,
            value: value, "own": True}, {"cell": a(cells.Cell), "own": flag, "see": zoo.takes(4)})  # fmt: skip


@case
def symbols_array():
    return Call(lambda name, size: symbols.array(name, size, 1).shape, {"name": "a", "size": 2},
            {"name": a(str), "size": lambda v: zoo.size(v) if zoo.count(v, 0) != 0 else UNKNOWN},
            names=("shape",))  # fmt: skip


# ---- formats ---------------------------------------------------------------------------------------------------------


def between(low, high):
    """Integers that onnx 1.23.2 knows."""

    def spec(v):
        v = zoo.count(v)
        return v if v is BAD or low <= v <= high else BAD

    return spec


def saver(name, save, suffix, **more):
    def make():
        path = f"{folder()}/a.{suffix}"
        with open(path, "wb") as file:
            file.write(b"before")
        arguments = {"model": network(), "path": path} | {k: v() for k, v in more.items()}

        def call(**given):
            save(**given)
            return None

        return Call(call, arguments, {"model": a(core.Model), "path": lambda v: zoo.SKIP, "states": flag,
                "softmax": flag, "lengths": flag, "opset": between(14, 28), "ir_version": or_none(between(10, 14)),
                "history": or_none(unknown), "rng": or_none(generator)}, names=("dtype",))  # fmt: skip

    CASES[name] = make


saver("checkpoint_save", checkpoint.save, "safetensors", history=lambda: None, rng=rng)
saver("xml_save", xml_io.save, "xml")
saver("onnx_save", onnx_io.save, "onnx", states=lambda: False, softmax=lambda: False, lengths=lambda: True,
      opset=lambda: 22, ir_version=lambda: None)  # fmt: skip


def loader(name, load, save, suffix):
    def make():
        path = f"{folder()}/a.{suffix}"
        save(model=network(), path=path)

        def call(path, losses):
            found = load(path, losses=losses)
            return (found[0] if isinstance(found, tuple) else found).theta

        def own(v):
            return UNKNOWN if v is None or isinstance(v, dict) else BAD

        return Call(call, {"path": path, "losses": {"mine": core.mse}}, {"path": only, "losses": own,
                "losses.mine": zoo.takes(2)})  # fmt: skip

    CASES[name] = make


loader("checkpoint_load", checkpoint.load, checkpoint.save, "safetensors")
loader("xml_load", xml_io.load, xml_io.save, "xml")
loader("onnx_load", onnx_io.load, onnx_io.save, "onnx")


@case
def onnx_load_graph():
    path = f"{folder()}/b.onnx"
    onnx_io.save(network(), path)
    return Call(lambda **k: onnx_io.load_graph(**k).theta, {"path": path, "loss": core.mse},
            {"path": only, "loss": zoo.takes(2)})  # fmt: skip


@case
def state_dict():
    return Call(torch_io.state_dict, {"model": network(), "stacked": False}, {"model": a(core.Model), "stacked": flag})


@case
def load_state_dict():
    m = network()
    state = torch_io.state_dict(m)
    specs = {f"state.{k}": lambda v, a=a: UNKNOWN if np.shape(v) == a.shape else BAD for k, a in state.items()}
    def whole(v):
        """All names, or all but the biases of a module."""
        if not isinstance(v, dict) or not v.keys() <= state.keys():
            return BAD
        left_out = state.keys() - v.keys()
        return UNKNOWN if left_out in (set(), {"dense.bias"}) else BAD

    return Call(torch_io.load_state_dict, {"model": m, "state": state, "stacked": False, "cast": False}, specs
            | {"state": whole, "stacked": flag, "cast": flag}, names=tuple(state))  # fmt: skip


@case
def keras_get_weights():
    return Call(keras_io.get_weights, {"model": network()}, {"model": a(core.Model)})


def shape_of(v):
    """The shape of an array or of lists, or None."""
    try:
        return v.shape if isinstance(v, standin.Array) else np.shape(v)
    except ValueError:  # lists of unlike lengths
        return None


def weights_of(cast):
    """Lists of as many arrays as the layers have; of each array another precision is good only where it is cast."""
    m = network()
    weights = keras_io.get_weights(m)
    shapes = [[x.shape for x in arrays] for arrays in weights]
    specs = {"weights": lambda v: UNKNOWN if isinstance(v, list | tuple) and len(v) == 2 else BAD}
    for k, arrays in enumerate(shapes):
        specs[f"weights.{k}"] = lambda v: UNKNOWN if isinstance(v, list | tuple) else BAD
        specs |= {f"weights.{k}.{j}": lambda v, s=s: UNKNOWN if shape_of(v) == s else BAD for j, s in enumerate(arrays)}
    return Call(keras_io.set_weights, {"model": m, "weights": weights, "cast": cast},
            specs | {"cast": flag}, (m,), names=("lstm", "dense"))  # fmt: skip


@case
def keras_set_weights():
    return weights_of(cast=False)


@case
def keras_set_weights_cast():
    return weights_of(cast=True)


@case
def to_node():
    layer = core.lstm(D, H)
    P = {k: normal(*s) for k, s in layer.shapes.items()}
    return Call(lambda **k: onnx_io.to_node(**k)[0], {"layer": layer, "P": P},
            {"layer": lambda v: zoo.SKIP if isinstance(v, core.layers.Layer) else BAD, "P": unknown}
            | {f"P.{k}": unknown for k in P})  # fmt: skip


@case
def config_of():
    return Call(configs.config_of, {"model": network()}, {"model": a(core.Model)})
