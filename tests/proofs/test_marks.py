"""Rung 6, the rest of it: what is not proven against the code is proven by a cell of its chapter, or marked."""

import ast
import re

import nbformat
import numpy as np
import pytest

from lstm_proofs import ledger
from lstm_proofs.ledger import here

# Chapters whose equations have yet to be marked. It may only become shorter.
UNMARKED: set[str] = set()
MARKED = ledger.marked(ledger.NOTEBOOKS)
BY_CELL = [equation for equation in MARKED if equation.mark == "by-cell"]


def test_every_displayed_equation_is_proven_or_marked(shown):
    found = {chapter.stem: ledger.unsettled(chapter) for chapter in ledger.NOTEBOOKS}
    kept = {stem for stem, lines in found.items() if not lines}
    wrong = [line for stem, lines in found.items() if stem not in UNMARKED for line in lines]
    assert not wrong, "\n".join(wrong)
    assert not kept & UNMARKED, f"take out of UNMARKED: {kept & UNMARKED}"
    shown(f"rung 6  {len(kept)} of {len(found)} notebooks: every displayed equation is proven, or marked")


def test_marked_labels_are_there_once():
    labels = [equation.label for equation in [*ledger.equations(ledger.CHAPTERS), *MARKED]]
    assert len(labels) == len({*labels}) and len(BY_CELL) >= 60


@pytest.mark.parametrize("text, message", [
    ("Here is\n\n$x = 1.$\n\nso.", "as a paragraph"), ("> $x = 1$, $y = 2$", "as a paragraph"),
    ("$$\nx = 1\n$$", "without a label"), ("```{math}\nx = 1\n```", "without a label"),
    ("```{math}\n:label: eq-x\nx = 1\n```", "neither read by the ledger nor marked"),
    ("```{math}\n:label: eq-x\n:class: by-hand\nx = 1\n```", "expected one of by-cell"),
    ("```{math}\n:label: eq-x\n:class: by-cell\nx = 1\n```", "no cell calls prove_here"),
])  # fmt: skip
def test_what_is_none_of_the_four_is_found(text, message, tmp_path):
    new = nbformat.v4
    call = new.new_code_cell("ledger.prove_here('other', {})\n# prove_here('x', {})")
    nbformat.write(new.new_notebook(cells=[new.new_markdown_cell(text), call]), tmp_path / "chapter.ipynb")
    lines = ledger.unsettled(tmp_path / "chapter.ipynb")
    assert lines and all(message in line for line in lines)


def test_what_is_one_of_the_four_is_not(tmp_path):
    new = nbformat.v4
    text = "A sentence with $x$ in it.\n\n" + "\n\n".join(
        f"```{{math}}\n:label: eq-{label}\n:class: {mark}\nx = 1\n```" for label, mark in zip("abc", ledger.MARKS)
    )
    call = new.new_code_cell("from lstm_proofs.ledger import prove_here\nprove_here('a', {'x': 1})")
    nbformat.write(new.new_notebook(cells=[new.new_markdown_cell(text), call]), tmp_path / "chapter.ipynb")
    assert ledger.unsettled(tmp_path / "chapter.ipynb") == []


# ---- a cell refuses what is false --------------------------------------------------------------------------------


def corruptions(latex):
    """The LaTeX with a sign, a function, an index or a number changed, or a transpose, a d or a logarithm dropped."""
    for pattern, becomes in (
        (r"(?<!\^)\+(?!\}| O\()", "-"), (r"-", "+"), (r"\^\\top", ""), (r"\\mathrm d ?", " "), (r"\[k = q\]", "1"),
        (r"\\sigma(?!')", r"\\tanh"), (r"\\tanh(?!')", r"\\sigma"), (r"= ", "= 2 "), (r"_\{t", "_{1+t"),
        (r"e\^", "3^"), (r"y_k", "y_q"), (r"\\pi_q", r"\\pi_1"), (r"\\log(?= \\pi)", ""), (r"q_m(?= *\.)", "q_1"),
    ):  # fmt: skip
        for match in re.finditer(pattern, latex):
            yield latex[: match.start()] + match.expand(becomes) + latex[match.end() :]


def is_definition(node):
    """Whether it is an import, or a function that needs nothing to be defined."""
    if isinstance(node, ast.FunctionDef):
        return not (node.args.defaults or node.args.kw_defaults or node.decorator_list)
    return isinstance(node, ast.Import | ast.ImportFrom)


@pytest.fixture(scope="module")
def cells_run():
    """What the chapters' cells hand to `prove_here`: label -> values. No cell that trains or plots is run."""

    def run(chapter):
        handed = {}
        with pytest.MonkeyPatch.context() as patch:
            hand = lambda labels, values: handed.update({label: dict(values) for label in labels.split()})
            patch.setattr(ledger, "prove_here", hand)
            patch.chdir(chapter.parent)
            patch.syspath_prepend(chapter.parent)
            names = {}
            for cell in nbformat.read(chapter, as_version=4).cells:
                if cell.cell_type != "code" or "raise AssertionError" in cell.source:
                    continue
                code = ast.parse(cell.source.replace("plt.style.use", "str"))
                if chapter.parent.name in ("check", "run", "beyond") and "ledger" not in cell.source:
                    code.body = [node for node in code.body if is_definition(node)]
                elif ("plt." in cell.source and "import" not in cell.source) or "seed" in cell.source:
                    continue
                exec(compile(code, chapter.stem, "exec"), names)
                if {equation.label for equation in BY_CELL if equation.chapter == chapter} <= {*handed}:
                    break
        return handed

    handed = {}
    for chapter in dict.fromkeys(equation.chapter for equation in BY_CELL):
        handed |= run(chapter)
    return handed


@pytest.mark.parametrize("equation", BY_CELL, ids=lambda equation: equation.label)
def test_a_corrupted_equation_is_refused_by_its_cell(equation, cells_run, monkeypatch, shown):
    values, refused = cells_run[equation.label], 0
    ledger.prove_here(equation.label, values)
    for latex in dict.fromkeys(corruptions(equation.latex)):
        monkeypatch.setattr(here, "on_page", lambda label, latex=latex: latex)
        with pytest.raises(ledger.Unproven):
            ledger.prove_here(equation.label, values)
        refused += 1
    assert refused
    shown(f"rung 6  eq-{equation.label}: proven by its cell, {refused} corruptions of it refused")


def test_corruptions_are_many_and_of_all_chapters_that_prove_by_cell(shown):
    made = {}
    for equation in BY_CELL:
        made[equation.chapter.stem] = made.get(equation.chapter.stem, 0) + len({*corruptions(equation.latex)})
    assert sum(made.values()) >= 200 and len(made) >= 7
    shown(f"rung 6  {sum(made.values())} corruptions of {len(BY_CELL)} equations by cell, of {', '.join(made)}")


VALUES = {"x": np.array([1, 2]), "M": np.array([[1, 2], [3, 4]]), "n": 2, r"\pi": np.array([5, 6]), "q": 2, "+x/M": 7,
          "h": {0: np.array([2, 0]), 1: np.array([1, 1]), 2: np.array([3, 1])}, "δx": 8, "x_hat": 9}  # fmt: skip


@pytest.mark.parametrize("latex", [
    r"x_k = \sum_{j=1}^{n} [j = k] x_j", r"\sum_{k=1}^{n} M_{kq} = 6", r"\mathbf x^\top \mathbf x = 5", r"x_q = 2",
    r"\pi_k = x_k + 4", r"M_{k1} + 1 = M_{k2}", r"\frac{\partial^+ x}{\partial M} = 7",
    r"\langle \mathbf h_{q-1}, \mathbf x \rangle = 3", r"\delta x = 8", r"\hat{\mathbf x} = 9", r"x_{q-1} = 1",
    r"\sum_{k=1}^{n} \langle \mathbf h_{k-1}, \mathbf h_k \rangle = 6", r"\mathbf x \odot \mathbf x = 3 x - 2",
    r"\log(e^{x_k}) = x_k", r"x_k x_k = x_k^2",
])  # fmt: skip
def test_what_holds_is_accepted(latex, monkeypatch):
    monkeypatch.setattr(here, "on_page", lambda label: latex)
    ledger.prove_here("x", VALUES)


@pytest.mark.parametrize("latex, message", [
    (r"x_k = \sum_{j=1}^{n} x_j", "is not"), (r"\pi_k = x_k + 3", "is not"), (r"y = 1", "unknown symbol y"),
    (r"x_k = M_k", "shapes differ"), (r"x_3 = 1", "does not make sense"), (r"\sum_{j=0}^{n} x_j = 3", "no element 0"),
    (r"\mathrm e x = 1", "that is not d"), (r"x", "not an equation"), (r"[k = 1 = x_k", "not an|expected"),
    (r"\langle M, \mathbf x \rangle = 1", "inner product of shapes"), (r"x_{q-2} = 2", "no element"),
    (r"\langle \mathbf x, \mathbf x = 1", "not an|expected"), (r"\delta M = 8", "unknown symbol"),
    (r"\langle \mathbf h_q, \mathbf h_{q+1} \rangle = 3", "does not make sense"),
    (r"\frac{\partial x}{\partial M} = 7", "unknown symbol|does not make sense"), (r"\mathbf x = 1", "shapes differ"),
])  # fmt: skip
def test_what_does_not_is_refused_with_a_reason(latex, message, monkeypatch):
    monkeypatch.setattr(here, "on_page", lambda label: latex)
    with pytest.raises(ledger.Unproven, match=message):
        ledger.prove_here("x", VALUES)


def test_a_label_that_is_on_no_page_is_refused():
    for label in ("nowhere", "rnn-h"):  # not there; there, and without a mark
        with pytest.raises(ledger.Unproven, match="expected one equation"):
            ledger.on_page(label)
