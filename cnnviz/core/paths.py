"""Where resources and user data live: in a source tree, a wheel or a frozen bundle."""

from __future__ import annotations

import sys
from pathlib import Path

import platformdirs

APP_NAME = "cnnviz"


def resources_dir() -> Path:
    """Return the folder of shipped resources.

    A bundle unpacks it beside its modules, a wheel carries it inside the package, and a source tree keeps it
    next to the package.

    Raises
    ------
    FileNotFoundError
        When none of the three places exists, which means a broken installation.
    """
    package = Path(__file__).resolve().parent.parent
    bundle = Path(getattr(sys, "_MEIPASS", package))
    for candidate in (bundle / "resources", package / "resources", package.parent / "resources"):
        if (candidate / "weights").is_dir():
            return candidate
    raise FileNotFoundError(f"The resources folder of {APP_NAME} is missing; install it again.")


def data_dir() -> Path:
    """Return the folder for what the user makes and for logs, creating it."""
    return Path(platformdirs.user_data_dir(APP_NAME, appauthor=False, ensure_exists=True))


def config_dir() -> Path:
    """Return the folder for settings, creating it."""
    return Path(platformdirs.user_config_dir(APP_NAME, appauthor=False, ensure_exists=True))
