"""Modern cells on two tasks of this book, with as many parameters and updates each.

MNIST row by row, and the characters of Shakespeare: in sequences of 1,000, each of
which begins with a state of zeros, and, for two cells, in ten long streams whose state
is carried on. The number of units is such that every cell has about as many parameters
as an LSTM of 50 units. All cells begin with
memories of the same lengths and make the same number of updates. The learning rate is
chosen for each of them, in shorter runs, by a part of the training set that is set
aside for this.
`python modern_runs.py` in this folder writes modern_runs.json, which the chapter reads,
after each run; what is there already is not run again. It takes ten minutes on one
core.
"""

import itertools
import math
import os
import sys
import time
from functools import cache
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from lstm_core import (
    Model,
    adam,
    cosine,
    data,
    dense,
    embedding,
    evaluate,
    fit,
    last,
    recurrent,
    softmax_cross_entropy,
)

sys.path.append(str(Path(__file__).resolve().parents[1] / "run"))
import stored
from characters import bits, encode, streams

OUT = Path(__file__).with_suffix(".json")
CELLS = {  # name in the chapter -> name of the cell, and how many layers of it
    "LSTM": ("lstm", 1),
    "GRU": ("gru", 1),
    "sLSTM": ("slstm", 1),
    "minGRU": ("mingru", 1),
    "minGRU, two layers": ("mingru", 2),
    "minLSTM": ("minlstm", 1),
    "minLSTM, two layers": ("minlstm", 2),
}
HIDDEN = 50  # units of the LSTM
ONE_TASK = {"minGRU", "minLSTM"}  # MNIST only, to save time
STREAMS = {"LSTM", "sLSTM"}  # of which long streams are asked, too
STEPS = {"MNIST": 28, "characters": 50, "streams": 50}  # that a gradient goes back
LENGTH = {"characters": 1_000, "streams": 100_000}  # of a sequence
MEMORY = {"MNIST": 28, "characters": 10, "streams": 10}  # the longest at the start
SEEDS = {"MNIST": 3, "characters": 3, "streams": 3}  # how many
BATCH = {"MNIST": 50, "characters": 10, "streams": 10}
UPDATES = {"MNIST": 1_200, "characters": 2_000, "streams": 2_000}  # of an epoch
EPOCHS = {"MNIST": 3, "characters": 1, "streams": 1}
SHORT = {"MNIST": 600, "characters": 500, "streams": 500}  # of a run for the choice
RATES = (3e-3, 1e-2, 3e-2, 1e-1)


def layers(task, name, hidden):
    """Of a network with `hidden` units a layer."""
    cell, count = CELLS[name]
    first, kinds = (28, 10) if task == "MNIST" else (32, 65)
    found = [] if task == "MNIST" else [embedding(kinds, first)]
    for features in [first] + [hidden] * (count - 1):
        found.append(recurrent(cell, features, hidden, own=False))
    found += [last()] if task == "MNIST" else []
    return [*found, dense(hidden, kinds)]


def network(task, name, rng):
    """Its units begin with the memories of `spread`."""
    parts = layers(task, name, units(task, name))
    model = Model(parts, softmax_cross_entropy, rng=rng)
    spread(model, MEMORY[task], rng)
    return model


def spread(model, T, rng):
    """Let the units begin with memories of all lengths up to T steps, as in `mnist`
    (Tallec & Ollivier 2018): at a step the share 1/(1 + u) of an old value is lost,
    with u from 1 to T - 1 drawn for each unit.
    """
    names = [name for name, *_ in model.table()]
    for name, layer in zip(names, model.layers):
        if not layer.cell:
            continue
        gates = layer.cell.inputs
        b = model.params[f"{name}.b"].reshape(len(gates), -1, 1)  # a view
        planes = dict(zip(gates, b))
        log_u = np.log(rng.uniform(1, T - 1, b[0].shape))
        if layer.cell.name == "slstm":  # its forget gate is exp, and its mean weighs
            planes["f"][:] = -np.log1p(np.exp(-log_u))
        elif "z" in planes:
            planes["z"][:] = log_u
        else:
            planes["f"][:], planes["i"][:] = log_u, -log_u


@cache
def units(task, name):
    """The number of units with which it comes closest to the LSTM's parameters."""
    wanted, low, high = size(task, "LSTM", HIDDEN), 1, 4_000
    while high - low > 1:
        middle = (low + high) // 2
        below = size(task, name, middle) <= wanted
        low, high = (middle, high) if below else (low, middle)
    return min((low, high), key=lambda H: abs(size(task, name, H) - wanted))


def size(task, name, hidden):
    """The number of parameters."""
    shapes = (layer.shapes.values() for layer in layers(task, name, hidden))
    return sum(math.prod(shape) for each in shapes for shape in each)


@cache
def material(task, choice=False):
    """What is learned from, x and y, and what is judged by.

    For a choice it is less, and the last 5,000 images of the training set are
    the judge, or the last 100,000 characters of the million that are for training.
    """
    updates = (SHORT if choice else UPDATES)[task]
    if task == "MNIST":
        learn, test = data.mnist()
        x, y = (part[: BATCH[task] * updates] for part in learn)
        return x, y, tuple(part[-5_000:] for part in learn) if choice else test
    code, cut = encode(data.shakespeare())[1], 900_000 if choice else 1_000_000
    long = STEPS[task] * updates
    cuts = -1, min(LENGTH[task], long)
    x, y = (a[:, :long].reshape(cuts) for a in streams(code[: cut + 1], BATCH[task]))
    return x, y, (code[: cut + 100_000], cut)


def train(task, name, seed, rate, choice=False):
    """What the file keeps of one network: its score, the test error or the bits per
    character, and the mean loss of its last 50 updates; of long streams also what
    `again` finds.
    """
    rng = np.random.default_rng(seed)
    model = network(task, name, rng)
    x, y, judge = material(task, choice)
    epochs = 1 if choice else EPOCHS[task]
    how = {"batch": BATCH[task], "rate": cosine(rate, epochs=epochs, warmup=0.1)}
    if task == "MNIST":
        how |= {"clip": 1.0, "optimizer": adam(weight_decay=0.05)}
    else:
        how |= {"clip": 5.0, "truncate": STEPS[task]}
    run = fit(model, x, y, **how, epochs=epochs, rng=rng, progress=False)
    if task == "MNIST":
        score = evaluate(model, *judge).error
    else:
        score = bits(model.run, *judge)
    loss = np.mean(run.batch_loss[-50:])
    found = {"score": round(float(score), 5), "loss": round(float(loss), 5)}
    if task == "streams":
        loss, largest = again(model, x, y)
        found |= {"again": round(loss, 5), "largest": round(largest, 1)}
    return found


def again(model, x, y, piece=2_500):
    """All of x, read once more from a state of zeros: the mean loss of the last 2,500
    characters of each stream, which the last 50 updates read, and the largest number
    of the state behind them.
    """
    states = None
    for t in range(0, x.shape[1], piece):
        out, states = model.run(x[:, t : t + piece], states)
    out = out.transpose(1, 2, 0).astype(float)
    loss, _ = softmax_cross_entropy(out, y[:, -piece:].T)
    return float(loss), max(float(abs(a).max()) for layer in states for a in layer)


def cells_of(task):
    asked = {"MNIST": CELLS, "streams": STREAMS}.get(task, CELLS.keys() - ONE_TASK)
    return [name for name in CELLS if name in asked]


def choices(runs, task, name):
    """The score of each learning rate."""
    return {r: runs[f"choice | {task} | {name} | {r}"]["score"] for r in RATES}


def plan(runs):
    """Every run: its key in the file, and the arguments of `train`; `runs`: those that
    are there, the choices of a cell before all else.
    """
    for task in STEPS:
        for name, rate in itertools.product(cells_of(task), RATES):
            key = f"choice | {task} | {name} | {rate}"
            yield key, (task, name, 100, rate, True)
        for seed in range(SEEDS[task]):
            for name in cells_of(task):
                made = choices(runs, task, name)
                rate = min(made, key=made.get)
                yield f"{task} | {name} | {seed}", (task, name, seed, rate)


def seconds(task, rounds=5, updates=8):
    """Of one update with each cell: the median of rounds in which all take turns."""
    x, y, _ = material(task)
    taken = {name: [] for name in cells_of(task)}
    if task == "MNIST":
        x, y = x[: BATCH[task] * updates], y[: BATCH[task] * updates]
        how = {}
    else:
        x, y = (a[: BATCH[task], : STEPS[task] * updates] for a in (x, y))
        how = {"truncate": STEPS[task]}
    for name in list(taken) * rounds:
        rng = np.random.default_rng(0)
        model = network(task, name, rng)
        how |= {"batch": BATCH[task], "clip": 1.0, "epochs": 1}
        begin = time.process_time()
        fit(model, x, y, **how, rng=rng, progress=False)
        taken[name].append((time.process_time() - begin) / updates)
    return {name: round(float(np.median(t)), 5) for name, t in taken.items()}


def main():
    found = stored.load(OUT, "modern cells on MNIST and on characters")
    for task in STEPS:
        if f"seconds, {task}" not in found:
            found[f"seconds, {task}"] = seconds(task)
    stored.fill(OUT, found, plan(found["runs"]), train)


if __name__ == "__main__":
    main()
