"""What a study shows, as files: figures for papers and tables, drawn from results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from canon_core.errors import CanonError, SettingsError
from canon_core.experiments.matrix import read_roc, run_matrix
from canon_core.figures.curve import Curve, CurveRole
from canon_core.figures.matrix_figure import matrix_figure
from canon_core.figures.roc_figure import roc_figure
from canon_core.figures.save import FORMATS, PRINT_DPI, save_figure
from canon_core.figures.tables import TABLE_FORMATS, matrix_table
from canon_core.jobs import JobContext, system_error
from canon_core.store.output import write_output
from canon_core.study.results import (
    Features,
    FitMode,
    Matrix,
    MatrixSettings,
    default_rule,
    far_text,
    settings_line,
)
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SUFFIX = {"csv": "csv", "latex": "tex", "md": "md"}


def export_study(
    study: Study,
    settings: MatrixSettings,
    rule: FarRule,
    out: Path,
    formats: Sequence[str],
    tables: Sequence[str],
    ctx: JobContext,
    pairs: Sequence[tuple[str, str]] = (),
    *,
    at: float | None = None,
    fars: Sequence[float] | None = None,
    each_source: bool = True,
    width: float | None = None,
    dpi: float = PRINT_DPI,
) -> tuple[Path, ...]:
    """Write a matrix, its ROC curves and its tables below ``out``; cells that are missing are computed first.

    Parameters
    ----------
    settings, rule :
        Which matrix, and how its cells are read.
    out : Path
        ``out/figures`` and ``out/tables`` are made; files of the same name are replaced.
    formats, tables : sequence of str
        Of ``pdf``, ``svg``, ``png`` and of ``csv``, ``latex``, ``md``.
    pairs : sequence of (source, target)
        Cells whose ROC goes into one figure of its own, both single models beside them.
    at : float, optional
        The matrix's FAR that it is looked at; without it :func:`matrix_far`.
    fars : sequence of float, optional
        FARs of the figures of the matrix; without it :func:`drawn_fars`. Its tables are of every FAR.
    each_source : bool
        Whether every model gets a figure of its curves to all others.
    width, dpi : float
        Inches of every figure, a paper's column or page, whichever each needs, unless given; pixels an inch of PNG.

    Returns
    -------
    tuple of Path
        Every file written.

    Raises
    ------
    SettingsError
        When a format is unknown.
    CanonError
        When a file cannot be written.
    """
    _check("figure format", formats, tuple(FORMATS))
    _check("table format", tables, TABLE_FORMATS)
    matrix = run_matrix(study, settings, ctx)
    stem = matrix_stem(settings, rule)
    figures = out / "figures"
    written: list[Path] = []
    try:
        for folder in (figures, out / "tables"):
            folder.mkdir(parents=True, exist_ok=True)
        jobs = _figures(study, matrix, rule, pairs, at, fars, each_source, width) if formats else []
        total = len(jobs) + len(tables)
        for done, (name, drawing) in enumerate(jobs):
            ctx.check()
            ctx.report(done, total, "writing figures and tables")
            written += save_figure(drawing(), figures / f"{stem}-{name}", formats, dpi)
        for done, form in enumerate(tables, len(jobs)):
            ctx.report(done, total, "writing figures and tables")
            for far in settings.far:
                path = out / "tables" / f"{stem}-far-{far_text(far)}.{_SUFFIX[form]}"
                write_output(path, matrix_table(matrix, far, rule, form).encode("utf-8"))
                written.append(path)
        ctx.report(total, total, "writing figures and tables")
    except OSError as error:
        fault = system_error(error)
        raise CanonError(fault.problem, path=fault.path or out, remedy=fault.remedy) from None
    return tuple(written)


def _figures(
    study: Study,
    matrix: Matrix,
    rule: FarRule,
    pairs: Sequence[tuple[str, str]],
    at: float | None,
    fars: Sequence[float] | None,
    each_source: bool,
    width: float | None,
) -> list[tuple[str, Callable[[], Figure]]]:
    """Name and drawing of every figure; a drawing is made when its turn comes, so that one is held at a time."""
    order_far = matrix_far(matrix) if at is None else at
    line = settings_line(matrix, rule)
    names = [name for name in matrix.sorted_models(order_far, rule) if matrix.cells[name, name] is not None]
    groups = {"roc-single": [(name, name) for name in names]}
    for source in names if each_source else ():
        groups[f"roc-from-{source}"] = [(source, source)] + [
            (source, target) for target in names if source != target and matrix.cells[source, target] is not None
        ]
    if pairs:
        chosen = [pair for pair in pairs if matrix.cells.get(pair) is not None]
        singles = dict.fromkeys(name for pair in chosen for name in pair if matrix.cells[name, name] is not None)
        groups["roc-selected"] = list(dict.fromkeys(chosen + [(name, name) for name in singles]))

    def curves(cells: list[tuple[str, str]]) -> list[Curve]:
        drawn = []
        for colour, pair in enumerate(cells):
            cell = matrix.cells[pair]
            if cell is not None:
                role = CurveRole.SOURCE if cell.single and len(cells) != len(names) else CurveRole.CELL
                label = cell.source if cell.single else f"{cell.source} → {cell.target}"
                drawn.append(Curve(label, read_roc(study, cell), role, colour))
        return drawn

    def draw(cells: list[tuple[str, str]], det: bool) -> Figure:
        return roc_figure(curves(cells), det=det, settings_line=line, width=width)

    drawings: list[tuple[str, Callable[[], Figure]]] = []
    for far in drawn_fars(matrix, rule, at) if fars is None else fars:
        drawing = partial(matrix_figure, matrix, far, rule, width=width)
        drawings.append((f"matrix-far-{far_text(far)}", drawing))
        drawings.append((f"difference-far-{far_text(far)}", partial(drawing, difference=True)))
    for name, cells in groups.items():
        for det in (False, True):
            drawings.append(
                (name.replace("roc", "det", 1) if det else name, partial(draw, cells, det))
            )
    return drawings


def matrix_stem(settings: MatrixSettings, rule: FarRule) -> str:
    """What names of files begin with that show a matrix: its settings, those that are usual left out, so that another
    map, mode, seed, kind of features or rule never writes over its files; another choice of models does.

    >>> from canon_core.study.results import FitMode
    >>> matrix_stem(MatrixSettings("my faces", ("a",), mode=FitMode.DISJOINT, seed=3), FarRule.NEAREST)
    'my_faces-linear-disjoint-seed-3-nearest'
    """
    parts = [settings.dataset, str(settings.map), str(settings.mode)]
    if settings.features is not Features.PAPER:
        parts.append(str(settings.features))
    if settings.mode is FitMode.DISJOINT and settings.seed:  # other modes draw nothing
        parts.append(f"seed-{settings.seed}")
    if rule is not default_rule(settings.mode):
        parts.append(str(rule))
    return "-".join(parts).replace(" ", "_")


def matrix_far(matrix: Matrix) -> float:
    """The FAR a matrix is shown at unless one is chosen: 1e-2, as in the paper's abstract, else the first."""
    return 1e-2 if 1e-2 in matrix.settings.far else matrix.settings.far[0]


def drawn_fars(matrix: Matrix, rule: FarRule, at: float | None = None) -> tuple[float, ...]:
    """FARs that figures of a matrix are drawn at: where enough impostor pairs decide some cell, and the one that it is
    looked at; elsewhere chance draws the picture."""
    looked_at = matrix_far(matrix) if at is None else at

    def resolved(far: float) -> bool:
        there = (pair for pair, cell in matrix.cells.items() if cell is not None)
        return any(not matrix.unresolved(*pair, far, rule) for pair in there)

    return tuple(far for far in matrix.settings.far if far == looked_at or resolved(far))


def _check(what: str, asked: Sequence[str], known: Sequence[str]) -> None:
    for name in asked:
        if name not in known:
            raise SettingsError(f"'{name}' is no {what}", remedy=f"use {', '.join(known)}")
