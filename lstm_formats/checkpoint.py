"""Checkpoints: a model, its history and its generator in one safetensors file, to go on from bit for bit.

The tensors are the parameters by name ("lstm.W", …), for any reader of safetensors, and the arrays of history,
optimiser and generator ("state.…"). All else is JSON in the metadata: the configs of the layers, what
the history says of each epoch, the generator's state, and the SHA-256 of the file with its own place left blank.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import safetensors.numpy

from lstm_core.arrays import to_host
from lstm_core.checks import brief
from lstm_core.files import read, write_atomic
from lstm_core.history import PER_UPDATE, History
from lstm_core.model import Model

from .configs import DAMAGE, check_fields, check_json, check_losses, check_order, config_of, model_from, reason
from .states import fields_of, generator_from, history_from, state_of

VERSION = 1
BLANK = "?" * 64
FIELDS = "sha256", "version", "model", "history", "rng"


def save(
    model: Model,
    path: str | os.PathLike,
    history: History | None = None,
    rng: np.random.Generator | None = None,
) -> None:
    """Write `model`, and what `fit` needs to go on (its `History` and the numpy.random.Generator), to the file `path`.

    The file is written whole or not at all. Arrays are NumPy's in the file, wherever the model is. The history may be
    one that is `unfinished`, of an interrupt within an epoch.
    A loss of one's own is saved by its name: `load` is to be given the function.
    Raises ValueError for what could not be loaded again: a cell that is not of lstm_core, a loss without a name (such
    as a lambda), parameters that are not finite, a history that is not as `fit` makes it for this model; TypeError for
    another history or generator than NumPy's own, and for path and model the other way round; OSError from the disk.

    >>> checkpoint.save(Model([dense(2, 1)], mse, rng=rng), "run.safetensors", rng=rng)
    >>> mine = Model([dense(2, 1)], lambda y, target: mse(y, target), rng=rng)
    >>> checkpoint.save(mine, "run.safetensors")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: loss: expected one of ..., or a function with a name of its own, to save a model, got <function ...>
    """
    check_order(model, path)
    meta: dict[str, Any] = {"sha256": BLANK, "version": VERSION, "model": config_of(model)}
    meta |= {"history": fields_of(history, model.theta), "rng": state_of(rng)}
    if history is not None:  # the long lists as arrays: safetensors takes no more than 100 MB of JSON
        meta["history"] |= {name: np.array(meta["history"][name], float) for name in PER_UPDATE}
    tensors = dict(model.params)

    def keep(x):  # an array, of the history or the generator
        name = f"state.{len(tensors)}"
        tensors[name] = x
        return {"tensor": name}

    text = json.dumps(meta, default=keep)  # all digits; NaN and infinity too
    tensors = {k: np.asarray(to_host(v), order="C") for k, v in tensors.items()}
    raw = safetensors.numpy.save(tensors, {"lstm_core": text})
    check_json("model and history", raw, *_header(raw))
    write_atomic(path, raw.replace(BLANK.encode(), hashlib.sha256(raw).hexdigest().encode(), 1))


def load(
    path: str | os.PathLike, losses: Mapping[str, Callable] | None = None
) -> tuple[Model, History | None, np.random.Generator | None]:
    """Model, `History` and numpy.random.Generator (each None where `save` had none) of a file that `save` has written.

    losses: name -> function, for a model whose loss is one of your own: `load(path, losses={"my_loss": my_loss})`

    Data and the other arguments of `fit` are not in it. The arrays are NumPy's; `model.to(device)`, or
    `fit(…, device=device)`, moves them.
    Raises OSError if there is no such file, and ValueError, naming the file, for one that is not whole: truncated,
    altered in any byte, of another format or version; and for one that is whole but that `save` does not write, with a
    field that is missing, of another type, or out of its range.

    >>> model = Model([gru(3, 4), dense(4, 2)], mse, rng=rng)
    >>> checkpoint.save(model, "run.safetensors", rng=rng)
    >>> other, history, its_rng = checkpoint.load("run.safetensors")
    >>> np.array_equal(other.theta, model.theta), history, its_rng.random() == rng.random()
    (True, None, True)
    """
    losses, raw = check_losses(losses), read(path)
    try:
        tensors, meta = _read(raw)
        model = model_from(meta["model"], tensors, losses)
        return model, history_from(meta["history"], model.theta), generator_from(meta["rng"])
    except (*DAMAGE, safetensors.SafetensorError) as error:
        kind = type(error).__name__
        raise ValueError(f"{path}: no whole checkpoint of lstm_core: {kind}: {reason(error)}") from error


def _header(raw):
    """Where the JSON of a safetensors file begins and ends, as its first eight bytes say."""
    return 8, 8 + int.from_bytes(raw[:8], "little")


def _read(raw):
    """The parameters by name, and the metadata, the other arrays in their places. Version and digest are checked."""
    begin, end = _header(raw)
    check_json("header", raw, begin, end)
    tensors = safetensors.numpy.load(raw)
    header = json.loads(raw[begin:end])

    def put_back(found):
        is_place = found.keys() == {"tensor"} and isinstance(found["tensor"], str)
        return tensors.pop(found["tensor"]) if is_place else found

    meta = json.loads(header["__metadata__"]["lstm_core"], object_hook=put_back)
    if meta["version"] != VERSION:
        raise ValueError(f"expected format version {VERSION}, got {brief(meta['version'])}")
    check_fields("metadata", meta, FIELDS)
    found, view = hashlib.sha256(), memoryview(raw)
    place = raw.index(meta["sha256"].encode())
    for part in (view[:place], BLANK.encode(), view[place + len(BLANK) :]):
        found.update(part)
    if found.hexdigest() != meta["sha256"]:
        expected = meta["sha256"][: len(BLANK)]
        raise ValueError(f"expected content with SHA-256 {expected}, got {found.hexdigest()}: it was altered")
    return tensors, meta
