"""Data of the chapter on calorimeter showers: two simulators and a reader.

`drifting_gaussians` makes the data of TMVA's recurrent tutorial after its description.
`simulate` makes electromagnetic and hadronic showers from published parametrisations,
`features` turns a shower of 25 × 25 × 25 cells into a sequence of 25 layers, and `read`
and `read_features` do with the Geant4 showers in HDF5 files what these two do here.

Units: energies in GeV, depths in radiation lengths X0, widths in Molière radii R_M.
"""

import itertools
import math
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from lstm_core.checks import brief, check_choice, check_count, check_rng, listed

# ---- drifting Gaussians ------------------------------------------------------------


def bin_probabilities(kind, T=10, D=30):
    """Chance of each of D bins at T steps, (T, D), for "signal" or "background".

    The density at step t = 0 … T-1 is a normal one between 0 and 10, with mean
    5 + 0.2 w and width 4 + 0.3 w; w = cos(πt/T) for signal, sin(πt/T) for background.
    Source: ROOT's tutorial TMVA_RNN_Classification.C, function MakeTimeData.
    """
    from scipy.stats import norm

    waves = {"signal": np.cos, "background": np.sin}
    check_choice("kind", kind, waves)
    wave = waves[kind](np.pi * np.arange(T) / T)[:, None]
    edges = np.linspace(0, 10, D + 1)
    mass = np.diff(norm.cdf((edges - 5 - 0.2 * wave) / (4 + 0.3 * wave)), axis=1)
    return mass / mass.sum(axis=1, keepdims=True)


def drifting_gaussians(rng, count, T=10, D=30, entries=1000, noise=10.0):
    """x (2·count, T, D) float32; labels (2·count,), 1 signal, 0 background; shuffled.

    A step is a histogram of `entries` numbers in D bins (see `bin_probabilities`), each
    bin with normal noise of width `noise` added.
    """
    check_rng(rng)
    check_count("count", count)
    y = rng.permutation(np.repeat([0, 1], count))
    x = rng.normal(0, noise, (2 * count, T, D)).astype(np.float32)
    for label, kind in enumerate(["background", "signal"]):
        p = bin_probabilities(kind, T, D)
        x[y == label] += rng.multinomial(entries, p, (count, T)).astype(np.float32)
    return x, y


# ---- showers -----------------------------------------------------------------------

PARTICLES = "electron", "photon", "neutral pion", "charged pion"
PDG = {11: 0, 22: 1, 111: 2, 211: 3}  # the Monte Carlo scheme's |number|: class

CELLS = 25  # in x, in y, and layers in depth
LAYER = 0.9  # thickness of a layer, X0
CELL = 0.55  # width of a cell, R_M: 5.1 mm
Z = 74  # tungsten, and from the tables of the Particle Data Group:
CRITICAL = 0.00797  # critical energy, GeV
INTERACTION = 32.3  # a pion's mean free path, X0: 11.33 cm / 3.504 mm
DISTANCE = 161.0  # from the vertex to the front, R_M: 1.5 m / 9.327 mm
PION = 0.135  # mass of the neutral pion, GeV
SPOT = 0.17**2  # GeV a spot: sampling noise of 17 % / √E
HADRONIC_SPOT = 0.5**2  # the same for hadrons: 50 % / √E
VISIBLE = 0.7  # how much of the hadronic energy is seen


class Spots(NamedTuple):
    """Deposits, arrays (S,): of which event, where (x, y in R_M, depth in X0), GeV."""

    event: np.ndarray
    x: np.ndarray
    y: np.ndarray
    depth: np.ndarray
    energy: np.ndarray


def profile(energy):
    """T and α of an electron's mean shower: depth of the maximum (X0) and shape.

    Their logarithms are the means of ln T and ln α in Grindhammer & Peters
    (hep-ex/0001020), homogeneous media: T = ln y - 0.812 and
    α = 0.81 + (0.458 + 2.26/Z) ln y with y = E / E_c.
    """
    log_y = np.log(np.maximum(energy / CRITICAL, 20))  # no shower to speak of below
    return log_y - 0.812, 0.81 + (0.458 + 2.26 / Z) * log_y


def fluctuating_profile(rng, energy):
    """T and α of single showers, log-normal about `profile` (same source)."""
    log_y = np.log(np.maximum(energy / CRITICAL, 20))
    T, alpha = profile(energy)
    rho = 0.705 - 0.023 * log_y
    first, second = rng.standard_normal((2, len(log_y)))
    second = rho * first + np.sqrt(1 - rho**2) * second
    T = T * np.exp(first / (-1.4 + 1.26 * log_y))
    alpha = alpha * np.exp(second / (-0.58 + 0.86 * log_y))
    return T, np.maximum(alpha, 1.1)


def radial(tau, energy):
    """Radii of core and tail, R_M, and the core's part, at depth τ = t/T (same source).

    The source scales τ a little, by α, for showers that fluctuate; here it is t/T.
    """
    log_e = np.log(energy)
    core = 0.0251 + 0.00319 * log_e + (0.1162 - 0.000381 * Z) * tau
    shift = tau - 0.645
    tail = np.exp(-2.59 * shift) + np.exp((0.3585 + 0.0421 * log_e) * shift)
    tail *= 0.659 - 0.00309 * Z
    u = (0.401 + 0.00187 * Z - tau) / (1.313 - 0.0686 * log_e)
    weight = (2.632 - 0.00094 * Z) * np.exp(u - np.exp(u))
    return core, tail, weight


def radii(rng, tau, energy):
    """Distances from the axis, R_M, at depth τ, from the mixture of core and tail.

    Each has the density 2 r R² / (r² + R²)², R as in `radial`.
    """
    core, tail, weight = radial(tau, energy)
    R = np.where(rng.random(len(tau)) < weight, core, tail)
    v = rng.random(len(tau))
    return R * np.sqrt(v / (1 - v))


def _around(rng, radius):
    angle = rng.uniform(0, 2 * np.pi, len(radius))
    return radius * np.cos(angle), radius * np.sin(angle)


def _electrons(rng, event, energy, x, y, start):
    """Spots of electrons (or positrons) of `energy` that begin to shower at `start`."""
    T, alpha = fluctuating_profile(rng, energy)
    count = rng.poisson(energy / SPOT)
    event, energy, x, y, start, T, alpha = (
        np.repeat(a, count) for a in (event, energy, x, y, start, T, alpha)
    )
    depth = rng.standard_gamma(alpha) * T / (alpha - 1)
    dx, dy = _around(rng, radii(rng, depth / T, energy))
    return Spots(event, x + dx, y + dy, start + depth, np.full(len(event), SPOT))


def _photons(rng, event, energy, x, y, start):
    """A photon goes 9/7 X0 on average, then makes a pair that shares its energy."""
    start = start + rng.exponential(9 / 7, len(energy))
    part = rng.random(len(energy))
    pair = (np.concatenate([a, a]) for a in (event, x, y, start))
    event, x, y, start = pair
    energy = np.concatenate([part * energy, (1 - part) * energy])
    return _electrons(rng, event, energy, x, y, start)


def separation(energy, part):
    """Distance, R_M, of the photons of a neutral pion that get `part` and the rest.

    For small angles, θ = m / (E √(part (1 - part))).
    """
    return DISTANCE * PION / (energy * np.sqrt(part * (1 - part)))


def _neutral_pions(rng, event, energy, x, y, start):
    """Two photons; the share of one is uniform, as in the decay of a fast scalar."""
    part = rng.uniform(1e-3, 1 - 1e-3, len(energy))
    dx, dy = _around(rng, separation(energy, part))
    one = part * energy, x + (1 - part) * dx, y + (1 - part) * dy
    two = (1 - part) * energy, x - part * dx, y - part * dy
    both = (np.concatenate(pair) for pair in zip(one, two))
    return _photons(rng, np.tile(event, 2), *both, np.tile(start, 2))


def hadronic_profile(energy):
    """α and β of the gamma distribution of a hadronic shower, in interaction lengths.

    The hadronic one of the two parts in Bock et al. 1981, its constants rounded.
    """
    return 0.62 + 0.32 * np.log(energy), 0.91 - 0.02 * np.log(energy)


def _charged_pions(rng, event, energy, x, y, start):
    """A track that ionises, until the pion meets a nucleus; then a hadronic shower.

    Per layer the track leaves E_c · thickness (Rossi's definition of E_c). Of the
    shower, 1 - (E / GeV)^-0.18 on average is electromagnetic, four photons that share
    it at random; the rest has the gamma profile of `hadronic_profile`.
    """
    meets = start + rng.exponential(INTERACTION, len(energy))
    layers = (np.arange(CELLS) + 0.5) * LAYER
    which, layer = np.nonzero(layers < meets[:, None])
    ionised = rng.standard_gamma(9.0, len(which)) / 9 * CRITICAL * LAYER
    track = Spots(event[which], x[which], y[which], layers[layer], ionised)

    mean = 1 - energy**-0.18
    part = rng.beta(4 * mean, 4 * (1 - mean))
    share = rng.dirichlet(np.ones(4), len(energy)).T.ravel()
    four = (np.tile(a, 4) for a in (event, part * energy, x, y, meets))
    event4, energy4, x4, y4, meets4 = four
    dx, dy = rng.normal(0, 0.5, (2, len(share)))
    soft = _photons(rng, event4, share * energy4, x4 + dx, y4 + dy, meets4)

    count = rng.poisson(VISIBLE * (1 - part) * energy / HADRONIC_SPOT)
    event, energy, x, y, meets = (
        np.repeat(a, count) for a in (event, energy, x, y, meets)
    )
    alpha, beta = hadronic_profile(energy)
    depth = INTERACTION * rng.standard_gamma(alpha) / beta
    dx, dy = _around(rng, rng.exponential(2.0, len(energy)))
    spot = np.full(len(energy), HADRONIC_SPOT)
    hard = Spots(event, x + dx, y + dy, meets + depth, spot)
    return Spots(*(np.concatenate(parts) for parts in zip(track, soft, hard)))


def spots(rng, particle, energy):
    """Energy deposits, `Spots`, of showers of a `particle`; energies (N,) in GeV.

    particle is one of PARTICLES. They hit the middle cell, each at another point.
    Raises TypeError for a seed in place of a generator, and ValueError for another
    particle or an energy that is not in 2 … 1000 GeV.
    """
    check_rng(rng)
    check_choice("particle", particle, PARTICLES)
    energy = np.atleast_1d(np.asarray(energy, float))
    fits = energy.ndim == 1 and energy.size > 0
    if not fits or not ((energy >= 2) & (energy <= 1000)).all():
        raise ValueError(f"energy: expected (N,) numbers in 2 … 1000 GeV, got {energy}")
    makers = _electrons, _photons, _neutral_pions, _charged_pions
    x, y = rng.uniform(-CELL / 2, CELL / 2, (2, len(energy)))
    event, start = np.arange(len(energy)), np.zeros(len(energy))
    return makers[PARTICLES.index(particle)](rng, event, energy, x, y, start)


def simulate(rng, particle, energy):
    """Cells (N, 25, 25, 25) float32, axes x, y, depth: the energies of `spots`.

    What falls outside is lost, behind the last layer too: leakage.
    """
    found = spots(rng, particle, energy)
    x, y = (np.floor(a / CELL + CELLS / 2) for a in (found.x, found.y))
    layer = np.floor(found.depth / LAYER)
    inside = (x >= 0) & (x < CELLS) & (y >= 0) & (y < CELLS) & (layer < CELLS)
    place = ((found.event * CELLS + x) * CELLS + y) * CELLS + layer
    place, size = place[inside].astype(np.int64), np.size(energy) * CELLS**3
    cells = np.bincount(place, found.energy[inside], size)
    return cells.astype(np.float32).reshape(-1, CELLS, CELLS, CELLS)


FEATURES = "log energy", "share", "length", "width", "peak", "offset"


def features(cells):
    """A layer a step: cells (N, 25, 25, 25) -> sequences (N, 25, 6) float32.

    log energy: ln(1 + E / 8 MeV), E the layer's energy, the unit what a track leaves
    share:      of the shower's energy
    length:     rms distance from the shower's axis, in cells, along its long direction
    width:      the same along its short one
    peak:       what part of the layer's energy is in its hottest cell
    offset:     of the layer's centre from the axis, in cells, along the long direction

    The directions are the principal axes of all layers together, the long one pointing
    to the greater third moment: turned or mirrored showers give the same. All but the
    first are 0 in a layer without energy.
    """
    cells = np.asarray(cells)
    if cells.shape[1:] != (CELLS,) * 3:
        raise ValueError(f"cells: expected (N, 25, 25, 25), got {cells.shape}")
    cells = cells.astype(np.float32, copy=False)
    N, r = len(cells), np.arange(CELLS) - CELLS // 2
    layer = cells.sum(axis=(1, 2))  # (N, 25)
    total = np.maximum(layer.sum(axis=1), 1e-9)
    # moments of each layer, sums of x^a y^b, by products with small matrices
    powers = np.stack([r**0, r, r**2]).astype(np.float32)  # (3, 25)
    along_x = np.tensordot(cells, powers, ((1,), (1,)))  # (N, y, depth, a)
    m = np.tensordot(along_x, powers, ((1,), (1,)))  # (N, depth, a, b)
    m = m.astype(float)
    sums = m.sum(axis=1) / total[:, None, None]
    cx, cy = sums[:, 1, 0], sums[:, 0, 1]
    xx, yy = sums[:, 2, 0] - cx**2, sums[:, 0, 2] - cy**2
    angle = np.arctan2(2 * (sums[:, 1, 1] - cx * cy), xx - yy) / 2
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]

    image = cells.sum(axis=3)
    u = cos[:, :, None] * (r[:, None] - cx[:, None, None])
    u = u + sin[:, :, None] * (r[None, :] - cy[:, None, None])
    sign = np.where((image * u**3).sum(axis=(1, 2)) < 0, -1, 1)[:, None]
    cos, sin = sign * cos, sign * sin

    cx, cy = cx[:, None], cy[:, None]
    weight = np.where(layer > 0, layer, 1)
    one, x, y = layer / weight, m[:, :, 1, 0] / weight, m[:, :, 0, 1] / weight
    x2 = m[:, :, 2, 0] / weight - 2 * cx * x + cx**2 * one
    y2 = m[:, :, 0, 2] / weight - 2 * cy * y + cy**2 * one
    xy = m[:, :, 1, 1] / weight - cx * y - cy * x + cx * cy * one
    long = cos**2 * x2 + 2 * cos * sin * xy + sin**2 * y2
    short = sin**2 * x2 - 2 * cos * sin * xy + cos**2 * y2
    peak = cells.reshape(N, CELLS**2, CELLS).max(axis=1) / weight
    offset = cos * (x - cx * one) + sin * (y - cy * one)
    energy, share = np.log1p(layer / 0.008), layer / total[:, None]
    sizes = (np.sqrt(np.maximum(a, 0)) for a in (long, short))
    return np.stack([energy, share, *sizes, peak, offset], axis=2).astype(np.float32)


def shower_set(
    rng, count, energies=(10, 100), particles=PARTICLES, chunk=200, progress=False
):
    """`count` showers of each particle: features x, classes y, energies e, shuffled.

    x (N, 25, 6) float32; y (N,) indices into `particles`; e (N,), uniform in the range
    `energies`. Cells are made `chunk` events at a time and forgotten.
    """
    check_rng(rng)
    check_count("count", count)
    e = rng.uniform(*energies, len(particles) * count)
    y = np.repeat(np.arange(len(particles)), count)
    pieces = [
        (particle, e[y == label][k : k + chunk])
        for label, particle in enumerate(particles)
        for k in range(0, count, chunk)
    ]
    bar = tqdm(pieces, disable=not progress, unit="chunk", mininterval=0.5)
    parts = [features(simulate(rng, particle, mine)) for particle, mine in bar]
    order = rng.permutation(len(e))
    return np.concatenate(parts)[order], y[order], e[order]


# ---- Geant4 showers in HDF5 files --------------------------------------------------


CHUNK = 2**28  # bytes of a stored chunk at most: HDF5 reads one as a whole
DAMAGE = ArithmeticError, LookupError, OSError, RuntimeError, TypeError, zlib.error
GZIP, SHUFFLE, FLETCHER32 = 1, 2, 3  # HDF5's numbers for what a chunk went through
FILTERS = {
    (*before, *gzip, *after)
    for before in ((), (SHUFFLE,), (FLETCHER32,), (SHUFFLE, FLETCHER32))
    for gzip in ((), (GZIP,))
    for after in ((), (FLETCHER32,))
}


def read(path, chunk=256):
    """Iterator over an HDF5 file of Geant4 showers: (cells, numbers, energies) chunks.

    cells (n, 25, 25, 25) float32 as they stand in `ECAL`, axes x, y, depth; numbers
    (n,) and energies (n,), of the particles, as in columns 0 and 1 of `target`. The
    file may be larger than the memory: n <= chunk events are there at a time.

    Raises ImportError without h5py, FileNotFoundError, and ValueError for a file that
    is not HDF5, lacks a key, or holds no event, another shape or no numbers, not all of
    them, or in another file, or compressed by anything but gzip; on the way, ValueError
    for damaged data, and for values that are not finite, energies below 0 and particle
    numbers that are not whole.
    """
    check_count("chunk", chunk)
    try:
        import h5py
    except ImportError as error:
        raise ImportError("reading HDF5 files needs h5py: pip install h5py") from error
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with _errors_that_name(path), h5py.File(path, "r") as file:
        _check_layout(h5py, file)
    return _chunks(h5py, path, chunk)


@contextmanager
def _errors_that_name(path, what="not an HDF5 file that is whole"):
    """Every error that a damaged file leads to is a ValueError that names the file."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {listed([error])}") from error
    except DAMAGE as error:
        raise ValueError(f"{path}: {what} ({listed([error])})") from error


def _check_layout(h5py, file):
    for key in ("ECAL", "target"):
        link = file.get(key, getlink=True)
        if link is not None and type(link) is not h5py.HardLink:
            raise ValueError(
                f"expected data sets ECAL and target in the file itself, got {key} as "
                f"{type(link).__name__} to {brief(link.path)}"
            )
        if getattr(file.get(key), "shape", None) is None:  # a group, or empty
            keys = listed(file) or "nothing"
            raise ValueError(f"expected data sets ECAL and target, got {keys}")
        if file[key].dtype.kind not in "fiu":
            kind = file[key].dtype
            raise ValueError(f"{key}: expected real numbers, got {kind}")
        _check_stored(key, file[key])
    shape, target = file["ECAL"].shape, file["target"].shape
    if shape[1:] != (CELLS,) * 3:
        raise ValueError(f"ECAL: expected (N, 25, 25, 25), got {shape}")
    if shape[0] == 0:
        raise ValueError("ECAL: expected at least one event, got none")
    fits = len(target) == 2 or (len(target) == 3 and target[1] == 1)
    if not fits or target[0] != shape[0] or target[-1] < 2:
        raise ValueError(
            f"target: expected ({shape[0]}, k) or ({shape[0]}, 1, k), particle number "
            f"and energy first of k >= 2 columns, got {target}"
        )


def _check_stored(key, found):
    """All numbers of a data set have to stand in the file, in chunks of some size."""
    if found.external:
        raise ValueError(f"{key}: expected its numbers in the file, got external ones")
    if found.is_virtual:
        raise ValueError(f"{key}: expected its numbers in the file, got a virtual one")
    if found.chunks is None:
        size, stored = found.size * found.dtype.itemsize, found.id.get_storage_size()
        if stored != size:
            raise ValueError(f"{key}: expected {size} bytes in the file, got {stored}")
        return
    plist = found.id.get_create_plist()
    filters = tuple(plist.get_filter(k)[0] for k in range(plist.get_nfilters()))
    if filters not in FILTERS:
        raise ValueError(f"{key}: expected no compression or gzip, got {filters}")
    if math.prod(found.chunks) * found.dtype.itemsize > CHUNK:
        raise ValueError(
            f"{key}: expected chunks of at most {CHUNK} bytes, got {found.chunks} "
            f"of {found.dtype}"
        )
    sizes = zip(found.shape, found.chunks)
    count, stored = math.prod(-(-n // m) for n, m in sizes), found.id.get_num_chunks()
    if stored != count:
        raise ValueError(f"{key}: expected {count} chunks in the file, got {stored}")


def _check_sizes(key, found, first, last):
    """No stored chunk of these events may unpack to more than its numbers.

    HDF5 itself unpacks as long as there is something: half a gigabyte of 500 kB.
    """
    plist = found.id.get_create_plist()
    filters = [plist.get_filter(k)[0] for k in range(plist.get_nfilters())]
    if found.chunks is None or GZIP not in filters:
        return
    size = math.prod(found.chunks) * found.dtype.itemsize + 4  # and a checksum
    first -= first % found.chunks[0]
    places = zip((first, *[0] * found.ndim), (last, *found.shape[1:]), found.chunks)
    for place in itertools.product(*(range(*axis) for axis in places)):
        skipped, raw = found.id.read_direct_chunk(place)
        if not skipped >> filters.index(GZIP) & 1:
            raw = zlib.decompressobj().decompress(raw, size + 1)
        if len(raw) > size:
            raise ValueError(
                f"{key}: expected chunks of {size} bytes, got a larger one"
            )


def _chunks(h5py, path, chunk):
    with h5py.File(path, "r") as file:
        for k in range(0, len(file["ECAL"]), chunk):
            with _errors_that_name(path, f"damaged after event {k}"):
                for key in ("ECAL", "target"):
                    _check_sizes(key, file[key], k, min(k + chunk, len(file[key])))
                with np.errstate(over="ignore"):  # too large for float32: not finite
                    cells = file["ECAL"][k : k + chunk].astype(np.float32)
                target = file["target"][k : k + chunk]
                target = target.reshape(len(cells), -1)[:, :2].astype(float)
                _check_values(cells, target, k)
            yield cells, target[:, 0].astype(int), target[:, 1]


def _check_values(cells, target, first):
    number, energy = target[:, :1], target[:, 1:]
    whole = (number == np.rint(number)) & (abs(number) < 2**31)
    for key, fits, what in (
        ("ECAL", np.isfinite(cells), "not finite"),
        ("target", np.isfinite(target), "not finite"),
        ("ECAL", cells >= 0, "an energy below 0"),
        ("target", energy >= 0, "an energy below 0"),
        ("target", whole, "a particle number that is not whole"),
    ):
        bad = ~fits.reshape(len(cells), -1).all(axis=1)
        if bad.any():
            raise ValueError(f"{key}: {what} in event {first + bad.argmax()}")


def read_features(paths, limit=None, chunk=256, classes=PDG, scale=1.0):
    """Features x, classes y and energies e of HDF5 files, as `shower_set` gives them.

    paths: a list of files, one particle or several in each; limit: at most so many
    events of each file; classes: a dict, the file's particle number without its sign ->
    class; scale: a factor for the cells, as `features` counts energies as a shower's
    own, not as the part of it that the sensors see. The order is that of the files:
    shuffle before training.
    Raises as `read`, and ValueError for no file or a number that is not in `classes`.
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    if not paths:
        raise ValueError("paths: expected at least one file, got none")
    if limit is not None:
        check_count("limit", limit)
    parts = []
    for path in paths:
        left = np.inf if limit is None else limit
        for cells, numbers, energies in read(path, chunk):
            n = int(min(left, len(cells)))
            numbers = np.abs(numbers[:n]).tolist()
            for number in numbers:
                if number not in classes:
                    expected = ", ".join(map(str, classes))
                    raise ValueError(
                        f"{path}: expected particle numbers {expected}, got {number}"
                    )
            labels = np.array([classes[number] for number in numbers])
            with np.errstate(over="ignore", invalid="ignore"):
                x = features(scale * cells[:n])
            if not np.isfinite(x).all():
                raise ValueError(f"{path}: expected energies of showers, got larger")
            parts.append((x, labels, energies[:n]))
            left -= n
            if left == 0:
                break
    return tuple(np.concatenate(part) for part in zip(*parts))
