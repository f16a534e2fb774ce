"""Every network of the chapter on showers, from five seeds.

On the drifting Gaussians: three recurrent networks, a dense one and a linear model, and
the area under the ROC curve of 50,000 test events. On the four particles: LSTM, GRU,
dense and linear, and the RNN at three learning rates, and which part of 6,000 test
showers is given to the right particle. The chapter trains the first seed of each again.
`python showers_runs.py` in this folder writes showers_runs.json, which the chapter
reads, after each run; what is there already is not run again. It takes two minutes on
one core.
"""

import os
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import showers
import stored
from sklearn.metrics import roc_auc_score

from lstm_core import (
    Model,
    activation,
    constant,
    cosine,
    dense,
    fit,
    gru,
    last,
    lstm,
    rnn,
    softmax_cross_entropy,
)

OUT = Path(__file__).with_suffix(".json")
CELLS = {"RNN": rnn, "LSTM": lstm, "GRU": gru}
GAUSSIANS = "RNN", "LSTM", "GRU", "dense", "linear"
SHOWERS = "LSTM", "GRU", "dense", "linear"
RNN_RATES = 1e-2, 3e-3, 1e-3
SEEDS = range(5)


def flat(x):
    """Events (N, T, D) as one step with T·D features, for a network without time."""
    return x.reshape(len(x), 1, -1)


def network(name, T, D, hidden, outputs, rng):
    """An untrained classifier, and what its input has to go through."""
    if name in CELLS:
        layers = [CELLS[name](D, hidden), last(), dense(hidden, outputs)]
        return Model(layers, softmax_cross_entropy, rng=rng), np.asarray
    layers = [dense(T * D, outputs), last()]
    if name == "dense":
        layers = [dense(T * D, 64), activation("tanh"), last(), dense(64, outputs)]
    return Model(layers, softmax_cross_entropy, rng=rng), flat


def gaussian_scores(name, seed, learn, held, x_test):
    """Scores of the events x_test, after training network `name` from `seed`."""
    rng = np.random.default_rng(seed)
    net, shape = network(name, 10, 30, 10, 2, rng)
    options = {"epochs": 20, "batch": 100, "rate": constant(1e-3), "clip": 1.0}
    judge = {"validation": (shape(held[0]), held[1]), "patience": 5}
    fit(net, shape(learn[0]), learn[1], rng=rng, progress=False, **options, **judge)
    low, high = net.predict(shape(x_test)).T
    return high - low


def train_showers(name, seed, learn, held, x_test, rate=1e-2):
    """A network that tells the four particles apart, and its scores of x_test."""
    rng = np.random.default_rng(seed)
    net, shape = network(name, 25, x_test.shape[2], 32, 4, rng)
    schedule = cosine(rate, epochs=10, warmup=0.5)
    options = {"epochs": 10, "batch": 100, "rate": schedule, "clip": 1.0}
    # patience as long as the run: only the best epoch's weights are kept
    judge = {"validation": (shape(held[0]), held[1]), "patience": 10}
    fit(net, shape(learn[0]), learn[1], rng=rng, progress=False, **options, **judge)
    return net, net.predict(shape(x_test))


def gaussians():
    """The chapter's drifting Gaussians, standardised: to learn, hold out and test."""
    rng = np.random.default_rng(0)
    x, y = showers.drifting_gaussians(rng, 10_000)
    x_test, y_test = showers.drifting_gaussians(rng, 25_000)
    mean, std = x[:12_800].mean(axis=0), x[:12_800].std(axis=0)
    z = (x - mean) / std
    learn, held = (z[:12_800], y[:12_800]), (z[12_800:16_000], y[12_800:16_000])
    return learn, held, ((x_test - mean) / std, y_test)


def four_particles():
    """The chapter's showers, standardised: to learn, hold out and test."""
    x, y, _ = showers.shower_set(np.random.default_rng(1), 6000)
    mean, std = x[:15_000].mean(axis=(0, 1)), x[:15_000].std(axis=(0, 1))
    z, ends = (x - mean) / std, (slice(15_000), slice(15_000, 18_000))
    return *((z[part], y[part]) for part in ends), (z[18_000:], y[18_000:])


def plan():
    """Every run: its key in the file, and its kind, name, seed and learning rate."""
    for seed in SEEDS:
        for name in GAUSSIANS:
            yield f"gaussians | {name} | {seed}", ("gaussians", name, seed, 1e-3)
        for name in SHOWERS:
            yield f"showers | {name} | {seed}", ("showers", name, seed, 1e-2)
        for rate in RNN_RATES:
            yield f"showers | RNN, {rate} | {seed}", ("showers", "RNN", seed, rate)


def run(sets, kind, name, seed, rate):
    """What the file keeps of one network."""
    learn, held, (x_test, y_test) = sets[kind]
    if kind == "gaussians":
        scores = gaussian_scores(name, seed, learn, held, x_test)
        return {"auc": round(float(roc_auc_score(y_test, scores)), 5)}
    _, scores = train_showers(name, seed, learn, held, x_test, rate)
    return {"right": round(float((scores.argmax(axis=1) == y_test).mean()), 5)}


def main():
    found = stored.load(OUT, "drifting Gaussians and showers, by showers_runs.py")
    sets = {"gaussians": gaussians(), "showers": four_particles()}
    stored.fill(OUT, found, plan(), partial(run, sets))


if __name__ == "__main__":
    main()
