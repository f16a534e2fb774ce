"""A student's code is proven right, or refuted in words: which derivative, with which numbers. No code stops it."""

import math
import re

import numpy as np
import pytest
import sympy

from lstm_core import cells, scan
from lstm_core.cells import Cell, Stage
from lstm_core.variants import RNN_RELU
from lstm_proofs import PROBE, grade, grade_scan
from lstm_proofs.spoil import spoilt

FOUR = [cells.RNN, RNN_RELU, cells.LSTM, cells.GRU]


def step(a, u, s, p, tanh):
    h = tanh(a[0] + u[0])
    return (h,), h


def back(ds, kept, p):
    d = ds[0] * (1 - kept * kept)
    return (d,), (d,), (0,), ()


@pytest.mark.parametrize("cell", FOUR, ids=lambda cell: cell.name)
def test_what_ships_is_right(cell, shown):
    (stage,) = cell.stages
    verdict = grade(stage.step, stage.back, cell)
    assert verdict and verdict.right and "Right, for all numbers" in str(verdict)
    shown(f"grade  {cell.name}: {verdict}")


def test_code_of_another_form_is_right():
    def other(a, u, s, p, tanh):
        a, u, p = np.asarray(a), np.asarray(u), np.asarray(p)
        bar = [a[k] + u[k] for k in range(4)]
        sigma = lambda z: 0.5 * (tanh(0.5 * z) + 1)
        i, f, g = sigma(bar[0] + p[0] * s[1]), sigma(bar[2] + s[1] * p[2]), tanh(bar[3])
        c = s[1] * f + g * i
        o = sigma(bar[1] + p[1] * c)
        return [tanh(c) * o, c], cells.LSTMKept(i, o, f, g, s[1], c, tanh(c))

    assert grade(other, cells.lstm_back, cells.LSTM)
    assert grade(step, back, Cell("mine", [Stage("h", step, back)]))


def changed(*change):
    return spoilt(cells.lstm_back, change)


@pytest.mark.parametrize("wrong, says", [
    (changed("lstm-dg", "1 - A", "1 + A"), "da[3], the derivative with respect to a_g. With dc = 1, a_g = 1, and"),
    (changed("lstm-dc", "dc * A + B + C", "B + C"), "ds[1], the derivative with respect to c of step t-1. With dc = 1,"
                                                   " and 0 for all else,\nexpected 0.5, found 0."),
    (changed("lstm-dc", "dc + A + B", "dc + A"), "p_o = 1"),
    (changed("peephole-dp-o", "do_bar * c", "do_bar * c_prev"), "dp[1], the derivative with respect to p_o. With"),
], ids=["sign", "carry", "peephole", "old c"])  # fmt: skip
def test_a_mistake_is_told_with_few_numbers(wrong, says):
    verdict = grade(cells.lstm_step, wrong, cells.LSTM)
    assert not verdict and says in verdict.words
    assert verdict.words.count(" = ") <= 4


def test_the_numbers_are_the_codes():
    """What is expected and found is what the two give there, in NumPy."""
    wrong = lambda ds, kept, p: (back(ds, kept, p)[0], back(ds, kept, p)[1], (ds[0],), ())
    assert str(grade(step, wrong, cells.RNN)) == (
        "Wrong: ds[0], the derivative with respect to h of step t-1. With dh = 1, and 0 for all else,\n"
        "expected 0, found 1."
    )
    wrong = lambda ds, kept, p: ((ds[0] * (1 - kept),), *back(ds, kept, p)[1:])
    words = grade(step, wrong, cells.RNN).words
    assert "With dh = 1, a_h = 1, and 0" in words
    expected, found = map(float, re.findall(r"(?:expected|found) (-?[\d.]+\d)", words))
    h = math.tanh(1)
    assert (expected, found) == (round(1 - h * h, 3), round(1 - h, 3))


def stops(*_):
    return 1 / 0


def leaves(*_):
    raise SystemExit(3)


def deep(*args):
    return deep(*args)


def branches(a, u, s, p, tanh):
    return ((a[0] if a[0][0, 0] > 0 else u[0]),), ()


def foreign(a, u, s, p, tanh):
    return (np.tanh(a[0] + u[0]),), ()


class Odd:
    def __call__(self, *_):
        raise TypeError

    def __repr__(self):
        raise RuntimeError("no words for it")


@pytest.mark.parametrize("wrong, says", [
    (None, "step should be a function"), (3, "should be a function; got 3"), ("step", "should be a function"),
    (stops, "step stopped at `return 1 / 0` with ZeroDivisionError"), (leaves, "SystemExit: 3"),
    (deep, "RecursionError"), (branches, "runs on symbols"), (foreign, "runs on symbols: only + - * /"),
    (Odd(), "step stopped with TypeError"), (lambda: 0, "takes 0 positional arguments"),
    (lambda *_: None, "should return 2 things, s', kept; got None"), (lambda *_: (1, 2, 3), "got 3 things"),
    (lambda *_: (1, 2), "expected a tuple with 1 (h of step t), got 1"),
    (lambda *_: ((1, 2), ()), "expected a tuple with 1 (h of step t), got 2"),
    (lambda *_: (("h",), ()), "expected numbers of shape (2, 3)"), (lambda *_: ((None,), ()), "expected numbers"),
    (lambda *_: (({},), ()), "expected numbers"), (lambda *_: ((Odd(),), ()), "step"),
    (lambda *_: ((np.nan,), ()), "expected numbers"), (lambda *_: ((np.inf,), ()), "got inf"),
    (lambda *_: ((2 + 1j,), ()), "got (2+1j)"), (lambda *_: ((sympy.true,), ()), "expected numbers"),
    (lambda *_: (([[1, 2], [3]],), ()), "expected"),
    (lambda *_: ((0,), ()), "than the cell rnn. With a_h = 1, and 0 for all else,\nexpected 0.762, found 0."),
    (lambda a, u, s, p, tanh: ((np.ones((3, 2)),), ()), "expected shape (2, 3), got (3, 2)"),
    (lambda a, u, s, p, tanh: ((tanh(a[0] + u[0])[:1],), ()), "expected shape (2, 3), got (1, 3)"),
    (lambda a, u, s, p, tanh: ((tanh(a[0] + u[0]).mean() + 0 * a[0],), ()), "step gives another h"),
    (lambda a, u, s, p, tanh: ((tanh(a[0] - u[0]),), ()), "With u_h = 1, and 0 for all else,\nexpected 0.762"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_a_step_that_is_none_is_told_so(wrong, says):
    verdict = grade(wrong, back, cells.RNN)
    assert not verdict and says in verdict.words


@pytest.mark.parametrize("wrong, says", [
    (None, "back should be a function"), (stops, "back stopped at"),
    (lambda ds, kept, p: ds, "should return 4 things, da, du, ds, dp; got 1"),
    (lambda ds, kept, p: (*back(ds, kept, p)[:3], (1, 2)), "back returned dp: expected a tuple with 0 (none), got 2"),
    (lambda ds, kept, p: ((), ds, (0,), ()), "back returned da: expected a tuple with 1"),
    (lambda ds, kept, p: (0, 0, 0, 0), "back returned da: expected a tuple with 1"),
    (lambda ds, kept, p: ((ds[0].T,), ds, (0,), ()), "expected shape (2, 3), got (3, 2)"),
    (lambda ds, kept, p: ((ds[0].sum(axis=1),), ds, (0,), ()), "expected shape (2, 3), got (2,)"),
    (lambda ds, kept, p: (back(ds, kept, p)[0], (0,), (0,), ()), "du[0]"),
    (lambda ds, kept, p: (back((ds[0].sum(axis=1, keepdims=True) / 3 + 0 * ds[0],), kept, p)), "da[0]"),
    (lambda ds, kept, p: back((ds[0][:, ::-1],), kept[:, ::-1], p), "da[0]"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_a_back_that_is_none_is_told_so(wrong, says):
    verdict = grade(step, wrong, cells.RNN)
    assert not verdict and says in verdict.words


def test_what_cannot_be_proven_is_not_called_wrong():
    def doubled(a, u, s, p, tanh):  # tanh 2x by tanh x
        h = tanh((a[0] + u[0]) / 2)
        return (2 * h / (1 + h * h),), h

    assert "may be right, but it is written in a way that cannot be proven" in grade(doubled, back, cells.RNN).words


def test_a_code_that_writes_into_what_it_is_given_gets_a_copy():
    def writes(a, u, s, p, tanh):
        a += u
        u *= 0
        return (tanh(a[0]),), tanh(a[0])

    assert grade(writes, back, cells.RNN)


def test_without_peepholes():
    plain = lambda ds, kept, p: (*cells.lstm_back(ds, kept, (0, 0, 0))[:3], ())
    assert grade(cells.lstm_step, plain, cells.LSTM, own=False)
    assert not grade(cells.lstm_step, plain, cells.LSTM)


@pytest.mark.parametrize("like, own, error", [(cells.GRU_BEFORE, True, ValueError), ("lstm", True, TypeError),
                                              (cells.RNN, 1, TypeError)])  # fmt: skip
def test_what_is_asked_wrongly_is_an_error(like, own, error):
    with pytest.raises(error):
        grade(step, back, like, own)


# ---- a scan -------------------------------------------------------------------------------------------------------


def forward(cell, P, x, state):
    """A scan such as a student writes, of one stage."""
    planes = lambda z: z.reshape(-1, *state[0].shape)
    p, s, h, steps = P.get("p", (0,) * len(cell.own)), state, [], []
    for x_t in x:
        a, u = P["W"] @ x_t + P["b"], P["R"] @ s[0]
        before, (s, kept) = s[0], cell.stages[0].step(planes(a), planes(u), s, p, np.frompyfunc(sympy.tanh, 1, 1))
        h.append(s[0])
        steps.append((x_t, before, kept))
    return np.stack(h), s, steps


def backward(cell, P, cache, dh, dstate, first=0, carry=1, late=0):
    p, ds = P.get("p", (0,) * len(cell.own)), dstate
    grads, dx = {name: 0 * v for name, v in P.items()}, []
    for t in reversed(range(first, len(cache))):
        x_t, before, kept = cache[t]
        da, du, ds, dp = cell.stages[0].back((ds[0] + dh[t], *ds[1:]), kept, p)
        da, du = np.concatenate(da), np.concatenate(du)
        grads["W"] += da @ x_t.T
        grads["R"] += du @ before.T
        grads["b"] += int(t >= late) * da.sum(axis=1, keepdims=True)
        for total, d in zip(grads.get("p", ()), dp):
            total += d.sum(axis=1, keepdims=True)
        dx.insert(0, P["W"].T @ da)
        ds = (carry * (P["R"].T @ du) + ds[0], *ds[1:])
    return grads, np.stack(dx), ds


def test_scans_that_are_right():
    for cell in (cells.RNN, PROBE):
        assert grade_scan(scan.forward, scan.backward, cell)
    verdict = grade_scan(forward, backward, cells.RNN)
    assert verdict and re.search(r"up to 3 steps \(\d+ derivatives", verdict.words)


def handed_on_once(cell, P, cache, dh, dstate):
    """Right for two steps, wrong for three: what arrives at a step is not handed on."""
    grads, dx, ds = backward(cell, P, cache, dh, dstate)
    if len(cache) == 3:
        other = dh.copy()
        other[2] = 0
        grads["b"] = backward(cell, P, cache, other, tuple(0 * d for d in dstate))[0]["b"]
    return grads, dx, ds


@pytest.mark.parametrize("wrong, says", [
    (lambda *a: backward(*a, carry=0), "T = 1, D = 1, H = 1, B = 1: dh_0, the derivative with respect to h_0. With"),
    (lambda *a: backward(*a, carry=-1), "T = 1, D = 1, H = 1, B = 1: dh_0"),
    (lambda *a: backward(*a, late=1), "T = 1, D = 1, H = 1, B = 1: db"),
    (handed_on_once, "T = 3, D = 1, H = 1, B = 1: db"),
    (lambda *a: backward(*a, first=1), "backward stopped at"),  # at T = 1 there is no step left
    (lambda *a: (*backward(*a)[:2], ()), "backward returned dstate0: expected a tuple with 1 (h), got 0"),
    (lambda *a: ({}, *backward(*a)[1:]), "grads as a dict with W, R, b; got {}"),
    (lambda *a: (None, *backward(*a)[1:]), "grads as a dict with W, R, b; got None"),
    (lambda *a: ({k: v for k, v in backward(*a)[0].items() if k != "R"}, *backward(*a)[1:]), "grads as a dict"),
    (lambda *a: ({**backward(*a)[0], "R": [0, 1, 2]}, *backward(*a)[1:]), "dR: expected shape (1, 1), got (3,)"),
    (lambda *a: None, "should return 3 things, grads, dx, dstate0; got None"), (7, "backward should be a function"),
    (lambda *a: ({k: v.mean() + 0 * v for k, v in backward(*a)[0].items()}, *backward(*a)[1:]), "T = 2, D = 1"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_a_backward_that_is_wrong_is_told_so(wrong, says):
    verdict = grade_scan(forward, wrong, cells.RNN)
    assert not verdict and says in verdict.words


@pytest.mark.parametrize("wrong, says", [
    (lambda *a: (0, *forward(*a)[1:]), "T = 1, D = 1, H = 1, B = 1: h of forward"),
    (lambda *a: (forward(*a)[0][::-1], *forward(*a)[1:]), "T = 2, D = 1, H = 1, B = 1: h of forward"),
    (lambda *a: (forward(*a)[0], a[3], None), "h of the final state"), (stops, "forward stopped"),
    (lambda *a: (np.zeros((5, 1, 1)), *forward(*a)[1:]), "forward returned h: expected shape (1, 1, 1), got (5, 1, 1)"),
    (lambda *a: "hello", "forward should return 3 things"), (None, "forward should be a function"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_a_forward_that_is_wrong_is_told_so(wrong, says):
    verdict = grade_scan(wrong, backward, cells.RNN)
    assert not verdict and says in verdict.words


def test_in_the_probe_nothing_hides():
    wrong = spoilt(scan.backward, ("scan-dp", "A += B", "A[...] = B"))
    assert "T = 1, D = 1, H = 1, B = 1: dp, the" in grade_scan(scan.forward, wrong).words
    wrong = spoilt(scan.backward, ("scan-dR", "A.T", "A.T[::-1, ::-1]"))
    assert not grade_scan(scan.forward, wrong)
    assert not grade_scan(forward, backward)  # it serves cells of one stage
