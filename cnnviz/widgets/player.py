"""Play, pause, step, jump, scrub: a position that runs from first to last."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from cnnviz.widgets import icons, theme

FRAME_MS = 16
SLOWEST = 0.5  # steps a second
SPEED_NOTCHES = 100


class Player(QWidget):
    """The controls; whoever shows the steps listens to `moved`.

    At full speed the whole walk takes a second: a frame then makes several steps at once.

    Signals
    -------
    moved(int)
        Go to this step.
    playing_changed(bool)
        It began or ended to run by itself.
    """

    moved = Signal(int)
    playing_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._index, self._count = 0, 1
        self._rest = 0.0
        self._last_s = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._on_timer_timeout)
        self._buttons: dict[str, QToolButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for name, words, run in (
            ("first", "First step (Home)", lambda: self.go(0)),
            ("previous", "One step back (Left)", lambda: self.go(self._index - 1)),
            ("play", "Play or pause (Space)", self.toggle),
            ("next", "One step on (Right)", lambda: self.go(self._index + 1)),
            ("last", "Last step (End)", lambda: self.go(self._count - 1)),
        ):
            row.addWidget(self._button(name, words, run))
        self.scrub = self._slider("Step", "Drag to any step")
        self.scrub.valueChanged.connect(self._on_scrub_value_changed)
        row.addWidget(self.scrub, 3)
        self._words = QLabel(self)
        self._words.setMinimumWidth(150)
        row.addWidget(self._words)
        self.speed = self._slider("Speed", "Speed: from a step in two seconds to all steps in one second")
        self.speed.setRange(0, SPEED_NOTCHES)
        self.speed.setValue(40)
        self.speed.valueChanged.connect(self._on_speed_value_changed)
        self.speed.setMaximumWidth(140)
        label = QLabel("Speed", self)
        label.setBuddy(self.speed)
        row.addWidget(label)
        row.addWidget(self.speed, 1)
        self._colour_icons()
        self._say()

    def _button(self, name: str, words: str, run: Callable[[], object]) -> QToolButton:
        button = self._buttons[name] = QToolButton(self)
        button.setAutoRaise(True)
        button.setIconSize(QSize(18, 18))
        button.setToolTip(words)
        button.setAccessibleName(words)
        button.clicked.connect(run)
        return button

    def _slider(self, name: str, words: str) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal, self)
        slider.setAccessibleName(name)
        slider.setToolTip(words)
        slider.setMinimumWidth(60)
        return slider

    # -- position -------------------------------------------------------------------------------------------------

    @property
    def index(self) -> int:
        """The step that is shown."""
        return self._index

    @property
    def count(self) -> int:
        """Number of steps."""
        return self._count

    @property
    def playing(self) -> bool:
        """Whether it runs by itself."""
        return self._timer.isActive()

    def set_count(self, count: int) -> None:
        """Say how many steps there are."""
        if count != self._count:
            self._count = max(1, count)
            self.set_index(min(self._index, self._count - 1))

    def set_index(self, index: int) -> None:
        """Show another step; nothing is emitted."""
        if index == self._index and self.scrub.maximum() == self._count - 1:
            return
        self._index = min(self._count - 1, max(0, index))
        self.scrub.blockSignals(True)
        self.scrub.setRange(0, self._count - 1)
        self.scrub.setValue(self._index)
        self.scrub.blockSignals(False)
        self._say()

    def go(self, index: int) -> None:
        """Pause and go to a step."""
        self.pause()
        self._move(index)

    def _move(self, index: int) -> None:
        index = min(self._count - 1, max(0, index))
        if index != self._index:
            self.set_index(index)
            self.moved.emit(index)

    # -- running --------------------------------------------------------------------------------------------------

    @property
    def rate(self) -> float:
        """Steps a second."""
        fastest = max(2.0, float(self._count))
        return float(SLOWEST * (fastest / SLOWEST) ** (self.speed.value() / SPEED_NOTCHES))

    def toggle(self) -> None:
        """Play or pause; after the last step it begins anew."""
        if self.playing:
            self.pause()
        else:
            self.play()

    def play(self) -> None:
        """Run from here, or from the first step if this is the last."""
        if self.playing or self._count < 2:
            return
        if self._index == self._count - 1:
            self._move(0)
        self._rest, self._last_s = 0.0, time.perf_counter()
        self._timer.start()
        self._colour_icons()
        self.playing_changed.emit(True)

    def pause(self) -> None:
        """Stop here."""
        if self.playing:
            self._timer.stop()
            self._colour_icons()
            self.playing_changed.emit(False)

    @Slot()
    def _on_timer_timeout(self) -> None:
        now_s = time.perf_counter()
        # After a standstill the walk goes on where it was: no more than a twentieth of it in one frame.
        self._rest += min((now_s - self._last_s) * self.rate, max(1.0, self._count / 20))
        self._last_s = now_s
        steps = math.floor(self._rest)
        if steps:
            self._rest -= steps
            self._move(self._index + steps)
            if self._index == self._count - 1:
                self.pause()

    @Slot(int)
    def _on_scrub_value_changed(self, value: int) -> None:
        self.go(value)

    @Slot(int)
    def _on_speed_value_changed(self, value: int) -> None:
        self._say()

    def _say(self) -> None:
        rate = self.rate
        speed = f"{rate:.1f}" if rate < 10 else f"{rate:.0f}"
        self._words.setText(f"{self._index + 1:,} of {self._count:,} · {speed}/s")

    # -- Qt -------------------------------------------------------------------------------------------------------

    def take_key(self, event: QKeyEvent) -> bool:
        """Do what a key means to a player; return whether it means anything."""
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        runs: dict[int, Callable[[], None]] = {
            Qt.Key.Key_Space: self.toggle,
            Qt.Key.Key_Left: lambda: self.go(self._index - 1),
            Qt.Key.Key_Right: lambda: self.go(self._index + 1),
            Qt.Key.Key_Home: lambda: self.go(0),
            Qt.Key.Key_End: lambda: self.go(self._count - 1),
        }
        run = runs.get(event.key())
        if run is not None:
            run()
        return run is not None

    def _colour_icons(self) -> None:
        colour = theme.current().color("text")
        for name, button in self._buttons.items():
            button.setIcon(icons.icon("pause" if name == "play" and self.playing else name, colour))

    def hideEvent(self, event: QHideEvent) -> None:
        """Pause: nobody is looking."""
        super().hideEvent(event)
        self.pause()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_buttons"):
            self._colour_icons()
