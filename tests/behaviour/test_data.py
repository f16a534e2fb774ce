"""Data: what the sets hold; and that a file is verified, cached whole or not at all, and missed with a clear error."""

import gzip
import hashlib
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pooch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_core import data

# ---- parity and digits -------------------------------------------------------------------------------------------


@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 99))
def test_parity_counts_the_ones_so_far(count, length, seed):
    x, y = data.parity(np.random.default_rng(seed), count, length)
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((count, length, 2), np.float32, (count, length), np.int64)
    for string, targets in zip(x, y):
        ones = 0
        for bit, target in zip(string, targets):
            assert sorted(bit) == [0, 1]  # one-hot
            ones += bit[1] == 1
            assert target == ones % 2


def test_parity_is_random_and_reproducible():
    draws = [data.parity(np.random.default_rng(seed), 400, 50)[0] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()
    assert abs(draws[0][..., 1].mean() - 0.5) < 5 * 0.5 / np.sqrt(20_000)  # five standard errors of a fair coin
    assert len(np.unique(draws[0], axis=0)) == 400


@pytest.mark.parametrize("test", [1, 297, 1796])
def test_digits_are_split_not_copied(test):
    from sklearn.datasets import load_digits

    (x, y), (x_test, y_test) = data.digits(np.random.default_rng(0), test)
    assert (x.shape, x_test.shape) == ((1797 - test, 8, 8), (test, 8, 8))
    assert (x.dtype, y.dtype) == (np.float32, np.int64) and x.min() == 0 and x.max() <= 1

    def ordered(x, y):
        rows = np.column_stack([x.reshape(len(x), 64), y])
        return rows[np.lexsort(rows.T)]

    images, labels = load_digits(return_X_y=True)
    # every digit of the original once, in one of the two, with its own label: so no digit is in both
    found = ordered(np.concatenate([x, x_test]) * 16, np.concatenate([y, y_test]))
    np.testing.assert_array_equal(found, ordered(images, labels))


def test_digits_are_shuffled_by_the_generator():
    splits = [data.digits(np.random.default_rng(seed))[1] for seed in (0, 0, 1)]
    np.testing.assert_equal(splits[0], splits[1])
    assert (splits[0][1] != splits[2][1]).any()
    assert set(splits[0][1]) == set(range(10))


# ---- files -------------------------------------------------------------------------------------------------------

CONTENT = bytes(range(256)) * 4
OTHER = CONTENT[:-1] + b"\0"
NAME, URLS = "toy/numbers", ("https://first.example/numbers.gz", "https://second.example/numbers.gz")


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The reader's own folder and the cache, both empty; one known file; and no network."""
    own, cache = tmp_path / "own", tmp_path / "cache"
    monkeypatch.setenv("LSTM_CORE_DATA", str(own))
    monkeypatch.setattr(pooch, "os_cache", lambda name: cache)
    monkeypatch.setattr(data, "FILES", {NAME: data._File(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), URLS)})
    serve(monkeypatch, {})
    return own, cache


def serve(monkeypatch, answers):
    """Let each URL of `answers` give its bytes, and every other one no connection; returns the URLs asked for."""
    asked = []

    def retrieve(url, known_hash, fname, path, downloader):
        asked.append(url)
        assert downloader.kwargs["timeout"] == 10  # a mirror that does not answer is not waited for
        if url not in answers:
            raise ConnectionError("no route to host")
        (Path(path) / fname).write_bytes(answers[url])
        return str(Path(path) / fname)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    return asked


def put(folder, raw, suffix=".gz"):
    path = folder / (NAME + suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return path


def files_in(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("where", [0, 1], ids=["own folder", "cache"])
@pytest.mark.parametrize("raw, suffix", [(gzip.compress(CONTENT), ".gz"), (CONTENT, ""), (CONTENT, ".gz"),
                                         (gzip.compress(CONTENT, 1), "")],
                         ids=["gzip", "plain", "plain called gz", "another gzip, called plain"])
def test_found_on_this_machine(folders, where, raw, suffix):
    put(folders[where], raw, suffix)
    assert data.content(NAME) == CONTENT


def test_own_folder_goes_first_and_may_be_unset(folders, monkeypatch):
    own, cache = folders
    put(cache, CONTENT)
    bad = put(own, OTHER)
    with pytest.raises(data.DataCorrupt, match=str(bad)):
        data.content(NAME)
    for folder in ("", str(own / "nowhere")):
        monkeypatch.setenv("LSTM_CORE_DATA", folder)
        assert data.content(NAME) == CONTENT
    monkeypatch.delenv("LSTM_CORE_DATA")
    assert data.content(NAME) == CONTENT


def flipped(raw, at):
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


ZIPPED = gzip.compress(CONTENT)
CORRUPT = {
    "truncated gzip": (ZIPPED[:-20], "not a whole gzip file"),
    "gzip header only": (ZIPPED[:4], "not a whole gzip file"),
    "gzip, a byte flipped": (flipped(ZIPPED, len(ZIPPED) // 2), "not a whole gzip file|it is truncated or altered"),
    "gzip, an impossible block": (ZIPPED[:10] + b"\xff" + ZIPPED[11:], "not a whole gzip file"),
    "gzip, its checksum flipped": (flipped(ZIPPED, len(ZIPPED) - 6), "not a whole gzip file"),
    "gzip with a tail": (ZIPPED + b"tail", "not a whole gzip file"),
    "gzip of something else": (gzip.compress(OTHER), "expected content with SHA-256 .*, got .*1,024 bytes"),
    "plain, a byte flipped": (flipped(CONTENT, 500), "expected content with SHA-256 .*, got .*1,024 bytes"),
    "plain, truncated": (CONTENT[:1000], r"got .*\(1,000 bytes\); it is truncated or altered: delete it"),
    "empty": (b"", r"got .*\(0 bytes\)"),
}


@pytest.mark.parametrize("raw, message", CORRUPT.values(), ids=CORRUPT.keys())
def test_altered_files_are_refused(folders, monkeypatch, raw, message):
    path = put(folders[0], raw)
    with pytest.raises(data.DataCorrupt, match=message) as caught:
        data.content(NAME)
    assert str(path) in str(caught.value) and "delete it and fetch it anew" in str(caught.value)
    assert path.read_bytes() == raw  # it is the reader's: left alone


def test_neither_here_nor_on_the_network(folders):
    own, cache = folders
    with pytest.raises(data.DataUnavailable) as caught:
        data.content(NAME)
    for part in (str(own), str(cache), *URLS, "no route to host", "Set LSTM_CORE_DATA to a folder that holds " + NAME):
        assert part in str(caught.value)
    assert not cache.exists()


def test_downloaded_once(folders, monkeypatch):
    _, cache = folders
    asked = serve(monkeypatch, {URLS[0]: ZIPPED})
    assert data.content(NAME) == data.content(NAME) == CONTENT
    assert asked == [URLS[0]]
    assert files_in(cache) == [NAME] and (cache / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("first", [None, *(raw for raw, _ in CORRUPT.values())], ids=["no answer", *CORRUPT])
def test_the_second_mirror_helps_out(folders, monkeypatch, first):
    _, cache = folders
    asked = serve(monkeypatch, {URLS[1]: ZIPPED} | ({} if first is None else {URLS[0]: first}))
    assert data.content(NAME) == CONTENT
    assert asked == list(URLS) and files_in(cache) == [NAME]


@pytest.mark.parametrize("raw, message", CORRUPT.values(), ids=CORRUPT.keys())
def test_a_bad_download_is_not_kept(folders, monkeypatch, raw, message):
    serve(monkeypatch, dict.fromkeys(URLS, raw))
    with pytest.raises(data.DataUnavailable, match=message):
        data.content(NAME)
    assert not folders[1].exists()


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_nothing_half_written_stays(folders, monkeypatch, step):
    serve(monkeypatch, {URLS[0]: ZIPPED})

    def full_disk(*arguments):
        assert len(files_in(folders[1])) == 1
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full_disk)
    with pytest.raises(OSError, match="No space left"):
        data.content(NAME)
    assert files_in(folders[1]) == []


# ---- MNIST -------------------------------------------------------------------------------------------------------


def idx(array):
    """The IDX format: 0, 0, 8 (uint8), the number of axes, their sizes big-endian, the values."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def test_mnist_reads_idx(folders, monkeypatch):
    rng, files, sets = np.random.default_rng(0), {}, []
    for prefix, count in (("train", 3), ("t10k", 2)):
        x, y = rng.integers(0, 256, (count, 28, 28), np.uint8), rng.integers(0, 10, count, np.uint8)
        sets.append((x, y))
        for name, raw in {f"{prefix}-images-idx3-ubyte": idx(x), f"{prefix}-labels-idx1-ubyte": idx(y)}.items():
            files[f"mnist/{name}"] = data._File(hashlib.sha256(raw).hexdigest(), len(raw), (name,))
            serve(monkeypatch, {name: raw})
            monkeypatch.setattr(data, "FILES", files)
            data.content(f"mnist/{name}")  # into the cache
    for (x, y), (images, labels) in zip(data.mnist(), sets):
        assert (x.dtype, y.dtype) == (np.float32, np.int64) and 0 <= x.min() and x.max() <= 1
        np.testing.assert_array_equal(np.rint(x * 255), images)
        np.testing.assert_array_equal(y, labels)


def test_the_real_mnist(monkeypatch):
    serve(monkeypatch, {})  # from this machine, or not at all
    try:
        (x, y), (x_test, y_test) = data.mnist()
    except data.DataUnavailable:
        pytest.skip("no MNIST on this machine: set LSTM_CORE_DATA to a folder that holds it")
    assert (x.shape, y.shape, x_test.shape, y_test.shape) == ((60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,))
    # as published: the first labels, and how many of each class the test set has
    assert y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert x.min() == 0 and x.max() == 1 and 0.130 < x.mean() < 0.131


# ---- tiny Shakespeare --------------------------------------------------------------------------------------------


def test_the_real_shakespeare(monkeypatch):
    serve(monkeypatch, {})  # from this machine, or not at all
    try:
        text = data.shakespeare()
    except data.DataUnavailable:
        pytest.skip("no tiny Shakespeare on this machine: set LSTM_CORE_DATA to a folder that holds it")
    assert len(text) == 1_115_394 and len(set(text)) == 65
    assert text.startswith("First Citizen:\nBefore we proceed any further, hear me speak.\n")


def test_mirrors():
    """The addresses that are asked, as they were found: a slip in one would go unseen as long as another answers."""
    host, raw = "https://storage.googleapis.com/cvdf-datasets/mnist/", "https://raw.githubusercontent.com/"
    other = "https://ossci-datasets.s3.amazonaws.com/mnist/"
    assert data.FILES["text/tiny-shakespeare.txt"].urls == (
        raw + "karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        raw + "jcjohnson/torch-rnn/master/data/tiny-shakespeare.txt",
    )
    mnist = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    assert data.FILES.keys() == {"text/tiny-shakespeare.txt", *(f"mnist/{name}" for name in mnist)}
    for name in mnist:
        assert data.FILES[f"mnist/{name}"].urls == (f"{host}{name}.gz", f"{other}{name}.gz")


def test_an_altered_shakespeare_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTM_CORE_DATA", str(tmp_path))
    path = tmp_path / "text" / "tiny-shakespeare.txt"
    path.parent.mkdir()
    path.write_bytes(b"First Citizen:\r\n" * 10)
    with pytest.raises(data.DataCorrupt, match=r"speare.txt: expected content with SHA-256 86c4e6aa.*160 bytes"):
        data.shakespeare()


def test_an_altered_mnist_is_refused(tmp_path, monkeypatch):
    """The real check-sums, on a file of the right name, size and shape."""
    name = "t10k-labels-idx1-ubyte"
    monkeypatch.setenv("LSTM_CORE_DATA", str(tmp_path))
    path = tmp_path / "mnist" / f"{name}.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(idx(np.zeros(10_000, np.uint8))))
    with pytest.raises(data.DataCorrupt, match=f"{name}.gz: expected content with SHA-256 ff7bcfd4.*10,008 bytes"):
        data.content(f"mnist/{name}")


@pytest.mark.parametrize("packed", [True, False], ids=["gzip", "plain"])
def test_a_file_is_read_no_further_than_what_it_should_hold(folders, packed):
    """200 MB of zeros, as a gzip of 0.2 MB or as a sparse file: refused in a megabyte of memory."""
    path = folders[0] / (f"{NAME}.gz" if packed else NAME)
    path.parent.mkdir(parents=True)
    with gzip.open(path, "wb") if packed else open(path, "wb") as file:
        if packed:
            for _ in range(200):
                file.write(bytes(1_000_000))
        else:
            file.truncate(200_000_000)
    tracemalloc.start()
    with pytest.raises(data.DataCorrupt, match=r"more than 1,024 bytes"):
        data.content(NAME)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6


def test_the_sizes_are_those_of_the_sources():
    sizes = {"train-images-idx3-ubyte": 47_040_016, "train-labels-idx1-ubyte": 60_008,
             "t10k-images-idx3-ubyte": 7_840_016, "t10k-labels-idx1-ubyte": 10_008}  # fmt: skip
    assert {name: data.FILES[f"mnist/{name}"].size for name in sizes} == sizes
    assert data.FILES["text/tiny-shakespeare.txt"].size == 1_115_394
