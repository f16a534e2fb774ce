"""PyTorch on the drifting Gaussians: the other half of the chapter's comparison.

Same data, sizes, batches, rate, clipping and early stop as in the chapter; starting
values and the order of the batches are PyTorch's own. Needs torch, which the book does
not: `pip install -e ".[torch]"`, then `python showers_torch.py` in this folder writes
showers_torch.json, which the chapter reads.
"""

import copy
import json
from pathlib import Path

import numpy as np
import torch
from showers import drifting_gaussians
from sklearn.metrics import roc_auc_score

CELLS = {"RNN": torch.nn.RNN, "LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}
torch.set_num_threads(1)


class Network(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell(30, 10, batch_first=True)
        self.dense = torch.nn.Linear(10, 2)

    def forward(self, x):
        return self.dense(self.cell(x)[0][:, -1])


def train(cell, seed, x, y, validation):
    torch.manual_seed(seed)
    net, loss = Network(cell), torch.nn.CrossEntropyLoss()
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    best, waited, weights = np.inf, 0, None
    for _ in range(20):
        for rows in torch.randperm(len(x)).split(100):
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


def main():
    rng = np.random.default_rng(0)
    x, y = drifting_gaussians(rng, 10_000)
    x_test, y_test = drifting_gaussians(rng, 25_000)
    mean, std = x[:12_800].mean(axis=0), x[:12_800].std(axis=0)
    x, x_test = (torch.from_numpy((a - mean) / std) for a in (x, x_test))
    y = torch.from_numpy(y)
    found = {}
    for name, cell in CELLS.items():
        found[name] = []
        for seed in range(3):
            held = x[12_800:16_000], y[12_800:16_000]
            net = train(cell, seed, x[:12_800], y[:12_800], held)
            with torch.no_grad():
                scores = net(x_test).numpy()
            area = roc_auc_score(y_test, scores[:, 1] - scores[:, 0])
            found[name].append(round(area, 4))
        print(name, found[name])
    raw = json.dumps({"torch": torch.__version__, "auc": found}, indent=1) + "\n"
    Path("showers_torch.json").write_text(raw)


if __name__ == "__main__":
    main()
