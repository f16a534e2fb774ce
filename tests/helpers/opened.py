"""Which files of a folder are opened, by whomever: Python, a library in C, a process beside."""

import contextlib
import ctypes
import os
import struct

import pytest

OPENED = 0x20  # IN_OPEN of inotify(7)


@contextlib.contextmanager
def opened(folder):
    """with opened(folder) as names: …; names() is the set of names of the files in it that were opened so far.

    Asks the kernel (inotify); the test is skipped where that is not Linux's.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "inotify_init1"):
        pytest.skip("inotify is there on Linux only")
    handle = library.inotify_init1(os.O_NONBLOCK)
    if handle < 0 or library.inotify_add_watch(handle, os.fsencode(folder), OPENED) < 0:
        pytest.skip(f"no inotify here: {os.strerror(ctypes.get_errno())}")
    found = set()

    def names():
        with contextlib.suppress(BlockingIOError):
            while raw := os.read(handle, 2**16):
                while raw:
                    size = struct.unpack_from("iIII", raw)[3]
                    name, raw = raw[16 : 16 + size].rstrip(b"\0"), raw[16 + size :]
                    found.update({os.fsdecode(name)} if name else set())
        return found

    try:
        yield names
    finally:
        os.close(handle)
