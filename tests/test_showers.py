"""The data of the chapter on showers: simulators against their formulas, features, and the reader of HDF5 files."""

import builtins
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import gamma

RUN = Path(__file__).parent.parent / "chapters/run"
spec = importlib.util.spec_from_file_location("showers", RUN / "showers.py")
showers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(showers)


def rng(seed=0):
    return np.random.default_rng(seed)


# ---- drifting Gaussians ----------------------------------------------------------------------------------------------


def test_gaussians_have_the_means_and_variances_of_the_recipe():
    x, y = showers.drifting_gaussians(rng(), 4000)
    assert (x.shape, x.dtype, y.shape, y.sum()) == ((8000, 10, 30), np.float32, (8000,), 4000)
    for label, kind in enumerate(["background", "signal"]):
        p = showers.bin_probabilities(kind)
        variance = 1000 * p * (1 - p) + 10**2
        found = x[y == label]
        # 300 means, each within five of its standard errors; a variance of n normal numbers has the error σ² √(2/n)
        assert (abs(found.mean(axis=0) - 1000 * p) < 5 * np.sqrt(variance / 4000)).all()
        assert (abs(found.var(axis=0) / variance - 1) < 5 * np.sqrt(2 / 4000)).all()


def test_bins_are_those_of_a_normal_distribution_that_drifts():
    for kind, wave in (("signal", np.cos), ("background", np.sin)):
        p = showers.bin_probabilities(kind)
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-14)  # thirty roundings
        for t in (0, 3, 9):
            w = wave(np.pi * t / 10)
            s = np.linspace(0, 10, 30_001)  # the density, in 1,000 steps a bin
            density = np.exp(-(((s - 5 - 0.2 * w) / (4 + 0.3 * w)) ** 2) / 2)
            expected = np.add.reduceat((density[1:] + density[:-1]) / 2, np.arange(0, 30_000, 1000))
            np.testing.assert_allclose(p[t], expected / expected.sum(), rtol=1e-8)  # of the trapezoids


@pytest.mark.parametrize("make", [
    lambda seed: showers.drifting_gaussians(rng(seed), 5),
    lambda seed: showers.shower_set(rng(seed), 3),
])  # fmt: skip
def test_the_seed_decides(make):
    first, again, other = make(1), make(1), make(2)
    for a, b in zip(first, again):
        np.testing.assert_array_equal(a, b)
    assert (first[0] != other[0]).any()


# ---- showers: the formulas -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("energy", [10.0, 100.0])
def test_electrons_fluctuate_about_the_mean_profile(energy):
    T, alpha = showers.fluctuating_profile(rng(), np.full(20_000, energy))
    log_y, (t_max, shape) = np.log(energy / showers.CRITICAL), showers.profile(energy)
    assert t_max == pytest.approx(log_y - 0.812) and shape == pytest.approx(0.81 + (0.458 + 2.26 / 74) * log_y)
    widths = 1 / (-1.4 + 1.26 * log_y), 1 / (-0.58 + 0.86 * log_y)
    for values, centre, width in ((T, t_max, widths[0]), (alpha, shape, widths[1])):
        logs = np.log(values)
        # five standard errors of the mean and of the deviation of 20,000 normal numbers
        assert abs(logs.mean() - np.log(centre)) < 5 * width / np.sqrt(20_000)
        assert abs(logs.std() / width - 1) < 5 / np.sqrt(40_000)
    rho = np.corrcoef(np.log(T), np.log(alpha))[0, 1]
    assert abs(rho - (0.705 - 0.023 * log_y)) < 5 / np.sqrt(20_000)


def test_depth_is_a_gamma_distribution(monkeypatch):
    """With the fluctuations switched off, the spots of an electron have the printed profile, mean and variance."""
    monkeypatch.setattr(showers, "fluctuating_profile", lambda rng, energy: showers.profile(energy))
    depth = showers.spots(rng(), "electron", np.full(40, 50.0)).depth
    T, alpha = showers.profile(50.0)
    beta, n = (alpha - 1) / T, len(depth)
    assert abs(depth.mean() - alpha / beta) < 5 * np.sqrt(alpha / n) / beta
    assert abs(depth.var() * beta**2 / alpha - 1) < 5 * np.sqrt((2 + 6 / alpha) / n)  # the gamma's excess is 6/α
    edges = np.linspace(0, 25, 26)
    expected = np.diff(gamma.cdf(edges, alpha, scale=1 / beta))
    assert abs(np.histogram(depth, edges)[0] / n - expected).max() < 5 * np.sqrt(expected.max() / n)


@pytest.mark.parametrize("tau", [0.3, 1.0, 2.0])
def test_half_of_each_radial_part_lies_within_its_radius(tau):
    """∫₀ᴿ 2 r R² / (r² + R²)² dr = 1/2, and within r a part r² / (r² + R²): the mixture, against its formula."""
    n, energy, Z = 40_000, 50.0, 74
    radius = showers.radii(rng(), np.full(n, tau), np.full(n, energy))
    returned = showers.radial(tau, energy)
    core = 0.0251 + 0.00319 * np.log(energy) + (0.1162 - 0.000381 * Z) * tau
    k1, k2, k3, k4 = 0.659 - 0.00309 * Z, 0.645, -2.59, 0.3585 + 0.0421 * np.log(energy)
    tail = k1 * (np.exp(k3 * (tau - k2)) + np.exp(k4 * (tau - k2)))
    u = (0.401 + 0.00187 * Z - tau) / (1.313 - 0.0686 * np.log(energy))
    weight = (2.632 - 0.00094 * Z) * np.exp(u - np.exp(u))
    assert 0 < weight < 1
    np.testing.assert_allclose(returned, (core, tail, weight), rtol=1e-12)
    for r in (core, tail, 3.0):
        expected = weight * r**2 / (r**2 + core**2) + (1 - weight) * r**2 / (r**2 + tail**2)
        assert abs((radius < r).mean() - expected) < 5 * 0.5 / np.sqrt(n)


@pytest.mark.parametrize("particle", ["electron", "photon", "neutral pion"])
def test_energy_is_conserved_and_sampled(particle):
    """The spots of electromagnetic showers add up to E on average, with the deviation 0.17 √E, wherever they are."""
    n, energy = 1500, 20.0
    found = showers.spots(rng(), particle, np.full(n, energy))
    total = np.bincount(found.event, found.energy, n)
    assert abs(total.mean() - energy) < 5 * 0.17 * np.sqrt(energy / n)
    assert abs(total.std() / (0.17 * np.sqrt(energy)) - 1) < 5 / np.sqrt(2 * n)


def test_photons_begin_nine_sevenths_deep(monkeypatch):
    begun = []
    monkeypatch.setattr(showers, "_electrons", lambda rng, event, energy, x, y, start: begun.append((energy, start)))
    showers.spots(rng(), "photon", np.full(20_000, 30.0))
    energy, start = (a.reshape(2, 20_000) for a in begun[0])
    np.testing.assert_allclose(energy.sum(axis=0), 30, rtol=1e-14)  # the pair has all of it; two roundings
    np.testing.assert_array_equal(start[0], start[1])
    assert abs(start[0].mean() - 9 / 7) < 5 * 9 / 7 / np.sqrt(20_000)  # exponential: the deviation is the mean


def test_neutral_pions_make_two_photons_that_balance(monkeypatch):
    made = []
    monkeypatch.setattr(showers, "_photons", lambda rng, event, energy, x, y, start: made.append((event, energy, x, y)))
    showers.spots(rng(), "neutral pion", np.full(1000, 20.0))
    event, energy, x, y = (a.reshape(2, 1000) for a in made[0])
    np.testing.assert_array_equal(event[0], event[1])
    np.testing.assert_allclose(energy.sum(axis=0), 20, rtol=1e-14)
    centre = (energy * x).sum(axis=0) / 20  # where the pion would have hit: within the middle cell
    assert abs(centre).max() <= showers.CELL / 2 + 1e-12
    distance = np.hypot(x[0] - x[1], y[0] - y[1])
    # the invariant mass of two massless particles at a small angle θ is √(E₁ E₂) θ
    np.testing.assert_allclose(np.sqrt(energy[0] * energy[1]) * distance / 161, 0.135, rtol=1e-9)


def test_half_of_the_charged_pions_are_tracks_and_none_makes_energy():
    n, energy = 2000, 40.0
    found = showers.spots(rng(), "charged pion", np.full(n, energy))
    thin = ~np.isin(found.energy, (showers.SPOT, showers.HADRONIC_SPOT))  # no portion of a shower
    track = np.bincount(found.event[thin & (found.depth < 22.5)], minlength=n)
    through = np.exp(-(24.5 * showers.LAYER) / showers.INTERACTION)  # past the middle of the last layer
    assert abs((track >= 25).mean() - through) < 5 * 0.5 / np.sqrt(n)
    total = np.bincount(found.event, found.energy, n)
    # VISIBLE of the hadronic part is seen, all of the electromagnetic one, and the track besides
    mean = 1 - energy**-0.18
    expected = energy * (mean + showers.VISIBLE * (1 - mean))
    assert expected < total.mean() < expected + 25 * showers.CRITICAL + 5 * total.std() / np.sqrt(n)


def test_cells_hold_what_falls_inside():
    energy = np.full(50, 60.0)
    cells = showers.simulate(rng(3), "photon", energy)
    found = showers.spots(rng(3), "photon", energy)  # the same ones
    assert cells.shape == (50, 25, 25, 25) and cells.dtype == np.float32
    half = 12.5 * showers.CELL
    inside = (np.maximum(abs(found.x), abs(found.y)) < half) & (found.depth < 22.5)
    expected = np.bincount(found.event[inside], found.energy[inside], 50)
    np.testing.assert_allclose(cells.sum(axis=(1, 2, 3)), expected, rtol=1e-5)  # float32 sums of 15,625
    assert 0 < 1 - expected.sum() / np.bincount(found.event, found.energy).sum() < 0.1
    layer = np.bincount((found.depth[inside] / showers.LAYER).astype(int), found.energy[inside], 25)
    np.testing.assert_allclose(cells.sum(axis=(0, 1, 2)), layer, rtol=1e-4)
    for axis, where in ((1, found.x), (2, found.y)):
        column = np.bincount(((where + half) / showers.CELL)[inside].astype(int), found.energy[inside], 25)
        np.testing.assert_allclose(cells.sum(axis=tuple({0, 1, 2, 3} - {axis})), column, rtol=1e-4)


@pytest.mark.parametrize("wrong, message", [
    (lambda: showers.spots(0, "photon", [10.0]), "rng"),
    (lambda: showers.spots(rng(), "muon", [10.0]), "particle"),
    (lambda: showers.spots(rng(), "photon", [10.0, np.nan]), "energy: expected"),
    (lambda: showers.spots(rng(), "photon", [1.0]), "energy: expected"),
    (lambda: showers.drifting_gaussians(rng(), 0), "count"),
    (lambda: showers.bin_probabilities("noise"), "kind"),
    (lambda: showers.features(np.zeros((2, 25, 25, 24))), r"\(2, 25, 25, 24\)"),
])  # fmt: skip
def test_bad_input_is_named(wrong, message):
    with pytest.raises((TypeError, ValueError), match=message):
        wrong()


# ---- features --------------------------------------------------------------------------------------------------------


def test_features_of_a_shower_made_by_hand():
    cells = np.zeros((1, 25, 25, 25))
    cells[0, 10, 12, 4], cells[0, 14, 12, 4] = 0.3, 0.1  # layer 4: x = -2 and 2
    cells[0, 12, 12, 7] = 0.4  # layer 7: x = 0
    x = showers.features(cells)[0]
    assert x.shape == (25, 6) and x.dtype == np.float32
    empty = [k for k in range(25) if k not in (4, 7)]
    assert not x[empty].any()
    # the axis: (0.3·(-2) + 0.1·2 + 0) / 0.8 = -0.5; from it -1.5, 2.5 and 0.5; the third moment
    # 0.3·(-3.375) + 0.1·15.625 + 0.4·0.125 > 0, so the long direction points to +x
    long4 = np.sqrt((0.3 * 1.5**2 + 0.1 * 2.5**2) / 0.4)
    expected4 = [np.log(1 + 0.4 / 0.008), 0.5, long4, 0, 0.75, (0.3 * -1.5 + 0.1 * 2.5) / 0.4]
    np.testing.assert_allclose(x[4], expected4, atol=1e-6)  # float32
    np.testing.assert_allclose(x[7], [np.log(51), 0.5, 0.5, 0, 1, 0.5], atol=1e-6)


def test_features_do_not_see_how_a_shower_lies():
    cells = showers.simulate(rng(), "neutral pion", rng(1).uniform(10, 40, 6))
    cells[:, [0, 1, -2, -1]] = 0  # room for a shift
    cells[:, :, [0, 1, -2, -1]] = 0
    x = showers.features(cells)
    turned = np.rot90(cells, axes=(1, 2)), cells[:, ::-1], cells.swapaxes(1, 2), np.roll(cells, (2, -1), (1, 2))
    for other in turned:
        np.testing.assert_allclose(showers.features(other), x, atol=5e-3)  # roots of float32 differences
    assert abs(showers.features(cells[:, :, :, ::-1]) - x).max() > 0.1  # depth does matter


def test_a_calorimeter_without_energy_is_no_nan():
    assert not showers.features(np.zeros((3, 25, 25, 25))).any()


# ---- the reader ------------------------------------------------------------------------------------------------------


def test_without_h5py_the_message_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name == "h5py":
            raise ImportError("No module named 'h5py'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.delitem(sys.modules, "h5py", raising=False)
    with pytest.raises(ImportError, match="pip install h5py"):
        showers.read("a.h5")


@pytest.fixture
def h5(tmp_path):
    """h5(name, **data sets): the path of an HDF5 file with them."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed: pip install h5py")

    def write(name="a.h5", **sets):
        with h5py.File(tmp_path / name, "w") as file:
            for key, values in sets.items():
                file[key] = values
        return tmp_path / name

    return write


def geant_like(n=7):
    cells = showers.simulate(rng(5), "electron", np.linspace(10, 20, n)).astype(np.float64)
    return cells, np.array([11, -11, 22, 111, 211, -211, 22])[:n], np.linspace(10, 20, n)


@pytest.mark.parametrize("axes", [2, 3])
def test_a_file_gives_back_what_was_put_in(h5, axes):
    cells, numbers, energies = geant_like()
    target = np.stack([numbers, energies, 0 * energies], axis=1)
    path = h5(ECAL=cells, target=target[:, None] if axes == 3 else target, HCAL=np.zeros(3))
    chunks = list(showers.read(path, chunk=3))
    assert [len(part[0]) for part in chunks] == [3, 3, 1]
    found = [np.concatenate(parts) for parts in zip(*chunks)]
    assert found[0].dtype == np.float32
    np.testing.assert_array_equal(found[0], cells.astype(np.float32))
    np.testing.assert_array_equal(found[1], numbers)
    np.testing.assert_array_equal(found[2], energies)


def test_features_of_a_file_are_those_of_its_cells(h5):
    cells, numbers, energies = geant_like()
    path = h5(ECAL=cells, target=np.stack([numbers, energies], axis=1))
    x, y, e = showers.read_features([path, path], limit=5, chunk=2)
    expected = showers.features(cells[:5])
    np.testing.assert_allclose(x, np.concatenate([expected] * 2), atol=1e-5)  # other chunks, other sums: float32
    np.testing.assert_array_equal(y, [0, 0, 1, 2, 3] * 2)
    np.testing.assert_array_equal(e, np.concatenate([energies[:5]] * 2))
    other = h5("b.h5", ECAL=cells[:2], target=np.array([[0, 10.0], [1, 20.0]]))
    with pytest.raises(ValueError, match="expected particle numbers 11, 22, 111, 211, got 0"):
        showers.read_features(other)
    np.testing.assert_array_equal(showers.read_features(other, classes={0: 3, 1: 1})[1], [3, 1])


def test_never_more_than_a_chunk_is_read(h5, monkeypatch):
    """Of an HDF5 data set only slices are asked for, at most `chunk` events long."""
    import h5py

    asked, real = [], h5py.Dataset.__getitem__
    monkeypatch.setattr(h5py.Dataset, "__getitem__", lambda self, k, **rest: asked.append(k) or real(self, k, **rest))
    cells, numbers, energies = geant_like()
    list(showers.read(h5(ECAL=cells, target=np.stack([numbers, energies], axis=1)), chunk=2))
    assert len(asked) == 8 and all(k.stop - k.start == 2 for k in asked)


def test_cells_are_scaled_before_the_features(h5):
    cells, numbers, energies = geant_like(3)
    path = h5(ECAL=cells / 50, target=np.stack([numbers, energies], axis=1))
    np.testing.assert_allclose(showers.read_features(path, scale=50)[0], showers.features(cells), atol=1e-4)  # float32


def test_broken_files_are_named(h5, tmp_path):
    cells, numbers, energies = geant_like(2)
    target = np.stack([numbers, energies], axis=1)
    nan = cells.copy()
    nan[1, 3, 4, 5] = np.nan
    text = tmp_path / "text.h5"
    text.write_text("not at all")
    for path, message in [
        (text, "text.h5: not an HDF5 file"),
        (h5("1.h5", HCAL=cells, target=target), "expected data sets ECAL and target, got HCAL, target"),
        (h5("2.h5"), "got nothing"),
        (h5("3.h5", ECAL=cells[..., :24], target=target), r"ECAL: expected \(N, 25, 25, 25\), got \(2, 25, 25, 24\)"),
        (h5("4.h5", ECAL=cells, target=target[:1]), r"target: expected \(2, k\)"),
        (h5("5.h5", ECAL=cells, target=target[:, :1]), "target: expected"),
        (h5("6.h5", ECAL=cells, target=energies), "target: expected"),
        (h5("8.h5", ECAL=cells[:0], target=target[:0]), "expected at least one event, got none"),
        (h5("9.h5", ECAL=cells, target=target.astype("S8")), r"target: expected real numbers, got \|S8"),
    ]:
        with pytest.raises(ValueError, match=message):
            showers.read(path)  # before the first chunk is asked for
    with pytest.raises(ValueError, match="not finite in event 1"):
        list(showers.read(h5("7.h5", ECAL=nan, target=target), chunk=1))
    target[1, 0] = np.nan
    with pytest.raises(ValueError, match="target: not finite in event 1"):
        list(showers.read(h5("10.h5", ECAL=cells, target=target)))
    with pytest.raises(FileNotFoundError, match="none"):
        showers.read(tmp_path / "none.h5")


def test_a_file_damaged_inside_is_named(h5, tmp_path):
    """The header is whole, the checksum of the second event's cells is not."""
    import h5py

    cells, numbers, energies = geant_like(2)
    path = tmp_path / "c.h5"
    with h5py.File(path, "w") as file:
        file["target"] = np.stack([numbers, energies], axis=1)
        file.create_dataset("ECAL", data=cells, chunks=(1, 25, 25, 25), fletcher32=True)
        place = file["ECAL"].id.get_chunk_info(1).byte_offset
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(b"\x55\xaa\x55\xaa")
    chunks = showers.read(path, chunk=1)
    np.testing.assert_array_equal(next(chunks)[0], cells[:1].astype(np.float32))
    with pytest.raises(ValueError, match=r"c\.h5: damaged after event 1"):
        next(chunks)


# ---- what is stored beside the chapter -------------------------------------------------------------------------------


def test_pytorchs_figures_are_plausible():
    stored = json.loads((RUN / "showers_torch.json").read_text())
    assert set(stored["auc"]) == {"RNN", "LSTM", "GRU"}
    assert all(0.9 < area < 0.93 for found in stored["auc"].values() for area in found)
