"""Which cells can count? Trained on strings of 40 symbols, tested on 50,000.

The tasks: parity; the number of ones modulo 3; and a…ab…b, where the answer says
whether there have been more a, as many, or more b. One answer at each step. `python
counting.py` in this folder writes counting.json, which the chapter reads, after each
run; runs that are there already are not run again. It takes a quarter of an hour on one
core. A cell more is a line more in CELLS.
"""

import itertools
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from lstm_core import Model, cosine, dense, fit, recurrent, softmax_cross_entropy

sys.path.append(str(Path(__file__).resolve().parents[1] / "run"))
import stored

OUT = Path(__file__).with_suffix(".json")
CELLS = {  # name in the chapter -> name of the cell, and whether it has its peepholes
    "RNN": ("rnn", False),
    "RNN, ReLU": ("rnn relu", False),
    "LSTM": ("lstm", False),
    "peephole LSTM": ("lstm", True),
    "LSTM, no forget gate": ("nfg", False),
    "sLSTM": ("slstm", False),
    "GRU": ("gru", False),
    "minGRU": ("mingru", False),
    "minLSTM": ("minlstm", False),
    "QRNN": ("qrnn", False),
    "diagonal": ("diagonal", False),
    "diagonal, signed": ("diagonal signed", False),
    "RG-LRU": ("rglru", True),
    "LRU": ("lru", True),
}
PARITY_ONLY = {  # to save time
    "RNN, ReLU", "peephole LSTM", "LSTM, no forget gate", "minGRU", "minLSTM", "QRNN",
    "RG-LRU", "LRU",
}  # fmt: skip
TASKS = {"parity": 2, "modulo 3": 3, "a…ab…b": 3}  # name -> how many answers there are
LENGTHS = 40, 100, 500, 1_000, 5_000, 50_000
SEEDS = {"parity": 5, "modulo 3": 3, "a…ab…b": 3}  # how many
HIDDEN, BATCHES, RATE = 32, 500, 2e-2


def answers(task, symbols):
    """The right answer after each step of symbols 0 and 1, (strings, steps)."""
    if task == "a…ab…b":
        return 1 - np.sign((1 - 2 * symbols).cumsum(axis=1))  # 0: more a, 1: as many
    return symbols.cumsum(axis=1) % TASKS[task]


def strings(task, rng, count, length):
    """Random strings of the task: symbols 0 and 1, (count, length)."""
    if task == "a…ab…b":
        return (np.arange(length) >= rng.integers(1, length, (count, 1))).astype(int)
    return rng.integers(0, 2, (count, length))


def one_hot(symbols):
    return np.eye(2, dtype=np.float32)[symbols]


def train(name, task, seed, length=40):
    """The trained network and the mean loss of its last 20 batches."""
    rng = np.random.default_rng(seed)
    cell, own = CELLS[name]
    layers = [recurrent(cell, 2, HIDDEN, own=own), dense(HIDDEN, TASKS[task])]
    net = Model(layers, softmax_cross_entropy, rng=rng)
    symbols = strings(task, rng, 32 * BATCHES, length)
    how = {"epochs": 1, "batch": 32, "rate": cosine(RATE, 1), "clip": 1.0}
    x, y = one_hot(symbols), answers(task, symbols)
    run = fit(net, x, y, **how, rng=rng, progress=False)
    return net, float(np.mean(run.batch_loss[-20:]))


def is_right(net, task, symbols, piece=1_000):
    """Whether each answer is right, (strings, steps); a string whose state overflows
    is wrong from there on."""
    wanted, found, states = answers(task, symbols), [], None
    lost = np.zeros((len(symbols), 1), bool)
    for begin in range(0, symbols.shape[1], piece):
        part = slice(begin, begin + piece)
        with np.errstate(all="ignore"):
            scores, states = net.run(one_hot(symbols[:, part]), states)
        bad = ~np.isfinite(scores).all(axis=2)
        gone = lost | np.logical_or.accumulate(bad, axis=1)
        found.append((scores.argmax(axis=2) == wanted[:, part]) & ~gone)
        fine = [np.isfinite(state).all(axis=0) for state in states[0]]
        lost = gone[:, -1:] | ~np.all(fine, axis=0)[:, None]
        states = [tuple(np.where(lost[:, 0], 0, s).astype(s.dtype) for s in states[0])]
        states.append(())
    return np.concatenate(found, axis=1)


def tested(net, task, count=8):
    """The share of right answers at each of the LENGTHS, and the first wrong step.

    Parity and modulo 3: in the later half of so many steps. a…ab…b: for strings in
    which the a end between 0.4 and 0.5 of the length, in the three steps around the one
    that has as many b. The first wrong step of any string is None if there is none. A
    network that is no better than chance at 1,000 steps is not read any further; the
    shares are then None.
    """
    far = _tested(net, task, count, LENGTHS[:4])
    if far["right"][-1] > 1 / TASKS[task] + 0.05:
        far = _tested(net, task, count, LENGTHS)
    far["right"] += [None] * (len(LENGTHS) - len(far["right"]))
    return far


def _tested(net, task, count, lengths):
    rng = np.random.default_rng(100)
    if task != "a…ab…b":
        right = is_right(net, task, strings(task, rng, count, lengths[-1]))
        shares = [right[:, length // 2 : length].mean() for length in lengths]
        first = None if right.all() else int(np.argmin(right.all(axis=0))) + 1
        return {"right": [round(float(share), 4) for share in shares], "first": first}
    ends = [np.linspace(0.4 * n, 0.5 * n, count).astype(int) for n in lengths]
    many = np.concatenate([*ends, np.arange(1, 61)])  # how many a
    symbols = (np.arange(lengths[-1] + 1) >= many[:, None]).astype(int)
    right = is_right(net, task, symbols)
    around = 2 * many[:, None] + [-2, -1, 0]  # the steps 2n - 1, 2n and 2n + 1
    hits = np.take_along_axis(right, around, axis=1)
    wrong = 2 * many[~hits.all(axis=1)]
    shares = hits[: count * len(lengths)].reshape(len(lengths), -1).mean(axis=1)
    first = int(wrong.min()) if len(wrong) else None
    return {"right": [round(float(share), 4) for share in shares], "first": first}


def slips(name="peephole LSTM", seed=3, count=8, steps=4_000):
    """Of a network that loses the parity: the longest run of zeros among the 16 bits
    before the first mistake in each string, and in all places of these strings, mean.
    """
    net, _ = train(name, "parity", seed)
    bits = strings("parity", np.random.default_rng(100), count, LENGTHS[-1])[:, :steps]
    right = is_right(net, "parity", bits)
    longest = lambda part: max(map(len, "".join(map(str, part)).split("1")))
    firsts = [(n, int(np.argmin(row)) + 1) for n, row in enumerate(right)]
    firsts = [(n, t) for n, t in firsts if not right[n].all()]
    usual = [longest(row[t - 16 : t]) for row in bits for t in range(16, steps)]
    before = [longest(bits[n, max(t - 16, 0) : t]) for n, t in firsts]
    return {"before": before, "usual": round(float(np.mean(usual)), 2)}


def run(name, task, seed):
    """What the file keeps of one network."""
    net, loss = train(name, task, seed)
    return {"loss": round(loss, 5), **tested(net, task)}


def plan():
    """Every run: its key in the file, and the arguments of `run`."""
    jobs = itertools.product(TASKS, range(max(SEEDS.values())), CELLS)
    for task, seed, name in sorted(jobs, key=lambda job: (job[0] != "parity", job[1])):
        if seed < SEEDS[task] and (task == "parity" or name not in PARITY_ONLY):
            yield f"{task} | {name} | {seed}", (name, task, seed)


def main():
    found = stored.load(OUT, "which cells can count, by counting.py")
    if "slips" not in found:
        found["slips"] = slips()
    stored.fill(OUT, found, plan(), run)


if __name__ == "__main__":
    main()
