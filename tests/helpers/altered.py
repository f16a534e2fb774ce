"""Altered files: bytes changed at random, and what a reader makes of them, in a process of its own.

`blind` alters the bytes of any file; `verdicts` has many files read in a forked child and says of each what came of it.
What each format is, and how its own structure is altered, is in `formats`.
"""

import ctypes
import faulthandler
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from opened import opened

from lstm_core.training import keep_memory

SECONDS = 5  # of the processor that a file may take; ten times as long by the clock, for the machine may be busy
RATIO, CONSTANT = 10, 20e6  # memory: so many times the file's size, and so many bytes
MESSAGE = 4_000  # characters of a message at most, the file's path aside


class Format(NamedTuple):
    """A format that is read.

    samples: whole files, bytes
    suffix:  of a file's name
    read:    path -> content, of which `repr` tells whether it is the same; raises ValueError or OSError
    check:   path, content -> None; fails if a content is none that the package can go on with
    alter:   rng, bytes -> bytes of the format's own structure, and whether they may be read with another content
    exact:   bytes -> whether, if they were altered blindly, they have to be refused: there is a digest in them
    """

    samples: list
    suffix: str
    read: Callable
    check: Callable
    alter: Callable
    exact: Callable


class File(NamedTuple):
    """An altered file: its bytes, the whole file that it was made of, and whether it may have another content."""

    raw: bytes
    origin: bytes
    other: bool


class Verdict(NamedTuple):
    """What came of a file: "refused", "same", "other", or what is wrong; seconds, and bytes of memory it took."""

    what: str
    seconds: float
    memory: int


LIBRARY = ctypes.CDLL(None)
FINE = "refused", "same", "other"


def summary(name, found):
    """A line on the verdicts of one format."""
    words = {"refused": "refused", "same": "the same", "other": "another that is whole"}
    came = ", ".join(f"{sum(v.what == what for v in found):,} {words[what]}" for what in FINE)
    seconds, memory = max(v.seconds for v in found), max(v.memory for v in found)
    return f"altered  {len(found):,} files of {name}: {came}; at most {seconds:.2f} s, {memory / 1e6:.1f} MB"


# ---- altered blindly -------------------------------------------------------------------------------------------------


def pick(rng, values):
    return values[int(rng.integers(0, len(values)))]


def _span(rng, raw):
    """Where a short piece begins and ends."""
    begin = int(rng.integers(0, len(raw)))
    return begin, min(len(raw), begin + int(2 ** rng.uniform(0, 7)))


def truncated(rng, raw):
    return raw[: int(rng.integers(0, len(raw)))]


def flipped(rng, raw):
    out = bytearray(raw)
    for at in rng.integers(0, 8 * len(raw), int(2 ** rng.uniform(0, 4))):
        out[at // 8] ^= 1 << at % 8
    return bytes(out)


def inserted(rng, raw):
    at, _ = _span(rng, raw)
    return raw[:at] + rng.bytes(int(2 ** rng.uniform(0, 7))) + raw[at:]


def deleted(rng, raw):
    begin, end = _span(rng, raw)
    return raw[:begin] + raw[end:]


def duplicated(rng, raw):
    begin, end = _span(rng, raw)
    return raw[:end] + raw[begin:end] * int(2 ** rng.uniform(0, 6)) + raw[end:]


def exchanged(rng, raw):
    (a, b), (c, d) = sorted((_span(rng, raw), _span(rng, raw)))
    b = min(b, c)
    return raw[:a] + raw[c:d] + raw[b:c] + raw[a:b] + raw[d:]


def filled(rng, raw):
    """A piece of it all 0, all ones, or all one character."""
    begin, end = _span(rng, raw)
    return raw[:begin] + bytes([rng.choice([0, 255, 127, 48, 57, 91, 123, 60])]) * (end - begin) + raw[end:]


def renumbered(rng, raw):
    """A digit, or the low bits of a byte: so that it stays what it is."""
    out = bytearray(raw)
    digits = [k for k, byte in enumerate(out) if 48 <= byte < 58]
    for k in rng.choice(digits, 3) if digits else ():
        out[k] = 48 + int(rng.integers(0, 10))
    return bytes(out)


def spliced(rng, raw):
    """Its beginning and its end, from places that do not fit."""
    return raw[: int(rng.integers(0, len(raw)))] + raw[int(rng.integers(0, len(raw))) :]


BLIND = [truncated, flipped, flipped, inserted, deleted, duplicated, exchanged, filled, renumbered, spliced]


BESIDE = "beside.bin", "beside.h5"  # names that altered files refer to


def beside(folder):
    """Put files into the folder that no reader may open, whatever it is told; returns the folder."""
    for name in BESIDE:
        (Path(folder) / name).write_bytes(bytes(1_000))
    return folder


def files(fmt, rng, count):
    """So many altered files of a format, half of them blindly."""
    for k in range(count):
        origin = pick(rng, fmt.samples)
        if k % 2:
            raw, other = fmt.alter(rng, origin)
        else:
            raw = pick(rng, BLIND)(rng, origin)
            other = not fmt.exact(raw)
        yield File(raw, origin, other)


# ---- read in a process of its own ------------------------------------------------------------------------------------


def verdicts(fmt, folder, given):
    """A `Verdict` for each of the files, read one after the other in a child process; after a crash, in a new one."""
    given, found = list(given), []
    while len(found) < len(given):
        found += _in_a_child(fmt, folder, given[len(found) :])
    return found


def _in_a_child(fmt, folder, given):
    """The verdicts of a child process, the last one on the file at which it died, if it did."""
    source, target = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(source)
            with os.fdopen(target, "w") as out:
                _read_all(fmt, Path(folder), given, out)
            status = 0
        except BaseException as error:
            print(f"the reader of altered files broke down: {error!r}", file=sys.stderr)
        finally:
            os._exit(status)
    os.close(target)
    with os.fdopen(source) as lines:
        found = [Verdict(*json.loads(line)) for line in lines if line.endswith("\n")]
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if len(found) < len(given):
        what = "a hang" if status == -signal.SIGALRM else f"a crash, exit status {status}"
        found.append(Verdict(what, float(SECONDS), 0))
    return found


def _riddle_the_heap():
    """Leave holes of all sizes in the C library's heap, as a long life does: what is grown moves from one to the next.

    With enough of them a block that grows by sixteenths takes, while it grows, up to 17 times its size.
    """
    if sys.platform != "linux":
        return
    keep_memory()  # so that large blocks, too, lie in the heap
    LIBRARY.malloc.restype, LIBRARY.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    LIBRARY.free.restype, LIBRARY.free.argtypes = None, [ctypes.c_void_p]
    sizes = [int(2_000 * 1.03**k) for k in range(310)]  # up to 19 MB
    held = [(LIBRARY.malloc(size), LIBRARY.malloc(5_000))[0] for size in sizes]  # what stands between them stays
    for block in held:
        LIBRARY.free(block)


def _read_all(fmt, folder, given, out):
    faulthandler.disable()  # a crash is told by the exit status
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    path, spare = folder / f"altered{fmt.suffix}", folder / "spare"
    spare.mkdir(exist_ok=True)
    kept, python = {}, []
    sys.addaudithook(lambda event, args: python.append(args[0]) if event == "open" else None)
    _riddle_the_heap()
    for origin in fmt.samples:  # and what is imported on the way
        path.write_bytes(origin)
        kept[origin] = repr(fmt.read(path))
    with opened(folder) as names:
        for file in given:
            path.write_bytes(file.raw)
            names().clear()
            python.clear()
            signal.setitimer(signal.ITIMER_REAL, 10 * SECONDS)
            what, content, seconds, memory = _read_one(fmt, path)
            beside = {*names()} - {path.name} | {x for x in map(str, python) if x.startswith(("/etc", "/dev"))}
            if beside:
                what = f"{sorted(beside)} opened"
            elif what is None:
                what = _judge(fmt, spare / path.name, file, kept[file.origin], content)
            signal.setitimer(signal.ITIMER_REAL, 0)
            if what in FINE and seconds > SECONDS:
                what = f"{seconds:.1f} seconds"
            if what in FINE and memory > RATIO * len(file.raw) + CONSTANT:
                what = f"{memory / 1e6:.0f} MB of memory for {len(file.raw)} bytes"
            out.write(json.dumps([what, seconds, memory]) + "\n")
            out.flush()


def _read_one(fmt, path):
    """What came of it, or None and the content; seconds, bytes."""
    what, content, begin, before = None, None, time.process_time(), _peak(reset=True)
    try:
        content = fmt.read(path)
    except (ValueError, OSError) as error:
        said = str(error)
        what = "refused"
        if str(path) not in said or not (isinstance(error, OSError) or type(error).__name__ in NAMES):
            what = f"unnamed {type(error).__name__}: {said[:300]}"
        elif len(said) > MESSAGE + len(str(path)):
            what = f"a message of {len(said)} characters"
    except Exception as error:
        what = f"unnamed {type(error).__name__}: {str(error)[:300]}"
    return what, content, time.process_time() - begin, max(0, _peak() - before)


NAMES = "ValueError", "DataCorrupt"


def _judge(fmt, path, file, expected, content):
    if repr(content) == expected:
        return "same"
    if not file.other:
        return "another content, unnoticed"
    try:
        fmt.check(path, content)
    except Exception as error:
        return f"a content that is none: {type(error).__name__}: {str(error)[:300]}"
    return "other"


def _peak(reset=False):
    """The most memory that this process has had, in bytes; since the last reset, where Linux says it: then, now."""
    try:
        if reset:
            LIBRARY.malloc_trim(0)  # what is free counts as taken until then
            Path("/proc/self/clear_refs").write_text("5")
        lines = Path("/proc/self/status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return 1024 * int(fields["VmRSS" if reset else "VmHWM"].split()[0])
    except (AttributeError, OSError):
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
