"""How a chapter is told: code worth reading, exercises with marks and hints, reading times that are measured."""

import importlib.util
import re
import statistics
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
TOLD = {  # chapter -> at least how many exercises
    "start/preface": 5, "start/proofs": 6, "derive/learning": 6, "derive/rnn": 6, "derive/dynamics": 6,
    "derive/lstm": 6, "derive/peephole": 6, "derive/gru": 6, "derive/variants": 6, "derive/scan": 6,
    "derive/kernel": 6, "check/gradient-checking": 10, "check/find-the-bug": 14, "run/speed": 6,
    "check/numerical-example": 7, "check/vectors": 7, "run/layers": 8, "run/interchange": 8, "run/mpi": 7,
    "run/showers": 8, "run/parity": 7, "run/parity-why": 6, "run/mnist": 6, "run/characters": 8,
    "beyond/after-the-lstm": 7, "beyond/linear-units": 8, "beyond/newton": 8, "beyond/counting": 8,
    "beyond/attention": 8, "beyond/audit": 7,
}  # fmt: skip
spec = importlib.util.spec_from_file_location("plan", ROOT / "tools" / "plan.py")
plan = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plan)
cells_of, text_of, shown_code, minutes_to_read = plan.cells_of, plan.text_of, plan.shown_code, plan.minutes_to_read
exercises_of, STARS, WORDS_A_MINUTE = plan.exercises_of, plan.STARS, plan.WORDS_A_MINUTE

# What stands behind an exercise: a hint, and the beginning of the solution.
FOLLOWS = r"\s*```\{hint\}\n:class: dropdown\n(?:(?!```).)+```\s*`{3,}\{solution-start\} (\S+)"


@pytest.fixture(params=TOLD)
def name(request):
    return request.param


def lines_of(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


def test_code_is_short_and_asserts_are_hidden(name):
    shown = shown_code(cells_of(name))
    lengths = [len(lines_of(cell)) for cell in shown]
    assert statistics.median(lengths) <= 10 and max(lengths) <= 25
    assert not [cell.source for cell in shown if re.search(r"^\s*assert\b", cell.source, flags=re.MULTILINE)]


def test_no_chapter_is_forgotten():
    parts = "check", "run"
    there = {f"{part}/{path.stem}" for part in parts for path in (ROOT / "chapters" / part).glob("*.ipynb")}
    assert there <= TOLD.keys()


def test_every_exercise_has_a_title_and_a_mark_of_difficulty(name):
    exercises = exercises_of(text_of(cells_of(name)))
    assert len(exercises) >= TOLD[name]
    for title, label, _, _ in exercises:
        words, _, stars = title.rpartition(" ")
        assert words and stars in STARS, f"{label}: {title}"


def test_a_hint_stands_before_each_solution_and_projects_have_none(name):
    text = text_of(cells_of(name))
    for _, label, body, is_project in exercises_of(text):
        start = re.match(FOLLOWS, text.partition(f":label: {label}\n{body}```")[2], re.DOTALL)
        assert is_project or (start and start[1] == label), f"{label}: no hint"
        solved = f"{{solution-start}} {label}\n" in text
        assert solved != is_project, f"{label}: solved: {solved}"


def test_some_exercises_need_a_pencil_and_one_is_open(name):
    exercises = exercises_of(text_of(cells_of(name)))
    assert sum("pencil and paper" in body for _, _, body, _ in exercises) >= 2
    assert sum(is_project for _, _, _, is_project in exercises) == 1


def test_the_time_to_read_is_measured(name, shown):
    cells = cells_of(name)
    stated, measured = int(re.search(r"\*\*Time:\*\* (\d+) min", text_of(cells))[1]), minutes_to_read(cells)
    shown(f"telling  {name}: {measured:.1f} minutes to read, {stated} stated")
    assert abs(stated - measured) <= max(2, 0.1 * measured), f"{measured:.1f} minutes to read, {stated} stated"


def test_measuring():
    cells = [nbformat.v4.new_markdown_cell("word " * 400 + "\n\n```{math}\n:label: eq-a\na = b \\\\\n+ c\n```\n"),
             nbformat.v4.new_code_cell("a = 1"), nbformat.v4.new_code_cell("b", metadata={"tags": ["hide-input"]}),
             nbformat.v4.new_markdown_cell("````{solution-start} ex-a\n````\nlong text"),
             nbformat.v4.new_code_cell("c"), nbformat.v4.new_markdown_cell("````{solution-end}\n````")]  # fmt: skip
    assert [cell.source for cell in shown_code(cells)] == ["a = 1"]
    assert minutes_to_read(cells) == pytest.approx(403 / WORDS_A_MINUTE + 2)
