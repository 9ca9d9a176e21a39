"""Short questions, asked without stopping the window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLineEdit, QMessageBox, QVBoxLayout, QWidget

from ..views.labels import TextLabel
from .job_dialog import described


def confirm(
    parent: QWidget,
    title: str,
    text: str,
    more: str,
    yes: str,
    then: Callable[[], object],
    *,
    no: str = "Cancel",
) -> QMessageBox:
    """Ask whether to go on; ``then`` is called only on ``yes``. Escape and Return mean no harm: they choose ``no``."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(text)
    box.setInformativeText(more)
    go_on = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    stay = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(stay)
    box.setEscapeButton(stay)
    box.buttonClicked.connect(lambda button: then() if button is go_on else None)
    box.open()
    return box


class NameDialog(QDialog):
    """Asks for a name, and says while it is typed why it will not do: ``why_not(name)``, empty where it will."""

    def __init__(
        self,
        title: str,
        text: str,
        name: str,
        why_not: Callable[[str], str],
        then: Callable[[str], object],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self._why_not = why_not
        self.line = QLineEdit(name)
        self.line.setAccessibleName("name")
        self.line.selectAll()
        self.fault = TextLabel()
        self.fault.setMinimumHeight(self.fault.fontMetrics().lineSpacing() + 2)  # nothing moves when it says something
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Name", described(self.line, self.fault))
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(TextLabel(text, muted=True))
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(440)
        self.line.textChanged.connect(self._check)
        self._check()
        self.accepted.connect(lambda: then(self.name))

    @property
    def name(self) -> str:
        """What is typed."""
        return self.line.text().strip()

    def _check(self, *_: object) -> None:
        why = self._why_not(self.name)
        self.fault.setText(f"{why}." if why else "")
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not why)
