"""Modern cells, written as those of `cells` and `variants`.

The gates of most see the input only: no recurrent product, so that all steps can be computed side by side. None of
these mixes the units of the state: R has no rows.

    mingru           the GRU without what reads h_{t-1}: no reset, no tanh (Feng et al. 2024)
    minlstm          an LSTM without h_{t-1}, whose two gates share out one whole (Feng et al. 2024)
    qrnn             pooling with forget and output gate (Bradbury et al. 2017), a convolution of width 1
    diagonal         a linear recurrence with a factor in (0, 1) that the input sets, as in Mamba (Gu & Dao 2023)
    diagonal signed  the same with a factor in (-1, 1) (Grazzi et al. 2025)
    rglru            the RG-LRU of Griffin (De et al. 2024): the more is forgotten, the more of the input is taken in
    lru              the LRU (Orvieto et al. 2023): a complex factor for each unit, the same at every step

One has an LSTM's gates, two of which are exponentials:

    slstm            the sLSTM of xLSTM (Beck et al. 2024), its forget gate exp, every unit mixed with every other by R
"""

from collections import namedtuple

from .cells import Cell, Stage, exp, positive, sigmoid, sqrt

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


# ---- RG-LRU: gates (r, i, g), p = (p_r), state (h) ---------------------------------------------------------------
# The paper's a is f here, exp(-2 r e^p). It is over 0 and under 1 for every p, which stands for the paper's parameter:
# e^p = 4 softplus(-Λ), the paper's c = 8 in it. q = tanh(r e^p) gives f and m = sqrt(1 - f²), both to the last digit
# where f is near 1: 1 - f² is 4 q / (1 + q)². Where r e^p is rounded to 0, so that f = 1, sqrt(q) has no derivative: k
# is 0 there, nothing is divided by 0, and nothing comes back through m; which for p and r is the limit, as r e^p
# multiplies the slope. From p = 89 on in float32, 710 in float64, e^p is infinite. And r comes from a
# tanh, rounded to 1e-16 of 1: a gate that is shut further than that has lost its digits, and the root's slope, large
# there, multiplies what is lost.


RGLRUKept = namedtuple("RGLRUKept", "r i g q k w m f h_prev")


def rglru_step(a, u, s, p, tanh):
    (a_r, a_i, g), (h_prev,), (p_r,) = a, s, p  # rglru-g
    r = sigmoid(a_r, tanh)  # rglru-r
    i = sigmoid(a_i, tanh)  # rglru-i
    q = tanh(r * exp(p_r))  # rglru-q
    k = positive(q)  # rglru-k
    w = sqrt(q + (1 - k))  # rglru-w
    m = 2 * k * w / (1 + q)  # rglru-m
    f = (1 - q) / (1 + q)  # rglru-f
    h = f * h_prev + m * i * g  # rglru-h
    return (h,), RGLRUKept(r, i, g, q, k, w, m, f, h_prev)


def rglru_back(ds, kept, p):
    (dh,), (r, i, g, q, k, w, m, f, h_prev), (p_r,) = ds, kept, p
    dm = dh * i * g  # rglru-dm
    df = dh * h_prev  # rglru-df
    dq = (dm * (k / w - m) - df * (1 + f)) / (1 + q)  # rglru-dq
    dp = dq * (1 - q * q) * r * exp(p_r)  # rglru-dp
    dr_bar = dp * (1 - r)  # rglru-dr
    di_bar = dh * m * g * i * (1 - i)  # rglru-di
    dg_bar = dh * m * i  # rglru-dg
    dh_prev = dh * f  # rglru-dh
    return (dr_bar, di_bar, dg_bar), (), (dh_prev,), (dp,)


# ---- LRU: gates (g, j), p = (p_f, p_r), state (h, c) -------------------------------------------------------------
# h and c are the real and the imaginary part of the paper's state x, g and j those of B u, its input; its factor λ is
# f (y + i z) = v + i w. k and r are each 2 / (1 + a square), and (k - 1)² + (q k)² = 1 for every q, so that q = e^p_f
# gives f and m = sqrt(1 - f²) without a root, and p_r, the tangent of half the angle, its cosine y and sine z. The
# paper's |λ| is |f|; where f is negative the angle is half a turn more. m is the paper's γ as it starts, there a
# parameter of its own. Where f is rounded to 1 or -1, m has its digits still; but from p_f = 45 on in float32, 355 in
# float64, q² is infinite and m 0, and from 89 on, 710, q is infinite and m no number. Without p there is no memory.


LRUKept = namedtuple("LRUKept", "g j h_prev c_prev")


def lru_factor(p):
    p_f, p_r = p
    q = exp(p_f)  # lru-q
    k = 2 / (1 + q * q)  # lru-k
    f = k - 1  # lru-f
    m = q * k  # lru-m
    r = 2 / (1 + p_r * p_r)  # lru-r
    y = r - 1  # lru-y
    z = p_r * r  # lru-z
    v = f * y  # lru-v
    w = f * z  # lru-w
    return f, m, r, y, z, v, w


def lru_step(a, u, s, p, tanh):
    (g, j), (h_prev, c_prev) = a, s  # lru-g, lru-j
    _, m, *_, v, w = lru_factor(p)
    h = v * h_prev - w * c_prev + m * g  # lru-h
    c = w * h_prev + v * c_prev + m * j  # lru-c
    return (h, c), LRUKept(g, j, h_prev, c_prev)


def lru_back(ds, kept, p):
    (dh, dc), (g, j, h_prev, c_prev) = ds, kept
    f, m, r, y, z, v, w = lru_factor(p)
    dg_bar = dh * m  # lru-dg
    dj_bar = dc * m  # lru-dj
    dm = dh * g + dc * j  # lru-dm
    dv = dh * h_prev + dc * c_prev  # lru-dv
    dw = dc * h_prev - dh * c_prev  # lru-dw
    df = dv * y + dw * z  # lru-df
    dp_f = (dm * f - df * m) * m  # lru-dp-f
    dp_r = (dw * v - dv * w) * r  # lru-dp-r
    dh_prev = v * dh + w * dc  # lru-dh
    dc_prev = v * dc - w * dh  # lru-dc
    return (dg_bar, dj_bar), (), (dh_prev, dc_prev), (dp_f, dp_r)


# ---- sLSTM: gates (i, o, f, g), state (h, c, n, m) ------------------------------------------------------------
# The paper's z is g here. c and n are the paper's, both divided by e^m; y is how far the old is ahead of the new, and m
# the larger of f_bar + m_prev and i_bar, so that neither exponential is over 1. j is 0 while there is no old value.


SLSTMKept = namedtuple("SLSTMKept", "i o f g j k c_prev n_prev n q")


def slstm_step(a, u, s, p, tanh):
    i_bar, o_bar, f_bar, g_bar = a + u  # slstm-i-bar, slstm-o, slstm-f-bar, slstm-g
    _, c_prev, n_prev, m_prev = s
    o = sigmoid(o_bar, tanh)  # slstm-o
    g = tanh(g_bar)  # slstm-g
    j = positive(n_prev)  # slstm-j
    y = j * (f_bar + m_prev - i_bar)  # slstm-y
    k = positive(y)  # slstm-k
    m = i_bar + k * y  # slstm-m
    i = exp((1 - k) * y - y)  # slstm-i
    f = exp((1 - k) * y)  # slstm-f
    c = f * c_prev + i * g  # slstm-c
    n = f * n_prev + i  # slstm-n
    q = c / n  # slstm-q
    h = o * q  # slstm-h
    return (h, c, n, m), SLSTMKept(i, o, f, g, j, k, c_prev, n_prev, n, q)


def slstm_back(ds, kept, p):
    dh, dc, dn, dm = ds
    i, o, f, g, j, k, c_prev, n_prev, n, q = kept
    do_bar = dh * q * o * (1 - o)  # slstm-do
    dc = dc + dh * o / n  # slstm-dc
    dn = dn - dh * o * q / n  # slstm-dn
    dg_bar = dc * i * (1 - g * g)  # slstm-dg
    di = dc * g + dn  # slstm-di
    df = dc * c_prev + dn * n_prev  # slstm-df
    dy = (dm - di * i) * k + df * f * (1 - k)  # slstm-dy
    df_bar = dy * j  # slstm-df-bar: of m_prev, too, for the two are added
    di_bar = dm - df_bar  # slstm-di-bar
    dc_prev = dc * f  # slstm-dc
    dn_prev = dn * f  # slstm-dn
    da = di_bar, do_bar, df_bar, dg_bar
    return da, da, (0, dc_prev, dn_prev, df_bar), ()


MINGRU = Cell("mingru", [Stage("zn", mingru_step, mingru_back, recurs=())])
MINLSTM = Cell("minlstm", [Stage("ifg", minlstm_step, minlstm_back, recurs=())], forget="f")
QRNN = Cell("qrnn", [Stage("ofg", qrnn_step, qrnn_back, recurs=())], states="hc", forget="f")
DIAGONAL = Cell("diagonal", [Stage("fg", diagonal_step, diagonal_back, recurs=())], forget="f")
DIAGONAL_SIGNED = Cell(
    "diagonal signed", [Stage("fg", diagonal_signed_step, diagonal_signed_back, recurs=())], forget="f"
)
RGLRU = Cell("rglru", [Stage("rig", rglru_step, rglru_back, recurs=())], own="r", own_name="decay rates")
LRU = Cell("lru", [Stage("gj", lru_step, lru_back, recurs=())], states="hc", own="fr", own_name="factors")
SLSTM = Cell("slstm", [Stage("iofg", slstm_step, slstm_back)], states="hcnm", forget="f")
CELLS = (MINGRU, MINLSTM, QRNN, DIAGONAL, DIAGONAL_SIGNED, RGLRU, LRU, SLSTM)
