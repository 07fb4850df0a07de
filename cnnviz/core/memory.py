"""How the C library gives memory back. Imports nothing but the standard library."""

from __future__ import annotations

import ctypes
import sys

# mallopt's parameters, malloc.h of glibc
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_KEPT_BYTES = 1 << 30
_LARGEST_BYTES = 32 << 20  # the most that glibc accepts


def keep_freed_memory() -> None:
    """Keep what a run of a network frees for the next run; glibc only, and before the first thread.

    All values of ResNet-50 for one picture are 150 MB, freed together when the next picture's replace them. glibc
    returns them to the system, which clears every page when it hands them out again: up to half of the time of a run
    (measured by `cnnviz bench`: 1.4 times the bare network, 1.02 with this). Threads have heaps of their own that give
    back memory whatever is set here, so there is only one.
    """
    library = _glibc()
    if library is not None:
        for parameter, value in (
            (_ARENA_MAX, 1), (_TRIM_THRESHOLD, _KEPT_BYTES), (_MMAP_THRESHOLD, _LARGEST_BYTES),
        ):  # fmt: skip
            library.mallopt(parameter, value)


def give_memory_back() -> None:
    """Return what is free to the system: a large network was replaced."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
