"""Preferences in one INI file. A broken file never blocks the start."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QByteArray, QSettings

from cnnviz.core import paths

T = TypeVar("T", bool, int, float, str)


class Settings:
    """Typed access to the settings file; anything unreadable counts as not set.

    Parameters
    ----------
    path
        The INI file; the user's own by default.

    Attributes
    ----------
    was_broken
        The file existed but was no settings file; it was moved aside with the suffix ``.broken``.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or paths.config_dir() / "cnnviz.ini"
        self.was_broken = _move_aside_if_broken(self.path)
        self._settings = QSettings(str(self.path), QSettings.Format.IniFormat)

    def get(self, key: str, default: T) -> T:
        """Return the value of `key`, or `default` when it is missing or of another type."""
        value = self._read(key)
        if isinstance(value, str) and isinstance(default, bool):
            return {"true": True, "false": False}.get(value, default)
        try:
            return default if value is None else _converted(value, default)
        except (TypeError, ValueError, OverflowError):
            return default

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        """Return the value of `key`, at least `low` and at most `high`."""
        return min(high, max(low, self.get(key, default)))

    def choice(self, key: str, default: str, allowed: tuple[str, ...]) -> str:
        """Return the value of `key` if it is one of `allowed`, else `default`."""
        value = self.get(key, default)
        return value if value in allowed else default

    def blob(self, key: str) -> QByteArray:
        """Return bytes such as a window's geometry; empty when missing."""
        value = self._read(key)
        return value if isinstance(value, QByteArray) else QByteArray()

    def _read(self, key: str) -> object:
        """Return what the file holds; text that Qt cannot decode counts as missing."""
        try:
            return self._settings.value(key)
        except (TypeError, ValueError, EOFError, SystemError):
            return None

    def put(self, key: str, value: bool | int | float | str | QByteArray) -> None:
        """Store a value; it reaches the disk at `sync` or at the end."""
        self._settings.setValue(key, value)

    def sync(self) -> bool:
        """Write to disk and say whether that worked (a full disk is no reason to stop)."""
        self._settings.sync()
        return self._settings.status() == QSettings.Status.NoError


def _converted(value: Any, like: T) -> T:
    kind: Callable[[Any], T] = type(like)
    return kind(value)


def _move_aside_if_broken(path: Path) -> bool:
    """Rename a file that is no INI file and return whether it was one."""
    try:
        raw = path.read_bytes()
    except OSError:
        return False
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        broken = True
    else:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        broken = "\0" in text or any(not (line.startswith(("[", ";", "#")) or "=" in line) for line in lines)
    if broken:
        with contextlib.suppress(OSError):
            path.replace(path.with_name(path.name + ".broken"))
    return broken
