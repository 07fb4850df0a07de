"""The two small dialogs of the Help menu."""

from __future__ import annotations

import platform

import PySide6
from PySide6.QtCore import Qt, qVersion
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from cnnviz.core import paths
from cnnviz.state.app_state import AppState

KEYS = """
## Drawing

| With | you |
|---|---|
| Left button, touch, pen | draw; a pen's pressure sets the width |
| Right button, E | erase; switch the eraser on and off |
| Ctrl+Z, Ctrl+Shift+Z | undo, redo |
| Delete | clear the board |
| Ctrl+O, Ctrl+V | open, paste a picture; or drop one, or a folder, anywhere |
| Ctrl+Shift+O | open weights or a network of your own; or drop the file anywhere |
| Alt+Page Up, Alt+Page Down | the previous, the next picture of the folder; Left, Right on preview and board |
| Space on the camera's page | freeze the picture, and go on |
| Ctrl+Shift+A, Ctrl+Shift+U | pin the picture as A, to compare others with it; let go of A |

## Network map

| With | you |
|---|---|
| Point | light up a value and what it was computed from |
| Click, Enter | select; go into the inspector |
| Left, Right | walk the layers |
| Up, Down | walk the maps of a layer |
| Wheel, +, −, 0 | zoom in, out, fit; drag to move, in the small map too |
| Space, click on a name with ▸ | unfold and fold a group of layers |
| Ctrl+F | find a layer; Enter goes to the next one |
| Escape | back out, one level at a time |

## Step through and laboratory

| With | you |
|---|---|
| Space | play, pause |
| Left, Right, Home, End | one step back or on; to the first, to the last |
| Arrows in a grid, click, drag | move the window |
| Double click on a value or a product, Enter | go to where it comes from; Enter follows the largest part |
| Alt+Left, Alt+Right, Backspace | the same way forwards to the result, and back again |
| Wheel, type over a cell | change a weight, or a value in the laboratory; with Shift in finer steps |
| Ctrl+Z, Ctrl+Y | undo, redo in the laboratory |

## Everywhere

| With | you |
|---|---|
| Ctrl+1 … Ctrl+4 | go to the input, the map, the prediction, the inspector |
| Ctrl+C, Ctrl+Shift+S | copy or save the picture that has the focus (PNG, SVG) |
| Ctrl +, Ctrl −, Ctrl 0 | make the text larger, smaller, as usual |
| Alt+1 … Alt+5 | explore a network; the laboratory; compare networks; train; race |
| Ctrl+Return, Space | in Train and Race: start; pause and go on |
| Ctrl+Left, Ctrl+Right | the previous, the next block in X-ray |
| P | pin the selected map above the others in Maps, and let go of it |
| F9 | let the inspector fill the window, and back |
| F11 | fill the screen |
"""


def show_keys(parent: QWidget) -> None:
    """Show what keys and mouse do."""
    _show(parent, "Keyboard and mouse", KEYS)


def show_about(parent: QWidget, state: AppState) -> None:
    """Show versions, the network's origin and where files are."""
    model = state.model
    weights = f"{model.title}: {model.weights_note}, on {model.device}" if model else "no network loaded yet"
    text = f"""
# cnnviz

See every number inside a convolutional network, live.

* Network: {weights}
* Python {platform.python_version()}, Qt {qVersion()}, PySide6 {PySide6.__version__}
* Log and saved drawing: `{paths.data_dir()}`
* Settings: `{paths.config_dir()}`

MIT licence. Colour maps: viridis (CC0) and the CET maps of Peter Kovesi (CC BY), as shipped with pyqtgraph.
Digits: MNIST (CC BY-SA 3.0). Photographs: see the card beside them.
"""
    _show(parent, "About cnnviz", text)


def _show(parent: QWidget, title: str, markdown: str) -> None:
    dialog = QDialog(parent)
    dialog.setWindowTitle(title)
    dialog.resize(640, 620)
    browser = QTextBrowser(dialog)
    browser.setOpenExternalLinks(True)
    browser.setMarkdown(markdown)
    browser.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, dialog)
    buttons.rejected.connect(dialog.reject)
    layout = QVBoxLayout(dialog)
    layout.addWidget(browser)
    layout.addWidget(buttons)
    dialog.exec()
    dialog.deleteLater()
