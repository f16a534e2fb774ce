"""A run of the shipped code on symbols, with all that it computes on the way.

`scan.forward` and `scan.backward` run for T steps; the cell's step and back are played from their record, and what they
give each of their variables is written down. What a tanh gives becomes a symbol of its own, and so does what `exp`,
`sqrt` or `positive` gives, of which nothing else is used, and 1 over what is divided by. So everything is a polynomial.
"""

import functools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from lstm_core import scan, symbols
from lstm_core.cells import Cell, sigmoid
from lstm_core.record import elementary, played, record

from .graph import Graph
from .kinds import ANY, KINDS, Kind, unknown
from .latex import Unproven
from .zero import Symbols

FUNCTIONS = ("tanh", "sigmoid", "exp", "sqrt", "positive")
SIZES = ((4, 2, 3), (3, 2, 1), (1, 1, 1))  # D, H, B: all different; one example; one unit


class Code:
    """The code that is put to the proof, and its runs.

    cells:             cells that take the place of the shipped ones of the same name
    forward, backward: as those of `scan`
    sigmoid:           as that of `cells`
    T:                 how many steps
    sizes:             D, H, B in general; where there are Jacobians; where there are derivatives by parameters

    >>> from lstm_proofs.ledger import Code, prove
    >>> def wrong_step(a, u, s, p, tanh):
    ...     return (2 * a[0] + u[0],), cells.RNNKept(a[0])
    >>> wrong = Code([cells.RNN.altered(step=wrong_step)])
    >>> prove("rnn-h", r"\\mathbf h_t = \\mathbf a_t + \\mathbf u_t", wrong)
    Traceback (most recent call last):
    lstm_proofs.ledger.latex.Unproven: eq-rnn-h: \\mathbf h _ t is not \\mathbf a _ t + \\mathbf u _ t, at t = 1
    """

    def __init__(
        self,
        cells: Iterable[Cell] = (),
        forward: Callable = scan.forward,
        backward: Callable = scan.backward,
        sigmoid: Callable = sigmoid,
        T: int = 3,
        sizes: Sequence[tuple[int, int, int]] = SIZES,
    ):
        self.cells = {cell.name: cell for cell in cells}
        self.forward, self.backward, self.sigmoid, self.T, self.sizes = forward, backward, sigmoid, T, sizes
        self.run = functools.cache(functools.partial(Run, self))
        self.graph = functools.cache(self._graph)

    def cell(self, kind: Kind) -> Cell:
        """The cell of a kind: one's own, where it was given.

        >>> from lstm_proofs.ledger import KINDS, Code
        >>> Code().cell(KINDS["peephole"]) is cells.LSTM
        True
        """
        return self.cells.get(kind.cell.name, kind.cell)

    def _graph(self, kind, cut, D, H):
        return Graph(self.run(kind, cut, D, H, 1), self.run(kind, "tanh", D, H, 1))


class Run:
    """One run of `scan.forward` and `scan.backward`, of a kind of labels by its name.

    values[name, t]: arrays of expressions
    atoms[name, t]:  the symbols that stand for a value from then on, where it was cut
    cut: "tanh": what a tanh gives; "nodes": the variables of the printed forward equations; "bars": these, and what
         goes into a sigma or tanh
    P, grads, loss:  what the run is about
    """

    def __init__(self, code, kind, cut, D, H, B):
        self.kind, self.cut, self.T, self.D, self.H, self.B = KINDS[kind], cut, code.T, D, H, B
        self.values, self.atoms, self.outer, self.t = {}, {}, {}, None
        self.hat = "" if self.kind.mask is None else "_hat"  # of what the cell proposes, before the mask
        self.cell = code.cell(self.kind)
        self.states, self.single = self.cell.states, len(self.cell.stages) == 1

        parameters = scan.parameter_shapes(self.cell, D, H, own=bool(self.kind.own))
        states = {f"s{k}": (H, B) for k in range(len(self.states))}
        V = self._arrays(parameters | {"x": (self.T, D, B), "dh": (self.T, H, B)} | states)
        self.P = {name: V[name] for name in parameters}
        self._recorded(code, V["x"], V["dh"], tuple(V[name] for name in states))
        if cut == "tanh":
            self.symbols.closed = True

    def _arrays(self, shapes):
        """Arrays of symbols; if all values are polynomials, as generators of one ring, which is fast."""
        V = {name: symbols.array(name, *shape) for name, shape in shapes.items()}
        if self.cut != "tanh":
            return V
        functions = 9  # planes, of the unknown cell
        if self.cell is not ANY:
            nodes = [node for stage in record(self.cell) for found in stage for node in found.nodes]
            functions = sum((node.op in FUNCTIONS) + 2 * node.divides for node in nodes)
        # for functions, for what passes between steps, and for what lies outside of the run
        count = (2 * len(self.states) + functions) * self.T * self.H * self.B
        self.symbols = Symbols(V, count + max(200, 12 * (self.D + self.H) * self.B))
        return self.symbols.arrays

    def _recorded(self, code, x, dh, state):
        cell, T, mask = self._watched(), self.T, self._mask()
        h, final, cache = code.forward(cell, self.P, x, state, mask=mask)
        self.grads, dx, dstate0 = code.backward(cell, self.P, cache, dh)
        self.loss = sum((dh[t] * h[t]).sum() for t in range(T))
        for name, first, last, derivative in zip(self.states, state, final, dstate0):
            self.values[name, 0], self.values["d" + name, 0], self.atoms[name, 0] = first, derivative, first
            self.values.setdefault((name, T), last)
        for t in range(1, T + 1):
            self.values |= {("x", t): x[t - 1], ("dx", t): dx[t - 1], ("+h", t): dh[t - 1]}
            self.values.setdefault(("h", t), h[t - 1])
            if mask is not None:
                self.values["v", t] = np.tile(mask[t - 1].astype(int), (self.H, 1))
                # where there is no step, the cell does not see dh: it is what the loss and all later steps contribute
                after = np.zeros((2, self.H, self.B), int)
                if t < T:
                    later = cache._replace(x=x[t:], mask=mask[t:], read=cache.read[t:], steps=cache.steps[t:])
                    _, _, after = code.backward(unknown(None), self.P, later, dh[t:])
                self.values |= {("dh", t): dh[t - 1] + after[0], ("dc", t): after[1]}
        self.names = {name for name, _ in self.values}

    def _mask(self):
        """At each step of some examples, and not of others; all pairs of steps in a row. None if there is no mask."""
        mask = (np.arange(self.T).reshape(self.T, 1) + np.arange(self.B)) % 3 != 1
        return {None: None, True: mask, False: ~mask}[self.kind.mask]

    # ---- the cell, watched ------------------------------------------------------------------------------------------

    def _watched(self):
        """The cell, which tells of every step and back what it was given, what it computed and what it returns."""
        if self.cell is ANY:
            cell = unknown(self.symbols.fresh)
        else:
            cell = played(self.cell, self._see, self._apply, bool(self.kind.own), self._divide)
        first, last = 0, len(cell.stages) - 1
        for k, stage in enumerate(cell.stages):
            step, back = self._step(stage.step, k == first, k == last), self._back(stage.back, k == last)
            cell = cell.altered(k, step=step, back=back)
        return cell

    def _step(self, step, first, last):
        def watched(a, u, s, p, tanh):
            if first:
                self.t = (self.t or 0) + 1
            if self.hat:
                self.values |= {(name, self.t - 1): plane for name, plane in zip(self.states, s)}
            if self.single:
                self._planes("a", self.cell.inputs, a), self._planes("u", self.cell.recurs, u)
            state, kept = step(a, u, s, p, tanh)
            if last and self.cut == "tanh":
                state = tuple(self._define(name + self.hat, plane) for name, plane in zip(self.states, state))
            return state, kept

        return watched

    def _back(self, back, last):
        steps = iter(range(self.T, 0, -1))

        def watched(ds, kept, p):
            self.t = next(steps)
            if last and self.cut == "tanh":
                whole = "" if self.cell is ANY else " from t+1"  # of dc, a cell may add more to it
                names = ["dh" + self.hat] + [f"d{name}{self.hat}{whole}" for name in self.states[1:]]
                ds = tuple(self._define(name, d) for name, d in zip(names, ds))
            da, du, ds, dp = back(ds, kept, p)
            if self.single:
                self._planes("da", self.cell.inputs, da), self._planes("du", self.cell.recurs, du)
                self.values["e", self.t] = ds[0] if np.ndim(ds[0]) else np.zeros((self.H, self.B), int)
                if len(self.kind.own) == 1:
                    self.values["dp", self.t] = dp[0]
            return da, du, ds, dp

        return watched

    def _planes(self, name, gates, planes):
        if len(planes):
            self.values[name, self.t] = np.concatenate(planes)
        self.values |= {(f"{name}_{gate}", self.t): plane for gate, plane in zip(gates, planes)}

    def _define(self, name, value):
        """What passes from one step to another gets a symbol."""
        self.values[name, self.t] = self.symbols.define(value)
        return self.values[name, self.t]

    def _see(self, stage, record, node, value):
        """Write down the value of a node by each of its names; the symbols that stand for it from now on.

        Of what a function is given, a back's derivatives only: all else is another node's value. But the derivative of
        another state than h is not whole when it comes from step t+1 and the back adds more to it.
        """
        names, states = node.names, self.states[1:]
        if node.op == "input":
            states = [s for s in states if any("d" + s in n.names and n is not node for n in record.nodes)]
        if node.op == "input":
            given = any(node is d for d in record.inputs.get("ds", ()))
            renamed = names[1:] if any(node is a for a in record.inputs.get("a", ())) else []  # a candidate as it is
            names = renamed + [n for n in names if given and n[0] == "d" and n[1:] not in states]
        for name in names:
            value = self._seen(name, value)
        return value

    def _seen(self, name, value):
        value = self.values[name, self.t] = value + np.zeros((self.H, self.B), int)  # H rows, B columns, whatever came
        is_bar = name.endswith("_bar")
        if self.cut == "tanh" or name.startswith(("d", "au")) or name == "tanh_c" or (is_bar and self.cut == "nodes"):
            return value
        self.atoms[name, self.t] = symbols.array(f"{name}_{self.t}", self.H, self.B)
        return self.atoms[name, self.t]

    def _apply(self, tanh, node, x):
        """A tanh, sigmoid, exp, sqrt or positive; what goes into the tanh or sigmoid that is i is i_bar."""
        if node.op in ("tanh", "sigmoid"):
            for name in node.names:
                x = self._seen(f"{name}_bar", x)
        if self.cut != "tanh":
            return elementary(tanh, node, x)
        if node.op in ("exp", "sqrt", "positive"):
            return getattr(self.symbols, node.op)(x)
        return elementary(functools.partial(self.symbols.tanh, of_sigma=node.op == "sigmoid"), node, x)

    def _divide(self, x, y):
        """x / y, of which the symbols are cut short, too: what is multiplied with it later stays small."""
        return x / y if self.cut != "tanh" else self.symbols.define(self.symbols.divide(x, y))

    # ---- what equations ask for -------------------------------------------------------------------------------------

    def value(self, name, t):
        """The value at step t. A state begins at t = 0, a derivative at T + 1 is zero, anything else is arbitrary."""
        if (name, t) in self.values:
            return self.values[name, t]
        if name not in self.names:
            raise Unproven(f"the code has no {name}")
        if not 0 <= t <= self.T + 1:
            raise Unproven(f"an index {t}")
        return self.outside(name, t)

    def constant(self, name):
        """The value of a letter without an index, (H, 1): it has to be the same at every step and of every example."""
        values = [self.values[name, t] for t in range(1, self.T + 1) if (name, t) in self.values]
        if not values:
            raise Unproven(f"{name} has no index, and the code has no {name}")
        first = values[0][:, :1]
        if not all(self.symbols.is_zero(e) for value in values for e in np.ravel(value - first)):
            raise Unproven(f"{name} has no index, and is not the same at every step")
        return first

    def outside(self, name, t):
        """What stands for a value of a step that there is not."""
        if name[0] in "d+e" and t > self.T:
            rows = {"da": self.H * len(self.cell.inputs), "du": self.H * len(self.cell.recurs), "dx": self.D}
            return np.zeros((rows.get(name, self.H), self.B), int)
        if (name, t) not in self.outer:
            self.outer[name, t] = self.symbols.fresh((self.D if name in ("x", "dx") else self.H, self.B))
        return self.outer[name, t]

    def rows(self, name, arrays):
        """`arrays["W"]`, or for "W_i" the rows of gate i; "p_i" likewise."""
        base, _, letter = name.partition("_")
        array = arrays[base]
        if not letter:
            if base == "p":
                (array,) = array  # of several, one has to be named
            return array
        if base == "p":
            return array[self.kind.own.index(letter)]
        names = [row.replace(".", "") for row in (self.cell.recurs if base == "R" else self.cell.inputs)]
        k = names.index(letter)
        return array[k * self.H : (k + 1) * self.H]
