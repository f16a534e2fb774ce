"""Data: found in `$LSTM_CORE_DATA`, else in the user's cache, else downloaded; always verified.

A file is what it should be if the SHA-256 of its *uncompressed* content is: any mirror's gzip will do, and a
truncated or altered copy is an error, never an odd result.
"""

import gzip
import hashlib
import io
import os
import tempfile
import warnings
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .checks import brief, check_count, check_rng
from .files import write_atomic


class DataUnavailable(OSError):
    """A data set is neither on this machine nor to be had from the network; the message says what to do.

    >>> issubclass(data.DataUnavailable, OSError)
    True
    """


class DataCorrupt(ValueError):
    """A file is there, but its content is not what it should be; the message names the file.

    >>> issubclass(data.DataCorrupt, ValueError)
    True
    """


class _File(NamedTuple):
    sha256: str  # of the uncompressed content
    size: int  # of that, in bytes
    urls: tuple


def _mnist(name, size, sha256):
    mirrors = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/")
    return {f"mnist/{name}": _File(sha256, size, tuple(f"{mirror}{name}.gz" for mirror in mirrors))}


_SHAKESPEARE = "karpathy/char-rnn/master/data/tinyshakespeare/input", "jcjohnson/torch-rnn/master/data/tiny-shakespeare"
FILES = {
    "text/tiny-shakespeare.txt": _File(
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        1_115_394,
        tuple(f"https://raw.githubusercontent.com/{path}.txt" for path in _SHAKESPEARE),
    ),
    **_mnist("train-images-idx3-ubyte", 47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    **_mnist("train-labels-idx1-ubyte", 60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    **_mnist("t10k-images-idx3-ubyte", 7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    **_mnist("t10k-labels-idx1-ubyte", 10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}


def mnist() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """MNIST (LeCun et al. 1998): ((x, y), (x_test, y_test)), 60,000 and 10,000 digits.

    x: (N, 28, 28) float32 in [0, 1], a row of the image a time step; y: (N,) int64 labels 0 … 9.
    Raises DataUnavailable or DataCorrupt.

    >>> (x, y), (x_test, y_test) = data.mnist()  # doctest: +SKIP
    >>> x.shape, y.shape, x_test.shape  # doctest: +SKIP
    ((60000, 28, 28), (60000,), (10000, 28, 28))
    """

    def part(name):
        x, y = _idx(f"mnist/{name}-images-idx3-ubyte", axes=3), _idx(f"mnist/{name}-labels-idx1-ubyte", axes=1)
        return x.astype(np.float32) / 255, y.astype(np.int64)

    return part("train"), part("t10k")


def shakespeare() -> str:
    """Tiny Shakespeare (Karpathy 2015), 1,115,394 characters of the plays: a string. Raises as `mnist` does.

    >>> data.shakespeare()[:14]  # doctest: +SKIP
    'First Citizen:'
    """
    return content("text/tiny-shakespeare.txt").decode("ascii")


def digits(
    rng: np.random.Generator, test: int = 297
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The 8×8 digits that ship with scikit-learn, split at random: ((x, y), (x_test, y_test)), 1,797 in all.

    x: (N, 8, 8) float32 in [0, 1]; y: (N,) int64. No download. Raises ImportError without scikit-learn.

    >>> (x, y), (x_test, y_test) = data.digits(rng)
    >>> x.shape, x_test.shape
    ((1500, 8, 8), (297, 8, 8))
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError('digits: needs scikit-learn: pip install "lstm-core[data]"') from error
    check_rng(rng)
    test = check_count("test", test)
    x, y = load_digits(return_X_y=True)
    if test >= len(x):
        raise ValueError(f"test: expected less than all {len(x)} digits, got {test}")
    order = rng.permutation(len(x))
    x, y = (x[order].reshape(-1, 8, 8) / 16).astype(np.float32), y[order].astype(np.int64)
    return (x[test:], y[test:]), (x[:test], y[:test])


def parity(rng: np.random.Generator, count: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Random bit strings and the running parity: x (count, length, 2) float32 one-hot bits, y (count, length) int64.

    y[n, t] is 1 if bits 0 … t of string n hold an odd number of ones, else 0.

    >>> x, y = data.parity(rng, count=1, length=6)
    >>> x[0, :, 1].astype(int), y[0]
    (array([1, 1, 1, 0, 0, 0]), array([1, 0, 1, 1, 1, 1]))
    """
    check_rng(rng)
    count, length = check_count("count", count), check_count("length", length)
    bits = rng.integers(0, 2, (count, length))
    return np.eye(2, dtype=np.float32)[bits], bits.cumsum(axis=1) % 2


# ---- finding, fetching, verifying -------------------------------------------------------------------------


def content(name: str) -> bytes:
    """The verified bytes of the file `name` of `FILES`. Raises DataUnavailable or DataCorrupt.

    >>> data.content("mnist")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: name: expected one of text/tiny-shakespeare.txt, ...
    """
    if not isinstance(name, str) or name not in FILES:
        raise ValueError(f"name: expected one of {', '.join(FILES)}, got {brief(name)}")
    cache = Path(_pooch().os_cache("lstm_core"))
    chosen = os.environ.get("LSTM_CORE_DATA")
    for folder in [Path(chosen), cache] if chosen else [cache]:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                with open(path, "rb") as file:  # what is larger than its content cannot be it, nor a gzip of it
                    size = FILES[name].size
                    return _verified(name, path, file.read(size + size // 1_000 + 1_000))
    return _download(name, cache / name)


def _verified(name, source, raw):
    """`raw`, unzipped if it is gzip; DataCorrupt unless its SHA-256 is the one of `FILES`."""
    sha256, size, _ = FILES[name]
    try:
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.GzipFile(fileobj=io.BytesIO(raw)).read(size + 1)  # no further: a small file may hold terabytes
    except (EOFError, OSError, zlib.error) as error:
        raise DataCorrupt(f"{source}: not a whole gzip file ({error}); delete it and fetch it anew") from error
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        length = f"{len(raw):,} bytes" if len(raw) <= size else f"more than {size:,} bytes"
        raise DataCorrupt(
            f"{source}: expected content with SHA-256 {sha256}, got {found} ({length}); "
            "it is truncated or altered: delete it and fetch it anew"
        )
    return raw


def _download(name, target):
    """Fetch `name` from the first mirror that has it whole, keep it in the cache (atomically), return its bytes."""
    pooch = _pooch()
    fetch = pooch.HTTPDownloader(progressbar=True, timeout=10)
    problems = []
    for url in FILES[name].urls:
        with tempfile.TemporaryDirectory() as folder:
            try:
                path = pooch.retrieve(url, None, fname=target.name, path=folder, downloader=fetch)
                raw = _verified(name, url, Path(path).read_bytes())
            except (OSError, DataCorrupt, ValueError) as error:
                problems.append(f"  {url}: {type(error).__name__}: {error}")
                continue
        write_atomic(target, raw)
        return raw
    raise DataUnavailable(
        f"{name}: not in $LSTM_CORE_DATA ({os.environ.get('LSTM_CORE_DATA') or 'not set'}), not in the cache "
        f"({target.parent}), and no mirror gave it. Set LSTM_CORE_DATA to a folder that holds {name}.gz, or try again "
        "with a network:\n" + "\n".join(problems)
    )


def _pooch():
    """Pooch, imported only where a file is asked for: it brings what speaks HTTP along, a quarter of a second of it."""
    with warnings.catch_warnings():  # where Jupyter's widgets are missing, tqdm warns that its bar is a plain one
        warnings.simplefilter("ignore")
        import pooch
    return pooch


def _idx(name, axes):
    """An IDX file (big-endian header 0, 0, type 8, number of axes, then their sizes) as a uint8 array."""
    raw = content(name)
    shape = np.frombuffer(raw, ">i4", axes, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)
