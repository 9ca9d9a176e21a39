"""What is computed of the open study: the matrix after its embeddings, and the curves of what is chosen in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from canon_core.errors import CanonError
from canon_core.figures.curve import Curve
from canon_core.jobs import JobContext, Progress
from canon_core.study.results import Cell, Matrix, MatrixSettings

from .chosen_curves import pairs_to_draw, read_curves
from .contents import Contents
from .document import Document
from .embedding_jobs import EmbeddingJobs
from .matrix_stamp import MatrixStamp, stamp_of
from .running_jobs import RunningJobs
from .view_state import Pair, ViewState

if TYPE_CHECKING:
    from canon_core.verification.roc import Roc

#: Seconds between two looks at how far the embeddings are while they are made.
_LOOK_INTERVAL_S = 1.0
_MATRIX_TOPIC = "matrix and curves"


class Computing(QObject):
    """Keeps the matrix and the curves that belong to the document's state, and runs what is missing.

    Attributes
    ----------
    embeddings : EmbeddingJobs
        What the matrix follows: embeddings being made.

    Signals
    -------
    matrixChanged() :
        ``matrix`` or ``pending`` changed.
    curvesChanged() :
        ``curves`` changed; they are of the matrix with the settings ``curves_of``.
    runningChanged() :
        A computation began or ended.
    """

    matrixChanged = Signal()
    curvesChanged = Signal()
    runningChanged = Signal()

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._bridge = document.bridge
        self.matrix: Matrix | None = None
        self.pending: frozenset[Pair] = frozenset()
        self.curves: tuple[Curve, ...] = ()
        self.curves_of: MatrixSettings | None = None
        self.automatic = True
        self._stamp: MatrixStamp | None = None
        self._reading = False  # the matrix is being looked up, and then the curves of what is chosen by then
        self._wanted = False  # run the matrix as soon as it is known what is missing
        self._matrices = RunningJobs[MatrixStamp](self._bridge, self)
        self.embeddings = EmbeddingJobs(document, self)
        self._last_look = 0.0
        self._rocs: dict[str, Roc] = {}  # used in the engine's interactive thread only
        document.opened.connect(self._contents_changed)
        document.contentsChanged.connect(self._contents_changed)
        document.closed.connect(self._forget)
        document.stateChanged.connect(self._state_changed)
        self._matrices.ended.connect(document.refresh)
        for jobs in (self._matrices, self.embeddings):
            jobs.progressed.connect(self._progressed)
            jobs.changed.connect(self.runningChanged)
        self.embeddings.ended.connect(self._maybe_run)
        self.embeddings.cancelled.connect(self._want_nothing)

    # -- asking for it -------------------------------------------------------------------------------------------
    @property
    def embedding(self) -> bool:
        """Whether embeddings are being made or wait for it."""
        return bool(self.embeddings)

    @property
    def scoring(self) -> bool:
        """Whether a matrix is being computed or waits for it."""
        return bool(self._matrices)

    @property
    def stamp(self) -> object:
        """What the matrix depends on, to compare; None where there is nothing to compute."""
        return self._stamp

    def look_for_more(self) -> None:
        """Something else than the matrix may have scored cells that were missing: read what is there now."""
        if wanted_cells(self.matrix):
            self._look_again()

    def results_cleared(self) -> None:
        """Stored cells were deleted: show what is left, and do not compute it again before the user asks for it."""
        self._matrices.declined = self._stamp
        self._rocs = {}
        self._look_again()

    def _look_again(self) -> None:
        if self._stamp is not None and not self.scoring:
            self._ask(self._stamp, None)

    def _want_nothing(self) -> None:
        """What was to follow is cancelled, or there is nothing of it to compute."""
        self._wanted = False

    @property
    def something_left(self) -> bool:
        """Whether anything is missing that is neither being made nor follows by itself."""
        contents = self._document.contents
        if contents is None or contents.read_only:
            return False
        if self.embeddings.missing:
            return True
        if self.embedding:
            return not (self._wanted or self.automatic)
        return bool(wanted_cells(self.matrix)) and not self.scoring

    def compute_everything(self) -> None:
        """Make the missing embeddings, then the missing cells."""
        if self.embeddings.embed_missing() or self.embedding:
            self._wanted = True
            self.runningChanged.emit()
        else:
            self.compute_matrix()

    def compute_matrix(self) -> None:
        """Compute the missing cells of the matrix."""
        study, stamp, matrix = self._document.study, self._stamp, self.matrix
        if study is None or stamp is None or self.scoring:
            return
        self._wanted = False
        self._matrices.declined = None
        settings = stamp.settings

        def work(ctx: JobContext) -> Matrix:
            from canon_core.experiments.matrix import run_matrix

            return run_matrix(study, settings, ctx)

        def finished(result: Any) -> None:
            if self._stamp is not None and self._stamp.settings == settings:
                self._show(result, frozenset())

        def stopped() -> None:
            if self._stamp == stamp:
                self._show(self.matrix, frozenset())

        def failed(error: CanonError) -> None:
            stopped()
            self._document.faulted.emit(error)

        self._matrices.begin(
            f"Matrix of {settings.dataset} · {settings.map}, {settings.mode}",
            work,
            stamp,
            on_result=finished,
            on_failure=failed,
            on_cancelled=stopped,
            on_partial=lambda cells: self._cells_arrived(settings, cells),
            resume=lambda: self._resume_matrix(settings),
        )
        self._show(matrix, wanted_cells(matrix))

    def _resume_matrix(self, settings: MatrixSettings) -> None:
        """Go on with a matrix that was cancelled: go back to its settings where they were left."""
        before, self._wanted = self._stamp, True
        self._document.change(
            f"Back to {settings.map}, {settings.mode}",
            dataset=settings.dataset,
            map=settings.map,
            mode=settings.mode,
            seed=settings.seed,
            features=settings.features,
        )
        if self._stamp is None or self.scoring:
            self._want_nothing()
        elif self._stamp == before:
            self._look_again()  # else it is being looked up

    def export(
        self,
        out: Path,
        formats: Sequence[str],
        tables: Sequence[str],
        done: Callable[[Any], None],
        *,
        width: float | None = None,
        dpi: int = 300,
    ) -> None:
        """Write figures and tables of the matrix that is shown: a job; ``width`` and ``dpi`` as in export_study."""
        study, stamp, state = self._document.study, self._stamp, self._document.state
        assert study is not None
        assert stamp is not None

        def work(ctx: JobContext) -> object:
            from canon_core.experiments.export import export_study

            return export_study(
                study, stamp.settings, state.rule, out, formats, tables, ctx, pairs=state.cells, at=state.far,
                width=width, dpi=dpi,
            )  # fmt: skip

        def begin() -> None:
            self._bridge.submit(
                f"Export to {out.name or out}",
                work,
                on_result=done,
                on_failure=self._document.faulted.emit,
                resume=begin,
            )

        begin()

    # -- following the document ----------------------------------------------------------------------------------
    def _contents_changed(self, contents: Contents) -> None:
        stamp = stamp_of(contents, self._document.state)
        if stamp != self._stamp:
            self._look_up_matrix(stamp)
        elif self._wanted:
            self._maybe_run()

    def _state_changed(self, before: ViewState, after: ViewState) -> None:
        contents = self._document.contents
        assert contents is not None
        stamp = stamp_of(contents, after)
        if stamp != self._stamp:
            self._look_up_matrix(stamp)
        elif before.cells != after.cells:
            self._look_up_curves()

    def _forget(self) -> None:
        self._stamp = None
        self._reading = False
        self._wanted = False
        self._matrices.forget()
        self.embeddings.forget()
        self._rocs = {}
        self._show(None, frozenset())
        self._set_curves(())
        self.runningChanged.emit()

    def _look_up_matrix(self, stamp: MatrixStamp | None) -> None:
        settings_before = self._stamp.settings if self._stamp else None
        self._stamp = stamp
        if stamp is None or stamp.settings != settings_before:
            self._matrices.supersede()
        if stamp is None:
            self._bridge.drop(_MATRIX_TOPIC)
            self._reading = False
            self._show(None, frozenset())
            self._set_curves(())
        else:
            self._ask(stamp, None)

    def _look_up_curves(self) -> None:
        if self._reading or self._stamp is None or self.matrix is None:
            return
        if self.matrix.settings == self._stamp.settings:
            self._ask(self._stamp, self.matrix)

    def _ask(self, stamp: MatrixStamp, known: Matrix | None) -> None:
        study, cells, rocs = self._document.study, self._document.state.cells, self._rocs
        assert study is not None
        self._reading = known is None

        def work(ctx: JobContext) -> tuple[Curve, ...]:
            matrix = known
            if matrix is None:
                from canon_core.experiments.matrix import stored_matrix

                matrix = stored_matrix(study, stamp.settings)
                ctx.partial(matrix)
            return read_curves(study, matrix, cells, rocs, ctx)

        def found(payloads: list[Matrix]) -> None:
            if self._stamp == stamp:
                self._reading = False
                self._show(payloads[-1], wanted_cells(payloads[-1]) if self.scoring else frozenset())
                self._maybe_run()
                if not (self.embedding or self.scoring):  # else more may be missing when it ends
                    self._want_nothing()

        def answered(curves: tuple[Curve, ...]) -> None:
            self._set_curves(curves, stamp.settings)
            if self._document.state.cells != cells:  # chosen while the matrix was being read
                self._look_up_curves()

        def failed(error: CanonError) -> None:
            if known is None:
                self._reading = False
                self._want_nothing()
                self._show(None, frozenset())
                self._set_curves(())
            self._document.faulted.emit(error)

        self._bridge.ask(_MATRIX_TOPIC, work, on_result=answered, on_failure=failed, on_partial=found)

    def _maybe_run(self) -> None:
        """Compute missing cells without being asked, where that is wanted."""
        contents = self._document.contents
        if contents is None or contents.read_only or self.embedding or self.scoring or not wanted_cells(self.matrix):
            return
        if self._wanted or (self.automatic and self._stamp != self._matrices.declined):
            self.compute_matrix()

    def _cells_arrived(self, settings: MatrixSettings, cells: list[Cell]) -> None:
        matrix = self.matrix
        if matrix is None or not self.scoring or matrix.settings != settings:
            return  # a job that was overtaken by another setting is still ending
        arrived = {(cell.source, cell.target): cell for cell in cells}
        self._show(replace(matrix, cells={**matrix.cells, **arrived}), self.pending - set(arrived))
        chosen = self._document.state.cells
        if chosen and any(pair in arrived for pair in pairs_to_draw(chosen)):
            self._look_up_curves()

    def _show(self, matrix: Matrix | None, pending: frozenset[Pair]) -> None:
        self.matrix, self.pending = matrix, pending
        self.matrixChanged.emit()

    def _set_curves(self, curves: tuple[Curve, ...], settings: MatrixSettings | None = None) -> None:
        self.curves, self.curves_of = curves, settings
        self.curvesChanged.emit()

    # -- following the jobs --------------------------------------------------------------------------------------
    def _progressed(self, _progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last_look > _LOOK_INTERVAL_S:
            self._last_look = now
            self._document.refresh()


def wanted_cells(matrix: Matrix | None) -> frozenset[Pair]:
    """Cells that are not there and can be computed."""
    return frozenset(matrix.wanted) if matrix is not None else frozenset()
