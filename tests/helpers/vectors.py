"""Test vectors: for every cell one small example with every number of its forward and backward pass, as JSON.

    python tests/helpers/vectors.py          writes tests/vectors/*.json anew

The files: rnn.json, lstm.json, peephole-lstm.json, gru-after.json, gru-before.json, where after and before say on which
side of the recurrent product the reset acts; and of the cells of the chapter After the LSTM mingru.json, minlstm.json,
qrnn.json, diagonal.json, diagonal-signed.json, rglru.json, lru.json, slstm.json. They need nothing but a JSON reader,
and they explain themselves:

    name, cell     what it is, and what the cell is called in `lstm_core.cells` or `lstm_core.modern`
    sizes          T = 3 time steps, B = 2 examples, D = 3 features, H = 2 hidden units, G gates, K vectors p
    gates, own     the order of the gates' blocks of H rows in W, R, b, a, u, da, du; of the vectors in p
    format         for every array below: its axes, the labels of its equations in the book (`lstm-i` is eq-lstm-i), and
                   in words what it is. The order of the names is the order of the calculation.
    inputs         decimals of two digits, exactly so: x, parameters, initial state, and w, the weights of the loss
                       L = sum(w_h * h) + sum(w_h_T * h_T) [+ sum(w_c_T * c_T) …]
    forward        every value of every step, the first index is t - 1
    backward       the derivative of L with respect to every value, by all paths unless `format` says otherwise
    gradients      the derivatives of L with respect to the inputs
    loss           L

Arrays are nested lists, the first axis outermost. An example is a column: x[t][d][b], h[t][u][b], W[row][d].

Where the numbers come from: the functions of `lstm_core.cells`, run by `lstm_core.scan`, but on numbers of 50 digits;
the cell is played from its record, which says what each variable is. Each result is the exact one, rounded once, to the
nearest float64, and written with the fewest digits that give it back. So nothing depends on a processor, and an
implementation in float64 is off by its own rounding only.
"""

import functools
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import vectors_modern
from mpmath import mp

from lstm_core import cells, modern, scan
from lstm_core.record import elementary, played
from lstm_proofs import ledger

FOLDER = Path(__file__).parents[1] / "vectors"
T, B, D, H = 3, 2, 3, 2
DIGITS = 50


class Case(NamedTuple):
    """One file: its name in words, the name of the cell in `cells`, and the kind of its equations' labels."""

    name: str
    cell: str
    kind: str

    gates = property(lambda self: ledger.KINDS[self.kind].gates)
    own = property(lambda self: ledger.KINDS[self.kind].own)
    of = property(lambda self: getattr(cells, self.cell, None) or getattr(modern, self.cell))

    def tables(self):
        """What each name means, of the forward and of the backward pass: name -> axes, words."""
        if self.kind not in vectors_modern.KINDS:
            return FORWARD, BACKWARD
        axes = {"a": GATES, "u": GATES, "da": GATES, "du": GATES}
        axes |= dict.fromkeys(vectors_modern.COLUMNS.get(self.kind, ()), ("T", "H", "1"))
        found = vectors_modern.FORWARD[self.kind], vectors_modern.BACKWARD[self.kind]
        return tuple({name: (axes.get(name, PLANE), words) for name, words in table.items()} for table in found)


CASES = {
    "rnn": Case("vanilla RNN", "RNN", "rnn"),
    "lstm": Case("LSTM without peepholes", "LSTM", "lstm"),
    "peephole-lstm": Case("LSTM with peepholes", "LSTM", "peephole"),
    "gru-after": Case("GRU, reset after the recurrent product", "GRU", "gru"),
    "gru-before": Case("GRU, reset before the recurrent product", "GRU_BEFORE", "gru-before"),
} | {kind: Case(*names, kind) for kind, names in vectors_modern.KINDS.items()}

# ---- what each name means: axes, words. The order is that of the calculation. --------------------------------------

PLANE, GATES = ("T", "H", "B"), ("T", "G*H", "B")
FORWARD = {
    "a": (GATES, "the input's part of the pre-activations, W x_t + b"),
    "u": (GATES, "the recurrent part, R h_{t-1}, without p; in gru-before the rows of n are R_n q_t"),
    "h_bar": (PLANE, "pre-activation: what goes into the tanh"),
    "z_bar": (PLANE, "pre-activation of the update gate"),
    "z": (PLANE, "update gate; 1 keeps the old h"),
    "r_bar": (PLANE, "pre-activation of the reset gate"),
    "r": (PLANE, "reset gate"),
    "m": (PLANE, "R_n h_{t-1} + p_n, which the reset gate multiplies"),
    "q": (PLANE, "r_t * h_{t-1}, which R_n multiplies"),
    "n_bar": (PLANE, "pre-activation of the candidate"),
    "n": (PLANE, "candidate"),
    "i_bar": (PLANE, "pre-activation of the input gate, peephole included"),
    "i": (PLANE, "input gate"),
    "f_bar": (PLANE, "pre-activation of the forget gate, peephole included"),
    "f": (PLANE, "forget gate"),
    "g_bar": (PLANE, "pre-activation of the candidate"),
    "g": (PLANE, "candidate"),
    "c": (PLANE, "cell state c_t"),
    "o_bar": (PLANE, "pre-activation of the output gate, peephole included"),
    "o": (PLANE, "output gate"),
    "tanh_c": (PLANE, "tanh(c_t)"),
    "h": (PLANE, "output h_t"),
}
BACKWARD = {
    "dh_next": (PLANE, "what arrives at h_t from step t+1; at t = T it is w_h_T"),
    "dh": (PLANE, "derivative with respect to h_t: dh_next + w_h"),
    "do_bar": (PLANE, "derivative with respect to o_bar"),
    "dc_next": (PLANE, "what arrives at c_t from step t+1; at t = T it is w_c_T"),
    "dc": (PLANE, "derivative with respect to c_t: dc_next, through h_t, through the peephole of o_t"),
    "di_bar": (PLANE, "derivative with respect to i_bar"),
    "df_bar": (PLANE, "derivative with respect to f_bar"),
    "dg_bar": (PLANE, "derivative with respect to g_bar"),
    "dh_bar": (PLANE, "derivative with respect to h_bar"),
    "dz": (PLANE, "derivative with respect to z_t"),
    "dn_bar": (PLANE, "derivative with respect to n_bar"),
    "dq": (PLANE, "derivative with respect to q_t"),
    "dz_bar": (PLANE, "derivative with respect to z_bar"),
    "dr_bar": (PLANE, "derivative with respect to r_bar"),
    "dm": (PLANE, "derivative with respect to m_t"),
    "da": (GATES, "derivative with respect to a"),
    "du": (GATES, "derivative with respect to u"),
    "dc_prev": (PLANE, "what step t hands to c_{t-1}: dc_next of step t-1, and at t = 1 dc_0"),
    "dh_prev": (PLANE, "what step t hands to h_{t-1} elementwise, without the part through R"),
}
INPUTS = {
    "x": (("T", "D", "B"), "input"),
    "w_h": (PLANE, "weights of the loss: what it weighs h with, at every step"),
    "h_0": (("H", "B"), "initial state"),
    "w_h_T": (("H", "B"), "weights of the loss: what it weighs the final h with, in addition"),
    "W": (("G*H", "D"), "input weights, gate by gate"),
    "R": (("G*H", "H"), "recurrent weights, gate by gate"),
    "b": (("G*H", "1"), "biases, gate by gate"),
    "c_0": (("H", "B"), "initial cell state"),
    "w_c_T": (("H", "B"), "weights of the loss: what it weighs the final c with"),
    "p": (("K", "H", "1"), "peepholes of an LSTM; of a GRU the candidate's recurrent bias p_n, inside the reset"),
    "n_0": (("H", "B"), "initial sum of the weights; over 1, as after every step"),
    "w_n_T": (("H", "B"), "weights of the loss: what it weighs the final n with"),
    "m_0": (("H", "B"), "initial stabiliser"),
    "w_m_T": (("H", "B"), "weights of the loss: what it weighs the final m with"),
}
OWN = {"rglru": "logarithms of the rates of decay", "lru": "p_f, the logarithm of q; p_r, tangent of half the angle"}
PARAMETERS = ("W", "R", "b", "p")
GRADIENTS = {
    f"d{name}": (axes, f"derivative with respect to {name}") for name, (axes, _) in INPUTS.items() if name[:2] != "w_"
}


def shape(case, axes):
    cell = case.of
    sizes = {"T": T, "B": B, "D": D, "H": H, "G*H": len(cell.inputs) * H, "K": len(cell.own), "1": 1}
    return tuple(sizes[axis] for axis in axes)


def labels(case, name):
    """The equations cited on the lines that compute `name`; a pre-activation has those of its gate.

    The cell's, by what a line assigns; the scan's, by what the equation is called.
    """
    inner = name if name.startswith("d") else name.removesuffix("_bar")
    inner = {"tanh_c": "h", "dc_next": "dc", "dc_prev": "dc", "dc_0": "dc"}.get(inner, inner)
    if case.kind in vectors_modern.KINDS and inner[:2] in ("dh", "dc", "dn") and "bar" not in inner:
        inner = inner[:2]
    assigned = {inner, "dh"} if name == "dh_prev" else {inner}
    if case.kind in vectors_modern.KINDS:
        assigned |= {name, f"{inner}_prev"}
    of_scan = "scan-" + {"dh_next": "dh", "dh_0": "dh", "dq": "dh"}.get(name, name)  # all that comes through R
    return sorted({
        label
        for target, label, kinds in cited()
        if label == of_scan or (target in assigned and case.kind in kinds)
    })  # fmt: skip


@functools.cache
def cited():
    """What a line assigns, an equation that it cites, and of which kinds; not of the variants, and not of a mask.

    The kind is the equation's own, or the line's, where it cites the equation of another cell. A candidate that is its
    own pre-activation is no line that computes: its equation has the gate's name.
    """
    found = set()
    for line in ledger.citations((cells, modern, scan)):
        for label in line.labels:
            own = ledger.kind_of(label)
            kinds = (own,) if own in line.kinds or not line.kinds else line.kinds
            found |= {(name, label, kinds) for name in line.names_for(label) or (None,)}
    found |= {(gate, f"{kind}-{gate}", (kind,)) for kind, gates in CANDIDATES.items() for gate in gates}
    return {(target, label, kinds) for target, label, kinds in found if ledger.kinds(label) != ledger.MASKED}


CANDIDATES = {"mingru": "n", "minlstm": "g", "diagonal": "g", "rglru": "g", "lru": "gj"}


# ---- the inputs ------------------------------------------------------------------------------------------------------


def decimals():
    """-0.55, 1.04, 0.40, ...: decimals of two digits from 0.07 to 1.18 in absolute value, all 112 different.

    Chosen such that no gate is saturated: no number of a file is nearly 0, as its test knows.
    """
    for k in range(1, 113):
        yield f"{'-' * (k * k % 11 in (1, 4, 9))}{(6 + 49 * k % 113) / 100:.2f}"


def inputs(case):
    """name -> array of decimals, as strings. The first four arrays are the same for all cells."""
    cell, numbers = case.of, decimals()
    absent = ["p"] * (not case.own) + ["R"] * (not cell.recurs)
    absent += [name for s in "cnm" for name in (f"{s}_0", f"w_{s}_T") if s not in cell.states]
    drawn = {
        name: np.array([next(numbers) for _ in range(np.prod(shape(case, axes)))]).reshape(shape(case, axes))
        for name, (axes, _) in INPUTS.items()
        if name not in absent
    }
    if "n_0" in drawn:
        drawn["n_0"] = np.vectorize(lambda decimal: f"{2 + abs(float(decimal)):.2f}")(drawn["n_0"])
    return drawn


# ---- the run ---------------------------------------------------------------------------------------------------------


NO_ROWS = np.empty((0, B))  # a stage may have no gate that sees the input


class Recorder:
    """The cell of a case, played from its record and watched: values[name] is a list of planes, one for each t."""

    def __init__(self, cell, tanh, own):
        self.tanh, self.values = tanh, {}
        self.cell = played(cell, self.see_node, self.apply, own)
        last = len(cell.stages) - 1
        for k, stage in enumerate(self.cell.stages):
            self.cell = self.cell.altered(k, step=self.step(stage.step, k), back=self.back(stage.back, k, last))

    def see(self, name, value):
        self.values.setdefault(name, [None] * T)[self.t] = value

    def see_node(self, stage, record, node, value):
        """The value of a node, by its names; of what a step or back is given, what is a derivative or a candidate."""
        if node.op != "input" or any(node is d for d in record.inputs.get("ds", ())):
            for name in node.names:
                self.see(name, value)
        elif any(node is a for a in record.inputs.get("a", ())):
            for name in node.names[1:]:
                self.see(name, value)
        return value

    def apply(self, tanh, node, x):
        """What goes into the tanh or sigmoid that is i is i_bar."""
        if node.op not in ("tanh", "sigmoid"):
            return OF_MPMATH[node.op](x) if x.dtype == object else elementary(self.tanh, node, x)
        for name in node.names:
            self.see(f"{name}_bar", x)
        return elementary(self.tanh, node, x)

    def step(self, step, k):
        steps = iter(range(T))

        def watched(a, u, s, p, tanh):
            self.t = next(steps)
            for name, planes in ("a", a), ("u", u):
                before = self.values[name][self.t] if k else NO_ROWS
                self.see(name, np.concatenate([before, *planes]))
            return step(a, u, s, p, tanh)

        return watched

    def back(self, back, k, last):
        steps = reversed(range(T))

        def watched(ds, kept, p):
            self.t = next(steps)
            arrived = {"dh": ds[0]} | {f"d{s}_next": d for s, d in zip(self.cell.states[1:], ds[1:])}
            arrived = arrived if k == last else {}
            da, du, ds, dp = back(ds, kept, p)
            for name, planes in ("da", da), ("du", du):
                after = NO_ROWS if k == last else self.values[name][self.t]
                self.see(name, np.concatenate([*planes, after]))
            for name, value in arrived.items():
                self.see(name, value)
            return da, du, ds, dp

        return watched


def run(case, V, tanh, cell=None):
    """All arrays of a file from its inputs V: {"forward": name -> array, ...}, and the loss. cell: if not the case's"""
    cell, (forward, backward) = cell or case.of, case.tables()
    recorder = Recorder(cell, tanh, bool(case.own))
    P = {name: V[name] for name in PARAMETERS if name in V}
    h, final, cache = scan.forward(recorder.cell, P, V["x"], tuple(V[f"{s}_0"] for s in cell.states))
    dfinal = tuple(V[f"w_{s}_T"] for s in cell.states)
    grads, dx, dstate = scan.backward(recorder.cell, P, cache, V["w_h"], dfinal)
    values = {name: np.stack(planes) for name, planes in recorder.values.items()}
    values["dh_next"] = values["dh"] - V["w_h"]
    for name in [name for name, array in values.items() if not array.size]:  # of a cell without R
        del values[name]
    for s in cell.states[1:]:  # where the cell adds nothing to what arrives
        if f"d{s}" not in backward and (values[f"d{s}"] == values[f"d{s}_next"]).all():
            del values[f"d{s}"]
    _check_described(cell, values, {*forward, *backward})
    found = {
        "forward": {name: values[name] for name in forward if name in values},
        "backward": {name: values[name] for name in backward if name in values},
        "gradients": {f"d{name}": d for name, d in grads.items()}
        | {"dx": dx}
        | {f"d{s}_0": d for s, d in zip(cell.states, dstate, strict=True)},
    }
    found["gradients"] = {name: found["gradients"][name] for name in GRADIENTS if name in found["gradients"]}
    weighed = [(V["w_h"], h), *zip(dfinal, final, strict=True)]
    return found | {"loss": sum((w * s).sum() for w, s in weighed)}


def _check_described(cell, values, known):
    """ValueError if the cell computes what no table has words for: no number is left out in silence.

    Only the sums a + u, which are the pre-activations but for p; what goes into tanh(c), which is c; and where p is one
    vector, what a step adds to its derivative.
    """
    known = {*known, "tanh_c_bar", "dp"}
    missing = [name for name in values if name not in known and name.partition("_")[0] not in ("au", "dau")]
    if missing:
        raise ValueError(f"cell {cell.name}: expected words for {', '.join(missing)}, got none in FORWARD or BACKWARD")


OF_MPMATH = {
    name: np.frompyfunc(function, 1, 1)
    for name, function in {"exp": mp.exp, "sqrt": mp.sqrt, "positive": lambda x: mp.mpf(x > 0)}.items()
}


def tanh(x):
    """tanh of an array of mpmath's numbers."""
    return np.frompyfunc(mp.tanh, 1, 1)(x)


def vectors(case):
    """The content of a file, as JSON knows it."""
    decimal, cell = inputs(case), case.of
    with mp.workdps(DIGITS):
        found = run(case, {name: np.frompyfunc(mp.mpf, 1, 1)(array) for name, array in decimal.items()}, tanh)
        found = {"inputs": decimal} | found
        nearest = np.frompyfunc(lambda v: float(v) if isinstance(v, str) else float(mp.nstr(v, DIGITS)), 1, 1)
        found = {
            group: nearest(arrays) if group == "loss" else {name: nearest(a).tolist() for name, a in arrays.items()}
            for group, arrays in found.items()
        }
    forward, backward = case.tables()
    own = {"p": (INPUTS["p"][0], OWN.get(case.kind, INPUTS["p"][1]))}
    groups = {"inputs": INPUTS | own, "forward": forward, "backward": backward, "gradients": GRADIENTS}
    described = {
        name: {"axes": list(axes), "equations": labels(case, name), "meaning": meaning}
        for group, table in groups.items()
        for name, (axes, meaning) in table.items()
        if name in found[group]
    }
    return {
        "name": case.name,
        "cell": case.cell,
        "sizes": {"T": T, "B": B, "D": D, "H": H, "G": len(cell.inputs), "K": len(case.own)},
        "gates": list(case.gates),
        "own": list(case.own),
        "format": described | {"loss": {"axes": [], "equations": [], "meaning": LOSS[len(cell.states)]}},
    } | found


LOSS = {
    1: "L = sum(w_h * h) + sum(w_h_T * h_T), where h_T is the last h",
    2: "L = sum(w_h * h) + sum(w_h_T * h_T) + sum(w_c_T * c_T), where h_T, c_T are the last h, c",
    4: "L = sum(w_h * h) + sum(w_h_T * h_T) + sum(w_c_T * c_T) + sum(w_n_T * n_T) + sum(w_m_T * m_T), of the last",
}


def written(value, indent=0):
    """JSON with a line for each row of numbers, so that it can be read, and compared line by line."""
    nested = isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, list) for v in value))
    if not nested:
        return json.dumps(value)
    inner = " " * (indent + 1)
    if isinstance(value, dict):
        lines = [f"{json.dumps(name)}: {written(v, indent + 1)}" for name, v in value.items()]
    else:
        lines = [written(v, indent + 1) for v in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{inner}" + f",\n{inner}".join(lines) + f"\n{' ' * indent}{closing}"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, case in CASES.items():
        (FOLDER / f"{file}.json").write_text(written(vectors(case)) + "\n", encoding="utf-8")
