"""Strict settings for every test: a projector-sized offscreen screen, no user files, nothing left behind."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import random
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnviz.bench.screen import offscreen_platform

# Before any Qt or platformdirs import: the suite never touches the user's files or screen.
_HOME = Path(tempfile.mkdtemp(prefix="cnnviz-test-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
for _variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "LOCALAPPDATA", "APPDATA"):
    os.environ[_variable] = str(_HOME / _variable.lower())
os.environ["TORCH_HOME"] = str(_HOME / "torch")  # weights that the user fetched once are not there either
os.environ["QT_QPA_PLATFORM"] = offscreen_platform(_HOME)

try:
    import PySide6.QtCore  # noqa: F401
except ImportError:  # a GPU server: only the Qt-free packages are tested there
    HAS_QT = False
    collect_ignore = ["state", "workers", "widgets", "views", "e2e", "contracts", "app", "benchmarks"]

    def pytest_addoption(parser: pytest.Parser) -> None:
        """Know the settings of pytest-qt, which cannot be loaded without Qt."""
        for name in ("qt_api", "qt_log_level_fail", "qt_log_ignore"):
            parser.addini(name, "a setting of pytest-qt")

else:
    HAS_QT = True


@pytest.fixture(autouse=True)
def _fixed_seeds() -> None:
    random.seed(0)
    torch = __import__("sys").modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)
        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_log_warnings(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """A log record at warning level fails the test, unless it asks for it with `expected_log`."""
    yield
    if "expected_log" in request.fixturenames:
        return
    loud = [r for when in ("setup", "call") for r in caplog.get_records(when) if r.levelno >= logging.WARNING]
    if loud:
        pytest.fail("logged: " + "; ".join(f"{r.name}: {r.getMessage()}" for r in loud))


@pytest.fixture
def expected_log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """For tests in which a warning is the point."""
    return caplog


@pytest.fixture(autouse=True)
def _no_leaked_threads() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [
        t
        for t in threading.enumerate()
        if t not in before and t.is_alive() and not isinstance(t, threading._DummyThread)
    ]
    left = [t for t in left if not t.name.startswith(("tqdm", "pydevd"))]
    if left:
        pytest.fail("threads left running: " + ", ".join(t.name for t in left))


if HAS_QT:
    from PySide6.QtCore import QCoreApplication, QEvent, QObject, QThread, QTimer
    from PySide6.QtWidgets import QApplication

    @pytest.fixture(autouse=True)
    def _no_leaked_qt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """A running QThread or QTimer, or a top-level widget, left behind fails the test that made it."""
        started: list[tuple[QThread, str]] = []
        original = QThread.start

        def start(self: QThread, *args: object) -> None:
            started.append((self, type(self).__name__))
            original(self, *args)  # type: ignore[arg-type]

        monkeypatch.setattr(QThread, "start", start)
        app = QApplication.instance()
        before = set(QApplication.topLevelWidgets()) if app else set()
        yield
        app = QApplication.instance()
        problems = []
        for thread, name in started:
            try:
                if thread.isRunning():
                    problems.append(f"QThread {name} still runs")
                    thread.requestInterruption()
                    thread.quit()
                    thread.wait(5000)
            except RuntimeError:
                continue
        if isinstance(app, QApplication):
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
            gc.collect()
            left = [w for w in QApplication.topLevelWidgets() if w not in before]
            left = [w for w in left if w.parent() is None and w.metaObject().className() != "QTipLabel"]
            problems += [f"top-level {type(w).__name__} {w.objectName()!r} left" for w in left]
            timers = [t for o in (app, *left) for t in o.findChildren(QTimer) if t.isActive()]
            problems += [f"QTimer {t.objectName()!r} of {_owner(t)} still runs" for t in timers]
            for widget in left:
                widget.close()
                widget.deleteLater()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        if problems:
            pytest.fail("left behind (was the widget given to qtbot.addWidget?): " + "; ".join(problems))

    def _owner(timer: QTimer) -> str:
        parent: QObject | None = timer.parent()
        return type(parent).__name__ if parent else "nobody"
