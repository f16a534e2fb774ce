"""The language model of chapters/run/characters.ipynb, trained here and in PyTorch, side by side.

    .venv/bin/python -m pip install -e ".[torch]"
    .venv/bin/python tools/characters.py        # 24 epochs of both, some 15 to 20 minutes on one core

Both begin with the same weights and read the same batches. After every epoch the held-out bits per character of both
are written to chapters/run/characters.json, which the chapter shows. PyTorch has two biases where one would do: b_hh
stays 0, or Adam would move their sum twice as fast.
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

from lstm_core import Model, data, dense, embedding, fit, lstm, optim, softmax_cross_entropy
from lstm_formats import torch_io

OUT = Path(__file__).parent.parent / "chapters/run/characters.json"
STREAMS, STEPS, CLIP, CUT = 50, 50, 5.0, 1_000_000
RECIPES = {  # epochs and schedule
    "one cycle": (4, optim.cosine(1e-2, epochs=4, warmup=0.5)),  # the chapter's
    "torch-rnn": (20, optim.steps(2e-3, every=5)),  # its defaults
}


def text():
    """The labels of all characters of tiny-shakespeare, and how many kinds there are."""
    letters, code = np.unique(list(data.shakespeare()), return_inverse=True)
    return code, len(letters)


def streams(code):
    """A text as `STREAMS` strings: x and, one character on, y."""
    end = (len(code) - 1) // STREAMS * STREAMS
    return code[:end].reshape(STREAMS, -1), code[1 : end + 1].reshape(STREAMS, -1)


def bits(scores, code, start, warm=100, piece=100):
    """Bits per character of code[start:], read as `STREAMS` strings that begin `warm` characters earlier.

    scores: x (B, T), states -> y (B, T, C), states
    """
    n = (len(code) - start) // STREAMS
    z = np.stack([code[k - warm - 1 : k + n] for k in range(start, start + n * STREAMS, n)])
    states, total = None, 0.0
    for t in range(0, n + warm, piece):
        here = z[:, t : t + piece + 1]
        y, states = scores(here[:, :-1], states)
        y = y - y.max(axis=2, keepdims=True)
        logs = np.take_along_axis(y, here[:, 1:, None], 2)[:, :, 0] - np.log(np.exp(y).sum(axis=2))
        total -= logs[:, max(warm - t, 0) :].sum(dtype=float)
    return total / (n * STREAMS) / math.log(2)


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


def pair(C, seed, E=64, H=128):
    """Our model and PyTorch's, with the same weights; and the generator."""
    rng = np.random.default_rng(seed)
    layers = [embedding(C, E), lstm(E, H), lstm(H, H), dense(H, C)]
    model, network = Model(layers, softmax_cross_entropy, rng=rng), Network(C, E, H)
    state = torch_io.state_dict(model, stacked=True)
    network.load_state_dict({name: torch.tensor(x) for name, x in state.items()}, strict=True)
    for name, parameter in network.named_parameters():
        parameter.requires_grad = "bias_hh" not in name
    return model, network, rng


def adam(network):
    """PyTorch's Adam for what is to be trained."""
    return torch.optim.Adam([p for p in network.parameters() if p.requires_grad], eps=1e-8)


def pytorch_epoch(network, optimizer, x, y, rate, epoch):
    """One pass over x, y (B, T) in pieces of `STEPS`, the state carried on; the mean loss."""
    losses, states, (x, y), T = [], None, (torch.tensor(x), torch.tensor(y)), x.shape[1]
    for t in range(0, T, STEPS):
        scores, states = network(x[:, t : t + STEPS], states)
        states = tuple(s.detach() for s in states)
        loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), y[:, t : t + STEPS].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        for group in optimizer.param_groups:
            group["lr"] = rate(epoch + (t + min(t + STEPS, T)) / 2 / T)  # as `fit` does
        optimizer.step()
        losses.append(loss.item())
    return np.mean(losses)


def both(code, C, epochs, rate):
    """Train both; yields, after each epoch, training loss and held-out loss of ours and PyTorch's, in bits."""
    (model, network, rng), history = pair(C, seed=0), None
    (x, y), optimizer = streams(code[: CUT + 1]), adam(network)
    for epoch in range(epochs):
        options = {"batch": STREAMS, "truncate": STEPS, "rate": rate, "clip": CLIP, "progress": False}
        history = fit(model, x, y, epochs=epoch + 1, rng=rng, history=history, **options)
        theirs = pytorch_epoch(network, optimizer, x, y, rate, epoch)
        yield (history.loss[-1] / math.log(2), theirs / math.log(2),
               bits(model.run, code, CUT), bits(network.scores, code, CUT))  # fmt: skip


def main():
    torch.set_num_threads(1)
    found = {
        "what": "bits per character after each epoch, here and in PyTorch; written by tools/characters.py",
        "date": datetime.date.today().isoformat(),
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "torch": torch.__version__,
    }
    for name, recipe in RECIPES.items():
        found[name] = {key: [] for key in ("train, ours", "train, PyTorch", "ours", "PyTorch")}
        for epoch, values in enumerate(both(*text(), *recipe)):
            for column, value in zip(found[name].values(), values):
                column.append(round(value, 4))
            print(name, epoch + 1, *[round(value, 4) for value in values], flush=True)
            OUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
