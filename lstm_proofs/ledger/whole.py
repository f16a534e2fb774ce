"""Rung 6 of the ladder: the printed equations are what the shipped code computes.

`equations()` takes every displayed equation out of the chapters, `prove(label, latex)` reads its LaTeX and proves it on
symbols, and `citations()` says which line of `cells.py`, `variants.py` and `scan.py` names which equation.

How an equation is proven. The shipped `scan` runs on symbols for T = 3 steps, with the shipped `step` and `back` of the
cell that the label names; of these, every value that is assigned is written down on the way. What a tanh gives
becomes a symbol of its own, and so does what `positive` gives, of which nothing else is used. So everything is a
polynomial. Then the LaTeX is evaluated with these values for its letters, at t = 1, 2 and 3, and both sides have to be
the same polynomials. A partial derivative is SymPy's, of the shipped forward pass: with a plus, of one printed
equation, its other variables held fixed; without, by every path.

For whom it is proven. The beginning of its label names a cell. If a line of another cell cites the equation, too, it
has to hold for that cell as well. An equation with a mask (`mask` or `hat` in its label) is proven with two masks, one
the opposite of the other: at each step there are examples with a step and examples without. An element is one of the
two, and the code treats all examples alike.

What lies outside t = 1, ..., T: a state begins at t = 0, a derivative at T + 1 is zero, anything else is arbitrary.
"""

import ast
import copy
import functools
import inspect
import io
import itertools
import operator
import random
import re
import time
import tokenize
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np
import sympy

from lstm_core import cells, scan, symbolic, variants

ROOT = Path(__file__).parent.parent
T = 3
PRIME = 2**61 - 1


class Unproven(AssertionError):
    """An equation that cannot be read, or is not what the code computes."""


# ---- the book's side: the displayed equations ------------------------------------------------------------------


class Equation(NamedTuple):
    """A displayed equation: its label without `eq-`, its LaTeX, and the chapter it stands in."""

    label: str
    latex: str
    chapter: Path


DISPLAYED = re.compile(r"^(`{3,})\{math\}\n:label: eq-(\S+)\n(.*?)^\1$", flags=re.MULTILINE | re.DOTALL)
LOOSE = re.compile(r"\$\$|\{math\}(?!`)|\\begin\{|\\\[|<\w", flags=re.IGNORECASE)
DIRECTIVE = re.compile(r"(?:`{3,}|~{3,}|:{3,})[ \t]*(\{[^}\n]*\}|\w+)")
DIRECTIVES = {"{math}", "{figure}", "{admonition}", "{note}", "{tip}", "{warning}", "{dropdown}", "{exercise}",
              "{solution-start}", "{solution-end}", "{list-table}", "{table}", "text", "python", "bash",
              *(f"{{prf:{name}}}" for name in ("theorem", "proof", "proposition", "definition", "remark", "corollary",
                                               "lemma", "example", "algorithm"))}  # fmt: skip


def equations(chapters):
    """All displayed equations of the notebooks; Unproven if one has no label."""
    found = []
    for path in chapters:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                found += [Equation(match[2], match[3].strip(), path) for match in DISPLAYED.finditer(cell.source)]
                if loose := LOOSE.search(DISPLAYED.sub("", cell.source)):
                    raise Unproven(f"{path.name}: a displayed equation without a label: {loose[0]!r}")
                for directive in DIRECTIVE.findall(cell.source):
                    if directive not in DIRECTIVES:
                        raise Unproven(f"{path.name}: a directive that may display an equation: {directive}")
            elif cell.cell_type != "code":
                raise Unproven(f"{path.name}: a {cell.cell_type} cell")
            for output in cell.get("outputs", ()):
                if strange := {*output.get("data", ())} - {"text/plain", "image/png", "image/svg+xml"}:
                    raise Unproven(f"{path.name}: an output that may display an equation: {', '.join(strange)}")
    return found


# ---- the code's side: which line cites which equation, and what it assigns ----------------------------------------


class Line(NamedTuple):
    """A line that computes: where it is, the labels that its comment cites, what it assigns, and for which kinds."""

    file: str
    number: int
    labels: tuple
    target: str
    kinds: tuple


def citations(modules=(cells, variants, scan)):
    """The computing lines of every step and back, of the sigmoid, and of the scan's forward and backward."""
    lines = []
    for module in modules:
        source = inspect.getsource(module)
        cited = {
            token.start[0]: tuple(re.findall(r"\b(?:sigmoid|[a-z]+(?:-[a-zA-Z]+)+)", token.string))
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.COMMENT
        }
        for function in ast.parse(source).body:
            name = getattr(function, "name", "")
            if module.__name__.endswith(("cells", "variants")) and isinstance(function, ast.FunctionDef):
                _check_plain(function)
            if name.endswith(("_step", "_back", "sigmoid")) or name in ("forward", "backward"):
                for node in ast.walk(function):
                    if (target := _computed(node)) is not None:
                        file = Path(module.__file__).name
                        lines.append(Line(file, node.lineno, cited.get(node.lineno, ()), target, kinds_of(name)))
    return lines


def kinds_of(function):
    """The kinds whose cell has the function of this name as a step or a back."""
    found = []
    for name, kind in KINDS.items():
        cell = cell_of(kind)
        stages = () if cell is ANY else cell.stages or (cell,)
        if function in {f.__name__ for stage in stages for f in (stage.step, stage.back)}:
            found.append(name)
    return tuple(found)


PLAIN = (ast.Assign, ast.Return, ast.Expr, ast.Name, ast.Tuple, ast.BinOp, ast.Constant, ast.Call, ast.Load, ast.Store,
         ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Starred, ast.arguments, ast.arg, ast.FunctionDef)  # fmt: skip
FUNCTIONS = ("sigmoid", "tanh", "positive")
POSITIVE = "return namespace(x).heaviside(x.real, 0)"
HARMLESS = {"_check_forward", "_check_backward", "_stages", "stage.step", "stage.back", "P.get", "P.items", "grads.get",
            "xp.empty", "xp.empty_like", "xp.zeros_like", "xp.concatenate", "a[t, rows_a].reshape", "u.reshape",
            "kept_t.append", "saved.append", "zip", "range", "reversed"}  # fmt: skip


def _check_plain(function):
    """A function of `cells` says all that it does in assignments of names and + - * / of them: nothing is hidden."""
    if function.name == "positive" and ast.unparse(function.body[-1]) == POSITIVE and len(function.body) <= 2:
        return  # no formula, but an elementary function as tanh is; here it is a symbol
    if not function.name.endswith(("_step", "_back", "sigmoid")):
        raise Unproven(f"{function.name}: a module of cells has steps, backs, sigmoid and positive, and nothing else")
    for node in ast.walk(function):
        strange = not isinstance(node, PLAIN) or (isinstance(node, ast.Call) and _name(node) not in FUNCTIONS)
        if strange or (isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)):
            raise Unproven(f"{function.name}: line {getattr(node, 'lineno', '?')} is more than + - * / of names")


def _name(call):
    return ast.unparse(call.func)


def _computed(node):
    """What a statement assigns, if it does arithmetic on arrays; else None."""
    if not isinstance(node, ast.stmt) or isinstance(node, ast.FunctionDef):
        return None
    # of a loop or a condition, its head only; its body are statements of their own
    inner = [n for _, value in ast.iter_fields(node) for n in (value if isinstance(value, list) else [value])]
    nodes = [n for i in inner if isinstance(i, ast.AST) and not isinstance(i, ast.stmt) for n in ast.walk(i)]
    stored = {n for i in getattr(node, "targets", ()) for n in ast.walk(i)}  # h[t + 1] = ...: an index, no arithmetic
    makes_room = re.compile(r"(xp\.empty|xp\.zeros|P\.get|.*\.reshape)$")
    room = {n for c in nodes if isinstance(c, ast.Call) and makes_room.match(_name(c))
            for a in c.args for n in ast.walk(a)}  # fmt: skip
    nodes = [n for n in nodes if n not in stored | room]
    calls = {_name(n) for n in nodes if isinstance(n, ast.Call)}
    nodes = [n for n in nodes if not (isinstance(n, ast.Compare) and all(isinstance(o, ast.IsNot) for o in n.ops))]
    arithmetic = any(isinstance(n, (ast.BinOp, ast.UnaryOp, ast.NamedExpr, ast.Compare, ast.Lambda)) for n in nodes)
    if not (arithmetic or isinstance(node, ast.AugAssign) or calls - HARMLESS):
        return None
    target = getattr(node, "target", None) or getattr(node, "targets", [None])[0]
    return ast.unparse(target) if target is not None else ""


# ---- a run of the shipped code on symbols --------------------------------------------------------------------------


class Kind(NamedTuple):
    """What labels of one kind speak of: a cell, and letters for its gates, its p in order (none: p = 0), its state.

    reads: the rows of R that follow those of the gates, by pairs of letters: whose rows they are, what they read
    mask: for the scan with a mask, two of which are run: where one is True the other is False
    """

    cell: str
    gates: str
    own: str = ""
    states: str = "h"
    reads: tuple = ()
    mask: bool | None = None


SHIPPED_CELLS, SHIPPED_VARIANTS = cells, variants
ANY = cells.Cell(gates=2, own=1, states=2, step=None, back=None, name="any")


def unknown(new):
    """A cell of which nothing is known: all that its step and back return are new symbols. new: shape -> array"""

    def step(a, u, s, p, tanh):
        planes = [new(a.shape[1:]) for _ in range(9)]
        return tuple(planes[:2]), planes[2:]

    def back(ds, planes, p):
        return tuple(planes[:2]), tuple(planes[2:4]), tuple(planes[4:6]), tuple(planes[6:])

    return ANY._replace(step=step, back=back)


KINDS = {
    "rnn": Kind("RNN", "h"),
    "lstm": Kind("LSTM", "iofg", states="hc"),
    "peephole": Kind("LSTM", "iofg", "iof", states="hc"),
    "gru": Kind("GRU", "zrn", "n"),
    "gru-before": Kind("GRU_BEFORE", "zrn"),
    "rnn-relu": Kind("RNN_RELU", "h"),
    "nig": Kind("NIG", "ofg", "of", states="hc"),
    "nfg": Kind("NFG", "iog", "io", states="hc"),
    "nog": Kind("NOG", "ifg", "if", states="hc"),
    "niaf": Kind("NIAF", "iofg", "iof", states="hc"),
    "noaf": Kind("NOAF", "iofg", "iof", states="hc"),
    "cifg": Kind("CIFG", "iog", "io", states="hc"),
    "fgr": Kind("FGR", "iofg", "iof", states="hciof", reads=tuple(row + read for read in "iof" for row in "iof")),
    "nas": Kind("NAS", "01234567", states="hc"),
    "scan": Kind("ANY", "", "p", states="hc"),
    "scan, masked": Kind("ANY", "", "p", states="hc", mask=True),
    "scan, masked the other way": Kind("ANY", "", "p", states="hc", mask=False),
}


def kind_of(label):
    """The longest name of a kind that the label begins with, or None."""
    return max((name for name in KINDS if label.startswith(name + "-")), key=len, default=None)


def cell_of(kind, cells=cells, variants=variants):
    return getattr(cells, kind.cell, None) or getattr(variants, kind.cell, ANY)


@functools.cache
def borrowed():
    """For each label, the kinds that its own is not, and whose lines cite it: a variant's, where it is as the LSTM."""
    found = {}
    for line in citations():
        for label in line.labels:
            if kind_of(label) not in line.kinds:
                found[label] = [*dict.fromkeys([*found.get(label, ()), *line.kinds])]
    return found


def kinds(label):
    """The kinds for which an equation has to hold: its own, and those whose code cites it.

    With `mask` or `hat` in its label: the scan with either mask.
    """
    own = kind_of(label)
    if own == "scan" and {"mask", "hat"} & {*label.split("-")}:
        return ["scan, masked", "scan, masked the other way"]
    return [own, *borrowed().get(label, ())]


class Code:
    """The modules `cells`, `variants` and `scan` that are put to the proof, and their runs on symbols.

    source: of that module among the first two which is not the shipped one
    """

    def __init__(self, cells=cells, scan=scan, source=None, variants=variants):
        self.cells, self.scan, self.variants = cells, scan, variants
        self.functions = {}  # name -> its tree, and the names that it knows
        for module, shipped in ((cells, SHIPPED_CELLS), (variants, SHIPPED_VARIANTS)):
            text = source if source and module is not shipped else inspect.getsource(module)
            self.functions |= {
                node.name: (node, vars(module)) for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)
            }
        self.run, self.graph = functools.cache(self._run), functools.cache(functools.partial(Graph, self))

    def _run(self, kind, cut, D, H, B):
        return Run(self, KINDS[kind], cut, D, H, B)


class Run:
    """One run of `scan.forward` and `scan.backward` on symbols, with all that was assigned in between.

    values[name, t]: arrays of expressions
    atoms[name, t]:  the symbols that stand for a value from then on, where it was cut
    cut: "tanh": what a tanh gives; "nodes": the variables of the printed forward equations; "bars": these, and what
         goes into a sigma or tanh
    """

    def __init__(self, code, kind, cut, D, H, B):
        self.code, self.kind, self.cut, self.values, self.atoms, self.known = code, kind, cut, {}, {}, {}
        self.D, self.H, self.B, self.finished = D, H, B, False
        self.seen, self.sigmas, self.defined, self.factored = None, set(), {}, {}
        self.hat = "" if kind.mask is None else "_hat"  # of what the cell proposes, before the mask
        cell, scan = cell_of(kind, code.cells, code.variants), code.scan
        self.planes = {"da": scan.inputs(cell), "du": cell.gates}

        parameters = scan.parameter_shapes(cell, D, H, own=bool(kind.own))
        states = {f"s{k}": (H, B) for k in range(cell.states)}
        V = self._indeterminates(parameters | {"x": (T, D, B), "dh": (T, H, B)} | states)
        self.P, x, dh = {name: V[name] for name in parameters}, V["x"], V["dh"]
        state = tuple(V[name] for name in states)
        cell, mask = self._seen(cell), None
        if kind.mask is not None:  # at each step of some examples, and not of others; all pairs of steps in a row
            mask = (np.arange(T).reshape(T, 1) + np.arange(B)) % 3 != 1
            mask = mask if kind.mask else ~mask
        h, final, cache = scan.forward(cell, self.P, x, state, mask=mask)
        grads, dx, dstate0 = scan.backward(cell, self.P, cache, dh)
        for name, first, last, derivative in zip(kind.states, state, final, dstate0):
            self.values[name, 0], self.values["d" + name, 0], self.atoms[name, 0] = first, derivative, first
            self.values.setdefault((name, T), last)
        for t in range(1, T + 1):
            self.values |= {("x", t): x[t - 1], ("dx", t): dx[t - 1], ("+h", t): dh[t - 1]}
            self.values.setdefault(("h", t), h[t - 1])
            if mask is not None:
                self.values["v", t] = np.tile(mask[t - 1].astype(int), (H, 1))
                # where there is no step, the cell does not see dh: it is what the loss and all later steps contribute
                later, after = (x[t:], mask[t:], cache[2][t:]), np.zeros((2, H, B), int)
                if t < T:
                    _, _, after = scan.backward(unknown(None), self.P, later, dh[t:])
                self.values |= {("dh", t): dh[t - 1] + after[0], ("dc", t): after[1]}
        self.finished, self.grads, self.loss = True, grads, sum((dh[t] * h[t]).sum() for t in range(T))

    def _indeterminates(self, shapes):
        """Arrays of symbols; if all values are polynomials, as generators of one ring, which is fast."""
        V = {name: symbolic.symbols(name, *shape) for name, shape in shapes.items()}
        if self.cut == "tanh":
            new = list(sympy.symbols(f"new:{self.needed()}", real=True))
            self.ring = sympy.ring([v for array in V.values() for v in array.flat] + new, sympy.QQ)[0]
            V = {name: np.frompyfunc(self.ring.from_expr, 1, 1)(array) for name, array in V.items()}
            self.unused = iter(self.ring.gens[-len(new) :])
            rng = random.Random(0)
            self.numbers = [rng.randrange(PRIME) for _ in self.ring.gens]
        return V

    def needed(self):
        """How many symbols a run needs: for tanh and positive, for what passes between steps, for what is outside."""
        cell = cell_of(self.kind, self.code.cells, self.code.variants)
        stages = () if cell is ANY else cell.stages or (cell,)
        trees = [self.code.functions[stage.step.__name__][0] for stage in stages]
        calls = [n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Call)]
        planes = 2 * len(self.kind.states) + (len(calls) if stages else 9)
        return planes * T * self.H * self.B + max(200, 12 * (self.D + self.H) * self.B)

    def new(self):
        """A symbol that stands for anything."""
        for symbol in self.unused:
            return symbol
        raise Unproven("more symbols than the run has made")

    def fresh(self, shape):
        """An array of symbols that stand for anything."""
        return np.frompyfunc(lambda _: self.new(), 1, 1)(np.zeros(shape))

    def define(self, name, value):
        """What passes from one step to another gets a symbol, and the symbol a definition: polynomials stay small."""
        atoms = self.values[name, self.t] = self.fresh(value.shape)
        self.defined |= {self.ring.index(atom): self.ring(v) for atom, v in zip(atoms.flat, value.flat)}
        return atoms

    def factors(self, e):
        """A polynomial as pairs of a coefficient modulo a prime and its (symbol's number, power); remembered."""
        if e not in self.factored:
            self.factored[e] = [
                (int(c.numerator) * pow(int(c.denominator), -1, PRIME), [(k, n) for k, n in enumerate(exponents) if n])
                for exponents, c in e.terms()
            ]
        return self.factored[e]

    def definitions(self, e, found):
        """The numbers of the defined symbols that a polynomial speaks of, directly or by their definitions."""
        for k in {k for _, powers in self.factors(e) for k, _ in powers if k in self.defined} - found:
            found.add(k)
            self.definitions(self.defined[k], found)
        return found

    def number(self, e, tied, known):
        """A polynomial's value at a random point modulo a prime; symbols in `tied` have their definition's value."""
        total = 0
        for value, powers in self.factors(e):
            for k, n in powers:
                if k not in known:
                    known[k] = self.number(self.defined[k], tied, known) if k in tied else self.numbers[k]
                value = value * pow(known[k], n, PRIME) % PRIME
            total += value
        return total % PRIME

    def is_zero(self, e):
        """Whether a polynomial is zero once its symbols are replaced by their definitions.

        Numbers say no, and which definitions are needed at all; zero is only said when those are put in, and no term
        is left.
        """
        e = self.ring(e)
        tied = self.definitions(e, set())
        zero = not self.number(e, tied, {})
        for k in sorted(tied) if zero else ():
            if not self.number(e, tied - {k}, {}):
                tied.remove(k)
        self.factored.pop(e)  # no other equation asks for it, and it is large
        return zero and not self.expanded(e, tied)

    def expanded(self, e, tied):
        """The polynomial with definitions put in, the latest first: a definition speaks of earlier symbols only."""
        for k in sorted(tied, reverse=True):
            e = e.compose([(self.ring.gens[k], self.defined[k])])
        return e

    def _seen(self, cell):
        """The cell, with every assignment in its functions reported to `self.see`."""
        stages = cell.stages or (unknown(self.fresh) if cell is ANY else cell,)
        self.steps, self.backs, self.stages = 0, T * len(stages), len(stages)
        return cell._replace(
            stages=tuple(
                stage._replace(
                    step=self._step(self._instrumented(stage.step), last=k == len(stages) - 1),
                    back=self._back(self._instrumented(stage.back), last=k == len(stages) - 1),
                )
                for k, stage in enumerate(stages)
            )
        )

    def _step(self, step, last):
        def seen(a, u, s, p, tanh):
            self.t, self.steps = self.steps // self.stages + 1, self.steps + 1
            if self.hat:
                self.values |= {(name, self.t - 1): plane for name, plane in zip(self.kind.states, s)}
            if self.stages == 1:
                self.values["a", self.t], self.values["u", self.t] = np.concatenate(a), np.concatenate(u)
                for k, gate in enumerate(self.kind.gates):
                    self.values["a_" + gate, self.t], self.values["u_" + gate, self.t] = a[k], u[k]
            state, kept = step(a, u, s, p, self.tanh if self.cut == "tanh" else tanh)
            if last and self.cut == "tanh":
                state = tuple(self.define(name + self.hat, plane) for name, plane in zip(self.kind.states, state))
            return state, kept

        return seen

    def _back(self, back, last):
        def seen(ds, saved, p):
            self.backs -= 1
            self.t = self.backs // self.stages + 1
            if last and self.cut == "tanh":
                whole = "" if self.kind.cell == "ANY" else " from t+1"  # of dc, a cell may add more to it
                names = ["dh" + self.hat] + [f"d{name}{self.hat}{whole}" for name in self.kind.states[1:]]
                ds = tuple(self.define(name, d) for name, d in zip(names, ds))
            da, du, ds, dp = back(ds, saved, p)
            if self.stages == 1:
                shape = (self.H, self.B)
                self.values |= {(name, self.t): np.concatenate(d) for name, d in (("da", da), ("du", du))}
                for k, gate in enumerate(self.kind.gates):
                    self.values["da_" + gate, self.t], self.values["du_" + gate, self.t] = da[k], du[k]
                self.values["e", self.t] = ds[0] if np.ndim(ds[0]) else np.zeros(shape, int)
                if len(self.kind.own) == 1:
                    self.values["dp", self.t] = dp[0]
            return da, du, ds, dp

        return seen

    def _instrumented(self, function):
        """The function, each statement `v = e` followed by `v = see("v", v)`, and the arguments of activations seen."""
        if function.__name__ not in self.code.functions:  # the unknown cell's
            return function
        tree, names = self.code.functions[function.__name__]
        tree = copy.deepcopy(tree)
        parsed = lambda text: ast.parse(text).body
        body = []
        for statement in tree.body:
            body.append(statement)
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if isinstance(target, ast.Tuple):
                rest = {n.value for n in ast.walk(target) if isinstance(n, ast.Starred)}
                for name in [n.id for n in ast.walk(target) if isinstance(n, ast.Name) and n not in rest]:
                    if self._is_new(name, statement.value):
                        body += parsed(f"{name} = see({name!r}, {name})")
            elif isinstance(target, ast.Name) and not isinstance(statement.value, ast.Tuple):
                function = _name(statement.value) if isinstance(statement.value, ast.Call) else ""
                if function in ("sigmoid", "tanh"):
                    arguments = statement.value.args
                    self.sigmas |= {target.id} if function == "sigmoid" else set()
                    arguments[0] = parsed(f"see({target.id + '_bar'!r}, {ast.unparse(arguments[0])})")[0].value
                body += parsed(f"{target.id} = see({target.id!r}, {target.id})")
        tree.body = body
        names = {**names, "see": self.see} | ({"positive": self.positive} if self.cut == "tanh" else {})
        exec(compile(ast.fix_missing_locations(ast.Module([tree], [])), "ledger", "exec"), names)
        return names[tree.name]

    def _is_new(self, name, value):
        """Of the names of a tuple: a gate that is a mere sum, h_bar or g = a + u; a derivative that is handed in.

        But the derivative of another state than h is not whole when it comes from step t+1.
        """
        return (
            not name.startswith("au")
            if isinstance(value, ast.BinOp)
            else name.startswith("d") and name[1:] not in self.kind.states[1:]
        )

    def see(self, name, value):
        """Write down the value of `name` at this step; the symbols that stand for it from now on, if it is cut."""
        self.seen = name.removesuffix("_bar")
        value = self.values[name, self.t] = value + np.zeros((self.H, self.B), int)  # H rows, B columns, whatever came
        is_bar = name.endswith("_bar")
        if self.cut == "tanh" or name.startswith(("d", "au")) or name == "tanh_c" or (is_bar and self.cut == "nodes"):
            return value
        self.atoms[name, self.t] = symbolic.symbols(f"{name}_{self.t}", self.H, self.B)
        return self.atoms[name, self.t]

    def tanh(self, x):
        """tanh of an array: a new symbol for each argument that was not met before; but no new one after the run."""

        def one(e):
            e = self.expanded(e, self.definitions(e, set()))
            if -e in self.known:
                return -self.known[-e]
            if e not in self.known:
                if self.finished:
                    raise Unproven(f"the code takes no tanh of {str(e)[:200]}")
                new = self.new()  # of a sigma, the new symbol is s in tanh(x / 2) = 2 s - 1: shorter polynomials
                self.known[e] = 2 * new - 1 if self.seen in self.sigmas else new
            return self.known[e]

        return np.frompyfunc(one, 1, 1)(x)

    def positive(self, x):
        """1 where x > 0, else 0, of an array: a new symbol for each argument that was not met before."""

        def one(e):
            key = "positive", self.expanded(e, self.definitions(e, set()))
            if key not in self.known:
                if self.finished:
                    raise Unproven(f"the code does not ask whether this is positive: {str(e)[:200]}")
                self.known[key] = self.new()
            return self.known[key]

        return np.frompyfunc(one, 1, 1)(x)

    def outside(self, name, t):
        """What stands for a value of a step that there is not."""
        shape = (self.D if name in ("x", "dx") else self.H, self.B)
        if name[0] in "d+e" and t > T:
            return np.zeros((self.H * self.planes[name] if name in self.planes else shape[0], self.B), int)
        if (name, t) not in self.known:
            self.known[name, t] = self.fresh(shape)
        return self.known[name, t]


class Graph:
    """The computation graph of the printed forward equations, and derivatives on it by SymPy. One example, B = 1."""

    def __init__(self, code, kind, bars, D, H):
        self.cut, self.plain = code.run(kind, "bars" if bars else "nodes", D, H, 1), code.run(kind, "tanh", D, H, 1)
        pairs = [(atoms, self.plain.values[key]) for key, atoms in self.cut.atoms.items()]
        pairs += [(self.cut.P[name], self.plain.P[name]) for name in self.cut.P]
        self.back = {s: v for symbols, values in pairs for s, v in zip(symbols.flat, values.flat)}  # in the plain run
        self.partial, self.total = functools.cache(self._partial), functools.cache(self._total)
        self.owner = {atom: key for key, atoms in self.cut.atoms.items() for atom in atoms.flat}

    def definition(self, key):
        return np.array([[self.cut.loss]]) if key[0] == "L" else self.cut.values[key]

    def variables(self, key):
        name, t = key
        if t is None:  # a parameter, a whole matrix or one gate's rows
            return rows(self.cut, name, self.cut.P)
        return self.cut.atoms[key]

    def _partial(self, y, x):
        """∂⁺y/∂x, a matrix: of one printed equation, the other variables held fixed."""
        if T + 1 in (y[1], x[1]):  # of a step that there is not: arbitrary
            return np.diagflat(self.plain.outside(f"{y[0]} by {x[0]}", x[1]))
        value = np.array(
            [[sympy.diff(e, v) for v in self.variables(x).flat] for e in self.definition(y).flat], dtype=object
        )
        return np.frompyfunc(self._value, 1, 1)(value)

    def _value(self, e):
        """An expression in the symbols of the graph, as a polynomial of the plain run."""
        if e in self.back:
            return self.back[e]
        if isinstance(e, sympy.tanh):
            return self.plain.tanh(self._value(e.args[0]))
        if isinstance(e, symbolic.positive):
            return self.plain.positive(self._value(e.args[0]))
        if isinstance(e, (sympy.Add, sympy.Mul)):
            return functools.reduce(operator.add if e.is_Add else operator.mul, map(self._value, e.args))
        if isinstance(e, sympy.Pow):
            return self._value(e.base) ** int(e.exp)
        return self.plain.ring.from_expr(e)

    def _total(self, y, x):
        """∂y/∂x, a matrix: by every path."""
        if T + 1 in (y[1], x[1]):
            return np.zeros((1, self.plain.H), int) if y[0] == "L" else self.partial(y, x)
        if y == x:
            return np.eye(self.variables(x).size, dtype=int)
        total = self.partial(y, x)
        symbols = {s for e in self.definition(y).flat for s in e.free_symbols if y[1] != 0}
        for v in sorted({self.owner[s] for s in symbols if s in self.owner} - {x}):
            total = total + self.partial(y, v) @ self.total(v, x)
        return total


def rows(run, name, arrays):
    """`arrays["W"]`, or for "W_i" the rows of gate i; "p_i" likewise."""
    base, _, letter = name.partition("_")
    array = arrays[base]
    if not letter:
        if base == "p":
            (array,) = array  # of several, one has to be named
        return array
    if base == "p":
        return array[run.kind.own.index(letter)]
    k = [*run.kind.gates, *(run.kind.reads if base == "R" else ())].index(letter)
    return array[k * run.H : (k + 1) * run.H]


# ---- the LaTeX ---------------------------------------------------------------------------------------------------

TOKEN = re.compile(r"\\text\{[^{}]*\}|\\[a-zA-Z]+|\\.|[0-9]+|[a-zA-Z]|\S")
SPACES = {r"\,", r"\;", r"\:", "&"}
SIZES = {r"\left", r"\right", r"\bigl", r"\bigr", r"\Bigl", r"\Bigr", r"\big", r"\Big"}
GAPS = {r"\\", r"\quad", r"\qquad"}  # what follows has to begin with a sign: it goes on with what stands before
VECTORS = set("abcefghimnoqruvxzp1")
MATRICES = set("WRIJ")


def tokens(latex):
    """The tokens of an equation that carry meaning."""
    if re.search(r"%|`|\n\s*\n", latex):
        raise Unproven("a comment, a backtick or an empty line")
    latex = re.sub(r"\\(begin|end)\{aligned\}", "", latex)
    latex = latex.replace(r"\begin{bmatrix}", r"\stack ").replace(r"\end{bmatrix}", r"\kcats ")
    stacked, gap, found = 0, None, []
    for token, after in itertools.pairwise([*TOKEN.findall(latex), ""]):
        stacked += {r"\stack": 1, r"\kcats": -1}.get(token, 0)
        if stacked and token in ("&", r"\quad", r"\qquad"):
            raise Unproven("columns in a stack")
        if token.isdigit() and found and found[-1].isdigit():
            raise Unproven(f"one number beside another: {found[-1]} {token}")
        if token in SIZES and after not in set("()[]"):
            raise Unproven(f"{token} without a bracket")
        if token in GAPS and not stacked:
            gap = token if found else None
        elif token not in SPACES | SIZES:
            if gap and token not in ("+", "-", "="):
                raise Unproven(f"{token} after {gap}: a line goes on with a sign")
            gap = None
            found.append(token)
    return found[:-1] if found[-1:] in ([","], ["."]) else found


class Jacobian(NamedTuple):
    """A square matrix. A derivative that is diagonal may stand for the plane on its diagonal: elementwise."""

    matrix: np.ndarray
    elementwise: bool = False

    def plane(self):
        if not self.elementwise:
            raise Unproven("a matrix where a plane should be")
        if any(e for (i, j), e in np.ndenumerate(self.matrix) if i != j):
            raise Unproven("a derivative of one unit with respect to another is not zero: not an elementwise product")
        return np.diag(self.matrix).reshape(-1, 1)


ENDS = (None, "+", "-", r"\odot", ">", ")", "}", "]", "=", ",", r"\\", r"\kcats")  # of a product


class Reader:
    r"""Evaluates the tokens of one side of an equation, from left to right.

    An expression is terms with + and -, a term products with ⊙, a product factors side by side. A factor is one of

        [ … > 0]: 1 where it is so, else 0
        ( … )                        a number                    \tanh, \sigma and \tanh', \sigma' of ( … ) or a letter
        \mathbf h_t, \bar{\mathbf i}_{t-1}, W_i, R, \mathbf b_o, \mathbf p_f, J_t, I; \mathbf 1, the column of B ones
        \mathrm d before a letter: the derivative of the loss that the code computes
        \mathbf v_t: 1 where the mask says that there is a step, else 0; \hat{\mathbf h}_t: what the cell proposes there
        \frac{\partial y}{\partial x}, \frac{\partial^+ y}{\partial x}, of letters or of the loss L
        \sum_{k=1}^{T}, \prod_{k=T}^{t+1} (counts down) and the product that follows
        \operatorname{diag}( … )     \underbrace{ … }_{\text{…}}     \begin{bmatrix} … \\ … \end{bmatrix}, stacked

    with ^\top or ^2 (elementwise) behind it. \begin{aligned}, & and \\ may break a line before a sign. In identities
    of numbers the letters are x and y, and there are \frac{a}{b}, a / b and e^{…}. Anything else is refused.
    """

    def __init__(self, tokens, code, run, graph, index, used):
        self.tokens, self.at, self.code, self.run, self.graph, self.index, self.used = (
            tokens, 0, code, run, graph, index, used)  # fmt: skip

    def peek(self, ahead=0):
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def take(self, expected=None):
        token = self.peek()
        if token is None or (expected and token != expected):
            raise Unproven(f"expected {expected or 'more'}, got {token} in {' '.join(self.tokens)}")
        self.at += 1
        return token

    def all(self):
        value = self.expression()
        if self.peek() is not None:
            raise Unproven(f"cannot read on at {' '.join(self.tokens[self.at :])}")
        return value

    def expression(self):
        sign = self.take() if self.peek() in ("+", "-") else "+"
        value = self.term()
        value = negative(value) if sign == "-" else value
        while self.peek() in ("+", "-"):
            sign, other = self.take(), self.term()
            value = added(value, negative(other) if sign == "-" else other, self.run.B if self.run else 1)
        return value

    def term(self):
        value = self.product()
        while self.peek() == r"\odot":
            self.take()
            if self.run is None:
                raise Unproven("elementwise, of numbers")
            value = operator.mul(*fitting(value, self.product(), self.run.B))
        return value

    def product(self):
        value = self.factor()
        while (token := self.peek()) not in ENDS:
            if token == "/":
                self.take()
                value = value / self.factor()
                if self.run or self.peek() not in ENDS:
                    raise Unproven("a quotient: write a fraction")
            else:
                if token == r"\cdot":
                    self.take()
                    if self.run:
                        raise Unproven("a dot between arrays")
                value = multiplied(value, self.factor())
        return value

    def group(self):
        """What stands between braces, or one token."""
        if self.peek() != "{":
            return [self.take()]
        depth, start = 0, self.at
        while True:
            depth += {"{": 1, "}": -1}.get(self.take(), 0)
            if not depth:
                return self.tokens[start + 1 : self.at - 1]

    def inner(self, tokens, **index):
        return Reader(tokens, self.code, self.run, self.graph, {**self.index, **index}, self.used)

    def factor(self):
        token = self.peek()
        if token in ("(", "["):
            self.take()
            value = self.expression()
            if token == "[" and self.run and self.peek() == ">":
                self.take(), self.take("0")
                value = self.run.positive(plane(value))
            self.take({"(": ")", "[": "]"}[token])
        elif token == "{":
            raise Unproven("braces are not seen: write parentheses")
        elif token.isdigit():
            value = sympy.Integer(self.take()) if self.run is None else int(self.take())
        elif token in (r"\sigma", r"\tanh"):
            return self.function(self.take())
        elif token == r"\frac":
            value = self.fraction()
        elif token in (r"\sum", r"\prod"):
            return self.many(self.take())
        elif token == r"\operatorname":
            self.take()
            if self.group() != list("diag"):
                raise Unproven("an operator that is not diag")
            self.take("(")
            column = plane(self.expression())
            if is_number(column) or column.shape[1] != 1:
                raise Unproven("diag of what is no column")
            value = Jacobian(np.diagflat(column))
            self.take(")")
        elif token == r"\stack":
            self.take()
            parts = [plane(self.expression())]
            while self.peek() == r"\\":
                self.take()
                parts.append(plane(self.expression()))
            self.take(r"\kcats")
            value = np.concatenate(parts)
        elif token == r"\underbrace":
            self.take()
            value = self.inner(self.group()).all()
            if self.peek() == "_":
                self.take()
                if not self.group()[0].startswith(r"\text{"):
                    raise Unproven("a brace whose label is no text")
        elif token == "e" and self.run is None and self.peek(1) == "^":
            self.take(), self.take()
            return sympy.exp(self.inner(self.group()).all())
        else:
            value = self.symbol()
        return self.powers(value)

    def powers(self, value):
        while self.peek() == "^":
            self.take()
            power = self.group()
            if power == [r"\top"]:
                value = value._replace(matrix=value.matrix.T) if isinstance(value, Jacobian) else value.T
            elif len(power) == 1 and power[0].isdigit():
                value = plane(value)
                if self.run and not is_number(value) and value.shape[1] not in (1, self.run.B):
                    raise Unproven("a power of a matrix")
                value = value ** int(power[0])  # elementwise
            else:
                raise Unproven(f"a power {' '.join(power)}")
        return value

    def function(self, name):
        derived, power = False, 1
        if self.peek() == "'":
            self.take()
            derived = True
        if self.peek() == "^":
            self.take()
            (power,) = map(int, self.group())
        if bracketed := self.peek() == "(":
            self.take()
            x = plane(self.expression())
            self.take(")")
        else:
            x = plane(self.symbol())
        if self.peek() == "^" or not (bracketed or self.peek() in ENDS):
            raise Unproven(f"of what is this {name}? {' '.join(self.tokens)}")
        tanh = self.run.tanh if self.run else sympy.tanh
        t = tanh(x if name == r"\tanh" else x / 2)
        if name == r"\sigma":  # the shipped one is proven by eq-sigmoid
            value = (1 + t) / 2 if self.run else self.code.cells.sigmoid(x, tanh)
        else:
            value = t
        if derived:
            value = (1 - t * t) if name == r"\tanh" else (1 - t * t) / 4
        return value**power

    def many(self, name):
        """A sum or product over steps; a product whose first index is the larger one counts down."""
        self.take("_")
        variable, equals, *lower = self.group()
        if equals != "=":
            raise Unproven("a sum without an index")
        self.take("^")
        first, final = self.time(lower), self.time(self.group())
        down = name == r"\prod" and lower == ["T"]
        if (not down and "T" in lower) or (final > first + 1 if down else first > final + 1):
            raise Unproven("a sum or product whose direction is not clear")
        start = self.at
        total = None
        for k in range(first, final - 1, -1) if down else range(first, final + 1):
            self.at = start
            reader = self.inner(self.tokens, **{variable: k})
            reader.at = start
            value = reader.product()
            self.at = reader.at
            if total is None:
                total = value
            else:
                total = added(total, value, self.run.B) if name == r"\sum" else multiplied(total, value)
        if total is None:  # nothing to add or multiply
            reader = self.inner(self.tokens, **{variable: 1})
            reader.at = start
            reader.product()
            self.at = reader.at
            total = 0 if name == r"\sum" else Jacobian(np.eye(self.run.H, dtype=int))
        if self.peek() == r"\odot":
            raise Unproven("how far does a sum or product reach? write parentheses")
        return total

    def time(self, tokens):
        """An index such as t-1: a number."""
        known = {"T": T, **self.index}
        start, *rest = tokens
        if not (start.isdigit() or start in known) or (rest and not (rest[0] in "+-" and rest[1:] == ["1"])):
            raise Unproven(f"an index {' '.join(tokens)}")
        value = int(start) if start.isdigit() else known[start]
        return value + {"+": 1, "-": -1}[rest[0]] if rest else value

    def name(self):
        """A letter with its accents and its subscript: name in code, and step or None."""
        token = self.take()
        if token == r"\mathrm":
            if self.group() != ["d"]:
                raise Unproven("an upright letter that is not d")
            name, t = self.name()
            if name.startswith("d"):
                raise Unproven("a derivative of a derivative")
            return "d" + name, t
        if token in (r"\bar", r"\hat"):
            inside = self.inner(self.group())
            name, t = inside.name()
            if inside.peek() is not None or name not in VECTORS | MATRICES:
                raise Unproven(f"a {token[1:]} over more than a letter")
            return self.subscript(f"{name}_{token[1:]}", t)
        if bold := token == r"\mathbf":
            (token,) = self.group()
        token = {r"\imath": "i"}.get(token, token)
        if token not in (VECTORS if bold else MATRICES):
            raise Unproven(f"unknown symbol {token}")
        return self.subscript(token, None)

    def subscript(self, name, t):
        if self.peek() != "_":
            return name, t
        self.take()
        parts = self.group()
        kind, (base, *accent) = self.run.kind if self.run else Kind("", ""), name.split("_")
        if base == "R" and "".join(parts) in kind.reads:
            parts = ["".join(parts)]
        is_gate = parts[0] in [*kind.gates, *kind.reads] and parts[0] not in self.index
        if is_gate and (not parts[0].isdigit() or base in "WRbp" or parts[1:2] == [","]):
            name, parts = "_".join([base, parts[0], *accent]), parts[1:]
            if parts and parts.pop(0) != ",":
                raise Unproven(f"a subscript {name} {' '.join(parts)}")
        return name, self.time(parts) if parts else t

    def symbol(self):
        if self.run is None:
            if self.peek() not in ("x", "y"):
                raise Unproven(f"unknown symbol {self.peek()}: x and y are numbers")
            return sympy.Symbol(self.take(), real=True)
        name, t = self.name()
        if name in ("1", "I") and t is not None:
            raise Unproven(f"an index at {name}")
        if name == "1":
            return np.ones((self.run.B, 1), int)
        if name == "I":
            return Jacobian(np.eye(self.run.H, dtype=int))
        if name == "J":
            if self.run.kind.cell != "RNN":
                raise Unproven("J is the RNN's")
            self.used.add("h")
            return Jacobian(self.graph().partial(("h", t), ("h", t - 1)))
        arrays = {"": self.run.P, "d": self.run.grads}["d" * name.startswith("d")]
        base = name.removeprefix("d").partition("_")[0]
        if name.startswith("d") or base not in "xWRbpv":
            self.used.add(name)
        if t is None and base in arrays:
            return rows(self.run, name.removeprefix("d"), arrays)
        if t is None:
            raise Unproven(f"{name} has no index")
        if name not in {known for known, _ in self.run.values}:
            raise Unproven(f"the code has no {name}")
        if not 0 <= t <= T + 1:
            raise Unproven(f"an index {t}")
        key = name, t
        return self.run.values[key] if key in self.run.values else self.run.outside(*key)

    def fraction(self):
        self.take()
        above, below = self.group(), self.group()
        if above[0] != r"\partial":
            if self.run:
                raise Unproven("a fraction that is no derivative")
            return self.inner(above).all() / self.inner(below).all()
        plus = next((p for p in (["^", "+"], ["^", "{", "+", "}"]) if above[1 : 1 + len(p)] == p), [])
        immediate = bool(plus)
        y = self.variable(above[1 + len(plus) :])
        if below[0] != r"\partial":
            raise Unproven("a derivative with respect to nothing")
        x = self.variable(below[1:])
        if immediate and x == y:
            raise Unproven("the immediate derivative of a variable by itself")
        if immediate and y[0] == "L":
            return self.run.values.get(("+" + x[0], x[1]), self.run.outside("+" + x[0], x[1]))
        bars = any("_bar" in key[0] for key in (x, y))
        found = self.graph(bars)
        value = found.partial(y, x) if immediate else found.total(y, x)
        self.used.add(y[0])
        if y[0] == "L":
            return value.reshape(found.variables(x).shape)
        return Jacobian(value, elementwise=True)

    def variable(self, tokens):
        if tokens == ["L"]:
            return "L", None
        reader = self.inner(tokens)
        key = reader.name()
        if reader.peek() is not None:
            raise Unproven(f"a derivative of {' '.join(tokens)}")
        return key


def plane(value):
    return value.plane() if isinstance(value, Jacobian) else value


def matrix(value):
    return value.matrix if isinstance(value, Jacobian) else value


def negative(value):
    return value._replace(matrix=-value.matrix) if isinstance(value, Jacobian) else -value


def is_number(value):
    return not isinstance(value, (np.ndarray, Jacobian))


def fitting(a, b, B):
    """Two planes that may be added or multiplied elementwise: of one shape, or one is a number or a column."""
    a, b = plane(a), plane(b)
    for one, other in ((a, b), (b, a)):
        if is_number(one) and (is_number(other) or other.shape[1] in (1, B)):
            return a, b
        if not is_number(one) and not is_number(other) and one.shape == (len(other), 1) and other.shape[1] in (1, B):
            return a, b
    if np.shape(a) != np.shape(b):
        raise Unproven(f"the shapes differ: {np.shape(a)} and {np.shape(b)}")
    return a, b


def added(a, b, B=1):
    if np.shape(matrix(a)) == np.shape(matrix(b)) and (isinstance(a, Jacobian) or isinstance(b, Jacobian)):
        return Jacobian(matrix(a) + matrix(b), all(getattr(v, "elementwise", False) for v in (a, b)))
    return operator.add(*fitting(a, b, B))


def multiplied(a, b):
    A, B = matrix(a), matrix(b)
    product = A * B if is_number(A) or is_number(B) else A @ B
    jacobians = [v for v in (a, b) if isinstance(v, Jacobian)]
    square = isinstance(product, np.ndarray) and product.ndim == 2 and product.shape[0] == product.shape[1] > 1
    others = [v for v in (a, b) if not isinstance(v, Jacobian) and not is_number(v)]
    elementwise = not others and all(v.elementwise for v in jacobians)
    return Jacobian(product, elementwise) if jacobians and (square or not others) else product


# ---- the proof ----------------------------------------------------------------------------------------------------


def sides(latex):
    """The members of an equation a = b = …, as lists of tokens."""
    members, depth = [[]], 0
    for token in tokens(latex):
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(token, 0)
        if token == "=" and depth == 0:
            members.append([])
        else:
            members[-1].append(token)
    if len(members) < 2 or not all(members):
        raise Unproven("not an equation")
    return members


SIZE = [(4, 2, 3), (3, 2, 1), (1, 1, 1)]  # D, H, B: all different; one example; one unit
SAYS = ["", ", one example", ", one unit"]
# A step 2, 3: of T = 3 steps. Not the gate of W_3 or of n_{3,t}.
ABSOLUTE = re.compile(r"(?<![WRbp])(?<![bp] \}) _ (\{ )?[2-9](?! ,)|\\(sum|prod) _ \{[^{}]*\} \^ (\{ )?[2-9]")


def size(member, kind):
    """Which of SIZE: Jacobians are of one example, derivatives of a vector by a parameter of one unit.

    And so are derivatives of the loss along all paths of an LSTM: for more units they take too long.
    """
    text = re.sub(r"\\frac \{ \\partial \^ (\+|\{ \+ \}) L \} \{[^{}]*\}", "", " ".join(member))
    by_parameter = re.search(r"\\partial( [^L]|\^)[^/]*?\} \{ \\partial (W|R|\\mathbf (\{ )?[bp]\b)", text)
    slow = r"\partial L" in text and KINDS[kind].states != "h"
    return 2 if by_parameter or slow else 1 if re.search(r"\\partial|\bJ\b|diag|d i a g", text) else 0


SHIPPED = Code()


def prove(label, latex, code=SHIPPED, only=None):
    """Raise `Unproven` unless the equation is what the code computes, at every step t, for each of its `kinds`.

    only: leave out all other kinds
    Returns the names of those variables of the code that the left side speaks of.
    """
    members = sides(latex)
    try:
        each = [kind for kind in kinds(label) if only is None or kind in only]
        used = [_prove(members, kind, code) if kind else _prove_identity(members, code) for kind in each]
        return used[0]
    except Unproven as error:
        raise Unproven(f"eq-{label}: {error}") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Unproven(f"eq-{label}: does not make sense: {type(error).__name__}: {error}") from error


def _prove(members, kind, code):
    flat = [token for member in members for token in member]
    used = [set() for _ in members]
    sizes = [size(member, kind) for member in members]
    for level in sorted({*sizes}):  # at the size of each member: it, and all that can be had at that size
        few = [k for k, mine in enumerate(sizes) if mine <= level]
        if len(few) == 1:
            continue
        D, H, B = SIZE[level]
        run, graph = code.run(kind, "tanh", D, H, B), lambda bars=False, D=D, H=H: code.graph(kind, bars, D, H)
        for t in range(1, T + 1) if "t" in flat else [None]:
            first, *others = (Reader(members[k], code, run, graph, {"t": t}, used[k]).all() for k in few)
            shapes = {np.shape(matrix(v)) for v in others if not is_number(v) and not getattr(v, "elementwise", 0)}
            if len(shapes) > 1:
                raise Unproven(f"the shapes differ: {shapes}")
            for k, value in zip(few[1:], others):
                if not same(run, first, value):
                    raise Unproven(f"{' '.join(members[few[0]])} is not {' '.join(members[k])}, at t = {t}")
    text = " ".join(flat)
    if max(sizes) and re.search(r"\\mathbf (\{ )?1|\\mathrm (d|\{ d \}) \\mathbf (\{ )?[bp]", text):
        raise Unproven("a sum over examples beside a derivative of one example")
    if KINDS[kind].states != "h" and r"\partial L" in text and {"R", "W", r"\top", "["} & {*flat}:
        raise Unproven("takes too long for more than one unit, and for one it says too little")
    if {"t", "T"} & {*flat} and ABSOLUTE.search(text):
        raise Unproven("for any T, and yet a step with a number")
    if not set.union(*used):
        raise Unproven("says nothing of what the code computes")
    return used[0] or set.union(*used)


def same(run, a, b):
    if np.shape(matrix(a)) == np.shape(matrix(b)):
        a, b = matrix(a), matrix(b)
    a, b = plane(a), plane(b)
    if np.shape(a) != np.shape(b) and not is_number(a) and not is_number(b):
        raise Unproven(f"the shapes differ: {a.shape} and {b.shape}")
    return all(run.is_zero(e) for e in np.ravel(a - b))


def _prove_identity(members, code):
    """An identity of functions of numbers: both sides in exponentials, and the difference cancels."""
    first, *others = (Reader(member, code, None, None, {}, set()).all() for member in members)
    for value in others:
        if sympy.cancel((first - value).rewrite(sympy.exp)) != 0:
            raise Unproven(f"{first} is not {value}")
    return {"sigmoid"} & {str(t).strip("\\").replace("sigma", "sigmoid") for m in members for t in m}


# ---- the page -----------------------------------------------------------------------------------------------------

CONTENTS = re.findall(r"file: (\S+)", (ROOT / "_toc.yml").read_text())
CHAPTERS = [ROOT / f"{name}.ipynb" for name in CONTENTS if re.search(r"/derive/|/notation$", name)]
PAGE = ROOT / "chapters" / "back" / "ledger.md"
HOW = {None: "numbers", "scan": "scan, any cell", "rnn": "RNN", "lstm": "LSTM, $\\mathbf p = 0$",
       "peephole": "peephole LSTM", "gru": "GRU, reset after", "gru-before": "GRU, reset before",
       "rnn-relu": "RNN with relu", "nas": "NAS cell", "scan, masked": "scan, any cell, masked"}  # fmt: skip
HEAD = """# Equation ledger

Every displayed equation of {{doc}}`../start/notation` and of the part *Derive*: {count} of them. Each was taken out
of its chapter as it is typeset there, read by a parser, and proven on symbols to be what the shipped code computes.
{{doc}}`../start/proofs` tells how. This page is written by that proof (`make ledger`), and `make test` fails if an
equation, a line of code or this page has changed without the others.

*Code* is the line of `lstm_core` that computes the equation and says so in its comment. There is a dash where the
equation is a step on the way: it is proven all the same, but no line computes just that. *Proven for* names the cell.
A variant of the LSTM has most of its lines in common with the peephole LSTM; where they cite an equation of that cell,
it was proven for the variant as well. *Seconds* were measured when the page was written.

"""


def place(equation, lines=None):
    """The lines of code that cite the equation, as text; a dash if there are none."""
    cited = [line for line in lines or citations() if equation.label in line.labels]
    files = dict.fromkeys(line.file for line in cited)
    numbers = {file: ", ".join(str(line.number) for line in cited if line.file == file) for file in files}
    return "; ".join(f"{file}:{numbers[file]}" for file in files) or "–"


def proven_for(equation):
    """In words, the kinds of an equation, and how many examples and units it was proven for."""
    first, *others = kinds(equation.label)
    if first is None:
        return HOW[first]
    words = [HOW.get(first, first.upper()), *(kind.upper() for kind in others if KINDS[kind].mask is None)]
    how = max(size(member, first) for member in sides(equation.latex))
    three = ", three steps" if ABSOLUTE.search(" ".join(tokens(equation.latex))) else ""
    return ", ".join(words) + SAYS[how] + three


def page(prove=prove):
    """The text of the page; raises Unproven if an equation is not."""
    found, lines, parts = equations(CHAPTERS), citations(), []
    for chapter in CHAPTERS:
        mine = [equation for equation in found if equation.chapter == chapter]
        if not mine:
            continue
        rows = []
        for equation in mine:
            start = time.perf_counter()
            prove(equation.label, equation.latex)
            seconds = time.perf_counter() - start
            latex = re.sub(r"\\begin\{aligned\}|\\end\{aligned\}|&|\\\\(?!begin)(?=\s*\n)", " ", equation.latex)
            latex = " ".join(latex.split()).rstrip(".,")
            rows.append(
                f"| {{eq}}`eq-{equation.label}` `{equation.label}` | {place(equation, lines)} "
                f"| {proven_for(equation)} | {seconds:.2f} | ${latex}$ |"
            )
        title = re.search(r"^# (.*)", nbformat.read(chapter, as_version=4).cells[0].source, flags=re.MULTILINE)[1]
        parts.append(
            f"## {title}\n\nFrom {{doc}}`../{chapter.parent.name}/{chapter.stem}`.\n\n"
            "| label | code | proven for | seconds | equation |\n|---|---|---|--:|---|\n" + "\n".join(rows)
        )
    return HEAD.format(count=len(found)) + "\n\n".join(parts) + "\n"


def without_times(text):
    return re.sub(r"\| \d+\.\d\d \|", "| |", text)


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"{PAGE.relative_to(ROOT)}: {len(equations(CHAPTERS))} equations, all proven")
