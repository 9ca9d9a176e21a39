"""A dialog that asks, does what was asked for as a job, and shows how far it is."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from canon_core.errors import CanonError
from canon_core.jobs import Progress

from ..document import Document
from ..jobs_panel import progress_text
from ..theme import SMALL
from ..views.labels import Note, TextLabel
from ..wording import fault_text


class FieldsPage(QWidget):
    """Fields that scroll. What wraps claims the height of its narrowest self; the height for its width is enough."""

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), 0)


def described(field: QWidget, words: QWidget) -> QWidget:
    """A field of a form with words below it, which wrap to the form's width."""
    both = QWidget()
    both.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    column = QVBoxLayout(both)
    column.setContentsMargins(0, 0, 0, 4)
    column.setSpacing(3)
    column.addWidget(field)
    column.addWidget(words)
    return both


class JobDialog(QDialog):
    """Faults of the input are told here. The job may go on after the dialog was closed with *Go on in the background*.

    A kind of it makes its fields, hands them to :meth:`_lay_out`, and says what to do in :meth:`_begin` and when it can
    be done in :attr:`ready`.
    """

    def __init__(self, document: Document, title: str, go: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self._document = document
        self._job = 0
        self._closed = False
        self.fault = Note("")
        self.fault.hide()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.progress = TextLabel(muted=True, size=SMALL)
        self.buttons = QDialogButtonBox()
        self.add_button = self.buttons.addButton(go, QDialogButtonBox.ButtonRole.AcceptRole)
        self.background_button = QPushButton("Go on in the background")
        self.buttons.addButton(self.background_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.cancel_button = self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self._go)
        self.buttons.rejected.connect(self.reject)
        self.background_button.clicked.connect(self._leave)
        document.bridge.progress.connect(self._progressed)
        document.bridge.queued.connect(self._job_queued)
        self.finished.connect(self._ended)

    @property
    def ready(self) -> bool:
        """Whether enough was chosen to begin."""
        raise NotImplementedError

    def _begin(self) -> int:
        """Begin the job and return its number, with :meth:`_done`, :meth:`_failed` and :meth:`_cancelled` to be called.

        Raises
        ------
        CanonError
            When what was chosen cannot be done.
        """
        raise NotImplementedError

    def _lay_out(self, fields: QWidget) -> None:
        self._fields = fields
        scroll = QScrollArea()
        scroll.setWidget(fields)
        scroll.setWidgetResizable(True)
        scroll.setAccessibleName(f"Fields of {self.windowTitle()}")
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.addWidget(scroll, 1)
        for widget in (self.fault, self.bar, self.progress, self.buttons):
            layout.addWidget(widget)
        self._show_running(False)

    # -- the job -------------------------------------------------------------------------------------------------
    def _go(self) -> None:
        self.fault.hide()
        if not self.ready:
            return
        try:
            self._job = self._begin()
        except CanonError as error:
            self._failed(error)
            return
        self._show_running(True)

    def _done(self, _result: object) -> None:
        self._job = 0
        if not self._closed:
            self.accept()

    def _failed(self, error: CanonError) -> None:
        self._job = 0
        if self._closed:
            self._document.faulted.emit(error)
            return
        self.fault.label.setText(fault_text(error))
        self.fault.show()
        self._show_running(False)

    def _cancelled(self) -> None:
        self._job = 0
        if not self._closed:
            self._show_running(False)

    def _job_queued(self, number: int, _title: str) -> None:
        if number == self._job:
            self.progress.setText("Waits for the job before it…")

    def _progressed(self, progress: Progress) -> None:
        if progress.job == self._job and not self._closed:
            self.bar.setRange(0, 1000 if progress.total else 0)
            self.bar.setValue(round(1000 * progress.done / progress.total) if progress.total else 0)
            self.progress.setText(progress_text(progress))

    def _show_running(self, running: bool) -> None:
        self._fields.setEnabled(not running)
        self.bar.setRange(0, 0)
        self.bar.setVisible(running)
        self.progress.setVisible(running)
        self.add_button.setEnabled(not running and self.ready)
        self.background_button.setVisible(running)
        if not running:
            self.add_button.setDefault(True)

    def _show_ready(self) -> None:
        """What is chosen changed."""
        if not self._job:
            self.add_button.setEnabled(self.ready)

    def _leave(self) -> None:
        """Close the dialog and let the job go on."""
        super().reject()

    def reject(self) -> None:
        """Cancel the job where it runs, else close."""
        if self._job:
            self._document.bridge.cancel(self._job)
            self.progress.setText("Cancelling…")
        else:
            super().reject()

    def _ended(self) -> None:
        self._closed = True
