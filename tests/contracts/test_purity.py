"""What must not import Qt, and what must not import torch, in a fresh interpreter each."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import cnnviz

ROOT = Path(cnnviz.__file__).parent


def modules(*folders: str) -> list[str]:
    names = []
    for folder in folders:
        package = f"cnnviz.{folder.replace('/', '.')}"
        names.append(package)
        names += [m.name for m in pkgutil.iter_modules([str(ROOT / folder)], f"{package}.")]
    return names


def loaded_after(imports: list[str], forbidden: str) -> list[str]:
    code = (
        "import importlib, sys\n"
        f"for name in {imports!r}: importlib.import_module(name)\n"
        f"print([m for m in sys.modules if m.split('.')[0] in {forbidden!r}.split()])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    found: list[str] = eval(done.stdout.strip().splitlines()[-1])
    return found


@pytest.mark.parametrize("folder", ["core", "models", "datasets", "training"])
def test_the_library_imports_no_qt(folder: str) -> None:
    assert loaded_after(modules(folder), "PySide6 shiboken6 pyqtgraph") == []


def test_the_arithmetic_of_views_imports_no_qt_and_no_torch() -> None:
    names = [
        f"cnnviz.views.{path.parent.name}.{path.stem}"
        for path in sorted((ROOT / "views").glob("*/*.py"))
        if path.stem in ("compute",)
    ]
    assert names
    # The parents' __init__ files are empty, so a compute module pulls in nothing of its view.
    assert loaded_after(names, "PySide6 shiboken6 pyqtgraph torch") == []


@pytest.mark.parametrize(
    "names",
    [
        modules("state"),
        modules("widgets"),
        modules("workers"),
        modules("main_window"),
        ["cnnviz.views.registry", "cnnviz.models.registry", "cnnviz.app"],
        ["cnnviz.training.config", "cnnviz.training.events", "cnnviz.datasets.registry"],
        [f"cnnviz.views.{p.parent.name}.widget" for p in sorted((ROOT / "views").glob("*/widget.py"))],
    ],
    ids=["state", "widgets", "workers", "main_window", "tables and app", "training records", "views"],
)
def test_what_must_stand_before_torch_imports_no_torch(names: list[str]) -> None:
    assert loaded_after(names, "torch torchvision") == []


def test_state_and_workers_import_no_more_of_qt_than_its_core() -> None:
    found = loaded_after([*modules("state"), *modules("workers")], "PySide6")
    assert "PySide6.QtWidgets" not in found
    assert "PySide6.QtGui" not in found
