"""The gradient problem that chapters and tests share: what its θ holds, and that its check can fail."""

import numpy as np
import pytest

from lstm_core import cells, gradcheck, scan
from lstm_core.arrays import views

SIZES = 4, 2, 5, 3  # T, B, D, H
CELLS = cells.RNN, cells.LSTM, cells.GRU, cells.GRU_BEFORE


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_the_errors_are_those_of_each_array(cell):
    problem = gradcheck.problem(cell, SIZES, np.random.default_rng(0))
    errors = problem.errors()
    assert errors.keys() == problem.shapes.keys() and max(errors.values()) < 1e-13


def test_the_errors_show_in_which_array_a_mistake_is():
    class Wrong:
        forward = scan.forward

        @staticmethod
        def backward(*args):
            grads, dx, dstate0 = scan.backward(*args)
            return {**grads, "R": 1.01 * grads["R"]}, dx, dstate0

    errors = gradcheck.problem(cells.LSTM, SIZES, np.random.default_rng(0), scan=Wrong).errors()
    assert {name for name, error in errors.items() if error > 1e-13} == {"R"}


def test_a_gradient_of_another_shape_is_refused():
    class Wrong:
        forward = scan.forward

        @staticmethod
        def backward(*args):
            grads, dx, dstate0 = scan.backward(*args)
            return {**grads, "R": grads["R"].T}, dx, dstate0

    problem = gradcheck.problem(cells.LSTM, SIZES, np.random.default_rng(0), scan=Wrong)
    with pytest.raises(ValueError, match=r"backward: expected shapes .*'R': \(12, 3\).*got .*'R': \(3, 12\)"):
        problem.gradient()


def test_the_parts_are_views_of_theta():
    problem = gradcheck.problem(cells.LSTM, SIZES, np.random.default_rng(0))
    P, x, state = problem.parts()
    parts = [*P.values(), x, *state]
    assert [part.shape for part in parts] == [*problem.shapes.values()]
    assert all(np.shares_memory(part, problem.theta) for part in parts)
    assert np.array_equal(np.concatenate([part.ravel() for part in parts]), problem.theta)
    P, _, _ = problem.parts(0 * problem.theta)
    assert not P["W"].any()


def test_a_problem_at_its_own_parts_is_the_same_problem():
    mask = np.random.default_rng(1).random((4, 2)) < 0.6
    problem = gradcheck.problem(cells.LSTM, SIZES, np.random.default_rng(0), mask=mask)
    P, x, state = problem.parts()
    again = gradcheck.problem_at(cells.LSTM, P, x, problem.dh, state, problem.dstate, mask=mask)
    assert again.shapes == problem.shapes and again.fixed == {}
    assert np.array_equal(again.theta, problem.theta)
    assert again.loss(again.theta) == problem.loss(problem.theta)
    assert np.array_equal(again.gradient(), problem.gradient())


def test_what_is_fixed_is_no_variable():
    problem = gradcheck.problem(cells.LSTM, SIZES, np.random.default_rng(0))
    P, x, state = problem.parts()
    whole = gradcheck.problem_at(cells.LSTM, P, x, problem.dh, state)
    part = gradcheck.problem_at(cells.LSTM, P, x, problem.dh, state, variables=["R", "c_0"])
    assert part.fixed.keys() == {"W", "b", "p", "x", "h_0"}
    assert part.loss(part.theta) == whole.loss(whole.theta)
    gradient, expected = views(part.shapes, part.gradient()), views(whole.shapes, whole.gradient())
    assert gradient.keys() == {"R", "c_0"}
    assert all(np.array_equal(gradient[name], expected[name]) for name in gradient)
    assert max(part.errors().values()) < 1e-13


def test_without_a_state_it_starts_at_zero_and_no_loss_looks_at_the_last():
    problem = gradcheck.problem(cells.LSTM, SIZES, np.random.default_rng(0))
    P, x, _ = problem.parts()
    short = gradcheck.problem_at(cells.LSTM, P, x, problem.dh, variables=P)
    h, _, cache = scan.forward(cells.LSTM, P, x)
    grads, _, _ = scan.backward(cells.LSTM, P, cache, problem.dh)
    assert short.loss(short.theta) == (problem.dh * h).sum()
    assert np.array_equal(short.gradient(), np.concatenate([d.ravel() for d in grads.values()]))


def test_a_variable_that_is_not_there_is_refused():
    problem = gradcheck.problem(cells.RNN, SIZES, np.random.default_rng(0))
    P, x, _ = problem.parts()
    with pytest.raises(ValueError, match="variables: expected some of W, R, b, x, h_0, got W, p"):
        gradcheck.problem_at(cells.RNN, P, x, problem.dh, variables=["W", "p"])
