"""What is to race: networks, pictures, and the few settings that all lanes share."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from cnnviz.core.errors import UserError
from cnnviz.datasets import fetching
from cnnviz.datasets import registry as datasets
from cnnviz.state.settings import Settings
from cnnviz.training.config import LIMITS, TrainConfig
from cnnviz.views.race.compute import LEAST, MOST, Choice, configs_of, networks
from cnnviz.widgets import theme
from cnnviz.widgets.chart_lines import COLOURS

NOBODY = "nobody"
SAMPLE_PX = 12


def lane_color(lane: int) -> QColor:
    """Return the colour of a lane, in charts and elsewhere."""
    colours = COLOURS[theme.current().name]
    return QColor(colours[lane % len(colours)])


class RaceSetup(QWidget):
    """The settings of the next race.

    Signals
    -------
    changed()
        Something else is chosen.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lanes = [self._lane_box(lane) for lane in range(MOST)]
        self._make_data()
        self.pictures = self._whole("Pictures", (50, 1_000_000), "Learned from, at most; a tenth as many are set aside")
        self.pictures.setSingleStep(500)
        self.batch_size = self._whole("Batch size", (2, 4096), "Pictures for one step")
        self.rate = QDoubleSpinBox(self)
        self.rate.setDecimals(5)
        self.rate.setRange(0.00001, 10.0)
        self.rate.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        self._prepare(self.rate, "Learning rate", "Of steepest descent with momentum 0.9; it stays the same")
        self.seed = self._whole("Seed", (0, 2**31 - 1), "Of first weights, order and parts: the same for all lanes")
        self.epochs = self._whole("Epochs", (1, int(LIMITS["epochs"][1])), "Times through all pictures")
        self.problem = QLabel(self)
        self.problem.setWordWrap(True)
        self._lay_out()
        self.setFocusProxy(self.lanes[0])
        self.show_choice(Choice())

    def _lane_box(self, lane: int) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(f"Network in lane {lane + 1}")
        box.setToolTip("A network that takes part; all of them see the same pictures in the same order")
        if lane >= LEAST:
            box.addItem(NOBODY, "")
        for name, title in networks():
            box.addItem(title, name)
        box.setMaxVisibleItems(20)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.currentIndexChanged.connect(self._on_changed)
        return box

    def _make_data(self) -> None:
        self.data = QComboBox(self)
        self.data.setAccessibleName("Pictures to learn from")
        for spec in datasets.DATASETS:
            self.data.addItem(spec.title, spec.name)
        self.data.currentIndexChanged.connect(self._on_changed)
        self.folder = QLineEdit(self)
        self.folder.setAccessibleName("Folder of the pictures")
        self.folder.textChanged.connect(self._on_changed)
        self.choose = QPushButton("F&older…", self)
        self.choose.setToolTip("Choose the folder that holds the pictures")
        self.choose.clicked.connect(self._on_choose_clicked)

    def _whole(self, name: str, limits: tuple[int, int], tip: str) -> QSpinBox:
        box = QSpinBox(self)
        box.setRange(*limits)
        box.setGroupSeparatorShown(True)
        self._prepare(box, name, tip)
        return box

    def _prepare(self, box: QSpinBox | QDoubleSpinBox, name: str, tip: str) -> None:
        box.setAccessibleName(name)
        box.setToolTip(tip)
        box.setKeyboardTracking(False)
        box.valueChanged.connect(self._on_changed)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.GRID_PX, theme.GRID_PX, theme.GRID_PX, theme.GRID_PX)
        column.setSpacing(theme.GRID_PX)
        column.addWidget(QLabel("Who takes part?", self))
        for box in self.lanes:
            column.addWidget(box)
        column.addWidget(QLabel("What do all of them see?", self))
        column.addWidget(self.data)
        row = QHBoxLayout()
        row.addWidget(self.folder, 1)
        row.addWidget(self.choose)
        column.addLayout(row)
        grid = QGridLayout()
        grid.setSpacing(theme.GRID_PX)
        grid.setColumnStretch(1, 1)
        fields = (
            ("P&ictures", self.pictures), ("&Batch size", self.batch_size), ("Learning &rate", self.rate),
            ("S&eed", self.seed), ("Epoc&hs", self.epochs),
        )  # fmt: skip
        for at, (words, field) in enumerate(fields):
            label = QLabel(words, self)
            label.setBuddy(field)
            grid.addWidget(label, at, 0)
            grid.addWidget(field, at, 1)
        column.addLayout(grid)
        column.addWidget(self.problem)
        column.addStretch(1)

    # -- choosing -------------------------------------------------------------------------------------------------

    @property
    def choice(self) -> Choice:
        """What is chosen."""
        names = [str(box.currentData()) for box in self.lanes if box.currentData()]
        return Choice(
            tuple(dict.fromkeys(names)), str(self.data.currentData()), self.folder.text().strip(),
            self.pictures.value(), self.batch_size.value(), self.rate.value(), self.seed.value(), self.epochs.value(),
        )  # fmt: skip

    def show_choice(self, choice: Choice) -> None:
        """Show another choice."""
        self.blockSignals(True)
        for lane, box in enumerate(self.lanes):
            name = choice.networks[lane] if lane < len(choice.networks) else ""
            box.setCurrentIndex(max(0, box.findData(name)))
        self.data.setCurrentIndex(max(0, self.data.findData(choice.data)))
        self.folder.setText(choice.folder)
        self.pictures.setValue(choice.pictures)
        self.batch_size.setValue(choice.batch_size)
        self.rate.setValue(choice.learning_rate)
        self.seed.setValue(choice.seed)
        self.epochs.setValue(choice.epochs)
        self.blockSignals(False)
        self.show_colours()
        self._on_changed()

    def configs(self) -> tuple[TrainConfig, ...]:
        """Return the configuration of each lane; nothing where the choice cannot be used, which is said."""
        choice, problem = self.choice, ""
        found: tuple[TrainConfig, ...] = ()
        spec = datasets.get(choice.data)
        if spec.files and not choice.folder and not fetching.is_here(spec):
            problem = f"{spec.title} needs a folder with {spec.files}."
        elif len(choice.networks) < LEAST:
            problem = "Choose two different networks at least."
        else:
            try:
                found = configs_of(choice if spec.files else replace(choice, folder=""))
            except UserError as error:
                problem = str(error)
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        return found

    def show_colours(self) -> None:
        """Show the lanes' colours in the theme that is applied."""
        for lane, box in enumerate(self.lanes):
            for row in range(box.count()):
                box.setItemIcon(row, _sample(lane_color(lane)) if box.itemData(row) else QIcon())

    @Slot()
    def _on_changed(self) -> None:
        spec = datasets.get(str(self.data.currentData()))
        self.folder.setVisible(bool(spec.files))
        self.choose.setVisible(bool(spec.files))
        self.folder.setPlaceholderText("downloaded" if fetching.is_here(spec) else f"a folder with {spec.files}")
        self.data.setToolTip(spec.summary)
        self.configs()
        self.changed.emit()

    @Slot()
    def _on_choose_clicked(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder of the pictures", self.folder.text())
        if path:
            self.folder.setText(path)

    # -- between two starts ---------------------------------------------------------------------------------------

    def remember(self, settings: Settings) -> None:
        """Write what is chosen."""
        choice = self.choice
        settings.put("race/networks", ",".join(choice.networks))
        for name in ("data", "folder", "pictures", "batch_size", "learning_rate", "seed", "epochs"):
            settings.put(f"race/{name}", getattr(choice, name))

    def recall(self, settings: Settings) -> None:
        """Bring it back; what is not known any more is left out."""
        usual = Choice()
        known = dict(networks())
        names = tuple(name for name in settings.get("race/networks", "").split(",") if name in known)[:MOST]
        self.show_choice(
            Choice(
                names if len(names) >= LEAST else usual.networks,
                settings.choice("race/data", usual.data, tuple(spec.name for spec in datasets.DATASETS)),
                settings.get("race/folder", usual.folder),
                settings.integer("race/pictures", usual.pictures, 50, 1_000_000),
                settings.integer("race/batch_size", usual.batch_size, 2, 4096),
                settings.get("race/learning_rate", usual.learning_rate),
                settings.integer("race/seed", usual.seed, 0, 2**31 - 1),
                settings.integer("race/epochs", usual.epochs, 1, int(LIMITS["epochs"][1])),
            )
        )


def _sample(colour: QColor) -> QIcon:
    pixmap = QPixmap(SAMPLE_PX, SAMPLE_PX)
    pixmap.fill(colour)
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Disabled)  # a lane has its colour while it runs, too
    return icon
