"""Add networks: they are looked into, can be changed, and are added one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from canon_core.errors import CanonError, ModelError

from .. import file_choosers
from ..document import Document
from ..settled import settled
from ..views.labels import Note, TextLabel
from ..wording import fault_text
from .candidate_list import CandidateList
from .candidate_page import CandidatePage
from .candidates import Answer, Candidate, Question, look_into

_TOPIC = "look into networks"
#: Milliseconds after the last change of a field until the network is asked whether it fits.
_CHECK_DELAY_MS = 300


class AddModelDialog(QDialog):
    """Files on the left, what is known of the chosen one on the right."""

    def __init__(self, document: Document, files: Sequence[Path] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Add models")
        self.setAcceptDrops(True)
        self.resize(860, 600)
        self._document = document
        self._adding = False
        self._open = True
        self._added = False  # something was added
        self._add_wanted = False  # Add was clicked while a change was still being checked
        self._timer = settled(self, _CHECK_DELAY_MS, self._form_settled)
        self.files = CandidateList()
        self.files.currentItemChanged.connect(self._show_current)
        self.more_button = QPushButton("Add files…")
        self.more_button.clicked.connect(self.choose_files)
        self.drop_button = QPushButton("Take off list")
        self.drop_button.clicked.connect(self._take_off)
        buttons = QHBoxLayout()
        buttons.addWidget(self.more_button)
        buttons.addWidget(self.drop_button)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.files, 1)
        column.addLayout(buttons)
        self.page = CandidatePage()
        self.page.renamed.connect(self._renamed)
        self.page.presetChosen.connect(self._preset_chosen)
        self.page.edited.connect(self._timer.start)
        nothing = TextLabel("Add ONNX files, or drop them here. Several at once are fine.", muted=True)
        nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.details = QStackedWidget()
        self.details.addWidget(nothing)
        self.details.addWidget(self.page)
        self._parts = splitter = QSplitter()
        splitter.addWidget(left)
        splitter.addWidget(self.details)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([240, 600])
        splitter.setChildrenCollapsible(False)
        self.fault = Note("")
        self.fault.hide()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.add_button = self.buttons.addButton("Add", QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self._add)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(splitter, 1)
        layout.addWidget(self.fault)
        layout.addWidget(self.buttons)
        self.finished.connect(self._closed)
        self.add_files(files)
        self._show_current()

    def _closed(self, _result: int) -> None:
        self._open = False
        self._document.bridge.drop(_TOPIC)

    # -- files ---------------------------------------------------------------------------------------------------
    def add_files(self, files: Sequence[Path]) -> None:
        """Put more networks on the list and look into them."""
        known = {candidate.path for candidate in self.files.candidates}
        fresh = [Candidate(path) for path in dict.fromkeys(files) if path not in known]
        for candidate in fresh:
            self.files.append(candidate)
        if fresh:
            self.files.choose(fresh[0])
            self._look()
        self._refresh()

    def choose_files(self) -> None:
        """Ask for files in the system's own dialog, unless this one was closed meanwhile."""
        if not self._open:
            return
        there = self.files.candidates
        contents = self._document.contents
        known = contents.newest_networks if contents is not None else None
        self.add_files(file_choosers.choose_networks(self, there[-1].path.parent if there else known))

    def _take_off(self) -> None:
        candidate = self.files.current
        if candidate is not None:
            self.files.drop(candidate)
            self._refresh()
            self._show_current()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if not self._adding and any(path.suffix.lower() == ".onnx" for path in _local(event)):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.add_files([path for path in _local(event) if path.suffix.lower() == ".onnx"])

    # -- looking into them ---------------------------------------------------------------------------------------
    def _look(self) -> None:
        """Ask about every network that is not known yet; an earlier question is replaced by this one."""
        questions = [Question(each.path, each.preset, each.spec) for each in self.files.candidates if each.looking]
        if questions:
            self._document.bridge.ask(
                _TOPIC,
                lambda ctx: look_into(questions, ctx),
                on_partial=self._answered,
                on_failure=self._looking_failed,
            )

    def _answered(self, answers: list[Any]) -> None:
        current = self.files.current
        for answer in answers:
            assert isinstance(answer, Answer)
            for candidate in self.files.candidates:
                same = (candidate.path, candidate.preset, candidate.spec) == (answer.path, answer.preset, answer.spec)
                if same and candidate.looking:
                    candidate.looking, candidate.error = False, answer.error
                    candidate.resolved = answer.resolved or candidate.resolved
                    if candidate is current:
                        self._show_current()
        self._refresh()
        if self._add_wanted and not self.files.looking:
            self._add_wanted = False
            if current is None or current.error is None:
                self._add()

    def _looking_failed(self, error: CanonError) -> None:
        for candidate in self.files.candidates:
            if candidate.looking:
                candidate.looking, candidate.error = False, error
        self._refresh()
        self._show_current()

    # -- showing the chosen one ----------------------------------------------------------------------------------
    def _show_current(self, *_: object) -> None:
        candidate = self.files.current
        self.details.setCurrentIndex(0 if candidate is None else 1)
        self.drop_button.setEnabled(candidate is not None)
        if candidate is not None:
            self.page.show_candidate(candidate, self._twins(candidate))

    def _twins(self, candidate: Candidate) -> list[str]:
        """Models of the study that are the same file."""
        contents, found = self._document.contents, candidate.resolved
        if contents is None or found is None:
            return []
        return [model.name for model in contents.models if not model.imported and model.sha256 == found.sha256]

    # -- changing it ---------------------------------------------------------------------------------------------
    def _renamed(self, text: str) -> None:
        candidate = self.files.current
        if candidate is not None:
            candidate.name = text.strip()
            self._refresh()

    def _preset_chosen(self, name: str) -> None:
        candidate = self.files.current
        if candidate is not None:
            candidate.choose(preset=name)
            self._look()
            self._refresh()

    def _form_settled(self) -> None:
        candidate = self.files.current
        if candidate is None or candidate.resolved is None:
            return
        try:
            spec = self.page.form.read_spec()
            if spec == candidate.resolved.spec and candidate.error is None and not candidate.looking:
                self._refresh()  # a field was left as it was
                return
            candidate.choose(spec=spec)
        except ModelError as error:
            candidate.error, candidate.looking = error, False
            self._refresh()
            self._show_current()
            return
        self._look()
        self._refresh()

    # -- adding --------------------------------------------------------------------------------------------------
    def _refresh(self) -> None:
        self.files.show_states(lambda candidate: bool(self._twins(candidate)))
        usable = len(self.files.usable)
        self.add_button.setText("Adding…" if self._adding else f"Add {usable}" if usable > 1 else "Add")
        self.add_button.setEnabled(usable > 0 and not self.files.looking and not self._adding)
        self.add_button.setDefault(True)
        self._parts.setEnabled(not self._adding)
        close = self._adding or self._added  # there is nothing to take back any more
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setText("Close" if close else "Cancel")

    def _add(self) -> None:
        """Add the usable networks one after the other; those that cannot be added stay.

        What was begun goes on where the dialog is closed meanwhile.
        """
        self.fault.hide()
        if self._timer.isActive():  # a field was changed a moment ago, and is not checked yet
            self._timer.stop()
            self._form_settled()
            if self.files.looking:
                self._add_wanted = True
                return
        waiting = self.files.usable
        if not waiting:
            return
        self._adding = True
        self._refresh()
        document, study = self._document, self._document.study

        def add_next() -> None:
            if not waiting or document.study is not study:
                if self._open:
                    self._added_all()
                return
            candidate = waiting.pop(0)

            def added() -> None:
                self._added = True
                if self._open:
                    self.files.drop(candidate)
                add_next()

            def failed(error: CanonError) -> None:
                if self._open:
                    self._not_added(candidate, error)
                else:
                    document.faulted.emit(error)
                    add_next()

            document.changes.add_model(
                candidate.path, candidate.name or None, candidate.spec, preset=candidate.preset or None, then=added,
                failed=failed,
            )  # fmt: skip

        add_next()

    def _added_all(self) -> None:
        self._adding = False
        self._refresh()
        if not self.files.candidates:
            self.accept()

    def _not_added(self, candidate: Candidate, error: CanonError) -> None:
        self._adding = False
        self.files.choose(candidate)
        self.fault.label.setText(fault_text(error))
        self.fault.show()
        self._refresh()


def _local(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
