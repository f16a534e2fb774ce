"""Configs: what a model is beside its numbers, as JSON; and what every format asks of the numbers that it reads."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from lstm_core.arrays import namespace, to_device, views
from lstm_core.checks import brief, check_choice, check_function, check_kind, listed
from lstm_core.layers import Layer, make
from lstm_core.losses import CrossEntropy, binary_cross_entropy, mse, softmax_cross_entropy
from lstm_core.model import Model
from lstm_core.types import Arrays

DTYPES = "float32", "float64"
FIELDS = "dtype", "loss", "layers"
MOST_LAYERS = 10_000
LOSSES = {f.__name__: f for f in (mse, softmax_cross_entropy, binary_cross_entropy)}
WEIGHTED = "loss", "class_weights", "ignore_index"  # the fields of a CrossEntropy

# What a damaged file leads to while it is read, beside the errors of the library that parses it: a word is missing, a
# value is of another type or out of range, text is no number, brackets are nested too deep.
DAMAGE = ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError


def check_order(model: Any, path: Any) -> None:
    """Raise TypeError if a path stands where the model should and the model where the path should.

    >>> configs.check_order("model.onnx", Model([dense(2, 1)], mse, rng=rng))
    Traceback (most recent call last):
    TypeError: save: expected (model, path), got them the other way round
    """
    if isinstance(path, Model) and not isinstance(model, Model):
        raise TypeError("save: expected (model, path), got them the other way round")


def reason(error: BaseException) -> str:
    """Why a file is refused, in words, from the error that it led to.

    >>> configs.reason(KeyError("dtype"))
    "there is no 'dtype'"
    """
    return listed([f"there is no {error}" if isinstance(error, KeyError) else error])


def check_fields(name: str, found: Any, expected: Iterable[str]) -> None:
    """Raise ValueError unless `found` is a dict with exactly the fields expected.

    >>> configs.check_fields("config", {"dtype": "float32"}, ("dtype", "loss"))
    Traceback (most recent call last):
    ValueError: config: expected the fields dtype, loss, got 'dtype'
    """
    if not isinstance(found, dict) or found.keys() != {*expected}:
        names = listed(map(brief, found)) if isinstance(found, dict) else brief(found)
        raise ValueError(f"{name}: expected the fields {', '.join(expected)}, got {names}")


def check_json(name: str, text: bytes, begin: int = 0, end: int | None = None) -> None:
    """Raise ValueError if JSON, the bytes `text` from `begin` to `end`, would take much more memory than it has bytes.

    A list of lists that are empty takes 64 bytes for three. What `save` writes is far from it.

    >>> configs.check_json("header", b"[" * 30_000)
    Traceback (most recent call last):
    ValueError: header: expected no more than a model and its history need, got 30000 bytes in tiny parts
    """
    size = (len(text) if end is None else min(end, len(text))) - begin
    parts = sum(text.count(mark, begin, end) for mark in (b"{", b"["))
    if parts > 20_000 + size // 25 or text.count(b",", begin, end) > 50_000 + size // 6:
        raise ValueError(f"{name}: expected no more than a model and its history need, got {size} bytes in tiny parts")


def config_of(model: Model) -> dict[str, Any]:
    """What `model_from` needs beside the parameters: a dict of JSON values. Raises ValueError if that is not enough.

    >>> configs.config_of(Model([dense(2, 1)], mse, rng=rng))
    {'dtype': 'float32', 'loss': 'mse', 'layers': [{'layer': 'dense', 'features': 2, 'outputs': 1}]}
    """
    check_kind("model", model, Model, "a Model")
    loss = loss_config(model.loss_function)
    check_choice("dtype", str(model.theta.dtype), DTYPES)
    check_parameters(model, model.params)
    check_number_of(model.layers)
    layers = [check_known(layer).config for layer in model.layers]
    return {"dtype": str(model.theta.dtype), "loss": loss, "layers": layers}


def loss_config(loss: Callable) -> str | dict:
    """What `loss_from` makes the `loss` again of: its name, or the numbers of a `CrossEntropy`.

    Raises ValueError for a function of one's own without a name that tells it from others, such as a lambda.

    >>> loss_config(mse), loss_config(CrossEntropy(ignore_index=-100))
    ('mse', {'loss': 'CrossEntropy', 'class_weights': None, 'ignore_index': -100})
    """
    if isinstance(loss, CrossEntropy):
        weights = loss.class_weights
        weights = weights if weights is None else [*weights]
        return dict(zip(WEIGHTED, ("CrossEntropy", weights, loss.ignore_index), strict=True))
    name: Any = getattr(loss, "__name__", None)
    if LOSSES.get(name) is loss:
        return name
    if not isinstance(name, str) or not name.isidentifier() or name in LOSSES:
        expected = f"one of {', '.join(LOSSES)}, or a function with a name of its own, to save a model"
        raise ValueError(f"loss: expected {expected}, got {brief(loss)}")
    return name


def loss_from(config: Any, own: Mapping[str, Callable]) -> Callable:
    """The loss of a `loss_config`, if need be one of the reader's `own`, by name. ValueError if there is none.

    >>> loss_from("mine", {"mine": mse}) is mse
    True
    """
    if isinstance(config, dict):
        check_fields("loss", config, WEIGHTED)
        found = CrossEntropy(config["class_weights"], config["ignore_index"])
        if loss_config(found) != config:
            raise ValueError(f"loss: expected that of a CrossEntropy, got {brief(config)}")
        return found
    known = LOSSES | dict(own)
    if not isinstance(config, str) or config not in known:
        hint = f"; your own is to be handed over: load(…, losses={{{brief(config)}: function}})"
        raise ValueError(f"loss: expected one of {', '.join(known)}, got {brief(config)}{hint}")
    return known[config]


def check_losses(losses: Mapping[str, Callable] | None) -> dict[str, Callable]:
    """The reader's own `losses` as a dict, {} for None. Raises unless they are functions, called as none of ours is.

    >>> check_losses(None)
    {}
    """
    losses = {} if losses is None else losses
    check_kind("losses", losses, Mapping, "a dict, name -> function")
    for name, loss in losses.items():
        if not isinstance(name, str) or not name.isidentifier() or name in LOSSES:
            raise ValueError(f"losses: expected names of functions, other than {', '.join(LOSSES)}, got {brief(name)}")
        check_function("losses", loss, "a function such as losses.mse", 2)
    return dict(losses)


def check_known(layer: Layer) -> Layer:
    """The layer that `layers.make` makes of the config of `layer`.

    Raises ValueError if it has another cell or other shapes: a cell of one's own is in no file.

    >>> mine = cells.Cell("lstm", cells.GRU.stages)  # another cell, under the name of the LSTM
    >>> configs.check_known(recurrent(mine, 2, 3))
    Traceback (most recent call last):
    ValueError: lstm: expected the layer that its config makes, got one with a cell of its own
    """
    made = make(layer.config)
    if (made.cell, made.shapes) != (layer.cell, layer.shapes):
        raise ValueError(f"{layer.name}: expected the layer that its config makes, got one with a cell of its own")
    return made


def prefixes(directions: Sequence[str]) -> dict[str, str]:
    """How the parameters of each of a layer's directions begin: "forward." and "reverse." of two, nothing of one.

    >>> configs.prefixes(("forward", "reverse")), configs.prefixes(("forward",))
    ({'forward': 'forward.', 'reverse': 'reverse.'}, {'forward': ''})
    """
    return {direction: f"{direction}." if len(directions) > 1 else "" for direction in directions}


def model_from(
    config: Mapping[str, Any],
    arrays: Arrays | np.ndarray,
    losses: Mapping[str, Callable] = MappingProxyType({}),
) -> Model:
    """The `Model` of a `config_of` with the parameters `arrays`: name -> NumPy array, or all in one vector as in theta.

    losses: the reader's own, by name

    Raises ValueError, saying what is wrong: the config, or a parameter's name, shape, dtype or numbers.

    >>> model = Model([lstm(2, 3), last()], mse, rng=rng)
    >>> other = configs.model_from(configs.config_of(model), model.theta)
    >>> np.array_equal(other.theta, model.theta), other.names
    (True, ('lstm', 'last'))
    """
    check_fields("config", config, FIELDS)
    loss = loss_from(config["loss"], losses)
    check_choice("dtype", config["dtype"], DTYPES)
    layers = layers_of(config)
    size = sum(math.prod(shape) for layer in layers for shape in layer.shapes.values())
    found = arrays.size if isinstance(arrays, np.ndarray) else sum(array.size for array in arrays.values())
    if found != size:  # before memory is taken for it
        raise ValueError(f"parameters: expected {brief(size)} numbers, got {found}")
    empty = [layer._replace(init=_zeros(layer)) for layer in layers]  # starting values take their time
    model = Model(empty, loss, rng=np.random.default_rng(0), dtype=config["dtype"])
    model.layers = tuple(layers)
    if not isinstance(arrays, np.ndarray):
        return fill(model, arrays)
    check_parameters(model, views(model.shapes, arrays))
    model.theta[...] = arrays
    return model


def layers_of(config: Mapping[str, Any]) -> list[Layer]:
    """The layers of a `config_of`. Raises ValueError, saying what is wrong, for anything else.

    >>> [layer.name for layer in configs.layers_of({"layers": [lstm(2, 3).config, last().config]})]
    ['lstm', 'last']
    """
    check_number_of(config["layers"])
    return [make(layer) for layer in config["layers"]]


def check_number_of(layers: Sequence[Any]) -> None:
    """Raise ValueError for more layers than files hold: a word of a few letters makes one of them.

    >>> configs.check_number_of([{}] * 20_000)
    Traceback (most recent call last):
    ValueError: layers: expected at most 10000 in a file, got 20000
    """
    if len(layers) > MOST_LAYERS:
        raise ValueError(f"layers: expected at most {MOST_LAYERS} in a file, got {len(layers)}")


def _zeros(layer):
    return lambda rng: dict.fromkeys(layer.shapes, 0.0)


def fill(model: Model, arrays: Arrays) -> Model:
    """Set the parameters of `model`, wherever it is, to `arrays`, name -> NumPy array: all, or ValueError and none.

    >>> model = Model([dense(1, 1)], mse, rng=rng)
    >>> _ = configs.fill(model, {"dense.W": np.full((1, 1), 2, np.float32), "dense.b": np.zeros((1, 1), np.float32)})
    >>> model.theta
    array([2., 0.], dtype=float32)
    """
    check_parameters(model, arrays)
    theta = np.concatenate([arrays[name].ravel() for name in model.shapes])
    model.theta[...] = to_device(theta, namespace(model.theta))
    return model


def check_parameters(model: Model, arrays: Arrays) -> None:
    """Raise ValueError unless `arrays` are parameters for `model`: names, shapes, dtype, finite numbers.

    >>> configs.check_parameters(Model([dense(1, 1)], mse, rng=rng), {"dense.W": np.zeros((1, 1))})
    Traceback (most recent call last):
    ValueError: parameters: expected dense.W, dense.b, got dense.W
    """
    if arrays.keys() != model.shapes.keys():
        raise ValueError(f"parameters: expected {listed(model.shapes)}, got {listed(arrays)}")
    for name, shape in model.shapes.items():
        x = arrays[name]
        if x.shape != shape or x.dtype != model.theta.dtype:
            raise ValueError(f"{name}: expected shape {shape} of {model.theta.dtype}, got {x.shape} of {x.dtype}")
        if not bool(namespace(x).isfinite(x).all()):
            raise ValueError(f"{name}: expected finite numbers, got NaN or infinity")
