"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cnnviz.core.errors import UserError


@contextlib.contextmanager
def write_atomically(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file beside `path` that takes its place when the block ends without an error.

    A failure, a full disk included, leaves an older file as it was and nothing beside it.

    Raises
    ------
    UserError
        When the folder is missing or may not be written, or the disk is full.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise sentence_of(path, error) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # as if opened normally: mkstemp makes it private
        temporary.replace(path)
    except OSError as error:
        raise sentence_of(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def sentence_of(path: Path, error: OSError) -> UserError:
    """Return what an error of the disk means for the user who saves `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(f"'{path.name}' could not be saved: the disk is full.", suggestion="Make room and try again.")
    if error.errno == errno.ENOENT:
        return UserError(f"'{path}' could not be saved: its folder does not exist.", suggestion="Choose another one.")
    reason = (error.strerror or str(error)).lower()
    return UserError(f"'{path}' could not be saved: {reason}.", suggestion="Choose another place.", details=repr(error))
