"""Kinds of labels: which cell a label speaks of, and with which letters.

The letters are the cell's own, and so is the beginning of its labels: its name, with hyphens for blanks. Only the LSTM
has two, with and without peepholes, and the scan, which is proven with a cell of which nothing is known.
"""

from typing import NamedTuple

from lstm_core.cells import LSTM, Cell, Stage
from lstm_core.variants import CELLS


def _unknown(*given):
    """The step and back of `ANY`: nothing is known of them, so they cannot be run. `unknown` makes some that can."""
    raise NotImplementedError


# The names of its gates are no letters, so no equation can speak of them.
ANY = Cell("any", [Stage(("first gate", "second gate"), _unknown, _unknown)], states="hc", own="p")


def unknown(new):
    """A cell of which nothing is known: all that its step and back return are new symbols. new: shape -> array"""

    def step(a, u, s, p, tanh):
        planes = [new(a.shape[1:]) for _ in range(9)]
        return tuple(planes[:2]), planes[2:]

    def back(ds, planes, p):
        return tuple(planes[:2]), tuple(planes[2:4]), tuple(planes[4:6]), tuple(planes[6:])

    return ANY.altered(step=step, back=back)


class Kind(NamedTuple):
    """What labels of one kind speak of.

    with_own: whether the cell's own parameters p are there; if not, p = 0
    mask: for the scan with a mask, two of which are run: where one is True the other is False
    """

    cell: Cell
    with_own: bool = True
    mask: bool | None = None

    @property
    def gates(self):
        return self.cell.inputs

    @property
    def own(self):
        return self.cell.own if self.with_own else ()

    @property
    def reads(self):
        """The rows of R that belong to no gate alone: whose they are, and what they read; "io" for `i.o`."""
        return tuple(name.replace(".", "") for name in self.cell.recurs if name not in self.cell.inputs)


KINDS = {name.replace(" ", "-"): Kind(cell) for name, cell in CELLS.items()} | {
    "lstm": Kind(LSTM, with_own=False),
    "peephole": Kind(LSTM),
    "scan": Kind(ANY),
    "scan, masked": Kind(ANY, mask=True),
    "scan, masked the other way": Kind(ANY, mask=False),
}
MASKED = ["scan, masked", "scan, masked the other way"]


def kind_of(label: str) -> str | None:
    """The longest name of a kind that the label begins with, or None.

    >>> from lstm_proofs.ledger import kind_of
    >>> kind_of("gru-before-q"), kind_of("gru-h"), kind_of("sigmoid")
    ('gru-before', 'gru', None)
    """
    return max((name for name in KINDS if label.startswith(name + "-")), key=len, default=None)


def kinds_with(function):
    """The kinds whose cell has the function of this name as a step or a back, or as the factor of both."""
    of = {name: [f for stage in kind.cell.stages for f in (stage.step, stage.back)] for name, kind in KINDS.items()}
    return tuple(
        name
        for name, functions in of.items()
        if KINDS[name].cell is not ANY
        and (function in {f.__name__ for f in functions}
             or (function.endswith("_factor") and all(function in f.__code__.co_names for f in functions)))
    )  # fmt: skip
