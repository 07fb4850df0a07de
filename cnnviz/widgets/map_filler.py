"""A map computed in parts between events, so that a large one never holds the window up."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from cnnviz.core.operations import Operation

BUDGET_S = 0.006


class MapFiller(QObject):
    """Computes one map of an operation's output, rows after rows.

    Signals
    -------
    grown()
        More rows are there.
    """

    grown = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._operation: Operation | None = None
        self._unit, self._row, self._rows_at_once = 0, 0, 1
        self.values_hw: npt.NDArray[Any] = np.zeros((1, 1))
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_timer_timeout)

    @property
    def complete(self) -> bool:
        """Whether every row is there."""
        return self._row >= len(self.values_hw)

    @property
    def missing(self) -> npt.NDArray[np.bool_] | None:
        """Cells (H, W) that are not computed yet, or ``None``."""
        if self.complete:
            return None
        mask = np.zeros(self.values_hw.shape, np.bool_)
        mask[self._row :] = True
        return mask

    def start(self, operation: Operation, unit: int) -> None:
        """Compute a map; what can be done at once is there when this returns."""
        self._operation, self._unit, self._row, self._rows_at_once = operation, unit, 0, 1
        self.values_hw = np.zeros(operation.output_shape[1:])
        self._fill()
        if not self.complete:
            self._timer.start()

    def stop(self) -> None:
        """Forget the map."""
        self._timer.stop()
        self._operation = None

    @Slot()
    def _on_timer_timeout(self) -> None:
        self._fill()
        if self.complete:
            self._timer.stop()
        self.grown.emit()

    def _fill(self) -> None:
        """Compute rows for as long as a frame can spare."""
        if self._operation is None:
            return
        end_s = time.perf_counter() + BUDGET_S
        while not self.complete:
            begin_s = time.perf_counter()
            last = min(len(self.values_hw), self._row + self._rows_at_once)
            self.values_hw[self._row : last] = self._operation.rows(self._unit, self._row, last)
            self._row = last
            now_s = time.perf_counter()
            if now_s - begin_s < BUDGET_S / 4:
                self._rows_at_once *= 2
            elif now_s - begin_s > BUDGET_S:
                self._rows_at_once = max(1, self._rows_at_once // 2)
            if now_s > end_s:
                return
