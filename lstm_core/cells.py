"""Cells: the elementwise half of a recurrent layer.

A cell turns gate pre-activations and the previous state into the next state. `step` does that; `back`, its
derivative worked out by hand, stands beneath it. Both are elementwise: only + - * / and `tanh`, which is handed in,
so that one text runs on floats, on complex numbers and on symbols. The matrix products live in `scan`.

    a_t = W x_t + b          the input's part           (G, H, B)
    u_t = R h_{t-1}          the recurrent part         (G, H, B)
    s_t = step(a_t, u_t, s_{t-1}, p, tanh)

G gates, H hidden units, B examples (columns); p is (K, H, 1), and every other variable of a cell a plane (H, B). The
equations are those of the chapter Notation, by the names of their labels there. A name that ends in `_bar` is a
pre-activation; a `d` in front marks the derivative of the loss with respect to what follows.
"""

from collections.abc import Callable
from typing import NamedTuple


class Cell(NamedTuple):
    """An elementwise recurrent cell.

    gates:  G; W has G*H rows
    own:    K; elementwise parameters p are (K, H, 1)
    states: arrays in the state, each (H, B); the first is h
    step:   a, u, s, p, tanh -> s', saved
    back:   ds', saved, p -> da, du, ds, dp     planes (H, B); `scan` sums dp over time and batch
    name:   for tables and messages
    forget: which gate plane is the forget gate, if any; its bias starts at 1
    """

    gates: int
    own: int
    states: int
    step: Callable
    back: Callable
    name: str = "cell"
    forget: int | None = None


def sigmoid(x, tanh):
    """σ(x) = 1 / (1 + exp(-x)), written so that it cannot overflow and is exact on symbols."""
    return (1 + tanh(x / 2)) / 2


# ---- vanilla RNN (Elman 1990): gates (h), state (h) ---------------------------------------------------------


def rnn_step(a, u, s, p, tanh):
    """Equation rnn-h."""
    (au,) = a + u
    h = tanh(au)
    return (h,), (h,)


def rnn_back(ds, saved, p):
    """The derivative of `rnn_step`."""
    (dh,) = ds
    (h,) = saved
    dh_bar = dh * (1 - h * h)
    return (dh_bar,), (dh_bar,), (0,), ()


# ---- LSTM with peepholes (Gers & Schmidhuber 2000; Greff et al. 2017): gates (i, o, f, g), state (h, c) ------
# The peepholes p = (p_i, p_o, p_f) are vectors. With p = 0 it is the plain LSTM.


def lstm_step(a, u, s, p, tanh):
    """Equations lstm-i to lstm-h."""
    au_i, au_o, au_f, au_g = a + u
    _, c_prev = s
    p_i, p_o, p_f = p
    i = sigmoid(au_i + p_i * c_prev, tanh)
    f = sigmoid(au_f + p_f * c_prev, tanh)
    g = tanh(au_g)
    c = f * c_prev + i * g
    o = sigmoid(au_o + p_o * c, tanh)
    tanh_c = tanh(c)
    h = o * tanh_c
    return (h, c), (i, o, f, g, c_prev, c, tanh_c)


def lstm_back(ds, saved, p):
    """The derivative of `lstm_step`."""
    dh, dc = ds
    i, o, f, g, c_prev, c, tanh_c = saved
    p_i, p_o, p_f = p
    do_bar = dh * tanh_c * o * (1 - o)  # first: the output gate has seen the new c
    dc = dc + dh * o * (1 - tanh_c * tanh_c) + p_o * do_bar  # from step t+1, through h, through o
    di_bar = dc * g * i * (1 - i)
    df_bar = dc * c_prev * f * (1 - f)
    dg_bar = dc * i * (1 - g * g)
    dc_prev = dc * f + p_i * di_bar + p_f * df_bar
    da = di_bar, do_bar, df_bar, dg_bar
    return da, da, (0, dc_prev), (di_bar * c_prev, do_bar * c, df_bar * c_prev)


# ---- GRU, "reset after" (Chung et al. 2014 as cuDNN computes it): gates (z, r, n), state (h) -----------------
# p = (p_n) is the candidate's recurrent bias, inside the reset.


def gru_step(a, u, s, p, tanh):
    """Equations gru-z to gru-h."""
    a_z, a_r, a_n = a
    u_z, u_r, u_n = u
    (h_prev,) = s
    (p_n,) = p
    z = sigmoid(a_z + u_z, tanh)
    r = sigmoid(a_r + u_r, tanh)
    m = u_n + p_n
    n = tanh(a_n + r * m)
    h = (1 - z) * n + z * h_prev
    return (h,), (z, r, n, m, h_prev)


def gru_back(ds, saved, p):
    """The derivative of `gru_step`."""
    (dh,) = ds
    z, r, n, m, h_prev = saved
    dz_bar = dh * (h_prev - n) * z * (1 - z)
    dn_bar = dh * (1 - z) * (1 - n * n)
    dr_bar = dn_bar * m * r * (1 - r)
    dm = dn_bar * r
    return (dz_bar, dr_bar, dn_bar), (dz_bar, dr_bar, dm), (dh * z,), (dm,)


RNN = Cell(gates=1, own=0, states=1, step=rnn_step, back=rnn_back, name="rnn")
LSTM = Cell(gates=4, own=3, states=2, step=lstm_step, back=lstm_back, name="lstm", forget=2)
GRU = Cell(gates=3, own=1, states=1, step=gru_step, back=gru_back, name="gru")
