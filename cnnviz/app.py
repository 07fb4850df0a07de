"""The composition root: hooks, settings, state, services, window, warm-up."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import logging.handlers
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TextIO

from PySide6.QtCore import (
    QCoreApplication,
    QLoggingCategory,
    QMessageLogContext,
    QObject,
    Qt,
    QtMsgType,
    Slot,
    qInstallMessageHandler,
)
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import QApplication

from cnnviz.core import paths
from cnnviz.core.inspection import ModelRequest
from cnnviz.main_window.window import MainWindow
from cnnviz.models import registry
from cnnviz.models.sources import runs_code
from cnnviz.state.app_state import APPEARANCES, AppState
from cnnviz.state.messages import Message, MessageCenter
from cnnviz.state.settings import Settings
from cnnviz.widgets import formula, theme
from cnnviz.workers.comparing import ComparisonService
from cnnviz.workers.data_looking import DataLookService
from cnnviz.workers.downloading import DownloadService
from cnnviz.workers.inference import InferenceService
from cnnviz.workers.keeping import KeepingService
from cnnviz.workers.latest_lane import LatestLane
from cnnviz.workers.layer_listing import LayerListService
from cnnviz.workers.loading import PictureLoader
from cnnviz.workers.racing import RacingService
from cnnviz.workers.training import TrainingService
from cnnviz.workers.travelling import TravelService

_log = logging.getLogger("cnnviz")
LOG_BYTES = 1_000_000


class Application(QObject):
    """Everything that lives as long as the window: state, services, window.

    Parameters
    ----------
    settings
        Where preferences are; the user's own file by default.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self.state = AppState(self)
        self.state.set_loading(True)  # from the start: the first network follows the first paint
        self.messages = MessageCenter(self)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        appearance = self.settings.choice("window/appearance", "system", APPEARANCES)
        theme.apply(app, appearance, theme.nearest_scale(self.settings.get("window/text_scale", 1.0)))
        self.inference = InferenceService(self.state, self.messages, self)
        self.loader = PictureLoader(self.state, self.messages, self)
        self.downloads = DownloadService(self.state, self.messages, self)
        self.comparisons = ComparisonService(self.state, self.messages, self)
        self.looks = DataLookService(self.state, self.messages, self)
        self.training = TrainingService(self.state, self.messages, self)
        self.travelling = TravelService(self.state, self.messages, self)
        self.racing = RacingService(self.state, self.messages, self)
        self.keeping = KeepingService(self.state, self.messages, self)
        self.layers = LayerListService(self.state, self.messages, self)
        self.formulas = LatestLane(formula.make_handler, "formulas", self)
        self.formulas.failed.connect(self._on_formulas_failed)
        formula.use(self.formulas)
        self.window = MainWindow(self.state, self.messages, self.settings)
        self._fell_back = False
        self.state.loading_changed.connect(self._on_state_loading_changed)
        self.window.closed.connect(self.stop)
        self.window.first_shown.connect(self._on_window_first_shown)

    def start(self, picture: str | None = None) -> None:
        """Show the window; the network follows when its first paint is done."""
        self._picture = picture
        self.window.show()

    @Slot()
    def stop(self) -> None:
        """Stop every thread and wait for it."""
        self.inference.stop()
        self.loader.stop()
        self.downloads.stop()
        self.comparisons.stop()
        self.looks.stop()
        self.training.stop()
        self.travelling.stop()
        self.racing.stop()
        self.keeping.stop()
        self.layers.stop()
        self.formulas.stop()
        formula.use(None)

    @Slot(object, object)
    def _on_formulas_failed(self, request: object, error: BaseException) -> None:
        self.messages.report(error)

    @Slot()
    def _on_window_first_shown(self) -> None:
        self.messages.open()
        self._warm_up()

    def _warm_up(self) -> None:
        self.state.request_model(self._last_model())
        if self._picture:
            self.state.open_requested.emit(self._picture)

    @Slot(bool)
    def _on_state_loading_changed(self, loading: bool) -> None:
        """Take the network that ships when the last one could not be loaded; once, since that may fail as well."""
        if not loading and self.state.model is None and not self._fell_back:
            self._fell_back = True
            self.state.request_model(ModelRequest(registry.MODELS[0].name))

    def _last_model(self) -> ModelRequest:
        name = self.settings.choice("model/name", registry.MODELS[0].name, tuple(m.name for m in registry.MODELS))
        weights = self.settings.get("model/weights", "")
        file = self.settings.get("model/name", "")
        if registry.is_file(file) and os.path.exists(weights) and not runs_code(weights):
            classes = self.settings.get("model/classes", "")
            named = classes if os.path.exists(classes) else None
            return ModelRequest(registry.name_of_file(weights), weights, classes_path=named)
        if registry.is_file(file):  # it is gone, or runs code and must be asked for again
            return ModelRequest(registry.MODELS[0].name)
        # isfile: a path of any length, or on a drive that is gone, is an answer and no exception
        return ModelRequest(name, weights if os.path.isfile(weights) else None)


def run(arguments: list[str]) -> int:
    """Open the window and return the exit status when it is closed.

    Parameters
    ----------
    arguments
        At most one picture to show.
    """
    with _hooks() as crash:
        app = QApplication([sys.argv[0]])
        # The X11 plug-in switches this on: several movements of the mouse become one, and strokes lose points.
        QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents, False)
        app.setApplicationName(paths.APP_NAME)
        app.setDesktopFileName(paths.APP_NAME)
        with contextlib.suppress(FileNotFoundError):
            app.setWindowIcon(QIcon(str(paths.resources_dir() / "icons" / "cnnviz.svg")))
        application = Application()
        _route(application.messages)
        if crash:
            application.messages.post(
                Message("problem", "cnnviz ended unexpectedly the last time.", "Your drawing is still here.", crash)
            )
        application.start(arguments[0] if arguments else None)
        return app.exec()


@contextlib.contextmanager
def _hooks() -> Iterator[str]:
    """Write a log, and catch crashes of the interpreter in a file; yield the report of the last crash or nothing."""
    crash, stream, crash_file = "", None, None
    try:
        folder = paths.data_dir()
        crash_file = folder / "crash.txt"
        handler = logging.handlers.RotatingFileHandler(
            folder / "cnnviz.log", maxBytes=LOG_BYTES, backupCount=2, encoding="utf-8", delay=True
        )
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.getLogger().addHandler(handler)
        logging.getLogger("cnnviz").setLevel(logging.INFO)
        crash = crash_file.read_text(encoding="utf-8", errors="replace") if crash_file.exists() else ""
        stream = crash_file.open("w", encoding="utf-8")
        faulthandler.enable(stream)
    except OSError:  # a full or read-only disk is no reason not to start
        logging.getLogger().addHandler(logging.NullHandler())
    try:
        yield crash
    finally:
        _unhook(stream, crash_file)


def _unhook(stream: TextIO | None, crash_file: Path | None) -> None:
    qInstallMessageHandler(None)  # restores Qt's own handler
    sys.excepthook = sys.__excepthook__
    threading.excepthook = threading.__excepthook__
    if stream is not None and crash_file is not None:
        faulthandler.disable()
        stream.close()
        with contextlib.suppress(OSError):
            crash_file.unlink()


def _route(messages: MessageCenter) -> None:
    """Bring every error, from every thread, to one place."""

    def on_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QGuiApplication.quit()
            return
        messages.report(error.with_traceback(trace))

    def on_thread_exception(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            messages.report(arguments.exc_value)

    def on_qt_message(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        level = {
            QtMsgType.QtDebugMsg: logging.DEBUG,
            QtMsgType.QtInfoMsg: logging.INFO,
            QtMsgType.QtWarningMsg: logging.WARNING,
        }.get(kind, logging.ERROR)
        _log.log(level, "Qt: %s", text)
        if level == logging.ERROR:
            messages.post(Message("bug", "Qt, the window's library, reported an error.", details=text))

    sys.excepthook = on_exception
    threading.excepthook = on_thread_exception
    qInstallMessageHandler(on_qt_message)
    if "QT_LOGGING_RULES" not in os.environ:
        QLoggingCategory.setFilterRules("qt.qpa.*.debug=false")
