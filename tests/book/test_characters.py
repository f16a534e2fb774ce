"""The scripts of chapters/run/characters.ipynb: what is stored, what the page prints of it, and that PyTorch agrees."""

import importlib.util
import json
import math
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest

from lstm_core import fit, optim

ROOT = Path(__file__).parents[2]
STORED = json.loads((ROOT / "chapters/run/characters_torch.json").read_text(encoding="utf-8"))
LARGE = json.loads((ROOT / "chapters/run/characters_large.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def beside(monkeypatch):
    """Scripts import what lies beside them."""
    monkeypatch.syspath_prepend(ROOT / "chapters/run")


def load():
    spec = importlib.util.spec_from_file_location("characters_torch", ROOT / "chapters/run/characters_torch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def script():
    reason = 'PyTorch is not installed: .venv/bin/python -m pip install -e ".[torch]"'
    pytest.importorskip("torch", reason=reason)
    return load()


@pytest.fixture
def without(monkeypatch):
    """The script where no PyTorch is needed: its names are there, and nothing behind them."""
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(nn=SimpleNamespace(Module=object)))
    return load()


def test_what_is_stored():
    """Whole runs with dates and versions, and both programs within 1 %, as the chapter says."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", STORED["date"]) and {"python", "numpy", "torch"} <= STORED.keys()
    for name, epochs in {"one cycle": 4, "torch-rnn": 20}.items():
        run = {key: np.array(values) for key, values in STORED[name].items()}
        assert {len(values) for values in run.values()} == {epochs}
        assert abs(run["ours"] / run["PyTorch"] - 1).max() < 0.01
        assert abs(run["train, ours"] / run["train, PyTorch"] - 1).max() < 0.01
    last = {key: np.array(values) for key, values in STORED["last of one cycle"].items()}
    assert last.keys() == {"ours", "PyTorch", "PyTorch, both biases"}
    assert {len(values) for values in last.values()} == {3}  # seeds; the curves above are those of the first
    assert all(last[key][0] == STORED["one cycle"][key][-1] for key in ("ours", "PyTorch"))
    assert abs(last["ours"] / last["PyTorch"] - 1).max() < 0.01


def test_what_is_stored_of_the_larger_networks():
    """Whole runs, each better at its end than at its beginning, with date and machine."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", LARGE["date"]) and {"machine", "python", "numpy"} <= LARGE.keys()
    for name, epochs, kinds in (("Shakespeare", 12, 65), ("programs", 8, None)):
        run = LARGE["runs"][name]
        assert len(run["train"]) == len(run["held out"]) == epochs and run["cut"] == int(run["characters"] * 0.9)
        assert kinds in (None, run["kinds"]) and run["held out"][-1] < run["held out"][0]
        assert run["held out"][-1] <= run["in blocks"] and len(run["sample"]) == 600


def test_the_page_prints_what_is_stored():
    cells = nbformat.read(ROOT / "chapters/run/characters.ipynb", as_version=4).cells
    page = "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", []))
    for run in LARGE["runs"].values():
        for value in (run["7-gram"], run["held out"][-1]):
            assert f"{value:.2f}" in page
        assert " ".join(f"{value:.2f}" for value in run["held out"]) in page
    assert LARGE["runs"]["Shakespeare"]["sample"].strip() in page and LARGE["date"] in page
    for name in ("one cycle", "torch-rnn"):
        assert f"{STORED[name]['ours'][-1]:.3f} {STORED[name]['PyTorch'][-1]:8.3f}" in page
    for values in STORED["last of one cycle"].values():
        assert "   ".join(f"{value:.3f}" for value in values) + f"   {np.mean(values):.3f}" in page


def test_streams_are_the_text_and_the_next_character(without):
    for n in (101, 149, 150, 151, 1234):
        code = np.arange(n)
        x, y = without.streams(code)
        assert x.shape == y.shape == (50, (n - 1) // 50)
        np.testing.assert_array_equal(x.ravel(), code[: x.size])
        np.testing.assert_array_equal(y, x + 1)


@pytest.mark.parametrize("warm, piece", [(100, 100), (30, 100), (100, 7), (64, 64), (1, 1)])
def test_bits_are_those_of_every_character_once_each_read_after_what_stands_before_it(without, warm, piece):
    """A model that knows the last character and how many it has read, against the same sum, one by one."""
    rng = np.random.default_rng(0)
    code, start, table = rng.integers(0, 5, 1500), 400, rng.standard_normal((5, 5))
    n = (1500 - start) // 50

    def scores(x, states):
        seen = 0 if states is None else states
        read = seen + 1 + np.arange(x.shape[1])
        return table[x] * (1 + 0.01 * read)[:, None], seen + x.shape[1]

    expected = 0.0
    for k in range(start, start + 50 * n):
        y = table[code[k - 1]] * (1 + 0.01 * (warm + 1 + (k - start) % n))
        expected -= math.log2(np.exp(y[code[k]]) / np.exp(y).sum())
    assert without.bits(scores, code, start, warm, piece) == pytest.approx(expected / (50 * n), rel=1e-12)


def test_a_few_updates_are_those_of_pytorch(script):
    """float32: each update rounds by some 1e-7 of a loss of about 1, and 12 of them may add up to ten times that.

    (Both biases trained, as PyTorch would by default, are 1e-3 off.)
    """
    rng = np.random.default_rng(1)
    code, C, rate = rng.integers(0, 5, 6001), 5, optim.cosine(5e-2, epochs=3, warmup=0.5)
    code[1::2] = (code[::2][:-1] + 1) % 5  # every second character can be foretold
    model, network, rng = script.pair(C, seed=0, E=4, H=8)
    x, y = script.streams(code[:5001])
    adam = script.adam(network)
    theirs = [script.pytorch_epoch(network, adam, x, y, rate, epoch) for epoch in range(3)]
    options = {"batch": script.STREAMS, "truncate": script.STEPS, "clip": script.CLIP, "progress": False}
    ours = fit(model, x, y, epochs=3, rng=rng, rate=rate, **options).loss
    np.testing.assert_allclose(ours, theirs, rtol=2e-6)
    found = [script.bits(scores, code, 5000) for scores in (model.run, network.scores)]
    np.testing.assert_allclose(*found, rtol=2e-6)
    assert ours[0] > ours[-1] and max(found) < math.log2(C) + 0.1
