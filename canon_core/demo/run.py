"""``canon demo``: the paper, from faces to figures, on the bundled networks and rendered people."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from canon_core.demo.measure import DemoFigures, csv_table, markdown_table, measure_demo, text_table
from canon_core.demo.networks import DATASET
from canon_core.demo.study import STUDY_FOLDER, DemoPlan, demo_notice, open_demo_study
from canon_core.errors import CanonError
from canon_core.experiments.export import export_study, matrix_far
from canon_core.figures.save import save_figure
from canon_core.figures.sensitivity_figure import sensitivity_figure
from canon_core.jobs import JobContext, system_error
from canon_core.resources import version
from canon_core.store.atomic import write_atomically
from canon_core.store.output import write_output
from canon_core.study.manifest import MANIFEST
from canon_core.study.results import FitMode, default_rule, settings_line, stands_beside
from canon_core.study.study import Study

__all__ = ["DATASET", "DemoPlan", "demo_is_finished", "run_demo"]

#: Written last: which program made which demo.
_FINISHED: Final = "demo.finished"
#: Grows with what a finished demo holds; one of before is gone through once more, which reuses all it has.
#: 2: covariates of the photographs.
_FORM: Final = 2


def run_demo(out: Path, ctx: JobContext, plan: DemoPlan | None = None) -> tuple[tuple[str, ...], Path]:
    """Render faces, embed them, fit, score, and write figures and tables; what an earlier run did is reused.

    Parameters
    ----------
    out : Path
        Gets ``demo.canon``, ``faces/``, ``folds/``, ``figures/`` and ``tables/``.
    plan : DemoPlan, optional
        A smaller demo than the whole one.

    Returns
    -------
    tuple of str
        What to tell the user: means beside the paper's, and the settings.
    Path
        The study.

    Raises
    ------
    CanonError
        Where the folder cannot be written, or the installation is incomplete.
    Cancelled
        What was done is kept, and goes on with the next call.
    """
    plan = plan or DemoPlan()
    ctx.log(demo_notice(plan))
    with open_demo_study(out, plan, ctx) as study:
        found = measure_demo(study, plan, ctx)
        _write(study, found, out, ctx)
        if not study.view:
            study.save_view(_first_view(plan, found))
        folder = study.path
        write_atomically(out / _FINISHED, _what(plan).encode())
    lines = [*text_table(found.rows)]
    for matrix in found.matrices[:1]:
        lines.append(f"  ({settings_line(matrix, default_rule(matrix.settings.mode))})")
    lines.append(f"study {folder}, figures in {out / 'figures'}, tables in {out / 'tables'}")
    return tuple(lines), folder


def _first_view(plan: DemoPlan, found: DemoFigures) -> dict[str, Any]:
    """What the window shows of the study at first: the ten networks alone, and the fit pairs that were measured."""
    curve = found.curves[0].settings
    sensitivity = {"maps": ["linear", "rotation"], "modes": [str(curve.mode)], "pairs": list(curve.pairs)}
    state = {
        "dataset": DATASET,
        "left_out": [name for name in plan.networks if stands_beside(name)],
        "sensitivity": {**sensitivity, "repeats": curve.repeats},
    }
    return {"state": state}


def demo_is_finished(out: Path, plan: DemoPlan | None = None) -> bool:
    """Whether :func:`run_demo` of this version of the program came to its end in a folder."""
    try:
        held = (out / _FINISHED).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return held == _what(plan or DemoPlan()) and (out / STUDY_FOLDER / MANIFEST).is_file()


def _what(plan: DemoPlan) -> str:
    return f"canon {version()}, form {_FORM}: {plan}\n"


def _write(study: Study, found: DemoFigures, out: Path, ctx: JobContext) -> None:
    for matrix in found.matrices:
        if matrix.settings.mode is FitMode.DISJOINT:
            rule = default_rule(matrix.settings.mode)
            export_study(
                study, matrix.settings, rule, out, ("pdf", "png"), ("csv", "md"), ctx, fars=(matrix_far(matrix),),
                each_source=False,
            )  # fmt: skip
    try:
        name = DATASET.replace(" ", "_")
        rule = default_rule(FitMode.DISJOINT)
        drawing = sensitivity_figure(found.curves, rule, far=1e-2)
        save_figure(drawing, out / "figures" / f"{name}-fit-pairs", ("pdf", "png"))
        write_output(out / "tables" / f"{name}-means.csv", csv_table(found.rows).encode())
        write_output(out / "tables" / f"{name}-means.md", markdown_table(found.rows).encode())
    except OSError as error:
        fault = system_error(error)
        raise CanonError(fault.problem, path=fault.path or out, remedy=fault.remedy) from None
