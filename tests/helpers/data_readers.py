"""Data sets in IDX and showers in HDF5, for the hunt with altered files: see `readers`, where the other formats are."""

import gzip
import hashlib
import importlib.util
import io
import math
import os
from pathlib import Path

import numpy as np
from altered import BLIND, pick

from lstm_core import data

# ---- IDX, in gzip or plain -------------------------------------------------------------------------------------------

IDX = bytes([0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 4]) + np.random.default_rng(0).bytes(60)


def read_idx(path):
    """The file as data set "images" of `lstm_core.data`, whatever else is in its table."""
    before, chosen = dict(data.FILES), os.environ.get("LSTM_CORE_DATA")
    name = path.name.removesuffix(".gz")
    try:
        data.FILES[name] = data._File(hashlib.sha256(IDX).hexdigest(), len(IDX), ())
        os.environ["LSTM_CORE_DATA"] = str(path.parent)
        return data._idx(name, 3).tolist()
    finally:
        data.FILES.clear()
        data.FILES.update(before)
        os.environ.pop("LSTM_CORE_DATA")
        os.environ.update({"LSTM_CORE_DATA": chosen} if chosen is not None else {})


def alter_idx(rng, raw):
    """Another content, whole in its gzip; or one that goes on and on."""
    altered = pick(rng, BLIND)(rng, IDX) if rng.random() < 0.8 else IDX + bytes(int(10 ** rng.uniform(0, 7)))
    return (gzip.compress(altered, mtime=0) * int(rng.integers(1, 3)) if rng.random() < 0.8 else altered), False


# ---- HDF5 ------------------------------------------------------------------------------------------------------------


def load_showers():
    path = Path(__file__).parents[2] / "chapters/run/showers.py"
    spec = importlib.util.spec_from_file_location("showers", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


showers = load_showers()


def cells(count):
    """Showers with energy in one cell of each layer."""
    found = np.zeros((count, 25, 25, 25))
    found[:, 12, 12] = np.arange(1.0, 26)
    return found


TARGET = np.array([[11, 10.0], [-211, 20.5], [22, 30.0]])


def hdf5(change=None, count=3, **how):
    """The bytes of a file of showers; `change` is at work on the file before it is closed."""
    import h5py

    out = io.BytesIO()
    with h5py.File(out, "w", **{"libver": how.pop("libver")} if "libver" in how else {}) as file:
        file.create_dataset("target", data=TARGET[:count], **how)
        file.create_dataset("ECAL", data=cells(count), **how)
        if change:
            change(file)
    return out.getvalue()


def hdf5_samples():
    packed = dict(compression="gzip", shuffle=True, fletcher32=True)
    yield from (hdf5(**packed), hdf5(libver="latest", **packed), hdf5(compression="gzip", count=1))


def read_showers(path):
    parts = list(showers.read(path, 2))
    return [[array.tobytes() for array in part] for part in parts], showers.read_features(path)[0].tobytes()


def check_showers(path, content):
    parts, x = content
    for cells, numbers, energies in parts:
        assert (np.frombuffer(cells, np.float32) >= 0).all() and np.isfinite(np.frombuffer(cells, np.float32)).all()
        assert (np.frombuffer(energies) >= 0).all() and np.isfinite(np.frombuffer(energies)).all()
        assert set(np.abs(np.frombuffer(numbers, int)).tolist()) <= showers.PDG.keys()
    assert np.isfinite(np.frombuffer(x, np.float32)).all()


def alter_hdf5(rng, raw):
    """Another file by h5py: other numbers, types, shapes and places."""
    import h5py

    def change(file):
        key = pick(rng, ["ECAL", "target"])
        x = file.pop(key)[...]
        where, what = tuple(int(rng.integers(0, n)) for n in x.shape), int(rng.integers(0, 9))
        if what == 0:
            x[where] = pick(rng, [math.nan, math.inf, -1.0, 0.5, 1e300, 3e38, 2**40, -211, 12])
        elif what == 1:
            with np.errstate(all="ignore"):
                x = x.astype(pick(rng, ["f2", ">f8", "i1", "u8", "c16", "S8", "?"]))
        elif what == 2:
            x = pick(rng, [x[:1], x[..., :1], x[None], x.reshape(-1), np.concatenate([x, x]), x[:0]])
        if what < 3:
            file.create_dataset(key, data=x, compression=pick(rng, [None, "gzip", "lzf"]) if x.size else None)
        elif what == 3:
            links = [h5py.SoftLink("/a"), h5py.ExternalLink("beside.h5", key), h5py.SoftLink(f"/{key}")]
            file[key] = pick(rng, links)
        elif what == 4:
            place = pick(rng, ["beside.bin", "/etc/passwd"]), 0, x.nbytes
            file.create_dataset(key, x.shape, x.dtype, external=[place])
        elif what == 5:
            file.create_dataset(key, (pick(rng, [3, 2**40]), *x.shape[1:]), x.dtype)
        elif what == 6:
            layout = h5py.VirtualLayout(x.shape, x.dtype)
            layout[:] = h5py.VirtualSource(pick(rng, ["beside.h5", "."]), key, x.shape)
            file.create_virtual_dataset(key, layout)
        elif what == 7:
            file.create_group(key)

    return hdf5(change), True
