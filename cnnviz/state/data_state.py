"""What the window knows of the pictures that a run would be given: frozen values, one signal a field. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from cnnviz.training.config import TrainConfig
from cnnviz.training.layers_of import LayerInfo
from cnnviz.training.look import DataLook


@dataclass(frozen=True)
class DataDownload:
    """A data set on its way here: its registry name and title, bytes that came and that there are, bytes a second."""

    name: str
    title: str
    done: int
    size: int
    rate: float = 0.0


@dataclass(frozen=True)
class NetworkLayers:
    """The layers with weights of a network that would learn, with the head that it gets for the data's classes.

    Attributes
    ----------
    model
        Its registry name.
    layers
        In the network's order.
    problem
        Why the weights to start from cannot be used, in a sentence; empty where they can.
    """

    model: str
    layers: tuple[LayerInfo, ...]
    problem: str = ""


class DataState(QObject):
    """The pictures of the configuration that is being set up.

    Signals
    -------
    look_changed(DataLook | None)
        What a run would make of its pictures; ``None`` while that is not known.
    looking_changed(bool)
        They are being read.
    problem_changed(str)
        Why they cannot be used, in a sentence; empty where they can.
    layers_changed(NetworkLayers | None)
        The layers between which the freeze line may lie; ``None`` until they are known.
    download_changed(DataDownload | None)
        A data set is on its way.
    look_requested(TrainConfig, int)
        A wish: look at the pictures of a configuration; the number chooses which of them are samples.
    fetch_requested(str), fetch_cancelled()
        Wishes: download a data set by its registry name; give that up.
    """

    look_changed = Signal(object)
    looking_changed = Signal(bool)
    problem_changed = Signal(str)
    layers_changed = Signal(object)
    download_changed = Signal(object)
    look_requested = Signal(object, int)
    fetch_requested = Signal(str)
    fetch_cancelled = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._look: DataLook | None = None
        self._looking = False
        self._problem = ""
        self._layers: NetworkLayers | None = None
        self._download: DataDownload | None = None

    def request_look(self, config: TrainConfig, page: int = 0) -> None:
        """Ask for a look at the pictures of a configuration."""
        self.look_requested.emit(config, page)

    @property
    def look(self) -> DataLook | None:
        """What a run would make of its pictures."""
        return self._look

    def set_look(self, look: DataLook | None) -> None:
        """Say what was seen."""
        if look is not self._look:
            self._look = look
            self.look_changed.emit(look)

    @property
    def is_looking(self) -> bool:
        """Whether pictures are being read."""
        return self._looking

    def set_looking(self, looking: bool) -> None:
        """Say whether pictures are being read."""
        if looking != self._looking:
            self._looking = looking
            self.looking_changed.emit(looking)

    @property
    def problem(self) -> str:
        """Why the pictures cannot be used."""
        return self._problem

    def set_problem(self, sentence: str) -> None:
        """Say why the pictures cannot be used, or that they can."""
        if sentence != self._problem:
            self._problem = sentence
            self.problem_changed.emit(sentence)

    @property
    def layers(self) -> NetworkLayers | None:
        """The layers of the network."""
        return self._layers

    def set_layers(self, layers: NetworkLayers | None) -> None:
        """Say which layers the network has."""
        if layers != self._layers:
            self._layers = layers
            self.layers_changed.emit(layers)

    @property
    def download(self) -> DataDownload | None:
        """The data set that is on its way."""
        return self._download

    def set_download(self, download: DataDownload | None) -> None:
        """Say what is on its way."""
        if download != self._download:
            self._download = download
            self.download_changed.emit(download)
