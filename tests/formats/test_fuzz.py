"""Altered files of every format that is read, the same ones in every run: each is refused by name, or of a content that
is whole; and every file on which `make fuzz` ever found something wrong. `make fuzz` hunts for others."""

import ctypes
import os
import time
from pathlib import Path

import numpy as np
import pytest
from altered import FINE, RATIO, File, Format, beside, files, summary, verdicts
from readers import formats

FORMATS = formats()
COUNTS = {"checkpoint": 600, "xml": 500, "onnx": 500, "graphs": 800, "hdf5": 300, "idx": 300}
FOUND = Path(__file__).parent / "found"


@pytest.mark.parametrize("name", COUNTS)
def test_altered_files_are_refused_or_whole(name, tmp_path, shown):
    if name not in FORMATS:
        pytest.skip("the library is not installed")
    given = list(files(FORMATS[name], np.random.default_rng(2026), COUNTS[name]))
    found = verdicts(FORMATS[name], beside(tmp_path), given)
    assert len(found) == len(given) and {verdict.what for verdict in found} <= {*FINE}, [
        verdict for verdict in found if verdict.what not in FINE
    ]
    shown(summary(name, found))


def test_there_are_enough():
    assert sum(COUNTS.values()) >= 2_000


def test_what_was_found_once(tmp_path):
    """FORMAT-DIGEST of a file that may have another content, FORMAT-DIGEST-exact of one that has a digest to tell."""
    for path in sorted(FOUND.glob("*-*")):
        name, *_ = path.name.split("-")
        if name in FORMATS:
            file = File(path.read_bytes(), FORMATS[name].samples[0], "-exact" not in path.name)
            (verdict,) = verdicts(FORMATS[name], beside(tmp_path), [file])
            assert verdict.what in FINE, f"{path.name}: {verdict}"


# ---- the hunt finds what it hunts for --------------------------------------------------------------------------------


def harm(path):
    """A reader that does what the file says."""
    raw, folder = path.read_bytes(), path.parent
    match raw:
        case b"crash":
            ctypes.string_at(0)
        case b"abort":
            os.abort()
        case b"exit":
            os._exit(0)
        case b"sleep":
            time.sleep(60)
        case b"slow":
            end = time.process_time() + 0.6
            while time.process_time() < end:
                pass
        case b"memory":
            bytes(b"1" * 40_000_000)
        case b"beside":
            (folder / "beside.bin").read_bytes()
        case b"beside in C":
            libc = ctypes.CDLL(None)
            libc.close(libc.open(os.fsencode(folder / "beside.bin"), os.O_RDONLY))
        case b"the system":
            Path("/etc/hostname").exists() and open("/etc/passwd").close()
        case b"unnamed":
            raise ValueError("somewhere")
        case b"another error":
            raise KeyError(str(path))
        case b"a child of ValueError":
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, str(path))
        case b"long":
            raise ValueError(f"{path}: {'x' * 10_000}")
        case b"refused":
            raise ValueError(f"{path}: no")
        case b"no file":
            raise FileNotFoundError(2, "no such file", str(path))
    return raw


def broken(path, content):
    if content == b"broken":
        raise ArithmeticError("no model")


HUNTED = {
    b"whole": "same", b"refused": "refused", b"no file": "refused", b"changed": "other",
    b"crash": "a crash, exit status -11", b"abort": "a crash, exit status -6", b"exit": "a crash, exit status 0",
    b"sleep": "a hang", b"slow": "0.6 seconds", b"memory": "MB of memory for 6 bytes",
    b"beside": "['beside.bin'] opened", b"beside in C": "['beside.bin'] opened",
    b"the system": "['/etc/passwd'] opened", b"unnamed": "unnamed ValueError: somewhere",
    b"another error": "unnamed KeyError", b"a child of ValueError": "unnamed UnicodeDecodeError",
    b"long": "a message of 10", b"broken": "a content that is none: ArithmeticError: no model",
}  # fmt: skip


def test_the_hunt_finds_what_it_hunts_for(tmp_path, monkeypatch):
    """In one run: after each crash it goes on with the next file."""
    import altered

    monkeypatch.setattr(altered, "SECONDS", 0.5)
    fmt = Format([b"whole"], ".bin", harm, broken, None, None)
    given = [File(raw, b"whole", True) for raw in HUNTED]
    found = verdicts(fmt, beside(tmp_path), [*given, File(b"changed", b"whole", False)])
    for raw, verdict in zip(HUNTED, found):
        assert HUNTED[raw] in verdict.what, (raw, verdict)
    assert len(found) == len(HUNTED) + 1 and found[-1].what == "another content, unnoticed"
    assert RATIO == 10


def test_the_same_files_in_every_run():
    for fmt in FORMATS.values():
        one, two = (list(files(fmt, np.random.default_rng(7), 20)) for _ in range(2))
        assert one == two
