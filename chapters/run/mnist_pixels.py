"""MNIST pixel by pixel, in order and in a fixed random order of the pixels.

An LSTM of 64 units whose gates begin as Tallec and Ollivier's, three epochs of 784
steps. And the shorter sequences of the chapter (images of 14 × 14, 196 steps): the rate
is chosen on them, by images of the training set, and two starts are compared, from five
seeds. `python mnist_pixels.py` in this folder writes mnist_pixels.json, which the
chapter reads, after each epoch; runs that are there already are not run again. It takes
twelve minutes on one core.
"""

import os
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import stored

from lstm_core import (
    Model,
    cosine,
    data,
    dense,
    evaluate,
    fit,
    last,
    lstm,
    softmax_cross_entropy,
)

OUT = Path(__file__).with_suffix(".json")
HIDDEN, EPOCHS, RATE, SEEDS = 64, 3, 2e-2, range(5)
RATES = 5e-3, 1e-2, 2e-2, 4e-2
STARTS, ORDERS = ("one", "spread"), ("in order", "permuted")


def sequences(images, side=28, order="in order"):
    """Images (N, 28, 28), averaged down to `side`, as sequences (N, side², 1)."""
    n, block = len(images), 28 // side
    small = images.reshape(n, side, block, side, block).mean(axis=(2, 4))
    x = small.reshape(n, side * side, 1)
    if order == "in order":
        return x
    return x[:, np.random.default_rng(side).permutation(side * side)]


def reader(T, start, rng, hidden=HIDDEN):
    """An LSTM for T pixels; its forget bias 1, or spread from log 1 to log(T-1)."""
    layers = [lstm(1, hidden), last(), dense(hidden, 10)]
    model = Model(layers, softmax_cross_entropy, rng=rng)
    if start == "spread":
        bias = np.log(rng.uniform(1, T - 1, (hidden, 1)))
        i, _, f, _ = model.params["lstm.b"].reshape(4, hidden, 1)  # views
        i[:], f[:] = -bias, bias
    return model


def train(T, start, seed, learn, judge, epochs, note, rate=RATE):
    """Train for so many epochs of batches of 50; `note` gets a dict after each."""
    rng = np.random.default_rng(seed)
    model = reader(T, start, rng)
    begin, found = time.process_time(), {"loss": [], "error": []}

    def after(history):
        losses = np.array_split(history.batch_loss, 6 * len(history.loss))
        found["loss"] = [round(float(part.mean()), 4) for part in losses]
        found["error"].append(round(evaluate(model, *judge).error, 4))
        found["seconds"] = round(time.process_time() - begin)
        note(found)

    schedule = cosine(rate, epochs=epochs, warmup=0.1)
    options = {"epochs": epochs, "batch": 50, "rate": schedule, "clip": 1.0}
    fit(model, *learn, **options, rng=rng, after_epoch=after, progress=False)


def short(learn, order):
    """Of the training set: 30,000 small images to learn from, and 10,000 others."""
    x, y = sequences(learn[0], 14, order), learn[1]
    return (x[:30_000], y[:30_000]), (x[50_000:], y[50_000:])


def plan(learn, test):
    """Every run: its key in the file, the arguments of `train`, and the rate."""
    for rate in RATES:
        run = 196, "spread", 100, *short(learn, "in order"), 1
        yield f"choice | {rate}", run, rate
    for order in ORDERS:
        whole = sequences(learn[0], 28, order), learn[1]
        judge = sequences(test[0], 28, order), test[1]
        yield f"784 | {order}", (784, "spread", 0, whole, judge, EPOCHS), RATE
    for seed in SEEDS:
        for order in ORDERS:
            for start in STARTS:
                run = 196, start, seed, *short(learn, order), 1
                yield f"196 | {order} | {start} | {seed}", run, RATE


def main():
    found = stored.load(OUT, "MNIST pixel by pixel, by mnist_pixels.py")
    for key, arguments, rate in plan(*data.mnist()):
        epochs = arguments[-1]
        if len(found["runs"].get(key, {"error": []})["error"]) == epochs:
            continue

        def note(run, key=key):
            found["runs"][key] = run
            stored.save(OUT, found)
            print(key, run["error"][-1], run["loss"][-1], run["seconds"], flush=True)

        train(*arguments, note, rate)


if __name__ == "__main__":
    main()
