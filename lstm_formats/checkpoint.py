"""Checkpoints: a model, its history and its generator in one safetensors file, to go on from bit for bit.

The tensors are the parameters by name ("lstm.W", …), for any reader of safetensors, and the arrays of history,
optimiser and generator ("state.…"). All else is JSON in the metadata: the configs of the layers, what
the history says of each epoch, the generator's state, and the SHA-256 of the file with its own place left blank.
"""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import safetensors.numpy

from lstm_core.arrays import namespace, to_device, to_host, views
from lstm_core.checks import check_choice, check_rng
from lstm_core.files import write_atomic
from lstm_core.layers import make
from lstm_core.losses import mse, softmax_cross_entropy
from lstm_core.model import Model
from lstm_core.scores import Scores
from lstm_core.training import History

VERSION = 1
BLANK = "?" * 64
BATCHES = "batch_loss", "batch_norm"
DTYPES = "float32", "float64"
LOSSES = {f.__name__: f for f in (mse, softmax_cross_entropy)}


def save(path, model, history=None, rng=None):
    """Write `model`, and what `fit` needs to go on (its `History` and the numpy.random.Generator), to the file `path`.

    The file is written whole or not at all. Arrays are NumPy's in the file, wherever the model is.
    Raises ValueError for a cell or a loss that is not of lstm_core, or parameters that are not finite; TypeError for
    another generator; OSError from the disk.
    """
    if rng is not None:
        check_rng(rng)
    tensors, meta = dict(model.params), {"sha256": BLANK, "version": VERSION, "model": config_of(model)}
    if history is not None:  # the long lists as arrays: safetensors takes no more than 100 MB of JSON
        history = vars(history) | {name: np.array(getattr(history, name), float) for name in BATCHES}
    meta |= {"history": history, "rng": rng and rng.bit_generator.state}

    def keep(x):  # an array, of the history or the generator
        tensors[name := f"state.{len(tensors)}"] = x
        return {"tensor": name}

    text = json.dumps(meta, default=keep)  # all digits; NaN and infinity too
    tensors = {k: np.asarray(to_host(v), order="C") for k, v in tensors.items()}
    raw = safetensors.numpy.save(tensors, {"lstm_core": text})
    write_atomic(path, raw.replace(BLANK.encode(), hashlib.sha256(raw).hexdigest().encode(), 1))


def load(path):
    """Model, `History` and numpy.random.Generator (each None where `save` had none) of a file that `save` has written.

    Data and the other arguments of `fit` are not in it. The arrays are NumPy's; `model.to(device)`, or
    `fit(…, device=device)`, moves them.
    Raises OSError if there is no such file, and ValueError, naming the file, for one that is not whole: truncated,
    altered in any byte, of another format or version.
    """
    raw = Path(path).read_bytes()
    try:
        tensors = safetensors.numpy.load(raw)
        header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
        arrays = lambda found: tensors.pop(found["tensor"]) if found.keys() == {"tensor"} else found
        meta = json.loads(header["__metadata__"]["lstm_core"], object_hook=arrays)
        if meta["version"] != VERSION:
            raise ValueError(f"expected format version {VERSION}, got {meta['version']!r}")
        digest = hashlib.sha256(raw.replace(meta["sha256"].encode(), BLANK.encode(), 1)).hexdigest()
        if digest != meta["sha256"]:
            raise ValueError(f"expected content with SHA-256 {meta['sha256']}, got {digest}: it was altered")
        history, rng = meta["history"], meta["rng"]
        if history is not None:
            history |= {name: history[name].tolist() for name in BATCHES}
            history = History(**history | {"validation": [Scores(*scores) for scores in history["validation"]]})
        if rng is not None:
            bits = {c.__name__: c for c in np.random.BitGenerator.__subclasses__()}[rng["bit_generator"]]()
            bits.state = rng
            rng = np.random.Generator(bits)
        return model_from(meta["model"], tensors), history, rng
    except Exception as error:  # whatever such a file leads to
        raise ValueError(f"{path}: no whole checkpoint of lstm_core: {type(error).__name__}: {error}") from error


def config_of(model):
    """What `model_from` needs beside the parameters: a dict of JSON values. Raises ValueError if that is not enough."""
    name = getattr(model.loss_function, "__name__", None)
    if LOSSES.get(name) is not model.loss_function:
        raise ValueError(f"loss: expected one of {', '.join(LOSSES)} to save a model, got {model.loss_function!r}")
    check_choice("dtype", str(model.theta.dtype), DTYPES)
    check_parameters(model, model.params)
    layers = [make(layer.config).config for layer in model.layers]  # a ValueError for a cell of the user's own
    return {"dtype": str(model.theta.dtype), "loss": name, "layers": layers}


def model_from(config, arrays):
    """The `Model` of a `config_of` with the parameters `arrays`: name -> NumPy array, or all in one vector as in theta.

    Raises ValueError, saying what is wrong: the config, or a parameter's name, shape, dtype or numbers.
    """
    arrays = {"theta": arrays} if isinstance(arrays, np.ndarray) else arrays
    check_choice("loss", config.get("loss"), LOSSES)
    check_choice("dtype", config.get("dtype"), DTYPES)
    layers = [make(layer) for layer in config.get("layers", ())]
    size, found = sum(math.prod(s) for x in layers for s in x.shapes.values()), sum(x.size for x in arrays.values())
    if found != size:  # before memory is taken for it
        raise ValueError(f"parameters: expected {size} numbers, got {found}")
    model = Model(layers, LOSSES[config["loss"]], rng=np.random.default_rng(0), dtype=config["dtype"])
    return fill(model, views(model.shapes, arrays["theta"]) if arrays.keys() == {"theta"} else arrays)


def fill(model, arrays):
    """Set the parameters of `model`, wherever it is, to `arrays`, name -> NumPy array: all, or ValueError and none."""
    check_parameters(model, arrays)
    theta = np.concatenate([arrays[name].ravel() for name in model.shapes])
    model.theta[...] = to_device(theta, namespace(model.theta))
    return model


def check_parameters(model, arrays):
    """Raise ValueError unless `arrays` are parameters for `model`: names, shapes, dtype, finite numbers."""
    if arrays.keys() != model.shapes.keys():
        raise ValueError(f"parameters: expected {', '.join(model.shapes)}, got {', '.join(arrays)}")
    for name, shape in model.shapes.items():
        x = arrays[name]
        if x.shape != shape or x.dtype != model.theta.dtype:
            raise ValueError(f"{name}: expected shape {shape} of {model.theta.dtype}, got {x.shape} of {x.dtype}")
        if not bool(namespace(x).isfinite(x).all()):
            raise ValueError(f"{name}: expected finite numbers, got NaN or infinity")
