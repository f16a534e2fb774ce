"""Cells: the elementwise half of a recurrent layer.

A cell turns gate pre-activations and the previous state into the next state. `step` does that; `back`, its
derivative worked out by hand, stands beneath it. Both are elementwise: only + - * /, `tanh`, which is handed in,
`exp`, `sqrt` and `positive`, so that one text runs on floats, on complex numbers and on symbols. The matrix products
are in `scan`.

    a_t = W x_t + b          the input's part           (G, H, B)
    u_t = R h_{t-1}          the recurrent part         (G, H, B)
    s_t = step(a_t, u_t, s_{t-1}, p, tanh)

G gates, H hidden units, B examples (columns); p is (K, H, 1), and every other variable of a cell a plane (H, B).
A line's comment names the equations of the book that it computes: `# lstm-i` is eq-lstm-i. The book's ledger proves
each of them equal to the line. A name that ends in `_bar` is a pre-activation; a `d` in front marks the derivative of
the loss with respect to what follows.
"""

from collections import namedtuple
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .arrays import namespace
from .checks import check_choice, check_flag, check_function, check_index, check_kind, check_names, check_stages, listed
from .types import Back, Step, Tanh


@dataclass(frozen=True)
class Stage:
    """The elementwise part of a cell that follows one recurrent product.

    gates:  the names of its gates, in the order of their rows; a string of letters will do
    step:   a, u, s, p, tanh -> s', kept. All are tuples of planes (H, B): a has one for each of `inputs`, u for each of
            `recurs`; s is the state, or what the stage before hands over; kept is a named tuple of what `back` needs
    back:   ds', kept, p -> da, du, ds, dp, planes too. `scan` sums dp over time and batch; dp is () without p
    inputs: the gates that see the input: these have rows in W and b. All, if left out
    recurs: the gates that see the recurrent product: these have rows in R. All, if left out
    name:   for messages, where a cell has several stages
    sums:   whether of a and u the step asks for the sum only: then `scan` may make it in one product, hand it in as u,
            and `ZERO` as a; and da is du. `plan` finds out

    >>> def step(a, u, s, p, tanh):  # h' = a + u: no gate, nothing to keep
    ...     return (a[0] + u[0],), ()
    >>> def back(ds, kept, p):
    ...     return ds, ds, (0,), ()
    >>> linear = cells.Cell("linear", [cells.Stage("h", step, back)])
    >>> linear.inputs, len(prove_cell(linear))
    (('h',), 3)
    """

    gates: Sequence[str]
    step: Step
    back: Back
    inputs: Sequence[str] = None  # type: ignore[assignment]
    recurs: Sequence[str] = None  # type: ignore[assignment]
    name: str = ""
    sums: bool = False

    def __post_init__(self):
        check_function("step", self.step, "a function a, u, s, p, tanh -> s', kept", 5)
        check_function("back", self.back, "a function ds', kept, p -> da, du, ds, dp", 3)
        check_kind("name", self.name, str, "a word")
        check_flag("sums", self.sums)
        object.__setattr__(self, "gates", check_names("gates", self.gates))
        given = {"gates": self.gates, "inputs": self.inputs, "recurs": self.recurs}
        for field, names in given.items():
            names = self.gates if names is None else check_names(field, names)
            if not {*names} <= {*self.gates}:
                raise ValueError(f"{field}: expected some of the gates {listed(self.gates)}, got {listed(names)}")
            object.__setattr__(self, field, tuple(names))


@dataclass(frozen=True)
class Cell:
    """A recurrent cell, all of whose arrays have names.

    name:     for tables and messages
    stages:   one `Stage`, or several that take turns, each with a recurrent product of its own. The product reads the
              first array of the state, or of what the stage before hands over
    states:   the arrays of the state, each (H, B); the first is the output h
    own:      the elementwise parameters p, a vector each, called by the gate that they act on
    forget:   the forget gate, if there is one; its bias starts at 1
    own_name: what p is: peepholes, the recurrent biases of some gates, decay rates, or factors

    >>> cells.LSTM.states, cells.LSTM.inputs, cells.LSTM.own
    (('h', 'c'), ('i', 'o', 'f', 'g'), ('i', 'o', 'f'))
    """

    name: str
    stages: Sequence[Stage]
    states: Sequence[str] = ("h",)
    own: Sequence[str] = ()
    forget: str | None = None
    own_name: str = "peepholes"

    def __post_init__(self):
        for field in ("name", "own_name"):
            check_kind(field, getattr(self, field), str, "a word")
        for field in ("states", "own"):
            object.__setattr__(self, field, check_names(field, getattr(self, field)))
        check_stages(self.stages)
        object.__setattr__(self, "stages", tuple(self.stages))
        check_names("stages: inputs", self.inputs)
        check_names("stages: recurs", self.recurs)
        for stage in self.stages[1:]:
            if stage.sums:
                raise ValueError(f"stages: expected sums of the first stage only, got {stage.name or stage.gates}")
        if self.forget is not None:
            check_choice("forget", self.forget, self.inputs)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The gates with rows in W and b, in the order of the rows."""
        return tuple(gate for stage in self.stages for gate in stage.inputs)

    @property
    def recurs(self) -> tuple[str, ...]:
        """The gates with rows in R, in the order of the rows."""
        return tuple(gate for stage in self.stages for gate in stage.recurs)

    def altered(self, stage: int = 0, **fields: Any) -> "Cell":
        """This cell, with other `fields` of one stage: `LSTM.altered(back=mine)`.

        >>> def forgetful(ds, kept, p):  # passes no gradient to c of step t-1
        ...     da, du, _, dp = cells.lstm_back(ds, kept, p)
        ...     return da, du, (0, 0), dp
        >>> prove_cell(cells.LSTM.altered(back=forgetful))
        Traceback (most recent call last):
        lstm_proofs.proof.Disproof: cell lstm: ∂(Σ w·s')/∂s_1 = ds_1 does not hold for s_1_0_0
        """
        stages = list(self.stages)
        check_index("stage", stage, len(stages))
        stages[stage] = replace(stages[stage], **fields)
        return replace(self, stages=tuple(stages))


def sigmoid(x: Any, tanh: Tanh) -> Any:
    """σ(x) = 1 / (1 + exp(-x)), written so that it cannot overflow and is exact on symbols.

    >>> cells.sigmoid(np.array([-1000.0, 0.0, 1000.0]), np.tanh)
    array([0. , 0.5, 1. ])
    """
    return (1 + tanh(x / 2)) / 2  # sigmoid


def positive(x: Any) -> Any:
    """1 where x > 0, else 0: relu(x) = positive(x) * x, and its derivative is positive(x).

    At x = 0 relu has a kink and no derivative; the code takes 0. A complex number goes by its real part.

    >>> cells.positive(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 1.])
    """
    return namespace(x).heaviside(x.real, 0)  # positive


def exp(x: Any) -> Any:
    """e to the power of x. In float64 that overflows to infinity from x = 710 on, in float32 from 89.

    A cell sees to it that it does not ask for that: NumPy warns, and what is computed of it may be NaN.

    >>> cells.exp(np.array([-1000.0, 0.0, 1.0]))
    array([0.        , 1.        , 2.71828183])
    """
    return namespace(x).exp(x)  # exp


def sqrt(x: Any) -> Any:
    """The square root; its derivative is 1 / (2 sqrt(x)).

    At x = 0 it has a kink and no derivative: the slope grows without bound, and a cell whose `back` divides by a root
    that can be 0 has to say what it does there. Below 0 NumPy warns and gives NaN, unless the number is complex.

    >>> cells.sqrt(np.array([0.0, 2.25, 4.0]))
    array([0. , 1.5, 2. ])
    """
    return namespace(x).sqrt(x)  # sqrt


# ---- vanilla RNN (Elman 1990): gates (h), state (h) ---------------------------------------------------------


RNNKept = namedtuple("RNNKept", "h")


def rnn_step(a, u, s, p, tanh):
    (au,) = a + u  # rnn-h
    h = tanh(au)  # rnn-h
    return (h,), RNNKept(h)


def rnn_back(ds, kept, p):
    (dh,) = ds
    (h,) = kept
    dh_bar = dh * (1 - h * h)  # rnn-dh-bar
    return (dh_bar,), (dh_bar,), (0,), ()


# ---- LSTM with peepholes (Gers & Schmidhuber 2000; Greff et al. 2017): gates (i, o, f, g), state (h, c) ------
# The peepholes p = (p_i, p_o, p_f) are vectors. With p = 0 it is the plain LSTM.


LSTMKept = namedtuple("LSTMKept", "i o f g c_prev c tanh_c")


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
    return (h, c), LSTMKept(i, o, f, g, c_prev, c, tanh_c)


def lstm_back(ds, kept, p):
    dh, dc = ds
    i, o, f, g, c_prev, c, tanh_c = kept
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


GRUKept = namedtuple("GRUKept", "z r n m h_prev")


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
    return (h,), GRUKept(z, r, n, m, h_prev)


def gru_back(ds, kept, p):
    (dh,) = ds
    z, r, n, m, h_prev = kept
    dz_bar = dh * (h_prev - n) * z * (1 - z)  # gru-dz
    dn_bar = dh * (1 - z) * (1 - n * n)  # gru-dn
    dr_bar = dn_bar * m * r * (1 - r)  # gru-dr
    dm = dn_bar * r  # gru-dm
    dh_prev = dh * z  # gru-dh
    return (dz_bar, dr_bar, dn_bar), (dz_bar, dr_bar, dm), (dh_prev,), (dm,)


# ---- GRU, "reset before" (Cho et al. 2014): gates (z, r, n), state (h) --------------------------------------
# The candidate's recurrent product reads q = r * h, so it has to wait for r: two stages.


GRUGatesKept = namedtuple("GRUGatesKept", "z r h_prev")


def gru_gates_step(a, u, s, p, tanh):
    au_z, au_r = a + u  # gru-before-z, gru-before-r
    (h_prev,) = s
    z = sigmoid(au_z, tanh)  # gru-before-z
    r = sigmoid(au_r, tanh)  # gru-before-r
    q = r * h_prev  # gru-before-q
    return (q, z, h_prev), GRUGatesKept(z, r, h_prev)


def gru_gates_back(ds, kept, p):
    dq, dz, dh_prev = ds
    z, r, h_prev = kept
    dz_bar = dz * z * (1 - z)  # gru-before-dz
    dr_bar = dq * h_prev * r * (1 - r)  # gru-before-dr
    dh_prev = dh_prev + dq * r  # gru-before-dh
    return (dz_bar, dr_bar), (dz_bar, dr_bar), (dh_prev,), ()


GRUCandidateKept = namedtuple("GRUCandidateKept", "z n h_prev")


def gru_candidate_step(a, u, s, p, tanh):
    (au_n,) = a + u  # gru-before-n
    _, z, h_prev = s
    n = tanh(au_n)  # gru-before-n
    h = (1 - z) * n + z * h_prev  # gru-before-h
    return (h,), GRUCandidateKept(z, n, h_prev)


def gru_candidate_back(ds, kept, p):
    (dh,) = ds
    z, n, h_prev = kept
    dz = dh * (h_prev - n)  # gru-before-dz
    dn_bar = dh * (1 - z) * (1 - n * n)  # gru-before-dn
    dh_prev = dh * z  # gru-before-dh
    return (dn_bar,), (dn_bar,), (0, dz, dh_prev), ()


RNN = Cell("rnn", [Stage("h", rnn_step, rnn_back)])
LSTM = Cell("lstm", [Stage("iofg", lstm_step, lstm_back)], states="hc", own="iof", forget="f")
GRU = Cell("gru", [Stage("zrn", gru_step, gru_back)], own="n", own_name="recurrent biases")
GRU_BEFORE = Cell("gru before", [
    Stage("zr", gru_gates_step, gru_gates_back, name="gates"),
    Stage("n", gru_candidate_step, gru_candidate_back, name="candidate"),
])  # fmt: skip
