"""Files: written whole or not at all."""

import os
import secrets
from pathlib import Path


def write_atomic(path, raw):
    """Write the bytes `raw` to the file `path`, whole or not at all: a crash leaves the file that was there.

    Makes the folder if there is none. Raises OSError from the disk.
    """
    path = Path(path).resolve()  # a link stays one
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
