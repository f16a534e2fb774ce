"""The data of the chapter on showers: simulators against their formulas, features, and the reader of HDF5 files."""

import builtins
import importlib.util
import json
import re
import sys
import tracemalloc
import zlib
from pathlib import Path

import nbformat
import numpy as np
import pytest
from opened import opened
from scipy.stats import gamma, kstest

RUN = Path(__file__).parents[2] / "chapters/run"
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


def test_gaussians_hold_all_entries_in_any_order_and_their_noise_is_fresh_in_every_bin():
    x, y = showers.drifting_gaussians(rng(), 50, T=3, D=5, noise=0)
    assert (x.sum(axis=2) == 1000).all() and (x.astype(int) == x).all()
    assert (np.diff(y) < 0).any() and (np.diff(y) > 0).any()  # not one class after the other
    noise = showers.drifting_gaussians(rng(), 500, T=4, D=5, entries=1)[0].reshape(1000, 20)
    assert abs(noise.std() - 10) < 5 * 10 / np.sqrt(2 * noise.size) + 0.02  # an entry adds less than 0.2 % to it
    related = np.corrcoef(noise.T) - np.eye(20)
    assert abs(related).max() < 5 / np.sqrt(1000)


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


def test_constants():
    """Of the Particle Data Group's table of tungsten, X0 3.504 mm and R_M 9.327 mm, and of the calorimeter's 5.1 mm."""
    assert (showers.Z, showers.CELLS, showers.LAYER) == (74, 25, 0.9)
    assert showers.CELL == pytest.approx(5.1 / 9.327, rel=0.01)
    assert showers.CRITICAL == 7.97e-3
    assert showers.INTERACTION == pytest.approx(113.3 / 3.504, rel=0.002)
    assert showers.DISTANCE == pytest.approx(1500 / 9.327, rel=0.002)
    assert (showers.PION, showers.VISIBLE) == (0.135, 0.7)
    assert (np.sqrt(showers.SPOT), np.sqrt(showers.HADRONIC_SPOT)) == pytest.approx((0.17, 0.5), rel=1e-15)
    assert [showers.PARTICLES[showers.PDG[k]][0] for k in (11, 22)] == ["e", "p"]
    assert [showers.PARTICLES[showers.PDG[k]].split()[0] for k in (111, 211)] == ["neutral", "charged"]


def test_a_shower_of_next_to_no_energy_has_a_profile():
    """Below 20 critical energies the formulas end; and α stays above 1, for the maximum is at α - 1."""
    least = showers.profile(20 * showers.CRITICAL)
    assert showers.profile(1e-9) == least != showers.profile(21 * showers.CRITICAL)
    T, alpha = showers.fluctuating_profile(rng(), np.full(5000, 1e-9))
    assert alpha.min() == 1.1 < np.median(alpha) < alpha.max() and T.min() > 0
    assert abs(np.log(T).mean() - np.log(least[0])) < 5 / (-1.4 + 1.26 * np.log(20)) / np.sqrt(5000)


def test_all_directions_are_alike():
    n = 20_000
    x, y = showers._around(rng(), np.full(n, 3.0))
    np.testing.assert_allclose(np.hypot(x, y), 3, rtol=1e-14)
    quarter = np.bincount((x > 0) + 2 * (y > 0), minlength=4) / n
    assert abs(quarter - 0.25).max() < 5 * np.sqrt(3 / 16 / n)
    assert abs((abs(x) > abs(y)).mean() - 0.5) < 5 * 0.5 / np.sqrt(n)


def test_particles_hit_the_middle_cell_anywhere(monkeypatch):
    hit = []
    monkeypatch.setattr(showers, "_electrons", lambda rng, event, energy, x, y, start: hit.append((x, y, start, event)))
    showers.spots(rng(), "electron", np.full(10_000, 2.0))
    *point, start, event = hit[0]
    assert not start.any() and (event == np.arange(10_000)).all()
    for a in point:
        counts = np.histogram(a, np.linspace(-0.5, 0.5, 5) * showers.CELL)[0] / 10_000
        assert counts.sum() == 1 and abs(counts - 0.25).max() < 5 * np.sqrt(3 / 16 / 10_000)
    assert abs(np.corrcoef(point)[0, 1]) < 5 / 100


def test_electrons_shower_where_they_are(monkeypatch):
    """Spots lie about (x, y) and behind `start`; the radius is that of the depth τ = t/T, and of the energy."""
    n, asked = 20, []
    energy, x, y, start = np.linspace(10, 100, n), np.arange(n) * 1.0, -np.arange(n) * 2.0, np.arange(n) * 10.0
    T = 3 + np.arange(n)

    def radii(rng, tau, energy):
        asked.append((tau, energy))
        return np.full(len(tau), 0.25)

    monkeypatch.setattr(showers, "radii", radii)
    monkeypatch.setattr(showers, "fluctuating_profile", lambda rng, energy: (T, np.full(n, 4.0)))
    found = showers._electrons(rng(), np.arange(n), energy, x, y, start)
    at = found.event
    np.testing.assert_allclose(np.hypot(found.x - x[at], found.y - y[at]), 0.25, rtol=1e-9)
    np.testing.assert_allclose((found.depth - start[at]) / T[at], asked[0][0], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(asked[0][1], energy[at])
    assert (np.unique(at) == np.arange(n)).all() and (found.energy == showers.SPOT).all()


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
    assert kstest(energy[0] / 30, "uniform").pvalue > 1e-6
    assert abs(start[0].mean() - 9 / 7) < 5 * 9 / 7 / np.sqrt(20_000)  # exponential: the deviation is the mean


def test_neutral_pions_make_two_photons_that_balance(monkeypatch):
    made = []
    monkeypatch.setattr(showers, "_photons", lambda rng, event, energy, x, y, start: made.append((event, energy, x, y)))
    showers.spots(rng(), "neutral pion", np.full(1000, 20.0))
    event, energy, x, y = (a.reshape(2, 1000) for a in made[0])
    np.testing.assert_array_equal(event[0], event[1])
    np.testing.assert_allclose(energy.sum(axis=0), 20, rtol=1e-14)
    assert kstest(energy[0] / 20, "uniform").pvalue > 1e-6
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


def test_charged_pions_part_by_part(monkeypatch):
    """The track, the four photons and the hadronic spots of each pion, all from the depth where it meets a nucleus."""
    n, energy, photons = 4000, 40.0, []
    nothing = showers.Spots(np.zeros(0, int), *np.zeros((4, 0)))
    monkeypatch.setattr(showers, "_photons", lambda rng, *given: photons.append(given) or nothing)
    x, y, start = np.linspace(-1, 1, n), np.linspace(5, 4, n), np.linspace(0, 3, n)
    found = showers._charged_pions(rng(), np.arange(n), np.full(n, energy), x, y, start)
    event4, energy4, x4, y4, start4 = (a.reshape(4, n) for a in photons[0])

    meets = start4[0]
    assert (start4 == meets).all() and (event4 == np.arange(n)).all() and (meets >= start).all()
    free = meets - start  # exponential: the deviation is the mean
    assert abs(free.mean() - 32.3) < 5 * 32.3 / np.sqrt(n) and abs(np.median(free) / np.log(2) / 32.3 - 1) < 0.08

    hard = found.energy == showers.HADRONIC_SPOT
    track = showers.Spots(*(a[~hard] for a in found))
    layers = (np.arange(25) + 0.5) * 0.9
    np.testing.assert_array_equal(track.event, np.repeat(np.arange(n), (layers < meets[:, None]).sum(axis=1)))
    np.testing.assert_array_equal(track.depth, np.concatenate([layers[layers < depth] for depth in meets]))
    np.testing.assert_array_equal((track.x, track.y), (x[track.event], y[track.event]))
    loss, deviation = 0.9 * 7.97e-3, 0.9 * 7.97e-3 / 3  # of a gamma distribution with α = 9
    assert abs(track.energy.mean() - loss) < 5 * deviation / np.sqrt(len(track.energy))
    assert abs(track.energy.std() / deviation - 1) < 5 * np.sqrt((2 + 6 / 9) / len(track.energy)) / 2

    part = energy4.sum(axis=0) / energy
    mean = 1 - energy**-0.18
    assert abs(part.mean() - mean) < 5 * np.sqrt(mean * (1 - mean) / 5 / n)  # beta: α + β = 4
    assert abs(part.var() / (mean * (1 - mean) / 5) - 1) < 5 * np.sqrt(2 / n)  # a flat one: excess < 0
    share = energy4 / energy4.sum(axis=0)
    assert abs(share.mean(axis=1) - 0.25).max() < 5 * np.sqrt(3 / 80 / n)
    assert abs(share.var() / (3 / 80) - 1) < 5 * np.sqrt(5 / n)
    for a in (x4 - x, y4 - y):
        assert abs(a.mean()) < 5 * 0.5 / np.sqrt(4 * n) and abs(a.std() / 0.5 - 1) < 5 / np.sqrt(8 * n)

    at = found.event[hard]
    expected = 0.7 * (1 - part) * energy / 0.25
    beyond = np.bincount(at, minlength=n) - expected
    assert abs(beyond.sum()) < 5 * np.sqrt(expected.sum())  # Poisson
    assert abs((beyond**2).sum() / expected.sum() - 1) < 0.1
    alpha, beta = 0.62 + 0.32 * np.log(energy), 0.91 - 0.02 * np.log(energy)
    depth, m = (found.depth[hard] - meets[at]) / 32.3, len(at)
    assert abs(depth.mean() - alpha / beta) < 5 * np.sqrt(alpha / m) / beta
    assert abs(depth.var() * beta**2 / alpha - 1) < 5 * np.sqrt((2 + 6 / alpha) / m)
    aside = np.hypot(found.x[hard] - x[at], found.y[hard] - y[at])
    assert abs(aside.mean() - 2) < 5 * 2 / np.sqrt(m) and abs(aside.std() / 2 - 1) < 5 * np.sqrt(8 / m) / 2


def test_one_energy_is_one_shower():
    assert showers.simulate(rng(), "electron", 10.0).shape == (1, 25, 25, 25)


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
    (lambda: showers.spots(rng(), "photon", [1000.1]), "energy: expected"),
    (lambda: showers.spots(rng(), "photon", [[10.0]]), "energy: expected"),
    (lambda: showers.simulate(rng(), "photon", []), "energy: expected"),
    (lambda: showers.drifting_gaussians(0, 1), "rng"),
    (lambda: showers.shower_set(0, 1), "rng"),
    (lambda: showers.shower_set(rng(), 0), "count"),
    (lambda: showers.read("a.h5", 0), "chunk"),
    (lambda: showers.read_features([]), "paths: expected at least one file, got none"),
    (lambda: showers.read_features("a.h5", limit=0), "limit"),
    (lambda: showers.features(np.zeros((25, 25, 25))), r"\(25, 25, 25\)"),
    (lambda: showers.drifting_gaussians(rng(), 0), "count"),
    (lambda: showers.bin_probabilities("noise"), "kind"),
    (lambda: showers.features(np.zeros((2, 25, 25, 24))), r"\(2, 25, 25, 24\)"),
])  # fmt: skip
def test_bad_input_is_named(wrong, message):
    with pytest.raises((TypeError, ValueError), match=message):
        wrong()


@pytest.mark.parametrize("particle", showers.PARTICLES)
def test_the_limits_of_energy_are_within(particle):
    assert showers.spots(rng(), particle, [2.0, 1000.0]).event.max() == 1


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


def test_features_are_the_sums_they_say_they_are():
    """Of few cells anywhere, in float64 and one by one: weighted means and deviations along the principal axes."""
    cells, draw = np.zeros((4, 25, 25, 25)), rng(2)
    for image in cells:
        for x, y, z in draw.integers(0, 25, (30, 3)):
            image[x, y, z % 12] += draw.exponential()
    cells[3] *= 1e-3  # a faint one
    for image, found in zip(cells, showers.features(cells)):
        points, e = np.argwhere(image)[:, :2], image[image > 0]
        layer = np.argwhere(image)[:, 2]
        centre = e @ points / e.sum()
        _, axes = np.linalg.eigh(np.cov(points.T, aweights=e))
        long, short = (points - centre) @ axes[:, 1], (points - centre) @ axes[:, 0]
        long = long * np.sign(e @ long**3)
        for k in range(25):
            mine = layer == k
            if not mine.any():
                assert not found[k].any()
                continue
            w = e[mine] / e[mine].sum()
            expected = [np.log(1 + e[mine].sum() / 0.008), e[mine].sum() / e.sum()]
            expected += [np.sqrt(w @ long[mine] ** 2), np.sqrt(w @ short[mine] ** 2), w.max(), w @ long[mine]]
            np.testing.assert_allclose(found[k], expected, rtol=1e-4, atol=2e-3)  # roots of float32 differences


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


def test_sizes_of_single_cells_are_their_distances():
    """One cell of 1 GeV in each layer: float32 holds the sums of whole numbers exactly, and all else is float64.

    On a line all widths are 0, and no root of a negative rounding.
    """
    x, y = rng().integers(0, 25, 2500), rng(1).integers(0, 25, 2500)
    for a, b in ((x, y), (x, x), (x, 24 - x), (x, 0 * x + 3)):
        cells = np.zeros((100, 25, 25, 25))
        cells[np.arange(2500) // 25, a, b, np.arange(2500) % 25] = 1
        found = showers.features(cells)
        assert np.isfinite(found).all()
        centres = (v.reshape(100, 25).mean(axis=1).repeat(25) for v in (a, b))
        expected = np.hypot(*(v - centre for v, centre in zip((a, b), centres)))
        np.testing.assert_allclose(np.hypot(found[:, :, 2], found[:, :, 3]).ravel(), expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(abs(found[:, :, 5]), found[:, :, 2], rtol=1e-6, atol=1e-6)
        assert b is y or found[:, :, 3].max() < 1e-6


def test_no_shower_no_feature():
    assert showers.features(np.zeros((0, 25, 25, 25))).shape == (0, 25, 6)


def test_a_set_keeps_showers_classes_and_energies_together(monkeypatch):
    """By a simulator that writes down what it was asked for."""
    sizes = []

    def simulate(rng, particle, energy):
        sizes.append(len(energy))
        return np.stack([np.full(len(energy), kinds.index(particle)), energy], axis=1)

    monkeypatch.setattr(showers, "simulate", simulate)
    monkeypatch.setattr(showers, "features", lambda cells: cells)
    kinds = "photon", "electron", "neutral pion"
    x, y, e = showers.shower_set(rng(), 50, (20, 30), kinds, chunk=20)
    assert sizes == 3 * [20, 20, 10]
    np.testing.assert_array_equal(x, np.stack([y, e], axis=1))
    assert np.bincount(y).tolist() == [50, 50, 50] and (np.diff(y) < 0).any()
    assert 20 <= e.min() < 21 and 29 < e.max() <= 30 and len(set(e)) == 150


def test_progress_is_shown_on_demand(capsys):
    showers.shower_set(rng(), 1)
    assert capsys.readouterr().err == ""
    showers.shower_set(rng(), 1, progress=True)
    assert "4/4" in capsys.readouterr().err


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
    target = np.stack([numbers, energies, np.nan * energies], axis=1)  # what is not read may be anything
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


def test_numbers_of_any_kind_are_read(h5):
    """Whole numbers, half precision, the other byte order, compressed: float32 comes out."""
    cells, numbers, energies = geant_like(3)
    cells, target = np.rint(cells), np.stack([numbers, np.rint(energies)], axis=1)
    for k, kind in enumerate(("u2", "i8", "f2", ">f8")):
        path = h5(f"{k}.h5", ECAL=cells.astype(kind), target=target.astype(kind.replace("u", "i")))
        ((found, names, energy),) = showers.read(path)
        assert (found.dtype, names.dtype.kind, energy.dtype) == (np.float32, "i", np.float64)
        np.testing.assert_array_equal(found, cells)
        np.testing.assert_array_equal((names, energy), target.T)


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
    x, _, e = showers.read_features(str(path), scale=50)
    np.testing.assert_allclose(x, showers.features(cells), atol=1e-4)  # float32
    np.testing.assert_array_equal(e, energies)


def test_broken_files_are_named(h5, tmp_path):
    import h5py

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
        (h5("11.h5", ECAL=h5py.Empty("f"), target=target), "expected data sets ECAL and target"),
        (h5("12.h5", ECAL=h5py.SoftLink("/none"), target=target), "expected data sets ECAL and target"),
        (h5("13.h5", ECAL=cells, target=target[:, None].repeat(2, 1)), r"target: expected .*, got \(2, 2, 2\)"),
        (h5("14.h5", ECAL=cells[0], target=target), r"ECAL: expected \(N, 25, 25, 25\), got \(25, 25, 25\)"),
        (h5("15.h5", ECAL=cells[:1], target=target), r"target: expected \(1, k\)"),
        (h5("9.h5", ECAL=cells, target=target.astype("S8")), r"target: expected real numbers, got \|S8"),
    ]:
        with pytest.raises(ValueError, match=message):
            showers.read(path)  # before the first chunk is asked for
    with pytest.raises(ValueError, match="not finite in event 1"):
        list(showers.read(h5("7.h5", ECAL=nan, target=target), chunk=1))
    target[1, 0] = np.nan
    with pytest.raises(ValueError, match="target: not finite in event 1"):
        list(showers.read(h5("10.h5", ECAL=cells, target=target)))
    for nowhere in (tmp_path / "none.h5", tmp_path):
        with pytest.raises(FileNotFoundError, match=f"{nowhere}: no such file"):
            showers.read(nowhere)


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


def elsewhere(h5py, file, cells):
    layout = h5py.VirtualLayout(cells.shape, cells.dtype)
    layout[:] = h5py.VirtualSource("beside.h5", "ECAL", cells.shape)
    return layout


STORED = {  # where else the numbers may be, or seem to be: what is done with h5py, the file and its cells
    "an external link": (lambda h5py, file, cells: file.__setitem__("ECAL", h5py.ExternalLink("beside.h5", "ECAL")),
                         "in the file itself, got ECAL as ExternalLink to 'ECAL'"),
    "a soft link": (lambda h5py, file, cells: (file.__setitem__("a", cells),
                                               file.__setitem__("ECAL", h5py.SoftLink("/a"))),
                    "in the file itself, got ECAL as SoftLink to '/a'"),
    "external numbers": (lambda h5py, file, cells: file.create_dataset(
        "ECAL", cells.shape, cells.dtype, external=[("beside.bin", 0, cells.nbytes)]), "ECAL: .* got external ones"),
    "a virtual data set": (lambda h5py, file, cells: file.create_virtual_dataset(
        "ECAL", elsewhere(h5py, file, cells)), "ECAL: expected its numbers in the file, got a virtual one"),
    "no numbers": (lambda h5py, file, cells: file.create_dataset("ECAL", (10**9, 25, 25, 25), "f8"),
                   "ECAL: expected 125000000000000 bytes in the file, got 0"),
    "numbers of some chunks": (lambda h5py, file, cells: file.create_dataset(
        "ECAL", cells.shape, "f8", chunks=(1, 25, 25, 25)).write_direct(cells[:1], dest_sel=np.s_[:1]),
        "ECAL: expected 2 chunks in the file, got 1"),
    "a chunk of a gigabyte": (lambda h5py, file, cells: file.create_dataset(
        "ECAL", (9_000, 25, 25, 25), "f8", chunks=(9_000, 25, 25, 25)), "ECAL: expected chunks of at most 268435456"),
    "another compression": (lambda h5py, file, cells: file.create_dataset("ECAL", data=cells, compression="lzf"),
                            r"ECAL: expected no compression or gzip, got \(32000,\)"),
    "numbers that are scaled": (lambda h5py, file, cells: file.create_dataset("ECAL", data=cells, scaleoffset=2),
                                r"ECAL: expected no compression or gzip, got \(6,"),
}  # fmt: skip


@pytest.mark.parametrize("store, message", STORED.values(), ids=STORED.keys())
def test_numbers_that_are_not_in_the_file_are_refused(store, message, h5, tmp_path, monkeypatch):
    """Before a file beside it is opened, and before memory is taken for what is not there."""
    import h5py

    monkeypatch.chdir(tmp_path)
    cells, numbers, energies = geant_like(2)
    h5("beside.h5", ECAL=cells)
    (tmp_path / "beside.bin").write_bytes(cells.tobytes())
    with h5py.File("c.h5", "w") as file:
        file["target"] = np.stack([numbers, energies], axis=1)
        store(h5py, file, cells)
    with opened(tmp_path) as names:
        with pytest.raises(ValueError, match=f"^c\\.h5: .*{message}"):
            showers.read("c.h5")
        assert names() == {"c.h5"}


@pytest.mark.parametrize("how", [
    {"compression": "gzip"}, {"compression": "gzip", "shuffle": True}, {"fletcher32": True}, {"shuffle": True},
    {"compression": "gzip", "shuffle": True, "fletcher32": True}, {"chunks": (2, 5, 25, 24), "compression": "gzip"},
    {"chunks": (2, 25, 25, 25), "compression": "gzip", "maxshape": (None, 25, 25, 25)},
], ids=str)  # fmt: skip
def test_compressed_numbers_are_read(how, tmp_path):
    import h5py

    cells, numbers, energies = geant_like(5)
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_dataset("target", data=np.stack([numbers, energies], axis=1), **how if "chunks" not in how else {})
        file.create_dataset("ECAL", data=cells, **how)
    for chunk in (1, 3, 9):
        found = list(showers.read(tmp_path / "c.h5", chunk))
        np.testing.assert_array_equal(np.concatenate([part[0] for part in found]), cells.astype(np.float32))
        np.testing.assert_array_equal(np.concatenate([part[1] for part in found]), numbers)


def test_a_chunk_unpacks_to_no_more_than_its_numbers(tmp_path):
    """HDF5 would unpack all of it, half a gigabyte here."""
    import h5py

    cells, numbers, energies = geant_like(2)
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["target"] = np.stack([numbers, energies], axis=1)
        found = file.create_dataset("ECAL", data=cells, chunks=(1, 25, 25, 25), compression="gzip")
        found.id.write_direct_chunk((1, 0, 0, 0), zlib.compress(bytes(2**29)))
    chunks = showers.read(tmp_path / "c.h5", 1)
    next(chunks)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"c\.h5: ECAL: expected chunks of 125004 bytes, got a larger one"):
        next(chunks)
    assert tracemalloc.get_traced_memory()[1] < 3e6
    tracemalloc.stop()


def test_values_that_no_shower_has_are_refused(h5):
    cells, numbers, energies = geant_like(3)

    def refused(message, cells=cells, numbers=numbers, energies=energies, **how):
        path = h5(ECAL=cells, target=np.stack([numbers, energies], axis=1))
        with pytest.raises(ValueError, match=rf"a\.h5: {message}"):
            showers.read_features(path, **how)

    below, large = cells.copy(), cells.copy()
    below[2, 3, 4, 5], large[1, 3, 4, 5] = -1e-3, 1e300
    refused("ECAL: an energy below 0 in event 2", cells=below)
    refused("ECAL: not finite in event 1", cells=large)
    refused("target: an energy below 0 in event 1", energies=np.array([1, -1, 1]))
    refused("target: a particle number that is not whole in event 0", numbers=np.array([11.5, 11, 11]))
    refused("target: a particle number that is not whole in event 2", numbers=np.array([11, 11, 1e300]))
    refused("target: not finite in event 2", numbers=np.array([11, 11, np.nan]))
    refused("target: not finite in event 2", energies=np.array([11, 11, np.inf]))
    refused("expected energies of showers, got larger", cells=np.minimum(large, 3e38))
    refused("expected energies of showers, got larger", scale=1e38)


# ---- what is stored beside the chapter -------------------------------------------------------------------------------


def test_pytorchs_figures_are_all_there():
    stored = json.loads((RUN / "showers_torch.json").read_text())
    assert {"torch", "machine", "date", "auc"} == stored.keys()
    assert list(stored["auc"]) == ["as it comes", "one bias", "our start"]
    for found in stored["auc"].values():
        assert list(found) == ["RNN", "LSTM", "GRU"]
        assert all(len(areas) == 5 and 0.9 < min(areas) <= max(areas) < 0.93 for areas in found.values())


def test_five_seeds_of_every_network_are_stored(monkeypatch):
    """What the script plans, with date and machine; nothing else; and on the side of chance where it should be."""
    monkeypatch.syspath_prepend(RUN)
    script = importlib.import_module("showers_runs")
    stored = json.loads((RUN / "showers_runs.json").read_text(encoding="utf-8"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", stored["date"]) and {"machine", "python", "numpy"} <= stored.keys()
    assert stored["runs"].keys() == {key for key, *_ in script.plan()} and len(stored["runs"]) == 5 * (5 + 4 + 3)
    for key, run in stored["runs"].items():
        low, high = (0.9, 0.93) if "auc" in run else (0.65, 0.9)
        assert low < run["auc" if key.startswith("gaussians") else "right"] < high, key


def test_the_page_prints_the_stored_seeds():
    cells = nbformat.read(RUN / "showers.ipynb", as_version=4).cells
    page = "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", []))
    runs = json.loads((RUN / "showers_runs.json").read_text(encoding="utf-8"))["runs"]
    groups = {key.rpartition(" | ")[0] for key in runs}
    assert len(groups) == 12
    for group in groups:
        kind, name = group.split(" | ")
        what = "auc" if kind == "gaussians" else "right"
        found = np.array([runs[f"{group} | {seed}"][what] for seed in range(5)])
        mean, error = found.mean(), found.std(ddof=1) / 5**0.5
        if kind == "gaussians":
            line = rf"{name} +{mean:.4f} ± {error:.4f} +{found.min():.4f} to {found.max():.4f}"
        elif "," in name:
            line = rf"learning rate {name.partition(', ')[2]}: {100 * mean:.1f} ± {100 * error:.1f}"
        else:
            line = rf"{name} +{100 * mean:.1f} ± {100 * error:.2f} +{100 * found.min():.1f} to {100 * found.max():.1f}"
        assert re.search(line, page), group


def test_the_networks_are_those_that_the_chapter_describes(monkeypatch):
    """Units and parameters; a network without time gets all features of all steps at once."""
    monkeypatch.syspath_prepend(RUN)
    script = importlib.import_module("showers_runs")
    sizes = {}
    for name in script.GAUSSIANS:
        net, shape = script.network(name, 10, 30, 10, 2, rng())
        x = np.arange(2 * 10 * 30, dtype=np.float32).reshape(2, 10, 30)
        assert net.predict(shape(x)).shape == (2, 2)
        sizes[name] = net.theta.size
    assert (script.flat(x)[:, 0] == x.reshape(2, 300)).all()
    assert sizes == {"RNN": 10 * 41 + 22, "LSTM": 4 * 10 * 41 + 22, "GRU": 3 * 10 * 41 + 10 + 22,
                     "dense": 301 * 64 + 130, "linear": 602}  # fmt: skip
