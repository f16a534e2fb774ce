"""Make lstm_core's wheel and source archive in _build/dist, and try the wheel: tools/wheel.py

In an empty environment and an empty folder, away from the project: what pip downloads, how long the import takes, and
the README's ten lines. Fails if it is more than 60 MB, or takes more than 0.5 s of the processor.
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "_build" / "dist"
DOWNLOAD, IMPORT = 60, 0.5  # MB; seconds of the processor, the fastest of five
IMPORT_TIME = """import time; start = time.process_time(); import lstm_core; print(time.process_time() - start)"""


def run(*command, **options):
    """What a command prints. Where it fails, all of it is shown."""
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(what, source):
    """What setuptools builds of the folder `source`, in DIST."""
    code = f"from setuptools import build_meta; build_meta.build_{what}({str(DIST)!r})"
    run(sys.executable, "-c", code, cwd=source)


def built(folder):
    """The wheel: made, as `python -m build` does it, of the source archive, in `folder`."""
    for old in DIST.glob("lstm_core-*"):
        old.unlink()
    build("sdist", ROOT)
    (sdist,) = DIST.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    build("wheel", folder / sdist.name.removesuffix(".tar.gz"))
    (wheel,) = DIST.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
        licence = any(name.endswith("licenses/LICENSE") for name in archive.namelist())
    packages = [ROOT / name for name in ("lstm_core", "lstm_formats", "lstm_proofs")]
    files = [path for package in packages for path in package.rglob("*") if path.suffix in (".py", ".typed")]
    if not licence or inside != {path.relative_to(ROOT).as_posix() for path in files}:
        sys.exit(f"{wheel.name}: not the packages and their licence, but {', '.join(sorted(inside))}")
    print(f"{wheel.name}: {len(inside)} files and the licence, {wheel.stat().st_size / 1e3:.0f} kB")
    return wheel


def main():
    DIST.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        wheel = built(folder)
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv/bin/python"
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        run(python, "-m", "pip", "download", "-d", folder / "files", wheel, env=env)
        files = sorted((folder / "files").iterdir())
        size = sum(file.stat().st_size for file in files) / 1e6
        print(f"{len(files)} files, {size:.1f} MB: {', '.join(file.name.partition('-')[0] for file in files)}")
        run(python, "-m", "pip", "install", "--no-index", "-f", folder / "files", "lstm-core", env=env)
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        times = [float(run(python, "-c", IMPORT_TIME, cwd=folder, env=env)) for _ in range(5)]
        print(f"import lstm_core: {min(times):.2f} s")
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        (folder / "ten_lines.py").write_text(re.search(r"```python\n(.*?)```", readme, re.DOTALL)[1], encoding="utf-8")
        print(run(python, "-W", "error", "ten_lines.py", cwd=folder, env=env), end="")
    if size > DOWNLOAD or min(times) > IMPORT:
        sys.exit(f"too much: {size:.1f} MB of {DOWNLOAD}, {min(times):.2f} s of {IMPORT}")


if __name__ == "__main__":
    main()
