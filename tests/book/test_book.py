"""The rules that the chapters keep, checked on the notebooks as they are stored."""

import re
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted(ROOT.glob("chapters/**/*.ipynb"))
EXPERIMENTS = "run", "beyond"  # parts whose results may depend on the processor; and the preface, which trains
REFERENCE = "back"  # the part in which one looks things up: no exercises there
IGNORED = {"nbval-ignore-output", "nbval-skip"}


def cells(path):
    return nbformat.read(path, as_version=4).cells


def code(path):
    return [cell for cell in cells(path) if cell.cell_type == "code"]


def text(path):
    return "\n\n".join(cell.source for cell in cells(path) if cell.cell_type == "markdown")


def is_ignored(cell):
    return bool(IGNORED & set(cell.metadata.get("tags", []))) or "NBVAL_" in cell.source


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return request.param


def test_every_chapter_is_in_the_contents():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = {contents["root"], *(chapter["file"] for part in contents["parts"] for chapter in part["chapters"])}
    assert {str(path.relative_to(ROOT).with_suffix("")) for path in CHAPTERS} <= listed


def test_run_from_top_to_bottom_without_error(chapter):
    assert [cell.execution_count for cell in code(chapter)] == list(range(1, len(code(chapter)) + 1))
    assert not [output for cell in code(chapter) for output in cell.outputs if output.output_type == "error"]


def test_ignored_outputs_keep_to_the_budget(chapter):
    """None outside the experiments; there at most a quarter, and a cell that asserts follows each."""
    chapter_cells = code(chapter)
    ignored = [k for k, cell in enumerate(chapter_cells) if is_ignored(cell)]
    trains = chapter.parent.name in EXPERIMENTS or chapter.stem == "preface"
    assert len(ignored) <= (len(chapter_cells) // 4 if trains else 0)
    for k in ignored:
        following = next(cell for cell in chapter_cells[k + 1 :] if not is_ignored(cell) and "plt." not in cell.source)
        assert "assert" in following.source, f"no assertion follows:\n{chapter_cells[k].source}"


def test_exercises_with_hidden_solutions(chapter):
    """All but projects, which are open: their labels say so."""
    if chapter.parent.name == REFERENCE:
        pytest.skip("a page to look things up in")
    exercises = re.findall(r"```\{exercise\}[^\n]*\n:label: (\S+)", text(chapter))
    solutions = re.findall(r"```\{solution-start\} (\S+)\n(?::label: \S+\n)?:class: dropdown", text(chapter))
    assert len(exercises) >= 5
    assert sorted(label for label in exercises if not label.endswith("-project")) == sorted(solutions)


def test_opens_with_what_you_need(chapter):
    if chapter.parent.name == REFERENCE:
        pytest.skip("a page to look things up in")
    opening = re.search(r"```\{admonition\} In this chapter(.*?)```", text(chapter), flags=re.DOTALL).group(1)
    for words in ("**You will**", "**You need**", "**Time:**"):
        assert words in opening


def test_every_figure_has_alt_text(chapter):
    for cell in code(chapter):
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            assert len(cell.metadata["mystnb"]["image"]["alt"]) > 40, cell.source
    for figure in re.findall(r"```\{figure\}.*?```", text(chapter), flags=re.DOTALL):
        assert ":alt: " in figure


def test_nothing_of_the_machine_is_stored(chapter):
    stored = chapter.read_text(encoding="utf-8")
    assert not re.search(r"/(?:home|root|Users|tmp|work)/", stored)
    assert "Warning" not in "".join(str(output.get("text", "")) for cell in code(chapter) for output in cell.outputs)


def test_every_figure_file_has_its_script():
    """Of its name; one script draws a figure for light pages and one for dark."""
    for drawn in [*ROOT.glob("figures/*.svg"), *ROOT.glob("figures/*.png")]:
        name = re.sub("-(light|dark)$", "", drawn.stem)
        assert drawn.with_name(f"{name}.py").exists(), f"{drawn.name} has no script"
