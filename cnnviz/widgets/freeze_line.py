"""The freeze line: layers in a row, and a line between those that keep their weights and those that learn."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QScrollBar, QSizePolicy, QWidget

from cnnviz.training.layers_of import LayerInfo, freeze_fault, frozen_count
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure
from cnnviz.widgets.freeze_boxes import Box, boxes_of, depth_for, learning_of, short_words_of, words_of
from cnnviz.widgets.freeze_drawing import draw_bands, draw_box, draw_line, draw_words

GAP_PX, EDGE_PX = 12, 16
GRASP_PX = 9  # so near the line it is taken by the pointer
LEAST_BOX, MOST_BOX = 5.0, 11.0  # breadth of a box in text heights
TIGHT_BOX = 3.8  # where this makes all of them fit, nothing has to be scrolled
NARROW = 46.0  # text heights; where there is less room, the words stand in two lines
_KEYS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End)
_TIP = "Drag the line: layers left of it keep their weights, those right of it learn"


class FreezeLine(Figure):
    """Boxes with a line that is dragged, or moved by Left, Right, Home and End.

    Left of it layers are frozen: hatched, with a snow crystal. Groups of layers are one box each where all of them have
    no room; a double click, or Down and Up beside the line, unfolds and folds one.

    Signals
    -------
    moved(str)
        The user put the line behind this layer: it and all before it keep their weights; empty: all learn.
    chosen(str)
        The user pressed the box of this layer or group of layers.
    """

    moved = Signal(str)
    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Freeze line", parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.scroll_bar = QScrollBar(Qt.Orientation.Horizontal, self)
        self.scroll_bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scroll_bar.setCursor(Qt.CursorShape.ArrowCursor)
        self.scroll_bar.valueChanged.connect(self._on_scroll_bar_changed)
        self.scroll_bar.hide()
        self._layers: tuple[LayerInfo, ...] = ()
        self._boxes: tuple[Box, ...] = ()
        self._unfolded: frozenset[str] = frozenset()
        self._sentence = ""
        self._frozen = 0  # how many layers are
        self._before: int | None = None  # while the line is dragged: where it was
        self._strays = False  # the layer it was put behind is none of these
        self._movable = True
        self._chosen = ""

    # -- what is shown --------------------------------------------------------------------------------------------

    def show_layers(self, layers: Sequence[LayerInfo], sentence: str = "") -> None:
        """Show another network, or a sentence where there is none; the line stays behind the same layer if it can."""
        if tuple(layers) == self._layers and sentence == self._sentence:
            return
        path, self._layers, self._sentence = self.path, tuple(layers), sentence
        self._unfolded, self._before = frozenset(), None
        self._frozen = self._count_up_to(path)
        self._fold()

    def show_line(self, path: str) -> None:
        """Show the line behind a layer, or behind all layers whose paths begin with it; empty: before all.

        Behind a layer that is not there it stands nowhere: then the user's next word counts, even if it stays.
        """
        if self._before is None:
            self._strays = bool(freeze_fault(self._layers, path))
            self._put(self._count_up_to(path))

    def show_chosen(self, path: str) -> None:
        """Frame the box of a layer."""
        if path != self._chosen:
            self._chosen = path
            self.update()

    def set_movable(self, movable: bool) -> None:
        """Let the user move the line, or only look at it."""
        if movable != self._movable:
            self._movable = movable
            self.update()

    @property
    def path(self) -> str:
        """The last frozen layer; empty: none is frozen."""
        return self._layers[self._frozen - 1].path if self._frozen else ""

    @property
    def boxes(self) -> tuple[Box, ...]:
        """What is shown, in order."""
        return self._boxes

    @property
    def learning(self) -> tuple[int, int]:
        """How many numbers learn, and how many there are."""
        return learning_of(self._layers, self._frozen)

    @property
    def words(self) -> tuple[str, str]:
        """What stands left and right of the line: what is frozen, and what learns."""
        return words_of(self._layers, self._frozen)

    def _count_up_to(self, path: str) -> int:
        """Return how many layers there are up to a path; never all of them, since one must learn."""
        return max(0, min(frozen_count(self._layers, path), len(self._layers) - 1))

    def _put(self, frozen: int) -> None:
        """Put the line behind so many layers, and bring it into sight."""
        if frozen != self._frozen:
            self._frozen = frozen
            self._describe()
        x = round(self.x_of(frozen, self.size()))
        value, half = self.scroll_bar.value(), self._box_px(self.size()) + GAP_PX
        self.scroll_bar.setValue(min(max(value, x + value + half - self.width()), x + value - half))
        self.update()

    def _describe(self) -> None:
        self.setAccessibleDescription(". ".join(self.words) if self._layers else self._sentence)

    # -- folding --------------------------------------------------------------------------------------------------

    def _fold(self) -> None:
        """Make the boxes: as fine as there is room for, and what the user unfolded."""
        room = (self.width() - 2 * EDGE_PX + GAP_PX) // (round(LEAST_BOX * theme.text_px()) + GAP_PX)
        self._boxes = boxes_of(self._layers, depth_for(self._layers, room), self._unfolded)
        over = max(0, self._whole_width(self.size()) - self.width())
        height = self.scroll_bar.sizeHint().height()
        self.scroll_bar.setGeometry(0, self.height() - height, self.width(), height)
        self.scroll_bar.setPageStep(self.width())
        self.scroll_bar.setSingleStep(round(LEAST_BOX * theme.text_px()))
        self.scroll_bar.setRange(0, over)
        self.scroll_bar.setVisible(over > 0)
        self._describe()
        self.update()

    def toggle(self, box: Box) -> None:
        """Unfold a group; fold what a layer was unfolded from."""
        inside = [path for path in self._unfolded if f"{box.path}.".startswith(f"{path}.")]
        if box.count > 1:
            self._unfolded |= {box.path}
        elif inside:
            self._unfolded -= {max(inside, key=len)}
        self._fold()
        self._put(self._frozen)

    # -- geometry -------------------------------------------------------------------------------------------------

    def _box_px(self, size: QSize) -> int:
        free = (size.width() - 2 * EDGE_PX + GAP_PX) // max(1, len(self._boxes)) - GAP_PX
        least = TIGHT_BOX if free >= round(TIGHT_BOX * theme.text_px()) else LEAST_BOX
        return min(max(free, round(least * theme.text_px())), round(MOST_BOX * theme.text_px()))

    def _whole_width(self, size: QSize) -> int:
        return 2 * EDGE_PX + len(self._boxes) * (self._box_px(size) + GAP_PX) - GAP_PX

    def picture_size(self) -> QSize:
        """Return the size of the whole row."""
        return QSize(max(self.width(), self._whole_width(self.size())), self.height()).expandedTo(QSize(1, 1))

    @property
    def _is_narrow(self) -> bool:
        return self.width() < NARROW * theme.text_px()

    def _words_px(self) -> int:
        return round(theme.text_px() * (3.0 if self._is_narrow else 1.6))

    def _top(self) -> int:
        return self._words_px() + round(theme.text_px() * (1.6 if any(box.inside for box in self._boxes) else 0.4))

    def rect_of(self, at: int, size: QSize) -> QRect:
        """Return where a box is."""
        offset = self.scroll_bar.value() if size == self.size() else 0
        step = self._box_px(size) + GAP_PX
        below = self.scroll_bar.height() + 2 if self.scroll_bar.maximum() else theme.GRID_PX // 2
        height = max(10, size.height() - self._top() - below)
        return QRect(EDGE_PX + at * step - offset, self._top(), step - GAP_PX, height)

    def x_of(self, frozen: int, size: QSize) -> float:
        """Return where the line is when so many layers are frozen: between two boxes, or inside of a folded group."""
        for at, box in enumerate(self._boxes):
            if frozen <= box.first:
                return self.rect_of(at, size).left() - GAP_PX / 2
            if frozen <= box.last:
                rect = self.rect_of(at, size)
                return rect.left() + rect.width() * (frozen - box.first) / box.count
        return self.rect_of(len(self._boxes), size).left() - GAP_PX / 2

    def box_at(self, point: QPointF) -> Box | None:
        """Return the box under a point."""
        where = point.toPoint()
        return next((b for i, b in enumerate(self._boxes) if self.rect_of(i, self.size()).contains(where)), None)

    # -- drawing --------------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw words, boxes and line."""
        colours = theme.current()
        painter.setFont(theme.font())
        if not self._layers:
            painter.setPen(colours.color("muted"))
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(QRect(EDGE_PX, 0, size.width() - 2 * EDGE_PX, size.height()), flags, self._sentence)
            return
        words = short_words_of(self._layers, self._frozen) if self._is_narrow else self.words
        draw_words(painter, QRect(EDGE_PX, 0, size.width() - 2 * EDGE_PX, self._words_px()), *words)
        rects = [self.rect_of(at, size) for at in range(len(self._boxes))]
        band_px = round(1.4 * theme.text_px())
        draw_bands(painter, self._boxes, rects, QRect(EDGE_PX, self._words_px(), size.width() - 2 * EDGE_PX, band_px))
        most = max(box.parameters for box in self._boxes)
        chosen = next((i for i, layer in enumerate(self._layers) if layer.path == self._chosen), -1)
        for box, rect in zip(self._boxes, rects, strict=True):
            if rect.right() >= 0 and rect.left() <= size.width():
                frozen = min(1.0, max(0.0, (self._frozen - box.first) / box.count))
                share = math.sqrt(box.parameters / max(1, most))
                draw_box(painter, rect, box, share, frozen, is_chosen=box.first <= chosen <= box.last)
        x = self.x_of(self._frozen, size)
        draw_line(painter, x, self._top() - 4, rects[0].bottom() + 2, movable=self._movable)

    # -- by hand --------------------------------------------------------------------------------------------------

    def _is_on_line(self, point: QPointF) -> bool:
        near = abs(point.x() - self.x_of(self._frozen, self.size())) <= GRASP_PX
        return self._movable and bool(self._layers) and near and point.y() > self._top() - 4

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the line, or choose a box."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if self._is_on_line(event.position()):
            self._before = self._frozen
        elif (box := self.box_at(event.position())) is not None:
            self.chosen.emit(box.path)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the line from one place to the next; say what lies under the pointer."""
        if self._before is not None:
            x, size = event.position().x(), self.size()
            self._put(min((box.first for box in self._boxes), key=lambda n: abs(self.x_of(n, size) - x)))
            return
        on_line = self._is_on_line(event.position())
        self.setCursor(Qt.CursorShape.SplitHCursor if on_line else Qt.CursorShape.ArrowCursor)
        box = self.box_at(event.position())
        self.setToolTip(_TIP if on_line else _tip_of(box) if box is not None else self.accessibleDescription())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let the line go."""
        before, self._before = self._before, None
        if before is not None:
            self._tell_if_moved(before)

    def _tell_if_moved(self, before: int) -> None:
        if before != self._frozen or self._strays:
            self._strays = False
            self.moved.emit(self.path)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Unfold or fold."""
        box = self.box_at(event.position())
        if box is not None and not self._is_on_line(event.position()):
            self.toggle(box)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll where there is more than is seen."""
        if self.scroll_bar.maximum():
            delta = event.angleDelta()
            self.scroll_bar.setValue(self.scroll_bar.value() - (delta.x() or delta.y()) // 2)
            event.accept()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the line by a box, or to an end; unfold or fold what lies beside it."""
        key, last = Qt.Key(event.key()), len(self._layers) - 1
        if key == Qt.Key.Key_Escape and self._before is not None:
            before, self._before = self._before, None
            self._put(before)
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up) and self._layers:
            beside = [box for box in reversed(self._boxes) if box.first <= self._frozen <= box.last + 1]
            for box in [b for b in beside if (b.count > 1) == (key == Qt.Key.Key_Down)][:1]:
                self.toggle(box)
        elif key in _KEYS and self._movable and self._layers:
            places, now = [*(box.first for box in self._boxes), last], self._frozen
            below, above = [n for n in places if n < now], [n for n in places if n > now]
            goals = {
                Qt.Key.Key_Left: max(below, default=now), Qt.Key.Key_Right: min(above, default=now),
                Qt.Key.Key_Home: 0, Qt.Key.Key_End: last,
            }  # fmt: skip
            self._put(goals[key])
            self._tell_if_moved(now)
        else:
            super().keyPressEvent(event)

    @Slot(int)
    def _on_scroll_bar_changed(self, value: int) -> None:
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the boxes to the room."""
        super().resizeEvent(event)
        self._fold()
        self._put(self._frozen)

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_layers"):
            self._fold()

    def sizeHint(self) -> QSize:
        """Return a strip in which names, bars and numbers have room."""
        return QSize(60 * theme.text_px(), 10 * theme.text_px())

    def minimumSizeHint(self) -> QSize:
        """Return the least strip."""
        return QSize(20 * theme.text_px(), 8 * theme.text_px())


def _tip_of(box: Box) -> str:
    if box.count > 1:
        return f"{box.path}: {box.count} layers, {box.parameters:,} parameters; double-click to unfold"
    return f"{box.path}: {box.parameters:,} parameters{', ' + box.mark if box.mark else ''}"
