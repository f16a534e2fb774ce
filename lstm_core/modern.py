"""Modern cells, whose gates see the input only: no recurrent product, so that all steps can be computed side by side.

Written as those of `cells` and `variants`. None of them mixes the units of the state: R has no rows.

    mingru           the GRU without what reads h_{t-1}: no reset, no tanh (Feng et al. 2024)
    minlstm          an LSTM without h_{t-1}, whose two gates share out one whole (Feng et al. 2024)
    qrnn             pooling with forget and output gate (Bradbury et al. 2017), a convolution of width 1
    diagonal         a linear recurrence with a factor in (0, 1) that the input sets, as in Mamba (Gu & Dao 2023)
    diagonal signed  the same with a factor in (-1, 1) (Grazzi et al. 2025)
"""

from collections import namedtuple

from .cells import Cell, Stage, sigmoid

# ---- minGRU: gates (z, n), state (h) ------------------------------------------------------------------------
# Here z = 1 keeps the old state, as in our GRU; in the paper z = 1 takes the new one.


MinGRUKept = namedtuple("MinGRUKept", "z n h_prev")


def mingru_step(a, u, s, p, tanh):
    (a_z, n), (h_prev,) = a, s  # mingru-n
    z = sigmoid(a_z, tanh)  # mingru-z
    h = (1 - z) * n + z * h_prev  # mingru-h
    return (h,), MinGRUKept(z, n, h_prev)


def mingru_back(ds, kept, p):
    (dh,), (z, n, h_prev) = ds, kept
    dz_bar = dh * (h_prev - n) * z * (1 - z)  # mingru-dz
    dn_bar = dh * (1 - z)  # mingru-dn
    dh_prev = dh * z  # mingru-dh
    return (dz_bar, dn_bar), (), (dh_prev,), ()


# ---- minLSTM: gates (i, f, g), state (h) ----------------------------------------------------------------------
# The paper's share of the old state is k = f / (f + i). Where both gates are shut that is rounded to 0 / 0; here it is
# q / (q + w), the same number, for r (1 - f) and (1 - r) (1 - i) are to each other as f and i; and 1 < q + w < 2.


MinLSTMKept = namedtuple("MinLSTMKept", "i f g r q w k h_prev")


def minlstm_step(a, u, s, p, tanh):
    (a_i, a_f, g), (h_prev,) = a, s  # minlstm-g
    i = sigmoid(a_i, tanh)  # minlstm-i
    f = sigmoid(a_f, tanh)  # minlstm-f
    r = sigmoid(a_f - a_i, tanh)  # minlstm-r
    q = f + r * (1 - f)  # minlstm-q
    w = i + (1 - r) * (1 - i)  # minlstm-w
    k = q / (q + w)  # minlstm-k
    h = k * h_prev + (1 - k) * g  # minlstm-h
    return (h,), MinLSTMKept(i, f, g, r, q, w, k, h_prev)


def minlstm_back(ds, kept, p):
    (dh,), (i, f, g, r, q, w, k, h_prev) = ds, kept
    dq = dh * (h_prev - g) * (1 - k) / (q + w)  # minlstm-dq
    dw = dh * (g - h_prev) * k / (q + w)  # minlstm-dw
    dr_bar = (dq * (1 - f) - dw * (1 - i)) * r * (1 - r)  # minlstm-dr
    df_bar = dq * (1 - r) * f * (1 - f) + dr_bar  # minlstm-df
    di_bar = dw * r * i * (1 - i) - dr_bar  # minlstm-di
    dg_bar = dh * (1 - k)  # minlstm-dg
    dh_prev = dh * k  # minlstm-dh
    return (di_bar, df_bar, dg_bar), (), (dh_prev,), ()


# ---- QRNN, with forget and output gate: gates (o, f, g), state (h, c) -----------------------------------------


QRNNKept = namedtuple("QRNNKept", "o f g c_prev c")


def qrnn_step(a, u, s, p, tanh):
    (a_o, a_f, a_g), (_, c_prev) = a, s
    o = sigmoid(a_o, tanh)  # qrnn-o
    f = sigmoid(a_f, tanh)  # qrnn-f
    g = tanh(a_g)  # qrnn-g
    c = f * c_prev + (1 - f) * g  # qrnn-c
    h = o * c  # qrnn-h
    return (h, c), QRNNKept(o, f, g, c_prev, c)


def qrnn_back(ds, kept, p):
    (dh, dc), (o, f, g, c_prev, c) = ds, kept
    do_bar = dh * c * o * (1 - o)  # qrnn-do
    dc = dc + dh * o  # qrnn-dc
    df_bar = dc * (c_prev - g) * f * (1 - f)  # qrnn-df
    dg_bar = dc * (1 - f) * (1 - g * g)  # qrnn-dg
    dc_prev = dc * f  # qrnn-dc
    return (do_bar, df_bar, dg_bar), (), (0, dc_prev), ()


# ---- diagonal linear recurrences: gates (f, g), state (h) -----------------------------------------------------


DiagonalKept = namedtuple("DiagonalKept", "f h_prev")


def diagonal_step(a, u, s, p, tanh):
    (a_f, g), (h_prev,) = a, s  # diagonal-g
    f = sigmoid(a_f, tanh)  # diagonal-f
    h = f * h_prev + g  # diagonal-h
    return (h,), DiagonalKept(f, h_prev)


def diagonal_back(ds, kept, p):
    (dh,), (f, h_prev) = ds, kept
    df_bar = dh * h_prev * f * (1 - f)  # diagonal-df
    dh_prev = dh * f  # diagonal-dh
    return (df_bar, dh), (), (dh_prev,), ()


def diagonal_signed_step(a, u, s, p, tanh):
    (a_f, g), (h_prev,) = a, s  # diagonal-g
    f = tanh(a_f)  # diagonal-signed-f
    h = f * h_prev + g  # diagonal-h
    return (h,), DiagonalKept(f, h_prev)


def diagonal_signed_back(ds, kept, p):
    (dh,), (f, h_prev) = ds, kept
    df_bar = dh * h_prev * (1 - f * f)  # diagonal-signed-df
    dh_prev = dh * f  # diagonal-dh
    return (df_bar, dh), (), (dh_prev,), ()


MINGRU = Cell("mingru", [Stage("zn", mingru_step, mingru_back, recurs=())])
MINLSTM = Cell("minlstm", [Stage("ifg", minlstm_step, minlstm_back, recurs=())], forget="f")
QRNN = Cell("qrnn", [Stage("ofg", qrnn_step, qrnn_back, recurs=())], states="hc", forget="f")
DIAGONAL = Cell("diagonal", [Stage("fg", diagonal_step, diagonal_back, recurs=())], forget="f")
DIAGONAL_SIGNED = Cell(
    "diagonal signed", [Stage("fg", diagonal_signed_step, diagonal_signed_back, recurs=())], forget="f"
)
CELLS = (MINGRU, MINLSTM, QRNN, DIAGONAL, DIAGONAL_SIGNED)
