"""Every layer's values as one indexed picture, with the colour scale that it was made with."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtGui import QImage

from cnnviz.core import mosaic, scale
from cnnviz.core.graph import Graph, Node
from cnnviz.core.inspection import FloatArray
from cnnviz.core.mosaic import MosaicLayout
from cnnviz.state.app_state import ColourScope, Place
from cnnviz.views.network.compute import Box
from cnnviz.widgets.colormap import MapRole
from cnnviz.widgets.figure import indexed_image

COARSE = 0.5
"""Below so many pixels of the screen for one value, only some of the values are drawn: the others would not be seen."""


class LayerPictures:
    """The mosaics of a network's layers, each made when it is first looked at."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._values: Mapping[str, FloatArray] = {}
        self._scope: ColourScope = "layer"
        self._network: Mapping[str, float] | None = None
        self._made: dict[str, tuple[int, MosaicLayout, QImage]] = {}
        self._fresh: set[str] = set()
        self._roles: dict[str, MapRole] = {}
        self._limits: dict[str, tuple[FloatArray, FloatArray]] = {}

    def show(
        self,
        graph: Graph | None,
        values: Mapping[str, FloatArray],
        scope: ColourScope,
        network_limits: Mapping[str, float] | None = None,
    ) -> None:
        """Show other values; the pictures of those before stay until the new ones are made."""
        if graph is not self._graph:
            self._made.clear()
        self._graph, self._values, self._scope, self._network = graph, values, scope, network_limits
        self._fresh.clear()
        self._limits.clear()
        self._roles.clear()

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def is_fresh(self, box: Box) -> bool:
        """Return whether the picture of a box is made of the present values."""
        made = self._made.get(box.node.name)
        return box.node.name in self._fresh and made is not None and made[:2] == (_step(box), box.mosaic)

    def image(self, box: Box) -> QImage:
        """Return the picture of a layer, made if need be.

        Raises
        ------
        KeyError
            If the layer has no values.
        """
        name = box.node.name
        if not self.is_fresh(box):
            step = _step(box)
            maps_chw = scale.as_maps(box.node, self._values[name])
            low, high, role = self._scale(box.node)
            layout = box.mosaic
            if step > 1:
                maps_chw = maps_chw[:, ::step, ::step]
                _, height, width = maps_chw.shape
                layout = MosaicLayout(layout.count, height, width, layout.columns, layout.gap)
            indices = mosaic.to_indices(maps_chw, low, high, layout)
            self._made[name] = (step, box.mosaic, indexed_image(indices, role))
            self._fresh.add(name)
        return self._made[name][2]

    def size(self, box: Box) -> tuple[int, int]:
        """Return width and height of the part of a picture that shows values; its rows are padded."""
        step, mosaic_layout, _ = self._made[box.node.name]
        if step == 1:
            return mosaic_layout.picture_size
        height, width = -(-mosaic_layout.height // step), -(-mosaic_layout.width // step)
        return MosaicLayout(mosaic_layout.count, height, width, mosaic_layout.columns, mosaic_layout.gap).picture_size

    def stale_image(self, box: Box) -> QImage | None:
        """Return the last picture of a layer, if it still fits."""
        made = self._made.get(box.node.name)
        return made[2] if made is not None and made[1] == box.mosaic else None

    def _scale(self, node: Node) -> tuple[FloatArray, FloatArray, MapRole]:
        name = node.name
        if name not in self._limits:
            maps_chw = scale.as_maps(node, self._values[name])
            self._limits[name] = scale.limits(node, maps_chw, self._scope, self._network)
            self._roles[name] = scale.role(node, maps_chw)
        return *self._limits[name], self._roles[name]

    def role(self, node: Node) -> MapRole:
        """Return which colours a layer is drawn with."""
        return self._scale(node)[2]

    def limits(self, node: Node, place: Place) -> tuple[float, float]:
        """Return the ends of the colour scale that a place is drawn with.

        Raises
        ------
        KeyError
            If the layer has no values.
        """
        low, high, _ = self._scale(node)
        if place.unit is not None and len(low) > 1:
            return float(low[place.unit]), float(high[place.unit])
        return float(low.min()), float(high.max())


def _step(box: Box) -> int:
    """Return which values are drawn: every one, or every second, third and so on where they would not be seen."""
    return max(1, math.floor(1 / box.scale)) if box.scale < COARSE else 1
