"""Everything behind what is chosen: a cell's numbers with their settings, a model's spec, a dataset's problems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from canon_core.figures.numbers import tar_text
from canon_core.maps.kinds import MapKind
from canon_core.models.spec import ModelSpec, spec_to_toml
from canon_core.study.results import (
    FEW_PAIRS_PER_DIMENSION,
    Cell,
    Fit,
    FitMode,
    Matrix,
    far_text,
    settings_line,
)
from canon_core.study.study import DatasetEntry, ModelEntry
from canon_core.verification.roc import FarRule

from ..theme import LARGE, SMALL
from .labels import Note, SettingsLabel, TextLabel
from .shown_matrix import number_text, rate_text, title_of, why_missing
from .spectrum import Spectrum

#: False accepts below which a threshold depends on chance more than on the models.
_FEW_IMPOSTORS = 30
#: Images named before the rest is only counted.
_NAMED_PROBLEMS = 200


class LeftOut(Protocol):
    """An image (or pair) that a dataset leaves out, and why."""

    @property
    def image(self) -> str: ...

    @property
    def reason(self) -> str: ...


class Inspector(QScrollArea):
    """Shows one thing at a time; everything in it can be selected and copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Inspector")
        self._shown: object = None
        self.show_nothing()

    def sizeHint(self) -> QSize:
        return QSize(360, 520)

    def text(self) -> str:
        """Everything shown, as plain lines."""
        page = self.widget()
        return "" if page is None else "\n".join(label.text() for label in page.findChildren(TextLabel))

    def show_nothing(self) -> None:
        """Say what could be shown."""
        if self._shown == "nothing":
            return
        page = _Page()
        page.muted("Choose a cell of the matrix, a model or a dataset: what is behind it appears here.")
        self._show("nothing", page)

    # -- a cell --------------------------------------------------------------------------------------------------
    def show_cell(self, cell: Cell, matrix: Matrix, rule: FarRule) -> None:
        """Show a cell at every FAR, how its maps were fitted, and what to know before trusting it."""
        shown = ("cell", cell, matrix.settings, rule, matrix.weaker(cell.source, cell.target, _any_far(matrix), rule))
        if shown == self._shown:
            return
        page = _Page()
        page.title(title_of(cell.source, cell.target))
        settings = matrix.settings
        if cell.single:
            page.muted(f"Single model, scored on the pools of fit mode {settings.mode}.")
        else:
            kind = "no map (raw embeddings)" if settings.map is MapKind.NONE else f"{settings.map} map"
            mapped = "" if settings.map is MapKind.NONE else " and the map"
            how = f"image i through {cell.source}{mapped}, image j through {cell.target}"
            page.muted(f"{kind}, fit mode {settings.mode}: {how}.")
        for text in _warnings(cell, matrix):
            page.note(text)
        page.heading(f"True accept rates, FAR rule {rule}")
        page.table(("FAR", "TAR", "achieved FAR", "threshold", "subjects alike"), _readings(cell, matrix, rule))
        if _unresolved(cell, rule):
            page.muted("* fewer than 30 impostor pairs decide: depends on chance")
        weaker = [matrix.weaker(cell.source, cell.target, far, rule) for far in settings.far]
        if not cell.single and any(value is not None for value in weaker):
            page.heading("Against the weaker model by itself")
            rows = []
            for far, own in zip(settings.far, weaker, strict=True):
                tar = matrix.tar(cell.source, cell.target, far, rule)
                gap = "–" if own is None or tar is None else f"{tar - own:+.3f}".replace("-", "−")
                rows.append((far_text(far), tar_text(own), gap))
            page.table(("FAR", "weaker model", "difference"), rows)
        halves = [reading.halves for reading in cell.readings[rule]]
        if any(halves):
            page.heading("Each half by itself, with its own threshold")
            page.table(
                ("FAR", "TAR half 1", "TAR half 2"),
                [
                    (far_text(far), *(tar_text(half.tar) for half in both))
                    for far, both in zip(settings.far, halves, strict=True)
                ],
            )
        page.heading("Pairs")
        page.facts(
            ("genuine", f"{cell.genuine:,}"),
            ("impostor", f"{cell.impostors:,}"),
            ("EER", number_text(cell.eer)),
            ("AUC", number_text(cell.auc, 5)),
        )
        if not math.isnan(cell.largest_subject_share):
            page.facts(
                ("largest subject", f"{cell.largest_subject}, {cell.largest_subject_share:.1%} of genuine pairs")
            )
        if cell.left_out:
            page.facts(("left out", f"{cell.left_out:,} images without a usable embedding"))
        if cell.fits:
            self._fits(page, cell.fits)
        page.settings(settings_line(matrix, rule))
        self._show(shown, page)

    def _fits(self, page: _Page, fits: Sequence[Fit]) -> None:
        names = ("fit", *(f"on half {2 - number}" if len(fits) > 1 else "on all" for number in range(len(fits))))
        page.heading("How the map was fitted")
        page.table(
            names,
            [
                ("fit pairs", *(f"{fit.pairs:,}" for fit in fits)),
                ("pairs a dimension", *(f"{fit.pairs_per_dimension:.1f}" for fit in fits)),
                ("rank", *(f"{fit.rank:,}" for fit in fits)),
                ("condition", *(f"{fit.condition:.3g}" for fit in fits)),
                ("residual (1 − cos)", *(number_text(fit.residual) for fit in fits)),
                ("R²", *(number_text(fit.r2) for fit in fits)),
            ],
        )
        outside = fits[0].held_out
        images = " and ".join(f"{fit.residual_pairs:,}" for fit in fits)
        where = "outside its fit" if outside else "it was fitted on (in-sample)"
        page.muted(f"Residual and R² on {images} images {where}.")
        page.heading("Singular values of the map")
        page.widget(Spectrum([fit.singular_values for fit in fits]))

    def show_missing(self, source: str, target: str, matrix: Matrix, *, pending: bool = False) -> None:
        """Say why a cell has no number."""
        page = _Page()
        page.title(title_of(source, target))
        why = why_missing(matrix, (source, target), pending=pending)
        page.text(why[:1].upper() + why[1:] + ".")
        self._show(("missing", source, target, pending, why), page)

    # -- a model, a dataset --------------------------------------------------------------------------------------
    def show_model(self, entry: ModelEntry) -> None:
        """Show a network: its size, where its preprocessing comes from, and what that is."""
        if self._shown == ("model", entry):
            return
        page = _Page()
        page.title(entry.name)
        page.muted(str(entry.file))
        page.facts(
            ("dimensions", f"{entry.dimensions:,}"),
            ("parameters", f"{entry.parameters:,} ({entry.parameters / 1e6:.2f} M)"),
            ("MACs an image", f"{entry.macs / 1e6:,.1f} M"),
            ("FLOPs an image", f"{entry.flops / 1e6:,.1f} M"),
        )
        page.muted("Counted from the graph at the real input size; the paper's Table 2 mixes MACs and FLOPs.")
        page.heading("Preprocessing")
        page.text("Read off the graph" if entry.origin == "inferred" else f"From {entry.origin}")
        for note in entry.notes:
            page.muted(note)
        page.code(spec_to_toml(ModelSpec(input=entry.spec.input, output=entry.spec.output)).strip())
        if entry.spec.about:
            page.heading("About")
            page.facts(*((name.replace("_", " "), str(value)) for name, value in entry.spec.about.items()))
        page.muted(f"SHA-256 {entry.sha256[:32]} {entry.sha256[32:]}")
        self._show(("model", entry), page)

    def show_dataset(self, entry: DatasetEntry, problems: Sequence[LeftOut]) -> None:
        """Show a dataset: counts, alignment, what was recognised, and what was left out by name."""
        shown = ("dataset", entry, len(problems))
        if self._shown == shown:
            return
        page = _Page()
        page.title(entry.name)
        page.muted(str(entry.path))
        page.facts(
            ("format", entry.format),
            ("images", f"{entry.images:,}"),
            ("subjects", f"{entry.subjects:,}"),
            ("alignment", _ALIGNMENT.get(entry.alignment or "", "none: networks that want aligned faces refuse it")),
            ("folds", f"{entry.fold_pairs:,} pairs" if entry.has_folds else "none"),
        )
        for note in entry.notes:
            page.muted(note)
        if entry.problems:
            page.heading(f"Left out: {entry.problems:,}")
            for problem in problems[:_NAMED_PROBLEMS]:
                page.text(f"{problem.image}: {problem.reason}")
            if len(problems) > _NAMED_PROBLEMS:
                page.muted(f"… and {len(problems) - _NAMED_PROBLEMS:,} more; `canon info --json -` lists all.")
        self._show(shown, page)

    def _show(self, shown: object, page: _Page) -> None:
        self._shown = shown
        page.end()
        old = self.takeWidget()
        if old is not None:
            old.deleteLater()
        self.setWidget(page)


_ALIGNMENT = {
    "landmarks": "five landmarks an image",
    "arcface": "images are 112×112 ArcFace crops",
    "whole": "none: whole images (numbers that mean little)",
}


class _Page(QWidget):
    """Sections of text from top to bottom."""

    def __init__(self) -> None:
        super().__init__()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(12, 10, 12, 12)
        self._layout.setSpacing(6)

    def title(self, text: str) -> None:
        self._layout.addWidget(TextLabel(text, size=LARGE, bold=True))

    def heading(self, text: str) -> None:
        self._layout.addSpacing(8)
        self._layout.addWidget(TextLabel(text, bold=True))

    def text(self, text: str) -> None:
        self._layout.addWidget(TextLabel(text))

    def muted(self, text: str) -> None:
        self._layout.addWidget(TextLabel(text, muted=True, size=SMALL))

    def settings(self, text: str) -> None:
        self._layout.addSpacing(8)
        label = SettingsLabel()
        label.setText(text)
        self._layout.addWidget(label)

    def note(self, text: str) -> None:
        self._layout.addWidget(Note(text))

    def widget(self, widget: QWidget) -> None:
        self._layout.addWidget(widget)

    def code(self, text: str) -> None:
        label = TextLabel(text, size=SMALL)
        font = label.font()
        font.setFamilies(["monospace"])
        label.setFont(font)
        self._layout.addWidget(label)

    def facts(self, *facts: tuple[str, str]) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        grid.setColumnMinimumWidth(0, max(self._width(name) for name in (*(fact[0] for fact in facts), "0" * 14)))
        for row, (name, value) in enumerate(facts):
            label = TextLabel(name, muted=True)
            grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(TextLabel(value), row, 1)
        self._layout.addLayout(grid)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(3)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom
        grid.setColumnMinimumWidth(0, max((self._width(row[0]) for row in rows), default=0))
        for column, name in enumerate(columns):
            header = TextLabel(name, muted=True, size=SMALL)
            header.setAlignment(right if column else Qt.AlignmentFlag.AlignBottom)
            grid.addWidget(header, 0, column)
            grid.setColumnStretch(column, 3 if column else 2)
        for number, row in enumerate(rows, 1):
            for column, value in enumerate(row):
                label = TextLabel(value)
                label.setWordWrap(False)
                if column:
                    label.setAlignment(right)
                grid.addWidget(label, number, column)
        self._layout.addLayout(grid)

    def _width(self, text: str) -> int:
        return self.fontMetrics().horizontalAdvance(text) + 2

    def end(self) -> None:
        self._layout.addStretch(1)


def _any_far(matrix: Matrix) -> float:
    return matrix.settings.far[0]


def _readings(cell: Cell, matrix: Matrix, rule: FarRule) -> list[tuple[str, ...]]:
    rows = []
    for far, reading in zip(matrix.settings.far, cell.readings[rule], strict=True):
        point = reading.point
        star = "*" if point.false_accepts < _FEW_IMPOSTORS else ""
        rows.append(
            (
                far_text(far),
                tar_text(point.tar) + star,
                rate_text(point.far),
                number_text(point.threshold),
                tar_text(reading.subject_tar),
            )
        )
    return rows


def _unresolved(cell: Cell, rule: FarRule) -> bool:
    return any(reading.point.false_accepts < _FEW_IMPOSTORS for reading in cell.readings[rule])


def _warnings(cell: Cell, matrix: Matrix) -> list[str]:
    """What the reader should know before trusting the number."""
    found = []
    mode, kind = matrix.settings.mode, matrix.settings.map
    if cell.fits:
        fewest = min(fit.pairs_per_dimension for fit in cell.fits)
        if fewest < FEW_PAIRS_PER_DIMENSION and kind is not MapKind.ROTATION:
            found.append(
                f"Only {fewest:.1f} fit pairs a source dimension. Below {FEW_PAIRS_PER_DIMENSION:.0f}, a {kind} map"
                " learns the noise of the images it is fitted on. Out of sample a rotation, with half as many free"
                " numbers, then scores higher, against the paper's order: the paper scores the mapped side on the"
                " images its map was fitted on. Fit mode in-sample shows that order."
            )
        elif fewest < FEW_PAIRS_PER_DIMENSION:
            found.append(
                f"Only {fewest:.1f} fit pairs a source dimension. Below {FEW_PAIRS_PER_DIMENSION:.0f}, a rotation"
                " usually scores higher than a linear map out of sample, against the paper's order: it has half as"
                " many free numbers to learn noise with. In-sample figures hide this."
            )
    if mode is FitMode.IN_SAMPLE and cell.fits:
        found.append(
            "In-sample: the map was fitted on the very images it is scored on, which flatters it. Fit mode disjoint is"
            " free of that."
        )
    if cell.largest_subject_share > 0.25:
        found.append(
            f"One subject has {cell.largest_subject_share:.0%} of the genuine pairs: read the column “subjects alike”"
            " too, in which every subject counts the same."
        )
    return found
