"""What a view shows, as the engine draws and tabulates it: the offers that the export dialog lets one choose among."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from canon_core.study.results import far_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from canon_core.embedding.contact_sheet import ContactSheet
    from canon_core.experiments.overlay_details import OverlayDetails
    from canon_core.experiments.overlay_look import LookedAt, OverlayLook
    from canon_core.experiments.two_faces import Comparison
    from canon_core.figures.cmc_figure import CmcCurve
    from canon_core.figures.curve import Curve
    from canon_core.figures.histogram_figure import CountAxis
    from canon_core.jobs import JobContext
    from canon_core.study.group_results import GroupRates
    from canon_core.study.identification_results import IdentificationMatrix
    from canon_core.study.overlay_results import Overlay
    from canon_core.study.results import FoldMatrix, Matrix
    from canon_core.study.study import Study
    from canon_core.verification.roc import FarRule
    from canon_core.verification.score_histogram import ScoreHistogram

    from .views.pair_view import PairView
    from .views.score_histogram import CellScores
    from .views.sensitivity_view import SensitivityShown

#: Words of the box that asks for names; none of them are in a file unless it is ticked.
_NAME_BOTH = "Name images and subjects"
_NAME_IMAGES = "Name images"

#: Draws a figure of so many inches (None: a paper's column or page, as it needs), with names or without.
Draw = Callable[["float | None", bool, "JobContext"], "Figure"]
#: Writes a table into a file, with names or without.
Write = Callable[[Path, bool], None]


@dataclass(frozen=True, eq=False)
class Exportable:
    """Something that can be written to files. Its functions are called in the engine's threads.

    Attributes
    ----------
    title : str
    name : str
        Of its files, without suffix, unless another is chosen.
    figure : callable or None
        None where there is nothing to draw.
    tables : mapping
        Format (``csv``, ``latex``, ``md``) → what writes it.
    naming : str
        Asks whether images and subjects are named; empty where nobody is.
    note : str
        What should be known of it.
    everything : callable or None
        Writes a folder of files instead: called in the window's thread with what was chosen.
    """

    title: str
    name: str
    figure: Draw | None = None
    tables: Mapping[str, Write] = field(default_factory=dict)
    naming: str = ""
    note: str = ""
    everything: Callable[[ExportChoice], None] | None = None

    @property
    def stem(self) -> str:
        """The name with letters that every file system takes."""
        return "".join(character if character.isalnum() or character in "-_." else "_" for character in self.name)


@dataclass(frozen=True, eq=False)
class ExportChoice:
    """What was chosen in the dialog. ``width`` in inches; None is a paper's column or page, as the figure needs."""

    what: Exportable
    folder: Path
    name: str
    figures: tuple[str, ...]
    tables: tuple[str, ...]
    width: float | None
    dpi: int
    named: bool

    @property
    def paths(self) -> dict[str, Path]:
        """The file of each format, figures first; of everything the folders."""
        if self.what.everything is not None:
            return {part: self.folder / part for part in ("figures", "tables") if getattr(self, part)}
        suffixes = {key: key for key in self.figures} | {key: TABLE_SUFFIXES[key] for key in self.tables}
        return {key: self.folder / f"{self.name}.{suffix}" for key, suffix in suffixes.items()}


TABLE_SUFFIXES = {"csv": "csv", "latex": "tex", "md": "md"}


# -- of every view ---------------------------------------------------------------------------------------------------
def matrix_export(matrix: Matrix, far: float, rule: FarRule, *, difference: bool) -> Exportable:
    """The matrix at one FAR, as TAR or as the difference to the weaker model."""
    from canon_core.experiments.export import matrix_stem

    def figure(width: float | None, _named: bool, _ctx: JobContext) -> Figure:
        from canon_core.figures.matrix_figure import matrix_figure

        return matrix_figure(matrix, far, rule, difference=difference, width=width)

    def table(form: str) -> Write:
        from canon_core.figures.tables import matrix_table

        return _text(lambda _named: matrix_table(matrix, far, rule, form, difference=difference))

    what = "difference" if difference else "matrix"
    return Exportable(
        f"{'Difference to the weaker model' if difference else 'TAR matrix'} at FAR {far_text(far)}",
        f"{matrix_stem(matrix.settings, rule)}-{what}-far-{far_text(far)}",
        figure,
        {form: table(form) for form in TABLE_SUFFIXES},
    )


def everything_export(
    matrix: Matrix, far: float, rule: FarRule, missing: int, cells: int, write: Callable[[ExportChoice], None]
) -> Exportable:
    """What ``canon export`` writes: the matrix, drawn at this FAR and where enough pairs decide it, the curves of every
    model and of the chosen cells, and the tables."""
    from canon_core.experiments.export import drawn_fars

    def figure(width: float | None, _named: bool, _ctx: JobContext) -> Figure:
        from canon_core.figures.matrix_figure import matrix_figure

        return matrix_figure(matrix, far, rule, width=width)

    tables = dict.fromkeys(TABLE_SUFFIXES, _text(lambda _named: ""))
    drawn = "" if missing else f" ({', '.join(map(far_text, drawn_fars(matrix, rule, far)))})"
    selected = {0: "", 1: " and of the chosen cell"}.get(cells, f" and of the {cells:,} chosen cells")
    note = (
        f"Matrices at FAR {far_text(far)}, which is previewed, and wherever enough impostor pairs decide{drawn}; ROC"
        f" and DET curves of every model{selected}; tables at every FAR: what canon export writes."
    )
    if missing:
        note += f" {missing:,} cells are not computed yet; they are computed first."
    return Exportable("Everything of the matrix", "", figure, tables, note=note, everything=write)


def curves_export(
    matrix: Matrix, rule: FarRule, curves: Sequence[Curve], settings_line: str, *, det: bool
) -> Exportable:
    """ROC or DET curves of the chosen cells."""
    from canon_core.experiments.export import matrix_stem

    def figure(width: float | None, _named: bool, _ctx: JobContext) -> Figure:
        from canon_core.figures.roc_figure import roc_figure

        return roc_figure(curves, det=det, settings_line=settings_line, width=width)

    def table(path: Path, _named: bool) -> None:
        from canon_core.figures.roc_table import roc_csv
        from canon_core.store.output import write_output

        write_output(path, roc_csv(curves, settings_line))

    kind = "det" if det else "roc"
    stem = matrix_stem(matrix.settings, rule)
    return Exportable(f"{kind.upper()} curves shown", f"{stem}-{kind}-selected", figure, {"csv": table})


def scores_export(
    dataset: str, shown: CellScores, histogram: ScoreHistogram, axis: CountAxis, settings_line: str
) -> Exportable:
    """The histogram, and all its bins as they are stored."""

    def figure(width: float | None, _named: bool, _ctx: JobContext) -> Figure:
        from canon_core.figures.histogram_figure import histogram_figure

        return histogram_figure(
            shown.histogram, axis=axis, threshold=shown.threshold, title=shown.title, settings_line=settings_line,
            width=width,
        )  # fmt: skip

    def table(_named: bool) -> str:
        from canon_core.figures.statistics_tables import histogram_csv

        return histogram_csv(histogram, settings_line)

    name = f"{dataset}-{shown.title.replace(' → ', '-')}-scores"
    return Exportable(f"Scores of {shown.title}", name, figure, {"csv": _text(table)})


def search_export(
    found: IdentificationMatrix, curves: Sequence[CmcCurve], rule: FarRule, settings_line: str
) -> Exportable:
    """CMC curves, and every number of the identification."""

    def figure(width: float | None, _named: bool, _ctx: JobContext) -> Figure:
        from canon_core.figures.cmc_figure import cmc_figure

        return cmc_figure(curves, settings_line=settings_line, width=width)

    def table(_named: bool) -> str:
        from canon_core.figures.statistics_tables import identification_csv

        return identification_csv(found, rule)

    settings = found.settings
    name = f"{settings.dataset}-{settings.map}-{settings.mode}-1N"
    return Exportable("CMC curves shown (data: every cell)", name, figure, {"csv": _text(table)})


def groups_export(found: GroupRates) -> Exportable:
    """Rates of groups with their counts and intervals."""

    def figure(width: float | None, _named: bool, _ctx: JobContext) -> Figure:
        from canon_core.figures.group_figure import group_figure

        return group_figure(found, width=width)

    def table(_named: bool) -> str:
        from canon_core.figures.statistics_tables import groups_csv

        return groups_csv(found)

    settings = found.settings
    name = f"{settings.matrix.dataset}-{settings.source}-{settings.target}-{settings.covariate}"
    return Exportable(f"Errors by {settings.covariate}", name, figure, {"csv": _text(table)})


def folds_export(found: FoldMatrix) -> Exportable:
    """Fold accuracies of all cells that are known."""

    def table(_named: bool) -> str:
        from canon_core.figures.statistics_tables import folds_csv

        return folds_csv(found)

    name = f"{found.settings.dataset}-{found.settings.map}-folds"
    return Exportable("Fold accuracies (every cell that is known)", name, None, {"csv": _text(table)})


def sensitivity_export(dataset: str, shown: SensitivityShown) -> Exportable:
    """Curves over the number of fit pairs, and every repetition behind them."""

    def figure(width: float | None, _named: bool, _ctx: JobContext) -> Figure:
        from canon_core.figures.sensitivity_figure import sensitivity_figure

        return sensitivity_figure(shown.results, shown.rule, width, far=shown.far, among=shown.among)

    def table(_named: bool) -> str:
        from canon_core.figures.statistics_tables import sensitivity_csv

        return sensitivity_csv(shown.results, shown.rule)

    name = f"{dataset}-sensitivity"
    return Exportable("Curves shown (data: every cell and FAR)", name, figure, {"csv": _text(table)})


def overlay_export(
    study: Study, shown: Overlay, details: OverlayDetails | None, look: OverlayLook
) -> Exportable:
    """Both layouts side by side, and the coordinates, of the points that are seen."""

    def seen(named: bool) -> LookedAt:
        from canon_core.experiments.overlay_look import looked_at

        return looked_at(shown, details, look, named=named)

    def figure(width: float | None, named: bool, _ctx: JobContext) -> Figure:
        from canon_core.figures.overlay_figure import overlay_figure

        found = seen(named)
        return overlay_figure(shown, found.colouring, left=found.words, lines=look.lines, width=width)

    def table(path: Path, named: bool) -> None:
        from canon_core.experiments.overlay_export import export_overlay

        export_overlay(study, shown, path, with_ids=named, seen=seen(named))

    settings = shown.settings
    name = f"{'-'.join(settings.datasets[:3])}-{'-'.join(settings.sources[:3])}-{settings.target}-{settings.method}"
    return Exportable("Overlay, before and after", name, figure, {"csv": table}, naming=_NAME_BOTH)


def pairs_export(study: Study, dataset: str, view: PairView) -> Exportable | None:
    """The pairs that are listed: their faces, and their scores."""
    shown, pairs, line, aligned = view.shown, view.pairs, view.settings_line, view.aligned
    if shown is None or not pairs:
        return None
    thresholds = shown.thresholds

    def figure(width: float | None, named: bool, ctx: JobContext) -> Figure:
        from canon_core.experiments.shown_faces import pairs_figure

        return pairs_figure(
            study.faces(dataset), pairs, thresholds, settings_line=line, named=named, aligned=aligned, width=width,
            ctx=ctx,
        )  # fmt: skip

    def table(named: bool) -> str:
        from canon_core.experiments.pairs import pairs_csv

        return pairs_csv(pairs, thresholds, line, names=named)

    kind, _ = view.listing
    name = f"{dataset}-{shown.source}-{shown.target}-{kind}".replace(" ", "-")
    drawn = figure if shown.pictures else None
    return Exportable("Pairs listed", name, drawn, {"csv": _text(table)}, naming=_NAME_BOTH)


def faces_export(dataset: str, model: str, sheet: ContactSheet, rows: Sequence[int], settings_line: str) -> Exportable:
    """A contact sheet, and which images it shows."""

    def figure(width: float | None, named: bool, _ctx: JobContext) -> Figure:
        from canon_core.experiments.shown_faces import sheet_figure

        return sheet_figure(sheet, rows, settings_line=settings_line, named=named, width=width)

    def table(named: bool) -> str:
        from canon_core.experiments.shown_faces import sheet_csv

        return sheet_csv(sheet, rows, settings_line=settings_line, named=named)

    return Exportable(
        "Faces shown", f"{dataset}-{model}-faces", figure, {"csv": _text(table)}, naming=_NAME_IMAGES
    )


def comparison_export(found: Comparison) -> Exportable:
    """Two faces with their similarity; no name of a picture is in it."""

    def figure(width: float | None, _named: bool, _ctx: JobContext) -> Figure:
        from canon_core.experiments.shown_faces import comparison_figure

        return comparison_figure(found, width=width)

    def table(_named: bool) -> str:
        from canon_core.experiments.shown_faces import comparison_csv

        return comparison_csv(found)

    name = f"two-faces-{found.settings.source}-{found.settings.target}"
    return Exportable("Two faces and their similarity", name, figure, {"csv": _text(table)})


def _text(make: Callable[[bool], str]) -> Write:
    def write(path: Path, named: bool) -> None:
        from canon_core.store.output import write_output

        write_output(path, make(named).encode("utf-8"))

    return write
