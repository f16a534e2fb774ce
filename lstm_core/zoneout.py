"""Zoneout (Krueger and others, 2017): at each step some units of the state stay as they were.

In training, chance says which: z_t is 1 with probability r, else 0, for each unit, array of the state, step and example

    s_t = z_t ⊙ s_{t-1} + (1 - z_t) ⊙ ŝ_t          ŝ_t: what the cell proposes

and that is the scan with a mask, 1 - z_t, that knows units. At inference s_t is what is expected, with r in the place
of z_t: another cell, made of the first by `expected`. Both are proven as any scan and any cell are.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from . import scan
from .cells import Cell
from .checks import check_cell, check_fraction, check_kind, check_rng
from .plan import plan


def check_rates(cell: Cell, **rates: Any) -> tuple[float, ...]:
    """The rate of each array of the state of `cell`, by name; 0.0 where none is given.

    Raises ValueError unless they are numbers in [0, 1), and 0 for a name that the cell's state has not.

    >>> from lstm_core import cells
    >>> check_rates(cells.LSTM, h=0.05, c=0.5), check_rates(cells.GRU, h=0.25, c=0)
    ((0.05, 0.5), (0.25,))
    """
    check_cell(cell)
    rates = {name: check_fraction(f"zoneout_{name}", rate) for name, rate in rates.items()}
    for name, rate in rates.items():
        if rate and name not in cell.states:
            raise ValueError(f"zoneout_{name}: expected 0 for cell {cell.name}, whose state has no {name}, got {rate}")
    return tuple(rates.get(name, 0.0) for name in cell.states)


def expected(cell: Cell, rates: tuple[float, ...]) -> Cell:
    """The cell that keeps the share r of what each array s of the state was: s_t = r s_{t-1} + (1 - r) ŝ_t.

    rates: r of each of `cell.states`. If all are 0, it is `cell`; else it is called "zoneout" and as that

    >>> from lstm_core import cells
    >>> expected(cells.LSTM, (0.05, 0.5)).name
    'zoneout lstm'
    """
    check_cell(cell)
    check_kind("rates", rates, tuple, "a tuple of numbers")
    if len(rates) != len(cell.states):
        raise ValueError(f"rates: expected {len(cell.states)} for cell {cell.name}, got {len(rates)}")
    return _expected(cell, tuple(check_fraction("rates", rate) for rate in rates))


@cache  # so that layers made alike have one and the same cell
def _expected(cell, rates):
    if not any(rates):
        return cell
    last = len(cell.stages) - 1
    stages = [_zoned(stage, rates, k == 0, k == last) for k, stage in enumerate(cell.stages)]
    return replace(cell, name=f"zoneout {cell.name}", stages=tuple(stages))


def _zoned(stage, rates, is_first, is_last):
    """`stage` of such a cell: what the state was is handed over to the last stage, which mixes."""
    n = len(rates)

    def step(a, u, s, p, tanh):
        s, before = (s, s) if is_first else (s[:-n], s[-n:])
        s, kept = stage.step(a, u, s, p, tanh)
        if is_last:
            return tuple(r * old + (1 - r) * new for r, old, new in zip(rates, before, s, strict=True)), kept
        return (*s, *before), kept

    def back(ds, kept, p):
        if is_last:
            ds, dbefore = [(1 - r) * d for r, d in zip(rates, ds, strict=True)], [r * d for r, d in zip(rates, ds)]
        else:
            ds, dbefore = ds[:-n], ds[-n:]
        da, du, ds, dp = stage.back(tuple(ds), kept, p)
        if is_first:
            return da, du, tuple(d + past for d, past in zip(ds, dbefore, strict=True)), dp
        return da, du, (*ds, *dbefore), dp

    return replace(stage, step=step, back=back)


def forward(
    cell: Cell, rates: tuple[float, ...], P: dict, x: Any, state: Any, keep: bool = True, mask: Any = None,
    rng: Any = None, prepare: Callable[[Cell], Cell] = plan,
) -> tuple[Any, tuple, scan.Cache]:  # fmt: skip
    """As `scan.forward`, zoned out at these `rates`, one for each of `cell.states`.

    rng: a NumPy Generator, or what draws from one: training, in which chance says what stays; None: the `expected` cell
    prepare: makes the cell fast, `plan.plan` or `compiled.compile_cell`

    >>> P = {name: np.zeros(shape) for name, shape in scan.parameter_shapes(cells.LSTM, 2, 3).items()}
    >>> h, state, cache = zoneout.forward(cells.LSTM, (0.1, 0.5), P, np.ones((4, 2, 5)), None, rng=rng)
    >>> h.shape, cache.mask.shape  # which units move on, of h and of c
    ((4, 3, 5), (2, 4, 3, 5))
    """
    at_rest = expected(cell, rates)
    if rng is None or at_rest is cell:
        return scan.forward(prepare(at_rest), P, x, state, keep, mask)
    check_rng(getattr(rng, "rng", rng))
    xp, before = scan.check_forward(cell, P, x, state, keep, mask)
    H, B = before[0].shape
    made = rng.random((len(rates), len(x), H, B)) >= np.reshape(rates, (-1, 1, 1, 1))
    made = xp.asarray(made)
    return scan.forward(prepare(cell), P, x, state, keep, made if mask is None else made & mask[:, None])


def backward(
    cell: Cell, rates: tuple[float, ...], P: dict, cache: scan.Cache, dh: Any, dstate: Any, inputs: bool = True,
    prepare: Callable[[Cell], Cell] = plan,
) -> tuple:  # fmt: skip
    """As `scan.backward`, of a run of `forward` with the same rates.

    >>> P = {name: np.zeros(shape) for name, shape in scan.parameter_shapes(cells.RNN, 2, 3).items()}
    >>> h, _, cache = zoneout.forward(cells.RNN, (0.5,), P, np.ones((1, 2, 1)), None)  # at inference: the expected cell
    >>> grads, dx, dstate = zoneout.backward(cells.RNN, (0.5,), P, cache, np.ones_like(h), None)
    >>> grads["b"].ravel()
    array([0.5, 0.5, 0.5])
    """
    scan.check_cache(cache)
    drawn = cache.mask is not None and cache.mask.ndim == 4
    return scan.backward(prepare(cell if drawn else expected(cell, rates)), P, cache, dh, dstate, inputs)
