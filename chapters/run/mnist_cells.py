"""Rows of MNIST: how much is the gradient, how much the cell, how much the recipe?

DLL's cell, once with its derivative and once with the slip in it, and the plain LSTM,
trained by DLL's recipe from five seeds; the LSTM also by the chapter's, with weight
decay and without. Before that, learning rate and decay are chosen, by 10,000 images of
the training set. `python mnist_cells.py` in this folder writes mnist_cells.json, which
the chapter reads, after each run; what is there already is not run again. It takes a
quarter of an hour on one core.
"""

import os
from collections import namedtuple
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import stored

from lstm_core import (
    Model,
    adam,
    cells,
    constant,
    cosine,
    data,
    dense,
    fit,
    last,
    recurrent,
    softmax_cross_entropy,
)
from lstm_core.cells import Cell, Stage, sigmoid

OUT = Path(__file__).with_suffix(".json")
SEEDS, EPOCHS = range(5), 6
RATES, DECAYS = (3e-3, 1e-2, 3e-2), (0.0, 0.05)


Kept = namedtuple("Kept", "i o f g c_prev c")


def squashed_step(a, u, s, p, tanh):
    """DLL's cell: c = tanh(g ⊙ i + c_prev ⊙ f), h = c ⊙ o."""
    i_bar, o_bar, f_bar, g_bar = a + u
    _, c_prev = s
    i, o, f = sigmoid(i_bar, tanh), sigmoid(o_bar, tanh), sigmoid(f_bar, tanh)
    g = tanh(g_bar)
    c = tanh(g * i + c_prev * f)
    return (c * o, c), Kept(i, o, f, g, c_prev, c)


def to_the_gates(dc, dh, k):
    """From dc, the derivative by what stands in the tanh, to those of the gates."""
    di_bar, do_bar = dc * k.g * k.i * (1 - k.i), dh * k.c * k.o * (1 - k.o)
    df_bar, dg_bar = dc * k.c_prev * k.f * (1 - k.f), dc * k.i * (1 - k.g * k.g)
    da = di_bar, do_bar, df_bar, dg_bar
    return da, da, (0, dc * k.f), ()


def squashed_back(ds, kept, p):
    """The derivative: all that arrives at c goes through the tanh."""
    dh, dc = ds
    dc = (dc + dh * kept.o) * (1 - kept.c * kept.c)
    return to_the_gates(dc, dh, kept)


def slip_back(ds, kept, p):
    """DLL's: what comes from the step after goes past the tanh."""
    dh, dc = ds
    dc = dc + dh * kept.o * (1 - kept.c * kept.c)
    return to_the_gates(dc, dh, kept)


stage = Stage("iofg", squashed_step, squashed_back)
squashed = Cell("squashed", [stage], states="hc", forget="f")
slip = squashed.altered(back=slip_back)
CELLS = {
    "LSTM": cells.LSTM,
    "DLL's cell": squashed,
    "DLL's cell, with the slip": slip,
}


def recipe(name, epochs, rate=1e-2, decay=0.05):
    """What `fit` is told. DLL's: Adam's usual rate, and nothing else."""
    if name == "DLL":
        return {"epochs": epochs, "rate": constant(1e-3)}
    rate, optimizer = cosine(rate, epochs=epochs, warmup=0.5), adam(weight_decay=decay)
    return {"epochs": epochs, "rate": rate, "optimizer": optimizer, "clip": 1.0}


def train(cell, seed, options, learn, judge):
    """Losses and errors of the images `judge` after each epoch, and of training."""
    rng = np.random.default_rng(seed)
    layer = recurrent(cell, 28, 100, own=False)
    model = Model([layer, last(), dense(100, 10)], softmax_cross_entropy, rng=rng)
    run = fit(model, *learn, **options, rng=rng, validation=judge, progress=False)
    return {
        "train": [round(loss, 5) for loss in run.loss],
        "loss": [round(scores.loss, 5) for scores in run.validation],
        "error": [round(scores.error, 5) for scores in run.validation],
    }


def plan(learn, test):
    """Every run: its key in the file, and the arguments of `train`."""
    (x, y), kept = learn, 50_000
    first, rest = (x[:kept], y[:kept]), (x[kept:], y[kept:])
    for decay in DECAYS:
        for rate in RATES:
            how = recipe("one cycle", EPOCHS, rate, decay)
            yield f"choice | {rate} | {decay}", (cells.LSTM, 100, how, first, rest)
    orders = [("DLL", name) for name in CELLS]
    for rule, name in orders + [("one cycle", "LSTM"), ("no decay", "LSTM")]:
        how = recipe(rule, EPOCHS, decay=0.0 if rule == "no decay" else 0.05)
        for seed in SEEDS:
            yield f"{name} | {rule} | {seed}", (CELLS[name], seed, how, learn, test)


def main():
    found = stored.load(OUT, "rows of MNIST, by mnist_cells.py")
    stored.fill(OUT, found, plan(*data.mnist()), train)


if __name__ == "__main__":
    main()
