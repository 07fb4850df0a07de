"""Importing torch beside a live window: neither its libraries nor Python's collector may stop the window for long."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib.abc
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

EXTENSION = "torch._C"
LIBRARIES = ("libtorch.so", "libtorch.dylib")


class _Preloader(importlib.abc.MetaPathFinder):
    """Loads the libraries of torch's extension module just before Python does.

    Python loads an extension module with its global lock held, 0.2 s for torch's; a foreign function is called
    without the lock. What torch itself loads before stays before.
    """

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        """Load the libraries when it is their turn, and leave the finding to others."""
        if name == EXTENSION:
            for file in (Path(folder) / "lib" / library for folder in path or () for library in LIBRARIES):
                if file.exists():
                    _load_without_lock(file)
        return None


def _load_without_lock(file: Path) -> bool:
    """Load a shared library and return whether that worked; Python's own import says what is wrong."""
    if os.name != "posix":
        return False
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    return bool(dlopen(os.fsencode(file), sys.getdlopenflags()))


@contextlib.contextmanager
def gentle_import() -> Iterator[None]:
    """Import torch inside this; the lock is let go, and the cyclic collector rests.

    The collector would stop the window for up to 0.1 s a pass; what was imported stays for ever, so that later
    passes need not look at it either. Where nothing was imported nothing is set aside: a run that failed, and waits for
    the collector, would keep its memory.
    """
    known = len(sys.modules)
    preloader = _Preloader()
    sys.meta_path.insert(0, preloader)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > known:
            gc.freeze()
            atexit.register(gc.unfreeze)  # at its end Python collects what is left; libraries complain of what is not
        gc.enable()
        sys.meta_path.remove(preloader)
