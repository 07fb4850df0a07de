"""The list of networks to tick, with its search and the sets to begin with."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from cnnviz.views.networks import compute
from cnnviz.widgets import theme

LEAST, MOST = 1, 20
NAME = Qt.ItemDataRole.UserRole
OWN = "Your own choice"


class NetworkChooser(QWidget):
    """Which networks are to be compared.

    Signals
    -------
    changed()
        Others are ticked.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen: list[str] = []
        self._loaded = ""
        self._filling = False
        self._make_fields()
        self.networks = QTreeWidget(self)
        self.networks.setHeaderHidden(True)
        self.networks.setAccessibleName("Networks to compare")
        self.networks.setToolTip("Tick the networks to compare (Space)")
        self.networks.itemChanged.connect(self._on_networks_item_changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX)
        column.addWidget(self.presets)
        column.addWidget(self.search)
        column.addWidget(self.networks, 1)
        self.setFocusProxy(self.networks)
        self._on_presets_activated(1)

    def _make_fields(self) -> None:
        self.presets = QComboBox(self)
        self.presets.setAccessibleName("Networks to begin with")
        self.presets.setToolTip("Networks that are worth seeing side by side")
        self.presets.addItem(OWN, ())
        for preset in compute.presets():
            self.presets.addItem(preset.title, preset.names)
        self.presets.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.presets.activated.connect(self._on_presets_activated)
        self.search = QLineEdit(self)
        self.search.setAccessibleName("Find a network")
        self.search.setPlaceholderText("Find a network…")
        self.search.setToolTip("A part of a network's name, or of its family's")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._on_search_text_changed)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The names of the networks that are ticked, in the order in which they were."""
        return tuple(self._chosen)

    def choose(self, names: tuple[str, ...]) -> None:
        """Tick these networks and no others."""
        self._chosen = list(names[:MOST])
        alike = (n for n in range(1, self.presets.count()) if tuple(self.presets.itemData(n)) == names)
        self.presets.setCurrentIndex(next(alike, 0))
        self._fill()

    def show_loaded(self, name: str) -> None:
        """Say which network is the one under Explore; empty for none."""
        self._loaded = name
        self._fill()

    def _fill(self) -> None:
        """Fill the list with the networks that are searched for."""
        self._filling = True
        self.networks.clear()
        for family, specs in compute.families(self.search.text()):
            group = QTreeWidgetItem(self.networks, [family])
            group.setFlags(Qt.ItemFlag.ItemIsEnabled)
            for spec in specs:
                item = QTreeWidgetItem(group, [f"{spec.title} (loaded)" if spec.name == self._loaded else spec.title])
                item.setToolTip(0, f"{spec.name}: {spec.summary}")
                item.setData(0, NAME, spec.name)
                item.setFlags(
                    Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable
                )
                ticked = spec.name in self._chosen
                item.setCheckState(0, Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
            few = bool(self.search.text().strip()) or any(spec.name in self._chosen for spec in specs)
            group.setExpanded(few)
        self._filling = False
        self.changed.emit()

    @Slot(int)
    def _on_presets_activated(self, index: int) -> None:
        names = self.presets.itemData(index)
        if names:
            self.search.clear()
            self.choose(tuple(names))

    @Slot(str)
    def _on_search_text_changed(self, text: str) -> None:
        self._fill()

    @Slot(QTreeWidgetItem, int)
    def _on_networks_item_changed(self, item: QTreeWidgetItem, column: int) -> None:
        name = item.data(0, NAME)
        if self._filling or not name:
            return
        ticked = item.checkState(0) == Qt.CheckState.Checked
        if ticked and len(self._chosen) >= MOST:
            self._filling = True
            item.setCheckState(0, Qt.CheckState.Unchecked)
            self._filling = False
        elif ticked and name not in self._chosen:
            self._chosen.append(name)
        elif not ticked and name in self._chosen:
            self._chosen.remove(name)
        self.presets.setCurrentIndex(0)
        self.changed.emit()
