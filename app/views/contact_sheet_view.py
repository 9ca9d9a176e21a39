"""What a network sees: a sheet of aligned crops, to be looked at before any number is believed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from canon_core.embedding.contact_sheet import ContactSheet

from .empty_state import EmptyState
from .labels import SettingsLabel, TextLabel


class ContactSheetView(QWidget):
    """A sheet of crops with the model they are made for.

    Signals
    -------
    sheetRequested(model, seed) : str, int
        Crops as ``model`` sees them are wanted, drawn with ``seed``; answer with :meth:`set_sheet`.
    actionRequested() :
        The button of the empty state.
    """

    sheetRequested = Signal(str, int)
    actionRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dataset: str | None = None
        self._seed = 0
        self.model_chooser = QComboBox()
        self.model_chooser.setAccessibleName("Crops as this model sees them")
        self.model_chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.others_button = QPushButton("Other images")
        self.others_button.setToolTip("Draw other images of the dataset")
        self._title = TextLabel()
        self._problems = TextLabel(muted=True)
        self._settings = SettingsLabel()
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self._scroll = QScrollArea()
        self._scroll.setWidget(self._picture)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._empty = EmptyState("Add a dataset and a model: the crops that the network sees appear here.")
        self._empty.actionRequested.connect(self.actionRequested)
        page = QWidget()
        bar = QHBoxLayout()
        bar.addWidget(self._title, 1)
        bar.addWidget(QLabel("as seen by"))
        bar.addWidget(self.model_chooser)
        bar.addWidget(self.others_button)
        inside = QVBoxLayout(page)
        inside.setContentsMargins(10, 8, 10, 8)
        inside.setSpacing(8)
        inside.addLayout(bar)
        inside.addWidget(self._scroll, 1)
        inside.addWidget(self._problems)
        inside.addWidget(self._settings)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(page)
        outside = QVBoxLayout(self)
        outside.setContentsMargins(0, 0, 0, 0)
        outside.addWidget(self._stack)
        self.model_chooser.activated.connect(self._ask)
        self.others_button.clicked.connect(self._draw_others)

    @property
    def seed(self) -> int:
        """Of the images drawn."""
        return self._seed

    @property
    def model(self) -> str:
        """Whose crops are shown; empty without any model."""
        return self.model_chooser.currentText()

    def set_dataset(self, dataset: str | None, models: Sequence[str], model: str = "") -> None:
        """Show crops of this dataset as one of the models sees them: ``model``, else the one shown, else the first.

        Emits ``sheetRequested`` where there is anything to show.
        """
        keep = model or self.model
        names = list(models)
        self.model_chooser.clear()
        self.model_chooser.addItems(names)
        if keep in names:
            self.model_chooser.setCurrentIndex(names.index(keep))
        if dataset != self._dataset:
            self._dataset, self._seed = dataset, 0
            self._picture.clear()
        if dataset is None or not names:
            self._stack.setCurrentIndex(0)
            return
        self._stack.setCurrentIndex(1)
        self._ask()

    def set_empty(self, text: str, action_text: str = "") -> None:
        """Say why there is nothing to look at, with a button where something can be done."""
        self._empty.set_message(text, action_text)
        self._stack.setCurrentIndex(0)

    def set_sheet(self, sheet: ContactSheet, dataset: str, model: str, seed: int, images: int) -> None:
        """Show a sheet made for these; one that is no longer wanted is ignored."""
        if (dataset, model, seed) != (self._dataset, self.model, self._seed):
            return
        height, width = sheet.pixels.shape[:2]
        image = QImage(sheet.pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        self._picture.setPixmap(QPixmap.fromImage(image))
        self._picture.setAccessibleName(f"Crops of {', '.join(sheet.ids[:8])} and others")
        self._title.setText("Faces should be upright, centred and of one size; if not, no number after this is right.")
        self._problems.setText("; ".join(f"{name}: {reason}" for name, reason in sheet.failed))
        self._problems.setVisible(bool(sheet.failed))
        self._settings.setText(
            f"{dataset} · {len(sheet.ids):,} of {images:,} images, drawn with seed {seed} · crops as {model} sees them,"
            " in RGB for the eye"
        )

    def _draw_others(self) -> None:
        self._seed += 1
        self._ask()

    def _ask(self) -> None:
        if self._dataset is not None and self.model:
            self._stack.setCurrentIndex(1)
            self.sheetRequested.emit(self.model, self._seed)
