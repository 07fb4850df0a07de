"""When the window is painted, with a network named in the arguments as the one that was used last."""

from __future__ import annotations

import json
import sys
import time

from PySide6.QtWidgets import QApplication

from cnnviz.app import Application
from cnnviz.bench.probe import run_until
from cnnviz.bench.startup import FirstPaint
from cnnviz.widgets.figure import Figure


def main() -> None:
    """Print when the map was first painted, by the monotonic clock, which the parent reads too."""
    name = sys.argv[1]
    _app = QApplication([])
    application = Application()
    application.settings.put("model/name", name)
    application.settings.put("model/weights", "")
    window = application.window
    first = FirstPaint()
    for figure in window.view("network").findChildren(Figure):
        figure.installEventFilter(first)
    application.start()
    run_until(lambda: first.seen)
    window_at_s = time.monotonic()
    window.close()
    print(json.dumps({"window_at_s": window_at_s}))


if __name__ == "__main__":
    main()
