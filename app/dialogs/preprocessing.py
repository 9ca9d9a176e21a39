"""A model's preprocessing: to be read, and to be changed until something was embedded with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from canon_core.errors import CanonError, ModelError

from ..document import Document
from ..theme import SMALL
from ..views.labels import Note, TextLabel
from ..wording import fault_text
from .spec_form import SpecForm

if TYPE_CHECKING:
    from canon_core.study.entries import ModelEntry


class PreprocessingDialog(QDialog):
    """The spec of one model of the study; ``settled`` says why it cannot be changed, if so."""

    def __init__(
        self, document: Document, model: ModelEntry, settled: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Preprocessing of {model.name}")
        self.resize(480, 460)
        self._document, self._model = document, model
        self._open = True
        self.finished.connect(self._closed)
        self.form = SpecForm()
        self.form.show_spec(model.spec)
        self.form.setEnabled(not settled)
        self.fault = Note(settled)
        self.fault.setVisible(bool(settled))
        fixed = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        fixed.setHeightForWidth(True)
        self.fault.setSizePolicy(fixed)
        buttons = QDialogButtonBox()
        copy = QPushButton("Copy as TOML")
        copy.clicked.connect(self._copy)
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        if settled:
            buttons.addButton(QDialogButtonBox.StandardButton.Close)
        else:
            self.change_button = buttons.addButton("Change", QDialogButtonBox.ButtonRole.AcceptRole)
            buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self._change)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(TextLabel(f"{model.file}\nFrom: {model.origin}", muted=True))
        layout.addWidget(self.form)
        if model.notes:
            layout.addWidget(TextLabel("\n".join(f"•  {note}" for note in model.notes), size=SMALL))
        layout.addStretch(1)
        layout.addWidget(self.fault)
        layout.addWidget(buttons)

    def _closed(self, _result: int) -> None:
        self._open = False

    def _copy(self) -> None:
        from canon_core.models.spec import spec_to_toml

        QGuiApplication.clipboard().setText(spec_to_toml(self._model.spec))

    def _change(self) -> None:
        try:
            spec = self.form.read_spec()
        except ModelError as error:
            self._failed(error)
            return
        if spec == self._model.spec:
            self.accept()
            return
        self.change_button.setEnabled(False)
        self._document.changes.set_spec(self._model.name, spec, self._changed, self._failed)

    def _changed(self) -> None:
        if self._open:
            self.accept()

    def _failed(self, error: CanonError) -> None:
        if not self._open:  # closed while it was being changed
            self._document.faulted.emit(error)
            return
        self.fault.label.setText(fault_text(error))
        self.fault.show()
        self.change_button.setEnabled(True)
