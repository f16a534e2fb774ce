"""The test vectors: fresh, complete, described, right by an independent calculation, and what a float64 run gives.

The stored numbers are the exact ones, rounded to float64: off by half a spacing of float64 at most.
"""

import json

import numpy as np
import pytest
import vectors
import vectors_modern
from mpmath import mp
from vectors import CASES, DIGITS, FOLDER

from lstm_core import modern, scan, variants
from lstm_proofs.spoil import spoilt

GROUPS = ("inputs", "forward", "backward", "gradients")
each_file = pytest.mark.parametrize("file", CASES)


def load(file):
    """As a reader without this package would: JSON, and NumPy for the arrays."""
    content = json.loads((FOLDER / f"{file}.json").read_text(encoding="utf-8"))
    return content | {group: {name: np.array(a) for name, a in content[group].items()} for group in GROUPS}


def errors(found, expected):
    """name -> largest absolute error, of the groups but the inputs, and the loss."""
    largest = {"loss": abs(found["loss"] - expected["loss"])}
    for group in GROUPS[1:]:
        assert found[group].keys() == expected[group].keys()
        for name, array in expected[group].items():
            assert np.shape(found[group][name]) == array.shape
            largest[name] = np.abs(found[group][name] - array).max()
    return largest


def test_every_file_has_its_case():
    assert {path.name for path in FOLDER.iterdir()} == {f"{file}.json" for file in CASES}
    assert {*modern.CELLS} <= {case.of for case in CASES.values()}


@each_file
def test_the_file_is_what_the_code_gives(file):
    """To the last digit, on any machine: a run with 50 digits, rounded once, leaves nothing to the processor."""
    stored = (FOLDER / f"{file}.json").read_text(encoding="utf-8")
    fresh = vectors.written(vectors.vectors(CASES[file])) + "\n"
    assert stored == fresh, f"{file}.json is stale: run  python tests/helpers/vectors.py  and look at what has changed"


@each_file
def test_every_array_is_described_and_has_its_shape(file):
    content = load(file)
    arrays = {name: array for group in GROUPS for name, array in content[group].items()} | {"loss": content["loss"]}
    assert list(content["format"]) == list(arrays)
    sizes = content["sizes"]
    sizes |= {"1": 1, "G*H": sizes["G"] * sizes["H"]}
    for name, array in arrays.items():
        says = content["format"][name]
        assert np.shape(array) == tuple(sizes[axis] for axis in says["axes"]), name
        assert says["meaning"] and np.asarray(array).dtype == np.float64
        least, most = (5e-5, 7) if file == "slstm" else (5e-4, 4)  # its y, m and n are sums, which nothing squashes
        least = 0 if name in vectors_modern.MAY_BE_ZERO.get(CASES[file].kind, ()) else least
        assert np.abs(array).min() >= least and np.abs(array).max() < most  # nothing zero, nothing saturated or large
    assert set(content) - set(GROUPS) == {"name", "cell", "sizes", "gates", "own", "format", "loss"}
    assert all(f"    {key}" in vectors.__doc__ or f", {key}" in vectors.__doc__ for key in content)


@each_file
def test_the_inputs_are_short_and_all_different(file):
    numbers = np.concatenate([array.ravel() for array in load(file)["inputs"].values()])
    assert (numbers == np.round(numbers, 2)).all() and len({*np.abs(numbers)}) == len(numbers)


@each_file
def test_every_equation_of_the_cell_is_named(file):
    case, content = CASES[file], load(file)
    named = {label for says in content["format"].values() for label in says["equations"]}
    cited = {label for _, label, kinds in vectors.cited() if case.kind in kinds}
    own = {"scan-dp"} if case.own else set()
    R = {"scan-u", "scan-dR"} if case.of.recurs else set()
    assert named == {*cited, "scan-a", "scan-dh", "scan-dW", "scan-db", "scan-dx", *own, *R}


# Every number of a float64 run has gone through some ten to some hundred roundings, of numbers below 3: 1e-14 is 45
# spacings of the numbers near 1. The worst measured is 4.4e-16; another processor adds up in another order.
@each_file
def test_a_run_in_float64_agrees(file, shown):
    content = load(file)
    found = vectors.run(CASES[file], content["inputs"], lambda x: np.tanh(x))
    worst = errors(found, content)
    assert all(error <= 1e-14 for error in worst.values()), worst
    shown(f"vectors {file}: lstm_core in float64 agrees to {max(worst.values()):.1e}")


# ---- an independent calculation: number by number, with 50 digits, derivatives by the complex step -------------------

STEP = mp.mpf(10) ** -30  # its square, 1e-60, is below the last of the 50 digits


def forward(case, V, n, nudged=None):
    """Example n, one number after the other, as the book prints the equations; V: decimals, row by row.

    nudged: (name, t, row) of a number that gets an imaginary part; to `h_next`, `c_next` gets it what the next step
    reads, to `h_prev` what this step reads of the old h outside of R.
    Returns the loss, and (name, t, row) -> value.
    """
    seen = {}

    def see(name, t, row, value):
        seen[name, t, row] = value + mp.mpc(0, STEP) if nudged == (name, t, row) else value
        return seen[name, t, row]

    def act(f, name, t, k, value):
        return see(name, t, k, f(see(f"{name}_bar", t, k, value)))

    units, loss = range(vectors.H), mp.mpf(0)
    sigma = lambda x: 1 / (1 + mp.exp(-x))
    if case.kind in vectors_modern.STEPS:
        return forward_modern(case, V, n, see), seen
    h = [V["h_0"][k][n] for k in units]
    c = [V["c_0"][k][n] for k in units] if "c_0" in V else None
    for t in range(vectors.T):
        rows = range(len(V["b"]))
        x = [feature[n] for feature in V["x"][t]]
        a = [see("a", t, row, sum(w * v for w, v in zip(V["W"][row], x)) + V["b"][row][0]) for row in rows]
        recurrent = lambda row, left, t=t: see("u", t, row, sum(w * v for w, v in zip(V["R"][row], left)))
        place = {gate: vectors.H * position for position, gate in enumerate(case.gates)}
        if case.cell == "RNN":
            h = [act(mp.tanh, "h", t, k, a[k] + recurrent(k, h)) for k in units]
        elif case.cell == "LSTM":
            au = {(gate, k): a[place[gate] + k] + recurrent(place[gate] + k, h) for gate in "iofg" for k in units}
            peep = {(g, k): V["p"][j][k][0] for j, g in enumerate("iof") for k in units} if "p" in V else {}
            for k in units:
                old = see("c_prev", t, k, c[k])
                i = act(sigma, "i", t, k, au["i", k] + peep.get(("i", k), 0) * old)
                f = act(sigma, "f", t, k, au["f", k] + peep.get(("f", k), 0) * old)
                g = act(mp.tanh, "g", t, k, au["g", k])
                c[k] = see("c", t, k, f * old + i * g)
                o = act(sigma, "o", t, k, au["o", k] + peep.get(("o", k), 0) * c[k])
                h[k] = see("h", t, k, o * see("tanh_c", t, k, mp.tanh(c[k])))
        else:
            before = case.cell == "GRU_BEFORE"
            old = [see("h_prev", t, k, h[k]) for k in units]
            z, r = (
                [act(sigma, gate, t, k, a[place[gate] + k] + recurrent(place[gate] + k, h)) for k in units]
                for gate in "zr"
            )
            if before:
                q = [see("q", t, k, r[k] * old[k]) for k in units]
                past = [recurrent(place["n"] + k, q) for k in units]
            else:
                m = [see("m", t, k, recurrent(place["n"] + k, h) + V["p"][0][k][0]) for k in units]
                past = [r[k] * m[k] for k in units]
            n_t = [act(mp.tanh, "n", t, k, a[place["n"] + k] + past[k]) for k in units]
            h = [see("h", t, k, (1 - z[k]) * n_t[k] + z[k] * old[k]) for k in units]
        loss += sum(V["w_h"][t][k][n] * h[k] for k in units)
        h = [see("h_next", t, k, h[k]) for k in units]
        c = [see("c_next", t, k, c[k]) for k in units] if c else None
    loss += sum(V["w_h_T"][k][n] * h[k] for k in units)
    loss += sum(V["w_c_T"][k][n] * c[k] for k in units) if c else 0
    return loss, seen


def forward_modern(case, V, n, watch):
    """The same for the cells of `modern`, by `vectors_modern.STEPS`."""
    units, loss, names = range(vectors.H), mp.mpf(0), case.of.states
    states = [{name: V[f"{name}_0"][k][n] for name in names} for k in units]
    for t in range(vectors.T):
        x, h = [feature[n] for feature in V["x"][t]], [state["h"] for state in states]
        rows = range(len(V["b"]))
        pre = [watch("a", t, i, sum(w * v for w, v in zip(V["W"][i], x)) + V["b"][i][0]) for i in rows]
        for row in rows if "R" in V else ():
            pre[row] += watch("u", t, row, sum(w * v for w, v in zip(V["R"][row], h)))
        for k in units:
            see = lambda name, value, t=t, k=k: watch(name, t, k, value)
            of_gate = lambda gate, k=k, pre=pre: pre[vectors.H * case.gates.index(gate) + k]
            own = [p[k][0] for p in V.get("p", ())]
            states[k] = vectors_modern.STEPS[case.kind](of_gate, own, states[k], see)
            loss += V["w_h"][t][k][n] * states[k]["h"]
            states[k] = {name: see(f"{name}_next", value) for name, value in states[k].items()}
    return loss + sum(V[f"w_{name}_T"][k][n] * states[k][name] for name in names for k in units)


@each_file
def test_an_independent_calculation_agrees(file, shown):
    """Every number in the file is right to half a spacing of float64: it is the exact one, rounded."""
    case, content = CASES[file], load(file)
    V = {name: array.tolist() for name, array in vectors.inputs(case).items()}
    worst, count = 0, 0
    with mp.workdps(DIGITS):
        exact = lambda value: [exact(v) for v in value] if isinstance(value, list) else mp.mpf(value)
        V = {name: exact(array) for name, array in V.items()}
        slope = lambda loss: mp.im(loss) / STEP

        def compare(stored, value):
            nonlocal worst, count
            error, count = abs(stored - value), count + 1
            assert error <= np.spacing(abs(float(stored))) / 2, (stored, value)
            worst = max(worst, error)

        for n in range(vectors.B):
            _, seen = forward(case, V, n)
            for name, array in content["forward"].items():
                for t, row in np.ndindex(array.shape[:2]):
                    if n < array.shape[2]:  # a column that no example changes is stored once
                        compare(array[t, row, n], seen[name, t, row])
            for name, array in content["backward"].items():
                for t, row in np.ndindex(array.shape[:2]):
                    compare(array[t, row, n], slope(forward(case, V, n, nudged=(name[1:], t, row))[0]))
        for name, array in content["gradients"].items():
            inner = V[name[1:]]
            for index in np.ndindex(array.shape):
                *path, last = index
                line = inner
                for k in path:
                    line = line[k]
                was, line[last] = line[last], line[last] + mp.mpc(0, STEP)
                examples = [last] if name == "dx" or name.endswith("_0") else range(vectors.B)
                compare(array[index], slope(sum(forward(case, V, n)[0] for n in examples)))
                line[last] = was
        compare(content["loss"], sum(forward(case, V, n)[0] for n in range(vectors.B)))
    expected = sum(array.size for group in GROUPS[1:] for array in content[group].values()) + 1
    assert count == expected
    shown(f"vectors {file}: {count} numbers = an independent calculation with {DIGITS} digits, to {float(worst):.1e}")


# ---- the tests themselves --------------------------------------------------------------------------------------------


@each_file
def test_a_change_anywhere_is_noticed(file):
    content = load(file)
    for group in GROUPS[1:]:
        for name, array in content[group].items():
            for index in np.ndindex(array.shape):
                changed = array.copy()
                changed[index] += 1.1e-14
                found = content | {group: content[group] | {name: changed}}
                assert [n for n, error in errors(found, content).items() if error > 1e-14] == [name]


WRONG = [  # file, equation of the first stage's back, what is changed; and what differs first, step and array
    ("peephole-lstm", "peephole-dc", "A + p_o * do_bar", "A", (3, "dc")),
    ("peephole-lstm", "peephole-dc", "A + p_f * df_bar", "A", (3, "dc_prev")),
    ("gru-after", "gru-dr", "A * m * r", "A * r * r", (3, "dr_bar")),
    ("gru-before", "gru-before-dh", "A + dq * r", "A", (3, "dh_prev")),
    ("minlstm", "minlstm-dr", "(dq * (1 - f) - dw * (1 - i)) * r", "dq * (1 - f) * r", (3, "dr_bar")),
    ("lru", "lru-dc", "v * dc - w * dh", "v * dc + w * dh", (3, "dc_prev")),
    ("slstm", "slstm-df", "A + dn * n_prev", "A", (3, "df")),
]


@pytest.mark.parametrize("file, label, right, wrong, first", WRONG)
def test_wrong_code_is_noticed(file, label, right, wrong, first):
    """`run` records what the code does, not what it should do; the first number that differs tells where to look."""
    case, content = CASES[file], load(file)
    cell = case.of
    cell = cell.altered(back=spoilt(cell.stages[0].back, (label, right, wrong)))
    found = vectors.run(case, content["inputs"], lambda x: np.tanh(x), cell)
    differ = [
        (t + 1, name)
        for t in reversed(range(vectors.T))
        for name, array in content["backward"].items()
        if np.abs(found["backward"][name][t] - array[t]).max() > 1e-3
    ]
    assert differ[0] == first
    assert all(np.abs(found["forward"][name] - array).max() <= 1e-14 for name, array in content["forward"].items())


@pytest.mark.parametrize("cell, missing", [(variants.FGR, "i_prev"), (variants.NAS, "n_0")])
def test_a_cell_that_computes_more_than_there_are_words_for_is_refused_by_name(cell, missing):
    """Not a file that lacks numbers."""
    zeros = {name: np.zeros(shape) for name, shape in scan.parameter_shapes(cell, vectors.D, vectors.H).items()}
    zeros |= {f"{s}_0": np.zeros((vectors.H, vectors.B)) for s in cell.states}
    zeros |= {f"w_{s}_T": np.zeros((vectors.H, vectors.B)) for s in cell.states}
    zeros |= {"x": np.zeros((vectors.T, vectors.D, vectors.B)), "w_h": np.zeros((vectors.T, vectors.H, vectors.B))}
    with pytest.raises(ValueError, match=f"{cell.name}: expected words for .*{missing}"):
        vectors.run(CASES["peephole-lstm" if cell.own else "rnn"], zeros, lambda x: np.tanh(x), cell)
