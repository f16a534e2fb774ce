r"""LaTeX of an equation -> trees, one for each side. What cannot be read is refused here; nothing is evaluated.

An expression is terms with + and -, a term products with ⊙, a product factors side by side. A factor is one of

    [ … > 0]: 1 where it is so, else 0
    ( … )                        a number                   \tanh, \sigma, \exp and \tanh', \sigma' of ( … ) or a letter
    \mathbf h_t, \bar{\mathbf i}_{t-1}, W_i, R, \mathbf b_o, \mathbf p_f, J_t, I; \mathbf 1, the column of B ones
    \mathrm d before a letter: the derivative of the loss that the code computes
    \mathbf v_t: 1 where the mask says that there is a step, else 0; \hat{\mathbf h}_t: what the cell proposes there
    \mathbf f without an index, of a cell in which it is the same at every step
    \frac{\partial y}{\partial x}, \frac{\partial^+ y}{\partial x}, of letters or of the loss L
    \sum_{k=1}^{T}, \prod_{k=T}^{t+1} (counts down) and the product that follows
    \frac{a}{b} and \sqrt{a} of columns, elementwise
    \operatorname{diag}( … )     \underbrace{ … }_{\text{…}}     \begin{bmatrix} … \\ … \end{bmatrix}, stacked

with ^\top or ^2 (elementwise) behind it. \begin{aligned}, & and \\ may break a line before a sign. In identities of
numbers the letters are x and y, and there are \frac{a}{b}, a / b and e^{…}. Anything else is refused.
"""

import itertools
import re
import string
from typing import Any, NamedTuple


class Unproven(AssertionError):
    """An equation that cannot be read, or is not what the code computes.

    >>> from lstm_proofs.ledger import prove
    >>> prove("sigmoid", r"\\sigma(x) = \\frac{1}{1 - e^{-x}}")
    Traceback (most recent call last):
    lstm_proofs.ledger.latex.Unproven: eq-sigmoid: tanh(x/2)/2 + 1/2 is not 1/(1 - exp(-x))
    """


# ---- trees ----------------------------------------------------------------------------------------------------------


class Index(NamedTuple):
    """A step: a number or one of the letters t, T and k (whatever a sum counts with), and what is added to it."""

    start: int | str
    shift: int = 0


class Letter(NamedTuple):
    """A variable by its name in the code, such as "c", "dh", "i_bar", "W_i", "h_hat"; or "1", "I", "J", "L"."""

    name: str
    index: Index | None = None  # type: ignore[assignment]


class Number(NamedTuple):
    value: int


class Sum(NamedTuple):
    """terms: pairs of a sign, "+" or "-", and a tree."""

    terms: tuple


class Elementwise(NamedTuple):
    factors: tuple


class Product(NamedTuple):
    """Matrices and columns side by side, or numbers."""

    factors: tuple


class Quotient(NamedTuple):
    above: tuple
    below: tuple


class Power(NamedTuple):
    """Of each element."""

    base: tuple
    exponent: int


class Transposed(NamedTuple):
    base: tuple


class Function(NamedTuple):
    r"""name: "tanh", "sigma", "exp" or "sqrt". derived: whether it is \tanh' or \sigma'."""

    name: str
    argument: tuple
    derived: bool
    power: int


class Exponential(NamedTuple):
    exponent: tuple


class Positive(NamedTuple):
    """[argument > 0]."""

    argument: tuple


class Many(NamedTuple):
    """A sum or product of body with variable = first, …, final. name: "sum" or "prod". down: whether it counts down."""

    name: str
    variable: str
    first: Index
    final: Index
    down: bool
    body: tuple


class Diagonal(NamedTuple):
    column: tuple


class Stack(NamedTuple):
    parts: tuple


class Derivative(NamedTuple):
    """∂y/∂x, or ∂⁺y/∂x if it is immediate. y: a variable, or Letter("L"), the loss."""

    y: Letter
    x: Letter
    immediate: bool


class Side(NamedTuple):
    """A member of an equation a = b = …: its tokens, as text, and its tree."""

    text: str
    tree: Any


def walk(tree):
    """The tree and all trees in it."""
    yield tree
    for part in tree:
        if isinstance(part, tuple):
            yield from walk(part)


# ---- tokens ---------------------------------------------------------------------------------------------------------

TOKEN = re.compile(r"\\text\{[^{}]*\}|\\[a-zA-Z]+|\\.|[0-9]+|[a-zA-Z]|\S")
SPACES = {r"\,", r"\;", r"\:", "&"}
SIZES = {r"\left", r"\right", r"\bigl", r"\bigr", r"\Bigl", r"\Bigr", r"\big", r"\Big"}
GAPS = {r"\\", r"\quad", r"\qquad"}  # what follows has to begin with a sign: it goes on with what stands before
VECTORS = {*string.ascii_lowercase, "1"} - {"d", "t"}  # d is a derivative's, t the time's
MATRICES = set("WRIJ")
ENDS = (None, "+", "-", r"\odot", ">", ")", "}", "]", "=", ",", r"\\", r"\kcats")  # of a product


def tokens(latex: str) -> list[str]:
    """The tokens of an equation that carry meaning.

    >>> from lstm_proofs.ledger import tokens
    >>> tokens(r"h_t = \\tanh x_t")
    ['h', '_', 't', '=', '\\\\tanh', 'x', '_', 't']
    """
    if re.search(r"%|`|\n\s*\n", latex):
        raise Unproven("a comment, a backtick or an empty line")
    latex = re.sub(r"\\(begin|end)\{aligned\}", "", latex)
    latex = latex.replace(r"\begin{bmatrix}", r"\stack ").replace(r"\end{bmatrix}", r"\kcats ")
    stacked, gap = 0, None
    found: list[str] = []
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


def sides(latex: str, kind: Any, parser: Any = None) -> list[Side]:
    """The members of an equation a = b = …, as `Side`s.

    kind:   whose `gates` and `reads` may be subscripts of their own; None: an identity of numbers
    parser: `Parser`, or a class like it

    >>> from lstm_proofs.ledger import sides
    >>> [side.text for side in sides("x = 1 + 2", None)]
    ['x', '1 + 2']
    """
    depth, parser = 0, parser or Parser
    members: list[list[str]] = [[]]
    for token in tokens(latex):
        depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(token, 0)
        if token == "=" and depth == 0:
            members.append([])
        else:
            members[-1].append(token)
    if len(members) < 2 or not all(members):
        raise Unproven("not an equation")
    return [Side(" ".join(member), parser(member, kind, ("t",)).all()) for member in members]


# ---- from tokens to a tree ------------------------------------------------------------------------------------------


class Parser:
    """Reads tokens from left to right; each method takes what it is named after, and returns its tree.

    kind: as in `sides`. steps: the letters that may stand for a step, besides T
    """

    def __init__(self, tokens, kind, steps):
        self.tokens, self.at, self.kind, self.steps = tokens, 0, kind, steps

    def peek(self, ahead=0):
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def take(self, expected=None):
        token = self.peek()
        if token is None or (expected and token != expected):
            raise Unproven(f"expected {expected or 'more'}, got {token} in {' '.join(self.tokens)}")
        self.at += 1
        return token

    def all(self):
        tree = self.expression()
        if self.peek() is not None:
            raise Unproven(f"cannot read on at {' '.join(self.tokens[self.at :])}")
        return tree

    def inside(self, tokens):
        """A parser of tokens that stood in braces."""
        return type(self)(tokens, self.kind, self.steps)

    def expression(self):
        sign = self.take() if self.peek() in ("+", "-") else "+"
        terms = [(sign, self.term())]
        while self.peek() in ("+", "-"):
            terms.append((self.take(), self.term()))
        return terms[0][1] if terms[0][0] == "+" and len(terms) == 1 else Sum(tuple(terms))

    def term(self):
        factors = [self.product()]
        while self.peek() == r"\odot":
            self.take()
            if self.kind is None:
                raise Unproven("elementwise, of numbers")
            factors.append(self.product())
        return factors[0] if len(factors) == 1 else Elementwise(tuple(factors))

    def product(self):
        factors = [self.factor()]
        while self.peek() not in ENDS:
            if self.peek() == "/":
                self.take()
                factors = [Quotient(_product(factors), self.factor())]
                if self.kind or self.peek() not in ENDS:
                    raise Unproven("a quotient: write a fraction")
            else:
                if self.peek() == r"\cdot":
                    self.take()
                    if self.kind:
                        raise Unproven("a dot between arrays")
                factors.append(self.factor())
        return _product(factors)

    def group(self):
        """The tokens between braces, or one token."""
        if self.peek() != "{":
            return [self.take()]
        depth, start = 0, self.at
        while True:
            depth += {"{": 1, "}": -1}.get(self.take(), 0)
            if not depth:
                return self.tokens[start + 1 : self.at - 1]

    def factor(self):
        token = self.peek()
        if token == "{":
            raise Unproven("braces are not seen: write parentheses")
        if token in (r"\sigma", r"\tanh") or (token == r"\exp" and self.kind):
            return self.function()
        if token == r"\sqrt" and self.kind:
            self.take()
            return self.powers(Function("sqrt", self.inside(self.group()).all(), False, 1))
        if token in (r"\sum", r"\prod"):
            return self.many()
        if token == "e" and self.kind is None and self.peek(1) == "^":
            self.take(), self.take()
            return Exponential(self.inside(self.group()).all())
        readers = {"(": self.bracket, "[": self.positive, r"\frac": self.fraction, r"\stack": self.stack,
                   r"\operatorname": self.diagonal, r"\underbrace": self.underbrace}  # fmt: skip
        if token is not None and token.isdigit():
            return self.powers(Number(int(self.take())))
        return self.powers(readers.get(token, self.letter)())

    def bracket(self):
        self.take("(")
        tree = self.expression()
        self.take(")")
        return tree

    def positive(self):
        self.take("[")
        tree = Positive(self.expression())
        self.take(">"), self.take("0"), self.take("]")
        return tree

    def diagonal(self):
        self.take(r"\operatorname")
        if self.group() != list("diag"):
            raise Unproven("an operator that is not diag")
        return Diagonal(self.bracket())

    def stack(self):
        self.take(r"\stack")
        parts = [self.expression()]
        while self.peek() == r"\\":
            self.take()
            parts.append(self.expression())
        self.take(r"\kcats")
        return Stack(tuple(parts))

    def underbrace(self):
        self.take(r"\underbrace")
        tree = self.inside(self.group()).all()
        if self.peek() == "_":
            self.take()
            if not self.group()[0].startswith(r"\text{"):
                raise Unproven("a brace whose label is no text")
        return tree

    def powers(self, tree):
        while self.peek() == "^":
            self.take()
            power = self.group()
            if power == [r"\top"]:
                tree = Transposed(tree)
            elif len(power) == 1 and power[0].isdigit():
                tree = Power(tree, int(power[0]))
            else:
                tree = self.raised(tree, power)
        return tree

    def raised(self, tree, power):
        raise Unproven(f"a power {' '.join(power)}")

    def function(self):
        name, derived, power = self.take()[1:], False, 1
        if self.peek() == "'" and name != "exp":
            self.take()
            derived = True
        if self.peek() == "^":
            self.take()
            (power,) = map(int, self.group())
        bracketed = self.peek() == "("
        argument = self.bracket() if bracketed else self.letter()
        if self.peek() == "^" or not (bracketed or self.peek() in ENDS):
            raise Unproven(f"of what is this \\{name}? {' '.join(self.tokens)}")
        return Function(name, argument, derived, power)

    def many(self):
        """A sum or product over steps; a product whose first index is T counts down."""
        name = self.take()[1:]
        self.take("_")
        variable, equals, *lower = self.group()
        if equals != "=":
            raise Unproven("a sum without an index")
        self.take("^")
        first, final, down = self.index(lower), self.index(self.group()), name == "prod" and lower == ["T"]
        if first.start == "T" and not down:
            raise Unproven("a sum or product whose direction is not clear")
        outer, self.steps = self.steps, (*self.steps, variable)
        body = self.product()
        self.steps = outer
        if self.peek() == r"\odot":
            raise Unproven("how far does a sum or product reach? write parentheses")
        return Many(name, variable, first, final, down, body)

    def index(self, tokens):
        """An index such as t-1."""
        start, *rest = tokens
        if not (start.isdigit() or start in ("T", *self.steps)) or (rest and rest not in (["+", "1"], ["-", "1"])):
            raise Unproven(f"an index {' '.join(tokens)}")
        return Index(int(start) if start.isdigit() else start, {(): 0, ("+", "1"): 1, ("-", "1"): -1}[tuple(rest)])

    def fraction(self):
        self.take(r"\frac")
        above, below = self.group(), self.group()
        if above[0] != r"\partial":
            return Quotient(self.inside(above).all(), self.inside(below).all())
        plus = next((p for p in (["^", "+"], ["^", "{", "+", "}"]) if above[1 : 1 + len(p)] == p), [])
        y = self.variable(above[1 + len(plus) :])
        if below[0] != r"\partial":
            raise Unproven("a derivative with respect to nothing")
        return Derivative(y, self.variable(below[1:]), bool(plus))

    def variable(self, tokens):
        if tokens == ["L"]:
            return Letter("L")
        parser = self.inside(tokens)
        found = parser.name()
        if parser.peek() is not None:
            raise Unproven(f"a derivative of {' '.join(tokens)}")
        return found

    def letter(self):
        if self.kind is None:
            if self.peek() not in ("x", "y"):
                raise Unproven(f"unknown symbol {self.peek()}: x and y are numbers")
            return Letter(self.take())
        found = self.name()
        if found.name in ("1", "I") and found.index:
            raise Unproven(f"an index at {found.name}")
        return found

    def name(self):
        """A letter with its accents and its subscript."""
        token = self.take()
        if token == r"\mathrm":
            if self.group() != ["d"]:
                raise Unproven("an upright letter that is not d")
            found = self.name()
            if found.name.startswith("d"):
                raise Unproven("a derivative of a derivative")
            return found._replace(name="d" + found.name)
        if token in (r"\bar", r"\hat"):
            parser = self.inside(self.group())
            name, index = parser.name()
            if parser.peek() is not None or name not in VECTORS | MATRICES:
                raise Unproven(f"a {token[1:]} over more than a letter")
            return self.subscript(f"{name}_{token[1:]}", index)
        if bold := token == r"\mathbf":
            (token,) = self.group()
        token = {r"\imath": "i"}.get(token, token)
        if token not in (VECTORS if bold else MATRICES):
            raise Unproven(f"unknown symbol {token}")
        return self.subscript(token)

    def subscript(self, name, index=None):
        """The letter called `name` so far, with the gate and the step that its subscript says."""
        if self.peek() != "_":
            return Letter(name, index)
        self.take()
        parts, (base, *accent) = self.group(), name.split("_")
        gates, reads = (self.kind.gates, self.kind.reads) if self.kind else ((), ())
        if base == "p" and self.kind:
            gates = (*gates, *self.kind.own)
        if base == "R" and "".join(parts) in reads:
            parts = ["".join(parts)]
        is_gate = parts[0] in (*gates, *reads) and parts[0] not in self.steps
        if is_gate and (not parts[0].isdigit() or base in "WRbp" or parts[1:2] == [","]):
            name, parts = "_".join([base, parts[0], *accent]), parts[1:]
            if parts and parts.pop(0) != ",":
                raise Unproven(f"a subscript {name} {' '.join(parts)}")
        return Letter(name, self.index(parts) if parts else index)


def _product(factors):
    return factors[0] if len(factors) == 1 else Product(tuple(factors))
