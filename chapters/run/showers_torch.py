"""PyTorch on the drifting Gaussians: the other half of the chapter's comparison.

Same data, sizes, batches, rate, clipping and early stop as in the chapter, three times:

as it comes: starting values, order of the batches and two biases are PyTorch's own
one bias:    the second bias vector stays 0 (of a GRU all but that of the new state,
             which the GRU of this book has, too), as it adds nothing but to the first
our start:   that, and the chapter's own starting values and order of the batches

Needs torch, which the book does not: `pip install -e ".[torch]"`, then
`python showers_torch.py` in this folder writes showers_torch.json, which the chapter
reads.
"""

import copy
import datetime
import json
import platform
from pathlib import Path

import numpy as np
import torch
from showers import drifting_gaussians
from sklearn.metrics import roc_auc_score

from lstm_core import Model, dense, gru, last, lstm, rnn, softmax_cross_entropy
from lstm_formats import torch_io

CELLS = {
    "RNN": (torch.nn.RNN, rnn),
    "LSTM": (torch.nn.LSTM, lstm),
    "GRU": (torch.nn.GRU, gru),
}
WAYS = "as it comes", "one bias", "our start"
SEEDS = range(5)
torch.set_num_threads(1)


class Network(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell(30, 10, batch_first=True)
        self.dense = torch.nn.Linear(10, 2)

    def forward(self, x):
        return self.dense(self.cell(x)[0][:, -1])


def hold_second_bias(net):
    """Set the second bias to 0 and keep it there, but for the last gate of a GRU."""
    bias = net.cell.bias_hh_l0
    moves = torch.zeros_like(bias)
    if isinstance(net.cell, torch.nn.GRU):
        moves[20:] = (
            1  # the new state's: the reset gate acts on it, and not on the first
        )
    with torch.no_grad():
        bias *= moves
    bias.register_hook(lambda grad: grad * moves)


def start_as_we_do(net, name, rng):
    """Give `net` the starting values that the chapter's network has."""
    layers = [CELLS[name][1](30, 10), last(), dense(10, 2)]
    ours = torch_io.state_dict(Model(layers, softmax_cross_entropy, rng=rng))
    names = {"rnn": "cell", "lstm": "cell", "gru": "cell", "dense": "dense"}
    state = {}
    for key, value in ours.items():
        layer, _, rest = key.partition(".")
        state[f"{names[layer]}.{rest}"] = torch.tensor(value)
    net.load_state_dict(state)


def train(name, way, seed, x, y, validation):
    torch.manual_seed(seed)
    net, loss = Network(CELLS[name][0]), torch.nn.CrossEntropyLoss()
    rng = np.random.default_rng(seed)
    order = lambda: torch.randperm(len(x))
    if way != "as it comes":
        hold_second_bias(net)
    if way == "our start":
        start_as_we_do(net, name, rng)
        order = lambda: torch.from_numpy(rng.permutation(len(x)))
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    best, waited, weights = np.inf, 0, None
    for _ in range(20):
        for rows in order().split(100):
            adam.zero_grad()
            loss(net(x[rows]), y[rows]).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            adam.step()
        with torch.no_grad():
            now = loss(net(validation[0]), validation[1]).item()
        waited += 1
        if now < best:
            best, waited, weights = now, 0, copy.deepcopy(net.state_dict())
        if waited == 5:
            break
    net.load_state_dict(weights)
    return net


def processor():
    """The processor's name, as Linux has it; elsewhere, its kind."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def main():
    rng = np.random.default_rng(0)
    x, y = drifting_gaussians(rng, 10_000)
    x_test, y_test = drifting_gaussians(rng, 25_000)
    mean, std = x[:12_800].mean(axis=0), x[:12_800].std(axis=0)
    x, x_test = (torch.from_numpy((a - mean) / std) for a in (x, x_test))
    y = torch.from_numpy(y)
    found = {way: {name: [] for name in CELLS} for way in WAYS}
    held = x[12_800:16_000], y[12_800:16_000]
    for way in WAYS[::-1]:
        for name in CELLS:
            for seed in SEEDS:
                net = train(name, way, seed, x[:12_800], y[:12_800], held)
                with torch.no_grad():
                    scores = net(x_test).numpy()
                area = roc_auc_score(y_test, scores[:, 1] - scores[:, 0])
                found[way][name].append(round(float(area), 5))
            print(way, name, found[way][name], flush=True)
    stored = {
        "torch": torch.__version__,
        "machine": processor(),
        "date": datetime.date.today().isoformat(),
        "auc": found,
    }
    Path("showers_torch.json").write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
