"""How much memory the program takes to explore VGG19, loading included, against its weights and values. Linux only."""

from __future__ import annotations

import json
from pathlib import Path

import torchvision  # noqa: F401  # the library itself is no part of a network
from PySide6.QtWidgets import QApplication

from cnnviz.app import Application
from cnnviz.bench.photos import show_photograph
from cnnviz.bench.probe import run_until
from cnnviz.bench.stepping import settle, shows, use
from cnnviz.core.memory import keep_freed_memory
from cnnviz.state.app_state import Place

NAME = "vgg19"
VISITED = 8
TIMEOUT_S = 120


def status_bytes(field: str) -> int:
    """Return a field of the process's status: ``VmRSS``, or ``VmHWM`` for the most that it ever was."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def main() -> None:
    """Print the ratio as JSON."""
    keep_freed_memory()
    _app = QApplication([])
    application = Application()
    application.start()
    application.window.resize(1440, 900)
    run_until(lambda: application.state.inspection is not None)
    settle()
    before = status_bytes("VmRSS")
    use(application, NAME)
    for seed in range(2):
        wanted = show_photograph(application, seed)
        run_until(lambda wanted=wanted: shows(application, wanted), TIMEOUT_S)  # type: ignore[misc]
    model, inspection = application.state.model, application.state.inspection
    assert model is not None
    assert inspection is not None
    for node in model.graph.layers[:: max(1, len(model.graph.layers) // VISITED)]:
        application.state.select(Place(node.name))
        settle()
    weights = sum(array.nbytes for array in model.weights.values())
    values = sum(inspection.values[name].nbytes for name in inspection.values)
    grown = status_bytes("VmHWM") - before
    application.window.close()
    print(json.dumps({"ratio": grown / (weights + values), "grown": grown, "weights": weights, "values": values}))


if __name__ == "__main__":
    main()
