"""The pictures of a configuration, read away from the window; and data sets on their way here."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal, Slot

from cnnviz.core.errors import UserError
from cnnviz.datasets import fetching
from cnnviz.datasets import registry as datasets
from cnnviz.datasets.registry import DatasetSpec
from cnnviz.state.app_state import AppState
from cnnviz.state.data_state import DataDownload, NetworkLayers
from cnnviz.state.messages import MessageCenter
from cnnviz.training.config import TrainConfig
from cnnviz.training.layers_of import trainable_layers
from cnnviz.training.look import DataLook, look
from cnnviz.workers.gentle_import import gentle_import
from cnnviz.workers.latest_lane import LatestLane


@dataclass(frozen=True, eq=False)
class LookWish:
    """A configuration to look at, which of its pictures are the samples, and whom to tell the layers before all else.

    Pictures are read until `stopped`. That may take long, and nobody has to wait for it to draw the freeze line.
    """

    config: TrainConfig
    page: int = 0
    tell: Callable[[LookWish, NetworkLayers], None] = lambda wish, layers: None
    stopped: Callable[[], bool] = lambda: False


@dataclass(frozen=True, eq=False)
class LookAnswer:
    """The network's layers, and what was seen of the pictures or why nothing was."""

    layers: NetworkLayers
    look: DataLook | None = None
    problem: str = ""


@dataclass(frozen=True, eq=False)
class DataFetch:
    """What to fetch, whom to tell how far it is (bytes, all bytes, bytes a second), and when to give up."""

    spec: DatasetSpec
    progress: Callable[[int, int | None, float], None]
    stopped: Callable[[], bool]


def missing_words(config: TrainConfig) -> str:
    """Return what to do where nobody said yet where the pictures are; nothing where that is known."""
    spec = datasets.get(config.data)
    if not spec.files or config.data_dir or fetching.is_here(spec):
        return ""
    if spec.can_download:
        return f"{spec.title} is not here yet: download it, or choose the folder that holds it."
    return "No folder is chosen yet: choose one with a sub-folder for each class, or drop it here."


def make_looker() -> Callable[[LookWish], LookAnswer]:
    """Return the function of the lane that looks."""
    with gentle_import():
        import torch  # noqa: F401  # in the lane's thread, with the window's hand on the wheel

    def handle(wish: LookWish) -> LookAnswer:
        variation = wish.config.variation
        if variation.mixup or not variation.is_quick:
            with gentle_import():
                importlib.import_module("torchvision.transforms.v2")
        layers = _layers(wish.config)
        wish.tell(wish, layers)
        if missing := missing_words(wish.config):
            return LookAnswer(layers, problem=missing)
        try:  # what is wrong with the freeze line is said beside it, and no reason to show no pictures
            seen = look(replace(wish.config, freeze=""), wish.page, wish.stopped)
        except UserError as error:
            return LookAnswer(layers, problem=str(error))
        return LookAnswer(_layers(wish.config, len(seen.classes)), seen)

    return handle


def _layers(config: TrainConfig, classes: int = 0) -> NetworkLayers:
    """Return a network's layers; also where the weights to start from cannot be used."""
    try:
        return NetworkLayers(config.model, trainable_layers(config, classes))
    except UserError as error:
        return NetworkLayers(config.model, trainable_layers(replace(config, start=""), classes), str(error))


def make_fetcher() -> Callable[[DataFetch], None]:
    """Return the function of the lane that downloads."""
    with gentle_import():
        import torch  # noqa: F401
    with gentle_import():
        importlib.import_module("torchvision.datasets")

    def handle(wish: DataFetch) -> None:
        fetching.fetch(wish.spec, wish.progress, wish.stopped)

    return handle


class DataLookService(QObject):
    """Answers the wishes of `DataState`: the newest look, and one download at a time."""

    _progressed = Signal(object, object, float)  # integers of Qt's have 32 bits
    _layered = Signal(object, object)

    def __init__(
        self,
        state: AppState,
        messages: MessageCenter,
        parent: QObject | None = None,
        looker: Callable[[], Callable[[LookWish], LookAnswer]] = make_looker,
        fetcher: Callable[[], Callable[[DataFetch], None]] = make_fetcher,
    ) -> None:
        super().__init__(parent)
        self._state, self._messages = state.data, messages
        self._wanted: LookWish | None = None
        self._stop, self._closing = threading.Event(), threading.Event()
        self._looks = LatestLane(looker, "data looks", self)
        self._looks.done.connect(self._on_looks_done)
        self._looks.failed.connect(self._on_looks_failed)
        self._fetches = LatestLane(fetcher, "data downloads", self)
        self._fetches.done.connect(self._on_fetches_done)
        self._fetches.failed.connect(self._on_fetches_failed)
        self._progressed.connect(self._on_progressed)
        self._layered.connect(self._on_layered)
        self._state.look_requested.connect(self._on_state_look_requested)
        self._state.fetch_requested.connect(self._on_state_fetch_requested)
        self._state.fetch_cancelled.connect(self._on_state_fetch_cancelled)

    def stop(self) -> None:
        """Give up what is on its way, and wait for the threads; what came is kept."""
        self._stop.set()
        self._closing.set()
        self._fetches.stop()
        self._looks.stop()

    # -- looking --------------------------------------------------------------------------------------------------

    @Slot(object, int)
    def _on_state_look_requested(self, config: TrainConfig, page: int) -> None:
        self._look(config, page)

    def _look(self, config: TrainConfig, page: int) -> None:
        self._wanted = LookWish(config, page, self._layered.emit, self._closing.is_set)
        self._state.set_looking(True)
        self._looks.submit(self._wanted)

    @Slot(object, object)
    def _on_layered(self, wish: LookWish, layers: NetworkLayers) -> None:
        if wish is self._wanted and (self._state.layers is None or self._state.layers.model != layers.model):
            self._state.set_layers(layers)  # what is known of the same network's head may be newer

    @Slot(object, object)
    def _on_looks_done(self, wish: LookWish, answer: LookAnswer) -> None:
        if wish is self._wanted:
            self._state.set_looking(False)
            self._state.set_layers(answer.layers)
            self._state.set_problem(answer.problem)
            self._state.set_look(answer.look)

    @Slot(object, object)
    def _on_looks_failed(self, wish: LookWish, error: BaseException) -> None:
        self._messages.report(error)
        if wish is self._wanted:
            self._state.set_looking(False)
            self._state.set_problem("The pictures could not be looked at.")
            self._state.set_look(None)

    # -- downloading ----------------------------------------------------------------------------------------------

    @Slot(str)
    def _on_state_fetch_requested(self, name: str) -> None:
        if self._state.download is not None:
            return
        spec = datasets.get(name)
        self._stop = threading.Event()
        size = fetching.SIZES.get(name, 0)
        self._state.set_download(DataDownload(name, spec.title, fetching.kept_bytes(spec), size))
        self._fetches.submit(DataFetch(spec, self._progressed.emit, self._stop.is_set))

    @Slot()
    def _on_state_fetch_cancelled(self) -> None:
        self._stop.set()

    @Slot(object, object, float)
    def _on_progressed(self, done: int, total: int | None, rate: float) -> None:
        now = self._state.download
        if now is not None:
            self._state.set_download(replace(now, done=done, size=total or now.size, rate=rate))

    @Slot(object, object)
    def _on_fetches_done(self, wish: DataFetch, nothing: object) -> None:
        self._state.set_download(None)
        self._messages.notice(f"{wish.spec.title} is here.", "download")
        self._look_again(wish.spec.name)

    def _look_again(self, name: str) -> None:
        """Look at what was waited for."""
        if self._wanted is not None and self._wanted.config.data == name:
            self._look(self._wanted.config, self._wanted.page)

    @Slot(object, object)
    def _on_fetches_failed(self, wish: DataFetch, error: BaseException) -> None:
        if not self._stop.is_set():  # who cancelled knows
            self._messages.report(error, "download")
        self._state.set_download(None)
