"""The test vectors of the cells of `lstm_core.modern`: what their names mean, and their equations number by number.

WORDS:  kind of a cell -> name -> what it is, in the order of the calculation; first forward, then backward
STEPS:  kind of a cell -> its step for one unit of one example, as the book prints it: not a line of the package's
"""

from mpmath import mp

PRE = "the input's part of the pre-activations, W x_t + b"
OF_H = {
    "dh_next": "what arrives at h_t from step t+1; at t = T it is w_h_T",
    "dh": "derivative with respect to h_t: dh_next + w_h",
}
PREV = {"dh_prev": "what step t hands to h_{t-1}"}
DA = {"da": "derivative with respect to a"}
PREV_C = {"dc_prev": "what step t hands to c_{t-1}: dc_next of step t-1, and at t = 1 dc_0"}
NEXT_C = {"dc_next": "what arrives at c_t from step t+1; at t = T it is w_c_T"}


def gate(letter, word):
    return {f"{letter}_bar": f"pre-activation of the {word}", letter: word}


def bars(letters):
    return {f"d{letter}_bar": f"derivative with respect to {letter}_bar" for letter in letters.split()}


def derivatives(letters):
    return {f"d{letter}": f"derivative with respect to {letter}_t" for letter in letters.split()}


CANDIDATE = {"g": "candidate; it is its own pre-activation, g_bar"}
H = {"h": "output h_t"}
OLD_AND_NEW = {"a": PRE, **gate("f", "factor of the old state"), **CANDIDATE, **H}
SAME = ", the same at every step and for every example"

FORWARD = {
    "mingru": {"a": PRE, **gate("z", "update gate; 1 keeps the old h"),
               "n": "candidate; it is its own pre-activation, n_bar", **H},
    "minlstm": {
        "a": PRE, **gate("i", "input gate"), **gate("f", "forget gate"), **CANDIDATE, "r_bar": "f_bar - i_bar",
        "r": "sigma(r_bar)", "q": "f + r (1 - f)", "w": "i + (1 - r) (1 - i)",
        "k": "share of the old state, q / (q + w), which is f / (f + i)", **H,
    },
    "qrnn": {"a": PRE, **gate("o", "output gate"), **gate("f", "forget gate"), **gate("g", "candidate"),
             "c": "cell state c_t", **H},
    "diagonal": OLD_AND_NEW,
    "diagonal-signed": OLD_AND_NEW,
    "rglru": {
        "a": PRE, **gate("r", "recurrence gate"), **gate("i", "input gate"), **CANDIDATE, "q_bar": "r exp(p_r)",
        "q": "tanh(q_bar)", "k": "1 where q > 0, else 0", "w": "square root of q + 1 - k",
        "m": "2 k w / (1 + q), which is the square root of 1 - f * f", "f": "factor of the old state", **H,
    },
    "lru": {
        "a": PRE, **CANDIDATE, "j": "candidate of the imaginary part; its own pre-activation, j_bar",
        "q": "exp(p_f)" + SAME, "k": "2 / (1 + q * q)" + SAME, "f": "length of the factor" + SAME,
        "m": "square root of 1 - f * f" + SAME, "r": "2 / (1 + p_r * p_r)" + SAME,
        "y": "cosine of the factor's angle" + SAME, "z": "sine of the factor's angle" + SAME,
        "v": "real part of the factor" + SAME, "w": "imaginary part of the factor" + SAME,
        "h": "output h_t, the real part of the state", "c": "the imaginary part of the state",
    },
    "slstm": {
        "a": PRE, "u": "the recurrent part, R h_{t-1}", "i_bar": "pre-activation of the input gate",
        **gate("o", "output gate"), "f_bar": "pre-activation of the forget gate", **gate("g", "candidate"),
        "j": "1 where n_{t-1} > 0, else 0", "y": "by how much the old is ahead: j (f_bar + m_{t-1} - i_bar)",
        "k": "1 where y > 0, else 0", "m": "stabiliser m_t", "i": "input gate, divided by exp(m_t)",
        "f": "forget gate, divided by exp(m_t)", "c": "cell state c_t", "n": "sum of weights n_t", "q": "c / n", **H,
    },
}  # fmt: skip
BACKWARD = {
    "mingru": {**OF_H, **bars("z n"), **DA, **PREV},
    "minlstm": {**OF_H, **derivatives("q w"), **bars("r f i g"), **DA, **PREV},
    "qrnn": {**OF_H, **bars("o"), **NEXT_C, "dc": "derivative with respect to c_t: dc_next, and through h_t",
             **bars("f g"), **DA, **PREV_C},
    "diagonal": {**OF_H, **bars("f"), **DA, **PREV},
    "diagonal-signed": {**OF_H, **bars("f"), **DA, **PREV},
    "rglru": {**OF_H, **derivatives("m f q"), **bars("r i g"), **DA, **PREV},
    "lru": {
        **OF_H, **NEXT_C, **bars("g j"),
        **{f"d{x}": f"derivative with respect to the {x} of step t" for x in ("m", "v", "w", "f", "p_f", "p_r")},
        **DA, **PREV, **PREV_C,
    },
    "slstm": {
        **OF_H, **bars("o"), **NEXT_C, "dc": "derivative with respect to c_t: dc_next, and through h_t",
        "dn_next": "what arrives at n_t from step t+1; at t = T it is w_n_T",
        "dn": "derivative with respect to n_t: dn_next, and through h_t", **bars("g"), **derivatives("i f"),
        "dm_next": "what arrives at m_t from step t+1; at t = T it is w_m_T", **derivatives("y"),
        "df_bar": "derivative with respect to f_bar, and what step t hands to m_{t-1}", **bars("i"), **DA,
        "du": "derivative with respect to u", **PREV_C,
        "dn_prev": "what step t hands to n_{t-1}: dn_next of step t-1, and at t = 1 dn_0",
    },
}  # fmt: skip
COLUMNS = {"lru": {*"qkfmryzvw"}}  # what depends on p alone, (H, 1)
MAY_BE_ZERO = {"rglru": {"k"}, "slstm": {"j", "k"}, "qrnn": {"dh_next", "dh_0"}}  # 1 or 0; no step reads the old h
NAMES = {
    "minGRU": "MINGRU", "minLSTM": "MINLSTM", "QRNN, a convolution of width 1": "QRNN",
    "diagonal recurrence, factor in (0, 1)": "DIAGONAL", "diagonal recurrence, factor in (-1, 1)": "DIAGONAL_SIGNED",
    "RG-LRU": "RGLRU", "LRU": "LRU", "sLSTM": "SLSTM",
}  # fmt: skip
KINDS = dict(zip(FORWARD, NAMES.items(), strict=True))  # kind -> name in words, and in `lstm_core.modern`


# ---- number by number ----------------------------------------------------------------------------------------------
# pre(gate): its pre-activation; p: own parameters; s: the old state by name; see(name, value) -> value, watched.


def sigma(x):
    return 1 / (1 + mp.exp(-x))


def over_0(x):
    return mp.mpf(mp.re(x) > 0)


def mingru(pre, p, s, see):
    z = see("z", sigma(see("z_bar", pre("z"))))
    n = see("n", see("n_bar", pre("n")))
    return {"h": see("h", (1 - z) * n + z * see("h_prev", s["h"]))}


def minlstm(pre, p, s, see):
    i_bar, f_bar = see("i_bar", pre("i")), see("f_bar", pre("f"))
    i, f, g = see("i", sigma(i_bar)), see("f", sigma(f_bar)), see("g", see("g_bar", pre("g")))
    r = see("r", sigma(see("r_bar", f_bar - i_bar)))
    q, w = see("q", f + r * (1 - f)), see("w", i + (1 - r) * (1 - i))
    k = see("k", q / (q + w))
    return {"h": see("h", k * see("h_prev", s["h"]) + (1 - k) * g)}


def qrnn(pre, p, s, see):
    o, f = (see(gate, sigma(see(f"{gate}_bar", pre(gate)))) for gate in "of")
    g = see("g", mp.tanh(see("g_bar", pre("g"))))
    c = see("c", f * see("c_prev", s["c"]) + (1 - f) * g)
    return {"h": see("h", o * c), "c": c}


def diagonal(pre, p, s, see, of=sigma):
    f, g = see("f", of(see("f_bar", pre("f")))), see("g", pre("g"))
    return {"h": see("h", f * see("h_prev", s["h"]) + g)}


def diagonal_signed(pre, p, s, see):
    return diagonal(pre, p, s, see, mp.tanh)


def rglru(pre, p, s, see):
    r, i = (see(gate, sigma(see(f"{gate}_bar", pre(gate)))) for gate in "ri")
    g = see("g", see("g_bar", pre("g")))
    q = see("q", mp.tanh(see("q_bar", r * mp.exp(p[0]))))
    k = see("k", over_0(q))
    m = see("m", 2 * k * see("w", mp.sqrt(q + 1 - k)) / (1 + q))
    return {"h": see("h", see("f", (1 - q) / (1 + q)) * see("h_prev", s["h"]) + m * i * g)}


def lru(pre, p, s, see):
    p_f, p_r = see("p_f", p[0]), see("p_r", p[1])
    g, j = see("g", see("g_bar", pre("g"))), see("j", see("j_bar", pre("j")))
    q = see("q", mp.exp(p_f))
    k = see("k", 2 / (1 + q**2))
    f, m, r = see("f", k - 1), see("m", q * k), see("r", 2 / (1 + p_r**2))
    v, w = see("v", f * see("y", r - 1)), see("w", f * see("z", p_r * r))
    h, c = see("h_prev", s["h"]), see("c_prev", s["c"])
    return {"h": see("h", v * h - w * c + m * g), "c": see("c", w * h + v * c + m * j)}


def slstm(pre, p, s, see):
    i_bar, o_bar, f_bar, g_bar = (see(f"{gate}_bar", pre(gate)) for gate in "iofg")
    o, g, j = see("o", sigma(o_bar)), see("g", mp.tanh(g_bar)), see("j", over_0(s["n"]))
    y = see("y", j * (f_bar + s["m"] - i_bar))
    k = see("k", over_0(y))
    m, i, f = see("m", i_bar + k * y), see("i", mp.exp(-k * y)), see("f", mp.exp((1 - k) * y))
    c = see("c", f * see("c_prev", s["c"]) + i * g)
    n = see("n", f * see("n_prev", s["n"]) + i)
    return {"h": see("h", o * see("q", c / n)), "c": c, "n": n, "m": m}


STEPS = {kind: globals()[kind.replace("-", "_")] for kind in KINDS}
