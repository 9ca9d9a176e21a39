"""``canon export``: figures and tables of a matrix for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from canon_core.cli import arguments, options
from canon_core.cli.application import app, matrix_settings, open_study
from canon_core.cli.terminal import run_job, say
from canon_core.errors import SettingsError, StudyError
from canon_core.maps.kinds import MapKind
from canon_core.study.results import Features, FitMode, MatrixSettings, default_rule, far_text
from canon_core.study.study import Study


@app.command()
def export(
    study: options.StudyPath,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Gets figures/ and tables/.")],
    format: Annotated[  # noqa: A002
        str, typer.Option("--format", metavar="pdf,svg,png", callback=arguments.figure_formats)
    ] = "pdf,svg,png",
    tables: Annotated[
        str, typer.Option("--tables", metavar="csv,latex,md", callback=arguments.table_formats)
    ] = "csv,latex,md",
    dataset: options.Dataset = None,
    models: options.Models = None,
    map: options.Map = MapKind.LINEAR,  # noqa: A002
    mode: options.Mode = FitMode.DISJOINT,
    features: options.Features = Features.PAPER,
    far: options.Far = None,
    far_rule: options.Rule = None,
    seed: options.Seed = 0,
    width: Annotated[
        str | None,
        typer.Option(
            "--width",
            metavar="column|page|85mm|3.5in",
            help="Of every figure; a paper's column or page, whichever it needs, unless given.",
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="F", help="FAR drawn in any case. Default: 1e-2, or the first.")
    ] = None,
    cells: Annotated[
        str | None, typer.Option("--cells", metavar="A:B,…", help="Source:target, whose curves get a figure together.")
    ] = None,
    dpi: Annotated[int, typer.Option("--dpi", min=50, max=1200, help="Pixels an inch of PNG.")] = 300,
    read_only: options.ReadOnly = False,
) -> None:
    """The matrix (where enough impostor pairs decide it) and the ROC curves as figures, the matrix as tables."""
    from canon_core.experiments.export import export_study

    rule = far_rule or default_rule(mode)
    figure_formats, table_formats = arguments.listed(format), arguments.listed(tables)
    inches = None if width is None else arguments.figure_width(width)
    together = () if cells is None else arguments.cells(cells, "--cells", singles=True)
    with open_study(study, owner="canon export", read_only=read_only) as opened:
        settings = matrix_settings(opened, dataset, models, map, mode, features, far, seed)
        looked_at = None if at is None else arguments.fars(at, "--at")[0]
        if looked_at is not None and looked_at not in settings.far:
            raise SettingsError(f"FAR {far_text(looked_at)} is none of the targets", remedy="add it to --far")
        for name in (name for pair in together for name in pair):
            if opened.model(name).name not in settings.models:
                raise SettingsError(f"--cells names '{name}', which --models leaves out", remedy="name it in both")
        if read_only:
            _need_stored(opened, settings)
        written = run_job(
            "export",
            lambda ctx: export_study(
                opened, settings, rule, out, figure_formats, table_formats, ctx, together,
                at=looked_at, width=inches, dpi=dpi,
            ),
        )
    say(f"wrote {len(written)} files below {out}")


def _need_stored(study: Study, settings: MatrixSettings) -> None:
    """Refuse to draw cells that a study open read-only does not hold: their curves are read from its results."""
    from canon_core.experiments.matrix import stored_matrix

    matrix = stored_matrix(study, settings)
    if matrix.wanted:
        raise StudyError(
            f"{len(matrix.wanted)} of the {len(matrix.cells)} cells to export are not stored yet",
            path=study.path,
            remedy="export without --read-only, or run `canon matrix` with the same options first",
        )
