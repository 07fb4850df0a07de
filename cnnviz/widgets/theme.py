"""One palette and one spacing grid for light and dark, application-wide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

GRID_PX = 8
BODY_PX = 13
TITLE_PX = 20
TEXT_SCALES = (0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0)


@dataclass(frozen=True)
class Theme:
    """Colours by role; text reaches a contrast of 4.5:1 on `window`, `panel` and `raised`.

    Attributes
    ----------
    window, panel, raised
        Background of the window, of a picture, of a control.
    text, muted
        Words, and words of less weight.
    line
        Borders and edges.
    accent, on_accent
        Selection and focus, and text on it.
    pointer
        What the pointer lights up.
    good, warning, bad
        States.
    positive, negative
        Signed quantities.
    kernel
        Weights, in formulas and frames; what they are multiplied with is `pointer`, what comes out is `accent`.
    """

    name: str
    window: str
    panel: str
    raised: str
    text: str
    muted: str
    line: str
    accent: str
    on_accent: str
    pointer: str
    good: str
    warning: str
    bad: str
    positive: str
    negative: str
    kernel: str

    def color(self, role: str) -> QColor:
        """Return the colour of a role by its attribute name."""
        return QColor(getattr(self, role))


LIGHT = Theme(
    name="light", window="#f3f4f6", panel="#ffffff", raised="#ffffff", text="#17191c", muted="#565d66",
    line="#c9ced6", accent="#0b57c2", on_accent="#ffffff", pointer="#b34700", good="#1a7f37", warning="#8a5a00",
    bad="#b42318", positive="#b2182b", negative="#2166ac", kernel="#7b2fa6",
)  # fmt: skip
DARK = Theme(
    name="dark", window="#17191d", panel="#1f2227", raised="#2a2e35", text="#eceef1", muted="#a7afba",
    line="#434a55", accent="#7ab0ff", on_accent="#0b1320", pointer="#ffa657", good="#56d364", warning="#e3b341",
    bad="#ff7b72", positive="#ff8a80", negative="#82b1ff", kernel="#d7a6ff",
)  # fmt: skip

_current = LIGHT


def nearest_scale(scale: float) -> float:
    """Return the text scale nearest to a number of any origin; 1 for one that is no number."""
    return min(TEXT_SCALES, key=lambda known: abs(known - scale)) if scale == scale else 1.0


def current() -> Theme:
    """Return the theme that is applied."""
    return _current


def choose(appearance: str) -> Theme:
    """Return the theme for ``system``, ``light`` or ``dark``; an unknown system scheme counts as light."""
    if appearance == "system":
        dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return DARK if dark else LIGHT
    return DARK if appearance == "dark" else LIGHT


def apply(app: QApplication, appearance: str, text_scale: float = 1.0) -> Theme:
    """Give the whole application style, palette and text size; widgets hear of it by a palette change."""
    global _current
    _current = choose(appearance)
    if app.style().objectName() != "fusion":
        app.setStyle("Fusion")
    font = QFont(app.font())
    font.setPixelSize(max(1, round(BODY_PX * text_scale)))
    app.setFont(font)
    app.setPalette(_palette(_current))
    app.setStyleSheet(_style_sheet(_current))
    return _current


def text_px() -> int:
    """Return the body text size in pixels."""
    size = QApplication.font().pixelSize()
    return size if size > 0 else BODY_PX


def font(scale: float = 1.0, *, bold: bool = False) -> QFont:
    """Return the body font, scaled; it is shared, so take a copy to change it."""
    return _font(QApplication.font().family(), text_px(), scale, bold)


@lru_cache(maxsize=64)
def _font(family: str, size_px: int, scale: float, bold: bool) -> QFont:
    chosen = QFont(QApplication.font())
    chosen.setPixelSize(max(6, round(size_px * scale)))
    chosen.setBold(bold)
    return chosen


def numbers_font(size_px: int) -> QFont:
    """Return the body font for numbers inside cells, `size_px` high."""
    chosen = QFont(QApplication.font())
    chosen.setPixelSize(max(1, size_px))
    return chosen


def _palette(theme: Theme) -> QPalette:
    palette = QPalette()
    roles = QPalette.ColorRole
    for role, name in (
        (roles.Window, "window"), (roles.WindowText, "text"), (roles.Base, "panel"), (roles.AlternateBase, "window"),
        (roles.Text, "text"), (roles.Button, "raised"), (roles.ButtonText, "text"), (roles.ToolTipBase, "raised"),
        (roles.ToolTipText, "text"), (roles.Highlight, "accent"), (roles.HighlightedText, "on_accent"),
        (roles.PlaceholderText, "muted"), (roles.Link, "accent"), (roles.BrightText, "bad"), (roles.Mid, "line"),
        (roles.Accent, "accent"), (roles.Light, "line"),
    ):  # fmt: skip
        palette.setColor(role, theme.color(name))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, _between(theme.color("muted"), theme.color("line")))
    return palette


def _between(a: QColor, b: QColor) -> QColor:
    return QColor((a.red() + b.red()) // 2, (a.green() + b.green()) // 2, (a.blue() + b.blue()) // 2)


def _style_sheet(theme: Theme) -> str:
    return f"""
    QToolTip {{ color: {theme.text}; background: {theme.raised}; border: 1px solid {theme.line}; padding: 4px; }}
    QDockWidget {{ font-weight: 600; }}
    QDockWidget::title {{ background: {theme.window}; padding: 6px 8px; }}
    QMainWindow::separator {{ background: {theme.line}; width: 1px; height: 1px; }}
    QMainWindow::separator:hover {{ background: {theme.accent}; }}
    QToolBar {{ border: none; border-bottom: 1px solid {theme.line}; spacing: 8px; padding: 4px 8px; }}
    QCheckBox::indicator:unchecked, QGroupBox::indicator:unchecked, QTreeView::indicator:unchecked,
    QTableView::indicator:unchecked, QListView::indicator:unchecked {{
        border: 1px solid {theme.muted}; border-radius: 2px; background: {theme.panel};
    }}
    QToolBar#rail {{ border: none; border-right: 1px solid {theme.line}; padding: 6px 2px; spacing: 4px; }}
    QToolBar#rail QToolButton {{ padding: 8px 4px; min-width: 48px; border-radius: 4px; }}
    QToolBar#rail QToolButton:checked {{ background: {theme.accent}; color: {theme.on_accent}; }}
    QStatusBar {{ border-top: 1px solid {theme.line}; }}
    QStatusBar::item {{ border: none; }}
    """
