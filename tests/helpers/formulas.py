"""The forward pass of cells once more, in plain NumPy and as the papers print it, gate by gate.

One text for all variants of Greff et al. (2017); W, R, b and p are dicts: gate -> rows. Their gates stand here once
more, too, in the order of the rows; R["i.o"] is what leads from o to i.
"""

from functools import partial

import numpy as np

GATES = {"nig": "ofg", "nfg": "iog", "nog": "ifg", "niaf": "iofg", "noaf": "iofg", "cifg": "iog", "fgr": "iofg"}


def sigma(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def rnn_relu(W, R, b, p, x, h):
    return (relu(W @ x + R @ h + b),)


def lstm(variant, W, R, b, p, x, h, c, *past):
    """One step. past: the gates i, o, f of the step before, if they recur."""

    def gate(k, c):
        recurrent = sum(R[f"{k}.{j}"] @ before for j, before in zip("iof", past))
        return sigma(W[k] @ x + R[k] @ h + recurrent + p[k] * c + b[k])

    i = 1 if variant == "nig" else gate("i", c)
    f = 1 if variant == "nfg" else 1 - i if variant == "cifg" else gate("f", c)
    g = W["g"] @ x + R["g"] @ h + b["g"]
    c = f * c + i * (g if variant == "niaf" else np.tanh(g))
    o = 1 if variant == "nog" else gate("o", c)
    return (o * (c if variant == "noaf" else np.tanh(c)), c, i, o, f)[: 2 + len(past)]


def nas(W, R, b, p, x, h, c):
    a, u = np.split(W @ x + b, 8), np.split(R @ h, 8)
    functions = sigma, relu, sigma, relu, np.tanh, sigma, np.tanh, sigma
    inner = [f(a_k * u_k if k == 3 else a_k + u_k) for k, (f, a_k, u_k) in enumerate(zip(functions, a, u))]
    first, second = np.tanh(inner[0] * inner[1]), np.tanh(inner[2] + inner[3])
    third, fourth = np.tanh(inner[4] * inner[5]), sigma(inner[6] + inner[7])
    c = np.tanh(first + c) * second
    return np.tanh(c * np.tanh(third + fourth)), c


def minlstm(W, R, b, p, x, h):
    a_i, a_f, g = np.split(W @ x + b, 3)
    i, f = sigma(a_i), sigma(a_f)
    return (f / (f + i) * h + i / (f + i) * g,)


def rglru(W, R, b, p, x, h):
    """As printed, c = 8; the paper's Λ from p: e^p = 4 softplus(-Λ). Its input x is g here."""
    a_r, a_i, g = np.split(W @ x + b, 3)
    r, i = sigma(a_r), sigma(a_i)
    rate = np.exp(0 if p is None else p[0]) / 4
    a = sigma(-np.log(np.expm1(rate))) ** (8 * r)
    return (a * h + np.sqrt(1 - a**2) * (i * g),)


def lru(W, R, b, p, x, h, c):
    """As printed, in complex numbers; λ from p: -tanh p_f long, at the angle 2 arctan p_r; γ as it starts."""
    p_f, p_r = (0, 0) if p is None else p
    factor = -np.tanh(p_f) * np.exp(2j * np.arctan(p_r))
    g, j = np.split(W @ x + b, 2)
    state = factor * (h + 1j * c) + np.sqrt(1 - abs(factor) ** 2) * (g + 1j * j)
    return state.real, state.imag


def slstm(W, R, b, p, x, h, c, n, m):
    i, o, f, z = np.split(W @ x + R @ h + b, 4)
    stabiliser = np.where(n > 0, np.maximum(f + m, i), i)  # without an old value, as in the authors' code
    i, f = np.exp(i - stabiliser), np.exp(f + m - stabiliser)
    c, n = f * c + i * np.tanh(z), f * n + i
    return sigma(o) * c / n, c, n, stabiliser


FORMULAS = {"rnn relu": rnn_relu, "nas": nas, "minlstm": minlstm, "rglru": rglru, "lru": lru, "slstm": slstm}
FORMULAS |= {name: partial(lstm, name) for name in GATES}


def named(name, P):
    """W, R, b, p as dicts: gate -> rows."""
    gates = [*GATES[name]]
    recurrent = gates + [f"{k}.{j}" for j in "iof" for k in "iof" if name == "fgr"]
    peepholes = [k for k in "iof" if k in gates]
    W, R, b = (
        dict(zip(names, np.split(rows, len(names)), strict=True))
        for names, rows in ((gates, P["W"]), (recurrent, P["R"]), (gates, P["b"]))
    )
    return W, R, b, dict(zip(peepholes, P.get("p", [0] * len(peepholes)), strict=True))


def drawn_state(rng, states, H, B):
    """Random arrays, one for each of `states`; n is a sum of weights, and in the first example there is none yet."""
    drawn = dict(zip(states, rng.standard_normal((len(states), H, B)), strict=True))
    if "n" in drawn:
        drawn["n"] = abs(drawn["n"])
        drawn["n"][:, 0] = drawn["c"][:, 0] = 0
    return tuple(drawn.values())


def forward(name, P, x, state):
    """h (T, H, B) and the final state of the cell called `name`, one of `FORMULAS`."""
    parameters = named(name, P) if name in GATES else [P.get(key) for key in "WRbp"]
    outputs = []
    for x_t in x:
        state = FORMULAS[name](*parameters, x_t, *state)
        outputs.append(state[0])
    return np.stack(outputs), state
