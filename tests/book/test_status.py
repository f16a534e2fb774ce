"""The page of the notebooks' last runs: what is kept of a run, and that a notebook which has changed since says so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import runs

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tools"))
import plan  # noqa: E402
import status  # noqa: E402

NOTATION = "chapters/back/notation.ipynb"


def entry(**changed):
    return {"cells": 2, "passed": 2, "ignored": 0, "seconds": 1.5, "date": "2026-01-02", "machine": "a machine",
            "content": "0", "versions": {"Python": "3.11", "numpy": "2.0"}} | changed  # fmt: skip


def test_what_is_stored_is_whole():
    stored = status.read(status.STORED)
    assert stored and {name for name in stored if (ROOT / name).exists()} == {*stored}
    for name, one in stored.items():
        assert entry().keys() <= one.keys() and status.whole(one) and len(one["content"]) == 64, name
        assert 0 < one["seconds"] and 0 <= one["ignored"] < one["cells"], name


def test_only_whole_runs_are_kept():
    new = {"a": entry(), "b": entry(failed=1, passed=1), "c": entry(skipped=1, passed=1), "d": entry(passed=1)}
    assert status.keep(new, {"b": "old"}) == {"a": entry(), "b": "old"}


def test_the_table_says_what_has_changed_since():
    content = runs.content(ROOT / NOTATION)
    row = lambda stored: next(line for line in status.table(stored).splitlines() if "notation" in line)
    assert row({NOTATION: entry(content=content)}).endswith("| 2 | 2 | 0 | 2 | 2026-01-02 | as it was run |")
    assert row({NOTATION: entry()}).endswith("changed since |")
    assert row({}).endswith("| no run is recorded |")
    assert len(status.table({}).splitlines()) == 2 + len(plan.chapters()) + 1


def test_code_and_outputs_count_and_text_does_not(tmp_path):
    notebook, path = nbformat.read(ROOT / NOTATION, as_version=4), tmp_path / "a.ipynb"
    markdown, code = (next(c for c in notebook.cells if c.cell_type == kind) for kind in ("markdown", "code"))

    def content():
        nbformat.write(notebook, path)
        return runs.content(path)

    before = content()
    markdown.source += " More."
    assert content() == before
    code.source += "  # more"
    after = content()
    code.outputs[0]["text"] += "more"
    assert len({before, after, content()}) == 3


def test_a_sentence_for_each_machine():
    text = status.with_what({"a": entry(), "b": entry(), "c": entry(machine="another")})
    assert text == ("- 2 notebooks on a machine, with Python 3.11, numpy 2.0.\n"
                    "- 1 notebook on another, with Python 3.11, numpy 2.0.")  # fmt: skip


def test_a_run_leaves_its_record(tmp_path):
    """Really run, as `make test` does."""
    record = tmp_path / "record.json"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--nbval",
        "--nbval-current-env",
        NOTATION,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True,
                          env=os.environ | {"EXECUTION_RECORD": str(record)})  # fmt: skip
    assert done.returncode == 0, done.stdout
    (name,) = found = json.loads(record.read_text(encoding="utf-8"))
    one = found[name]
    assert name == NOTATION and status.whole(one) and one["content"] == runs.content(ROOT / NOTATION)
    assert one["seconds"] > 0 and one["versions"]["numpy"] and one["machine"]
