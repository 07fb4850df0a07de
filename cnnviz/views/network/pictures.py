"""Every layer's values as one indexed picture, with the colour scale that it was made with."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtGui import QImage

from cnnviz.core import mosaic, scale
from cnnviz.core.graph import Graph
from cnnviz.core.inspection import FloatArray
from cnnviz.state.app_state import ColourScope, Place
from cnnviz.views.network.compute import Box, MapLayout
from cnnviz.widgets.colormap import MapRole
from cnnviz.widgets.figure import indexed_image


class LayerPictures:
    """The mosaics of a network's layers.

    Attributes
    ----------
    images
        By layer; a layer without values has none.
    roles
        Which colour map each is drawn with.
    """

    def __init__(self) -> None:
        self.images: dict[str, QImage] = {}
        self.roles: dict[str, MapRole] = {}
        self._limits: dict[str, tuple[FloatArray, FloatArray]] = {}

    def make(
        self, graph: Graph | None, layout: MapLayout, values: Mapping[str, FloatArray], scope: ColourScope
    ) -> None:
        """Make the pictures of all layers of a layout anew."""
        self.images.clear()
        network = scale.network_limits(graph, values) if graph is not None and scope == "network" else {}
        for box in layout.boxes:
            array = values.get(box.node.name)
            if array is not None:
                self._make_one(box, scale.as_maps(box.node, array), scope, network)

    def _make_one(self, box: Box, maps_chw: FloatArray, scope: ColourScope, network: Mapping[str, float]) -> None:
        name = box.node.name
        low, high = scale.limits(box.node, maps_chw, scope, network)
        self.roles[name] = scale.role(box.node, maps_chw)
        self.images[name] = indexed_image(mosaic.to_indices(maps_chw, low, high, box.mosaic), self.roles[name])
        self._limits[name] = (low, high)

    def limits(self, place: Place) -> tuple[float, float]:
        """Return the ends of the colour scale that a place is drawn with.

        Raises
        ------
        KeyError
            If the layer has no picture.
        """
        low, high = self._limits[place.layer]
        if place.unit is not None and len(low) > 1:
            return float(low[place.unit]), float(high[place.unit])
        return float(low.min()), float(high.max())
