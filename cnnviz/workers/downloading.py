"""Published weights on their way here: offered where a network has random ones, fetched in a thread, then loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal, Slot

from cnnviz.core.inspection import LoadedModel
from cnnviz.models import registry
from cnnviz.models.registry import ModelSpec
from cnnviz.state.app_state import AppState, Download, DownloadStage
from cnnviz.state.messages import MessageCenter
from cnnviz.workers.latest_lane import LatestLane


@dataclass(frozen=True, eq=False)
class FetchRequest:
    """Whose weights to fetch, whom to tell how far they are (bytes, all bytes, bytes a second), and when to give up."""

    spec: ModelSpec
    progress: Callable[[int, int | None, float], None]
    stopped: Callable[[], bool]


def make_handler() -> Callable[[FetchRequest], None]:
    """Return the lane's function."""
    from cnnviz.models import published

    def handle(request: FetchRequest) -> None:
        published.fetch(request.spec, request.progress, request.stopped)

    return handle


class DownloadService(QObject):
    """Offers published weights by `AppState.download`, and fetches them when that is wished; one at a time."""

    _progressed = Signal(object, object, float)  # integers of Qt's have 32 bits

    def __init__(self, state: AppState, messages: MessageCenter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._messages = state, messages
        self._declined: set[str] = set()
        self._stop = threading.Event()
        self._lane = LatestLane(make_handler, "downloads", self)
        self._lane.done.connect(self._on_lane_done)
        self._lane.failed.connect(self._on_lane_failed)
        self._progressed.connect(self._on_progressed)
        state.model_changed.connect(self._on_state_model_changed)
        state.download_changed.connect(self._on_state_download_changed)
        state.fetch_requested.connect(self._on_state_fetch_requested)
        state.fetch_cancelled.connect(self._on_state_fetch_cancelled)

    def stop(self) -> None:
        """Give up what is on its way, and wait for the thread; what came is kept."""
        self._stop.set()
        self._lane.stop()

    def _offer(self) -> None:
        """Offer what the network in sight lacks; nothing when it has its weights."""
        model = self._state.model
        spec = _spec_of(model)
        if model is None or spec is None:
            self._state.set_download(None)
            return
        from cnnviz.models import published  # torchvision is there: it has built the network

        found = published.of(spec)
        if found is None or published.cached_path(spec) is not None:
            self._state.set_download(None)
            return
        stage: DownloadStage = "possible" if spec.name in self._declined else "offered"
        self._state.set_download(Download(spec.name, spec.title, found.size, published.kept_bytes(spec), stage))

    @property
    def _running(self) -> Download | None:
        now = self._state.download
        return now if now is not None and now.stage == "running" else None

    @Slot(object)
    def _on_state_model_changed(self, model: LoadedModel | None) -> None:
        if self._running is None:  # else when that has ended
            self._offer()

    @Slot(object)
    def _on_state_download_changed(self, download: Download | None) -> None:
        if download is not None and download.stage == "possible":
            self._declined.add(download.network)

    @Slot()
    def _on_state_fetch_requested(self) -> None:
        wanted = self._state.download
        if wanted is None or wanted.stage == "running":
            return
        self._stop = threading.Event()
        self._state.set_download(replace(wanted, stage="running"))
        self._lane.submit(FetchRequest(registry.get(wanted.network), self._progressed.emit, self._stop.is_set))

    @Slot()
    def _on_state_fetch_cancelled(self) -> None:
        self._stop.set()

    @Slot(object, object, float)
    def _on_progressed(self, done: int, total: int | None, rate: float) -> None:
        now = self._running
        if now is not None:
            size = total if total is not None else now.size
            self._state.set_download(replace(now, done=done, size=size, rate=rate))

    @Slot(object, object)
    def _on_lane_done(self, request: FetchRequest, nothing: object) -> None:
        self._state.set_download(None)
        self._messages.notice(f"The published weights of {request.spec.title} are here.", "download")
        wanted, model = self._state.model_request, self._state.model
        if wanted is not None and wanted.name == request.spec.name and wanted.weights_path is None:
            self._state.reload_model()
        elif model is not None:
            self._offer()

    @Slot(object, object)
    def _on_lane_failed(self, request: FetchRequest, error: BaseException) -> None:
        if not self._stop.is_set():  # who cancelled knows
            self._messages.report(error, "download")
        self._state.set_download(None)
        self._offer()


def _spec_of(model: LoadedModel | None) -> ModelSpec | None:
    """Return the registered network whose weights a model lacks; ``None`` where it has some, or is nobody's."""
    if model is None or not model.is_random or model.request.weights_path is not None:
        return None
    return next((spec for spec in registry.MODELS if spec.name == model.request.name and spec.is_torchvision), None)
