"""What attention does instead: a layer of it, and what it learns beside an LSTM.

Two tasks. Copying: a block of symbols is read, then there is a pause, then the block is
to be said again. Parity: an answer at each step. `python attention.py` in this folder
writes attention.json, which the chapter reads, after each run; runs that are there
already are not run again. It takes some five minutes on one quiet core.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from lstm_core import Model, activation, cosine, dense, embedding, fit, lstm
from lstm_core.arrays import namespace
from lstm_core.layers import Layer
from lstm_core.losses import CrossEntropy

sys.path.append(str(Path(__file__).resolve().parents[1] / "run"))
import stored

OUT = Path(__file__).with_suffix(".json")


def attend(q, k, v):
    """q, k, v (…, H, T), a column a step -> h (…, H, T), and the weights (…, T, T)."""
    xp = namespace(q)
    past = np.triu(np.ones((q.shape[-1],) * 2, bool))  # j ≤ t
    s = np.where(past, k.swapaxes(-1, -2) @ q, -np.inf)
    e = xp.exp(s - xp.max(s.real, axis=-2, keepdims=True))  # no exponent is above 0
    A = e / e.sum(axis=-2, keepdims=True)
    return v @ A, A


def attend_back(dh, q, k, v, A):
    """dh (…, H, T), what `attend` was given, and its A -> dq, dk, dv."""
    dv = dh @ A.swapaxes(-1, -2)
    dA = v.swapaxes(-1, -2) @ dh
    dS = A * (dA - (A * dA).sum(axis=-2, keepdims=True))
    return k @ dS, q @ dS.swapaxes(-1, -2), dv


def attention(features):
    """A layer with H = D: y_t = x_t + h_t, from x (T, D, B)."""
    root = features**0.5

    def forward(P, x, state, how=None):
        x = np.moveaxis(x, (0, 2), (2, 0))  # (T, D, B) -> (B, D, T)
        q, k, v = np.split(P["W"] @ x, 3, axis=1)
        h, A = attend(q / root, k, v)
        return np.moveaxis(x + h, (0, 2), (2, 0)), (), (x, q / root, k, v, A)

    def backward(P, cache, dy, dstate, inputs=True):
        x, q, k, v, A = cache
        dy = np.moveaxis(dy, (0, 2), (2, 0))
        dq, dk, dv = attend_back(dy, q, k, v, A)
        d = np.concatenate([dq / root, dk, dv], axis=1)
        dW = np.tensordot(d, x, ((0, 2), (0, 2)))
        return {"W": dW}, np.moveaxis(P["W"].T @ d + dy, (0, 2), (2, 0)), ()

    shape = 3 * features, features
    start = lambda rng: {"W": rng.standard_normal(shape) / root}
    return Layer("attention", {}, forward, backward, features, {"W": shape}, start)


def places(features, steps):
    """(steps, D): sines of ω t, then cosines, for D/2 numbers ω of 1 to about 1e-4."""
    omega = 10_000.0 ** (-2 * np.arange(features // 2) / features)
    turn = np.arange(steps)[:, None] * omega
    return np.concatenate([np.sin(turn), np.cos(turn)], axis=1).astype(np.float32)


def positions(features):
    """A layer without parameters: adds its place to each step."""

    def forward(P, x, state, how=None):
        return x + places(features, len(x))[:, :, None], (), None

    backward = lambda P, cache, dy, dstate, inputs=True: ({}, dy, ())
    return Layer("positions", {}, forward, backward, features)


# ---- the tasks -----------------------------------------------------------------------

KINDS = 8  # of symbols in a block; then a blank, for the pause, and a mark that asks
FIXED, LONG, VARIED = (10, 10, 10), (10, 40, 40), (10, 5, 15)  # symbols, and pauses
OTHER = {  # trained on one setting, and tested on others, too
    FIXED: ((10, 8, 8), (10, 9, 9), (10, 11, 11), (10, 20, 20)),
    (20,): ((40,), (100,), (500,)),  # steps
}


def copying(rng, count, symbols, shortest, longest):
    """Labels (count, T), and what is to be said, -1 where nothing is asked.

    The pause has from `shortest` to `longest` steps. Blanks in front make all T alike.
    """
    block = rng.integers(0, KINDS, (count, symbols))
    x = np.full((count, 2 * symbols + longest), KINDS)
    begin = longest - rng.integers(shortest, longest + 1, (count, 1))
    np.put_along_axis(x, begin + np.arange(symbols), block, axis=1)
    x[:, -symbols:] = KINDS + 1
    silent = np.full((count, symbols + longest), -1)
    return x, np.concatenate([silent, block], axis=1)


def parity(rng, count, steps):
    """Bits and their parities, both (count, steps)."""
    bits = rng.integers(0, 2, (count, steps))
    return bits, bits.cumsum(axis=1) % 2


# strings, labels, answers
TASKS = {"copying": (copying, KINDS + 2, KINDS), "parity": (parity, 2, 2)}


# ---- the models ----------------------------------------------------------------------

EQUAL = "attention", "LSTM", "LSTM and attention"  # about as many parameters
SOME = "attention", "attention, two layers", "LSTM", "LSTM and attention"
MODELS = (*SOME[:3], "LSTM, larger", *SOME[3:])
SETTINGS = (  # a task, its sizes, and who is trained on it
    ("copying", FIXED, MODELS),
    ("copying", LONG, ("attention", "LSTM")),
    ("copying", VARIED, ("attention", "attention, two layers", "LSTM and attention")),
    ("parity", (20,), SOME),
)
RATES = 1e-2, 3e-2
PILOT = {"copying": FIXED, "parity": (10,)}  # by which the rate is chosen
SEEDS, PILOT_SEED, BATCHES = 3, 100, 500


def layers_of(name, labels, answers):
    if name.startswith("attention"):
        end = [dense(32, answers)]
        if name != "attention":
            end = [attention(32), dense(32, 32), activation("relu"), *end]
        return [embedding(labels, 32), positions(32), attention(32), *end]
    if name == "LSTM and attention":
        return [embedding(labels, 16), lstm(16, 16), attention(16), dense(16, answers)]
    hidden = {"LSTM": 24, "LSTM, larger": 64}[name]
    return [embedding(labels, 10), lstm(10, hidden), dense(hidden, answers)]


def train(name, task, sizes, seed, rate, batches=BATCHES):
    """The trained network. It sees no string twice."""
    rng = np.random.default_rng(seed)
    strings, labels, answers = TASKS[task]
    loss = CrossEntropy(ignore_index=-1)
    net = Model(layers_of(name, labels, answers), loss, rng=rng)
    x, y = strings(rng, 32 * batches, *sizes)
    how = {"epochs": 1, "batch": 32, "rate": cosine(rate, 1, warmup=0.05), "clip": 1.0}
    fit(net, x, y, **how, rng=rng, progress=False)
    return net


def right(net, task, sizes, count=500):
    """The share of right answers at each step that is asked, of new strings."""
    x, y = TASKS[task][0](np.random.default_rng(1_000), count, *sizes)
    asked = y[0] >= 0
    return (net.predict(x, batch=50).argmax(axis=2) == y)[:, asked].mean(axis=0)


def run(name, task, sizes, seed, rate):
    """What the file keeps of one network; of longer strings of bits, the later half."""
    begin = time.process_time()
    net = train(name, task, sizes, seed, rate)
    found = {"seconds": round(time.process_time() - begin, 1)}
    found |= {"parameters": net.theta.size, "rate": rate}
    found["right"] = right(net, task, sizes).round(3).tolist()
    if other := OTHER.get(sizes):
        copies = task == "copying"
        shares = [right(net, task, there, 500 if copies else 100) for there in other]
        shares = [share if copies else share[len(share) // 2 :] for share in shares]
        found["other"] = [round(float(share.mean()), 3) for share in shares]
    return found


# ---- the plan ------------------------------------------------------------------------


def key(name, task, sizes, seed):
    return f"{task} {' '.join(map(str, sizes))} | {name} | {seed}"


def rate_of(found, name, task):
    """The best of the RATES, by the pilot."""
    share = lambda rate: np.mean(found["pilot"][key(name, task, PILOT[task], rate)])
    return max(RATES, key=share)


def plan():
    """Every run but the pilot's: its key in the file, the arguments of `run` but
    the rate."""
    for seed in range(SEEDS):
        for task, sizes, names in SETTINGS:
            for name in names:
                yield key(name, task, sizes, seed), (name, task, sizes, seed)


def main():
    found = stored.load(OUT, "attention and LSTM, by attention.py")
    found.setdefault("pilot", {})
    jobs = [(name, task, rate) for task in PILOT for name in MODELS for rate in RATES]
    for name, task, rate in jobs:
        sizes = PILOT[task]
        name_of = key(name, task, sizes, rate)
        if name_of not in found["pilot"] and (task == "copying" or name in SOME):
            net = train(name, task, sizes, PILOT_SEED, rate)
            found["pilot"][name_of] = round(float(right(net, task, sizes).mean()), 3)
            stored.save(OUT, found)
            print(name_of, found["pilot"][name_of], flush=True)
    for name_of, arguments in plan():
        if name_of not in found["runs"]:
            rate = rate_of(found, *arguments[:2])
            found["runs"][name_of] = run(*arguments, rate)
            stored.save(OUT, found)
            print(name_of, *found["runs"][name_of].values(), flush=True)


if __name__ == "__main__":
    main()
