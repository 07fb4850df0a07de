"""The menus, from a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar

Keys = tuple[QKeySequence.StandardKey | str, ...]

TITLES = ("&File", "&Edit", "&View", "&Go", "&Help")


@dataclass(frozen=True)
class Command:
    """A line of the menu table: menu, words, keys, what it does, a tip; or an action that somebody owns.

    Without anything to do it is a separator.
    """

    menu: str
    words: str = ""
    keys: Keys = ()
    run: Callable[[], object] | None = None
    tip: str = ""
    action: QAction | None = None


def fill(bar: QMenuBar, own: Iterable[tuple[str, QAction]], commands: Iterable[Command]) -> dict[str, QMenu]:
    """Make the menus: first the actions that views own, then the window's commands.

    Parameters
    ----------
    own
        Actions with the title of their menu.

    Returns
    -------
    menus
        By title, in the order of `TITLES`.
    """
    menus = {title: bar.addMenu(title) for title in TITLES}
    for title, action in own:
        menus[title].addAction(action)
    if not menus["&File"].isEmpty():
        menus["&File"].addSeparator()
    for command in commands:
        menu = menus[command.menu]
        if command.action is not None:
            menu.addAction(command.action)
            continue
        if command.run is None:
            menu.addSeparator()
            continue
        action = QAction(command.words, menu)
        sequences = [QKeySequence(key) for key in command.keys]
        # A standard key and the one written out are often the same one.
        action.setShortcuts(list({k.toString(): k for k in sequences if not k.isEmpty()}.values()))
        if command.tip:
            action.setToolTip(command.tip)
        action.triggered.connect(command.run)
        menu.addAction(action)
    for menu in menus.values():
        menu.setToolTipsVisible(True)
    return menus
