"""A larger network for the chapter on characters, on two texts.

Shakespeare, cut as nanoGPT cuts it, twelve times by two layers of 256 units; and the
programs of this book. `python characters_large.py` in this folder writes
characters_large.json, which the chapter reads, after each epoch. It takes ten
minutes on one core.
"""

import math
import os
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import stored
from characters import bits, counted, encode, streams

from lstm_core import (
    Model,
    cosine,
    data,
    dense,
    dropout,
    embedding,
    fit,
    lstm,
    sample,
    softmax_cross_entropy,
)

OUT, ROOT = Path(__file__).with_suffix(".json"), Path(__file__).parents[2]
FOLDERS = "lstm_core", "lstm_formats", "lstm_proofs", "chapters", "figures", "tools"
BLOCK = 256  # nanoGPT's context


def programs():
    """The book's own Python files, its tests apart, one after the other."""
    paths = sorted(path for name in FOLDERS for path in ROOT.glob(f"{name}/**/*.py"))
    return "\n\n".join(path.read_text(encoding="utf-8") for path in paths)


TEXTS = {  # the text, units, dropout, epochs
    "Shakespeare": (data.shakespeare, 256, 0.2, 12),
    "programs": (programs, 128, 0.1, 8),
}


def in_blocks(run, code, start):
    """Bits of code[start:] cut into blocks, each read from an empty memory."""
    x, y = streams(code[start:], (len(code) - start - 1) // BLOCK)
    scores, _ = run(x, None)
    scores = scores - scores.max(axis=2, keepdims=True)
    own = np.take_along_axis(scores, y[:, :, None], axis=2)[:, :, 0]
    logs = own - np.log(np.exp(scores).sum(axis=2))
    return -logs.mean(dtype=float) / math.log(2)


def train(text, units, rate, epochs, note):
    """Train on nine tenths of a text; `note` is called after each epoch."""
    letters, code = encode(text)
    cut, C, rng = int(len(code) * 0.9), len(letters), np.random.default_rng(0)
    hidden = [lstm(64, units), dropout(rate), lstm(units, units), dropout(rate)]
    layers = [embedding(C, 64), *hidden, dense(units, C)]
    model = Model(layers, softmax_cross_entropy, rng=rng)
    found = {
        "characters": len(code),
        "kinds": C,
        "cut": cut,
        "parameters": model.theta.size,
        "7-gram": round(-counted(code, cut, 7, C).mean(), 4),
        "train": [],
        "held out": [],
    }
    begin = time.process_time()

    def after(history):
        found["train"].append(round(history.loss[-1] / math.log(2), 4))
        found["held out"].append(round(bits(model.run, code, cut), 4))
        found["seconds"] = round(time.process_time() - begin)
        note(found)

    fit(
        model,
        *streams(code[: cut + 1]),
        epochs=epochs,
        batch=50,
        truncate=50,
        rate=cosine(5e-3, epochs=epochs, warmup=0.5),
        clip=1.0,
        rng=rng,
        after_epoch=after,
        progress=False,
    )
    found["in blocks"] = round(in_blocks(model.run, code, cut), 4)
    start, draw = np.searchsorted(letters, list("\n\n")), np.random.default_rng(0)
    drawn = sample(model, start, 600, rng=draw, temperature=0.7)
    found["sample"] = "".join(letters[drawn])
    note(found)


def main():
    found = stored.load(OUT, "a larger network's bits per character")
    for name, (text, *settings) in TEXTS.items():

        def note(run, name=name):
            found["runs"][name] = run
            stored.save(OUT, found)
            print(name, run["held out"], flush=True)

        if "sample" not in found["runs"].get(name, {}):
            train(text(), *settings, note)


if __name__ == "__main__":
    main()
