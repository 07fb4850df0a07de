"""A typeset formula in the window's colours, set when the numbers in it have come to rest."""

from __future__ import annotations

import re
from functools import lru_cache

from PySide6.QtCore import QByteArray, QEvent, QRectF, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QPainter
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.widgets import theme
from cnnviz.widgets.figure import Figure

REST_MS = 120  # setting a formula takes 10 to 40 ms: not while its numbers run
_ROLE = re.compile(r"@(\w+)")


def coloured(role: str, tex: str) -> str:
    """Return TeX in the colour of a theme's role, so that it has the colour of the cells it stands for."""
    return rf"\textcolor{{@{role}}}{{{tex}}}"


def tex_number(text: str) -> str:
    """Return a printed number as TeX: true minus sign, exponent as a power of ten."""
    text = text.replace("−", "-")
    mantissa, e, exponent = text.partition("e")
    if e:
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
    return {"∞": r"\infty", "-∞": r"-\infty", "not a number": r"\mathrm{NaN}"}.get(text, text)


def signed(text: str) -> str:
    """Return a printed number in parentheses if it is negative, as a summand or a factor."""
    tex = tex_number(text)
    return f"({tex})" if tex.startswith("-") else tex


@lru_cache(maxsize=256)
def typeset(tex: str, size_px: int, colour: str) -> bytes:
    """Return a formula as SVG.

    Parameters
    ----------
    tex
        LaTeX, roles replaced by colours.
    size_px
        Height of the letters.
    colour
        Of everything without its own.
    """
    import ziamath  # 0.2 s: not with the window

    ziamath.config.svg2 = False  # QtSvg knows no `symbol`
    return str(ziamath.Latex(tex, size=size_px, color=colour).svg()).encode()


class Formula(Figure):
    """A line of mathematics; read aloud by its words."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._tex, self._words = "", ""
        self._shown = ""
        self._renderer: QSvgRenderer | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._on_rest_timeout)

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
        if tex == self._tex:
            return
        self._tex, self._words = tex, words
        self.setAccessibleDescription(words)
        self.setToolTip(words)
        self._rest.start()
        self.update()

    def settle(self) -> None:
        """Set the formula now."""
        self._rest.stop()
        self._on_rest_timeout()

    @Slot()
    def _on_rest_timeout(self) -> None:
        self._shown = self._tex
        colours = theme.current()
        tex = _ROLE.sub(lambda found: str(getattr(colours, found[1])), self._tex)
        self._renderer = None
        if tex:
            svg = typeset(tex, round(theme.text_px() * 1.3), colours.text)
            self._renderer = QSvgRenderer(QByteArray(svg), self)
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

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_rest"):
            self._rest.start()
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return room for a fraction."""
        return QSize(320, round(theme.text_px() * 3.2))
