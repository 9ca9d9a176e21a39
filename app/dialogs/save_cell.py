"""A cell's map, or its scores, as a file for other programs: what ``canon map fit`` and ``canon scores`` write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QFormLayout, QPushButton, QVBoxLayout, QWidget

from canon_core.errors import CanonError
from canon_core.figures.numbers import tar_text
from canon_core.jobs import JobContext
from canon_core.study.results import Features, FitMode, MatrixSettings, far_text, few_pairs_text

from ..chosen_cell import ChosenCell
from ..document import Document
from ..theme import SMALL
from ..views.cell_commands import map_command, scores_command
from ..views.labels import TextLabel
from .ask import confirm
from .job_dialog import FieldsPage, JobDialog, described
from .path_field import Chooser, PathField

if TYPE_CHECKING:
    from canon_core.experiments.scores import ScoresReport
    from canon_core.maps.portable import PortableMap

#: Told what was written, in a sentence, and where.
Told = Callable[[str, Path], None]


class SaveCell(JobDialog):
    """Asks for a file, and has it written by a job. A file that is there already is replaced only when asked."""

    endings: ClassVar[tuple[str, ...]]

    def __init__(
        self, document: Document, chosen: ChosenCell, title: str, choose: Chooser, told: Told, parent: QWidget | None
    ) -> None:
        super().__init__(document, title, "Save", parent)
        self.resize(640, 270)
        self._chosen, self._told = chosen, told
        self._rule = document.state.rule
        self._looking = False  # whether the file is there
        self.file = PathField("file to write", choose)
        self.about_file = TextLabel(muted=True, size=SMALL)
        self.about = TextLabel()
        self.command_button = QPushButton("Copy as canon command")
        self.command_button.setAutoDefault(False)
        self.command_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command))
        self.file.line.textChanged.connect(self._show_file)

    def _lay_out_fields(self, *more: tuple[str, QWidget]) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("File", described(self.file, self.about_file))
        for text, field in more:
            form.addRow(text, field)
        form.addRow("", self.command_button)
        page = FieldsPage()
        column = QVBoxLayout(page)
        column.setContentsMargins(4, 4, 8, 4)
        column.addWidget(self.about)
        column.addSpacing(8)
        column.addLayout(form)
        column.addStretch(1)
        self._lay_out(page)
        source, target = self._chosen.pair
        contents = self._document.contents
        folder = contents.path.parent if contents is not None else Path.home()
        self.file.set_path(folder / f"{_as_file(self._stem(source, target))}{self.endings[0]}")
        self._show_file()

    def _stem(self, source: str, target: str) -> str:
        raise NotImplementedError

    @property
    def settings(self) -> MatrixSettings:
        """Of the cell, as the command has them."""
        return replace(self._chosen.matrix.settings, models=tuple(dict.fromkeys(self._chosen.pair)))

    @property
    def command(self) -> str:
        """The command that writes the same file."""
        raise NotImplementedError

    @property
    def ready(self) -> bool:
        return self.file.path is not None and self.file.path.suffix.casefold() in self.endings

    @property
    def _study(self) -> str:
        contents = self._document.contents
        return str(contents.path) if contents is not None else ""

    @property
    def _out(self) -> Path:
        path = self.file.path
        assert path is not None
        return path.absolute()

    def _show_file(self, *_: object) -> None:
        self.about_file.setText(
            self._about_file() if self.ready else f"Give a file that ends in {' or '.join(self.endings)}."
        )
        self.command_button.setEnabled(self.ready)
        self._show_ready()

    def _about_file(self) -> str:
        raise NotImplementedError

    def _go(self) -> None:
        if not self.ready or self._looking or self._job:
            return
        path = self._out
        self._look(True)

        def looked(there: bool) -> None:
            if self._closed:
                return
            self._look(False)
            if there:
                more = "What was in there is lost when it is replaced."
                confirm(self, "Replace file", f"{path.name} is already in {path.parent}.", more, "Replace", self._write)
            else:
                self._write()

        def failed(error: CanonError) -> None:
            if not self._closed:
                self._look(False)
            self._failed(error)

        self._document.bridge.run_errand(path.exists, looked, failed)

    def _look(self, looking: bool) -> None:
        """The file that is looked for is the one that is written, once: meanwhile nothing can be changed."""
        self._looking = looking
        self._fields.setEnabled(not looking)
        self.add_button.setEnabled(not looking and self.ready)

    def _write(self) -> None:
        if not self._job:
            super()._go()

    def _submit(self, title: str, work: Callable[[JobContext], object], written: Callable[[Any], None]) -> int:
        """Begin the job that writes the file, and its number; it can be begun again after the dialog is gone."""

        def begin() -> int:
            self._job = self._document.bridge.submit(
                title,
                work,
                on_result=written,
                on_failure=self._failed,
                on_cancelled=self._cancelled,
                resume=begin,
            )
            return self._job

        return begin()


class SaveMap(SaveCell):
    """The map that takes the source's embeddings into the target's space, fitted on all there is."""

    endings = (".onnx", ".npz")

    def __init__(
        self, document: Document, chosen: ChosenCell, choose: Chooser, told: Told, parent: QWidget | None = None
    ) -> None:
        super().__init__(document, chosen, "Save map", choose, told, parent)
        source, target = chosen.pair
        settings = self.settings
        entry = document.dataset
        images = "enrolment images" if entry is not None and entry.has_templates else "images"
        self.about.setText(
            f"The {settings.map} map from {source} to {target}, fitted on all {images} of '{settings.dataset}'. With it"
            " go its TARs as the matrix measures such maps"
            f" (fit {settings.mode}{_seed(settings)}, {self._rule}, unit norm), so that whoever uses it knows what it"
            " promises; canon map apply takes embeddings through the file. It makes leaked embeddings usable with other"
            " tools: keep it as you keep embeddings."
        )
        self._lay_out_fields()

    def _stem(self, source: str, target: str) -> str:
        return f"{source}-to-{target}-{self.settings.map}"

    @property
    def settings(self) -> MatrixSettings:
        return replace(super().settings, features=Features.PAPER)

    @property
    def command(self) -> str:
        return map_command(self._study, self.settings, self._rule, str(self._out))

    def _about_file(self) -> str:
        if self._out.suffix.casefold() == ".npz":
            return "NumPy: the matrix (and an affine map's offset), and what was measured."
        return "ONNX: takes embeddings of any norm and gives them mapped, of norm 1. A file in .npz holds the matrix."

    def _begin(self) -> int:
        study, settings, rule, out = self._document.study, self.settings, self._rule, self._out
        assert study is not None

        def work(ctx: JobContext) -> PortableMap:
            from canon_core.experiments.portable_map import fit_portable_map
            from canon_core.models.map_file import write_map

            portable = fit_portable_map(study, settings, rule, ctx)
            ctx.check()
            write_map(out, portable)
            return portable

        def written(portable: PortableMap) -> None:
            self._done(portable)
            self._told(_map_sentence(portable, out), out.parent)

        return self._submit(f"Save the map of {' → '.join(settings.models)}", work, written)


class SaveScores(SaveCell):
    """Every pair of the cell with its label, its ids and its score."""

    endings = (".h5", ".csv")

    def __init__(
        self, document: Document, chosen: ChosenCell, choose: Chooser, told: Told, parent: QWidget | None = None
    ) -> None:
        super().__init__(document, chosen, "Save scores", choose, told, parent)
        cell, settings, entry = chosen.cell, self.settings, document.dataset
        source, target = chosen.pair
        who = f"{source} by itself" if cell.single else f"{source} → {target} (map {settings.map})"
        self.about.setText(
            f"All {cell.genuine + cell.impostors:,} pairs of {who} on '{settings.dataset}', fit"
            f" {settings.mode}{_seed(settings)}: columns p1, p2, genuine, score and half."
        )
        self.named = QCheckBox("Name images by their paths")
        self.named.setToolTip("Else images are numbers, and nobody is named in the file")
        templates = entry is not None and entry.has_templates
        self._lay_out_fields(*(() if templates else (("", self.named),)))

    def _stem(self, source: str, target: str) -> str:
        cell = source if source == target else f"{source}-to-{target}-{self.settings.map}"
        return f"{cell}-scores"

    @property
    def command(self) -> str:
        return scores_command(self._study, self.settings, self._rule, str(self._out), named=self.named.isChecked())

    def _about_file(self) -> str:
        if self._out.suffix.casefold() == ".csv":
            return "Text: ten decimals, the settings in lines that begin with #. HDF5 (.h5) is smaller and exact."
        return "HDF5: an array a column, the settings as attributes. CSV (.csv) is text, and larger."

    def _begin(self) -> int:
        study, settings, rule, out = self._document.study, self.settings, self._rule, self._out
        named = self.named.isChecked()
        assert study is not None

        def work(ctx: JobContext) -> ScoresReport:
            from canon_core.experiments.scores import export_scores

            return export_scores(study, settings, rule, out, ctx, with_ids=named)

        def written(report: ScoresReport) -> None:
            self._done(report)
            self._told(
                f"{out} was written: {report.pairs:,} pairs ({report.genuine:,} genuine); {report.naming}.", out.parent
            )

        return self._submit(f"Save the scores of {' → '.join(settings.models)}", work, written)


def _map_sentence(portable: PortableMap, out: Path) -> str:
    origin, fitted = portable.origin, portable.mapping
    tars = ", ".join(f"{tar_text(point.tar)} at {far_text(point.far)}" for point in origin.measured[:3])
    few = few_pairs_text(fitted.pairs / portable.source_dimensions, fitted.kind)
    return (
        f"{out} was written: {fitted.kind} map from '{origin.source.name}' ({portable.source_dimensions} dimensions) to"
        f" '{origin.target.name}' ({portable.target_dimensions}), fitted on {origin.fitted_on}. Maps of its kind reach"
        f" TAR {tars} (fit {origin.mode}, {origin.rule})." + (f" Note: {few}." if few else "")
    )


def _seed(settings: MatrixSettings) -> str:
    return f" (seed {settings.seed})" if settings.mode is FitMode.DISJOINT else ""


def _as_file(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
