"""Where messages appear: problems in a bar above the map, notices in the status bar."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtGui import QGuiApplication, QKeyEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QStatusBar,
    QVBoxLayout,
    QWidget,
)

from cnnviz.state.messages import Message, Topic
from cnnviz.widgets import theme

NOTICE_MS = 8000


class NoticeBar(QFrame):
    """One problem at a time: a sentence, a suggestion, and buttons for details and for a report."""

    def __init__(self, status: QStatusBar, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._status = status
        self.message: Message | None = None
        self._passing: Topic = ""
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self._text = QLabel(self)
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._details = QPushButton("&Details…", self)
        self._copy = QPushButton("Copy &report", self)
        close = QPushButton("Dis&miss", self)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.GRID_PX * 2, theme.GRID_PX, theme.GRID_PX, theme.GRID_PX)
        row.addWidget(self._text, 1)
        for button, slot in ((self._details, self._on_details), (self._copy, self._on_copy), (close, self.dismiss)):
            button.clicked.connect(slot)
            row.addWidget(button)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    @Slot(object)
    def show_message(self, message: Message) -> None:
        """Show a message: a notice passes by in the status bar, a problem stays until it is dismissed or settled."""
        if message.level == "notice":
            self._passing = message.topic
            self._status.showMessage(message.sentence, NOTICE_MS)
            return
        self.message = message
        self._text.setText(f"{message.sentence} {message.suggestion}".strip())
        self.setAccessibleName(self._text.text())
        self._colour()
        self._details.setVisible(bool(message.details))
        self._copy.setVisible(message.level == "bug")
        self.show()
        self._fit()

    def _fit(self) -> None:
        """Be no higher than the words need."""
        if self.hasHeightForWidth():  # not while it is hidden
            self.setMaximumHeight(self.heightForWidth(self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Follow the width."""
        super().resizeEvent(event)
        self._fit()

    def _colour(self) -> None:
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.Window, theme.current().color("raised"))
        palette.setColor(QPalette.ColorRole.WindowText, theme.current().color("bad"))
        if palette != self._text.palette():
            self.setPalette(palette)
            self._text.setPalette(palette)

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change between light and dark."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationPaletteChange and self.message is not None:
            self._colour()

    @Slot()
    def dismiss(self) -> None:
        """Hide the bar."""
        self.message = None
        self.hide()

    def settle(self, topic: Topic) -> None:
        """Take back what was said of a topic: something of the same kind has just succeeded."""
        if self._passing == topic:
            self._status.clearMessage()
        self.settle_problem(topic)

    def settle_problem(self, topic: Topic) -> None:
        """Take back a problem of a topic, which is of no interest any more."""
        if self.message is not None and self.message.topic == topic:
            self.dismiss()

    @Slot()
    def _on_details(self) -> None:
        if self.message is None:
            return
        dialog = QDialog(self)
        dialog.setWindowTitle("Details")
        dialog.resize(720, 400)
        text = QPlainTextEdit(self.message.details, dialog)
        text.setReadOnly(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, dialog)
        buttons.rejected.connect(dialog.reject)
        layout = QVBoxLayout(dialog)
        layout.addWidget(text)
        layout.addWidget(buttons)
        dialog.exec()
        dialog.deleteLater()

    @Slot()
    def _on_copy(self) -> None:
        if self.message is not None:
            QGuiApplication.clipboard().setText(f"{self.message.sentence}\n\n{self.message.details}")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape dismisses."""
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            super().keyPressEvent(event)
