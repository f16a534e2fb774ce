"""chapters/beyond/attention.ipynb: its layer is right, its tasks are what they say, and every planned run is stored."""

import importlib.util
import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from lstm_core import gradcheck

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "chapters" / "beyond"
STORED = json.loads((FOLDER / "attention.json").read_text(encoding="utf-8"))
spec = importlib.util.spec_from_file_location("attention", FOLDER / "attention.py")
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)


# ---- the layer ------------------------------------------------------------------------------------------------------


def one_by_one(q, k, v):
    """The mean as the page prints it, step by step."""
    h = np.zeros_like(v)
    for t in range(q.shape[1]):
        weights = np.exp([k[:, j] @ q[:, t] for j in range(t + 1)])
        h[:, t] = sum(weight * v[:, j] for j, weight in enumerate(weights / weights.sum()))
    return h


def test_attend_is_the_printed_mean():
    q, k, v = np.random.default_rng(0).standard_normal((3, 2, 4, 7))
    h, A = script.attend(q, k, v)
    for n in range(2):
        np.testing.assert_allclose(h[n], one_by_one(q[n], k[n], v[n]), rtol=1e-13)
    np.testing.assert_allclose(A.sum(axis=-2), 1, rtol=1e-14)
    assert not np.tril(A[0], -1).any()


def test_large_scores_are_no_danger():
    k, v = np.array([[1e4, -1e4, 1e4]]), np.array([[1.0, 2.0, 3.0]])
    h, _ = script.attend(np.ones((1, 3)), k, v)
    np.testing.assert_array_equal(h, [[1, 1, 2]])
    h, _ = script.attend(-np.ones((1, 3)), k, v)  # a score of the future that is far larger
    np.testing.assert_array_equal(h, [[1, 2, 2]])


def test_the_layers_gradient_is_the_complex_steps():
    rng = np.random.default_rng(1)
    layer = script.attention(4)
    shapes = {"W": layer.shapes["W"], "x": (6, 4, 3)}
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    theta, dy = rng.standard_normal(sum(sizes)), rng.standard_normal((6, 4, 3))
    parts = lambda theta: [p.reshape(s) for p, s in zip(np.split(theta, sizes[:1]), shapes.values())]

    def loss(theta):
        W, x = parts(theta)
        return (layer.forward({"W": W}, x, ())[0] * dy).sum()

    W, x = parts(theta)
    grads, dx, _ = layer.backward({"W": W}, layer.forward({"W": W}, x, ())[2], dy, ())
    found = np.concatenate([grads["W"].ravel(), dx.ravel()])
    assert gradcheck.relative_error(found, gradcheck.complex_step(loss, theta)) < 1e-13


def test_places_turn_alike_at_every_step():
    p = script.places(8, 50).astype(float)
    inner = p @ p.T
    np.testing.assert_allclose(np.diag(inner, 7), inner[0, 7], atol=1e-5)
    assert inner.argmax(axis=0).tolist() == [*range(50)]


# ---- the tasks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [script.FIXED, script.VARIED])
def test_copying_asks_for_the_block(sizes):
    symbols, shortest, longest = sizes
    x, y = script.copying(np.random.default_rng(0), 200, *sizes)
    assert x.shape == y.shape == (200, 2 * symbols + longest)
    pauses = set()
    for row, wanted in zip(x, y):
        said = wanted[wanted >= 0]
        block = np.flatnonzero(row < script.KINDS)
        assert len(block) == symbols and block[-1] - block[0] == symbols - 1
        np.testing.assert_array_equal(row[block], said)
        np.testing.assert_array_equal(row[-symbols:], script.KINDS + 1)
        assert (wanted[:-symbols] == -1).all()
        pauses.add(len(row) - symbols - 1 - block[-1])
    assert pauses == {*range(shortest, longest + 1)}


def test_parities_are_parities():
    bits, wanted = script.parity(np.random.default_rng(0), 20, 15)
    for row, answers in zip(bits, wanted):
        assert [sum(row[: t + 1]) % 2 for t in range(15)] == answers.tolist()


# ---- what is stored -------------------------------------------------------------------------------------------------


def test_every_run_of_the_plan_is_stored():
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", STORED["date"]) and {"machine", "python", "numpy"} <= STORED.keys()
    planned = dict(script.plan())
    assert STORED["runs"].keys() == planned.keys() and script.SEEDS >= 3
    for key, (name, task, sizes, _) in planned.items():
        run = STORED["runs"][key]
        assert run["rate"] == script.rate_of(STORED, name, task) and run["rate"] in script.RATES
        assert len(run["right"]) == sizes[0] and all(0 <= share <= 1 for share in run["right"])
        assert len(run.get("other", ())) == len(script.OTHER.get(sizes, ()))


def test_the_networks_that_are_called_equal_are():
    sizes = [STORED["runs"][script.key(name, "copying", script.FIXED, 0)]["parameters"] for name in script.EQUAL]
    assert max(sizes) < 1.2 * min(sizes)


def test_the_page_prints_what_is_stored():
    cells = nbformat.read(FOLDER / "attention.ipynb", as_version=4).cells
    page = "".join(out.get("text", "") for cell in cells if cell.cell_type == "code" for out in cell.outputs)
    for name in script.EQUAL:
        runs = [STORED["runs"][script.key(name, "copying", script.FIXED, seed)] for seed in range(script.SEEDS)]
        shares = " ".join(f"{np.mean(run['right']):.2f}" for run in runs)
        assert re.search(rf"^{re.escape(name)} +{shares}\b", page, re.MULTILINE), name


def test_the_script_runs_what_is_missing(monkeypatch, tmp_path, capsys):
    changes = {"OUT": tmp_path / "attention.json", "BATCHES": 2, "MODELS": ("attention", "LSTM"), "SEEDS": 1}
    changes |= {"SETTINGS": (("copying", (2, 3, 4), ("attention",)), ("parity", (5,), ("LSTM",)))}
    changes["PILOT"] = {"copying": (2, 3, 4), "parity": (5,)}
    for name, value in changes.items():
        monkeypatch.setattr(script, name, value)
    script.main()
    found = json.loads(script.OUT.read_text(encoding="utf-8"))
    assert [*found["runs"]] == ["copying 2 3 4 | attention | 0", "parity 5 | LSTM | 0"] and len(found["pilot"]) == 8
    kept = found["runs"].pop("parity 5 | LSTM | 0")
    script.OUT.write_text(json.dumps(found), encoding="utf-8")
    capsys.readouterr()
    script.main()
    assert capsys.readouterr().out.startswith("parity 5 | LSTM | 0")
    assert json.loads(script.OUT.read_text(encoding="utf-8"))["runs"]["parity 5 | LSTM | 0"]["right"] == kept["right"]
