"""Parity as OpenAI posed it: one answer, at the end of the sequence.

Sequences of n bits, or of 1 to n bits, shown in four ways. Run in this folder,
`python parity_posed.py` writes parity_posed.json, which the chapter parity-why prints;
it takes some minutes on a quiet core. A bit is one number, 0 or 1. What pads a sequence
is the bit 0, which does not change its parity; public attempts do both.
"""

import datetime
import json
import os
import platform
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

try:
    import numba
except ImportError:
    numba = None

from lstm_core import (
    Model,
    adam,
    clip_global_norm,
    dense,
    evaluate,
    last,
    lstm,
    softmax_cross_entropy,
)
from lstm_core.model import columns

OUT = Path(__file__).with_suffix(".json")
SEEDS = range(5)
RECIPE = {"rate": 0.01, "clip": 1.0, "most": 2_000}
WAYS = ("fixed", "masked", "front", "behind")
JOBS = {  # name -> how the sequences are shown
    **{f"{way}, 50": {"way": way} for way in WAYS},
    "front, 2 to 50": {"way": "front", "shortest": 2},
    **{f"{way}, {n}": {"way": way, "longest": n} for n in (5, 10, 20) for way in WAYS},
    **{f"behind, {n}, bias 3": dict(way="behind", longest=n, bias=3) for n in (20, 50)},
}


def sequences(rng, count, way, longest=50, shortest=1):
    """Bits (count, longest, 1), the lengths, and the parity of each sequence.

    way: "fixed": all of the greatest length; "front" or "behind": zeros stand there;
         "masked": behind, and the network will be told not to read them
    """
    shortest = longest if way == "fixed" else shortest
    lengths = rng.integers(shortest, longest + 1, count)
    bits = rng.integers(0, 2, (count, longest))
    steps = np.arange(longest)
    first = longest - lengths if way == "front" else np.zeros_like(lengths)
    inside = (steps >= first[:, None]) & (steps < (first + lengths)[:, None])
    bits = bits * inside
    return bits[..., None].astype(np.float32), lengths, bits.sum(axis=1) % 2


def network(rng, bias=1.0):
    """An LSTM of 32 units that answers once."""
    layers = [lstm(1, 32, forget_bias=bias), last(), dense(32, 2)]
    return Model(layers, softmax_cross_entropy, rng=rng)


def train(net, rng, x, y, lengths, rate, clip, most):
    """Train until 20 losses in a row are below 0.02; how many batches that took.

    None: not within `most`. lengths: None if every step is to be read.
    """
    optimizer, losses = adam(), []
    memory = optimizer.init(net.theta)
    while len(losses) < most:
        order = rng.permutation(len(x))
        for part in order[: len(x) // 32 * 32].reshape(-1, 32):
            mask = None
            if lengths is not None:
                mask = np.arange(x.shape[1])[:, None] < lengths[part]
            target = columns(y[part, None])
            loss, grad = net.loss_and_gradient(columns(x[part]), target, mask=mask)
            if clip is not None:
                clip_global_norm(grad, clip)
            optimizer.update(net.theta, grad, memory, rate)
            losses.append(float(loss))
            if max(losses[-20:]) < 0.02 and len(losses) >= 20:
                return len(losses)
            if len(losses) == most:
                break
    return None


def run(way, seed, longest=50, shortest=1, bias=1.0):
    """Batches until solved, or None, and the error on 20,000 other sequences."""
    rng = np.random.default_rng(seed)
    x, lengths, y = sequences(rng, 100_000, way, longest, shortest)
    told = lengths if way == "masked" else None
    net = network(rng, bias)
    train_on, rest = slice(80_000), slice(80_000, None)
    ours = None if told is None else told[train_on]
    batches = train(net, rng, x[train_on], y[train_on], ours, **RECIPE)
    ours = None if told is None else told[rest]
    error = evaluate(net, x[rest], y[rest], lengths=ours).error
    return {"batches": batches, "error": round(float(error), 5)}


def processor():
    """What the processor is called."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [x.partition(":")[2].strip() for x in lines if x.startswith("model name")]
    return names[0] if names else platform.processor()


def main():
    found = {
        "what": "batches until solved and error on 20,000 sequences, seed by seed",
        "date": datetime.date.today().isoformat(),
        "machine": processor(),
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "numba": numba and numba.__version__,  # compiles the cell, where installed
        "runs": {},
    }
    for name, job in JOBS.items():
        runs = [run(seed=seed, **job) for seed in SEEDS]
        lists = {key: [one[key] for one in runs] for key in ("batches", "error")}
        found["runs"][name] = lists
        print(name, *lists.values(), flush=True)
        OUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
