"""Cells: the elementwise half of a recurrent layer.

A cell turns gate pre-activations and the previous state into the next state. `step` does that; `back`, its
derivative worked out by hand, stands beneath it. Both are elementwise: only + - * /, `tanh`, which is handed in,
and `positive`, so that one text runs on floats, on complex numbers and on symbols. The matrix products live in `scan`.

    a_t = W x_t + b          the input's part           (G, H, B)
    u_t = R h_{t-1}          the recurrent part         (G, H, B)
    s_t = step(a_t, u_t, s_{t-1}, p, tanh)

G gates, H hidden units, B examples (columns); p is (K, H, 1), and every other variable of a cell a plane (H, B).
A line's comment names the equations of the book that it computes: `# lstm-i` is eq-lstm-i. The book's ledger proves
each of them equal to the line. A name that ends in `_bar` is a pre-activation; a `d` in front marks the derivative of
the loss with respect to what follows.
"""

from collections.abc import Callable
from typing import NamedTuple

from .arrays import namespace


class Cell(NamedTuple):
    """An elementwise recurrent cell.

    gates:  G; W has G*H rows
    own:    K; elementwise parameters p are (K, H, 1)
    states: arrays in the state, each (H, B); the first is h
    step:   a, u, s, p, tanh -> s', saved
    back:   ds', saved, p -> da, du, ds, dp     planes (H, B); `scan` sums dp over time and batch
    name:   for tables and messages
    forget: which gate plane is the forget gate, if any; its bias starts at 1
    stages: for a cell with more than one recurrent product: cells that take turns, each with its own gates, in order.
            The product of a stage reads the first array of the state that the stage before hands over.
            Such a cell has no step and back of its own. A stage's `states` counts the arrays it is given; its dp may
            be () if it uses no p.
    inputs: how many of the gates see the input; the others have rows in R, none in W and b. None: all do
    """

    gates: int
    own: int
    states: int
    step: Callable | None
    back: Callable | None
    name: str = "cell"
    forget: int | None = None
    stages: tuple["Cell", ...] = ()
    inputs: int | None = None


def sigmoid(x, tanh):
    """σ(x) = 1 / (1 + exp(-x)), written so that it cannot overflow and is exact on symbols."""
    return (1 + tanh(x / 2)) / 2  # sigmoid


def positive(x):
    """1 where x > 0, else 0: relu(x) = positive(x) * x, and its derivative is positive(x).

    At x = 0 relu has a kink and no derivative; the code takes 0. A complex number goes by its real part.
    """
    return namespace(x).heaviside(x.real, 0)  # positive


# ---- vanilla RNN (Elman 1990): gates (h), state (h) ---------------------------------------------------------


def rnn_step(a, u, s, p, tanh):
    (au,) = a + u  # rnn-h
    h = tanh(au)  # rnn-h
    return (h,), (h,)


def rnn_back(ds, saved, p):
    (dh,) = ds
    (h,) = saved
    dh_bar = dh * (1 - h * h)  # rnn-dh-bar
    return (dh_bar,), (dh_bar,), (0,), ()


# ---- LSTM with peepholes (Gers & Schmidhuber 2000; Greff et al. 2017): gates (i, o, f, g), state (h, c) ------
# The peepholes p = (p_i, p_o, p_f) are vectors. With p = 0 it is the plain LSTM.


def lstm_step(a, u, s, p, tanh):
    au_i, au_o, au_f, au_g = a + u  # lstm-i, lstm-o, lstm-f, lstm-g
    _, c_prev = s
    p_i, p_o, p_f = p
    i = sigmoid(au_i + p_i * c_prev, tanh)  # lstm-i, peephole-i
    f = sigmoid(au_f + p_f * c_prev, tanh)  # lstm-f, peephole-f
    g = tanh(au_g)  # lstm-g, peephole-g
    c = f * c_prev + i * g  # lstm-c, peephole-c
    o = sigmoid(au_o + p_o * c, tanh)  # lstm-o, peephole-o
    tanh_c = tanh(c)  # lstm-h, peephole-h
    h = o * tanh_c  # lstm-h, peephole-h
    return (h, c), (i, o, f, g, c_prev, c, tanh_c)


def lstm_back(ds, saved, p):
    dh, dc = ds
    i, o, f, g, c_prev, c, tanh_c = saved
    p_i, p_o, p_f = p
    do_bar = dh * tanh_c * o * (1 - o)  # lstm-do, peephole-do: first, for the output gate has seen the new c
    dc = dc + dh * o * (1 - tanh_c * tanh_c) + p_o * do_bar  # lstm-dc, peephole-dc: from t+1, through h, through o
    di_bar = dc * g * i * (1 - i)  # lstm-di, peephole-di
    df_bar = dc * c_prev * f * (1 - f)  # lstm-df, peephole-df
    dg_bar = dc * i * (1 - g * g)  # lstm-dg, peephole-dg
    dc_prev = dc * f + p_i * di_bar + p_f * df_bar  # lstm-dc, peephole-dc: what step t-1 receives
    dp = di_bar * c_prev, do_bar * c, df_bar * c_prev  # peephole-dp-i, peephole-dp-o, peephole-dp-f
    da = di_bar, do_bar, df_bar, dg_bar
    return da, da, (0, dc_prev), dp


# ---- GRU, "reset after" (cuDNN's form of Cho et al. 2014): gates (z, r, n), state (h) ------------------------
# p = (p_n) is the candidate's recurrent bias, inside the reset.


def gru_step(a, u, s, p, tanh):
    a_z, a_r, a_n = a
    u_z, u_r, u_n = u
    (h_prev,) = s
    (p_n,) = p
    z = sigmoid(a_z + u_z, tanh)  # gru-z
    r = sigmoid(a_r + u_r, tanh)  # gru-r
    m = u_n + p_n  # gru-m
    n = tanh(a_n + r * m)  # gru-n
    h = (1 - z) * n + z * h_prev  # gru-h
    return (h,), (z, r, n, m, h_prev)


def gru_back(ds, saved, p):
    (dh,) = ds
    z, r, n, m, h_prev = saved
    dz_bar = dh * (h_prev - n) * z * (1 - z)  # gru-dz
    dn_bar = dh * (1 - z) * (1 - n * n)  # gru-dn
    dr_bar = dn_bar * m * r * (1 - r)  # gru-dr
    dm = dn_bar * r  # gru-dm
    dh_prev = dh * z  # gru-dh
    return (dz_bar, dr_bar, dn_bar), (dz_bar, dr_bar, dm), (dh_prev,), (dm,)


# ---- GRU, "reset before" (Cho et al. 2014): gates (z, r, n), state (h) --------------------------------------
# The candidate's recurrent product reads q = r * h, so it has to wait for r: two stages.


def gru_gates_step(a, u, s, p, tanh):
    au_z, au_r = a + u  # gru-before-z, gru-before-r
    (h_prev,) = s
    z = sigmoid(au_z, tanh)  # gru-before-z
    r = sigmoid(au_r, tanh)  # gru-before-r
    q = r * h_prev  # gru-before-q
    return (q, z, h_prev), (z, r, h_prev)


def gru_gates_back(ds, saved, p):
    dq, dz, dh_prev = ds
    z, r, h_prev = saved
    dz_bar = dz * z * (1 - z)  # gru-before-dz
    dr_bar = dq * h_prev * r * (1 - r)  # gru-before-dr
    dh_prev = dh_prev + dq * r  # gru-before-dh
    return (dz_bar, dr_bar), (dz_bar, dr_bar), (dh_prev,), ()


def gru_candidate_step(a, u, s, p, tanh):
    (au_n,) = a + u  # gru-before-n
    _, z, h_prev = s
    n = tanh(au_n)  # gru-before-n
    h = (1 - z) * n + z * h_prev  # gru-before-h
    return (h,), (z, n, h_prev)


def gru_candidate_back(ds, saved, p):
    (dh,) = ds
    z, n, h_prev = saved
    dz = dh * (h_prev - n)  # gru-before-dz
    dn_bar = dh * (1 - z) * (1 - n * n)  # gru-before-dn
    dh_prev = dh * z  # gru-before-dh
    return (dn_bar,), (dn_bar,), (0, dz, dh_prev), ()


RNN = Cell(gates=1, own=0, states=1, step=rnn_step, back=rnn_back, name="rnn")
LSTM = Cell(gates=4, own=3, states=2, step=lstm_step, back=lstm_back, name="lstm", forget=2)
GRU = Cell(gates=3, own=1, states=1, step=gru_step, back=gru_back, name="gru")
GRU_BEFORE = Cell(
    gates=3, own=0, states=1, step=None, back=None, name="gru before",
    stages=(
        Cell(gates=2, own=0, states=1, step=gru_gates_step, back=gru_gates_back, name="gru before, gates"),
        Cell(gates=1, own=0, states=3, step=gru_candidate_step, back=gru_candidate_back, name="gru before, candidate"),
    ),
)  # fmt: skip
