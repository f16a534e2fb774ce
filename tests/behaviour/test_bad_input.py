"""Bad input is an error that names the argument, what was expected and what came; and it changes nothing."""

import re

import numpy as np
import pytest
import standin

import lstm_core as core
from lstm_core import cells, data, dense, gru, last, losses, lstm, optim, scan

T, B, D, H, C = 4, 5, 3, 6, 2
RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((B, T, D)), np.array([0, 1, 1, 0, 1])  # as users hand them in


def refuses(error, message, call, *args, **kwargs):
    """`call` raises `error`, and its message contains the regular expression and has the form of the house rule."""
    with pytest.raises(error, match=message) as caught:
        call(*args, **kwargs)
    assert type(caught.value) is error
    assert re.match(r"(validation: )?[\w\[\]']+: expected .+, got ", str(caught.value)), str(caught.value)


def table(rows):
    """Rows (what is wrong, ...) as a parametrisation with that as its name."""
    return [pytest.param(*row[1:], id=row[0]) for row in rows]


# ---- the scan: every array of P, x, the state and the upstream gradient ----------------------------------------


def scan_arguments():
    """The arrays of one LSTM run by the names that messages use, in float64 and of all-different sizes."""
    shapes = {f"P['{name}']": shape for name, shape in scan.parameter_shapes(cells.LSTM, D, H).items()}
    shapes |= {"x": (T, D, B), "state[0]": (H, B), "state[1]": (H, B)}
    shapes |= {"dh": (T, H, B), "dstate[0]": (H, B), "dstate[1]": (H, B)}
    return {name: RNG.standard_normal(shape) for name, shape in shapes.items()}


def run_scan(A):
    P = {name[3:-2]: array for name, array in A.items() if name.startswith("P")}
    _, _, cache = scan.forward(cells.LSTM, P, A["x"], (A["state[0]"], A["state[1]"]))
    return scan.backward(cells.LSTM, P, cache, A["dh"], (A["dstate[0]"], A["dstate[1]"]))


NAMES = list(scan_arguments())


@pytest.mark.parametrize("name, axis", [(n, k) for n, a in scan_arguments().items() for k in range(a.ndim)])
def test_scan_wrong_size(name, axis):
    """One axis one longer. D comes from x and H from R: if these are wrong, the first array to disagree is named."""
    A = scan_arguments()
    A[name] = np.concatenate([A[name], A[name].take([0], axis)], axis)
    blamed = {("x", 0): "dh", ("x", 1): "P['W']", ("x", 2): "state[0]"}.get((name, axis), name)
    refuses(ValueError, re.escape(f"{blamed}: expected shape ("), run_scan, A)


FAULTS = [
    ("an axis missing", lambda a: a[..., 0], ValueError, "expected shape (", "got ("),
    ("a list", lambda a: a.tolist(), TypeError, "expected a NumPy or CuPy array, got list", ""),
    ("None", lambda a: None, TypeError, "expected a NumPy or CuPy array, got NoneType", ""),
]


@pytest.mark.parametrize("fault, error, expected, got", table(FAULTS))
@pytest.mark.parametrize("name", NAMES)
def test_scan_wrong_array(name, fault, error, expected, got):
    A = scan_arguments()
    A[name] = fault(A[name])
    refuses(error, f"{re.escape(f'{name}: {expected}')}.*{re.escape(got)}", run_scan, A)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64, np.complex128])
@pytest.mark.parametrize("name", [n for n in NAMES if n != "x"])
def test_scan_mixed_dtypes(name, dtype):
    A = scan_arguments()
    A[name] = A[name].astype(dtype)
    refuses(TypeError, re.escape(f"{name}: expected dtype float64, got {np.dtype(dtype)}"), run_scan, A)


@pytest.mark.parametrize("name", NAMES)
def test_scan_host_and_device(name):
    A = scan_arguments()
    A[name] = standin.asarray(A[name])
    where = rf"arrays: expected all of one array module, got .*{re.escape(name)} of standin"
    refuses(TypeError, where, run_scan, A)


def scan_with(cell=cells.LSTM, **changes):
    A = {"P": {n: RNG.standard_normal(s) for n, s in scan.parameter_shapes(cell, D, H).items()}}
    A |= {"x": RNG.standard_normal((T, D, B)), "state": None} | changes
    return scan.forward(cell, A["P"], A["x"], A["state"])


SCAN = [
    ("T = 0", "x: expected T >= 1, got .*empty", {"x": np.zeros((0, D, B))}),
    ("no features", "x: expected D >= 1", {"x": np.zeros((T, 0, B))}),
    ("no examples", "x: expected B >= 1", {"x": np.zeros((T, D, 0))}),
    ("P of another cell", "P: expected the names W, R, b for cell rnn, got W, R, b, p", {"cell": cells.RNN} | {
        "P": {n: np.ones(s) for n, s in scan.parameter_shapes(cells.LSTM, D, H).items()}}),
    ("a name missing", "P: expected the names W, R, b.*got W, b$", {"P": {"W": X, "b": X}}),
    ("a name too many", "P: expected the names W, R, b for cell lstm, got R, U", {"P": {"R": X[0], "U": X}}),
    ("state too short", r"state: expected 2 arrays for cell lstm, got 1", {"state": (np.ones((H, B)),)}),
    ("state not a tuple", r"state: expected 2 arrays for cell lstm, got 6", {"state": np.ones((H, B))}),
]


@pytest.mark.parametrize("message, changes", table(SCAN))
def test_scan(message, changes):
    refuses(ValueError, message, scan_with, **changes)


@pytest.mark.parametrize("x", [np.ones((T, D, B), int), np.ones((T, D, B), bool)], ids=["int", "bool"])
def test_scan_needs_floating_point(x):
    refuses(TypeError, "x: expected floating-point numbers, got dtype", scan_with, x=x)


def test_scan_backward_of_what_was_not_kept():
    P = {n: RNG.standard_normal(s) for n, s in scan.parameter_shapes(cells.RNN, D, H).items()}
    h, _, cache = scan.forward(cells.RNN, P, RNG.standard_normal((T, D, B)), keep=False)
    refuses(ValueError, "cache: expected one that forward has kept", scan.backward, cells.RNN, P, cache, h)


# ---- losses ------------------------------------------------------------------------------------------------------

Y, TARGET = RNG.standard_normal((T, C, B)), RNG.integers(0, C, (T, B))

LOSSES = [
    ("y without steps", ValueError, r"y: expected shape \(T, C, B\), got \(2, 5\)", (Y[0], TARGET), (Y[0], Y[0])),
    ("target of other B", ValueError, r"target: expected shape \(T=4, ", (Y, TARGET[:, 1:]), (Y, Y[..., 1:])),
    ("one target for all", ValueError, r"target: expected shape \(T=4, ", (Y, TARGET[:1]), (Y, Y[:1])),
    ("y of integers", TypeError, "y: expected floating-point numbers, got", (TARGET[:, None], TARGET), 2 * (Y > 0,)),
    ("a list", TypeError, "target: expected a NumPy or CuPy array, got list", (Y, [0, 1]), (Y, [0, 1])),
    ("host and device", TypeError, "y of numpy, target of standin", *2 * [(Y, standin.Array(TARGET))]),
    ("no examples", ValueError, "y: expected B >= 1", (Y[..., :0], TARGET[:, :0]), 2 * (Y[..., :0],)),
]


@pytest.mark.parametrize("error, message, for_labels, for_values", table(LOSSES))
def test_losses(error, message, for_labels, for_values):
    refuses(error, message, losses.softmax_cross_entropy, *for_labels)
    refuses(error, message, losses.mse, *for_values[:2])


@pytest.mark.parametrize("target", [TARGET * 1.0, TARGET > 0], ids=["float", "bool"])
def test_labels_are_integers(target):
    message = "target: expected integer class labels, got dtype"
    refuses(TypeError, message, losses.softmax_cross_entropy, Y, target)


@pytest.mark.parametrize("label", [-1, C])
def test_labels_in_range(label):
    target = TARGET.copy()
    target[2, 1] = label
    message = r"target: expected labels in 0 ... 1, got (-1 ... 1|0 ... 2)"
    refuses(ValueError, message, losses.softmax_cross_entropy, Y, target)


def test_mse_does_not_promote():
    refuses(TypeError, "target: expected dtype float64, got float32", losses.mse, Y, Y.astype(np.float32))


# ---- making layers and models ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, -1, 2.0, True, None, "3", np.float32(3)], ids=repr)
@pytest.mark.parametrize("layer, names", [(lstm, ["features", "hidden"]), (gru, ["features", "hidden"]),
                                          (core.rnn, ["features", "hidden"]), (dense, ["features", "outputs"])])
def test_sizes_are_positive_integers(layer, names, size):
    for name in names:
        sizes = dict.fromkeys(names, 3) | {name: size}
        refuses(ValueError, f"{name}: expected a positive integer, got", layer, **sizes)


def test_a_gru_resets_before_or_after():
    refuses(ValueError, "reset: expected one of 'after', 'before', got 'both'", gru, 3, 4, reset="both")


def test_sizes_may_be_numpy_integers():
    rng = np.random.default_rng(0)
    model = core.Model([lstm(np.int64(D), np.int32(H)), last(), dense(np.uint8(H), C)], core.mse, rng=rng)
    x, y = data.parity(rng, np.int64(3), np.int32(7))
    assert model.theta.size == 4 * H * (D + H + 1) + C * (H + 1) and x.shape == (3, 7, 2) and y.shape == (3, 7)


def make_model(**changes):
    arguments = {"layers": [lstm(D, H), last(), dense(H, C)], "loss": core.softmax_cross_entropy}
    return core.Model(**arguments | {"rng": np.random.default_rng(1), "dtype": np.float32} | changes)


MODELS = [
    ("no layers", ValueError, "layers: expected at least one layer, got none", {"layers": []}),
    ("no misfits", ValueError, "layers: expected 6 features for dense, as the layer before makes, got 5", {
        "layers": [lstm(D, H), dense(5, C)]}),
    ("not made", TypeError, "layers: expected layers such as .*, got <function last", {"layers": [lstm(D, H), last]}),
    ("last first", ValueError, "layers: expected a first layer that states its features, got last", {
        "layers": [last(), dense(H, C)]}),
    ("loss by name", TypeError, "loss: expected a function such as losses.mse, got 'mse'", {"loss": "mse"}),
    ("float16", TypeError, "dtype: expected float32 or float64, got float16", {"dtype": np.float16}),
    ("integers", TypeError, "dtype: expected float32 or float64, got int64", {"dtype": np.int64}),
    ("complex", TypeError, "dtype: expected float32 or float64, got complex128", {"dtype": complex}),
    ("no rng", TypeError, "rng: expected a numpy.random.Generator.*got None", {"rng": None}),
    ("a seed", TypeError, "rng: expected a numpy.random.Generator.*got 0", {"rng": 0}),
    ("the global rng", TypeError, "rng: expected a numpy.random.Generator.*got <module", {"rng": np.random}),
]


@pytest.mark.parametrize("error, message, changes", table(MODELS))
def test_model(error, message, changes):
    refuses(error, message, make_model, **changes)


THETAS = [
    ("too short", ValueError, r"theta: expected shape \(N=254\), got \(253,\)", lambda theta: theta[1:]),
    ("not flat", ValueError, r"theta: expected shape \(N=254\), got \(2, 127\)", lambda theta: theta.reshape(2, -1)),
    ("integers", TypeError, "theta: expected floating-point numbers, got dtype int64", lambda theta: theta.astype(int)),
    ("a list", TypeError, "theta: expected a NumPy or CuPy array, got list", lambda theta: theta.tolist()),
]


@pytest.mark.parametrize("error, message, change", table(THETAS))
def test_theta(error, message, change):
    model = make_model()
    before = model.theta
    refuses(error, message, model.at, change(model.theta))
    refuses(error, message, setattr, model, "theta", change(model.theta))
    assert model.theta is before


def test_states_one_for_each_layer():
    model, x = make_model(dtype=np.float64), X.transpose(1, 2, 0)
    y, after, caches = model.forward(x)
    wanted = "states: expected a tuple of arrays for each of 3 layers, got "
    refuses(ValueError, wanted + r"\['tuple'\]", model.forward, x, after[:1])
    refuses(ValueError, wanted + r"\['ndarray', 'tuple', 'tuple'\]", model.forward, x, [after[0][0], (), ()])
    refuses(ValueError, wanted + r"\['ndarray', 'ndarray'\]", model.forward, x, after[0])
    refuses(ValueError, wanted + "ndarray", model.forward, x, after[0][0])
    refuses(ValueError, wanted + "int", model.forward, x, 0)
    refuses(ValueError, "d" + wanted + r"\[('tuple'(, )?){4}\]", model.backward, caches, y, [*after, ()])


UPSTREAM = [
    ("dense", dense(H, C), np.ones((T, H, B)), (T, C + 1, B), r"dy: expected shape \(T=4, C=2, B=5\), got \(4, 3, 5\)"),
    ("dense, one step", dense(H, C), np.ones((T, H, B)), (1, C, B), r"dy: expected shape \(T=4, C=2, B=5\)"),
    ("last", last(), np.ones((T, H, B)), (1, 1, B), r"dy: expected shape \(T=1, D=6, B=5\), got \(1, 1, 5\)"),
    ("last, all steps", last(), np.ones((T, H, B)), (T, H, B), r"dy: expected shape \(T=1, D=6, B=5\), got \(4,"),
]


@pytest.mark.parametrize("layer, x, shape, message", table(UPSTREAM))
def test_upstream_gradient_is_not_broadcast(layer, x, shape, message):
    P = {name: np.ones(s) for name, s in layer.shapes.items()}
    _, _, cache = layer.forward(P, x, ())
    refuses(ValueError, message, layer.backward, P, cache, np.ones(shape), ())


def test_dense_does_not_promote():
    P = {"W": np.ones((C, H), np.float32), "b": np.ones((C, 1), np.float32)}
    refuses(TypeError, "x: expected dtype float32, got float64", dense(H, C).forward, P, np.ones((T, H, B)), ())


# ---- the edge: x and y as users hand them in ---------------------------------------------------------------------


def spoilt(value, dtype=np.float64):
    x = X.astype(dtype)
    x[3, 1, 2] = value
    return x


XS = [
    ("a list", TypeError, "x: expected a NumPy or CuPy array, got list", X.tolist()),
    ("None", TypeError, "x: expected a NumPy or CuPy array, got NoneType", None),
    ("pixels", TypeError, "x: expected floating-point numbers, got dtype uint8", np.ones((B, T, D), np.uint8)),
    ("integers", TypeError, "x: expected floating-point numbers, got dtype int64", X.astype(int)),
    ("bool", TypeError, "x: expected floating-point numbers, got dtype bool", X > 0),
    ("complex", TypeError, "x: expected floating-point numbers, got dtype complex128", X + 0j),
    ("strings", TypeError, "x: expected floating-point numbers, got dtype <U", X.astype(str)),
    ("objects", TypeError, "x: expected floating-point numbers, got dtype object", X.astype(object)),
    ("0-D", ValueError, r"x: expected shape \(B, T, D=3\), got \(\)", np.float64(1)),
    ("1-D", ValueError, r"x: expected shape \(B, T, D=3\), got \(4,\)", X[0, :, 0]),
    ("2-D", ValueError, r"x: expected shape \(B, T, D=3\), got \(4, 3\)", X[0]),
    ("one feature short", ValueError, r"x: expected shape \(B, T, D=3\), got \(5, 4, 2\)", X[..., :2]),
    ("columns", ValueError, r"x: expected shape \(B, T, D=3\), got \(4, 3, 5\)", X.transpose(1, 2, 0)),
    ("no examples", ValueError, "x: expected B >= 1, got .*empty", X[:0]),
    ("T = 0", ValueError, "x: expected T >= 1, got .*empty", X[:, :0]),
    ("NaN", ValueError, "x: expected finite numbers, got NaN or infinity, first in example 3", spoilt(np.nan)),
    ("infinity", ValueError, "x: expected finite numbers, got .* first in example 3", spoilt(-np.inf, np.float32)),
    ("beyond float32", ValueError, "x: expected finite numbers, got .* first in example 3", spoilt(1e300)),
]


def fit(x=X, y=LABELS, model=None, **changes):
    settings = {"epochs": 1, "rng": np.random.default_rng(2), "progress": False} | changes
    return core.fit(model or make_model(), x, y, **settings)


@pytest.mark.parametrize("call", [
    lambda model, x: model.predict(x),
    lambda model, x: core.evaluate(model, x, LABELS),
    lambda model, x: fit(x, model=model),
], ids=["predict", "evaluate", "fit"])
@pytest.mark.parametrize("error, message, x", table(XS))
def test_x(call, error, message, x):
    refuses(error, message, call, make_model(), x)


def test_x_on_another_device_than_the_model():
    where = "arrays: expected all of one array module, got x of standin, .*theta of numpy"
    refuses(TypeError, where, make_model().predict, standin.asarray(X))
    refuses(TypeError, where, core.evaluate, make_model(), standin.asarray(X), standin.asarray(LABELS))
    options = {"epochs": 1, "rng": np.random.default_rng(0), "progress": False}
    refuses(TypeError, where, core.fit, make_model(), standin.asarray(X), standin.asarray(LABELS), **options)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f8"])
def test_x_of_any_floating_point_type_is_converted(dtype):
    """Values that float32 and float16 hold exactly: the model's precision decides, not the data's."""
    x = np.round(X * 8) / 8
    found = make_model().predict(x.astype(dtype))
    np.testing.assert_array_equal(found, make_model().predict(x.astype(np.float32)), strict=True)


YS = [
    ("a list", TypeError, "y: expected a NumPy or CuPy array, got list", LABELS.tolist()),
    ("one short", ValueError, r"y: expected shape \(B=5\), got \(4,\)", LABELS[1:]),
    ("as a column", ValueError, r"y: expected shape \(B=5\), got \(5, 1\)", LABELS[:, None]),
    ("a label a step", ValueError, r"y: expected shape \(B=5\), got \(5, 4\)", np.ones((B, T), int)),
    ("float labels", TypeError, "y: expected integer class labels, or .* got dtype float64", LABELS * 1.0),
    ("one-hot", ValueError, r"y: expected class labels \(B\), got .* one-hot: pass y.argmax", np.eye(2)[LABELS]),
    ("one-hot integers", ValueError, "y: expected .* one-hot", np.eye(2, dtype=int)[LABELS]),
    ("counted from 1", ValueError, "y: expected labels in 0 ... 1, got 1 ... 2: they look counted from 1; pass y - 1",
        LABELS + 1),
    ("string labels", TypeError, "y: expected integer class labels, or .* got dtype <U", LABELS.astype(str)),
    ("too large", ValueError, "y: expected labels in 0 ... 1, got 1 ... 2", LABELS * 0 + [1, 2, 1, 1, 1]),
    ("negative", ValueError, "y: expected labels in 0 ... 1, got -1 ... 0", -LABELS),
    ("on another device", TypeError, "got x of numpy, y of standin", standin.Array(LABELS)),
    ("values for the softmax", ValueError, r"y: expected class labels \(B\) for this loss, got values",
        np.ones((B, C), np.float32)),
]
VALUES = [
    ("labels for mse", ValueError, r"y: expected values \(B, C=2\) for this loss, got labels", LABELS),
    ("other C", ValueError, r"y: expected shape \(B=5, C=2\), got \(5, 3\)", np.ones((B, 3), np.float32)),
    ("beyond float32", ValueError, "y: expected finite numbers, got .* example 0", np.full((B, C), 1e300)),
    ("complex", TypeError, "y: expected real numbers, got dtype complex64", np.ones((B, C), np.complex64)),
    ("NaN", ValueError, "y: expected finite numbers, got .* example 4", np.float32([[0, 0]] * 4 + [[0, np.nan]])),
]
CASES = [("labels: " + n, core.softmax_cross_entropy, *row) for n, *row in YS]
CASES += [("values: " + n, core.mse, *row) for n, *row in VALUES]


@pytest.mark.parametrize("call", [lambda m, y: core.evaluate(m, X, y), lambda m, y: fit(y=y, model=m)],
                         ids=["evaluate", "fit"])
@pytest.mark.parametrize("loss, error, message, y", table(CASES))
def test_y(call, loss, error, message, y):
    refuses(error, message, call, make_model(loss=loss), y)


# ---- fit: settings, and nothing changed by a refusal -------------------------------------------------------------

COUNT = "expected a positive integer, got"
FITS = [
    *[(f"{name}={v!r}", ValueError, f"{name}: {COUNT}", {name: v, "validation": (X, LABELS)})
      for name in ("epochs", "batch", "patience") for v in (0, -1, 1.5, True, "1", np.float64(2))],
    ("epochs=None", ValueError, f"epochs: {COUNT} None", {"epochs": None}),
    *[(f"clip={v!r}", ValueError, "clip: expected a positive number, got", {"clip": v})
      for v in (0, -1.0, np.nan, "1", True)],
    ("patience alone", ValueError, "patience: expected a validation set.*got validation=None", {"patience": 1}),
    ("no rng", TypeError, "rng: expected a numpy.random.Generator.*got None", {"rng": None}),
    ("a seed", TypeError, "rng: expected a numpy.random.Generator.*got 1", {"rng": 1}),
    ("rate a number", TypeError, "rate: expected a schedule such as.*got 0.01", {"rate": 0.01}),
    ("rate 0", TypeError, "rate: expected a schedule such as.*got 0.0", {"rate": 0.0}),
    ("optimizer not made", TypeError, "optimizer: expected an Optimizer such as.*got <function adam", {
        "optimizer": optim.adam}),
    ("optimizer by name", TypeError, "optimizer: expected an Optimizer.*got 'adam'", {"optimizer": "adam"}),
    ("device misspelt", ValueError, "device: expected 'numpy', 'cupy' or an array module, got 'cuda'", {
        "device": "cuda"}),
    ("validation x only", TypeError, r"validation: expected \(x, y\) or \(x, y, lengths\), got ndarray", {
        "validation": X}),
    ("validation of three", TypeError, "validation: lengths: expected a NumPy or CuPy", {"validation": (X, LABELS, 1)}),
    ("validation y", ValueError, r"validation: y: expected shape \(B=4\), got \(5,\)", {"validation": (X[1:], LABELS)}),
    ("validation x", ValueError, "validation: x: expected finite numbers", {"validation": (spoilt(np.nan), LABELS)}),
    ("validation empty", ValueError, "validation: x: expected B >= 1", {"validation": (X[:0], LABELS[:0])}),
]


@pytest.mark.parametrize("error, message, changes", table(FITS))
def test_fit(error, message, changes):
    refuses(error, message, fit, **changes)


REFUSALS = [("fit, " + name, changes) for name, _, _, changes in FITS]
REFUSALS += [("x, " + name, {"x": x}) for name, _, _, x in XS]
REFUSALS += [("y, " + name, {"y": y}) for name, _, _, y in YS]


@pytest.mark.parametrize("changes", table(REFUSALS))
def test_fit_changes_nothing_if_it_refuses(changes):
    model, rng = make_model(), np.random.default_rng(2)
    theta, before, draws = model.theta, model.theta.tobytes(), rng.bit_generator.state
    with pytest.raises((TypeError, ValueError)):
        fit(model=model, **{"device": standin, "rng": rng} | changes)
    assert model.theta is theta and theta.tobytes() == before  # not even moved
    assert rng.bit_generator.state == draws


def test_fit_takes_numpy_numbers():
    one = np.int64(1)
    history = fit(epochs=one, batch=np.int32(2), validation=[X, LABELS], patience=one, clip=np.float32(1))
    assert len(history.batch_loss) == 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e-3], ids=repr)
def test_a_schedule_that_goes_wrong(value):
    model = make_model()
    before = model.theta.tobytes()
    message = f"rate: expected a schedule of numbers >= 0, got {value}"
    refuses(ValueError, message, fit, model=model, rate=lambda progress: value)
    assert model.theta.tobytes() == before


@pytest.mark.parametrize("batch", [0, -1, 2.5, True, None], ids=repr)
def test_evaluate_batch(batch):
    refuses(ValueError, "batch: expected a positive integer, got", core.evaluate, make_model(), X, LABELS, batch)


# ---- arrays, optimisers, schedules, data -------------------------------------------------------------------------

LIST, LIMIT = "array: expected a NumPy or CuPy array, got list", "limit: expected a positive number, got"
RNG_ERROR = "rng: expected a numpy.random.Generator.*got"
OTHERS = [
    ("to_host of a list", TypeError, LIST, core.to_host, [[1.0]]),
    ("to_device of a list", TypeError, LIST, core.to_device, [1.0], "numpy"),
    ("to_device nowhere", ValueError, "device: expected 'numpy', .*, got 'gpu'", core.to_device, X, "gpu"),
    ("to_device None", ValueError, "device: expected 'numpy', .*, got None", core.to_device, X, None),
    ("clip at nought", ValueError, f"{LIMIT} 0", optim.clip_global_norm, X.ravel(), 0),
    ("clip at less", ValueError, f"{LIMIT} -1", optim.clip_global_norm, X.ravel(), -1),
    ("clip at NaN", ValueError, f"{LIMIT} nan", optim.clip_global_norm, X.ravel(), np.nan),
    *[(f"{f.__name__} {name}={v!r}", ValueError, rf"{name}: expected a number in \[0, 1\), got", f, *before, v)
      for f, name, before in [(optim.momentum, "beta", ()), (optim.adam, "beta1", ()), (optim.adam, "beta2", (0.9,)),
                              (optim.adam, "weight_decay", (0.9, 0.9, 0.1))]
      for v in (-0.1, 1, np.nan, "0.9", None)],
    *[(f"{f.__name__} {name}={v!r}", ValueError, f"{name}: expected a positive number, got", f, *before, v)
      for f, name, before in [(optim.constant, "rate", ()), (optim.steps, "factor", (0.1, 2)),
                              (optim.adam, "epsilon", (0.9, 0.999)), (optim.cosine, "epochs", (0.1,))]
      for v in (0, -1, np.nan, np.inf, "1", None, True)],
    ("steps every", ValueError, "every: expected a positive number, got 0", optim.steps, 0.1, 0),
    ("steps rate", ValueError, "rate: expected a positive number, got 0", optim.steps, 0, 1),
    ("cosine rate", ValueError, "rate: expected a positive number, got 0", optim.cosine, 0, 1),
    *[(f"warmup={v!r}", ValueError, "warmup: expected 0 <= warmup < epochs = 3, got", optim.cosine, 0.1, 3, v)
      for v in (-1, 3, 4.0)],
    *[(f"warmup={v!r}", ValueError, "warmup: expected a number, got", optim.cosine, 0.1, 3, v)
      for v in (np.nan, np.inf, "1", None, True)],
    ("digits, a seed", TypeError, RNG_ERROR, data.digits, 0),
    ("digits, none to test", ValueError, f"test: {COUNT} 0", data.digits, RNG, 0),
    ("digits, a fraction", ValueError, f"test: {COUNT} 0.2", data.digits, RNG, 0.2),
    ("digits, none to train", ValueError, "test: expected .* 1797 .* got 1797", data.digits, RNG, 1797),
    ("parity, no rng", TypeError, RNG_ERROR, data.parity, None, 1, 1),
    ("parity, none", ValueError, f"count: {COUNT} 0", data.parity, RNG, 0, 5),
    ("parity, T = 0", ValueError, f"length: {COUNT} 0", data.parity, RNG, 5, 0),
    ("parity, 2.5", ValueError, f"length: {COUNT} 2.5", data.parity, RNG, 5, 2.5),
    ("no such file", ValueError, "name: expected one of text/.*, mnist/train.*, got 'mnist'", data.content, "mnist"),
]


@pytest.mark.parametrize("error, message, call, args", [pytest.param(*r[1:4], r[4:], id=r[0]) for r in OTHERS])
def test_the_rest(error, message, call, args):
    refuses(error, message, call, *args)


def test_numpy_numbers_are_numbers():
    assert optim.constant(np.float32(0.5))(0) == optim.cosine(np.float64(0.5), np.int64(2), np.float32(0.5))(0.5) == 0.5
    assert optim.adam(np.float32(0.5), np.float64(0.9)) and optim.momentum(np.int64(0))


# ---- sequences, layers and configs -------------------------------------------------------------------------------

N_STEPS = np.array([4, 1, 2, 3, 4])
TOKENS = np.array([[0, 1, 2, 0], [2, 2, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0], [2, 1, 0, 1]])
LENGTHS = [
    ("a list", TypeError, "lengths: expected a NumPy or CuPy array, got list", [4, 1, 2, 3, 4]),
    ("a number", TypeError, "lengths: expected a NumPy or CuPy array, got int", 4),
    ("one short", ValueError, r"lengths: expected shape \(B=5\), got \(4,\)", N_STEPS[1:]),
    ("a column", ValueError, r"lengths: expected shape \(B=5\), got \(5, 1\)", N_STEPS[:, None]),
    ("0-D", ValueError, r"lengths: expected shape \(B=5\), got \(\)", np.array(4)),
    ("floats", ValueError, r"lengths: expected integers in 1 ... 4, got array", N_STEPS * 1.0),
    ("booleans", ValueError, r"lengths: expected integers in 1 ... 4, got array", N_STEPS > 0),
    ("words", ValueError, r"lengths: expected integers in 1 ... 4, got array", N_STEPS.astype(str)),
    ("none at all", ValueError, r"lengths: expected integers in 1 ... 4, got array\(\[3, 0, 1, 2, 3\]\)", N_STEPS - 1),
    ("negative", ValueError, r"lengths: expected integers in 1 ... 4, got array", -N_STEPS),
    ("too long", ValueError, r"lengths: expected integers in 1 ... 4, got array", N_STEPS + 1),
    ("on another device", TypeError, "got x of numpy, lengths of standin", standin.Array(N_STEPS)),
]


@pytest.mark.parametrize("call", [
    lambda model, lengths: model.predict(X, lengths),
    lambda model, lengths: model.run(X, lengths=lengths),
    lambda model, lengths: core.evaluate(model, X, LABELS, lengths=lengths),
    lambda model, lengths: fit(model=model, lengths=lengths),
    lambda model, lengths: fit(model=model, validation=(X, LABELS, lengths)),
], ids=["predict", "run", "evaluate", "fit", "validation"])
@pytest.mark.parametrize("error, message, lengths", table(LENGTHS))
def test_lengths(call, error, message, lengths):
    refuses(error, message, call, make_model(), lengths)


def embedded(**changes):
    return make_model(layers=[core.embedding(3, D), lstm(D, H), last(), dense(H, C)], **changes)


@pytest.mark.parametrize("lengths", [None, N_STEPS], ids=["whole", "lengths"])
@pytest.mark.parametrize("error, message, x", table([
    ("floats", TypeError, "x: expected integer class labels, got dtype float64", TOKENS * 1.0),
    ("booleans", TypeError, "x: expected integer class labels, got dtype bool", TOKENS > 0),
    ("words", TypeError, "x: expected integer class labels, got dtype <U", TOKENS.astype(str)),
    ("one-hot", ValueError, r"x: expected shape \(B, T\), got \(5, 4, 3\)", np.eye(3)[TOKENS]),
    ("too large", ValueError, "x: expected labels in 0 ... 2, got 0 ... 3", TOKENS + (TOKENS == 2)),
    ("negative", ValueError, "x: expected labels in 0 ... 2, got -1 ... 2", TOKENS - (TOKENS == 0)),
    ("empty", ValueError, "x: expected T >= 1", TOKENS[:, :0]),
]))
def test_tokens(error, message, x, lengths):
    refuses(error, message, embedded().predict, x, lengths)
    refuses(error, message, fit, x, model=embedded(), lengths=lengths)
    assert embedded().predict(TOKENS.astype(np.uint8), lengths).shape == (B, C)


@pytest.mark.parametrize("error, message, x", [row for row in table(XS) if "dtype" in row.values[1]])
def test_x_with_lengths(error, message, x):
    if x.ndim == 3:
        refuses(error, "x: expected floating-point numbers, got dtype", make_model().predict, x, N_STEPS)


TWICE = core.bidirectional(lstm(D, H))
MORE_FITS = [
    *[(f"truncate={v!r}", ValueError, f"truncate: {COUNT}", {"truncate": v}) for v in (0, -1, 1.5, True, "1")],
    *[(f"truncate, {layer.name}", ValueError, "truncate: expected layers that run forward, got", {
        "truncate": 2, "model": make_model(layers=[layer, core.gru(layer.output(T, D)[1], H), last(), dense(H, C)])})
      for layer in (TWICE, core.reverse(gru(D, H)))],
    ("buckets alone", ValueError, "buckets: expected lengths to sort by, got lengths=None", {"buckets": True}),
    ("history a dict", TypeError, "history: expected the History of an earlier fit, got {", {"history": {"loss": []}}),
    ("history a list", TypeError, r"history: expected the History of an earlier fit, got \[", {"history": [0.1]}),
    ("history of momentum", ValueError, "history: expected .*'m'.* got .*'v'", {
        "history": core.History(optimizer={"v": np.zeros(254, np.float32)})}),
    ("history of another model", ValueError, "history: expected .*254.* got .*253", {
        "history": core.History(optimizer={"k": 1, "m": np.zeros(253, np.float32), "v": np.zeros(253, np.float32)})}),
    ("validation of four", TypeError, r"validation: expected \(x, y\) or \(x, y, lengths\), got tuple", {
        "validation": (X, LABELS, N_STEPS, 1)}),
    ("lengths", ValueError, "lengths: expected integers in 1 ... 4", {"lengths": N_STEPS + 1}),
]


@pytest.mark.parametrize("error, message, changes", table(MORE_FITS))
def test_fit_of_sequences(error, message, changes):
    """And nothing has changed: neither model nor history nor generator, nor where they are."""
    changes = {"model": make_model()} | changes
    model, rng, history = changes["model"], np.random.default_rng(2), changes.get("history", core.History())
    before, draws, kept = model.theta.tobytes(), rng.bit_generator.state, repr(history)
    theta, state = model.theta, getattr(history, "optimizer", None)
    refuses(error, message, fit, **{"rng": rng, "device": standin} | changes)
    assert model.theta is theta and theta.tobytes() == before and rng.bit_generator.state == draws
    assert repr(history) == kept and getattr(history, "optimizer", None) is state


LAST = r"layers: expected bidirectional\(…, last=True\), got last after"
STACKS = [
    ("last of both", f"{LAST} bidirectional lstm", [TWICE, last()]),
    ("last of both, later", f"{LAST} bidirectional lstm", [TWICE, core.dropout(0.1), dense(2 * H, C), last()]),
    ("last of reverse", f"{LAST} reverse gru", [core.reverse(gru(D, H)), core.activation("tanh"), last()]),
    ("embedding later", "layers: expected an embedding as the first layer only, got", [
        dense(D, H), core.embedding(3, H)]),
    ("embedding twice", "layers: expected an embedding as the first layer only, got", 2 * [core.embedding(3, 3)]),
    ("dropout first", "layers: expected a first layer that states its features, got dropout", [
        core.dropout(0.1), dense(D, C)]),
    ("activation first", "layers: expected a first layer that states its features, got tanh", [
        core.activation("tanh")]),
]


@pytest.mark.parametrize("message, layers", [pytest.param(*row[1:], id=row[0]) for row in STACKS])
def test_stacks(message, layers):
    refuses(ValueError, message, make_model, layers=layers)


def test_last_after_layers_that_run_forward_again():
    assert make_model(layers=[TWICE, gru(2 * H, H), core.dropout(0.1), last(), dense(H, C)]).reads_last


NONE_SUCH = [None, "tahn", "", 3, ["tanh"], {}]
MAKERS = [
    *[(f"dropout({v!r})", r"rate: expected a number in \[0, 1\), got", core.dropout, v)
      for v in (1, 1.0, -0.1, np.nan, np.inf, "0.5", None, True, [0.5], 1j)],
    *[(f"activation({v!r})", "function: expected one of 'tanh', 'sigmoid', 'relu', 'softmax', 'log_softmax', got",
       core.activation, v) for v in NONE_SUCH],
    *[(f"rnn {v!r}", "activation: expected one of 'tanh', 'relu', got", core.rnn, 3, 4, v) for v in NONE_SUCH],
    *[(f"recurrent({v!r})", "cell: expected one of 'rnn', .*'lstm', .*got", core.recurrent, v, 3, 4)
      for v in (*NONE_SUCH, "LSTM")],
    ("recurrent(step)", "cell: expected one of 'rnn', .*, got", core.recurrent, cells.LSTM.stages[0].step, 3, 4),
    *[(f"{f.__name__}({getattr(v, 'name', v)!r})", "of: expected a recurrent layer such as lstm.*, got", f, v)
      for f in (core.reverse, core.bidirectional)
      for v in (dense(3, 4), last(), TWICE, core.reverse(gru(3, 4)), core.embedding(3, 4), "lstm", None)],
    *[(f"{f.__name__}(lstm)", "of: expected a recurrent layer such as lstm.*, got", f, lstm)
      for f in (core.reverse, core.bidirectional)],
    *[(f"embedding({v!r})", f"labels: {COUNT}", core.embedding, v, 3) for v in (0, -1, 2.0, True, None, "3")],
    *[(f"embedding(3, {v!r})", f"outputs: {COUNT}", core.embedding, 3, v) for v in (0, -1, 2.0, True, None, "3")],
]


@pytest.mark.parametrize("message, call, args", [pytest.param(row[1], row[2], row[3:], id=row[0]) for row in MAKERS])
def test_makers(message, call, args):
    refuses(ValueError, message, call, *args)


def test_dropout_takes_numpy_numbers():
    assert core.dropout(np.float32(0.5)).config == core.dropout(0.5).config == {"layer": "dropout", "rate": 0.5}


def nested(depth):
    config = lstm(3, 4).config
    for _ in range(depth):
        config = {"layer": "bidirectional", "of": config, "last": False}
    return config


GOOD = lstm(3, 4).config
CONFIGS = {
    "None": None, "a number": 3, "a word": "lstm", "a list": [GOOD], "nothing": {},
    "an import": {"layer": "__import__"}, "a dunder": {"layer": "__init__"}, "a list as layer": {"layer": []},
    "a layer that is no maker": {"layer": "make"}, "no layer": {k: GOOD[k] for k in GOOD if k != "layer"},
    "no size": {k: GOOD[k] for k in GOOD if k != "hidden"},
    "an extra": GOOD | {"extra": 1}, "an initialiser": GOOD | {"W": "os.system"}, "a bias": GOOD | {"forget_bias": 1.0},
    "an of too many": GOOD | {"of": GOOD}, "own a word": GOOD | {"own": "no"}, "a negative size": GOOD | {"hidden": -1},
    "half a unit": GOOD | {"hidden": 4.5}, "a cell": GOOD | {"cell": cells.LSTM},
    "another cell": GOOD | {"cell": "eval"},
    "reverse of nothing": {"layer": "reverse"}, "reverse of dense": {"layer": "reverse", "of": dense(3, 4).config},
    "reverse of a word": {"layer": "reverse", "of": "lstm"}, "both twice": nested(2), "deep": nested(100_000),
    "last a word": nested(1) | {"last": "no"}, "dropout 1": {"layer": "dropout", "rate": 1.0},
    "dropout NaN": {"layer": "dropout", "rate": np.nan}, "activation": {"layer": "activation", "function": "exec"},
    "dense and more": dense(3, 4).config | {"W": "x"}, "last and more": {"layer": "last", "W": 1},
    "a number as a key": {"layer": "last", 3: 1},
}  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_configs(config):
    with pytest.raises(ValueError, match=r"^config: expected that of a layer, got ") as caught:
        core.layers.make(config)
    assert len(str(caught.value)) < 1000
    while isinstance(config, dict) and "of" in config:  # or taking it apart would recurse
        config = config.pop("of")
