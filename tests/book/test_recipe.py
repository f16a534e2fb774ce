"""A stranger adds a cell: CONTRIBUTING's three edits, carried out in a copy of the book, and the whole ladder on it.

The cell is the minimal gated unit (Zhou et al. 2016), which has two stages. Nothing but the edits is done, and nothing
else has to be: the tests, the formats and the ledger find the cell by themselves.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
PARTS = ["chapters", "figures", "lstm_core", "lstm_formats", "lstm_proofs", "tests",
         "pyproject.toml", "_toc.yml", "references.bib", "README.md"]  # fmt: skip
CODE, CHAPTER = Path("lstm_core/variants.py"), Path("chapters/derive/variants.ipynb")

# ---- the first entry: the cell, in variants.py -------------------------------------------------------------------

CELL = """
# ---- MGU, minimal gated unit (Zhou et al. 2016): gates (f, n), state (h) ------------------------------------
# One gate resets and updates. The candidate's recurrent product reads q = f * h, so there are two stages.


MGUGateKept = namedtuple("MGUGateKept", "f h_prev")


def mgu_gate_step(a, u, s, p, tanh):
    (au_f,) = a + u  # mgu-f
    (h_prev,) = s
    f = sigmoid(au_f, tanh)  # mgu-f
    q = f * h_prev  # mgu-q
    return (q, f, h_prev), MGUGateKept(f, h_prev)


def mgu_gate_back(ds, kept, p):
    (dq, df, dh_prev), (f, h_prev) = ds, kept
    df_bar = (df + dq * h_prev) * f * (1 - f)  # mgu-df: two arrows leave f
    dh_prev = dh_prev + dq * f  # mgu-dh
    return (df_bar,), (df_bar,), (dh_prev,), ()


MGUCandidateKept = namedtuple("MGUCandidateKept", "f n h_prev")


def mgu_candidate_step(a, u, s, p, tanh):
    (au_n,) = a + u  # mgu-n
    _, f, h_prev = s
    n = tanh(au_n)  # mgu-n
    h = (1 - f) * h_prev + f * n  # mgu-h
    return (h,), MGUCandidateKept(f, n, h_prev)


def mgu_candidate_back(ds, kept, p):
    (dh,), (f, n, h_prev) = ds, kept
    dn_bar = dh * f * (1 - n * n)  # mgu-dn
    df = dh * (n - h_prev)  # mgu-df
    dh_prev = dh * (1 - f)  # mgu-dh
    return (dn_bar,), (dn_bar,), (0, df, dh_prev), ()


MGU = Cell("mgu", [
    Stage("f", mgu_gate_step, mgu_gate_back, name="gate"),
    Stage("n", mgu_candidate_step, mgu_candidate_back, name="candidate"),
])  # fmt: skip

"""

# ---- the second entry: its equations, in a chapter ---------------------------------------------------------------

FORWARD = {
    "mgu-f": r"\mathbf f_t = \sigma(\bar{\mathbf f}_t) = \sigma(W_f \mathbf x_t + R_f \mathbf h_{t-1} + \mathbf b_f)",
    "mgu-q": r"\mathbf q_t = \mathbf f_t \odot \mathbf h_{t-1}",
    "mgu-n": r"\mathbf n_t = \tanh(\bar{\mathbf n}_t) = \tanh(W_n \mathbf x_t + R_n \mathbf q_t + \mathbf b_n)",
    "mgu-h": r"\mathbf h_t = (1 - \mathbf f_t) \odot \mathbf h_{t-1} + \mathbf f_t \odot \mathbf n_t",
}
BACKWARD = {
    "mgu-dn": r"\mathrm d\bar{\mathbf n}_t = \mathrm d\mathbf h_t \odot \mathbf f_t \odot (1 - \mathbf n_t^2)",
    "mgu-dq": r"\mathrm d\mathbf q_t = R_n^\top \mathrm d\bar{\mathbf n}_t",
    "mgu-df": r"\mathrm d\bar{\mathbf f}_t = \bigl(\mathrm d\mathbf h_t \odot (\mathbf n_t - \mathbf h_{t-1})"
              r" + \mathrm d\mathbf q_t \odot \mathbf h_{t-1}\bigr) \odot \mathbf f_t \odot (1 - \mathbf f_t)",
    "mgu-dh": r"\mathrm d\mathbf h_t = \frac{\partial^+ L}{\partial \mathbf h_t}"
              r" + (1 - \mathbf f_{t+1}) \odot \mathrm d\mathbf h_{t+1}"
              r" + \mathbf f_{t+1} \odot \mathrm d\mathbf q_{t+1} + R_f^\top \mathrm d\bar{\mathbf f}_{t+1}",
}  # fmt: skip


TEXTS = [
    ("### The minimal gated unit\n\nOne gate can do for two {cite}`zhou2016`: where it writes, it resets.", FORWARD),
    (r"Two arrows leave $\mathbf f_t$, into $\mathbf q_t$ and into $\mathbf h_t$.", BACKWARD),
]
EQUATIONS = FORWARD | BACKWARD


def displayed(words, equations):
    return "\n\n".join([words, *(f"```{{math}}\n:label: eq-{k}\n{latex}\n```" for k, latex in equations.items())])


# ---- the recipe --------------------------------------------------------------------------------------------------


def write_the_cell(copy):
    """Above the table of all cells: the source in a comment, step, and beneath it back; then the cell."""
    text = (copy / CODE).read_text(encoding="utf-8")
    (copy / CODE).write_text(text.replace("\nCELLS = ", f"{CELL}\nCELLS = "), encoding="utf-8")


def print_its_equations(copy):
    """At the end of the section before the exercises: two cells of text, each equation in a block with its label."""
    notebook = nbformat.read(copy / CHAPTER, as_version=4)
    k = next(k for k, cell in enumerate(notebook.cells) if cell.source.startswith("## What to take along"))
    notebook.cells[k:k] = [nbformat.v4.new_markdown_cell(displayed(*text)) for text in TEXTS]
    nbformat.write(notebook, copy / CHAPTER)


def name_it_in_cells(copy):
    text = (copy / CODE).read_text(encoding="utf-8")
    (copy / CODE).write_text(text.replace(" NAS, *", " NAS, MGU, *"), encoding="utf-8")


RECIPE = [write_the_cell, print_its_equations, name_it_in_cells]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The book with one more cell."""
    copy = tmp_path_factory.mktemp("recipe") / "book"
    copy.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", ".*", "*.egg-info")
    for part in PARTS:
        of, to = ROOT / part, copy / part
        shutil.copytree(of, to, ignore=ignore) if of.is_dir() else shutil.copy(of, to)
    before = contents(copy)
    for edit in RECIPE:
        edit(copy)
    assert {path for path, text in contents(copy).items() if text != before.get(path)} == {CODE, CHAPTER}
    return copy


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(copy, *arguments):
    """A Python process that imports the copy; its exit status and what it printed."""
    environment = os.environ | {"PYTHONPATH": f"{copy}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=copy, env=environment, text=True, encoding="utf-8", capture_output=True
    )
    return done.returncode, done.stdout + done.stderr


PYTEST = ["-m", "pytest", "-v", "-p", "no:cacheprovider"]
ROOMS = [f"tests/{room}" for room in ("proofs", "oracles", "behaviour", "formats")]
CLIMBED = [  # a part of each test's name, and how many of them the new cell must have passed
    ("test_rung_1_cell[mgu]", 1),
    ("test_rung_2_scan", 4),  # for any cell
    ("test_backward_is_the_derivative_to_rounding[mgu-False-", 6),
    ("test_backward_is_the_derivative_where_steps_are_missing[mgu-", 12),
    ("test_rung_1_the_expected_cell[mgu]", 1),
    ("test_rung_3_the_expected_cell[mgu]", 1),
    ("test_padding_does_not_leak[mgu-", 6),
    ("test_one_hidden_unit_and_one_example_stand_for_any_number[mgu, ", 2),
    ("test_every_mutant_dies[cell mgu]", 1),
    ("test_the_hunters_spare_what_ships[cell mgu]", 1),
    ("test_model_gradient_is_the_derivative_of_the_loss[cell mgu-", 2),
    ("test_a_config_makes_the_layer_again[mgu", 2),
    ("test_checkpoint.py::test_what_is_loaded_is_what_was_saved[", 4),
    ("test_xml.py::test_what_is_loaded_is_what_was_saved[", 4),
    ("test_the_equation_is_what_the_code_computes[mgu-", len(EQUATIONS)),
    ("test_every_line_that_computes_cites_its_equation[variants.py: mgu_", 11),
    ("test_every_equation_that_a_line_cites_is_tied_to_it[variants.py: mgu_", 11),
]


def test_the_new_cell_climbs_the_whole_ladder(copy, shown):
    status, printed = run(copy, *PYTEST, *ROOMS, "-k", "mgu or (rung_2_scan and not peephole)")
    assert status == 0, printed
    passed = re.findall(r"^tests/\S+\.py::.* PASSED", printed, flags=re.MULTILINE)
    for name, count in CLIMBED:
        found = [line for line in passed if name in line]
        assert len(found) == count, f"{name}: {len(found)} passed\n{printed}"
    killed = re.search(r"rung 5  cell mgu: (\d+) of \1 mutants killed", printed)[0]
    shown(f"recipe  {len(RECIPE)} edits add a cell: {len(passed)} tests of it pass; {killed}")


def test_the_tests_of_all_cells_and_chapters_still_pass(copy):
    status, printed = run(copy, *PYTEST, "-q", "tests/oracles/test_variants.py", "tests/book/test_book.py",
                          "-k", "not figure_file")  # fmt: skip
    assert status == 0, printed
    status, printed = run(copy, "-m", "ruff", "check", f"{CODE}", f"{CHAPTER}")
    assert status == 0, printed


LEDGER = """
import sys
sys.path[:0] = ["tests/proofs", "tests/helpers"]
from test_ledger import ONE_UNIT, corruptions
from lstm_core import variants
from lstm_proofs import ledger

assert variants.__file__.startswith(sys.argv[1]), variants.__file__
equations = {e.label: e.latex for e in ledger.equations(ledger.CHAPTERS) if e.label.startswith("mgu-")}
refused, one_unit = 0, ledger.Code(sizes=ONE_UNIT)
for label, latex in equations.items():
    for kind, corrupted in corruptions(label, latex):
        try:
            for code in one_unit, ledger.SHIPPED:
                ledger.prove(label, corrupted, code)
        except ledger.Unproven:
            refused += 1
        else:
            print("not refused:", label, kind, corrupted)
page = ledger.page(prove=lambda label, latex: None)
print("on the page:", [label for label in equations if f"eq-{label}" in page] == [*equations])
print("refused:", refused)
"""


def test_the_ledger_refuses_each_corruption_of_its_equations(copy, shown):
    status, printed = run(copy, "-c", LEDGER, f"{copy}")
    assert status == 0 and "not refused" not in printed and "on the page: True" in printed, printed
    refused = int(re.search(r"^refused: (\d+)$", printed, flags=re.MULTILINE)[1])
    assert refused >= 8 * len(EQUATIONS)
    shown(f"recipe  {len(EQUATIONS)} equations of the new cell, {refused} corruptions of them, all refused")


@pytest.mark.parametrize("was, becomes, says", [
    ("q = f * h_prev  # mgu-q", "q = f * h_prev", "mgu_gate_step: `q = f * h_prev` names no equation"),
    ("# mgu-dn", "# mgu-dm", "mgu_candidate_back names an equation that is in no chapter"),
])  # fmt: skip
def test_a_line_without_its_equation_is_found(copy, tmp_path, was, becomes, says):
    spoilt = tmp_path / "book"
    shutil.copytree(copy, spoilt)
    text = (spoilt / CODE).read_text(encoding="utf-8")
    assert text.count(was) == 1
    (spoilt / CODE).write_text(text.replace(was, becomes), encoding="utf-8")
    status, printed = run(spoilt, *PYTEST, "tests/proofs/test_ledger.py", "-k", "mgu and cites_its")
    assert status == 1 and says in printed and " 1 failed" in printed, printed


def test_contributing_lists_these_edits_and_no_others():
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n## A cell\n")[1].split("\n## ")[0]
    places = re.findall(r"^\d+\. (.*?)(?=^\d+\. |^$)", section, flags=re.MULTILINE | re.DOTALL)
    for place, words in zip(places, ("`lstm_core/variants.py`", "chapter", "`CELLS`"), strict=True):
        assert words in place
