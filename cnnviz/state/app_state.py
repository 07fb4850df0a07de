"""The single source of truth of the window: frozen values, one signal a field, GUI thread only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from cnnviz.core import scale
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import FloatArray, Inspection, LoadedModel, ModelRequest, PixelArray
from cnnviz.state.data_state import DataState
from cnnviz.state.race_state import RaceState
from cnnviz.state.training_state import TrainingState

if TYPE_CHECKING:  # decoding is imported with the first picture, not with the window
    from cnnviz.core.image import Picture
    from cnnviz.models.comparing import Compared, Question

ColourScope = Literal["unit", "layer", "network"]
Appearance = Literal["system", "light", "dark"]
DownloadStage = Literal["possible", "offered", "running"]
SCOPES: tuple[ColourScope, ...] = get_args(ColourScope)
APPEARANCES: tuple[Appearance, ...] = get_args(Appearance)
LATE_MS = 120


@dataclass(frozen=True, eq=False)
class InputState:
    """The picture that the network is to see.

    Attributes
    ----------
    generation
        Counts every change; a result carries the number of the input it belongs to.
    image_hw
        The prepared picture, float32 in 0..1, ink 1 on paper 0.
    blank
        There is nothing to recognise for the network that is loaded.
    title
        What it is, in a few words.
    label
        The true class where it is known.
    photo
        What a network for photographs is shown, not yet reduced: uint8 (H, W, 3), or (H, W) the ink of the board,
        light on black as it is there. Always beside `image_hw`, so that another network can be given the same picture;
        never copied. ``None``: the prepared digit is all there is.
    """

    generation: int
    image_hw: FloatArray
    blank: bool
    title: str = "Drawing"
    label: str | None = None
    photo: PixelArray | None = None


@dataclass(frozen=True, eq=False)
class PictureData:
    """A picture that is no file yet: pasted or dropped bytes of one, or its pixels (H, W, 3 or 4).

    Attributes
    ----------
    data, name
        The bytes or pixels, and what to call it.
    live
        One of many that follow each other, as a camera's do: no step of the history.
    """

    data: bytes | npt.NDArray[np.uint8]
    name: str
    live: bool = False


@dataclass(frozen=True)
class FolderStep:
    """A wish: the picture at a path; where it cannot be read, the next of its folder in a direction (1 or −1)."""

    path: str
    direction: int = 1


PictureWish = str | PictureData | FolderStep
"""A path of a picture or of a folder, a picture that is no file, or a step through a folder."""


@dataclass(frozen=True)
class FolderPlace:
    """The pictures of a folder, by their paths in order, and which of them is shown."""

    files: tuple[str, ...]
    at: int


@dataclass(frozen=True, eq=False)
class OpenedPicture:
    """A picture that was opened.

    Attributes
    ----------
    picture, ink_hw
        The picture, and the board that was made of it: uint8 (side, side), ink 255 on paper 0.
    wish
        What was asked for.
    path
        Where it lies, from the root of the file system; empty where it is no file.
    folder
        Where it lies among the pictures of its folder; ``None`` where it is no file.
    notes
        Sentences on what happened on the way to it.
    """

    picture: Picture
    ink_hw: npt.NDArray[np.uint8]
    wish: PictureWish = ""
    path: str = ""
    folder: FolderPlace | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PinnedInput:
    """An input that is kept beside the present one, with every value that the network had for it."""

    input: InputState
    inspection: Inspection


@dataclass(frozen=True)
class Place:
    """A layer, perhaps one of its units, perhaps one cell of that unit's map.

    With `softmax` it is what softmax makes of an element of the last layer: a probability instead of a logit.
    """

    layer: str
    unit: int | None = None
    cell: tuple[int, int] | None = None
    softmax: bool = False


@dataclass(frozen=True, eq=False)
class SelectedLayer:
    """What the network computed in the layer that is chosen.

    Attributes
    ----------
    place, node
        The choice, and its layer.
    values, maps_chw
        The layer's values in their own shape, and as maps (C, H, W).
    """

    place: Place
    node: Node
    values: FloatArray
    maps_chw: FloatArray


@dataclass(frozen=True)
class Download:
    """Published weights that are not here yet.

    Attributes
    ----------
    network, title
        Registry name and name for people of the network that they belong to.
    size
        Bytes of the file.
    done
        How many of them came already.
    stage
        ``possible``: the user does not want to be asked; ``offered``; ``running``.
    rate
        Bytes per second while it runs.
    """

    network: str
    title: str
    size: int
    done: int = 0
    stage: DownloadStage = "offered"
    rate: float = 0.0


@dataclass(frozen=True)
class Trail:
    """The way from a value back to what it was made of.

    Attributes
    ----------
    places
        From the value that one began with, each made of the one behind it.
    at
        Which of them is chosen.
    """

    places: tuple[Place, ...] = ()
    at: int = 0


@dataclass(frozen=True, eq=False)
class Comparison:
    """Networks side by side on one picture.

    Attributes
    ----------
    question
        Which networks, and on what.
    generation
        Number of the input that it is about.
    rows
        What is known so far, in the order of the question.
    running
        The network whose turn it is, or ``None`` when nothing more is to come.
    cancelled
        It was given up before all of them had their turn.
    """

    question: Question
    generation: int
    rows: tuple[Compared, ...] = ()
    running: str | None = None
    cancelled: bool = False


@dataclass(frozen=True, eq=False)
class Gradient:
    """How strongly one value changes with each pixel of the input.

    Attributes
    ----------
    model, generation, place
        Which network, which input, and which value: a cell of a unit's map, or a unit.
    magnitude_hw
        Σ over the input's channels of |∂ value / ∂ input|, (H, W).
    """

    model: ModelRequest
    generation: int
    place: Place
    magnitude_hw: FloatArray


class AppState(QObject):
    """What the window shows. Setters return early when nothing changed, else store and emit one signal.

    Signals
    -------
    input_changed(InputState)
        A new picture.
    model_requested(ModelRequest)
        A wish: another network, other weights, another device.
    model_changed(LoadedModel | None)
        A network is loaded.
    weights_changed(LoadedModel)
        The network that is loaded has newer weights; its values follow.
    inspection_changed(Inspection | None)
        New values; all views draw from the same inspection.
    selection_changed(Place | None), pointed_changed(Place | None)
        What was chosen, and what the pointer is over.
    loading_changed(bool)
        Whether a network that was asked for is on its way.
    late_changed(bool)
        Whether the values on screen have been older than the picture for longer than `LATE_MS`.
    trail_changed(Trail)
        One went from a value to one that it was made of, back again, or elsewhere.
    scope_changed(ColourScope)
        Over what the colour scale reaches.
    open_requested(PictureWish)
        A wish: show this picture.
    opening_changed(str)
        The name of the picture that is being read; empty when none is.
    picture_opened(OpenedPicture)
        A picture was read.
    cancel_requested()
        A wish: forget the picture that is being read.
    enter_requested()
        A wish: go one level in, from the map to the inspector.
    pinned_changed(PinnedInput | None)
        Another input is kept to be compared with, or none.
    download_changed(Download | None)
        Weights can be downloaded, are on their way, or neither.
    fetch_requested(), fetch_cancelled()
        Wishes: fetch what is on offer; give up what is on its way.
    comparison_changed(Comparison | None)
        More is known about networks that are compared on one picture.
    comparison_requested(Question), comparison_cancelled()
        Wishes: compare networks; give it up, and keep what is known.
    gradient_requested(Place)
        A wish: how a value changes with the input.
    gradient_changed(Gradient | None)
        The answer to the last wish, or that there is none any more.
    gradient_refused()
        The gradient that was asked for cannot be computed.
    """

    input_changed = Signal(object)
    model_requested = Signal(object)
    model_changed = Signal(object)
    weights_changed = Signal(object)
    inspection_changed = Signal(object)
    selection_changed = Signal(object)
    pointed_changed = Signal(object)
    loading_changed = Signal(bool)
    late_changed = Signal(bool)
    trail_changed = Signal(object)
    scope_changed = Signal(object)
    open_requested = Signal(object)
    opening_changed = Signal(str)
    picture_opened = Signal(object)
    cancel_requested = Signal()
    enter_requested = Signal()
    pinned_changed = Signal(object)
    download_changed = Signal(object)
    fetch_requested = Signal()
    fetch_cancelled = Signal()
    comparison_changed = Signal(object)
    comparison_requested = Signal(object)
    comparison_cancelled = Signal()
    gradient_requested = Signal(object)
    gradient_changed = Signal(object)
    gradient_refused = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.training = TrainingState(self)
        self.data = DataState(self)
        self.race = RaceState(self)
        self._input: InputState | None = None
        self._generation = 0
        self._model: LoadedModel | None = None
        self._model_request: ModelRequest | None = None
        self._inspection: Inspection | None = None
        self._pinned: PinnedInput | None = None
        self._pin_wanted = False
        self._download: Download | None = None
        self._comparison: Comparison | None = None
        self._gradient: Gradient | None = None
        self._selection: Place | None = None
        self._pointed: Place | None = None
        self._trail = Trail()
        self._scope: ColourScope = "layer"
        self._loading = False
        self._late = False
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(LATE_MS)
        self._patience.timeout.connect(self._on_patience_timeout)

    @property
    def input(self) -> InputState | None:
        """The picture that the network is to see."""
        return self._input

    def set_input(
        self,
        image_hw: FloatArray,
        *,
        blank: bool,
        title: str = "Drawing",
        label: str | None = None,
        photo: PixelArray | None = None,
    ) -> InputState:
        """Replace the picture and return its state, with a new generation."""
        self._generation += 1
        self._input = InputState(self._generation, image_hw, blank, title, label, photo)
        self.input_changed.emit(self._input)
        if not self._patience.isActive():
            self._watch()
        return self._input

    @property
    def model_request(self) -> ModelRequest | None:
        """The network that was last asked for; it may still be loading."""
        return self._model_request

    def request_model(self, request: ModelRequest) -> None:
        """Ask for another network, other weights or another device."""
        known = self._model_request
        if known is not None and request == replace(known, edition=min(request.edition, known.edition)):
            return  # the same, or an older edition of the same
        self._model_request = request
        self.model_requested.emit(request)

    def reload_model(self) -> None:
        """Ask for the same network again: what its weights are read from has changed."""
        if self._model_request is not None:
            self.request_model(replace(self._model_request, edition=self._model_request.edition + 1))

    def keep_model(self) -> None:
        """Withdraw a request that failed: the network that is loaded stays."""
        self._model_request = self._model.request if self._model else None

    @property
    def download(self) -> Download | None:
        """Published weights that can be downloaded or are on their way."""
        return self._download

    def set_download(self, download: Download | None) -> None:
        """Say what can be downloaded, and how far it is."""
        if download != self._download:
            self._download = download
            self.download_changed.emit(download)

    @property
    def comparison(self) -> Comparison | None:
        """What is known about networks that are, or were, compared on one picture."""
        return self._comparison

    def set_comparison(self, comparison: Comparison | None) -> None:
        """Say what is known, and which network's turn it is."""
        if comparison is not self._comparison:
            self._comparison = comparison
            self.comparison_changed.emit(comparison)

    @property
    def loading(self) -> bool:
        """Whether a network that was asked for is on its way."""
        return self._loading

    def set_loading(self, loading: bool) -> None:
        """Say whether a network that was asked for is on its way."""
        if loading != self._loading:
            self._loading = loading
            self.loading_changed.emit(loading)

    @property
    def model(self) -> LoadedModel | None:
        """The network whose values are shown, or ``None`` while none is loaded."""
        return self._model

    def set_model(self, model: LoadedModel | None) -> None:
        """Replace the network; values of another network are dropped, and the selection if it is not in it.

        The same network with newer weights, as one that learns has them, is no other network.
        """
        if model is self._model:
            return
        before, self._model = self._model, model
        same = model and before and model.graph is before.graph and model.request == before.request
        if same and model and before and model.labels == before.labels:
            self.weights_changed.emit(model)
            return
        if self._inspection and (model is None or self._inspection.request != model.request):
            self._inspection = None
            self.inspection_changed.emit(None)
            self._watch()
        self.model_changed.emit(model)
        if self._pinned and (model is None or self._pinned.inspection.request != model.request):
            self.unpin()  # its values mean nothing beside those of another network
        self.set_pointed(None)
        if model and (self._selection is None or self._selection.layer not in model.graph):
            self.select(Place(model.graph.layers[0].name))
        elif model and self._selection:
            self.select(_inside(self._selection, model.graph))
            self._set_trail(Trail((self._selection,)))  # where it begins again

    @property
    def inspection(self) -> Inspection | None:
        """Every captured value for one input."""
        return self._inspection

    def set_inspection(self, inspection: Inspection | None) -> None:
        """Show new values, unless they belong to another network or are older than what is shown."""
        if inspection is self._inspection:
            return
        if inspection is not None:
            if self._model is None or inspection.request != self._model.request:
                return
            if self._inspection and inspection.generation < self._inspection.generation:
                return
        self._inspection = inspection
        self.inspection_changed.emit(inspection)
        self._watch()
        if self._pin_wanted:
            self.pin()

    @property
    def pinned(self) -> PinnedInput | None:
        """The input that is kept to compare the present one with; always of the network that is loaded."""
        return self._pinned

    def pin(self) -> None:
        """Keep the present input and its values; where they are on their way, as soon as they are there."""
        now, values = self._input, self._inspection
        self._pin_wanted = now is not None and (values is None or values.generation != now.generation)
        if now is not None and values is not None and not self._pin_wanted:
            self._pinned = PinnedInput(now, values)
            self.pinned_changed.emit(self._pinned)

    def unpin(self) -> None:
        """Keep no input any more."""
        self._pin_wanted = False
        if self._pinned is not None:
            self._pinned = None
            self.pinned_changed.emit(None)

    @property
    def is_stale(self) -> bool:
        """Whether the values on screen are older than the picture."""
        return (
            self._input is not None
            and self._inspection is not None
            and self._inspection.generation < self._input.generation
        )

    @property
    def late(self) -> bool:
        """Whether the values on screen have been older than the picture for longer than `LATE_MS`."""
        return self._late

    def _watch(self) -> None:
        """Wait for the values that belong to the picture; every answer on the way starts the wait anew."""
        if self.is_stale:
            self._patience.start()
        else:
            self._patience.stop()
            self._set_late(False)

    @Slot()
    def _on_patience_timeout(self) -> None:
        self._set_late(self.is_stale)

    def _set_late(self, late: bool) -> None:
        if late != self._late:
            self._late = late
            self.late_changed.emit(late)

    @property
    def selection(self) -> Place | None:
        """The chosen layer, unit and cell."""
        return self._selection

    def select(self, place: Place | None) -> None:
        """Choose a layer, a unit or a cell, in every view."""
        if place == self._selection:
            return
        self._set_trail(Trail((place,) if place is not None else ()))
        self._choose(place)

    def _choose(self, place: Place | None) -> None:
        self._selection = place
        self.selection_changed.emit(place)

    @property
    def selected_layer(self) -> SelectedLayer | None:
        """The chosen layer with its values; ``None`` while there are none."""
        if self._selection is None or self._model is None or self._inspection is None:
            return None
        node = self._model.graph.by_name.get(self._selection.layer)
        if node is None:
            return None
        values = self._inspection.values[node.name]
        return SelectedLayer(self._selection, node, values, scale.as_maps(node, values))

    @property
    def network_limits(self) -> Mapping[str, float] | None:
        """For each layer the end of a colour scale over the whole network, where that is known."""
        return self._inspection.network_limits if self._inspection is not None else None

    @property
    def trail(self) -> Trail:
        """The way that one came by `trace`."""
        return self._trail

    def _set_trail(self, trail: Trail) -> None:
        if trail != self._trail:
            self._trail = trail
            self.trail_changed.emit(trail)

    def trace(self, place: Place) -> None:
        """Go from the chosen value to one that it was made of; the way back stays open."""
        if place != self._selection:
            way = self._trail.places[: self._trail.at + 1]
            self._set_trail(Trail((*way, place), len(way)))
            self._choose(place)

    def retrace(self, at: int) -> None:
        """Go to a place of the trail; those behind it stay."""
        if 0 <= at < len(self._trail.places) and at != self._trail.at:
            self._set_trail(replace(self._trail, at=at))
            self._choose(self._trail.places[at])

    def select_unit(self, unit: int | None) -> None:
        """Choose a unit of the selected layer; ``None`` chooses the whole layer."""
        if self._selection is not None:
            self.select(replace(self._selection, unit=unit, cell=None))

    @property
    def pointed(self) -> Place | None:
        """What the pointer is over."""
        return self._pointed

    def set_pointed(self, place: Place | None) -> None:
        """Say what the pointer is over."""
        if place == self._pointed:
            return
        self._pointed = place
        self.pointed_changed.emit(place)

    @property
    def gradient(self) -> Gradient | None:
        """How the value that was last asked for changes with the input, if that is known."""
        return self._gradient

    def refuse_gradient(self) -> None:
        """Say that the gradient that was asked for cannot be computed."""
        self.set_gradient(None)
        self.gradient_refused.emit()

    def set_gradient(self, gradient: Gradient | None) -> None:
        """Say how a value changes with the input."""
        if gradient is not self._gradient:
            self._gradient = gradient
            self.gradient_changed.emit(gradient)

    @property
    def scope(self) -> ColourScope:
        """Over what the colour scale of the maps reaches."""
        return self._scope

    def set_scope(self, scope: ColourScope) -> None:
        """Choose over what the colour scale reaches."""
        if scope == self._scope:
            return
        self._scope = scope
        self.scope_changed.emit(scope)


def _inside(place: Place, graph: Graph) -> Place:
    """Return a place without what a layer does not have."""
    node = graph[place.layer]
    place = replace(place, softmax=place.softmax and node.name == graph.output.name)
    if place.unit is None or place.unit >= node.units:
        return replace(place, unit=None, cell=None)
    if place.cell is not None and node.is_map:
        _, height, width = node.output_shape
        if place.cell[0] < height and place.cell[1] < width:
            return place
    return replace(place, cell=None)
