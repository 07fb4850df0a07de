"""The parameter ledger: a dense layer against a convolution on the same image."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QSlider, QSpinBox, QVBoxLayout, QWidget

from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure, draw_text
from cnnviz.widgets.formula import Formula, coloured

FIELDS = (
    ("side", "Image side", "Pixels along one side of a square image", 512),
    ("depth", "Depth", "Colour planes, or maps", 512),
    ("nodes", "Nodes", "Nodes of the dense layer", 4096),
    ("kernel", "Kernel side", "Rows and columns of each kernel", 15),
    ("kernels", "Kernels", "Filters of the convolution", 512),
)


class Bars(Figure):
    """Two lengths with their numbers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Parameters of both layers", parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._dense, self._convolution = 1, 1

    def show_counts(self, dense: int, convolution: int) -> None:
        """Show other counts."""
        self._dense, self._convolution = dense, convolution
        self.setAccessibleDescription(f"Dense layer {dense:,}, convolution {convolution:,} parameters")
        self.update()

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw both bars to one scale."""
        colours = theme.current()
        most = max(self._dense, self._convolution)
        row = size.height() // 2
        name = round(theme.text_px() * 8)
        room = size.width() - name - 16
        painter.setFont(theme.font())
        for index, (words, count, role) in enumerate(
            (("dense layer", self._dense, "bad"), ("convolution", self._convolution, "accent"))
        ):
            top = index * row
            middle = Qt.AlignmentFlag.AlignVCenter
            draw_text(painter, QRect(8, top, name, row), words, colours.color("text"), align=middle)
            bar = QRect(8 + name, top + row // 4, max(2, round(room * count / most)), row // 2)
            painter.fillRect(bar, colours.color(role))
            text = f"{count:,}"
            wide = painter.fontMetrics().horizontalAdvance(text) + 12
            inside = bar.width() > wide
            place = QRect(bar.right() - wide if inside else bar.right() + 8, top, wide, row)
            colour = colours.color("panel" if inside else "text")
            draw_text(painter, place, text, colour, align=middle, elide=False)

    def sizeHint(self) -> QSize:
        """Return room for two bars."""
        return QSize(480, round(theme.text_px() * 7))


class ParametersPanel(QWidget):
    """Sliders for the sizes, both formulas with their numbers, and bars.

    Signals
    -------
    changed()
        The user moved a slider.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boxes: dict[str, QSpinBox] = {}
        self._sliders: dict[str, QSlider] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.GRID_PX)
        for row, (key, name, tip, most) in enumerate(FIELDS):
            slider = self._sliders[key] = QSlider(Qt.Orientation.Horizontal, self)
            slider.setRange(1, most)
            slider.setAccessibleName(name)
            slider.setToolTip(tip)
            box = self.boxes[key] = QSpinBox(self)
            box.setRange(1, most)
            box.setAccessibleName(f"{name}, as a number")
            box.setToolTip(tip)
            box.setMinimumWidth(80)
            label = QLabel(name, self)
            label.setBuddy(box)
            slider.valueChanged.connect(box.setValue)
            box.valueChanged.connect(slider.setValue)
            box.valueChanged.connect(self._changer())
            for place, widget in enumerate((label, slider, box)):
                grid.addWidget(widget, row, place)
        grid.setColumnStretch(1, 1)
        self.dense_formula = Formula("Parameters of the dense layer", self)
        self.conv_formula = Formula("Parameters of the convolution", self)
        self.bars = Bars(self)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        page = QVBoxLayout(self)
        page.setSpacing(theme.GRID_PX)
        page.addLayout(grid)
        for widget in (self.dense_formula, self.conv_formula, self.bars, self.words):
            page.addWidget(widget)
        page.addStretch(1)
        self._quiet = False

    def _changer(self) -> Callable[[int], None]:
        def change(value: int) -> None:
            if not self._quiet:
                self.refresh()
                self.changed.emit()

        return change

    def show_sizes(self, sizes: dict[str, int]) -> None:
        """Show other sizes."""
        self._quiet = True
        for key, value in sizes.items():
            self.boxes[key].setValue(value)
        self._quiet = False
        self.refresh()

    def counts(self) -> tuple[int, int]:
        """Return N·N·D·nodes + nodes, and K·(F·F·D + 1)."""
        side, depth, nodes, kernel, kernels = (self.boxes[key].value() for key, *_ in FIELDS)
        return side * side * depth * nodes + nodes, kernels * (kernel * kernel * depth + 1)

    def refresh(self) -> None:
        """Draw formulas and bars."""
        side, depth, nodes, kernel, kernels = (self.boxes[key].value() for key, *_ in FIELDS)
        dense, convolution = self.counts()
        x, d = coloured("pointer", str(side)), coloured("good", str(depth))
        n, f, k = coloured("bad", str(nodes)), coloured("kernel", str(kernel)), coloured("accent", str(kernels))
        tex = rf"{x} \cdot {x} \cdot {d} \cdot {n} + {n} = {_grouped(dense)}"
        self.dense_formula.show_tex(tex, f"the dense layer has {dense:,} parameters")
        tex = rf"{k} \cdot ({f} \cdot {f} \cdot {d} + 1) = {_grouped(convolution)}"
        self.conv_formula.show_tex(tex, f"the convolution has {convolution:,} parameters")
        self.bars.show_counts(dense, convolution)
        times = dense / convolution
        more = f"{times:,.1f} times as many" if times >= 1 else f"{1 / times:,.1f} times fewer"
        self.words.setText(
            f"The dense layer needs {more} parameters as the convolution. A convolution's number does not depend on the"
            " image's size: every place uses the same kernels."
        )


def _grouped(count: int) -> str:
    return f"{count:,}".replace(",", r"{,}")
