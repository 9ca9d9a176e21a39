"""Ties the views to the document: one selection, one set of settings, for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from canon_core.study.results import far_text, settings_line, stands_beside
from canon_core.verification.roc import FarRule

from .actions import Actions
from .chosen_cell import unscored_text
from .computing import Computing
from .contents import Contents
from .document import Document
from .exportables import curves_export, matrix_export
from .exporting import Exporting
from .next_step import missing_cell_step, next_step
from .settled import settled
from .study_tree import StudyTree
from .view_state import MAX_SELECTED, Focus, Pair, ViewState
from .views.choosers import features_text
from .views.inspector import Beyond, Inspector
from .views.matrix_view import MatrixView, SettingsChange
from .views.roc_view import RocView
from .views.shown_matrix import matrix_command

if TYPE_CHECKING:
    from canon_core.figures.curve import Curve
    from canon_core.jobs import JobContext

_PROBLEMS_TOPIC = "problems of a dataset"


class Presenter(QObject):
    """Shows the document in the views, and makes what users do in them changes of the document."""

    def __init__(
        self,
        document: Document,
        computing: Computing,
        actions: Actions,
        *,
        tree: StudyTree,
        matrix: MatrixView,
        roc: RocView,
        inspector: Inspector,
        exporting: Exporting,
        beyond: Callable[[], Beyond | None] = lambda: None,
    ) -> None:
        super().__init__(document)
        self._beyond, self._exporting = beyond, exporting
        self._document, self._computing, self._actions = document, computing, actions
        self._tree, self._matrix, self._roc = tree, matrix, roc
        self._inspector = inspector
        self._action = ""
        self._curves_shown: tuple[tuple[Curve, ...], str] = ((), "")
        self._late: dict[Callable[[], None], None] = {}
        self._late_timer = settled(self, 0, self._show_next)
        self._problems: dict[str, tuple[str, Any]] = {}  # dataset → (fingerprint, problems)
        document.opened.connect(self._opened)
        document.closed.connect(self._closed)
        document.contentsChanged.connect(self._show_contents)
        document.stateChanged.connect(self._state_changed)
        computing.matrixChanged.connect(lambda: self._soon(self._show_matrix))
        computing.curvesChanged.connect(lambda: self._soon(self._show_curves))
        computing.runningChanged.connect(lambda: self._soon(self._show_matrix))
        matrix.readingChanged.connect(self._read_at)
        matrix.settingsRequested.connect(self._settings_requested)
        matrix.selectionChanged.connect(self.choose_cells)
        matrix.cellSelected.connect(self._cell_clicked)
        matrix.modelSelected.connect(self.choose_model)
        matrix.computeRequested.connect(computing.compute_everything)
        matrix.exportRequested.connect(self._export_matrix)
        matrix.leftOutRequested.connect(self._show_left_out)
        matrix.actionRequested.connect(lambda: self._act(self._action))
        inspector.actionRequested.connect(self._act)
        roc.exportRequested.connect(self._export_curves)
        tree.modelChosen.connect(self.choose_model)
        tree.datasetChosen.connect(self._dataset_chosen)
        tree.embeddingChosen.connect(self._embedding_chosen)
        tree.includedChanged.connect(self._include)

    def tab_shown(self) -> None:
        """Another view is looked at."""
        self._soon(self._show_curves)

    def focus_again(self) -> None:
        """More is known of what the inspector shows."""
        self._soon(self._show_focus)

    def _soon(self, show: Callable[[], None]) -> None:
        """Show something when Qt has nothing more urgent to do, once however often it was asked for.

        Each view is drawn in an event of its own: together they would hold up the window for a tenth of a second.
        """
        self._late.setdefault(show)
        self._late_timer.start()

    def _show_next(self) -> None:
        if self._late:
            show = next(iter(self._late))
            del self._late[show]
            show()
        if self._late:
            self._late_timer.start()

    # -- users do ------------------------------------------------------------------------------------------------
    def _read_at(self, far: float, rule: FarRule) -> None:
        self._document.change(f"Read at FAR {far_text(far)}, {rule}", far=far, rule=FarRule(rule))

    def _settings_requested(self, change: SettingsChange) -> None:
        state = self._document.state
        after = state.with_mode(change.mode)
        parts = []
        if change.map != state.map:
            parts.append(f"map {change.map}")
        if change.mode != state.mode:
            parts.append(f"fit {change.mode}")
        if after.rule is not state.rule:
            parts.append(f"rule {after.rule}")
        if change.features != state.features:
            parts.append(f"templates of {features_text(change.features)}")
        only_seed = not parts
        if change.seed != state.seed:
            parts.append(f"seed {change.seed}")
        self._document.change(
            f"Set {', '.join(parts)}", kind="seed" if parts and only_seed else "", map=change.map, mode=change.mode,
            rule=after.rule, seed=change.seed, features=change.features,
        )

    def choose_cells(self, pairs: tuple[Pair, ...]) -> None:
        """Choose these cells in every view."""
        pairs = tuple((str(source), str(target)) for source, target in pairs)[:MAX_SELECTED]
        if not pairs:
            text = "Clear selection"
        elif len(pairs) == 1:
            source, target = pairs[0]
            text = f"Choose {source}" if source == target else f"Choose {source} → {target}"
        else:
            text = f"Choose {len(pairs)} cells"
        self._document.change(text, kind="cells", cells=pairs, focus=Focus.CELL)

    def _cell_clicked(self, _source: str, _target: str) -> None:
        if self._document.state.focus is not Focus.CELL:  # chosen before, but something else was looked at since
            self.choose_cells(self._matrix.selection)

    def choose_model(self, name: str) -> None:
        """Choose this model."""
        self._document.change(f"Choose {name}", kind="model", model=name, focus=Focus.MODEL)

    def _dataset_chosen(self, name: str) -> None:
        self._document.change(f"Choose {name}", kind="dataset", dataset=name, focus=Focus.DATASET)

    def _embedding_chosen(self, model: str, dataset: str) -> None:
        self._document.change(
            f"Choose {model} on {dataset}", kind="model", model=model, dataset=dataset, focus=Focus.MODEL
        )

    def _include(self, name: str, included: bool) -> None:
        left_out = self._document.state.left_out
        after = left_out - {name} if included else left_out | {name}
        self._document.change(f"{'Include' if included else 'Leave out'} {name}", left_out=after)

    def _show_left_out(self) -> None:
        """Tick every model; where all are ticked, leave out those that no mean counts."""
        contents = self._document.contents
        if self._document.state.left_out:
            self._document.change("Include every model", left_out=frozenset())
        elif contents is not None:
            beside = frozenset(filter(stands_beside, contents.model_names))
            self._document.change("Leave out what no mean counts", left_out=beside)

    def _act(self, action: str) -> None:
        if action:
            self._actions[action].trigger()

    # -- the document changes ------------------------------------------------------------------------------------
    def _opened(self, contents: Contents) -> None:
        self._problems.clear()
        self._matrix.set_study_path(str(contents.path))
        self._matrix.difference_button.setChecked(False)
        self._show_contents(contents)

    def _closed(self) -> None:
        self._tree.show_contents(None, ViewState())
        self._inspector.show_nothing()

    def _show_contents(self, contents: Contents) -> None:
        self._tree.show_contents(contents, self._document.state)
        self._soon(self._show_matrix)
        self._soon(self._show_focus)

    def _state_changed(self, before: ViewState, after: ViewState) -> None:
        contents = self._document.contents
        if contents is None:
            return
        if before.left_out != after.left_out or before.dataset != after.dataset:
            self._tree.show_contents(contents, after)
            self._soon(self._show_matrix)
        elif before.far != after.far or before.rule is not after.rule:
            self._soon(self._show_matrix)
            self._soon(self._show_curves)
        if after.cells not in (before.cells, self._matrix.selection):
            self._matrix.set_selection(after.cells)
        if before.settings(()) != after.settings(()):
            self._show_choosers()
        self._soon(self._show_focus)

    # -- showing -------------------------------------------------------------------------------------------------
    def _show_matrix(self) -> None:
        contents, state = self._document.contents, self._document.state
        if contents is None:
            self._matrix.set_matrix(None, state.rule)
            return
        matrix = self._computing.matrix
        self._soon(self._show_curves)
        if matrix is None:
            step = next_step(
                contents,
                state,
                embedding=self._computing.embedding,
                reading=self._document.changes.reading,
            )
            self._action = step.action
            self._matrix.set_empty(step.text, step.button)
        self._matrix.set_left_out(contents.model_names, state.left_out)
        embedded = contents.embedded(state.dataset) if contents.dataset(state.dataset) is not None else ()
        self._matrix.set_matrix(
            matrix, state.rule, self._computing.pending, far=state.far,
            lacking=[name for name in matrix.models if name not in embedded] if matrix is not None else (),
            embedding=self._computing.embedding, computable=self._computing.something_left,
        )  # fmt: skip
        self._matrix.set_selection(state.cells)
        if state.focus is Focus.CELL:
            self._soon(self._show_focus)

    def _show_choosers(self) -> None:
        """The choosers stand at the new settings at once; the cells follow when they were looked up."""
        matrix, state = self._computing.matrix, self._document.state
        dataset = self._document.dataset
        if matrix is not None and dataset is not None:
            settings = state.settings(matrix.settings.models)
            self._matrix.choosers.show_settings(settings, state.far, state.rule, templates=dataset.has_templates)

    def _show_curves(self) -> None:
        if not self._roc.isVisible():
            return  # drawn when it is looked at
        matrix, state = self._computing.matrix, self._document.state
        if matrix is not None and self._computing.curves_of not in (None, matrix.settings):
            return  # curves of other settings stay under their own until those of the matrix were read
        line = settings_line(matrix, state.rule) if matrix is not None else ""
        unscored = unscored_text(self._document, self._computing)
        curves = self._computing.curves
        if (curves, line) != self._curves_shown:
            self._curves_shown = (curves, line)
            self._roc.set_curves(curves, line)
        if matrix is None:
            self._roc.set_empty("Curves belong to cells of the matrix, and there is no matrix yet.")
        else:
            self._roc.set_empty(
                unscored or "Choose a cell of the matrix: its curve and those of its two models appear here."
            )
            contents = self._document.contents
            study = str(contents.path) if contents is not None else ""
            self._roc.set_command(matrix_command(study, matrix.settings, state.rule))
        self._roc.note_absent(unscored)
        self._roc.set_reading(state.far, state.rule)

    def _show_focus(self) -> None:
        contents, state = self._document.contents, self._document.state
        if contents is None:
            return
        matrix = self._computing.matrix
        if state.focus is Focus.MODEL and (model := contents.model(state.model)) is not None:
            self._tree.choose("model", model.name)
            self._inspector.show_model(model, contents.imports_of(model.name))
        elif state.focus is Focus.DATASET and (dataset := self._document.dataset) is not None:
            self._tree.choose("dataset", dataset.name)
            known = self._problems.get(dataset.name)
            if known is None or known[0] != dataset.fingerprint:
                self._ask_for_problems(dataset.name, dataset.fingerprint)
            self._inspector.show_dataset(dataset, known[1] if known is not None else ())
        else:
            self._tree.choose_nothing()
            cell = matrix.cells.get(state.cells[-1]) if matrix is not None and state.cells else None
            if matrix is not None and cell is not None:
                self._inspector.show_cell(cell, matrix, state.rule, state.far, self._beyond())
            elif matrix is not None and state.cells and set(state.cells[-1]) <= set(matrix.models):
                pair = state.cells[-1]
                pending = pair in self._computing.pending
                step = missing_cell_step(
                    contents, state, pair, matrix.missing.get(pair, ""),
                    pending=pending, embedding=self._computing.embedding,
                )  # fmt: skip
                self._inspector.show_missing(*pair, matrix, pending=pending, step=step)
            else:
                self._inspector.show_nothing()

    def _ask_for_problems(self, dataset: str, fingerprint: str) -> None:
        study = self._document.study
        if study is None:
            return

        def look(_ctx: JobContext) -> object:
            return study.faces(dataset).problems

        def found(problems: object) -> None:
            self._problems[dataset] = (fingerprint, problems)
            self._soon(self._show_focus)

        self._document.bridge.ask(_PROBLEMS_TOPIC, look, on_result=found, on_failure=self._document.faulted.emit)

    # -- exporting -----------------------------------------------------------------------------------------------
    def _export_matrix(self) -> None:
        view = self._matrix
        if view.matrix is not None:
            difference = view.difference_button.isChecked()
            offer = matrix_export(view.matrix, view.far, view.rule, difference=difference)
            self._exporting.ask([offer, self._exporting.everything(self._computing)])

    def _export_curves(self) -> None:
        roc, matrix = self._roc, self._computing.matrix
        if matrix is not None and roc.curves and self._computing.curves_of == matrix.settings:
            offer = curves_export(matrix, self._matrix.rule, roc.curves, roc.settings_line, det=roc.det)
            self._exporting.ask([offer, self._exporting.everything(self._computing)])
