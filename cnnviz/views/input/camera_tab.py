"""Whether the camera's tab can be chosen, found out when somebody comes near it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Slot
from PySide6.QtWidgets import QTabWidget, QWidget

from cnnviz.views.input import qt_camera

APPROACHES = (QEvent.Type.Enter, QEvent.Type.HoverEnter, QEvent.Type.FocusIn, QEvent.Type.MouseButtonPress)
TIP = "Live pictures of the camera on their way into the network"


class CameraTab(QObject):
    """Switches the tab of a page on while there is a camera, and says in its tool tip why it is off.

    Importing what knows cameras takes 0.2 s: it waits until pointer or keyboard first come to the tabs.

    Parameters
    ----------
    pages, page
        The tabs, and the page of one of them.
    is_given
        Pictures come from elsewhere, so that no camera is looked for.
    """

    def __init__(self, pages: QTabWidget, page: QWidget, *, is_given: bool) -> None:
        super().__init__(pages)
        self._pages, self._page = pages, page
        self.finder: qt_camera.CameraFinder | None = None
        installed = is_given or qt_camera.is_installed()
        self._show("" if installed else qt_camera.NOT_INSTALLED)
        if installed and not is_given:
            pages.tabBar().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look for cameras once, and from then on whenever one comes or goes."""
        if self.finder is None and event.type() in APPROACHES:
            self.finder = qt_camera.CameraFinder(self._on_cameras_changed, self)
            self._on_cameras_changed()
        return super().eventFilter(watched, event)

    @Slot()
    def _on_cameras_changed(self) -> None:
        if self.finder is not None:
            self._show(self.finder.why_not())

    def _show(self, why_not: str) -> None:
        index = self._pages.indexOf(self._page)
        self._pages.setTabEnabled(index, not why_not)
        self._pages.setTabToolTip(index, why_not or TIP)
