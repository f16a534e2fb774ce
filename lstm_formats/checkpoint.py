"""Checkpoints: a model, its history and its generator in one safetensors file, to go on from bit for bit.

The tensors are the parameters by name ("lstm.W", …), for any reader of safetensors, and the arrays of history,
optimiser and generator ("state.…"). All else is JSON in the metadata: the configs of the layers, what
the history says of each epoch, the generator's state, and the SHA-256 of the file with its own place left blank.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import safetensors.numpy

from lstm_core.arrays import to_host
from lstm_core.checks import check_rng
from lstm_core.files import write_atomic
from lstm_core.scores import Scores
from lstm_core.training import History

from .configs import DAMAGE, config_of, model_from, reason

VERSION = 1
BLANK = "?" * 64
BATCHES = "batch_loss", "batch_norm"


def save(path, model, history=None, rng=None):
    """Write `model`, and what `fit` needs to go on (its `History` and the numpy.random.Generator), to the file `path`.

    The file is written whole or not at all. Arrays are NumPy's in the file, wherever the model is.
    Raises ValueError for a cell or a loss that is not of lstm_core, or parameters that are not finite; TypeError for
    another generator; OSError from the disk.
    """
    if rng is not None:
        check_rng(rng)
    tensors, state = dict(model.params), None if rng is None else rng.bit_generator.state
    if history is not None:  # the long lists as arrays: safetensors takes no more than 100 MB of JSON
        history = vars(history) | {name: np.array(getattr(history, name), float) for name in BATCHES}
    meta = {"sha256": BLANK, "version": VERSION, "model": config_of(model), "history": history, "rng": state}

    def keep(x):  # an array, of the history or the generator
        name = f"state.{len(tensors)}"
        tensors[name] = x
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
        tensors, meta = _read(raw)
        history, rng = _history(meta["history"]), _generator(meta["rng"])
        return model_from(meta["model"], tensors), history, rng
    except (*DAMAGE, safetensors.SafetensorError) as error:
        kind = type(error).__name__
        raise ValueError(f"{path}: no whole checkpoint of lstm_core: {kind}: {reason(error)}") from error


def _read(raw):
    """The parameters by name, and the metadata, the other arrays in their places. Version and digest are checked."""
    tensors = safetensors.numpy.load(raw)
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])

    def put_back(found):
        return tensors.pop(found["tensor"]) if found.keys() == {"tensor"} else found

    meta = json.loads(header["__metadata__"]["lstm_core"], object_hook=put_back)
    if meta["version"] != VERSION:
        raise ValueError(f"expected format version {VERSION}, got {meta['version']!r}")
    digest = hashlib.sha256(raw.replace(meta["sha256"].encode(), BLANK.encode(), 1)).hexdigest()
    if digest != meta["sha256"]:
        raise ValueError(f"expected content with SHA-256 {meta['sha256']}, got {digest}: it was altered")
    return tensors, meta


def _history(found):
    """The `History` of its fields as JSON has them; None of None."""
    if found is None:
        return None
    batches = {name: found[name].tolist() for name in BATCHES}
    return History(**found | batches | {"validation": [Scores(*scores) for scores in found["validation"]]})


def _generator(state):
    """The generator in the state that its bit generator had; None of None."""
    if state is None:
        return None
    kinds = {kind.__name__: kind for kind in np.random.BitGenerator.__subclasses__()}
    bits = kinds[state["bit_generator"]]()
    bits.state = state
    return np.random.Generator(bits)
