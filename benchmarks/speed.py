"""Measures what `programs` has, and writes results.json, from which the chapter on speed has its numbers.

    make bench
    python benchmarks/speed.py machine memory      # only these parts, the others stay as they are

On one core all programs take turns in one process, so that a busy moment hits all alike. A turn is several runs on end,
as in a training; the first ones, which find the caches full of the other programs' numbers, are not counted. On two
cores each program has a process of its own, one after the other, for the waiting threads of one library would slow down
the next; they take turns three times. Each figure is the least and the median of at least 20 runs, in milliseconds.
"""

# ruff: noqa: E402
# Cores are chosen before a library counts them, and so some imports come after.

import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path

THREADS = os.environ.setdefault("OMP_NUM_THREADS", "1")
ALONE = THREADS == "1" and "halves" not in sys.argv
os.sched_setaffinity(0, {os.cpu_count() - 1} if ALONE else range(os.cpu_count()))  # before a library counts the cores

import numpy as np
import programs as p
import threadpoolctl
from programs import CELLS, SHAPES

from lstm_core import fit
from lstm_core.compiled import preparation

RUNS, SECONDS = 20, 10  # at least so many runs; more as long as a comparison takes no longer than this
TURN, SETTLE = 5, 0.03  # runs of a turn that are counted, after so many seconds of runs that are not

LSTM_STEPS = {
    "plain": lambda shape: p.ours("lstm", shape, False),
    "compiled": lambda shape: p.ours("lstm", shape, True),
    "torch": lambda shape: p.torch_step("lstm", shape, False),
    "torch fused Adam": lambda shape: p.torch_step("lstm", shape, True),
    "jax": p.jax_step,
    "keras": p.keras_step,
    "halves": p.halves,
}
TEXTBOOK = {"textbook float32": p.textbook, "textbook float64": lambda shape: p.textbook(shape, "float64")}


def compare(steps, seconds=SECONDS):
    """name -> (least, median) in milliseconds; the steps take turns."""
    for step in steps.values():
        step(), step()
    found, begin = {name: [] for name in steps}, time.perf_counter()
    while len(next(iter(found.values()))) < RUNS or time.perf_counter() - begin < seconds:
        for name, step in steps.items():
            settle = time.perf_counter() + SETTLE
            while time.perf_counter() < settle:
                step()
            for _ in range(TURN):
                start = time.perf_counter()
                step()
                found[name].append(1e3 * (time.perf_counter() - start))
    return {name: (round(min(t), 3), round(statistics.median(t), 3)) for name, t in found.items()}


def shown(label, found, other):
    ratios = {name: round(least / found[other][0], 2) for name, (least, _) in found.items()}
    print(f"{label:22s} {other} {found[other][0]:8.2f} ms; as a ratio to it {ratios}", flush=True)
    return found


def steps_on_one_core():
    found = {}
    for cell in CELLS:
        for shape in SHAPES:
            programs = {
                "plain": p.ours(cell, shape, False), "compiled": p.ours(cell, shape, True),
                "torch": p.torch_step(cell, shape, False), "torch fused Adam": p.torch_step(cell, shape, True),
                "products": p.products(cell, shape),
            }  # fmt: skip
            if cell == "lstm":
                programs |= {"jax": p.jax_step(shape), "keras": p.keras_step(shape)}
            found.setdefault(cell, {})[shape] = shown(f"{cell} {shape}", compare(programs), "torch")
    return found


def forward_on_one_core():
    found = {}
    for shape in SHAPES:
        programs = {
            "plain": p.our_forward(shape, False), "compiled": p.our_forward(shape, True),
            "torch": p.torch_forward(shape), "onnxruntime": p.onnxruntime_forward(shape),
        }  # fmt: skip
        found[shape] = shown(f"forward {shape}", compare(programs, 5), "torch")
    return found


def beside_the_textbook():
    """Each in a process of its own, and the textbook's without `keep_memory`, as it would run."""
    programs = ("plain", "compiled", "textbook float32", "textbook float64")
    times = {program: in_a_process_of_its_own(program, 1) for program in programs}
    found = {shape: {program: times[program][shape] for program in programs} for shape in SHAPES}
    for shape in SHAPES:
        shown(f"textbook {shape}", found[shape], "plain")
    return found


def from_one_product_a_step():
    """Forward and backward in the scan, from a product a step to the shipped code; and R h in rows and in columns."""
    found = {}
    for shape, (T, *_) in SHAPES.items():
        programs = {
            "a product for each step": p.scanned(shape, lambda cell: cell, 1),
            "a product for all steps": p.scanned(shape, lambda cell: cell, T),
            "a product for ten steps": p.scanned(shape, lambda cell: cell, 10),
            "planned": p.scanned(shape, preparation(False), 10), "compiled": p.scanned(shape, preparation(True), 10),
            "products": p.products("lstm", shape), "rows": p.rows(shape), "columns": p.columns(shape),
        }  # fmt: skip
        found[shape] = shown(f"scan {shape}", compare(programs, 5), "planned")
    return found


def in_a_process_of_its_own(program, threads, **environment):
    """What a child measures, all shapes; it prints them as JSON."""
    counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    command, environ = [sys.executable, __file__, "--of", program], os.environ | counts | environment
    told = subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout
    return json.loads(told.splitlines()[-1])


def steps_on_two_cores():
    found = {shape: dict.fromkeys(LSTM_STEPS, (math.inf, math.inf)) for shape in SHAPES}
    for program in [*LSTM_STEPS] * 3:
        for shape, times in in_a_process_of_its_own(program, 1 + (program != "halves")).items():
            found[shape][program] = min(found[shape][program], tuple(times))
    for shape in SHAPES:
        shown(f"two cores {shape}", found[shape], "torch")
    return found


def without_kept_memory():
    """A plain step where the C library hands freed memory back to the system; `fit` and all else here keep it."""
    found = in_a_process_of_its_own("plain", 1, MALLOC_TRIM_THRESHOLD_="131072", MALLOC_MMAP_THRESHOLD_="131072")
    print("without kept memory", found, flush=True)
    return found


def memory_of_torch():
    """PyTorch's step in a process of its own, as the C library comes, and where it gives no memory back."""
    kept = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000"}
    times = in_a_process_of_its_own("torch", 1), in_a_process_of_its_own("torch", 1, **kept)
    found = {shape: {"as it comes": times[0][shape], "kept": times[1][shape]} for shape in SHAPES}
    for shape in SHAPES:
        shown(f"torch {shape}", found[shape], "kept")
    return found


def growth():
    """Milliseconds of a plain step of the LSTM against T, B and H, from T = 32, B = 32, H = 64, D = 16."""
    found = {}
    for letter, values in {"T": (32, 64, 128, 256), "B": (32, 64, 128, 256), "H": (64, 128, 256, 512)}.items():
        for value in values:
            size = {"T": 32, "B": 32, "H": 64} | {letter: value}
            SHAPES["grown"] = (size["T"], size["B"], 16, size["H"], 10, True)
            found.setdefault(letter, {})[value] = compare({"plain": p.ours("lstm", "grown", False)}, 1)["plain"][0]
    del SHAPES["grown"]
    print("growth", found, flush=True)
    return found


def epoch_of_fit():
    """An epoch of `fit` on 6,000 examples as large as MNIST's, beside the same updates alone; and at charlm."""
    found = {}
    for shape in ("mnist", "charlm"):
        T, B, D, _, C, reads_last = SHAPES[shape]
        rng, updates = np.random.default_rng(0), 60 if shape == "mnist" else 20
        x = rng.standard_normal((updates * B, T, D), np.float32)
        y = rng.integers(0, C, (updates * B,) if reads_last else (updates * B, T))

        def epoch(model, x=x, y=y, B=B):
            fit(model, x, y, epochs=1, batch=B, rng=np.random.default_rng(0), progress=False)

        steps = {"plain": p.ours("lstm", shape, False), "compiled": p.ours("lstm", shape, True),
                 "torch": p.torch_step("lstm", shape, False)}  # fmt: skip
        programs = {name: lambda step=step, n=updates: [step() for _ in range(n)] for name, step in steps.items()}
        programs["plain fit"] = partial(epoch, p.our_model("lstm", shape, False))
        programs["compiled fit"] = partial(epoch, p.our_model("lstm", shape, True))
        found[shape] = shown(f"epoch {shape}", compare(programs, 10), "torch")
    return found


def memory():
    """Peak bytes of a gradient of the LSTM, in units of T·H·B numbers."""
    found = {}
    for T, H, B, D in ((10_000, 128, 16, 2), (10_000, 64, 8, 2), (1_000, 64, 64, 64), (28, 100, 100, 28)):
        found[f"{T}, {H}, {B}, {D}"] = round(p.memory_of_a_gradient(T, H, B, D) / (T * H * B), 2)
    print("memory", found, flush=True)
    return found


def least(step, runs=200):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return min(times)


def machine():
    model = [x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")] or [":?"]
    blas = [info["architecture"] for info in threadpoolctl.threadpool_info() if info["user_api"] == "blas"]
    rng = np.random.default_rng(0)
    x, a = rng.standard_normal(40_000, np.float32), rng.standard_normal((1500, 1500), np.float32)
    out, product, far = np.empty_like(x), np.empty_like(a), np.empty((3, 8_000_000), np.float32)
    far[:] = 1
    return {
        "date": date.today().isoformat(), "processor": model[0].split(":")[1].strip(), "OpenBLAS kernels": blas[0],
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "torch", "jax", "keras", "onnxruntime")},
        "ns for a tanh": round(1e9 * least(lambda: np.tanh(x, out)) / x.size, 3),
        "Gflop/s of a large product": round(2e-9 * 1500**3 / least(lambda: np.matmul(a, a, product), 20), 1),
        "GB/s of an addition in memory": round(12e-9 * far.shape[1] / least(lambda: np.add(*far[:2], far[2]), 20), 1),
        "us for an empty call of NumPy": round(1e6 * least(lambda: np.add(x[:1], x[:1], out[:1]), 2000), 3),
    }  # fmt: skip


def main():
    if sys.argv[1:2] == ["--of"]:
        program = (LSTM_STEPS | TEXTBOOK)[sys.argv[2]]
        print(json.dumps({shape: compare({"": program(shape)}, 2)[""] for shape in SHAPES}))
        return
    parts = [machine, steps_on_one_core, forward_on_one_core, beside_the_textbook, from_one_product_a_step,
             steps_on_two_cores, without_kept_memory, memory_of_torch, growth, epoch_of_fit, memory]  # fmt: skip
    path = Path(__file__).with_name("results.json")
    results = json.loads(path.read_text(encoding="utf-8")) if sys.argv[1:] else {}
    for part in parts:
        name = part.__name__.replace("_", " ")
        if not sys.argv[1:] or name in sys.argv[1:]:
            results[name] = part()
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
