"""Export: what a view shows as figure and as data, with a preview of the figure as it will be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from canon_core.errors import CanonError
from canon_core.figures.style import COLUMN_WIDTH, MM, NARROWEST, PAGE_WIDTH, WIDEST
from canon_core.jobs import Lane

from .. import file_choosers
from ..document import Document
from ..exportables import Exportable, ExportChoice
from ..settled import settled
from ..theme import SMALL
from ..views.labels import Note, TextLabel
from ..wording import fault_text
from .ask import confirm
from .figure_preview import PREVIEW_DPI, FigurePicture, FigurePreview, FileSize
from .path_field import PathField

if TYPE_CHECKING:
    from canon_core.jobs import JobContext

_FIGURES = {"pdf": "PDF", "svg": "SVG", "png": "PNG"}
_TABLES = {"csv": "CSV", "latex": "LaTeX", "md": "Markdown"}
_NEEDED, _CUSTOM = "as it needs", "custom"
#: Inches, as a paper's columns are wide.
_WIDTHS = {_NEEDED: 0.0, "one column": COLUMN_WIDTH, "two columns": PAGE_WIDTH, _CUSTOM: 0.0}
_UNITS = {"mm": MM, "inches": 1.0}
_PREVIEW_TOPIC, _WRITE_TOPIC = "preview of a figure", "export"
#: Milliseconds after the last change before the preview is drawn again.
_PAUSE_MS = 200


class ExportDialog(QDialog):
    """Asks, shows the figure as it will be, and writes; it closes when everything is written, and tells faults itself.

    ``choice`` is what was chosen when it was accepted, ``written`` the files.
    """

    def __init__(
        self, document: Document, offers: Sequence[Exportable], folder: Path, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export")
        self._document, self._offers = document, tuple(offers)
        self.choice: ExportChoice | None = None
        self.written: tuple[Path, ...] = ()
        self._writing = False
        self._start = folder
        self._make_fields()
        self.preview = FigurePreview()
        self.fault = Note("")
        self.fault.hide()
        self.buttons = QDialogButtonBox()
        self.export_button = self.buttons.addButton("Export", QDialogButtonBox.ButtonRole.AcceptRole)
        self.cancel_button = self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self._go)
        self.buttons.rejected.connect(self.reject)
        self._pause = settled(self, _PAUSE_MS, self._draw)
        side = QWidget()
        side.setFixedWidth(360)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._form)
        column.addSpacing(6)
        column.addWidget(self.files)
        column.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(side)
        row.addWidget(self.preview, 1)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addLayout(row, 1)
        layout.addWidget(self.fault)
        layout.addWidget(self.buttons)
        self.resize(1000, 560)
        document.closed.connect(self.reject)
        self.finished.connect(self._ended)
        self._offer_chosen()

    def _make_fields(self) -> None:
        self.what = QComboBox()
        self.what.addItems([offer.title for offer in self._offers])
        self.what.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.figures = {key: QCheckBox(text) for key, text in _FIGURES.items()}
        self.tables = {key: QCheckBox(text) for key, text in _TABLES.items()}
        self.figures["pdf"].setChecked(True)
        self.width_chooser = QComboBox()
        for name, inches in _WIDTHS.items():
            text = f"{name} ({inches / MM:.0f} mm)" if inches else name
            self.width_chooser.addItem(text, name)
        self.custom, self.unit = QDoubleSpinBox(), QComboBox()
        self.unit.addItems(list(_UNITS))
        self._unit_now = "mm"
        self.custom.setDecimals(1)
        self.custom.setRange(round(NARROWEST / MM, 1), WIDEST / MM)
        self.custom.setValue(round(COLUMN_WIDTH / MM, 1))
        self.dpi = QSpinBox()
        self.dpi.setRange(50, 1200)
        self.dpi.setValue(300)
        self.dpi.setSuffix(" dpi")
        self.named = QCheckBox()
        self.folder = PathField("folder to write into", file_choosers.choose_output)
        self.name = QLineEdit()
        self.files = TextLabel(muted=True, size=SMALL)
        for widget, name in (
            (self.what, "what is exported"), (self.width_chooser, "width of the figure"),
            (self.custom, "custom width"), (self.unit, "unit of the width"),
            (self.dpi, "resolution of PNG"), (self.name, "name of the files"),
        ):  # fmt: skip
            widget.setAccessibleName(name)
        form = self._form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("What", self.what)
        self._figures_row = _beside(*self.figures.values())
        form.addRow("Figure", self._figures_row)
        self._custom_row = _beside(self.custom, self.unit)
        form.addRow("Width", self.width_chooser)
        form.addRow("", self._custom_row)
        form.addRow("PNG", self.dpi)
        self._tables_row = _beside(*self.tables.values())
        form.addRow("Data", self._tables_row)
        form.addRow("", self.named)
        form.addRow("Folder", self.folder)
        form.addRow("Name", self.name)
        self.what.currentIndexChanged.connect(self._offer_chosen)
        for box in self.figures.values():
            box.toggled.connect(self._redraw)
        for box in self.tables.values():
            box.toggled.connect(self._show_files)
        self.width_chooser.currentIndexChanged.connect(self._redraw)
        self.custom.valueChanged.connect(self._redraw)
        self.unit.currentTextChanged.connect(self._unit_chosen)
        self.dpi.valueChanged.connect(self._redraw)
        self.named.toggled.connect(self._redraw)
        self.folder.line.textChanged.connect(self._show_files)
        self.name.textChanged.connect(self._show_files)

    # -- what is chosen ------------------------------------------------------------------------------------------
    @property
    def offer(self) -> Exportable:
        """What is to be exported."""
        return self._offers[self.what.currentIndex()]

    @property
    def inches(self) -> float | None:
        """Width of the figure; None for a paper's column or page, as it needs."""
        name = self.width_chooser.currentData()
        if name == _CUSTOM:
            return min(max(self.custom.value() * _UNITS[self._unit_now], NARROWEST), WIDEST)
        return _WIDTHS[name] or None

    def _chosen(self) -> ExportChoice | None:
        """Everything that was chosen; None where something lacks."""
        offer, folder, name = self.offer, self.folder.path, self.name.text().strip()
        figures = tuple(key for key, box in self.figures.items() if box.isChecked() and offer.figure is not None)
        tables = tuple(key for key, box in self.tables.items() if box.isChecked() and key in offer.tables)
        if folder is None or self.folder.nobody or not (figures or tables):
            return None
        if offer.everything is None and (not name or Path(name).name != name):
            return None
        return ExportChoice(
            offer, folder, name, figures, tables, self.inches, self.dpi.value(), self.named.isChecked()
        )

    def memory(self) -> dict[str, object]:
        """What the next dialog begins with."""
        return {
            "figures": [key for key, box in self.figures.items() if box.isChecked()],
            "tables": [key for key, box in self.tables.items() if box.isChecked()],
            "width": self.width_chooser.currentIndex(),
            "custom": self.custom.value(),
            "unit": self.unit.currentText(),
            "dpi": self.dpi.value(),
        }

    def recall(self, memory: dict[str, object]) -> None:
        """Begin with what another dialog was left with; names are never asked for by habit."""
        if not memory:
            return
        for part, boxes in (("figures", self.figures), ("tables", self.tables)):
            for key, box in boxes.items():
                box.setChecked(key in cast(list[str], memory[part]))
        self.width_chooser.setCurrentIndex(cast(int, memory["width"]))
        self.unit.setCurrentText(cast(str, memory["unit"]))
        self.custom.setValue(cast(float, memory["custom"]))
        self.dpi.setValue(cast(int, memory["dpi"]))

    # -- showing -------------------------------------------------------------------------------------------------
    def _offer_chosen(self, *_: object) -> None:
        offer, form = self.offer, self._form
        whole = offer.everything is not None
        drawn = offer.figure is not None
        for row in (self._figures_row, self.width_chooser, self.dpi):
            form.setRowVisible(row, drawn)
        for key, box in self.tables.items():
            box.setVisible(key in offer.tables)
        form.setRowVisible(self._tables_row, bool(offer.tables))
        self.named.setText(offer.naming)
        self.named.setChecked(False)
        form.setRowVisible(self.named, bool(offer.naming))
        form.setRowVisible(self.name, not whole)
        if whole:  # as the command does unless told otherwise
            for box in (*self.figures.values(), *self.tables.values()):
                box.setChecked(True)
        elif not drawn:
            self.tables["csv"].setChecked(True)
        contents = self._document.contents
        folder = self._start / f"{contents.name}-export" if whole and contents is not None else self._start
        self.folder.set_path(folder)
        self.name.setText(offer.stem)
        self._redraw()

    def _unit_chosen(self, unit: str) -> None:
        inches = self.custom.value() * _UNITS[self._unit_now]
        self._unit_now, factor = unit, _UNITS[unit]
        self.custom.setDecimals(1 if unit == "mm" else 2)
        self.custom.setSingleStep(1 if unit == "mm" else 0.1)
        self.custom.setRange(NARROWEST / factor, WIDEST / factor)
        self.custom.setValue(inches / factor)

    def _redraw(self, *_: object) -> None:
        self._form.setRowVisible(
            self._custom_row, self.offer.figure is not None and self.width_chooser.currentData() == _CUSTOM
        )
        self.dpi.setEnabled(self.figures["png"].isChecked())
        self._show_files()
        self._pause.start()

    def _show_files(self, *_: object) -> None:
        choice = self._chosen()
        self.export_button.setEnabled(choice is not None and not self._writing)
        if choice is None:
            nobody = f"There is no home folder {self.folder.nobody} here. " if self.folder.nobody else ""
            self.files.setText(f"{nobody}Choose a format, a folder and a name.")
        elif choice.what.everything is not None:
            self.files.setText(f"{self.offer.note}\nWrites the folders figures and tables.")
        else:
            text = "Writes " + ", ".join(path.name for path in choice.paths.values()) + "."
            if self.offer.naming and not choice.named:
                text += "\nNobody is named in it: images and subjects are numbered."
                text += " Faces that it shows can be recognised."
            self.files.setText(f"{self.offer.note}\n{text}".lstrip())

    def _draw(self) -> None:
        offer, width, named, dpi = self.offer, self.inches, self.named.isChecked(), self.dpi.value()
        figure = offer.figure
        bridge = self._document.bridge
        if figure is None:
            bridge.drop(_PREVIEW_TOPIC)
            self.preview.show_words("There are no pictures to draw: the data can be exported.")
            return
        formats = [key for key, box in self.figures.items() if box.isChecked()] if offer.everything is None else []
        self.preview.wait(dpi)

        def work(ctx: JobContext) -> None:
            from canon_core.figures.save import figure_bytes

            drawn = figure(width, named, ctx)
            ctx.check()
            inches = drawn.get_size_inches()
            ctx.partial(FigurePicture(figure_bytes(drawn, "png", PREVIEW_DPI), float(inches[0]), float(inches[1])))
            for form in formats:
                ctx.check()
                ctx.partial(FileSize(form, len(figure_bytes(drawn, form, dpi))))

        def arrived(parts: list[object]) -> None:
            for part in parts:
                self.preview.show_part(part)

        def failed(error: CanonError) -> None:
            self.preview.show_words(fault_text(error))

        bridge.ask(_PREVIEW_TOPIC, work, on_partial=arrived, on_failure=failed, lane=Lane.DRAWING)

    # -- writing -------------------------------------------------------------------------------------------------
    def _go(self) -> None:
        choice = self._chosen()
        if choice is None or self._writing:
            return
        self.fault.hide()
        self._show_writing(True)
        paths = tuple(choice.paths.values())
        self._document.bridge.run_errand(
            lambda: tuple(path for path in paths if path.exists()),
            lambda there: self._ask_whether(choice, there),
            self._failed,
        )

    def _ask_whether(self, choice: ExportChoice, there: tuple[Path, ...]) -> None:
        if not self._writing:  # closed, or cancelled meanwhile
            return
        if not there:
            self._write(choice)
            return
        self._show_writing(False)
        names = ", ".join(path.name for path in there)
        if choice.what.everything is not None:
            text = f"{choice.folder} has {names} already."
            more = "Files of the same name in them are replaced, and others stay."
        else:
            text = f"{names} {'are' if len(there) > 1 else 'is'} already in {choice.folder}."
            more = "What was in there is lost when it is replaced."
        confirm(self, "Replace files", text, more, "Replace", lambda: self._write(choice))

    def _write(self, choice: ExportChoice) -> None:
        if choice.what.everything is not None:
            self.choice = choice
            self.accept()
            return
        self._show_writing(True)
        paths = choice.paths

        def work(ctx: JobContext) -> tuple[Path, ...]:
            from canon_core.figures.save import figure_bytes
            from canon_core.store.output import write_output

            figure = choice.what.figure
            contents: dict[str, bytes] = {}
            if choice.figures and figure is not None:
                drawn = figure(choice.width, choice.named, ctx)
                for form in choice.figures:
                    ctx.check()
                    contents[form] = figure_bytes(drawn, form, choice.dpi)
            ctx.check()
            choice.folder.mkdir(parents=True, exist_ok=True)
            for form, data in contents.items():
                write_output(paths[form], data)
            for form in choice.tables:
                choice.what.tables[form](paths[form], choice.named)
            return tuple(paths.values())

        def done(files: tuple[Path, ...]) -> None:
            self.choice, self.written = choice, files
            self.accept()

        self._document.bridge.ask(_WRITE_TOPIC, work, on_result=done, on_failure=self._failed, lane=Lane.DRAWING)

    def _failed(self, error: CanonError) -> None:
        if not self._writing:  # closed meanwhile
            return
        self.fault.label.setText(fault_text(error))
        self.fault.show()
        self._show_writing(False)

    def _show_writing(self, writing: bool) -> None:
        self._writing = writing
        for row in range(self._form.rowCount()):
            item = self._form.itemAt(row, QFormLayout.ItemRole.FieldRole)
            if item is not None and item.widget() is not None:
                item.widget().setEnabled(not writing)
        self.dpi.setEnabled(not writing and self.figures["png"].isChecked())
        self.export_button.setText("Writing…" if writing else "Export")
        self.export_button.setEnabled(not writing and self._chosen() is not None)

    def _ended(self) -> None:
        self._writing = False
        self._pause.stop()
        for topic in (_PREVIEW_TOPIC, _WRITE_TOPIC):
            self._document.bridge.drop(topic)


def _beside(*widgets: QWidget) -> QWidget:
    both = QWidget()
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(12)
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch(1)
    return both
