"""The page for teachers: its numbers are counted in the chapters, its example runs, its exercises are there."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "chapters" / "back" / "teachers.md").read_text(encoding="utf-8")
spec = importlib.util.spec_from_file_location("plan", ROOT / "tools" / "plan.py")
plan = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plan)


def rows(text):
    return [line for line in text.splitlines() if line.startswith("| ") and "`" in line]


def test_every_place_is_filled():
    filled = plan.filled(PAGE)
    assert len(plan.PLACE.findall(PAGE)) == 3 and "<!--" not in filled
    assert len(rows(filled)) == 12 + len(plan.chapters())


def test_no_number_of_the_chapters_is_typed():
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    assert not re.search(r"\d+ (?:chapters|exercises|minutes|projects|solutions|hours)", prose)


def test_the_weeks_are_chapters_and_exercises_of_these():
    assert len(plan.WEEKS) == 12
    for names, tasks in plan.WEEKS:
        assert {*names.split()} <= {*plan.chapters()}
        labels = [
            label for name in names.split() for _, label, _, _ in plan.exercises_of(plan.text_of(plan.cells_of(name)))
        ]
        assert {f"ex-{task}" for task in tasks.split()} <= {*labels}, names


def test_the_sums_are_those_of_the_rows():
    cells = [[int(n) for n in re.findall(r"\| (\d+)", row)] for row in rows(plan.all_chapters())]
    sums = [sum(column) for column in zip(*cells, strict=True)]
    with_solution, pencil, projects = sum(sums[1:4]), sums[4], sums[5]
    said = [int(n) for n in re.findall(r"\d+", plan.counts())]
    assert said[:4] == [len(cells), with_solution, pencil, projects]
    assert abs(said[4] - sums[0] / 60) < 1.5


def test_the_example_says_what_the_page_says(capsys):
    code, says = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, flags=re.DOTALL).groups()
    exec(code, {})
    assert capsys.readouterr().out == says
