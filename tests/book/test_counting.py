"""chapters/beyond/counting.ipynb: what is stored is what its script makes, and the script's tasks are what they say."""

import importlib.util
import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from lstm_core import variants

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "chapters" / "beyond"
STORED = json.loads((FOLDER / "counting.json").read_text(encoding="utf-8"))
spec = importlib.util.spec_from_file_location("counting", FOLDER / "counting.py")
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)


def test_every_run_of_the_plan_is_stored_whole():
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", STORED["date"]) and {"machine", "python", "numpy"} <= STORED.keys()
    planned = dict(script.plan())
    assert STORED["runs"].keys() == planned.keys() and script.SEEDS["parity"] >= 5
    for key, (name, task, _) in planned.items():
        run = STORED["runs"][key]
        shares = run["right"]
        assert name in script.CELLS and len(shares) == len(script.LENGTHS)
        told = [share for share in shares if share is not None]
        assert len(told) in (4, len(shares)) and all(0 <= share <= 1 for share in told)
        assert len(told) == len(shares) or told[3] <= 1 / script.TASKS[task] + 0.05  # at chance: not read further
        assert run["first"] is not None or min(told) == 1


def test_the_page_prints_what_is_stored():
    cells = nbformat.read(FOLDER / "counting.ipynb", as_version=4).cells
    page = "".join(out.get("text", "") for cell in cells if cell.cell_type == "code" for out in cell.outputs)
    for name in script.CELLS:
        runs = [STORED["runs"][f"parity | {name} | {seed}"] for seed in range(script.SEEDS["parity"])]
        counts = sum(run["right"][0] == 1 for run in runs), sum(run["first"] is None for run in runs)
        assert re.search(rf"^{re.escape(name)} +{counts[0]}/5 +{counts[1]}/5\b", page, re.MULTILINE), name


def test_the_cells_are_the_packages_and_more_can_be_added():
    for cell, own in script.CELLS.values():
        assert cell in variants.CELLS and (not own or variants.CELLS[cell].own)
    assert script.PARITY_ONLY < script.CELLS.keys()


def test_answers_are_what_the_tasks_say():
    rng = np.random.default_rng(0)
    for task, n in script.TASKS.items():
        symbols = script.strings(task, rng, 50, 30)
        found = script.answers(task, symbols)
        assert symbols.shape == found.shape == (50, 30) and set(np.unique(found)) == {*range(n)}
        for row, wanted in zip(symbols, found):
            for t in range(30):
                ones = int(row[: t + 1].sum())
                zeros = t + 1 - ones
                right = ones % n if task != "a…ab…b" else 0 if zeros > ones else 1 if zeros == ones else 2
                assert wanted[t] == right
    assert (np.diff(script.strings("a…ab…b", rng, 50, 30), axis=1) >= 0).all()  # first a, then b


class Echo:
    """A network that answers with the symbol that it reads, and whose state overflows at a certain step."""

    def __init__(self, bad=None):
        self.bad, self.step = bad, 0

    def run(self, x, states):
        scores = x.copy()
        for t in range(x.shape[1]):
            if self.step == self.bad:
                scores[0, t] = np.nan
            self.step += 1
        return scores, [(np.zeros((1, len(x))),), ()]


def test_right_answers_are_counted_and_an_overflow_is_wrong_from_there_on():
    bits = np.array([[1, 0, 0, 0, 1, 0], [0, 0, 0, 0, 1, 0]])  # parity 1 1 1 1 0 0 and 0 0 0 0 1 1
    wanted = [[1, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 0]]
    for piece in (1, 4, 6):
        np.testing.assert_array_equal(script.is_right(Echo(), "parity", bits, piece), np.array(wanted, bool))
        found = script.is_right(Echo(bad=4), "parity", bits, piece)
        np.testing.assert_array_equal(found, np.array([[1, 0, 0, 0, 0, 0], wanted[1]], bool))


@pytest.fixture
def small(monkeypatch, tmp_path):
    """The script with little to do, and a file of its own."""
    changes = {"OUT": tmp_path / "counting.json", "BATCHES": 2, "LENGTHS": (40, 80, 120, 130), "slips": dict}
    changes["CELLS"] = {name: script.CELLS[name] for name in ("diagonal", "QRNN")}
    changes["SEEDS"] = dict.fromkeys(script.TASKS, 1)
    for name, value in changes.items():
        monkeypatch.setattr(script, name, value)
    return script


def test_the_script_runs_what_is_planned_and_only_what_is_missing(small, capsys):
    small.main()
    found = json.loads(small.OUT.read_text(encoding="utf-8"))
    assert found["runs"].keys() == {f"{task} | diagonal | 0" for task in small.TASKS} | {"parity | QRNN | 0"}
    assert {"what", "date", "machine", "numpy", "python", "slips"} <= found.keys()
    kept = found["runs"].pop("parity | diagonal | 0")
    small.OUT.write_text(json.dumps(found), encoding="utf-8")
    capsys.readouterr()
    small.main()
    assert capsys.readouterr().out.startswith("parity | diagonal | 0") and capsys.readouterr().out == ""
    again = json.loads(small.OUT.read_text(encoding="utf-8"))["runs"]["parity | diagonal | 0"]
    assert again["right"] == kept["right"] and again["first"] == kept["first"]  # from the seed alone
