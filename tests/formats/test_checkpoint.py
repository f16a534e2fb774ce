"""Checkpoints: what is loaded is what was saved, to the last bit; a resumed run is the uninterrupted one; a file that
is not whole is refused, and one that was whole stays so whatever happens to the next."""

import copy
import dataclasses
import json
import math
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import standin
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm_core as core
from lstm_core import (
    History,
    Model,
    Scores,
    activation,
    bidirectional,
    cells,
    dense,
    dropout,
    embedding,
    files,
    fit,
    gru,
    last,
    lstm,
    mse,
    optim,
    recurrent,
    reverse,
    rnn,
    softmax_cross_entropy,
    to_host,
    variants,
)
from lstm_formats import checkpoint, configs, load, save

BITS = [np.random.MT19937, np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64]


def network(layers, loss=mse, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    model = Model(layers, loss, rng=rng, dtype=dtype)
    model.theta[...] = rng.standard_normal(model.theta.size)
    return model


def networks():
    """Every kind of layer and every cell."""
    yield "all layers", [
        embedding(7, 3), lstm(3, 4, peepholes=True), lstm(4, 2), dropout(0.1), reverse(gru(2, 3)),
        activation("softmax"), bidirectional(rnn(3, 2, "relu")), dense(4, 3),
        bidirectional(gru(3, 2, "before"), last=True), dense(4, 2),
    ]  # fmt: skip
    yield "last", [gru(3, 2), last()]
    yield from ((name, [recurrent(name, 2, 3)]) for name in variants.CELLS)


each_network = pytest.mark.parametrize("layers", [pytest.param(x, id=name) for name, x in networks()])


def same_model(found, expected):
    assert found.theta.dtype == expected.theta.dtype and found.theta.tobytes() == expected.theta.tobytes()
    assert found.names == expected.names and found.shapes == expected.shapes
    assert [x.config for x in found.layers] == [x.config for x in expected.layers]
    assert found.loss_function is expected.loss_function
    assert found.theta.flags.writeable and all(p.base is not None for p in found.params.values())


def flat(values, *names):
    """The values of nested dicts, all or those with these names, by names such as "unfinished.optimizer.m"."""
    out = {}
    for name in names or list(values):
        value = values.pop(name)
        out |= {f"{name}.{k}": v for k, v in flat(dict(value)).items()} if isinstance(value, dict) else {name: value}
    return out


def same_history(found, expected):
    """Equal in everything but the seconds; arrays bit by bit."""
    a, b = ({**vars(h), "seconds": len(h.seconds)} for h in (found, expected))
    arrays = [flat(h, "optimizer", "weights", "unfinished") for h in (a, b)]
    assert json.dumps(a) == json.dumps(b)  # NaN is NaN
    assert all(type(s) is Scores for s in a["validation"])
    assert arrays[0].keys() == arrays[1].keys()
    for name, x in arrays[1].items():
        assert type(arrays[0][name]) is type(x), name
        np.testing.assert_array_equal(arrays[0][name], x, strict=isinstance(x, np.ndarray))


# ---- a round trip ------------------------------------------------------------------------------------------------


@each_network
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", [mse, softmax_cross_entropy])
def test_what_is_loaded_is_what_was_saved(layers, dtype, loss, tmp_path):
    model = network(layers, loss, dtype)
    save(model, tmp_path / "model")
    found, history, rng = load(tmp_path / "model")
    same_model(found, model)
    assert history is None and rng is None


def floats(width=64, **limits):
    return st.floats(width=width, allow_infinity=False, allow_nan=False, **limits)  # -0.0 and the smallest too


@st.composite
def histories(draw):
    """Such as `fit` makes for a model of two parameters, unfinished ones too."""

    def numbers(count, number):
        return draw(st.lists(number, min_size=count, max_size=count))

    def vector(dtype=np.float32):
        return np.array(numbers(2, floats(32)), dtype)

    epochs, updates, unfinished = draw(st.integers(0, 3)), draw(st.integers(0, 9)), None
    scored, fraction = draw(st.sampled_from([0, epochs])), floats(min_value=0, max_value=1) | st.just(math.nan)
    best = draw(st.integers(0, scored - 1)) if scored else None
    state = st.just(None) | st.just({}) | st.builds(
        lambda k, rate, m, v, used: {"k": k, "rate": rate, "m": m, "v": v, "tensor": used},
        st.integers(0, 2**70), floats(), st.builds(vector), st.builds(vector, st.just(np.float64)), st.booleans(),
    )  # fmt: skip
    if draw(st.booleans()):
        bits = draw(st.sampled_from(BITS))(draw(st.integers(0, 2**128)))
        unfinished = {"theta": vector(), "optimizer": draw(state) or {}, "rng": bits.state,
                      "updates": draw(st.integers(0, updates)), "best": best}  # fmt: skip
    return History(
        loss=numbers(epochs, floats() | st.just(math.inf)), seconds=numbers(epochs, floats(min_value=0)),
        rate=numbers(epochs, floats(min_value=0)), best=best,
        validation=numbers(scored, st.builds(Scores, floats(), fraction, fraction)),
        batch_loss=numbers(updates, floats()), batch_norm=numbers(updates, floats(min_value=0)),
        optimizer=draw(state), weights=draw(st.none() | st.builds(vector)), unfinished=unfinished,
    )  # fmt: skip


@given(histories(), st.sampled_from(BITS), st.integers(0, 2**128), st.integers(0, 700))
def test_history_and_generator_come_back(tmp_path_factory, history, bits, seed, drawn):
    path, rng = tmp_path_factory.mktemp("round") / "c", np.random.Generator(bits(seed))
    rng.integers(0, 9, drawn, dtype=np.uint32)  # an odd number leaves half a draw behind
    save(network([dense(1, 1)]), path, history, rng)
    _, found, again = load(path)
    same_history(found, history)
    for draw in (lambda g: g.integers(0, 9, 3, dtype=np.uint32), lambda g: g.random(700), lambda g: g.permutation(9)):
        np.testing.assert_array_equal(draw(again), draw(rng))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=2, max_size=2))
def test_parameters_come_back(tmp_path_factory, numbers):
    path, model = tmp_path_factory.mktemp("round") / "c", network([dense(1, 1)])
    model.theta[...] = numbers
    save(model, path)
    same_model(load(path)[0], model)


def test_any_reader_of_safetensors_can_read_the_parameters(tmp_path):
    model = network([lstm(3, 4), last(), dense(4, 2)])
    save(model, tmp_path / "c", History(), np.random.default_rng(0))
    found = safetensors.numpy.load_file(tmp_path / "c")
    assert found.keys() == model.params.keys() | {"state.5", "state.6"}
    for name, x in model.params.items():
        np.testing.assert_array_equal(found[name], x, strict=True)


def test_the_metadata_does_not_grow_with_the_batches(tmp_path):
    """safetensors takes 100 MB of it; as text, the losses and norms of two million batches would be more."""
    numbers = RNG.random(10_000).tolist()
    save(network([dense(1, 1)]), tmp_path / "c", History(batch_loss=numbers, batch_norm=numbers))
    assert int.from_bytes((tmp_path / "c").read_bytes()[:8], "little") < 1_000
    assert load(tmp_path / "c")[1].batch_norm == numbers


def test_the_same_state_is_the_same_file(tmp_path):
    for name in "ab":
        model = network([gru(3, 2)])
        save(model, tmp_path / name, History(weights=np.ones_like(model.theta)), np.random.default_rng(0))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_model_on_a_device_is_saved_from_there_and_goes_back(xp, tmp_path):
    model = network([lstm(3, 4)]).to(xp)
    state = {"k": 3, "m": xp.zeros_like(model.theta)}
    save(model, tmp_path / "c", History(optimizer=state, weights=xp.ones_like(model.theta)))
    assert type(model.theta) is type(xp.empty(1))
    found, history, _ = load(tmp_path / "c")
    same_model(found, network([lstm(3, 4)]))
    assert all(type(x) is np.ndarray for x in (found.theta, history.optimizer["m"], history.weights))


def test_a_vector_that_is_not_contiguous(tmp_path):
    model = network([dense(2, 2)])
    model.theta = np.arange(12, dtype=np.float64)[::2]
    save(model, tmp_path / "c", History(weights=np.arange(6.0)[::-1]))
    found, history, _ = load(tmp_path / "c")
    np.testing.assert_array_equal(found.theta, model.theta)
    np.testing.assert_array_equal(history.weights, [5, 4, 3, 2, 1, 0])


# ---- a run with a break ------------------------------------------------------------------------------------------

N, T, D, C = 19, 5, 3, 3
RNG = np.random.default_rng(5)
X, Y = RNG.standard_normal((N, T, D)), RNG.integers(0, C, (N, T))
LENGTHS = RNG.integers(1, T + 1, N)
LENGTHS[0] = T
STACK = lambda: [lstm(D, 4, peepholes=True), dropout(0.3), gru(4, 3), dense(3, C)]
ENDS = lambda: [bidirectional(gru(D, 3), last=True), dropout(0.5), dense(6, C)]
LABELS = lambda: [embedding(C, 4), recurrent("cifg", 4, 3), last(), dense(3, C)]

RUNS = {
    "adam": (STACK, dict()),
    "momentum": (STACK, dict(optimizer=optim.momentum(), rate=optim.constant(0.05))),
    "sgd": (STACK, dict(optimizer=optim.sgd(), rate=optim.constant(0.1), clip=0.2)),
    "adamw, cosine": (STACK, dict(optimizer=optim.adam(weight_decay=0.1), rate=optim.cosine(0.05, 6, 0.7))),
    "steps": (STACK, dict(rate=optim.steps(0.1, 2))),
    "lengths": (STACK, dict(lengths=LENGTHS)),
    "buckets": (STACK, dict(lengths=LENGTHS, buckets=True)),
    "truncate": (STACK, dict(truncate=2)),
    "truncate, lengths": (STACK, dict(truncate=2, lengths=LENGTHS)),
    "validation": (STACK, dict(validation=(X[:4], Y[:4]))),
    "patience": (STACK, dict(validation=(X[:4], Y[:4]), patience=9)),
    "patience that stops": (STACK, dict(validation=(X, (Y + 1) % 3), patience=1, rate=optim.constant(0.2))),
    "both directions": (ENDS, dict(lengths=LENGTHS)),
    "labels": (LABELS, dict()),
}


def begin(layers, dtype):
    model = network(layers(), softmax_cross_entropy, dtype)
    x = np.argmax(X, axis=2) if model.labels else X.astype(dtype)
    return model, x, Y[:, -1] if model.reads_last else Y


def train(path, model, x, y, rng, **settings):
    """`fit`, with a checkpoint after every epoch."""
    keep = lambda history: save(model, path, history, rng)
    return fit(model, x, y, rng=rng, after_epoch=keep, **settings)


def settings_for(settings, x):
    settings = dict(batch=4, progress=False) | settings
    if "validation" in settings:
        settings["validation"] = (settings["validation"][0].astype(x.dtype), settings["validation"][1])
    return settings


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_resumed_run_is_the_uninterrupted_one(name, dtype, tmp_path):
    """Weights, history and generator bit for bit, whichever epoch the break comes after."""
    layers, options = RUNS[name]
    model, x, y = begin(layers, dtype)
    options, rng = settings_for(options, x), np.random.Generator(np.random.PCG64(3))
    whole = fit(model, x, y, epochs=6, rng=rng, **options)
    assert (len(whole.loss) < 6) == (name == "patience that stops")
    for done in (1, 3, 6):
        part, _, _ = begin(layers, dtype)
        train(tmp_path / "c", part, x, y, np.random.default_rng(3), epochs=done, **options)
        resumed, history, again = load(tmp_path / "c")
        found = fit(resumed, x, y, epochs=6, rng=again, history=history, **options)
        same_model(resumed, model)
        same_history(found, whole)
        assert again.bit_generator.state == rng.bit_generator.state


def test_breaks_after_every_epoch(tmp_path):
    model, x, y = begin(STACK, np.float32)
    settings = dict(batch=4, progress=False, validation=(x, y), patience=3)
    rng, again, history = np.random.default_rng(3), np.random.default_rng(3), None
    resumed = copy.deepcopy(model)
    whole = fit(model, x, y, epochs=5, rng=rng, **settings)
    for epoch in range(1, 6):
        history = train(tmp_path / "c", resumed, x, y, again, epochs=epoch, history=history, **settings)
        if epoch < 5:
            resumed, history, again = load(tmp_path / "c")
    same_model(resumed, model)
    same_history(history, whole)


def test_a_run_on_a_device_goes_on_there(xp, tmp_path):
    model, x, y = begin(STACK, np.float64)
    twin = copy.deepcopy(model)
    settings = dict(batch=4, progress=False, device=xp, validation=(x, y), patience=2)
    fit(model, x, y, epochs=4, rng=np.random.default_rng(3), **settings)
    train(tmp_path / "c", twin, x, y, np.random.default_rng(3), epochs=2, **settings)
    resumed, history, rng = load(tmp_path / "c")
    fit(resumed, x, y, epochs=4, rng=rng, history=history, **settings)
    finished, done, _ = load(tmp_path / "c")  # nothing left to do but put the best weights back
    fit(finished, x, y, epochs=2, rng=rng, history=done, **settings)
    np.testing.assert_array_equal(to_host(finished.theta), done.weights)
    assert type(resumed.theta) is type(finished.theta) is type(history.optimizer["m"]) is type(xp.empty(1))
    np.testing.assert_array_equal(to_host(resumed.theta), to_host(model.theta))


def test_the_checkpoint_of_a_run_with_patience_knows_the_best_weights(tmp_path):
    model, x, y = begin(STACK, np.float64)
    history = train(tmp_path / "c", model, x, y, np.random.default_rng(3), epochs=9, batch=4, progress=False,
                    patience=1, validation=(x, (y + 1) % 3), rate=optim.constant(0.05))  # fmt: skip
    final, found, _ = load(tmp_path / "c")
    assert history.best < len(history.loss) - 1 and (final.theta != model.theta).any()
    np.testing.assert_array_equal(found.weights, model.theta)


HISTORY = dict(loss=[1.0, 1.0], optimizer={"k": 2, "m": np.zeros(12), "v": np.zeros(12)})
SCORES = dict(validation=[Scores(1.0, 0.0, 0.0)] * 2, best=0)
REFUSED = [
    ("fewer epochs than are done", "^epochs: expected at least the 2 that history has, got 1", dict(epochs=1)),
    ("another optimizer", "^history: expected .*, got .*'k'", dict(optimizer=optim.momentum())),
    ("no optimizer", "^history: expected .*'m'", dict(history=History(loss=[1.0]))),
    ("another model", "^history: expected .*12.*, got .*9", dict(history=History(**HISTORY | {"optimizer": {
        "k": 2, "m": np.zeros(9), "v": np.zeros(9)}}))),
    ("another precision", "^history: expected .*float64.*, got .*float32", dict(history=History(**HISTORY | {
        "optimizer": {"k": 2, "m": np.zeros(12, np.float32), "v": np.zeros(12, np.float32)}}))),
    ("weights of another model", "^history: expected .*'weights'", dict(history=History(
        **HISTORY, **SCORES, weights=np.zeros(9)), validation=(X, X), patience=1)),
    ("validation that was not there", "^history: expected validation in all epochs", dict(validation=(X, X))),
    ("validation no more", "^history: expected validation in all epochs", dict(history=History(**HISTORY, **SCORES))),
    ("patience that was not there", "^history: expected .*'weights'", dict(
        history=History(**HISTORY, **SCORES), validation=(X, X), patience=1)),
    ("patience no more", "^history: expected .*'weights'", dict(
        history=History(**HISTORY, **SCORES, weights=np.zeros(12)), validation=(X, X))),
]  # fmt: skip


@pytest.mark.parametrize("message, change", [pytest.param(*row[1:], id=row[0]) for row in REFUSED])
def test_a_history_that_does_not_fit(message, change):
    model, moved = network([dense(D, C)], dtype=np.float64), []
    device = type("module", (), {"asarray": lambda self, x: moved.append(x)})()
    arguments = dict(epochs=4, rng=np.random.default_rng(0), history=History(**HISTORY), progress=False) | change
    before = copy.deepcopy((model.theta, arguments["history"]))
    with pytest.raises(ValueError, match=message):
        fit(model, X, X, **arguments, device=device if "validation" not in change else None)
    assert repr((model.theta, vars(arguments["history"]))) == repr((before[0], vars(before[1])))


# ---- files that are not whole ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A path, and the bytes of a small checkpoint that has everything."""
    path, model = tmp_path_factory.mktemp("small") / "c", network([rnn(1, 1), dense(1, 1)])
    history = fit(model, X[:2, :, :1].astype(np.float32), X[:2, :, :1].astype(np.float32), epochs=1,
                  rng=np.random.default_rng(0), progress=False)  # fmt: skip
    save(model, path, history, np.random.default_rng(0))
    return path, path.read_bytes()


def refused(path, raw, message=None):
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert type(caught.value) is ValueError and str(caught.value).startswith(f"{path}: ")


def test_every_truncation_is_refused(small):
    path, raw = small
    for length in range(len(raw)):
        refused(path, raw[:length])
    refused(path, raw + b"\0")


def test_every_altered_byte_is_refused(small):
    """Every byte once, by a random other one; and 300 files with a few bytes altered, cut out or put in."""
    path, raw = small
    rng = np.random.default_rng(0)
    for k in range(len(raw)):
        refused(path, raw[:k] + bytes([raw[k] ^ int(rng.integers(1, 256))]) + raw[k + 1 :])
    for _ in range(300):
        k, cut = (int(rng.integers(0, n)) for n in (len(raw), 5))
        altered = raw[:k] + rng.bytes(int(rng.integers(0, 5))) + raw[k + cut :]
        if altered != raw:
            refused(path, altered)
    path.write_bytes(raw)
    load(path)


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_anything_else_is_refused(tmp_path_factory, raw):
    refused(tmp_path_factory.mktemp("junk") / "c", raw)
    refused(tmp_path_factory.mktemp("junk") / "c", len(raw).to_bytes(8, "little") + raw)


def forged(raw, change):
    """The bytes of a checkpoint whose metadata and tensors `change` has altered, with the digest that goes with it."""
    tensors = {k: v.copy() for k, v in safetensors.numpy.load(raw).items()}
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    meta = json.loads(header["__metadata__"]["lstm_core"])
    change(meta, tensors)
    meta["sha256"] = checkpoint.BLANK
    raw = safetensors.numpy.save(tensors, {"lstm_core": json.dumps(meta)})
    return raw.replace(checkpoint.BLANK.encode(), checkpoint.hashlib.sha256(raw).hexdigest().encode(), 1)


def put(*keys_and_value):
    *keys, key, value = keys_and_value

    def change(meta, tensors):
        for k in keys:
            meta = meta[k]
        meta[key] = value

    return change


def tensor(name, change):
    return lambda meta, tensors: tensors.update({name: np.asarray(change(tensors[name]))})


LAYER = {"layer": "dense", "features": 10**9, "outputs": 10**9}
FORGED = {
    "a later format version": (put("version", 2), "expected format version 1, got 2"),
    "no version": (lambda meta, tensors: meta.pop("version"), "version"),
    "NaN": (tensor("rnn.W", lambda x: x * np.nan), "rnn.W: expected finite numbers"),
    "infinity": (tensor("dense.b", lambda x: x + np.inf), "dense.b: expected finite numbers"),
    "a wrong shape": (tensor("rnn.W", lambda x: x.reshape(1)), r"rnn.W: expected shape \(1, 1\)"),
    "too many numbers": (tensor("rnn.W", lambda x: np.ones((2, 1), np.float32)), "expected 5 numbers, got 6"),
    "a wrong dtype": (tensor("rnn.W", lambda x: x.astype(np.float64)), "rnn.W: expected .*float32, got .*float64"),
    "a wrong name": (lambda meta, tensors: tensors.update(W=tensors.pop("rnn.W")), "parameters: expected rnn.W"),
    "a tensor too few": (lambda meta, tensors: tensors.pop("rnn.W"), "parameters: expected 5 numbers, got 4"),
    "a tensor of the optimiser too few": (lambda meta, tensors: tensors.pop("state.5"), "state.5"),
    "an unknown loss": (put("model", "loss", "eval"), "loss: expected one of"),
    "an unknown dtype": (put("model", "dtype", "float16"), "dtype: expected"),
    "an unknown layer": (put("model", "layers", 0, "layer", "exec"), "config: expected"),
    "an unknown cell": (put("model", "layers", 0, "cell", "cell"), "cell: expected one of"),
    "no layers": (put("model", "layers", []), "parameters: expected 0"),
    "layers that do not fit": (put("model", "layers", 1, "features", 2), "parameters"),
    "layers that are no list": (put("model", "layers", 3), "int"),
    "a layer beyond all memory": (put("model", "layers", 0, LAYER), "parameters: expected 10"),
    "an unknown generator": (put("rng", "bit_generator", "seed"), "seed"),
    "a state of no generator": (put("rng", "state", {"state": -1, "inc": 1}), r"rng\.state\.state: expected an"),
    "an unknown field of history": (put("history", "surprise", 1), "surprise"),
    "losses that are no array": (put("history", "batch_loss", [1.0]), "parameters: expected 5 numbers, got 6"),
    "scores that are none": (put("history", "validation", [[1, 2]]), r"history\.validation: expected 3 .*, got \[1, 2"),
}


@pytest.mark.parametrize("change, message", FORGED.values(), ids=FORGED.keys())
def test_a_forged_file_is_refused_too(small, change, message):
    path, raw = small
    refused(path, forged(raw, change), message)


def test_the_forger_is_good(small):
    """What makes the tests above mean something: unchanged, the file is accepted."""
    path, raw = small
    path.write_bytes(forged(raw, lambda meta, tensors: None))
    load(path)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"lstm_core": "[" * 100_000}, {"lstm_core": "3"}])
def test_another_safetensors_file_is_refused(tmp_path, metadata):
    refused(tmp_path / "c", safetensors.numpy.save({"x": np.ones(2)}, metadata))


def test_no_file_is_an_oserror_and_a_folder_too(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(OSError, match=str(path)):
            load(path)


def test_what_cannot_be_loaded_is_not_saved(tmp_path):
    """The file that was there stays."""
    path, model = tmp_path / "c", network([dense(1, 1)])
    save(model, path)
    raw = path.read_bytes()
    model.theta[0] = np.nan
    with pytest.raises(ValueError, match=r"^dense.W: expected finite numbers"):
        save(model, path)
    for theta in (np.ones(2, complex), np.ones(2, np.float16), np.array([1, 2], object)):
        with pytest.raises(ValueError, match=r"^dtype: expected one of 'float32', 'float64', got "):
            save(model.at(theta), path)
    with pytest.raises(ValueError, match=r"cell: expected one of .*, got 'cell'"):
        save(network([recurrent(dataclasses.replace(cells.RNN, name="cell"), 1, 1)]), path)
    with pytest.raises(TypeError, match=r"^rng: expected"):
        save(network([dense(1, 1)]), path, None, 3)
    with pytest.raises(ValueError, match=r"^history\.loss\[0\]: expected a number, got <object "):
        save(network([dense(1, 1)]), path, History(loss=[object()]))
    assert path.read_bytes() == raw and os.listdir(tmp_path) == ["c"]


# ---- a crash in the middle ---------------------------------------------------------------------------------------


class Crash(BaseException):
    """As the user's interrupt: no Exception."""


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Crash()], ids=["full disk", "interrupt"])
@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_crash_leaves_the_old_file_whole(tmp_path, monkeypatch, step, error):
    path = tmp_path / "c"
    files.write_atomic(path, b"old")

    def crash(*arguments):
        raise error

    class Disk:
        def __init__(self, path, mode):
            self.file = open(path, mode)

        __enter__ = lambda self: self
        __exit__ = lambda self, *_: self.file.close()
        fileno = lambda self: self.file.fileno()

        def write(self, raw):
            self.file.write(raw[: len(raw) // 2])
            raise error

    if step == "write":
        monkeypatch.setattr(files, "open", Disk, raising=False)
    else:
        monkeypatch.setattr(os, step, crash)
    with pytest.raises(type(error)):
        files.write_atomic(path, b"new" * 99)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["c"]


def test_the_bytes_are_on_the_disk_before_the_name(tmp_path, monkeypatch):
    order, fsync, replace = [], os.fsync, os.replace

    def synced(handle):
        fsync(handle)
        found = os.fstat(handle)
        order.append("fsync folder" if stat.S_ISDIR(found.st_mode) else ("fsync", found.st_size))

    def replaced(part, path):
        order.append("replace")
        assert os.path.dirname(part) == os.path.dirname(path)  # one file system: a rename, no copy
        replace(part, path)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    files.write_atomic(tmp_path / "c", b"12345")
    assert order == [("fsync", 5), "replace", "fsync folder"]


def test_killed_in_the_middle(tmp_path):
    """SIGKILL while a process saves over and over: whatever moment it hits, the file is whole."""
    path = tmp_path / "c"
    program = (
        "import sys, numpy as np; from lstm_core import Model, dense, mse; from lstm_formats import save\n"
        "model = Model([dense(300, 300)], mse, rng=np.random.default_rng(0))\n"
        "while True: save(model, sys.argv[1]); model.theta += 1"
    )
    for wait in (0.0, 0.003, 0.011, 0.02):
        path.unlink(missing_ok=True)
        process = subprocess.Popen([sys.executable, "-c", program, str(path)], cwd=Path(core.__file__).parents[1])
        try:
            begun = time.monotonic()
            while not path.exists():
                assert process.poll() is None and time.monotonic() < begun + 60
                time.sleep(0.001)
            time.sleep(wait)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert load(path)[0].theta.size == 90_300


def test_folders_are_made_and_links_stay(tmp_path):
    files.write_atomic(tmp_path / "a" / "b" / "c", b"1")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b" / "c")
    files.write_atomic(tmp_path / "link", b"2")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "a" / "b" / "c").read_bytes() == b"2"
    assert os.listdir(tmp_path / "a" / "b") == ["c"]


# ---- config_of and model_from ------------------------------------------------------------------------------------


@each_network
def test_a_model_is_its_config_and_its_arrays(layers):
    model = network(layers)
    config = json.loads(json.dumps(configs.config_of(model)))
    same_model(configs.model_from(config, model.params), model)
    same_model(configs.model_from(config, model.theta), model)


def test_fill_is_all_or_nothing(xp):
    model = network([dense(2, 3), dense(3, 1)]).to(xp)
    before, arrays = to_host(model.theta).copy(), {k: np.ones(s, np.float32) for k, s in model.shapes.items()}
    for wrong in ({}, {"dense2.b": arrays["dense2.b"] * math.inf}, {"dense2.b": np.ones(1, np.float32)},
                  {"dense2.b": arrays["dense2.b"].astype(int)}, {"surprise": np.ones(1, np.float32)}):  # fmt: skip
        given = arrays | wrong if wrong else {}
        with pytest.raises(ValueError, match="expected"):
            configs.fill(model, given)
        np.testing.assert_array_equal(to_host(model.theta), before)
    theta = model.theta
    configs.fill(model, arrays)
    assert model.theta is theta and (to_host(theta) == 1).all()
    assert standin.transfers.count(("in", theta.shape)) <= 2
