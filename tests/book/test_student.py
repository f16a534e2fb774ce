"""The student edition: no solution is left, and a starter notebook beside each chapter runs."""

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("student", ROOT / "tools" / "student.py")
student = importlib.util.module_from_spec(spec)
spec.loader.exec_module(student)

BOOK = sorted(ROOT.glob("chapters/*/*.ipynb"))


def read(path):
    return nbformat.read(path, as_version=4)


def text(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edition") / "book"
    return folder, student.write(folder)


def test_every_solution_is_gone(edition, shown):
    folder, removed = edition
    solutions = [label for path in BOOK for label in re.findall(r"\{solution-start\} (\S+)", text(read(path)))]
    assert removed == len(solutions) > 100
    for path in BOOK:
        left = read(folder / path.relative_to(ROOT))
        nbformat.validate(left)
        assert not re.search(r"\{solution", text(left)), path.stem
        before, after = ([cell.source for cell in notebook.cells] for notebook in (read(path), left))
        inside = False
        for source in before:  # what stood between two gates, in cells of its own, is nowhere
            inside = "{solution-start}" in source if "{solution-" in source else inside
            whole = len(source) > 60 and not re.search(r"\{(solution-|exercise|hint)", source)
            assert not inside or not whole or source not in after, f"{path.stem}: {source[:60]}"
    shown(f"student edition  {removed} solutions left out of {len(BOOK)} notebooks")


def test_what_is_no_solution_stays(edition):
    folder, _ = edition
    for path in BOOK:
        text_before, text_after = text(read(path)), text(read(folder / path.relative_to(ROOT)))
        for directive in ("exercise", "hint", "prf:theorem", "admonition"):
            assert text_before.count(f"{{{directive}}}") == text_after.count(f"{{{directive}}}"), path.stem
        assert re.findall(r"^#+ .*", text_after, re.MULTILINE)


def test_each_chapter_proves_its_own_equations_without_solutions(edition):
    """No cell of a chapter proves an equation that stood in a solution."""
    folder, _ = edition
    for path in BOOK:
        left = read(folder / path.relative_to(ROOT))
        for cell in left.cells:
            calls = cell.source if cell.cell_type == "code" and "prove_here" in cell.source else ""
            for label in re.findall(r"(?:numex|vectors|gradcheck|layers|parity|mpi|showers)-[a-z0-9A-Z-]+", calls):
                assert f":label: eq-{label}\n" in text(left), f"{path.stem}: {label}"


def test_no_page_cites_an_equation_that_is_gone(edition):
    folder, _ = edition
    pages = [text(read(path)) for path in folder.glob("chapters/*/*.ipynb")]
    pages += [path.read_text(encoding="utf-8") for path in folder.glob("chapters/*/*.md")]
    there = {label for page in pages for label in student.LABEL.findall(page)}
    assert {label for page in pages for label in student.CITED.findall(page)} <= there and len(there) > 200


def test_starter_notebooks_have_the_exercises_and_run(edition, monkeypatch):
    folder, _ = edition
    starters = sorted(folder.glob("chapters/*/*-exercises.ipynb"))
    assert len(starters) == sum("{exercise}" in text(read(path)) for path in BOOK)
    codes = set()
    for path in starters:
        notebook, chapter = read(path), read(path.with_name(path.name.replace("-exercises", "")))
        nbformat.validate(notebook)
        labels = re.findall(r"\{exercise\}[^\n]*\n:label: (\S+)", text(chapter))
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert len(code) == 1 + len(labels) and len(notebook.cells) == 2 + 2 * len(labels)
        assert "{" + "solution" not in text(notebook) and not re.search(r"\{(doc|ref|eq|cite)\}`", text(notebook))
        codes |= {cell.source for cell in code}
    monkeypatch.chdir(starters[0].parent)
    names = {}
    for source in sorted(codes, reverse=True, key=len):  # the imports first; the same in all
        exec(source, names)
    assert names["grade"] and any(source.startswith("# grade(") for source in codes)


def test_cutting():
    new = nbformat.v4
    cells = ["a\n\n```{solution-start} ex-a\n:class: dropdown\n```\n\ntold", "more", "```{solution-end}\n```\n\nb"]
    notebook = new.new_notebook(cells=[new.new_markdown_cell(cell) for cell in cells])
    notebook.cells.insert(2, new.new_code_cell("answer = 42"))
    assert [cell.source for cell in student.without_solutions(notebook).cells] == ["a", "b"]
    twice = "x\n````{solution-start} e\n````\ny\n````{solution-end}\n````\nz\n```{solution-start} f\n```\nw"
    with pytest.raises(ValueError, match="does not end"):
        student.without_solutions(new.new_notebook(cells=[new.new_markdown_cell(twice)]))
