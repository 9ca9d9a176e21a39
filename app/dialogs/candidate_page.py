"""What was found out about a network that is to be added, how its input is prepared and why; all of it editable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ..theme import SMALL, sized
from ..views.labels import Note, TextLabel
from ..wording import fault_text
from .candidates import Candidate
from .spec_form import SpecForm

if TYPE_CHECKING:
    from canon_core.models.resolve import ResolvedModel

_AS_FOUND, _BY_HAND = "", "by hand"


class CandidatePage(QScrollArea):
    """Shows one network at a time.

    Signals
    -------
    renamed(name) : str
        The user wrote another name.
    presetChosen(name) : str
        The preprocessing of a known family is to be used; empty for what was found.
    edited() :
        A field of the preprocessing was changed.
    """

    renamed = Signal(str)
    presetChosen = Signal(str)
    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = QLineEdit()
        self.name.setMaxLength(64)
        self.name.textEdited.connect(self.renamed)
        self.preset = QComboBox()
        self.preset.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.preset.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.preset.setToolTip("Preprocessing of a known family of networks")
        self.preset.activated.connect(self._choose_preset)
        self.about = TextLabel(muted=True)
        self.form = SpecForm()
        self.form.edited.connect(self.edited)
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
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_candidate(self, candidate: Candidate, twins: Sequence[str]) -> None:
        """Show what is known of it; ``twins`` are the study's models that are the same file."""
        if self.name.text() != candidate.title:
            self.name.setText(candidate.title)
        self._fill_presets(candidate)
        found = candidate.resolved
        self.form.setVisible(found is not None)
        self.notes_title.setVisible(found is not None and bool(found.notes))
        self.notes.setVisible(found is not None and bool(found.notes))
        if candidate.error is not None:
            self.problem.label.setText(fault_text(candidate.error))
        elif twins:
            self.problem.label.setText(
                f"The very same network is in the study already, as {_and(twins)}. Added again with the same"
                " preprocessing it gives the same embeddings."
            )
        self.problem.setVisible(candidate.error is not None or bool(twins))
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

    def _choose_preset(self) -> None:
        if (chosen := self.preset.currentData()) != _BY_HAND:
            self.presetChosen.emit(chosen)


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


def _and(names: Sequence[str]) -> str:
    return " and ".join(f"'{name}'" for name in names)
