"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cnnviz.core.errors import UserError

if TYPE_CHECKING:
    import filelock

_CLAIM_S = 0.5  # somebody may just be looking whether it is locked


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


def claim(lock: Path, taken: UserError) -> filelock.BaseFileLock:
    """Lock a file that stands for something only one program may write at a time; it is free again when a program dies.

    Parameters
    ----------
    lock
        It is made, empty, and stays when the lock is released.
    taken
        What to tell the user where another program has it.

    Raises
    ------
    UserError
        `taken`.
    OSError
        When the file cannot be made.
    """
    import filelock  # it takes 40 ms, which the window's start has not

    found = filelock.FileLock(lock, timeout=_CLAIM_S)
    try:
        found.acquire()
    except filelock.Timeout as error:
        raise taken from error
    return found


@contextlib.contextmanager
def claimed(path: Path, taken: UserError) -> Iterator[None]:
    """Keep other programs from writing `path` meanwhile: by a lock beside it, which is gone afterwards.

    Raises
    ------
    UserError
        `taken`, when another program writes it.
    OSError
        When the folder may not be written.
    """
    lock = path.with_name(f".{path.name}.lock")
    held = claim(lock, taken)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows deletes nothing that is open
            lock.unlink()
        held.release()


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what a disk says while `path` is saved into a sentence.

    Raises
    ------
    UserError
        When the folder is missing or may not be written, or the disk is full; its cause is the disk's own error.
    """
    try:
        yield
    except OSError as error:
        raise sentence_of(path, error) from error


def sentence_of(path: Path, error: OSError) -> UserError:
    """Return what an error of the disk means for the user who saves `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(f"'{path.name}' could not be saved: the disk is full.", suggestion="Make room and try again.")
    if error.errno == errno.ENOENT:
        return UserError(f"'{path}' could not be saved: its folder does not exist.", suggestion="Choose another one.")
    reason = (error.strerror or str(error)).lower()
    return UserError(f"'{path}' could not be saved: {reason}.", suggestion="Choose another place.", details=repr(error))
