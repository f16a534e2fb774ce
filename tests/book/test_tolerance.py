"""Outputs compared within the tolerance of a cell's metadata: what passes, what is found, and the rest is strict."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import tolerance
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted(ROOT.glob("chapters/**/*.ipynb"))
FIVE = {"relative": 0.05, "absolute": 0.01}


def same(stored, found, allowed=FIVE):
    return not tolerance.differences(stored, found, allowed)


# ---- a text ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored, found", [
    ("loss 0.2 after 500 batches", "loss 0.2199 after 476 batches"),
    ("loss 0.0 ± 0.001", "loss -0.01 ± 0.011"),
    ("  9.9 | 10.1", " 10.3 |  9.7"),  # a column moves with its numbers
    ("[ 9.9 10.1]", "[10.1  9.9]"),
    ("1,020 strings, −3.0e-2 bits", "990 strings, -2.9E-02 bits"),
    ("99.9% of them", "99.8% of them"),
    ("a\n1\n", "a\n1.0\n"),
])  # fmt: skip
def test_numbers_may_be_off_by_the_tolerance(stored, found):
    assert same(stored, found)


@pytest.mark.parametrize("stored, found", [
    ("loss 0.2", "loss 0.221"),  # 0.05 · 0.2 + 0.01 = 0.02
    ("loss 0.2", "loss 0.179"),
    ("loss 0.2", "loss -0.2"),
    ("1e-3", "1e-1"), ("5,000", "5,252"), ("loss 1.0", "loss nan"), ("loss 1.0", "loss inf"),
    ("loss 0.2", "error 0.2"),  # a word
    ("0.2 and 0.3", "0.2 and"), ("0.2 and 0.3", "0.2 and 0.3 0.3"), ("0.2 0.3", "0.2"),  # a number missing, or one more
    ("a 1\nb 2", "a 1"), ("a 1", "a 1\nb 2"), ("a 1\n\nb 2", "a 1\nb 2"),  # a line
    ("float32", "float33"), ("h_1 0.5", "h_2 0.5"), ("solved: True", "solved: False"),  # digits of a word, a word
])  # fmt: skip
def test_what_is_off_is_found(stored, found):
    assert not same(stored, found)


def test_what_is_absent_is_0():
    assert same("2.0", "2.02", {"relative": 0.01}) and not same("2.0", "2.03", {"relative": 0.01})
    assert same("0.0", "0.01", {"absolute": 0.01}) and not same("0.0", "0.01", {"relative": 0.9})
    assert same("2.0", "2", {}) and not same("2.0", "2.0001", {})


def test_times_and_bars_are_masked():
    bar = "epoch 3/3: 100%|██████████| 753/753 [01:05<00:00, 11.51batch/s, loss=1.3364]"
    assert same(bar, bar.replace("01:05", "00:59").replace("11.51", "99.9").replace("1.3364", "1.9"), {})
    assert not same(bar, bar.replace("3/3", "2/3"), {}) and not same(bar, "", {})
    for stored, found in [("took 12.3 s", "took 9 s"), ("3 ms, 0:12", "4.5 ms, 1:00:13"), ("(1.2 min)", "(40 min)")]:
        assert same(stored, found, {})
    for stored, found in [("12 s", "12 steps"), ("12 strings", "13 strings"), ("12 s", "12 ms 1"), ("3 m", "4 m")]:
        assert not same(stored, found, {})
    assert not same("12 batch/s", "13 batch/s", {})  # a speed is a number: round it, or leave it out


def test_a_message_says_where_and_how_much():
    (message,) = tolerance.differences("a\nloss 0.2", "a\nloss 0.3", FIVE)
    assert message == "line 2: 0.3 instead of 0.2, off by 0.1, allowed 0.02"


@pytest.mark.parametrize("wrong", [
    0.1, {"rel": 0.1}, {"relative": -0.1}, {"relative": 1}, {"relative": "0.1"}, {"absolute": float("inf")},
    {"absolute": float("nan")}, {"absolute": True},
])  # fmt: skip
def test_a_tolerance_that_says_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="tolerance"):
        tolerance.checked(wrong)


# ---- a notebook ------------------------------------------------------------------------------------------------------

# What is stored, the code that runs now, the tolerance or None, and whether it passes.
CELLS = {
    "within": ("loss 0.200", "print('loss 0.215')", FIVE, True),
    "value": (None, "0.215", FIVE, True),  # text/plain
    "time": ("took 3.1 s", "print('took 99 s')", {}, True),
    "strict": ("loss 0.200", "print('loss 0.200')", None, True),
    "off": ("loss 0.200", "print('loss 0.225')", FIVE, False),
    "value off": (None, "0.225", FIVE, False),
    "word": ("loss 0.200", "print('error 0.200')", FIVE, False),
    "missing": ("0.2 0.3", "print('0.2')", FIVE, False),
    "nothing": ("0.2", "pass", FIVE, False),
    "strict number": ("loss 0.200", "print('loss 0.201')", None, False),
    "strict blank": ("loss 0.200", "print('loss  0.200')", None, False),
    "strict time": ("took 3.1 s", "print('took 3.2 s')", None, False),
}


def test_nbval_sees_all_of_it(tmp_path):
    """With the settings of the chapters: one kernel, a cell for each case."""
    notebook = new_notebook()
    for k, (stored, code, allowed, _) in enumerate(CELLS.values(), 1):
        output = (new_output("stream", name="stdout", text=stored + "\n") if stored
                  else new_output("execute_result", {"text/plain": "0.2"}, execution_count=k))  # fmt: skip
        cell = new_code_cell(code, execution_count=k, outputs=[output])
        cell.metadata.update({} if allowed is None else {"tolerance": allowed})
        notebook.cells.append(cell)
    nbformat.write(notebook, tmp_path / "made_up.ipynb")
    (tmp_path / "conftest.py").write_text((ROOT / "chapters" / "conftest.py").read_text(encoding="utf-8"))
    here = {"PYTHONPATH": str(ROOT / "tests" / "helpers"), "EXECUTION_RECORD": str(tmp_path / "record.json")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-rA", "--color=no", "-c", os.devnull,
         "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        capture_output=True, text=True, env=os.environ | here,
    )  # fmt: skip
    lines = re.findall(r"^(PASSED|FAILED) \S*::Cell (\d+)", run.stdout, re.MULTILINE)
    found = {k: word == "PASSED" for word, k in lines}
    assert found == {str(k): passes for k, (*_, passes) in enumerate(CELLS.values())}, run.stdout + run.stderr
    assert "stdout, line 1: 0.225 instead of 0.2, off by 0.025, allowed 0.02" in run.stdout


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_the_tolerances_of_the_chapters(chapter):
    """Each can be read, and compares: a cell that has one has outputs, and they are not ignored."""
    for cell in nbformat.read(chapter, as_version=4).cells:
        if "tolerance" in cell.metadata:
            tolerance.checked(cell.metadata["tolerance"])
            assert cell.cell_type == "code" and cell.outputs, cell.source
            assert not {"nbval-ignore-output", "nbval-skip"} & {*cell.metadata.get("tags", ())}, cell.source
