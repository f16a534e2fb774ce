"""Files are written whole or not at all, and only where a file belongs."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lstm_core import files
from lstm_core.files import write_atomic

ROOT = Path(files.__file__).parents[1]


def parts(folder):
    return [name for name in os.listdir(folder) if name.endswith(".part")]


def test_folders_and_pipes_and_sockets_are_refused(tmp_path):
    """None of them is touched. (Devices go the same way; no test here touches one.)"""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "door"))
        (tmp_path / "link").symlink_to(tmp_path / "pipe")
        before = {name: os.lstat(tmp_path / name).st_mode for name in os.listdir(tmp_path)}
        for name, what in {"folder": "a folder", "pipe": "a pipe", "door": "no file", "link": "a pipe"}.items():
            with pytest.raises(ValueError, match=f"^path: expected a file, or nothing, at .*, got {what}$"):
                write_atomic(tmp_path / name, b"1")
        assert {name: os.lstat(tmp_path / name).st_mode for name in os.listdir(tmp_path)} == before


def test_what_is_read_is_a_file(tmp_path):
    """A pipe would keep its reader waiting, a device might never end; a folder, and nothing, are errors of the disk."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        with pytest.raises(ValueError, match=rf"^path: expected a file, or nothing, at .*{name}, got a pipe$"):
            files.read(tmp_path / name)
    with pytest.raises(ValueError, match=r"got a device$"):
        files.read("/dev/zero")
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(OSError, match=str(path)):
            files.read(path)


def test_home_is_known_to_reader_and_writer(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_atomic("~/c", b"1")
    assert files.read("~/c") == files.read(str(tmp_path / "c")) == b"1"


def test_a_device_is_recognised_by_its_mode(tmp_path, monkeypatch):
    class Device:
        st_mode = stat.S_IFCHR | 0o666

    monkeypatch.setattr(files.Path, "stat", lambda self, **how: Device)
    with pytest.raises(ValueError, match=r"got a device$"):
        files._mode(tmp_path / "null")


def test_the_mode_of_a_file_stays(tmp_path):
    path = tmp_path / "c"
    for mode in (0o600, 0o644, 0o640, 0o755):
        path.write_bytes(b"old")
        path.chmod(mode)
        write_atomic(path, b"new")
        assert stat.S_IMODE(path.stat().st_mode) == mode and path.read_bytes() == b"new"
    mask = os.umask(0o027)
    try:
        write_atomic(tmp_path / "fresh", b"1")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o640


def test_the_home_folder_is_known_by_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_atomic("~/models/c", b"1")
    assert (tmp_path / "models" / "c").read_bytes() == b"1"


def test_a_name_of_full_length(tmp_path):
    """255 bytes are all that a name may have; what is written first has a short one of its own."""
    for name in ("x" * 255, "ü" * 127):
        write_atomic(tmp_path / name, b"1")
        assert (tmp_path / name).read_bytes() == b"1"
    with pytest.raises(OSError, match="too long"):
        write_atomic(tmp_path / ("x" * 256), b"1")
    assert not parts(tmp_path)


def test_what_a_killed_writer_left_goes_with_the_next_save(tmp_path):
    """Only what is of the same file, and only if its writer is dead: another's part stays until it is done."""
    path = tmp_path / "c"
    program = (
        "import sys; from lstm_core import files\n"
        "part, file = files._new_part(files.Path(sys.argv[1]).parent, files._mark(files.Path(sys.argv[1])))\n"
        "file.write(b'half'); file.flush(); print('written', flush=True); sys.stdin.read()"
    )
    writers = {}
    for name in ("c", "d"):
        command = [sys.executable, "-c", program, str(tmp_path / name)]
        writers[name] = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert writers[name].stdout.readline() == b"written\n"
    try:
        write_atomic(path, b"1")
        assert len(parts(tmp_path)) == 2  # both are being written
        for writer in writers.values():
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait()
        write_atomic(path, b"2")
        assert len(parts(tmp_path)) == 1 and path.read_bytes() == b"2"
        write_atomic(tmp_path / "d", b"3")
        assert not parts(tmp_path)
    finally:
        for writer in writers.values():
            writer.kill()
            writer.communicate()


def test_two_hundred_kills_lose_nothing(tmp_path):
    """A process saves over and over and is killed at any moment: the file is whole, and no part outlives a save."""
    path, size = tmp_path / "c", 300_000
    program = (
        "import os, sys; from lstm_core.files import write_atomic\n"
        "for _ in range(int(sys.argv[2])):\n"
        "    pid = os.fork()\n"
        "    while not pid:\n"
        "        for k in range(256): write_atomic(sys.argv[1], bytes([k]) * int(sys.argv[3]))\n"
        "    print(pid, flush=True); sys.stdin.readline(); os.kill(pid, 9); os.waitpid(pid, 0)\n"
        "    print('dead', flush=True); sys.stdin.readline()"
    )
    command, left = [sys.executable, "-c", program, str(path), "200", str(size)], 0
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        write_atomic(path, bytes(size))
        for k in range(200):
            process.stdout.readline()
            time.sleep(0.0005 * (k % 20))
            print(file=process.stdin, flush=True)
            assert process.stdout.readline() == "dead\n"
            raw = path.read_bytes()
            assert len(raw) == size and raw == raw[:1] * size
            left += len(parts(tmp_path))
            write_atomic(path, raw)
            assert not parts(tmp_path)
            print(file=process.stdin, flush=True)
    assert left > 20  # the kills did hit writers at work


def test_without_locks_files_are_written_all_the_same(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(95, "Operation not supported")

    path = tmp_path / "c"
    monkeypatch.setattr(files.fcntl, "flock", no_locks)
    write_atomic(path, b"1")
    monkeypatch.setattr(files, "fcntl", None)
    write_atomic(path, b"2")
    assert path.read_bytes() == b"2" and os.listdir(tmp_path) == ["c"]
