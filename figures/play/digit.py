"""Trains the network of the chapter on MNIST and stores its weights, small, for the figure that reads your digit.

    .venv/bin/python figures/play/digit.py      digit.json, in half a minute; needs the MNIST digits (LSTM_CORE_DATA)

Setting and seed are those of `chapters/run/mnist`. Each row of a matrix is stored as bytes and a scale; what this costs
in test error is measured and stored beside it.
"""

import base64
import json
import platform
from datetime import date
from pathlib import Path

import numpy as np

import lstm_core
from lstm_core import Model, adam, cosine, data, dense, evaluate, fit, last, lstm, softmax_cross_entropy

FILE = Path(__file__).with_suffix(".json")
H, EPOCHS = 100, 6


def model_of(rng):
    return Model([lstm(28, H), last(), dense(H, 10)], softmax_cross_entropy, rng=rng)


def packed(array):
    """Bytes, in base64, and a scale for each row."""
    rows = np.asarray(array, np.float64)
    scale = np.array([float(f"{x:.4g}") for x in np.abs(rows).max(axis=1) / 127])
    small = np.clip(np.rint(rows / np.where(scale > 0, scale, 1)[:, None]), -127, 127).astype(np.int8)
    return {"scale": scale.tolist(), "bytes": base64.b64encode(small.tobytes()).decode("ascii")}


def unpacked(part):
    """The array again, as the page computes it."""
    scale = np.array(part["scale"])
    return np.frombuffer(base64.b64decode(part["bytes"]), np.int8).reshape(len(scale), -1) * scale[:, None]


def stored():
    """The model with the stored weights."""
    found = json.loads(FILE.read_text(encoding="utf-8"))
    model = model_of(np.random.default_rng(0))
    for name, part in found["weights"].items():
        model.params[name][...] = unpacked(part)
    return model, found


def main():
    (x, y), test = data.mnist()
    rng = np.random.default_rng(10)
    model = model_of(rng)
    rate, optimizer = cosine(1e-2, epochs=EPOCHS, warmup=0.5), adam(weight_decay=0.05)
    fit(model, x, y, epochs=EPOCHS, batch=100, rate=rate, optimizer=optimizer, clip=1.0, rng=rng, progress=False)
    found = {"made": {
        "by": "figures/play/digit.py", "on": date.today().isoformat(), "machine": platform.machine(),
        "versions": {"lstm_core": lstm_core.__version__, "numpy": np.__version__, "python": platform.python_version()},
        "test error as trained": evaluate(model, *test).error, "test error as stored": None,
    }}  # fmt: skip
    found["weights"] = {name: packed(array) for name, array in model.params.items()}
    FILE.write_text(json.dumps(found), encoding="utf-8")
    found["made"]["test error as stored"] = evaluate(stored()[0], *test).error
    FILE.write_text(json.dumps(found) + "\n", encoding="utf-8")
    print(json.dumps(found["made"], indent=1), f"{FILE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
