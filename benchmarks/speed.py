"""Measures training steps of lstm_core beside PyTorch's, and the memory of a gradient; writes results.json.

    make bench

A step is forward, loss, backward and Adam, float32, on a model of one recurrent layer and a dense readout with softmax
and cross-entropy. All programs take turns in one process on one thread (make says so to NumPy), so that a busy moment
hits all alike, and each figure is the least and the median of at least 20 runs. `products` are the matrix products of a
step alone, in their best arrangement: R h for each step; W x, dW and dR for all steps at once.
"""

import json
import platform
import statistics
import sys
import time
import tracemalloc
from pathlib import Path

import numba
import numpy as np
import threadpoolctl
import torch

import lstm_core
from lstm_core import Model, cells, dense, last, optim, recurrent, softmax_cross_entropy
from lstm_core.training import keep_memory

SHAPES = {  # T, B, D, H, classes, whether the last step only is read
    "mnist": (28, 100, 28, 100, 10, True),
    "parity": (50, 32, 2, 100, 2, False),
    "charlm": (50, 50, 65, 256, 65, False),
    "large": (64, 64, 128, 512, 128, False),
}
CELLS = {"lstm": ("lstm", False), "peephole lstm": ("lstm", True), "gru": ("gru", True), "rnn": ("rnn", False)}
TORCH = {"lstm": torch.nn.LSTM, "peephole lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
RUNS, SECONDS = 20, 12  # at least so many runs; more as long as a comparison takes no longer than this


def data(shape):
    T, B, D, _, C, reads_last = SHAPES[shape]
    rng = np.random.default_rng(0)
    return rng.standard_normal((T, D, B), np.float32), rng.integers(0, C, (1 if reads_last else T, B))


def ours(cell, shape, compiled):
    """A training step of lstm_core."""
    _, _, D, H, C, reads_last = SHAPES[shape]
    name, own = CELLS[cell]
    layers = [recurrent(name, D, H, own=own, compiled=compiled), *([last()] if reads_last else []), dense(H, C)]
    model, (x, y) = Model(layers, softmax_cross_entropy, rng=np.random.default_rng(0)), data(shape)
    optimizer = optim.adam()
    state = optimizer.init(model.theta)

    def step():
        _, grad, _ = model.learn(x, y)
        optimizer.update(model.theta, grad, state, 1e-3)

    return step


def theirs(cell, shape, fused):
    """A training step of PyTorch."""
    _, _, D, H, C, reads_last = SHAPES[shape]
    layer, readout = TORCH[cell](D, H), torch.nn.Linear(H, C)
    optimizer = torch.optim.Adam([*layer.parameters(), *readout.parameters()], 1e-3, fused=fused)
    x, y = data(shape)
    x, y = torch.tensor(np.ascontiguousarray(x.transpose(0, 2, 1))), torch.tensor(y).reshape(-1)

    def step():
        optimizer.zero_grad()
        h, _ = layer(x)
        loss = torch.nn.functional.cross_entropy(readout(h[-1:] if reads_last else h).reshape(-1, C), y)
        loss.backward()
        optimizer.step()

    return step


def products(cell, shape):
    """The matrix products of the recurrent layer alone."""
    T, B, D, H, _, _ = SHAPES[shape]
    rows = len(getattr(cells, CELLS[cell][0].upper()).recurs) * H
    rng = np.random.default_rng(0)
    W, R, x, h, dz = (rng.standard_normal(s, np.float32) for s in ((rows, D), (rows, H), (D, T * B), (H, B), (rows, B)))
    d, hs, u, dh = (np.empty(s, np.float32) for s in ((rows, T * B), (H, T * B), (rows, B), (H, B)))
    d[:], hs[:] = 1, 1

    def step():
        W @ x
        for _ in range(T):
            np.matmul(R, h, out=u)
            np.matmul(R.T, dz, out=dh)
        d @ x.T
        d @ hs.T

    return step


def compare(steps):
    """name -> (least, median) in milliseconds; the steps take turns."""
    for step in steps.values():
        step(), step()
    found, begin = {name: [] for name in steps}, time.perf_counter()
    while len(found[next(iter(steps))]) < RUNS or time.perf_counter() - begin < SECONDS:
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            found[name].append(1e3 * (time.perf_counter() - start))
    return {name: (round(min(t), 3), round(statistics.median(t), 3)) for name, t in found.items()}


def memory():
    """Peak bytes of a gradient of the LSTM beside x and the outputs, in units of T·H·B numbers."""
    found = {}
    for T, H, B, D in ((10_000, 16, 4, 4), (1_000, 64, 8, 8), (28, 100, 100, 28)):
        layer = recurrent("lstm", D, H, own=False, compiled=False)
        model = Model([layer, dense(H, 2)], softmax_cross_entropy, rng=np.random.default_rng(0))
        x, y = np.ones((T, D, B), np.float32), np.zeros((T, B), np.int64)
        model.learn(x, y)
        tracemalloc.start()
        model.learn(x, y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        found[f"T={T} H={H} B={B} D={D}"] = round((peak - 4 * T * 2 * B) / (4 * T * H * B), 2)
    return found


def machine():
    model = [x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")] or [":?"]
    blas = [info["architecture"] for info in threadpoolctl.threadpool_info() if info["user_api"] == "blas"]
    return {
        "processor": model[0].split(":")[1].strip(), "OpenBLAS kernels": blas, "python": platform.python_version(),
        "numpy": np.__version__, "torch": torch.__version__, "numba": numba.__version__,
        "lstm_core": lstm_core.__version__,
        "tanh, ns an element": round(tanh_speed(), 2), "threads": 1,
    }  # fmt: skip


def tanh_speed():
    x = np.random.default_rng(0).standard_normal(40_000, np.float32)
    out, best = np.empty_like(x), 1.0
    for _ in range(200):
        start = time.perf_counter()
        np.tanh(x, out)
        best = min(best, time.perf_counter() - start)
    return 1e9 * best / x.size


def main():
    torch.set_num_threads(1)
    keep_memory()
    results = {"machine": machine(), "memory of a gradient, T·H·B numbers": memory(), "step, ms": {}}
    print(json.dumps(results["machine"], indent=1), flush=True)
    for cell in CELLS:
        for shape in SHAPES:
            steps = {
                "plain": ours(cell, shape, False), "compiled": ours(cell, shape, True),
                "torch": theirs(cell, shape, False), "torch fused Adam": theirs(cell, shape, True),
                "products": products(cell, shape),
            }  # fmt: skip
            found = results["step, ms"].setdefault(cell, {})[shape] = compare(steps)
            ratios = {name: round(found[name][0] / found["torch"][0], 2) for name in found}
            print(f"{cell:14s} {shape:7s} torch {found['torch'][0]:8.2f} ms; as a ratio {ratios}", flush=True)
    path = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("results.json"))
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
