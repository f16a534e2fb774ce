"""A history and a generator in a checkpoint: what `fit` and NumPy make comes back, in the middle of an epoch too; any
field out of its range is refused by name, in a file with a digest that is right, and when it is to be saved."""

import copy
import json
import math
import os

import numpy as np
import pytest
import safetensors.numpy
from test_checkpoint import BITS, forged, network, put, same_history, same_model

from lstm_core import History, Model, Scores, dense, dropout, embedding, fit, gru, lstm, mse, optim, sample
from lstm_core import softmax_cross_entropy as cross_entropy
from lstm_formats import checkpoint, load, save
from lstm_formats.states import GENERATORS

X = np.random.default_rng(0).standard_normal((8, 4, 2)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 3, (8, 4))


def model_of_two():
    return Model([lstm(2, 3), dropout(0.2), dense(3, 3)], cross_entropy, rng=np.random.default_rng(0))


HOW = dict(batch=2, validation=(X[:3], Y[:3]), patience=9, progress=False)


def broken_off(bits, epochs, error=KeyboardInterrupt, **how):
    """A run that breaks off so many epochs after its start: model, history, generator."""

    def rate(progress):
        if progress > epochs:
            raise error
        return 0.01

    model, rng = model_of_two(), np.random.Generator(bits(3))
    with pytest.raises(error) as caught:
        fit(model, X, Y, epochs=5, rng=rng, rate=rate, **HOW | how)
    return model, caught.value.history, rng


# ---- broken off within an epoch --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("epochs", [0.3, 2.1, 3.7])
@pytest.mark.parametrize("how", [
    pytest.param({}, id="adam"),
    pytest.param({"validation": None, "patience": None, "optimizer": optim.sgd()}, id="sgd"),
])  # fmt: skip
def test_saved_in_the_middle_of_an_epoch_and_gone_on_with(bits, epochs, how, tmp_path):
    """Bit for bit as without the break, and as if it had been gone on with in the same process."""
    whole, generators = model_of_two(), [np.random.Generator(bits(3))]
    expected = fit(whole, X, Y, epochs=5, rng=generators[0], rate=optim.constant(0.01), **HOW | how)
    model, history, rng = broken_off(bits, epochs, **how)
    assert history.unfinished is not None and len(history.loss) == int(epochs)
    save(model, tmp_path / "c", history, rng)
    found, again, generator = load(tmp_path / "c")
    same_model(found, model)
    same_history(again, history)
    assert checkpoint.json.dumps(generator.bit_generator.state, default=repr) == json.dumps(
        rng.bit_generator.state, default=repr
    )
    for parts in ((found, again, generator), (model, history, rng)):
        fit(parts[0], X, Y, epochs=5, rng=parts[2], rate=optim.constant(0.01), history=parts[1], **HOW | how)
        same_model(parts[0], whole)
        same_history(parts[1], expected)
        assert repr(parts[2].bit_generator.state) == repr(generators[0].bit_generator.state)


def test_the_file_of_a_whole_history_has_no_unfinished(tmp_path):
    """So that it is the file that it was before there was such a field, and such files are read."""
    save(network([dense(1, 1)]), tmp_path / "c", History())
    header = (tmp_path / "c").read_bytes()
    assert b"unfinished" not in header and load(tmp_path / "c")[1].unfinished is None


# ---- forged files ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A path, and the bytes of a checkpoint that has everything, for each bit generator."""
    path, found = tmp_path_factory.mktemp("forged") / "c", {}
    for bits in BITS:
        model, history, rng = broken_off(bits, 2.1)
        save(model, path, history, rng)
        found[bits] = path.read_bytes()
    return path, found


def refused(path, raw, *messages):
    path.write_bytes(raw)
    with pytest.raises(ValueError) as caught:
        load(path)
    assert type(caught.value) is ValueError and str(caught.value).startswith(f"{path}: ")
    assert all(message in str(caught.value) for message in messages), str(caught.value)


def array(change, *where):
    """A forger's change of the array that stands at this place in the metadata."""

    def apply(meta, tensors):
        for key in where:
            meta = meta[key]
        tensors[meta["tensor"]] = np.asarray(change(tensors[meta["tensor"]]))

    return apply


def replaced(name, *value):
    """A forger's change of the field of this name, "rng.state.pos": another value, or none; its arrays go."""
    *within, key = name.split(".")

    def forget(found, tensors):
        if found.keys() == {"tensor"}:
            tensors.pop(found["tensor"])
        for part in found.values():
            if isinstance(part, dict):
                forget(part, tensors)

    def apply(meta, tensors):
        for step in within:
            meta = meta[step]
        forget({key: meta.pop(key)}, tensors)
        if value:
            meta[key] = value[0]

    return apply


def leaves(form, where=()):
    """The fields of a generator's state: (where, what is expected)."""
    for key, expected in form.items():
        if isinstance(expected, dict):
            yield from leaves(expected, (*where, key))
        else:
            yield (*where, key), expected


LEAVES = [pytest.param(bits, where, expected, id=f"{bits.__name__} {'.'.join(where)}")
          for bits, form in GENERATORS.items() for where, expected in leaves(form)]  # fmt: skip
NO_NUMBERS = [None, "1", [], {}, True, 1.0, math.nan, -1]


@pytest.mark.parametrize("place", [("rng",), ("history", "unfinished", "rng")], ids=".".join)
@pytest.mark.parametrize("bits, where, expected", LEAVES)
def test_a_generators_state_out_of_range_is_refused(bits, where, expected, place, files):
    path, raw = files[0], files[1][bits]
    name = ".".join((*place, *where))
    changes = [replaced(name, value) for value in NO_NUMBERS]
    if isinstance(expected, int):
        changes += [replaced(name, value) for value in (expected + 1, 2**128, -(2**31), 10**400)]
    else:
        alter = [lambda a: a[:-1], lambda a: np.append(a, a[:1]), lambda a: a.astype(float), lambda a: a[None],
                 lambda a: a.astype(np.int64), lambda a: a[:0]]  # fmt: skip
        changes += [array(change, *place, *where) for change in alter]
    for change in changes:
        refused(path, forged(raw, change), f"ValueError: {name}: expected ")
    *within, key = where
    for change in (replaced(name), put(*place, *within, "more", 1)):
        refused(path, forged(raw, change), f"ValueError: {'.'.join((*place, *within))}: expected the fields ", key)


@pytest.mark.parametrize("value", [None, "seed", "BitGenerator", "Generator", 3, ["PCG64"], "SFC64"])
def test_another_bit_generator_is_refused(value, files):
    path, raw = files[0], files[1][np.random.PCG64]
    refused(path, forged(raw, put("rng", "bit_generator", value)), "ValueError: rng")


def test_a_generator_that_would_draw_nothing_but_0_is_refused(files):
    """With it, integers(…) would never end."""
    path, found = files
    for bits in (np.random.PCG64, np.random.PCG64DXSM):
        refused(path, forged(found[bits], put("rng", "state", "inc", 0)), "rng.state.inc: expected an odd integer")
    for key in (lambda a: 0 * a, lambda a: np.array([2**31 - 1, *[0] * 623], np.uint32)):
        refused(path, forged(found[np.random.MT19937], array(key, "rng", "state", "key")), "rng.state.key: expected a")


AT_THE_END = [
    *((np.random.MT19937, put("rng", "state", "pos", k)) for k in (0, 1, 623, 624)),
    *((np.random.Philox, put("rng", "buffer_pos", k)) for k in range(5)),
    *((bits, put("rng", "uinteger", 2**32 - 1)) for bits in BITS[1:]),
    *((bits, put("rng", "has_uint32", 1)) for bits in BITS[1:]),
    *((bits, put("rng", "state", key, 2**128 - 1)) for bits in BITS[1:3] for key in ("state", "inc")),
]


def test_a_state_at_the_end_of_its_range_is_taken_and_draws(files):
    """In a process of its own: a state that is taken and is out of range crashes it."""
    path, found = files
    child = os.fork()
    if child == 0:
        try:
            for bits, change in AT_THE_END:
                path.write_bytes(forged(found[bits], change))
                _, _, rng = load(path)
                assert len({*rng.integers(0, 2**62, 5_000).tolist()}) == 5_000
                rng.random(700), rng.permutation(99), rng.integers(0, 9, 5, dtype=np.uint32), rng.standard_normal(99)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


EPOCHS = 2  # that are done
VECTORS = [("history", "weights"), ("history", "unfinished", "theta"), ("history", "optimizer", "m"),
           ("history", "optimizer", "v"), ("history", "unfinished", "optimizer", "m")]  # fmt: skip
FIELDS = {
    "history": [3, [], "words"],  # without one, a file is whole
    "history.loss": [None, 3, "11", {}, [1.0, None], [1.0, "1"], [1.0, True], [1.0, math.nan],
                     [1.0, [1.0]], [1.0, {"a": 1}]],
    "history.seconds": [None, "11", [1.0], [1.0] * 3, [1.0, -1.0], [1.0, math.inf], [1.0, math.nan], [1.0, 10**400]],
    "history.rate": [None, "11", [1.0], [1.0] * 3, [1.0, -1.0], [1.0, math.inf], [1.0, math.nan], [1.0, "1"]],
    "history.validation": [
        None, 3, [[1.0, 1.0, 1.0]], [[1.0, 1.0, 1.0]] * 3, [[1.0, 1.0]] * 2, [[1.0] * 4] * 2, [1.0, 1.0], [None] * 2,
        ["abc"] * 2, [[math.nan, 1.0, 1.0]] * 2, [[math.inf, 1.0, 1.0]] * 2, [[1.0, 1.1, 1.0]] * 2,
        [[1.0, 1.0, -0.1]] * 2, [[1.0, 1.0, "1"]] * 2,
    ],
    "history.best": [None, -1, 3, 1.0, "1", True, [1], 10**400],
    "history.batch_norm": [None, 3, [1.0], "words"],
    "history.optimizer": [3, "words", [1], {"k": None}, {"k": "1"}, {"k": [1]}, {"k": math.nan}, {"k": 10**400},
                          {"k": {}}],
    "history.weights": [3, "words", [1.0], {}],
    "history.unfinished": [3, "words", {}],
    "history.unfinished.theta": [None, 3, [1.0]],
    "history.unfinished.updates": [None, -1, 10**6, 1.0, True, "1"],
    "history.unfinished.best": [None, -1, 2, 1.0, "1", True],
    "history.unfinished.optimizer": [3, "words", {"k": None}, {"k": math.inf}],
    "history.unfinished.rng": [None, 3, {}],
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_of_a_history_out_of_range_is_refused(name, files):
    path, raw = files[0], files[1][np.random.PCG64]
    assert len(json.loads(header(raw))["history"]["loss"]) == EPOCHS
    for value in FIELDS[name]:
        refused(path, forged(raw, replaced(name, value)), f"ValueError: {name}")
    if "." in name and name != "history.unfinished":  # which may be missing
        *within, key = name.split(".")
        refused(path, forged(raw, replaced(name)), f"ValueError: {'.'.join(within)}: expected the fields ", key)


def header(raw):
    return json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]["lstm_core"]


ALTERED = {
    "NaN": lambda a: a * np.nan, "infinity": lambda a: a + np.inf, "shorter": lambda a: a[:-1],
    "longer": lambda a: np.append(a, a[:1]), "a matrix": lambda a: a.reshape(2, -1), "nothing": lambda a: a[:0],
    "a number": lambda a: a[0],
}  # fmt: skip


@pytest.mark.parametrize("where", VECTORS, ids=".".join)
@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED.keys())
def test_a_vector_of_a_history_is_like_theta_and_finite(where, change, files):
    path, raw = files[0], files[1][np.random.PCG64]
    name = ".".join(where[: -1 if "optimizer" in where else None])
    refused(path, forged(raw, array(change, *where)), f"ValueError: {name}", "expected ")
    if "optimizer" not in where:
        refused(path, forged(raw, array(lambda a: a.astype(float), *where)), f"{name}: expected numbers of float32")


@pytest.mark.parametrize("name", ["batch_loss", "batch_norm"])
def test_the_long_lists_are_of_one_length_and_finite(name, files):
    path, raw = files[0], files[1][np.random.PCG64]
    for change in (lambda a: a * np.nan, lambda a: a + np.inf, lambda a: a.astype(np.float32), lambda a: a[None],
                   lambda a: a.astype(int)):  # fmt: skip
        refused(path, forged(raw, array(change, "history", name)), f"ValueError: history.{name}")
    refused(path, forged(raw, array(lambda a: a[:-1], "history", name)), "ValueError: history.batch_norm: expected ")
    refused(path, forged(raw, array(lambda a: -1 - a, "history", "batch_norm")), "history.batch_norm[0]: expected a")


def test_more_or_fewer_fields_are_refused(files):
    path, raw = files[0], files[1][np.random.PCG64]
    for place, name in {(): "expected the fields", ("history",): "history: ", ("model",): "config: ",
                        ("history", "unfinished"): "history.unfinished: "}.items():  # fmt: skip
        refused(path, forged(raw, put(*place, "more", 1)), name, "more")
    for losses in ([1.0], [1.0] * 3):
        message = f"history.seconds: expected {len(losses)} entries, got 2"
        refused(path, forged(raw, put("history", "loss", losses)), message)
    for key in ("history", "rng", "model"):
        refused(path, forged(raw, replaced(key)), key)


# ---- what cannot be loaded is not saved ------------------------------------------------------------------------------


class Mine(np.random.PCG64):
    """A bit generator of a user's own."""


class MyGenerator(np.random.Generator):
    """A generator of a user's own."""


class MyHistory(History):
    """A history of a user's own."""


def history(**fields):
    """A history of one epoch and two updates, but for these fields."""
    whole = History(loss=[1.0], seconds=[1.0], rate=[0.1], validation=[Scores(1.0, 0.0, 0.0)], best=0,
                    batch_loss=[1.0, 1.0], batch_norm=[1.0, 1.0])  # fmt: skip
    for name, value in fields.items():
        setattr(whole, name, value)
    return whole


NOT_SAVED = {
    "a bit generator of one's own": (TypeError, "^rng: expected .* with one of MT19937, PCG64, .*, got Generator",
                                     lambda: (History(), np.random.Generator(Mine(0)))),
    "a generator of one's own": (TypeError, "^rng: expected .*MyGenerator",
                                 lambda: (History(), MyGenerator(np.random.PCG64(0)))),
    "NumPy's old generator": (TypeError, "^rng: expected", lambda: (History(), np.random.RandomState(0))),
    "no history": (TypeError, "^history: expected a History, got {", lambda: ({"loss": []}, None)),
    "a history of one's own": (TypeError, "^history: expected a History, got MyHistory", lambda: (MyHistory(), None)),
    "one more field": (ValueError, "^history: expected the fields .*, got .*'accuracy'",
                       lambda: (history(accuracy=[0.9]), None)),
    "a word among the losses": (ValueError, r"^history\.loss\[0\]: expected a number, got '1'",
                                lambda: (history(loss=["1"]), None)),
    "an array of losses": (ValueError, r"^history\.loss: expected a list of numbers, got an array of shape \(1, 1\)",
                           lambda: (history(loss=np.ones((1, 1))), None)),
    "a loss that is no number": (ValueError, r"^history\.batch_loss\[1\]: expected a finite number, got nan",
                                 lambda: (history(batch_loss=[1.0, math.nan]), None)),
    "fewer rates": (ValueError, r"^history\.rate: expected 1 entries, got 0", lambda: (history(rate=[]), None)),
    "a best epoch to come": (ValueError, r"^history\.best: expected an integer in 0 \.\.\. 0, got 1",
                             lambda: (history(best=1), None)),
    "a best epoch of none": (ValueError, r"^history\.best: expected None, since",
                             lambda: (history(validation=[], best=0), None)),
    "no best epoch": (ValueError, r"^history\.best: expected an integer", lambda: (history(best=None), None)),
    "scores without a name": (ValueError, r"^history\.validation: expected 3 numbers an epoch, got \(1, 2\)",
                              lambda: (history(validation=[(1, 2)]), None)),
    "an optimiser with a word": (ValueError, r"^history\.optimizer\['rule'\]: expected numbers in the shape",
                                 lambda: (history(optimizer={"rule": "adam"}), None)),
    "an optimiser with numbers of NumPy": (ValueError, r"^history\.optimizer\['k'\]: expected numbers in the shape",
                                           lambda: (history(optimizer={"k": np.float32(1)}), None)),
    "an optimiser with keys that are no words": (ValueError, r"^history\.optimizer: expected a dict with words",
                                                 lambda: (history(optimizer={1: 1}), None)),
    "another model's weights": (ValueError, r"^history\.weights: expected numbers in the shape \(2,\), got an array",
                                lambda: (history(weights=np.ones(3, np.float32)), None)),
    "masked weights": (ValueError, r"^history\.weights: expected numbers in the shape",
                       lambda: (history(weights=np.ma.ones(2, np.float32)), None)),
    "weights that are not finite": (ValueError, r"^history\.weights: expected finite numbers",
                                    lambda: (history(weights=np.full(2, np.inf, np.float32)), None)),
    "a break that is none": (ValueError, r"^history\.unfinished: expected the fields theta, ",
                             lambda: (history(unfinished={}), None)),
}  # fmt: skip


@pytest.mark.parametrize("error, message, parts", NOT_SAVED.values(), ids=NOT_SAVED.keys())
def test_what_cannot_be_loaded_is_refused_by_name_and_the_file_stays(error, message, parts, tmp_path):
    path = tmp_path / "c"
    path.write_bytes(b"what was there")
    with pytest.raises(error, match=f"(?s){message}"):
        save(network([dense(1, 1)]), path, *parts())
    assert path.read_bytes() == b"what was there" and os.listdir(tmp_path) == ["c"]


def test_numbers_of_numpy_are_saved_as_pythons(tmp_path):
    given = history(loss=[np.float32(0.1)], seconds=[1], rate=[np.float64(0.1)], batch_loss=[1, np.int8(2)])
    save(network([dense(1, 1)]), tmp_path / "c", given)
    _, found, _ = load(tmp_path / "c")
    assert (found.loss, found.seconds, found.rate) == ([float(np.float32(0.1))], [1.0], [0.1])
    assert found.batch_loss == [1.0, 2.0] and {type(v) for v in found.batch_loss + found.loss} == {float}


@pytest.mark.parametrize("optimizer", [optim.sgd(), optim.momentum(), optim.adam(weight_decay=0.1)], ids="smA")
@pytest.mark.parametrize("loss", [mse, cross_entropy])
def test_what_fit_makes_can_be_saved_at_every_moment(optimizer, loss, tmp_path):
    """After every epoch, and after an error at every batch."""
    stack = [embedding(3, 2), gru(2, 3), dense(3, 3)]
    x, y = Y, Y if loss is cross_entropy else np.ones((8, 4, 3), np.float32)
    for at in range(1, 13):
        model, rng, batches = network(stack, loss), np.random.default_rng(0), []

        def rate(progress, batches=batches, at=at):
            batches.append(progress)
            if len(batches) == at:
                raise MemoryError
            return 0.01

        keep = lambda history, model=model, rng=rng: round_trip(tmp_path / "c", model, history, rng)
        with pytest.raises(MemoryError) as caught:
            fit(model, x, y, epochs=3, batch=2, rng=rng, rate=rate, optimizer=optimizer, validation=(x, y),
                after_epoch=keep, progress=False)  # fmt: skip
        round_trip(tmp_path / "c", model, caught.value.history, rng)


def round_trip(path, model, history, rng):
    before = copy.deepcopy(history)
    save(model, path, history, rng)
    same_history(history, before)
    same_history(load(path)[1], history)


def test_a_generator_that_came_back_is_no_users_class(tmp_path):
    """`sample`, `fit` and all others take it."""
    model = network([embedding(3, 2), gru(2, 3), dense(3, 3)], cross_entropy)
    for bits in BITS:
        save(model, tmp_path / "c", None, np.random.Generator(bits(0)))
        rng = load(tmp_path / "c")[2]
        expected = sample(model, np.array([1]), 5, rng=np.random.Generator(bits(0)))
        np.testing.assert_array_equal(sample(model, np.array([1]), 5, rng=rng), expected)
        assert type(rng) is np.random.Generator and type(rng.bit_generator) is bits


def test_any_reader_finds_the_arrays_of_an_unfinished_history(tmp_path):
    model, history, rng = broken_off(np.random.Philox, 1.3)
    save(model, tmp_path / "c", history, rng)
    meta = json.loads(header((tmp_path / "c").read_bytes()))
    tensors = safetensors.numpy.load_file(tmp_path / "c")
    _, history, _ = load(tmp_path / "c")
    theta = tensors[meta["history"]["unfinished"]["theta"]["tensor"]]
    np.testing.assert_array_equal(theta, history.unfinished["theta"])
