"""A form for everything a preprocessing spec says; what it holds is checked by the spec itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSpinBox,
    QWidget,
)

from canon_core.errors import ModelError

if TYPE_CHECKING:
    from canon_core.models.spec import ModelSpec

_POINTS = "points"
_TEMPLATES = {
    "arcface": ("ArcFace, five points", "Five landmarks laid on the ArcFace template, scaled to the input"),
    "arcface-96": ("ArcFace, 96 wide", "The same shifted by −8 pixels in x, for inputs of 96 × 112"),
    "box": ("detector box", "The detector's box with a margin, not rotated"),
    "whole": ("whole image", "The whole image, resized"),
    _POINTS: ("own five points", "Five points given in the spec file"),
}
_COLOURS = {"rgb": "RGB", "bgr": "BGR", "gray": "gray"}
_LAYOUTS = {
    "nchw": ("NCHW", "channels first, as PyTorch has it"),
    "nhwc": ("NHWC", "channels last, as TensorFlow has it"),
}
_FLIPS = {
    "none": ("not used", "The face as it is"),
    "sum": ("sum with the mirrored face", "The embedding of the mirrored face is added"),
    "keep": ("keep both", "Both embeddings are kept apart"),
}
_SCALING = "Pixels are fed as (x − mean) / std; one number for all channels, or one each: 104, 117, 123"


class SpecForm(QWidget):
    """Shows a spec and reads it back.

    Signals
    -------
    edited() :
        The user changed a field.
    """

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._filling = False
        self._spec: ModelSpec | None = None
        self.width_box, self.height_box = _pixels(), _pixels()
        size = QWidget()
        row = QHBoxLayout(size)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.width_box, QLabel("wide  ×"), self.height_box, QLabel("high")):
            row.addWidget(widget)
        row.addStretch(1)
        self.template = _choices({key: value for key, value in _TEMPLATES.items() if key != _POINTS})
        self.margin = QDoubleSpinBox()
        self.margin.setRange(0, 4096)
        self.margin.setDecimals(1)
        self.margin.setSuffix(" px")
        self.color = _choices({key: (text, "") for key, text in _COLOURS.items()})
        self.layout_box = _choices(_LAYOUTS)
        self.mean, self.std = QLineEdit(), QLineEdit()
        self.outputs = QListWidget()
        self.outputs.setSpacing(2)
        self.outputs.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.flip = _choices(_FLIPS)
        self.pfe = QCheckBox("second half holds variances (PFE)")
        scaling = QWidget()
        row = QHBoxLayout(scaling)
        row.setContentsMargins(0, 0, 0, 0)
        self.about_scaling = QLabel()
        for widget in (QLabel("(x −"), self.mean, QLabel(") ∕"), self.std, self.about_scaling):
            row.addWidget(widget)
        row.addStretch(1)
        for line, name in ((self.mean, "Mean"), (self.std, "Standard deviation")):
            line.setFixedWidth(line.fontMetrics().horizontalAdvance("127.5, 127.5, 127.5") + 16)
            line.setAccessibleName(name)
            line.setAccessibleDescription(_SCALING)
            line.setToolTip(_SCALING)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.setVerticalSpacing(6)
        for text, field, tip in (
            ("Input", size, "Pixels of the network's input"),
            ("Faces", self.template, "How a face is laid into the input"),
            ("Margin", self.margin, "Input pixels around the detector box (template 'detector box' only)"),
            ("Colour", self.color, "Order of the channels"),
            ("Layout", self.layout_box, "Order of the input's sides"),
            ("Pixels", scaling, _SCALING),
            ("Outputs", self.outputs, "Outputs that make the embedding, joined in this order (drag to reorder)"),
            ("Mirrored", self.flip, "Whether the mirrored face is embedded too"),
            ("", self.pfe, "Probabilistic face embeddings: means, then as many variances"),
        ):
            field.setToolTip(tip)
            field.setAccessibleName(text or field.objectName() or "PFE")
            field.setAccessibleDescription(tip)
            form.addRow(text, field)
        self.width_box.setAccessibleName("Input width")
        self.height_box.setAccessibleName("Input height")
        for box in (self.width_box, self.height_box, self.margin):
            box.valueChanged.connect(self._changed)
        for chooser in (self.template, self.color, self.layout_box, self.flip):
            chooser.activated.connect(self._changed)
        for line in (self.mean, self.std):
            line.editingFinished.connect(self._changed)
        self.outputs.itemChanged.connect(self._changed)
        self.outputs.model().rowsMoved.connect(self._changed)
        self.pfe.toggled.connect(self._changed)

    def show_spec(self, spec: ModelSpec, outputs: Sequence[str] = ()) -> None:
        """Fill the form; ``outputs`` are all that the network has. No signal."""
        self._filling = True
        self._spec = spec
        said = spec.input
        self.width_box.setValue(said.width)
        self.height_box.setValue(said.height)
        if said.points is not None and self.template.findData(_POINTS) < 0:
            self.template.addItem(_TEMPLATES[_POINTS][0], _POINTS)
        _choose(self.template, said.template or _POINTS)
        self.margin.setValue(said.margin)
        self.margin.setEnabled(said.template == "box")
        _choose(self.color, said.color)
        _choose(self.layout_box, said.layout)
        self.mean.setText(_numbers_text(said.mean))
        self.std.setText(_numbers_text(said.std))
        _choose(self.flip, spec.output.flip)
        self.pfe.setChecked(spec.output.pfe)
        self.outputs.clear()
        for name in dict.fromkeys([*spec.output.names, *outputs]):
            item = QListWidgetItem(name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            used = name in spec.output.names
            item.setCheckState(Qt.CheckState.Checked if used else Qt.CheckState.Unchecked)
            self.outputs.addItem(item)
        rows = max(1, min(self.outputs.count(), 4))
        row_height = max(self.outputs.sizeHintForRow(0), self.fontMetrics().height() + 4) + 2 * self.outputs.spacing()
        self.outputs.setFixedHeight(rows * row_height + 2 * self.outputs.frameWidth() + 2)
        self._show_scaling()
        self._filling = False

    def read_spec(self) -> ModelSpec:
        """The spec as the form says it.

        Raises
        ------
        ModelError
            With what is wrong with it.
        """
        from canon_core.models.spec import spec_from_mapping

        template, color = self.template.currentData(), self.color.currentData()
        items = [self.outputs.item(row) for row in range(self.outputs.count())]
        said: dict[str, Any] = {
            "height": self.height_box.value(),
            "width": self.width_box.value(),
            "color": color,
            "layout": self.layout_box.currentData(),
            "mean": _numbers(self.mean.text(), color, "mean"),
            "std": _numbers(self.std.text(), color, "std"),
        }
        if template == _POINTS and self._spec is not None:
            said["points"] = self._spec.input.points
        else:
            said["template"] = template
        if template == "box":
            said["margin"] = self.margin.value()
        names = [item.text() for item in items if item.checkState() is Qt.CheckState.Checked]
        if not names:
            raise ModelError("no output is chosen", remedy="tick the output that holds the embedding")
        output = {"names": names, "flip": self.flip.currentData(), "pfe": self.pfe.isChecked()}
        about = dict(self._spec.about) if self._spec is not None else {}
        return spec_from_mapping({"input": said, "output": output, "about": about})

    def _changed(self, *_: object) -> None:
        if self._filling:
            return
        self.margin.setEnabled(self.template.currentData() == "box")
        self._show_scaling()
        self.edited.emit()

    def _show_scaling(self) -> None:
        said = [set(line.text().replace(" ", "").split(",")) for line in (self.mean, self.std)]
        self.about_scaling.setText("x, 0…255, as it is" if said == [{"0"}, {"1"}] else "with x in 0…255")


def _pixels() -> QSpinBox:
    box = QSpinBox()
    box.setRange(8, 4096)
    box.setKeyboardTracking(False)
    return box


def _choices(items: dict[str, tuple[str, str]]) -> QComboBox:
    box = QComboBox()
    for data, (text, tip) in items.items():
        box.addItem(text, data)
        box.setItemData(box.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
    return box


def _choose(box: QComboBox, data: str) -> None:
    box.setCurrentIndex(max(0, box.findData(data)))


def _numbers_text(values: Sequence[float]) -> str:
    different = values if len(set(values)) > 1 else values[:1]
    return ", ".join(f"{value:g}" if float(f"{value:g}") == value else repr(value) for value in different)


def _numbers(text: str, color: str, what: str) -> list[float]:
    """One number a channel; one alone stands for all."""
    try:
        values = [float(part) for part in text.replace(";", ",").split(",") if part.strip()]
    except ValueError:
        raise ModelError(f"{what} '{text}' is no list of numbers", remedy="write for example 127.5 or 104, 117, 123") \
            from None
    if len(values) == 1 and color != "gray":
        values *= 3
    return values
