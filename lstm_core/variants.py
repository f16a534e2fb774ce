"""Variants: cells that differ from those of `cells` in one respect each, and one that a search has found.

Written as there: planes (H, B), a `step`, beneath it its `back`, and comments that name the equations. An equation that
is the peephole LSTM's has the label of the peephole LSTM; one that differs anywhere has its own, on all its lines.

    rnn relu    vanilla RNN with relu in the place of tanh (Le, Jaitly & Hinton 2015)
    nig         the LSTM without input gate (i = 1)     Greff et al. 2017, "LSTM: A Search Space Odyssey". Gates in
    nfg         without forget gate (f = 1)             the order i, o, f, g and peepholes in the order i, o, f, as
    nog         without output gate (o = 1)             in the LSTM, without those that are not there.
    niaf        without input activation function       (Greff's NP, no peepholes, is the LSTM without p.)
    noaf        without output activation function
    cifg        coupled input and forget gate (f = 1 - i)
    fgr         full gate recurrence
    nas         the cell that Zoph & Le (2017) found by neural architecture search
"""

from collections import namedtuple

from . import modern
from .cells import GRU, GRU_BEFORE, LSTM, RNN, Cell, Stage, positive, sigmoid

# ---- RNN with relu: gates (h), state (h). k is 1 where the unit is on, else 0. ------------------------------


RNNReluKept = namedtuple("RNNReluKept", "k")


def rnn_relu_step(a, u, s, p, tanh):
    (h_bar,) = a + u  # rnn-relu-h-bar
    k = positive(h_bar)  # rnn-relu-h
    h = k * h_bar  # rnn-relu-h
    return (h,), RNNReluKept(k)


def rnn_relu_back(ds, kept, p):
    (dh,), (k,) = ds, kept
    dh_bar = dh * k  # rnn-relu-dh-bar
    return (dh_bar,), (dh_bar,), (0,), ()


# ---- NIG, no input gate: gates (o, f, g), p = (p_o, p_f), state (h, c) --------------------------------------


NIGKept = namedtuple("NIGKept", "o f g c_prev c tanh_c")


def nig_step(a, u, s, p, tanh):
    au_o, au_f, au_g = a + u  # peephole-o, peephole-f, peephole-g
    (_, c_prev), (p_o, p_f) = s, p
    f = sigmoid(au_f + p_f * c_prev, tanh)  # peephole-f
    g = tanh(au_g)  # peephole-g
    c = f * c_prev + g  # nig-c
    o = sigmoid(au_o + p_o * c, tanh)  # peephole-o
    tanh_c = tanh(c)  # peephole-h
    h = o * tanh_c  # peephole-h
    return (h, c), NIGKept(o, f, g, c_prev, c, tanh_c)


def nig_back(ds, kept, p):
    (dh, dc), (o, f, g, c_prev, c, tanh_c), (p_o, p_f) = ds, kept, p
    do_bar = dh * tanh_c * o * (1 - o)  # peephole-do
    dc = dc + dh * o * (1 - tanh_c * tanh_c) + p_o * do_bar  # nig-dc
    df_bar = dc * c_prev * f * (1 - f)  # peephole-df
    dg_bar = dc * (1 - g * g)  # nig-dg
    dc_prev = dc * f + p_f * df_bar  # nig-dc
    dp = do_bar * c, df_bar * c_prev  # peephole-dp-o, peephole-dp-f
    return (do_bar, df_bar, dg_bar), (do_bar, df_bar, dg_bar), (0, dc_prev), dp


# ---- NFG, no forget gate: gates (i, o, g), p = (p_i, p_o), state (h, c) --------------------------------------


NFGKept = namedtuple("NFGKept", "i o g c_prev c tanh_c")


def nfg_step(a, u, s, p, tanh):
    au_i, au_o, au_g = a + u  # peephole-i, peephole-o, peephole-g
    (_, c_prev), (p_i, p_o) = s, p
    i = sigmoid(au_i + p_i * c_prev, tanh)  # peephole-i
    g = tanh(au_g)  # peephole-g
    c = c_prev + i * g  # nfg-c
    o = sigmoid(au_o + p_o * c, tanh)  # peephole-o
    tanh_c = tanh(c)  # peephole-h
    h = o * tanh_c  # peephole-h
    return (h, c), NFGKept(i, o, g, c_prev, c, tanh_c)


def nfg_back(ds, kept, p):
    (dh, dc), (i, o, g, c_prev, c, tanh_c), (p_i, p_o) = ds, kept, p
    do_bar = dh * tanh_c * o * (1 - o)  # peephole-do
    dc = dc + dh * o * (1 - tanh_c * tanh_c) + p_o * do_bar  # nfg-dc
    di_bar = dc * g * i * (1 - i)  # peephole-di
    dg_bar = dc * i * (1 - g * g)  # peephole-dg
    dc_prev = dc + p_i * di_bar  # nfg-dc
    dp = di_bar * c_prev, do_bar * c  # peephole-dp-i, peephole-dp-o
    return (di_bar, do_bar, dg_bar), (di_bar, do_bar, dg_bar), (0, dc_prev), dp


# ---- NOG, no output gate: gates (i, f, g), p = (p_i, p_f), state (h, c) --------------------------------------


NOGKept = namedtuple("NOGKept", "i f g c_prev h")


def nog_step(a, u, s, p, tanh):
    au_i, au_f, au_g = a + u  # peephole-i, peephole-f, peephole-g
    (_, c_prev), (p_i, p_f) = s, p
    i = sigmoid(au_i + p_i * c_prev, tanh)  # peephole-i
    f = sigmoid(au_f + p_f * c_prev, tanh)  # peephole-f
    g = tanh(au_g)  # peephole-g
    c = f * c_prev + i * g  # peephole-c
    h = tanh(c)  # nog-h
    return (h, c), NOGKept(i, f, g, c_prev, h)


def nog_back(ds, kept, p):
    (dh, dc), (i, f, g, c_prev, h), (p_i, p_f) = ds, kept, p
    dc = dc + dh * (1 - h * h)  # nog-dc
    di_bar = dc * g * i * (1 - i)  # peephole-di
    df_bar = dc * c_prev * f * (1 - f)  # peephole-df
    dg_bar = dc * i * (1 - g * g)  # peephole-dg
    dc_prev = dc * f + p_i * di_bar + p_f * df_bar  # nog-dc
    dp = di_bar * c_prev, df_bar * c_prev  # peephole-dp-i, peephole-dp-f
    return (di_bar, df_bar, dg_bar), (di_bar, df_bar, dg_bar), (0, dc_prev), dp


# ---- NIAF, no input activation function: gates (i, o, f, g), p = (p_i, p_o, p_f), state (h, c) ---------------


NIAFKept = namedtuple("NIAFKept", "i o f g c_prev c tanh_c")


def niaf_step(a, u, s, p, tanh):
    au_i, au_o, au_f, g = a + u  # peephole-i, peephole-o, peephole-f, niaf-g
    (_, c_prev), (p_i, p_o, p_f) = s, p
    i = sigmoid(au_i + p_i * c_prev, tanh)  # peephole-i
    f = sigmoid(au_f + p_f * c_prev, tanh)  # peephole-f
    c = f * c_prev + i * g  # peephole-c
    o = sigmoid(au_o + p_o * c, tanh)  # peephole-o
    tanh_c = tanh(c)  # peephole-h
    h = o * tanh_c  # peephole-h
    return (h, c), NIAFKept(i, o, f, g, c_prev, c, tanh_c)


def niaf_back(ds, kept, p):
    (dh, dc), (i, o, f, g, c_prev, c, tanh_c), (p_i, p_o, p_f) = ds, kept, p
    do_bar = dh * tanh_c * o * (1 - o)  # peephole-do
    dc = dc + dh * o * (1 - tanh_c * tanh_c) + p_o * do_bar  # peephole-dc
    di_bar = dc * g * i * (1 - i)  # peephole-di
    df_bar = dc * c_prev * f * (1 - f)  # peephole-df
    dg_bar = dc * i  # niaf-dg
    dc_prev = dc * f + p_i * di_bar + p_f * df_bar  # peephole-dc
    dp = di_bar * c_prev, do_bar * c, df_bar * c_prev  # peephole-dp-i, peephole-dp-o, peephole-dp-f
    return (di_bar, do_bar, df_bar, dg_bar), (di_bar, do_bar, df_bar, dg_bar), (0, dc_prev), dp


# ---- NOAF, no output activation function: gates (i, o, f, g), p = (p_i, p_o, p_f), state (h, c) --------------


NOAFKept = namedtuple("NOAFKept", "i o f g c_prev c")


def noaf_step(a, u, s, p, tanh):
    au_i, au_o, au_f, au_g = a + u  # peephole-i, peephole-o, peephole-f, peephole-g
    (_, c_prev), (p_i, p_o, p_f) = s, p
    i = sigmoid(au_i + p_i * c_prev, tanh)  # peephole-i
    f = sigmoid(au_f + p_f * c_prev, tanh)  # peephole-f
    g = tanh(au_g)  # peephole-g
    c = f * c_prev + i * g  # peephole-c
    o = sigmoid(au_o + p_o * c, tanh)  # peephole-o
    h = o * c  # noaf-h
    return (h, c), NOAFKept(i, o, f, g, c_prev, c)


def noaf_back(ds, kept, p):
    (dh, dc), (i, o, f, g, c_prev, c), (p_i, p_o, p_f) = ds, kept, p
    do_bar = dh * c * o * (1 - o)  # noaf-do
    dc = dc + dh * o + p_o * do_bar  # noaf-dc
    di_bar = dc * g * i * (1 - i)  # peephole-di
    df_bar = dc * c_prev * f * (1 - f)  # peephole-df
    dg_bar = dc * i * (1 - g * g)  # peephole-dg
    dc_prev = dc * f + p_i * di_bar + p_f * df_bar  # noaf-dc
    dp = di_bar * c_prev, do_bar * c, df_bar * c_prev  # peephole-dp-i, peephole-dp-o, peephole-dp-f
    return (di_bar, do_bar, df_bar, dg_bar), (di_bar, do_bar, df_bar, dg_bar), (0, dc_prev), dp


# ---- CIFG, coupled input and forget gate: gates (i, o, g), p = (p_i, p_o), state (h, c) ----------------------


CIFGKept = namedtuple("CIFGKept", "i o f g c_prev c tanh_c")


def cifg_step(a, u, s, p, tanh):
    au_i, au_o, au_g = a + u  # peephole-i, peephole-o, peephole-g
    (_, c_prev), (p_i, p_o) = s, p
    i = sigmoid(au_i + p_i * c_prev, tanh)  # peephole-i
    f = 1 - i  # cifg-f
    g = tanh(au_g)  # peephole-g
    c = f * c_prev + i * g  # peephole-c
    o = sigmoid(au_o + p_o * c, tanh)  # peephole-o
    tanh_c = tanh(c)  # peephole-h
    h = o * tanh_c  # peephole-h
    return (h, c), CIFGKept(i, o, f, g, c_prev, c, tanh_c)


def cifg_back(ds, kept, p):
    (dh, dc), (i, o, f, g, c_prev, c, tanh_c), (p_i, p_o) = ds, kept, p
    do_bar = dh * tanh_c * o * (1 - o)  # peephole-do
    dc = dc + dh * o * (1 - tanh_c * tanh_c) + p_o * do_bar  # cifg-dc
    di_bar = dc * (g - c_prev) * i * f  # cifg-di
    dg_bar = dc * i * (1 - g * g)  # peephole-dg
    dc_prev = dc * f + p_i * di_bar  # cifg-dc
    dp = di_bar * c_prev, do_bar * c  # peephole-dp-i, peephole-dp-o
    return (di_bar, do_bar, dg_bar), (di_bar, do_bar, dg_bar), (0, dc_prev), dp


# ---- FGR, full gate recurrence: gates (i, o, f, g), p = (p_i, p_o, p_f), state (h, c, i, o, f) ---------------
# Each of the gates i, o, f also receives the gates of step t-1, by nine more matrices. A recurrent product reads one
# array, so there are four stages: the first reads h and all inputs, three read i, o and f of step t-1, and add what
# they find to the pre-activations that are handed on. R is (13H, H), W and b have 4H rows. The rows of R are
# R_i, R_o, R_f, R_g, then those that read i (called i.i, o.i, f.i: to the gates i, o, f), then o, then f.


def fgr_first_step(a, u, s, p, tanh):
    au_i, au_o, au_f, au_g = a + u  # fgr-i, fgr-o, fgr-f, peephole-g
    _, c_prev, i_prev, o_prev, f_prev = s
    return (i_prev, o_prev, f_prev, c_prev, au_i, au_o, au_f, au_g), ()


def fgr_first_back(ds, kept, p):
    di_prev, do_prev, df_prev, dc_prev, *da = ds
    return da, da, (0, dc_prev, di_prev, do_prev, df_prev), ()


def fgr_add_step(a, u, s, p, tanh):
    (u_i, u_o, u_f), (_, *others, au_i, au_o, au_f, au_g) = u, s
    au_i = au_i + u_i  # fgr-i
    au_o = au_o + u_o  # fgr-o
    au_f = au_f + u_f  # fgr-f
    return (*others, au_i, au_o, au_f, au_g), ()


def fgr_add_back(ds, kept, p):
    *_, di_bar, do_bar, df_bar, _ = ds
    return (), (di_bar, do_bar, df_bar), (0, *ds), ()


FGRKept = namedtuple("FGRKept", "i o f g c_prev c tanh_c")


def fgr_last_step(a, u, s, p, tanh):
    (u_i, u_o, u_f), (_, c_prev, au_i, au_o, au_f, au_g), (p_i, p_o, p_f) = u, s, p
    i = sigmoid(au_i + u_i + p_i * c_prev, tanh)  # fgr-i
    f = sigmoid(au_f + u_f + p_f * c_prev, tanh)  # fgr-f
    g = tanh(au_g)  # peephole-g
    c = f * c_prev + i * g  # peephole-c
    o = sigmoid(au_o + u_o + p_o * c, tanh)  # fgr-o
    tanh_c = tanh(c)  # peephole-h
    h = o * tanh_c  # peephole-h
    return (h, c, i, o, f), FGRKept(i, o, f, g, c_prev, c, tanh_c)


def fgr_last_back(ds, kept, p):
    (dh, dc, di, do, df), (i, o, f, g, c_prev, c, tanh_c), (p_i, p_o, p_f) = ds, kept, p
    do_bar = (do + dh * tanh_c) * o * (1 - o)  # fgr-do: do, di, df come from the gates of t+1
    dc = dc + dh * o * (1 - tanh_c * tanh_c) + p_o * do_bar  # peephole-dc
    di_bar = (di + dc * g) * i * (1 - i)  # fgr-di
    df_bar = (df + dc * c_prev) * f * (1 - f)  # fgr-df
    dg_bar = dc * i * (1 - g * g)  # peephole-dg
    dc_prev = dc * f + p_i * di_bar + p_f * df_bar  # peephole-dc
    dp = di_bar * c_prev, do_bar * c, df_bar * c_prev  # peephole-dp-i, peephole-dp-o, peephole-dp-f
    return (), (di_bar, do_bar, df_bar), (0, dc_prev, di_bar, do_bar, df_bar, dg_bar), dp


# ---- NAS (Zoph & Le 2017; as in TensorFlow's NASCell, without projection): gates (0, ..., 7), state (h, c) ---
# A tree of four layers: n_0 to n_7, m_0 to m_3 with q, c and r, h. In the book n_0 is a bold n with the index 0, t, and
# labels spell the digits. k_1 and k_3 are 1 where a relu is on, else 0. Block 3 multiplies the input's part, bias
# included, by the recurrent part; TensorFlow's optional bias, off by default, is in the recurrent part.


NASKept = namedtuple("NASKept", "a_3 u_3 k_1 k_3 n_0 n_1 n_2 n_4 n_5 n_6 n_7 m_0 m_1 m_2 m_3 q c r h")


def nas_step(a, u, s, p, tanh):
    (a_0, a_1, a_2, a_3, a_4, a_5, a_6, a_7), (u_0, u_1, u_2, u_3, u_4, u_5, u_6, u_7), (_, c_prev) = a, u, s
    n_0 = sigmoid(a_0 + u_0, tanh)  # nas-n-zero
    n_1_bar = a_1 + u_1  # nas-n-one-bar
    k_1 = positive(n_1_bar)  # nas-n-one
    n_1 = k_1 * n_1_bar  # nas-n-one
    n_2 = sigmoid(a_2 + u_2, tanh)  # nas-n-two
    n_3_bar = a_3 * u_3  # nas-n-three-bar
    k_3 = positive(n_3_bar)  # nas-n-three
    n_3 = k_3 * n_3_bar  # nas-n-three
    n_4 = tanh(a_4 + u_4)  # nas-n-four
    n_5 = sigmoid(a_5 + u_5, tanh)  # nas-n-five
    n_6 = tanh(a_6 + u_6)  # nas-n-six
    n_7 = sigmoid(a_7 + u_7, tanh)  # nas-n-seven
    m_0 = tanh(n_0 * n_1)  # nas-m-zero
    m_1 = tanh(n_2 + n_3)  # nas-m-one
    m_2 = tanh(n_4 * n_5)  # nas-m-two
    m_3 = sigmoid(n_6 + n_7, tanh)  # nas-m-three
    q = tanh(m_0 + c_prev)  # nas-q
    c = q * m_1  # nas-c
    r = tanh(m_2 + m_3)  # nas-r
    h = tanh(c * r)  # nas-h
    return (h, c), NASKept(a_3, u_3, k_1, k_3, n_0, n_1, n_2, n_4, n_5, n_6, n_7, m_0, m_1, m_2, m_3, q, c, r, h)


def nas_back(ds, kept, p):
    (dh, dc), (a_3, u_3, k_1, k_3, n_0, n_1, n_2, n_4, n_5, n_6, n_7, m_0, m_1, m_2, m_3, q, c, r, h) = ds, kept
    dh_bar = dh * (1 - h * h)  # nas-dh-bar
    dc = dc + dh_bar * r  # nas-dc
    dr_bar = dh_bar * c * (1 - r * r)  # nas-dr
    dq_bar = dc * m_1 * (1 - q * q)  # nas-dq: and what c of step t-1 receives
    dm_0_bar = dq_bar * (1 - m_0 * m_0)  # nas-dm-zero
    dm_1_bar = dc * q * (1 - m_1 * m_1)  # nas-dm-one
    dm_2_bar = dr_bar * (1 - m_2 * m_2)  # nas-dm-two
    dm_3_bar = dr_bar * m_3 * (1 - m_3)  # nas-dm-three
    dn_0_bar = dm_0_bar * n_1 * n_0 * (1 - n_0)  # nas-dn-zero
    dn_1_bar = dm_0_bar * n_0 * k_1  # nas-dn-one
    dn_2_bar = dm_1_bar * n_2 * (1 - n_2)  # nas-dn-two
    dn_3_bar = dm_1_bar * k_3  # nas-dn-three
    dn_4_bar = dm_2_bar * n_5 * (1 - n_4 * n_4)  # nas-dn-four
    dn_5_bar = dm_2_bar * n_4 * n_5 * (1 - n_5)  # nas-dn-five
    dn_6_bar = dm_3_bar * (1 - n_6 * n_6)  # nas-dn-six
    dn_7_bar = dm_3_bar * n_7 * (1 - n_7)  # nas-dn-seven
    da_3 = dn_3_bar * u_3  # nas-da-three
    du_3 = dn_3_bar * a_3  # nas-du-three
    da = dn_0_bar, dn_1_bar, dn_2_bar, da_3, dn_4_bar, dn_5_bar, dn_6_bar, dn_7_bar
    du = dn_0_bar, dn_1_bar, dn_2_bar, du_3, dn_4_bar, dn_5_bar, dn_6_bar, dn_7_bar
    return da, du, (0, dq_bar), ()


RNN_RELU = Cell("rnn relu", [Stage("h", rnn_relu_step, rnn_relu_back)])
NIG = Cell("nig", [Stage("ofg", nig_step, nig_back)], states="hc", own="of", forget="f")
NFG = Cell("nfg", [Stage("iog", nfg_step, nfg_back)], states="hc", own="io")
NOG = Cell("nog", [Stage("ifg", nog_step, nog_back)], states="hc", own="if", forget="f")
NIAF = Cell("niaf", [Stage("iofg", niaf_step, niaf_back)], states="hc", own="iof", forget="f")
NOAF = Cell("noaf", [Stage("iofg", noaf_step, noaf_back)], states="hc", own="iof", forget="f")
CIFG = Cell("cifg", [Stage("iog", cifg_step, cifg_back)], states="hc", own="io")
FGR = Cell("fgr", [
    Stage("iofg", fgr_first_step, fgr_first_back, name="from h"),
    Stage(["i.i", "o.i", "f.i"], fgr_add_step, fgr_add_back, inputs=(), name="from i"),
    Stage(["i.o", "o.o", "f.o"], fgr_add_step, fgr_add_back, inputs=(), name="from o"),
    Stage(["i.f", "o.f", "f.f"], fgr_last_step, fgr_last_back, inputs=(), name="from f"),
], states="hciof", own="iof", forget="f")  # fmt: skip
NAS = Cell("nas", [Stage("01234567", nas_step, nas_back)], states="hc")

CELLS = {cell.name: cell for cell in (
    RNN, RNN_RELU, LSTM, GRU, GRU_BEFORE, NIG, NFG, NOG, NIAF, NOAF, CIFG, FGR, NAS, *modern.CELLS,
)}  # fmt: skip
