"""A projector-sized screen for Qt's offscreen platform. No Qt, so that it can be set before Qt is imported."""

from __future__ import annotations

import json
from pathlib import Path


def offscreen_platform(folder: Path) -> str:
    """Write the screen's description into `folder` and return the value for ``QT_QPA_PLATFORM``.

    Without it the offscreen screen is 800×800 and its pictures differ from those under X11.
    """
    path = folder / "screen.json"
    screen = {"name": "s", "x": 0, "y": 0, "width": 1920, "height": 1080, "logicalDpi": 96, "logicalBaseDpi": 96}
    path.write_text(
        json.dumps(
            {
                "synchronousWindowSystemEvents": False,
                "windowFrameMargins": False,
                "screens": [screen | {"dpr": 1}],
            }
        )
    )
    return f"offscreen:configfile={path}"
