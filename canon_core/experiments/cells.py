"""The cells of a matrix, of the kind that the dataset's protocol asks for."""

from __future__ import annotations

from canon_core.experiments.cell_base import Cells, check_settings
from canon_core.experiments.image_cells import ImageCells
from canon_core.experiments.template_cells import TemplateCells
from canon_core.experiments.usable import UsableEmbeddings, prepare
from canon_core.jobs import JobContext
from canon_core.study.results import MatrixSettings
from canon_core.study.study import Study

__all__ = ["Cells", "open_cells"]


def open_cells(study: Study, settings: MatrixSettings, ctx: JobContext | None = None) -> Cells:
    """Find what can be scored, and by which protocol.

    Parameters
    ----------
    study : Study
    settings : MatrixSettings
    ctx : JobContext, optional
        Where given, models and images are looked at again first; else what is known of them counts.

    Raises
    ------
    SettingsError
        When the settings do not fit the dataset.
    StudyError
        When no model has embeddings.
    """
    check_settings(study, settings)
    if ctx is None:
        usable = UsableEmbeddings(study, settings.dataset, settings.models)
    else:
        usable = prepare(study, settings.dataset, settings.models, ctx)
    kind = TemplateCells if usable.dataset.has_templates else ImageCells
    cells = kind(study, settings, usable)
    if ctx is not None:
        _ = cells.subject_names  # read now: the dataset may be renamed while its cells are computed
    return cells
