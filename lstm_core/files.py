"""Files: read whole, written whole or not at all."""

import contextlib
import hashlib
import os
import secrets
import stat
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system: what a crash leaves behind stays there
    fcntl = None  # type: ignore[assignment]


def read(path: str | os.PathLike) -> bytes:
    """The bytes of the file `path`; `~` is the user's home.

    Raises ValueError if `path` is there and is no file (a device, which may never end, or a pipe, which may never
    begin), and OSError if it is not there, is a folder, or from the disk.

    >>> files.write_atomic("greeting.txt", b"hello")
    >>> files.read("greeting.txt")
    b'hello'
    """
    path = _path(path)
    if not path.is_dir():
        _mode(path)
    return path.read_bytes()


def _path(path):
    """`path` as a Path, with `~` replaced. TypeError for what is none, ValueError for what no system can have."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path: expected a path, got {type(path).__name__}")
    try:
        found = Path(path).expanduser()
        unusable = b"\0" in os.fsencode(found)
    except (UnicodeError, RuntimeError, TypeError):  # no such character; no such user; a path in bytes
        unusable = True
    if unusable:
        raise ValueError(f"path: expected a path that a file can have, got {ascii(path)[:200]}")
    return found


def write_atomic(path: str | os.PathLike, raw: bytes | bytearray | memoryview) -> None:
    """Write the bytes `raw` to the file `path`, whole or not at all: a crash leaves the file that was there.

    `~` is the user's home; a link stays a link, and the file that it leads to is written; folders are made. A file that
    was there keeps its mode. What a killed writer of the same file has left beside it is removed.
    Raises ValueError if `path` is there and is no file (a folder, a device, a pipe), and OSError from the disk.

    >>> files.write_atomic("new/folder/greeting.txt", b"hello")
    >>> files.read("new/folder/greeting.txt")
    b'hello'
    """
    if not isinstance(raw, bytes | bytearray | memoryview):
        raise TypeError(f"raw: expected bytes, got {type(raw).__name__}")
    path = _path(path).resolve()
    mode = _mode(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent, _mark(path))
    part, file = _new_part(path.parent, _mark(path))
    try:
        with file:
            if mode is not None:
                os.chmod(part, mode)
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
            os.replace(part, path)  # before the lock goes with the file's closing
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _mode(path):
    """The permissions of the file `path`; None if nothing is there. ValueError for anything but a file."""
    try:
        found = path.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found):
        kinds = {stat.S_IFDIR: "a folder", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFIFO: "a pipe"}
        raise ValueError(
            f"path: expected a file, or nothing, at {path}, got {kinds.get(stat.S_IFMT(found), 'no file')}"
        )
    return stat.S_IMODE(found)


def _mark(path):
    """How the names of the parts of `path` begin: short, however long its own name is."""
    return f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]}-"


def _new_part(folder, mark):
    """A new file to write to, locked while it is open, so that nobody sweeps it away: its path, and the file."""
    while True:
        part = folder / f"{mark}{secrets.token_hex(4)}.part"
        file = open(part, "xb")
        if _lock(file) is not False and part.exists():  # else it was swept in the moment before it was locked
            return part, file
        file.close()


def _sweep(folder, mark):
    """Remove the parts that writers of the same file have left when they were killed: nobody holds their lock."""
    for part in folder.glob(f"{mark}*.part"):
        with contextlib.suppress(OSError), open(part, "rb") as file:  # another process may sweep, too
            if _lock(file):
                part.unlink(missing_ok=True)


def _lock(file):
    """Lock the open `file` without waiting. True: done; False: another process has the lock; None: no locks here."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (AttributeError, OSError):  # no fcntl, or a file system without locks
        return None
    return True


def _sync_folder(folder):
    """Have the folder's new entry on the disk, where a folder can be opened for that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
