"""Add networks: what was found out about each, how its input is prepared and why, all of it to be changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from canon_core.errors import CanonError, ModelError

from .. import file_choosers
from ..badge_delegate import BADGE_ROLE, BadgeDelegate
from ..contents import Badge
from ..document import Document
from ..settled import settled
from ..theme import SMALL, sized
from ..views.labels import Note, TextLabel
from ..wording import fault_text
from .candidates import Answer, Candidate, Question, look_into
from .spec_form import SpecForm

if TYPE_CHECKING:
    from canon_core.models.resolve import ResolvedModel

_TOPIC = "look into networks"
_AS_FOUND, _BY_HAND = "", "by hand"
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
        self._candidates: list[Candidate] = []
        self._adding = False
        self._open = True
        self._add_wanted = False  # Add was clicked while a change was still being checked
        self._timer = settled(self, _CHECK_DELAY_MS, self._form_settled)
        self.files = QTreeWidget()
        self.files.setColumnCount(2)
        self.files.setHeaderHidden(True)
        self.files.setRootIsDecorated(False)
        self.files.setUniformRowHeights(True)
        self.files.setAccessibleName("Networks to add")
        self.files.setItemDelegateForColumn(1, BadgeDelegate(self.files))
        self.files.header().setStretchLastSection(False)
        self.files.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.files.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.files.currentItemChanged.connect(self._show_current)
        self.more_button = QPushButton("Add files…")
        self.more_button.clicked.connect(self._more)
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
        self._parts = splitter = QSplitter()
        splitter.addWidget(left)
        splitter.addWidget(self._make_details())
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

    def _make_details(self) -> QWidget:
        self.name = QLineEdit()
        self.name.setMaxLength(64)
        self.name.textEdited.connect(self._renamed)
        self.preset = QComboBox()
        self.preset.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.preset.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.preset.setToolTip("Preprocessing of a known family of networks")
        self.preset.activated.connect(self._preset_chosen)
        self.about = TextLabel(muted=True)
        self.form = SpecForm()
        self.form.edited.connect(self._timer.start)
        self.problem = Note("")
        self.notes_title = QLabel("Why so")
        self.notes_title.setFont(sized(self.font(), 1.0, bold=True))
        self.notes = TextLabel(size=SMALL)
        names = QFormLayout()
        names.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        names.addRow("Name", self.name)
        names.addRow("Preprocessing", self.preset)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(12, 4, 12, 4)
        column.setSpacing(10)
        column.addLayout(names)
        column.addWidget(self.about)
        column.addWidget(self.problem)
        column.addWidget(self.form)
        column.addWidget(self.notes_title)
        column.addWidget(self.notes)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(page)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        nothing = TextLabel("Add ONNX files, or drop them here. Several at once are fine.", muted=True)
        nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.details = QStackedWidget()
        self.details.addWidget(nothing)
        self.details.addWidget(scroll)
        return self.details

    # -- files ---------------------------------------------------------------------------------------------------
    def add_files(self, files: Sequence[Path]) -> None:
        """Put more networks on the list and look into them."""
        known = {candidate.path for candidate in self._candidates}
        fresh = [Candidate(path) for path in dict.fromkeys(files) if path not in known]
        for candidate in fresh:
            self._candidates.append(candidate)
            item = QTreeWidgetItem(self.files)
            item.setToolTip(0, str(candidate.path))
        if fresh:
            self._choose(fresh[0])
            self._look()
        self._refresh()

    def _more(self) -> None:
        last = self._candidates[-1].path.parent if self._candidates else None
        self.add_files(file_choosers.choose_networks(self, last))

    def _choose(self, candidate: Candidate) -> None:
        self.files.setCurrentItem(self.files.topLevelItem(self._candidates.index(candidate)))

    def _drop(self, candidate: Candidate) -> None:
        row = self._candidates.index(candidate)
        del self._candidates[row]
        self.files.takeTopLevelItem(row)

    def _take_off(self) -> None:
        candidate = self._current()
        if candidate is not None:
            self._drop(candidate)
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
        questions = [Question(each.path, each.preset, each.spec) for each in self._candidates if each.looking]
        if questions:
            self._document.bridge.ask(
                _TOPIC,
                lambda ctx: look_into(questions, ctx),
                on_partial=self._answered,
                on_failure=self._looking_failed,
            )

    def _answered(self, answers: list[Any]) -> None:
        current = self._current()
        for answer in answers:
            assert isinstance(answer, Answer)
            for candidate in self._candidates:
                same = (candidate.path, candidate.preset, candidate.spec) == (answer.path, answer.preset, answer.spec)
                if same and candidate.looking:
                    candidate.looking, candidate.error = False, answer.error
                    candidate.resolved = answer.resolved or candidate.resolved
                    if candidate is current:
                        self._show_current()
        self._refresh()
        if self._add_wanted and not any(candidate.looking for candidate in self._candidates):
            self._add_wanted = False
            if current is None or current.error is None:
                self._add()

    def _looking_failed(self, error: CanonError) -> None:
        for candidate in self._candidates:
            if candidate.looking:
                candidate.looking, candidate.error = False, error
        self._refresh()
        self._show_current()

    # -- showing the chosen one ----------------------------------------------------------------------------------
    def _current(self) -> Candidate | None:
        row = self.files.indexOfTopLevelItem(self.files.currentItem())
        return self._candidates[row] if 0 <= row < len(self._candidates) else None

    def _show_current(self, *_: object) -> None:
        candidate = self._current()
        self.details.setCurrentIndex(0 if candidate is None else 1)
        self.drop_button.setEnabled(candidate is not None)
        if candidate is None:
            return
        if self.name.text() != candidate.title:
            self.name.setText(candidate.title)
        self._fill_presets(candidate)
        found = candidate.resolved
        self.form.setVisible(found is not None)
        self.notes_title.setVisible(found is not None and bool(found.notes))
        self.notes.setVisible(found is not None and bool(found.notes))
        if candidate.error is not None:
            self.problem.label.setText(fault_text(candidate.error))
        self.problem.setVisible(candidate.error is not None)
        if found is None:
            self.about.setText("" if candidate.error else "Looking into the network…")
            return
        self.about.setText(facts_text(found))
        if candidate.error is None and not candidate.looking:
            self.form.show_spec(found.spec, [output.name for output in found.facts.outputs])
        self.notes.setText("\n".join(f"•  {note}" for note in found.notes))

    def _fill_presets(self, candidate: Candidate) -> None:
        from canon_core.models.presets import presets

        self.preset.clear()
        found = candidate.resolved
        origin = found.origin if found is not None and not candidate.preset and candidate.spec is None else ""
        as_found = {"": "as found", "inferred": "as found: inferred from the network"}.get(
            origin, f"as found: {origin} beside the network"
        )
        self.preset.addItem(as_found, _AS_FOUND)
        for preset in presets():
            self.preset.addItem(preset.title, preset.name)
            self.preset.setItemData(self.preset.count() - 1, ", ".join(preset.models), Qt.ItemDataRole.ToolTipRole)
        if candidate.spec is not None:
            self.preset.addItem("changed by hand", _BY_HAND)
        chosen = _BY_HAND if candidate.spec is not None else candidate.preset
        self.preset.setCurrentIndex(max(0, self.preset.findData(chosen)))

    # -- changing it ---------------------------------------------------------------------------------------------
    def _renamed(self, text: str) -> None:
        candidate = self._current()
        if candidate is not None:
            candidate.name = text.strip()
            self._refresh()

    def _preset_chosen(self) -> None:
        candidate, chosen = self._current(), self.preset.currentData()
        if candidate is not None and chosen != _BY_HAND:
            candidate.choose(preset=chosen)
            self._look()
            self._refresh()

    def _form_settled(self) -> None:
        candidate = self._current()
        if candidate is None or candidate.resolved is None:
            return
        try:
            spec = self.form.read_spec()
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
        for row, candidate in enumerate(self._candidates):
            item = self.files.topLevelItem(row)
            item.setText(0, candidate.title)
            item.setText(1, candidate.state)
            badge = Badge.NONE if candidate.looking else Badge.COMPLETE if candidate.error is None else Badge.DAMAGED
            item.setData(1, BADGE_ROLE, badge.value)
        usable = sum(candidate.usable for candidate in self._candidates)
        waiting = any(candidate.looking for candidate in self._candidates)
        self.add_button.setText("Adding…" if self._adding else f"Add {usable}" if usable > 1 else "Add")
        self.add_button.setEnabled(usable > 0 and not waiting and not self._adding)
        self.add_button.setDefault(True)
        self._parts.setEnabled(not self._adding)
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setText("Close" if self._adding else "Cancel")

    def _add(self) -> None:
        """Add the usable networks one after the other; those that cannot be added stay.

        What was begun goes on where the dialog is closed meanwhile.
        """
        self.fault.hide()
        if self._timer.isActive():  # a field was changed a moment ago, and is not checked yet
            self._timer.stop()
            self._form_settled()
            if any(candidate.looking for candidate in self._candidates):
                self._add_wanted = True
                return
        if not any(candidate.usable for candidate in self._candidates):
            return
        self._adding = True
        self._refresh()
        document, study = self._document, self._document.study
        waiting = [each for each in self._candidates if each.usable]

        def add_next() -> None:
            if not waiting or document.study is not study:
                if self._open:
                    self._added_all()
                return
            candidate = waiting.pop(0)

            def added() -> None:
                if self._open:
                    self._drop(candidate)
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
        if not self._candidates:
            self.accept()

    def _not_added(self, candidate: Candidate, error: CanonError) -> None:
        self._adding = False
        self._choose(candidate)
        self.fault.label.setText(fault_text(error))
        self.fault.show()
        self._refresh()


def facts_text(found: ResolvedModel) -> str:
    """What the graph says, in two lines."""
    facts = found.facts
    inputs = ", ".join(map(str, facts.inputs))
    outputs = ", ".join(map(str, facts.outputs))
    batch = "any batch size" if facts.fixed_batch is None else f"batches of {facts.fixed_batch}"
    return (
        f"Takes {inputs}, {batch}; gives {outputs}.\n"
        f"{found.dimensions} dimensions, {facts.parameters / 1e6:.2f} M parameters,"
        f" {facts.macs / 1e6:,.0f} M multiply-adds ({facts.flops / 1e6:,.0f} M FLOPs) an image."
    )


def _local(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
