"""A layer's values as text and files. No Qt."""

from __future__ import annotations

import csv
import io
from typing import IO

import numpy as np

from cnnviz.core import scale
from cnnviz.core.graph import Node
from cnnviz.core.inspection import FloatArray


def table(node: Node, values: FloatArray, unit: int) -> FloatArray:
    """Return what the table shows: a unit's map (H, W), or a vector as one column (N, 1)."""
    return scale.as_maps(node, values)[unit] if node.is_map else values.reshape(-1, 1)


def as_csv(node: Node, values: FloatArray) -> bytes:
    """Return a layer as CSV, one value a line, written so that float32 comes back exactly."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if node.is_map:
        writer.writerow(("map", "row", "column", "value"))
        writer.writerows((*index, f"{value:.9g}") for index, value in np.ndenumerate(values))
    else:
        writer.writerow(("element", "value"))
        writer.writerows((*index, f"{value:.9g}") for index, value in np.ndenumerate(values.reshape(-1)))
    return text.getvalue().encode()


def write_npz(file: IO[bytes], node: Node, values: FloatArray) -> None:
    """Write a layer as npz under its name."""
    arrays = {node.name: np.asarray(values, np.float32)}
    np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub reads the keywords as allow_pickle
