"""The language model of the chapter on characters, trained here and in PyTorch.

Both begin with the same weights and read the same batches. PyTorch has two biases
where one would do: b_hh stays 0, or Adam would move their sum twice as fast. (For
comparison, both biases are trained once more, too.) Needs torch, which the book does
not: `pip install -e ".[torch]"`, then `python characters_torch.py` in this folder
writes characters_torch.json, which the chapter reads. It takes about half an hour on
one core: 36 epochs here, 48 in PyTorch.
"""

import datetime
import json
import math
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import torch
from characters import bits, encode, streams

from lstm_core import (
    Model,
    data,
    dense,
    embedding,
    fit,
    lstm,
    optim,
    softmax_cross_entropy,
)
from lstm_formats import torch_io

OUT = Path(__file__).with_suffix(".json")
SEEDS = range(3)  # of the recipe "one cycle"
STREAMS, STEPS, CLIP, CUT = 50, 50, 5.0, 1_000_000
RECIPES = {  # epochs and schedule
    "one cycle": (4, optim.cosine(1e-2, epochs=4, warmup=0.5)),  # the chapter's
    "torch-rnn": (20, optim.steps(2e-3, every=5)),  # its defaults
}


def text():
    """Tiny Shakespeare as labels, and how many kinds of characters there are."""
    letters, code = encode(data.shakespeare())
    return code, len(letters)


class Network(torch.nn.Module):
    def __init__(self, C, E, H):
        super().__init__()
        self.embedding = torch.nn.Embedding(C, E)
        self.lstm = torch.nn.LSTM(E, H, num_layers=2, batch_first=True)
        self.dense = torch.nn.Linear(H, C)

    def forward(self, x, states=None):
        h, states = self.lstm(self.embedding(x), states)
        return self.dense(h), states

    def scores(self, x, states=None):
        with torch.no_grad():
            y, states = self(torch.tensor(x), states)
        return y.numpy(), states


def pair(C, seed, E=64, H=128, both_biases=False):
    """Our model and PyTorch's, with the same weights; and the generator."""
    rng = np.random.default_rng(seed)
    layers = [embedding(C, E), lstm(E, H), lstm(H, H), dense(H, C)]
    model, network = Model(layers, softmax_cross_entropy, rng=rng), Network(C, E, H)
    state = torch_io.state_dict(model, stacked=True)
    network.load_state_dict(
        {name: torch.tensor(x) for name, x in state.items()}, strict=True
    )
    for name, parameter in network.named_parameters():
        parameter.requires_grad = both_biases or "bias_hh" not in name
    return model, network, rng


def adam(network):
    """PyTorch's Adam for what is to be trained."""
    return torch.optim.Adam(
        [p for p in network.parameters() if p.requires_grad], eps=1e-8
    )


def pytorch_epoch(network, optimizer, x, y, rate, epoch):
    """One pass over x, y (B, T) in pieces, the state carried on; the mean loss."""
    losses, states, (x, y), T = [], None, (torch.tensor(x), torch.tensor(y)), x.shape[1]
    for t in range(0, T, STEPS):
        scores, states = network(x[:, t : t + STEPS], states)
        states = tuple(s.detach() for s in states)
        loss = torch.nn.functional.cross_entropy(
            scores.flatten(0, 1), y[:, t : t + STEPS].flatten()
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        for group in optimizer.param_groups:
            group["lr"] = rate(epoch + (t + min(t + STEPS, T)) / 2 / T)  # as `fit` does
        optimizer.step()
        losses.append(loss.item())
    return np.mean(losses)


def both(code, C, epochs, rate, seed=0):
    """Train both; yields, after each epoch, four numbers, all in bits.

    The training loss of ours and of PyTorch's, the held-out loss of ours and PyTorch's.
    """
    (model, network, rng), history = pair(C, seed), None
    (x, y), optimizer = streams(code[: CUT + 1]), adam(network)
    for epoch in range(epochs):
        options = {"batch": STREAMS, "truncate": STEPS, "rate": rate, "clip": CLIP}
        options |= {"epochs": epoch + 1, "rng": rng, "history": history}
        history = fit(model, x, y, progress=False, **options)
        theirs = pytorch_epoch(network, optimizer, x, y, rate, epoch)
        losses = history.loss[-1] / math.log(2), theirs / math.log(2)
        yield *losses, bits(model.run, code, CUT), bits(network.scores, code, CUT)


def both_biases(code, C, epochs, rate, seed):
    """Held-out bits of PyTorch's network with both biases trained, its default."""
    _, network, _ = pair(C, seed, both_biases=True)
    (x, y), optimizer = streams(code[: CUT + 1]), adam(network)
    for epoch in range(epochs):
        pytorch_epoch(network, optimizer, x, y, rate, epoch)
    return bits(network.scores, code, CUT)


def main():
    torch.set_num_threads(1)
    found = {
        "what": "bits per character, here and in PyTorch, by characters_torch.py",
        "date": datetime.date.today().isoformat(),
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "torch": torch.__version__,
    }
    for name, recipe in RECIPES.items():
        found[name] = {
            key: [] for key in ("train, ours", "train, PyTorch", "ours", "PyTorch")
        }
        for epoch, values in enumerate(both(*text(), *recipe)):
            for column, value in zip(found[name].values(), values):
                column.append(round(value, 4))
            print(name, epoch + 1, *[round(value, 4) for value in values], flush=True)
    last = found["last of one cycle"] = {
        "ours": [],
        "PyTorch": [],
        "PyTorch, both biases": [],
    }
    for seed in SEEDS:
        *_, (_, _, ours, theirs) = both(*text(), *RECIPES["one cycle"], seed)
        values = ours, theirs, both_biases(*text(), *RECIPES["one cycle"], seed)
        for column, value in zip(last.values(), values):
            column.append(round(value, 4))
        print("seed", seed, *[round(value, 4) for value in values], flush=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
