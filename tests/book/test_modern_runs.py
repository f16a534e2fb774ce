"""chapters/beyond/modern_runs.py: what is stored is what it plans, and all cells get the same."""

import importlib.util
import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from lstm_core import variants

FOLDER = Path(__file__).parents[2] / "chapters" / "beyond"
STORED = json.loads((FOLDER / "modern_runs.json").read_text(encoding="utf-8"))
spec = importlib.util.spec_from_file_location("modern_runs", FOLDER / "modern_runs.py")
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)


def test_every_run_of_the_plan_is_stored_whole():
    assert {"date", "machine", "python", "numpy"} <= STORED.keys() and script.SEEDS["MNIST"] >= 3
    assert STORED["runs"].keys() == {key for key, _ in script.plan(STORED["runs"])}
    for key, run in STORED["runs"].items():
        assert run.keys() == {"score", "loss", "seconds"} | ({"again", "largest"} if "streams" in key else set())
        assert 0 < run["score"] < (0.3 if "MNIST" in key else 6), key
    for task in script.STEPS:
        assert STORED[f"seconds, {task}"].keys() == set(script.cells_of(task))


@pytest.mark.parametrize("task", script.STEPS)
def test_all_cells_get_as_many_parameters(task):
    wanted = script.size(task, "LSTM", script.HIDDEN)
    for name in script.cells_of(task):
        model = script.network(task, name, np.random.default_rng(0))
        assert model.theta.size == script.size(task, name, script.units(task, name))
        assert abs(model.theta.size / wanted - 1) < 0.02, name
        assert script.CELLS[name][0] in variants.CELLS
    assert script.units(task, "LSTM") == script.HIDDEN


@pytest.mark.parametrize("name", script.CELLS)
def test_the_memories_at_the_start_are_as_long_as_is_said(name):
    """Of a memory of 1 a unit keeps u/(1 + u) in a step whose candidate is 0, with u between 1 and T - 1."""
    model = script.network("MNIST", name, np.random.default_rng(0))
    for label, layer in zip((row[0] for row in model.table()), model.layers):
        if not layer.cell:
            continue
        a = model.params[f"{label}.b"].astype(float).reshape(len(layer.cell.inputs), -1, 1)
        u = np.zeros_like(a) if layer.cell.recurs else ()
        one, own = np.ones_like(a[0]), [np.zeros_like(a[0])] * len(layer.cell.own)
        state = [one] if len(layer.cell.states) == 1 else [0 * one, one]
        if name == "sLSTM":  # n as large as it becomes after many steps
            n = 1 / (1 - np.exp(a[layer.cell.inputs.index("f")]))
            state = [0 * one, n, n, 0 * one]
        after, kept = layer.cell.stages[0].step(a, u, state, own, np.tanh)
        share = kept.q if name == "sLSTM" else after[-1]
        assert 1 / 2 < share.min() < 0.8 < 0.95 < share.max() < 27 / 28


def test_the_page_prints_what_is_stored():
    page = printed()
    for name in script.CELLS:
        errors = [100 * STORED["runs"][f"MNIST | {name} | {seed}"]["score"] for seed in range(script.SEEDS["MNIST"])]
        assert re.search(rf"^{re.escape(name)} .*\b{np.mean(errors):.2f} ± ", page, re.MULTILINE), name


def printed():
    cells = nbformat.read(FOLDER / "after-the-lstm.ipynb", as_version=4).cells
    return "".join(out.get("text", "") for cell in cells if cell.cell_type == "code" for out in cell.outputs)


def test_a_second_reading_finds_the_loss_of_the_last_characters_and_the_largest_state():
    """Of a network whose readout is all 0, so that each of 65 characters has the same chance."""
    model = script.network("streams", "sLSTM", np.random.default_rng(0))
    model.params["dense.W"][...] = model.params["dense.b"][...] = 0
    model.params["slstm.b"].reshape(4, -1)[2] = 3.0  # the forget gate, far over 1: m grows by about that in a step
    x = np.arange(120).reshape(2, 60) % 65
    loss, largest = script.again(model, x, x, piece=20)
    assert loss == pytest.approx(np.log(65), rel=1e-6) and 100 < largest < 250


def test_the_script_runs_what_is_planned_and_only_what_is_missing(monkeypatch, tmp_path, capsys):
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 28, 28), np.float32), rng.integers(0, 10, 40)
    changes = {"OUT": tmp_path / "modern_runs.json", "STEPS": {"MNIST": 28}, "SEEDS": {"MNIST": 1}, "HIDDEN": 6}
    changes |= {"RATES": (1e-2, 3e-2), "CELLS": {"minGRU": ("mingru", 1)}}
    changes |= {"material": lambda task, choice=False: (x, y, (x, y)), "BATCH": {"MNIST": 20}}
    changes |= {"units": lambda task, name: 5, "cells_of": lambda task: ["minGRU"]}
    for name, value in changes.items():
        monkeypatch.setattr(script, name, value)
    script.main()
    found = json.loads(script.OUT.read_text(encoding="utf-8"))
    assert found["runs"].keys() == {"choice | MNIST | minGRU | 0.01", "choice | MNIST | minGRU | 0.03",
                                    "MNIST | minGRU | 0"}  # fmt: skip
    kept = found["runs"].pop("MNIST | minGRU | 0")
    script.OUT.write_text(json.dumps(found), encoding="utf-8")
    capsys.readouterr()
    script.main()
    assert capsys.readouterr().out.startswith("MNIST | minGRU | 0")
    again = json.loads(script.OUT.read_text(encoding="utf-8"))["runs"]["MNIST | minGRU | 0"]
    assert again["score"] == kept["score"] and again["loss"] == kept["loss"]
