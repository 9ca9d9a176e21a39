"""Export: which figures and tables, and where to."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from .. import file_choosers
from ..views.labels import TextLabel
from .path_field import PathField

_FIGURES = {"pdf": "PDF", "svg": "SVG", "png": "PNG"}
_TABLES = {"csv": "CSV", "latex": "LaTeX", "md": "Markdown"}


class ExportDialog(QDialog):
    """Asks; ``folder``, ``formats`` and ``tables`` are what was chosen when it was accepted."""

    def __init__(self, folder: Path, settings: str, missing: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export figures and tables")
        self.resize(560, 300)
        self.out = PathField("folder to write into", file_choosers.choose_output)
        self.figures = {key: QCheckBox(text) for key, text in _FIGURES.items()}
        self.tables = {key: QCheckBox(text) for key, text in _TABLES.items()}
        where = QFormLayout()
        where.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        where.addRow("Folder", self.out)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addLayout(where)
        for title, boxes in (("Figures: matrix and ROC curves", self.figures), ("Tables: the matrix", self.tables)):
            group = QGroupBox(title)
            row = QHBoxLayout(group)
            for box in boxes.values():
                box.setChecked(True)
                box.toggled.connect(self._check)
                row.addWidget(box)
            row.addStretch(1)
            layout.addWidget(group)
        text = settings
        if missing:
            text += f"\n{missing:,} cells are not computed yet; they are computed first."
        text += "\nFiles of the same name are replaced."
        layout.addWidget(TextLabel(text, muted=True))
        layout.addStretch(1)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.export_button = self.buttons.addButton("Export", QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout.addWidget(self.buttons)
        self.out.line.textChanged.connect(self._check)
        self.out.set_path(folder)
        self._check()

    @property
    def folder(self) -> Path | None:
        """Where to."""
        return self.out.path

    @property
    def formats(self) -> tuple[str, ...]:
        """Of figures."""
        return tuple(key for key, box in self.figures.items() if box.isChecked())

    @property
    def table_formats(self) -> tuple[str, ...]:
        """Of tables."""
        return tuple(key for key, box in self.tables.items() if box.isChecked())

    def _check(self) -> None:
        self.export_button.setEnabled(self.folder is not None and bool(self.formats or self.table_formats))
