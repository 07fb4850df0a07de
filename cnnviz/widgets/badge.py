"""The verdict under a sum: the written-out total beside PyTorch's number, and how far they are apart."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.core.formats import number
from cnnviz.core.operations import Check
from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure, draw_text

DIGITS = 7  # as many as single precision holds


class Badge(Figure):
    """Two lines: total and PyTorch; difference, and whether rounding explains it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Comparison with PyTorch", parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._check: Check | None = None
        self._words = ""
        self._lines = ("", "")

    @property
    def words(self) -> str:
        """What is shown, in one line."""
        return self._words

    def show_check(self, check: Check | None, instead: str = "") -> None:
        """Show a comparison, or a sentence why there is none."""
        self._check = check
        lines = (instead, "") if check is None else _lines(check)
        if lines != self._lines:
            self._lines = lines
            self._words = " · ".join(filter(None, lines))
            self.setAccessibleDescription(self._words)
            self.update()

    def event(self, event: QEvent) -> bool:
        """Make the tool tip when it is asked for: the words change with every picture."""
        if event.type() == QEvent.Type.ToolTip:
            self.setToolTip(self._words)
        return super().event(event)

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw two lines in the colour of the verdict."""
        colours = theme.current()
        role = "muted" if self._check is None else "good" if self._check.agrees else "bad"
        half = size.height() // 2
        for index, line in enumerate(self._lines):
            painter.setFont(theme.font(0.9, bold=self._check is not None and index == 0))
            room = QRect(4, index * half, size.width() - 8, half)
            draw_text(painter, room, line, colours.color(role), align=Qt.AlignmentFlag.AlignVCenter, elide=False)

    def sizeHint(self) -> QSize:
        """Return room for two numbers of seven digits."""
        return QSize(round(theme.text_px() * 20), round(theme.text_px() * 3.2))


def _lines(check: Check) -> tuple[str, str]:
    """Return the two numbers, and how far they are apart."""
    numbers = f"{number(check.total, DIGITS)} · PyTorch {number(check.torch, DIGITS)}"
    if check.total == check.torch:
        return f"✓ {numbers}", "the same number"
    apart, allowed = number(check.difference, 2), number(check.allowed, 2)
    if check.agrees:
        return f"✓ {numbers}", f"difference {apart}, within {allowed}"
    return f"✗ {numbers}", f"difference {apart}, rounding explains {allowed}"
