"""Code that is spoilt on purpose: the change is made in the one place that is meant, whatever variables are called."""

import ast
import inspect
from pathlib import Path

import nbformat
import numpy as np
import pytest
import renaming

from lstm_core import cells, gradcheck, scan
from lstm_proofs.spoil import spoilt

CHAPTERS = Path(__file__).parents[2] / "chapters"


def sample(A, B):
    """A function of two statements that cite the same equation."""
    total, others = A + B, []  # made-up-sum
    others.append(total)
    total = total + A * B  # made-up-sum, made-up-product
    A = B
    return total, A


def test_an_expression_is_replaced_in_the_line_that_cites():
    assert sample(2, 3) == (11, 3)
    assert spoilt(sample, ("made-up-product", "X + Y", "X - Y"))(2, 3) == (-1, 3)
    assert spoilt(sample, ("made-up-sum", "X + Y * Z", "Z"))(2, 3) == (3, 3)
    assert sample(2, 3) == (11, 3)  # as it was


def test_a_letter_stands_for_any_expression_though_a_variable_is_called_so():
    assert spoilt(sample, ("made-up-sum", "A + B * C", "A"))(2, 3) == (5, 3)
    assert spoilt(sample, ("made-up-sum", "B * C", "B"))(2, 3) == (7, 3)


def test_statements_are_replaced():
    assert spoilt(sample, (None, "total = X", "total = X; total = 2 * total"))(2, 3) == (22, 3)
    assert spoilt(sample, ("made-up-product", "X = Y", "pass"))(2, 3) == (5, 3)
    assert spoilt(sample, (None, "X = Y + Z; V = W", "V = W; X = Y + Z"))(2, 3) == (5 + 9, 3)


def test_a_letter_that_is_repeated_is_the_same_expression():
    assert spoilt(sample, (None, "X = X + Y", "X += 2 * Y"))(2, 3) == (17, 3)
    with pytest.raises(ValueError, match="found it 0 times"):
        spoilt(sample, (None, "X = Y + X", "X = Y"))


def test_more_patterns_tell_what_more_letters_are():
    assert spoilt(sample, ("made-up-product", "X = Y", "V.append(Y)", "V.append(X)"))(2, 3) == (5, 3)
    with pytest.raises(ValueError, match=r"V stands for nothing"):
        spoilt(sample, ("made-up-product", "X = Y", "V.append(Y)"))
    with pytest.raises(ValueError, match=r"expected `X.extend\(Y\)` once in it, found it 0 times"):
        spoilt(sample, ("made-up-product", "X = Y", "V.append(Y)", "X.extend(Y)"))


def test_changes_are_made_one_after_the_other_and_names_are_added():
    first, second = ("made-up-product", "X = Y", "X = Y; X = late(X)"), ("made-up-product", "X + Y", "X * Y")
    assert spoilt(sample, first, second, late=lambda x: 10 * x)(2, 3) == (300, 3)


def test_it_sees_its_module_and_does_not_change_it():
    before = dict(vars(scan))
    wrong = spoilt(scan.backward, ("scan-dR", "X += Y", "X = Y"), _own=None)
    assert wrong.__globals__["namespace"] is scan.namespace and wrong.__globals__["backward"] is wrong
    assert vars(scan) == before


@pytest.mark.parametrize("change, message", [
    (("made-up-difference", "A + B", "A"), "in a statement that cites made-up-difference, found it 0 times$"),
    (("made-up-sum", "X - Y", "X"), "sample: expected `X - Y` once in a statement that cites made-up-sum, found"),
    (("made-up-sum", "X + Y", "X"), r"found it 2 times; `A \+ B`; `total \+ A \* B`$"),
    ((None, "X = Y", "pass"), "found it 3 times; "),
    ((None, "total", "1"), "found it 5 times; "),
    (("made-up-product", "X + Y", "X = Y"), "sample: expected an expression in the place of an expression"),
    (("made-up-product", "X = Y", ""), "expected code, got ''"),
])  # fmt: skip
def test_what_is_not_there_exactly_once_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        spoilt(sample, change)


# ---- with every local variable renamed -------------------------------------------------------------------------------


def mistakes():
    """What chapters do to the scan, name -> change: the table in its own chapter, and what other calls spell out."""
    found = {}
    for path in sorted(CHAPTERS.rglob("*.ipynb")):
        code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        for node in [node for source in code if "spoilt" in source for node in ast.walk(ast.parse(source))]:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MISTAKES" and path.stem == "scan":
                found |= ast.literal_eval(node.value)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "spoilt":
                function, *changes = node.args
                if ast.unparse(function) == "scan.backward" and all(isinstance(c, ast.Tuple) for c in changes):
                    for change in map(ast.literal_eval, changes):
                        found[f"{path.stem}: {change[2]}"] = change
    return found


MISTAKES = mistakes()


def test_the_chapters_mistakes_are_all_found():
    assert len(MISTAKES) >= 11
    assert {"R not transposed", "stages in the wrong order", "scan: A + dh[C] * dh[C]"} <= MISTAKES.keys()


def one_by_one(T):
    """Each step a chunk of its own, as in the chapter."""
    for t in reversed(range(T)):
        yield t, 0, 1


@pytest.fixture(scope="module")
def renamed(tmp_path_factory):
    return renaming.renamed(scan, ["forward", "backward"], tmp_path_factory.mktemp("renamed"))


def test_renaming_leaves_no_local_name_and_changes_nothing(renamed):
    for function in (scan.forward, scan.backward):
        other = getattr(renamed, function.__name__)
        given, expected = (inspect.signature(f).parameters.values() for f in (other, function))
        assert [(p.name, p.default) for p in given] == [(p.name, p.default) for p in expected]
        local = {*function.__code__.co_varnames} - {*inspect.signature(function).parameters}
        assert local and not local & {*other.__code__.co_varnames}
    mask = np.random.default_rng(1).random((4, 2)) < 0.6
    for cell in (cells.LSTM, cells.GRU_BEFORE):
        ours, theirs = (
            gradcheck.problem(cell, (4, 2, 5, 3), np.random.default_rng(0), mask=mask, scan=module)
            for module in (scan, renamed)
        )
        assert ours.loss(ours.theta) == theirs.loss(theirs.theta)
        assert np.array_equal(ours.gradient(), theirs.gradient())


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_of_the_chapter_is_the_same_mistake_with_other_names(name, renamed):
    buffers = {}  # for the buffers that are used again: wrong from the second call on
    names = {"buffer": lambda name, array: buffers.setdefault(name, 0 * array), "countdown": one_by_one}
    wrong = [spoilt(module.backward, MISTAKES[name], **names) for module in (scan, renamed)]
    different = False
    for cell in (cells.RNN, cells.LSTM, cells.GRU, cells.GRU_BEFORE):
        problem = gradcheck.problem(cell, (4, 2, 5, 3), np.random.default_rng(0))
        P, _, _, cache = problem.run(problem.theta)
        results = []
        for backward in wrong:
            buffers.clear()
            for _ in range(2):
                result = outcome(backward, cell, P, cache, problem.dh, problem.dstate)
            results.append(result)
        right = outcome(scan.backward, cell, P, cache, problem.dh, problem.dstate)
        assert same(*results)
        different = different or not same(results[0], right)
    assert different


def outcome(backward, *args):
    """All that `backward` returns, or the message of its error."""
    try:
        grads, dx, dstate0 = backward(*args)
    except ValueError as error:
        return str(error)
    return [*grads.values(), dx, *dstate0]


def same(one, two):
    if isinstance(one, str) or isinstance(two, str):
        return type(one) is type(two) and one == two
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
