"""The samples page: starter digits by class, and the photographs that ship."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QIcon, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core import paths
from cnnviz.core.inspection import Preparation
from cnnviz.datasets.images import LabelledImages
from cnnviz.datasets.starter import load_starter
from cnnviz.views.input import compute
from cnnviz.widgets import theme
from cnnviz.widgets.sample_grid import SampleGrid

THUMBNAIL_PX = 88
NO_CREDIT = "Point at one to see who took it."
KINDS: tuple[Preparation, ...] = ("digit", "photo")


class SamplesPage(QWidget):
    """Digits and photographs to look at without drawing; read when they are first shown.

    Attributes
    ----------
    kinds
        The tabs: digits, photographs.

    Signals
    -------
    digit_chosen(int)
        Number of a starter digit.
    photo_chosen(str)
        Path of a photograph.
    """

    digit_chosen = Signal(int)
    photo_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.digits: LabelledImages | None = None
        self.kinds = QTabWidget(self)
        self.kinds.setAccessibleName("Kind of samples")
        self.kinds.addTab(self._make_digits(), "Digits")
        self.kinds.addTab(self._make_photos(), "Photographs")
        self.kinds.setTabToolTip(0, "Starter digits of MNIST, as the networks for digits were trained on")
        self.kinds.setTabToolTip(1, "Photographs, for networks that take colours")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, theme.GRID_PX, 0, 0)
        layout.addWidget(self.kinds)

    def _make_digits(self) -> QWidget:
        page = QWidget(self)
        self.classes = QComboBox(page)
        self.classes.setAccessibleName("Class of the digits shown")
        self.classes.setToolTip("Which digits are shown")
        self.classes.addItems(["all classes", *(str(n) for n in range(10))])
        self.grid = SampleGrid(page)
        row = QHBoxLayout()
        row.addWidget(QLabel("Digits of", page))
        row.addWidget(self.classes)
        row.addStretch(1)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(row)
        layout.addWidget(self.grid, 1)
        self.classes.currentIndexChanged.connect(self._on_classes_changed)
        self.grid.chosen.connect(self.digit_chosen)
        return page

    def _make_photos(self) -> QWidget:
        page = QWidget(self)
        self.photos = QListWidget(page)
        self.photos.setAccessibleName("Photographs")
        self.photos.setToolTip("Click a photograph, or choose one by arrows and Enter")
        self.photos.setViewMode(QListWidget.ViewMode.IconMode)
        self.photos.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.photos.setIconSize(QSize(THUMBNAIL_PX, THUMBNAIL_PX))
        self.photos.setMovement(QListWidget.Movement.Static)
        self.photos.setGridSize(QSize(THUMBNAIL_PX + 6, THUMBNAIL_PX + 6))
        self.photos.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.photos.setMinimumHeight(THUMBNAIL_PX + 10)
        self.photos.setMouseTracking(True)
        self.credit = QLabel(NO_CREDIT, page)
        self.credit.setAccessibleName("Title, author and licence of the photograph")
        self.credit.setWordWrap(True)
        self.credit.setMinimumHeight(2 * self.credit.fontMetrics().lineSpacing())  # a credit has two lines
        layout = QVBoxLayout(page)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.photos, 1)
        layout.addWidget(self.credit)
        self.photos.itemActivated.connect(self._on_photo)
        self.photos.itemClicked.connect(self._on_photo)
        self.photos.itemEntered.connect(self._on_photo_pointed)
        self.photos.currentItemChanged.connect(self._on_photo_pointed)
        return page

    def show_kind(self, kind: Preparation) -> None:
        """Bring forward what a network was made for."""
        self.kinds.setCurrentIndex(KINDS.index(kind))

    def _load(self) -> None:
        self.digits = load_starter()
        self._on_classes_changed(self.classes.currentIndex())
        folder = paths.resources_dir() / "photos"
        for photo in compute.photos():
            item = QListWidgetItem(QIcon(str(folder / photo.file)), "")
            item.setData(Qt.ItemDataRole.AccessibleTextRole, photo.title)
            item.setData(Qt.ItemDataRole.UserRole, str(folder / photo.file))
            item.setToolTip(f"{photo.title}. {photo.credit}")
            self.photos.addItem(item)

    @Slot(int)
    def _on_classes_changed(self, index: int) -> None:
        if self.digits is None:
            return
        labels = self.digits.labels_n
        if index == 0:  # one of each class in turn, so that the first rows show all
            numbers = np.argsort(np.concatenate([np.arange(n) for n in np.bincount(labels)]), kind="stable")
        else:
            numbers = np.flatnonzero(labels == index - 1)
        self.grid.show_images(self.digits.images_nhw, numbers, tuple(str(label) for label in labels))

    @Slot(QListWidgetItem)
    def _on_photo(self, item: QListWidgetItem) -> None:
        self.photo_chosen.emit(item.data(Qt.ItemDataRole.UserRole))

    @Slot(QListWidgetItem)
    def _on_photo_pointed(self, item: QListWidgetItem | None) -> None:
        self.credit.setText(item.toolTip() if item is not None else NO_CREDIT)

    def showEvent(self, event: QShowEvent) -> None:
        """Read the samples when they are first looked at."""
        super().showEvent(event)
        if self.digits is None:
            self._load()
