"""What one network says of the picture: its name, a note, and its best classes."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from cnnviz.models.comparing import Compared
from cnnviz.widgets import theme
from cnnviz.widgets.bar_list import Bar, BarList
from cnnviz.widgets.elided_label import ElidedLabel

ANSWER_PX = 250
RANDOM = "random weights: it means nothing"
NO_CLASSES = "It has no classes to choose from."


class Answer(QWidget):
    """What one network says: its name, a note, and its best classes."""

    def __init__(self, row: Compared, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row = row
        name = ElidedLabel(row.title, self)
        font = theme.font(1.1, bold=True)
        name.setFont(font)
        note = ElidedLabel(self._note(row), self)
        self.bars = BarList(f"The best classes of {row.title}", ("class", "probability", "logit"), self)
        bars = [
            Bar(
                one.index, one.label, one.probability, _percent(one.probability), f"{one.logit:.2f}".replace("-", "−"),
                f"{one.label}: probability {one.probability:.6g}, logit {one.logit:.4f}".replace("-", "−"),
            )
            for one in row.top
        ]  # fmt: skip
        if bars:
            self.bars.show_bars(bars)
            self.bars.setAccessibleDescription("; ".join(f"{bar.label}: {bar.text}" for bar in bars))
        else:
            self.bars.show_sentence(row.error or NO_CLASSES)
        self.bars.show_late(row.is_random and not row.error)  # an answer that means nothing is grey
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(name)
        column.addWidget(note)
        column.addWidget(self.bars, 1)
        self.setMinimumWidth(ANSWER_PX)

    @staticmethod
    def _note(row: Compared) -> str:
        if row.error:
            return "it could not be compared"
        return RANDOM if row.is_random else row.weights_note


def _percent(probability: float) -> str:
    """Write a probability so that rounding claims neither certainty nor impossibility."""
    if probability >= 0.9995:
        return "> 99.9 %"
    return "< 0.1 %" if probability < 0.0005 else f"{probability * 100:.1f} %"
