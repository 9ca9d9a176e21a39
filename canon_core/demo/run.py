"""``canon demo``: the main job from faces to figures, on the bundled rendered faces."""

from __future__ import annotations

from pathlib import Path

from canon_core.datasets.options import DatasetOptions
from canon_core.demo.standin import build_standin, standin_notice
from canon_core.embedding.embed import EmbedOptions
from canon_core.errors import CanonError
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.export import export_study
from canon_core.experiments.matrix import run_matrix
from canon_core.jobs import JobContext, system_error
from canon_core.maps.kinds import MapKind
from canon_core.study.manifest import MANIFEST
from canon_core.study.results import FitMode, MatrixSettings, far_text, settings_line
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

#: Name of the demo's dataset; everything that shows it says what it is.
DATASET = "synthetic faces"


def run_demo(out: Path, ctx: JobContext) -> tuple[tuple[str, ...], Path]:
    """Render faces, embed them, fit, score, and write figures and tables; what an earlier run did is reused.

    Parameters
    ----------
    out : Path
        Gets ``demo.canon``, ``faces/``, ``figures/`` and ``tables/``.

    Returns
    -------
    tuple of str
        What to tell the user: means at every FAR for every map, and the settings.
    Path
        The study.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CanonError(system_error(error).problem, path=out, remedy="choose another with --out") from None
    ctx.log(standin_notice())
    standin = build_standin(out, ctx)
    folder = out / "demo.canon"
    study = Study.open(folder, owner="canon demo") if (folder / MANIFEST).exists() else Study.create(folder)
    with study:
        for name, file in standin.models:
            if name not in {entry.name for entry in study.models}:
                study.add_model(file, name=name)
        if DATASET not in {entry.name for entry in study.datasets}:
            study.add_dataset(standin.faces, DatasetOptions(aligned="arcface"), ctx, DATASET)
        embed_study(study, DATASET, (), EmbedOptions(), ctx)
        lines = []  # the notice was logged; every settings line says again that the faces are synthetic
        rule = FarRule.CONSERVATIVE
        models = tuple(entry.name for entry in study.models)
        for kind in (MapKind.NONE, MapKind.LINEAR, MapKind.ROTATION):
            settings = MatrixSettings(DATASET, models, kind, FitMode.DISJOINT)
            matrix = run_matrix(study, settings, ctx)
            for far in (1e-1, 1e-2, 1e-3):
                single, cross = matrix.means(far, rule)
                what = "unmapped" if kind is MapKind.NONE else f"{kind} map"
                lines.append(
                    f"mean TAR at FAR {far_text(far)}: single models {_tar(single)}, cross-model {what} {_tar(cross)}"
                )
            lines.append(f"  ({settings_line(matrix, rule)})")
            if kind is not MapKind.NONE:
                export_study(study, settings, rule, out, ("pdf", "png"), ("csv", "md"), ctx)
        lines.append(f"study {folder}, figures in {out / 'figures'}, tables in {out / 'tables'}")
    return tuple(lines), folder


def _tar(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
