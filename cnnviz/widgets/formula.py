"""A typeset formula in the window's colours, set when the numbers in it have come to rest."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from PySide6.QtCore import QByteArray, QEvent, QRectF, QSize, Qt, QTimer, SignalInstance, Slot
from PySide6.QtGui import QHideEvent, QPainter, QShowEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure

REST_MS = 120  # setting a formula takes 10 to 40 ms: not while its numbers run
MOST_KEPT = 512
_ROLE = re.compile(r"@(\w+)")


def coloured(role: str, tex: str) -> str:
    """Return TeX in the colour of a theme's role, so that it has the colour of the cells it stands for."""
    return rf"\textcolor{{@{role}}}{{{tex}}}"


def tex_number(text: str) -> str:
    """Return a printed number as TeX: true minus sign, exponent as a power of ten."""
    text = text.replace("−", "-")
    words = {"∞": r"\infty", "-∞": r"-\infty", "not a number": r"\mathrm{NaN}"}
    if text in words:
        return words[text]
    mantissa, e, exponent = text.partition("e")
    if e:
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
    return text


def signed(text: str) -> str:
    """Return a printed number in parentheses if it is negative, as a summand or a factor."""
    tex = tex_number(text)
    return f"({tex})" if tex.startswith("-") else tex


@dataclass(frozen=True)
class Setting:
    """What is set: LaTeX with its roles replaced by colours, the height of letters, the colour of the rest."""

    tex: str
    size_px: int
    colour: str


class Lane(Protocol):
    """A thread that takes a `Setting` and says when it is done; only the newest that waits is kept."""

    @property
    def done(self) -> SignalInstance:
        """Emitted with the setting and what became of it."""

    def submit(self, request: Any) -> None:
        """Set a formula as soon as there is time."""


_lane: Lane | None = None
_kept: dict[Setting, bytes] = {}


def use(lane: Lane | None) -> None:
    """Set formulas in a thread from now on, or at once where there is none; formulas made before do not follow."""
    global _lane
    _lane = lane


def make_handler() -> Callable[[Setting], bytes]:
    """Return what a lane's thread does."""
    return typeset


def typeset(setting: Setting) -> bytes:
    """Return a formula as SVG; it is kept, since the same one comes again."""
    svg = _kept.get(setting)
    if svg is None:
        import ziamath  # 0.2 s: not with the window

        ziamath.config.svg2 = False  # QtSvg knows no `symbol`
        svg = str(ziamath.Latex(setting.tex, size=setting.size_px, color=setting.colour).svg()).encode()
        while len(_kept) >= MOST_KEPT:
            _kept.pop(next(iter(_kept)), None)
        _kept[setting] = svg
    return svg


class Formula(Figure):
    """A line of mathematics; read aloud by its words."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._tex, self._words = "", ""
        self._shown, self._asked = "", ""
        self._renderer: QSvgRenderer | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._on_rest_timeout)
        self._make: Callable[[], tuple[str, str]] | None = None
        self._lane = _lane
        self._wanted: Setting | None = None
        if _lane is not None:
            _lane.done.connect(self._on_lane_done)

    @property
    def tex(self) -> str:
        """The formula that is wanted."""
        return self._tex

    def show_tex(self, tex: str, words: str) -> None:
        """Show a formula when it has not changed for a moment; until then the one before is dimmed.

        Parameters
        ----------
        tex
            LaTeX; ``@role`` stands for a colour of the theme.
        words
            The same in words, for a screen reader.
        """
        self._make = None
        if tex == self._tex:
            if self._rest.isActive():
                self._rest.start()  # what it belongs to still changes
            return
        self._tex, self._words = tex, words
        self.setAccessibleDescription(words)
        self.setToolTip(words)
        self._wait()

    def show_later(self, make: Callable[[], tuple[str, str]]) -> None:
        """Show the formula and the words that `make` returns when nothing has changed for a moment.

        While numbers run it is not even made: the one before is dimmed, once.
        """
        self._make = make
        if self._tex:
            self._tex = ""
            self.update()
        if self.isVisible():
            self._rest.start()

    def _wait(self) -> None:
        """Set the formula when it has come to rest; a hidden one waits until it is seen."""
        if self.isVisible():
            self._rest.start()
            self.update()

    def settle(self) -> None:
        """Have the formula set now."""
        self._rest.stop()
        self._on_rest_timeout()

    @Slot()
    def _on_rest_timeout(self) -> None:
        """Have the formula set, in the lane's thread if there is one."""
        if self._make is not None:
            (self._tex, self._words), self._make = self._make(), None
            self.setAccessibleDescription(self._words)
            self.setToolTip(self._words)
        self._asked = self._tex
        colours = theme.current()
        tex = _ROLE.sub(lambda found: str(getattr(colours, found[1])), self._tex)
        self._wanted = Setting(tex, round(theme.text_px() * 1.3), colours.text) if tex else None
        if self._wanted is None or self._wanted in _kept or self._lane is None:
            self._take()
        else:
            self._lane.submit(self._wanted)

    @Slot(object, object)
    def _on_lane_done(self, setting: Setting, svg: bytes) -> None:
        """Take the formula if it is this one's; ask again if another one took its turn."""
        if self._wanted is None or self._lane is None:
            return
        if self._wanted in _kept:
            self._take()
        else:
            self._lane.submit(self._wanted)

    def _take(self) -> None:
        """Show the formula that is wanted."""
        wanted, self._wanted = self._wanted, None
        self._renderer = QSvgRenderer(QByteArray(typeset(wanted))) if wanted is not None else None
        self._shown = self._asked  # it may have changed since: then this one is dimmed
        self.update()

    def draw(self, painter: QPainter, size: QSize) -> None:
        """Draw the formula at the left, smaller where it does not fit."""
        if self._renderer is None:
            return
        wanted = self._renderer.viewBoxF().size()
        factor = min(1.0, (size.width() - 4) / wanted.width(), (size.height() - 2) / wanted.height())
        width, height = wanted.width() * factor, wanted.height() * factor
        if self._shown != self._tex:
            painter.setOpacity(0.35)
        self._renderer.render(painter, QRectF(2, (size.height() - height) / 2, width, height))
        painter.setOpacity(1.0)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing is set for nobody."""
        super().hideEvent(event)
        if hasattr(self, "_rest"):
            self._rest.stop()

    def showEvent(self, event: QShowEvent) -> None:
        """Set what has changed meanwhile."""
        super().showEvent(event)
        if self._make is not None or self._shown != self._tex:
            self._wait()

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_rest"):
            self._shown = ""
            self._wait()
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return room for a fraction."""
        return QSize(320, round(theme.text_px() * 3.2))
