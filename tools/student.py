"""The student edition: python tools/student.py [folder], by default _build/student.

A copy of the book without the solutions of its exercises; its pages build, too. Beside each chapter that
has exercises lies a starter notebook, `<chapter>-exercises.ipynb`: their texts, an empty cell for each, the
imports, and a call of `grade` where code is to be judged.
"""

import re
import shutil
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
NOT_COPIED = (".*", "_build", "vendor", "__pycache__", "*.egg-info")
START, END = (re.compile(r"^(`{3,})\{solution-" + word + r"\}[^\n]*\n(?::[^\n]*\n)*\1[ \t]*$\n?", re.MULTILINE)
              for word in ("start", "end"))  # fmt: skip
BLOCK = re.compile(r"^(`{3,})\{exercise\} ?([^\n]*)\n:label: (\S+)\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
HINT = re.compile(r"\s*^(`{3,})\{hint\}\n(?::[^\n]*\n)*(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\{(?:doc|ref|eq|numref|prf:ref|cite)\}`(?:[^`<]*<)?([^`>]*)>?`")
LABEL, CITED = re.compile(r":label: (eq-[\w-]+)"), re.compile(r"\{eq\}`(eq-[\w-]+)`")
IMPORTS = """import matplotlib.pyplot as plt
import numpy as np

from lstm_core import cells, gradcheck, scan
from lstm_proofs import grade, grade_scan"""


def without_solutions(notebook):
    """The notebook without its solutions, in place. ValueError if one begins and does not end."""
    kept, inside = [], False
    for cell in notebook.cells:
        text = cell.source if cell.cell_type == "markdown" else None
        if text is not None:
            parts = []
            while text:
                fence = (END if inside else START).search(text)
                if not inside:
                    parts.append(text[: fence.start()] if fence else text)
                if not fence:
                    break
                text, inside = text[fence.end() :], not inside
            cell.source = "".join(parts).strip()
        if cell.source if text is not None else not inside:
            kept.append(cell)
    if inside:
        raise ValueError("a solution that does not end")
    notebook.cells = kept
    return notebook


def starter(notebook, name):
    """A notebook with the chapter's exercises, a cell to write into after each; None if it has none."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    exercises = list(BLOCK.finditer(text))
    if not exercises:
        return None
    new = nbformat.v4
    title = re.search(r"^# (.*)", text, re.MULTILINE)[1]
    opening = f"# Exercises: {title}\n\nThey belong to the chapter `{name}`, where the letters are explained."
    cells = [new.new_markdown_cell(opening), new.new_code_cell(IMPORTS)]
    for exercise in exercises:
        hint = HINT.match(text, exercise.end())
        more = f"\n\n<details><summary>Hint</summary>\n\n{hint[2].strip()}\n\n</details>" if hint else ""
        cells.append(new.new_markdown_cell(_plain(f"## {exercise[2].strip()}\n\n{exercise[4].strip()}{more}")))
        graded = re.search(r"`(grade\w*\([^`]*\))`", exercise[4])
        cells.append(new.new_code_cell(f"# {graded[1]}" if graded else ""))
    for k, cell in enumerate(cells):
        cell.id = f"cell-{k}"
    return new.new_notebook(cells=cells, metadata=notebook.metadata)


def _plain(text):
    """The book's links, as a notebook alone can show them: the name of what they lead to."""
    return LINK.sub(lambda link: f"*{link[1].rpartition('/')[2]}*", text)


def write(folder):
    """Write the student edition into a folder, in place of what is there. Returns how many solutions it leaves out."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    removed, labels = 0, set()
    for path in sorted(folder.glob("chapters/*/*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        removed += sum(len(START.findall(cell.source)) for cell in notebook.cells if cell.cell_type == "markdown")
        before = set(LABEL.findall(path.read_text(encoding="utf-8")))
        nbformat.write(without_solutions(notebook), path)
        labels |= before - {*LABEL.findall(path.read_text(encoding="utf-8"))}
        if exercises := starter(notebook, path.stem):
            nbformat.write(exercises, path.with_name(f"{path.stem}-exercises.ipynb"))
    for page in folder.glob("chapters/*/*.md"):  # the ledger and the map without the equations that stood in solutions
        lines = page.read_text(encoding="utf-8").splitlines(keepends=True)
        page.write_text("".join(line for line in lines if not {*CITED.findall(line)} & labels), encoding="utf-8")
    return removed


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "_build" / "student"
    if target.exists() and not (target / "_toc.yml").exists():
        sys.exit(f"{target}: expected a folder that is not there yet, or a student edition to be replaced")
    print(f"{target}: the book without its {write(target)} solutions, a starter notebook beside each chapter")
