"""Ties the overlay to the document: what is chosen of it, and what is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from canon_core.experiments.overlay_colours import colourings
from canon_core.experiments.overlay_look import looked_at
from canon_core.study.overlay_results import EVERYTHING, Overlay

from .actions import Actions
from .computing import Computing
from .document import Document
from .exportables import overlay_export
from .exporting import Exporting
from .overlay_card import OverlayCard
from .overlay_left import OverlayLeft
from .overlay_notice import OverlayNotice
from .overlay_search import OverlaySearch
from .overlay_selection import OverlaySelection
from .overlays import FEW_POINTS, Overlays, method_text, same_points
from .settled import settled
from .thumbnails import Thumbnails
from .views.choosers import SettingsChange
from .views.overlay_bar import ALL_SOURCES
from .views.overlay_command import overlay_command
from .views.overlay_view import OverlayView
from .views.scatter_points import ScatterPoints

if TYPE_CHECKING:
    from canon_core.jobs import JobContext

_POINTS_TOPIC = "sorting points"


class OverlayPresenter(QObject):
    """Shows the overlay in its view, and makes what users do in it changes of the document.

    Signals
    -------
    cellsChosen(pairs) : tuple of (source, target)
        Another source or target was chosen.
    settingsRequested(change) : SettingsChange
        Another map, fit or seed was chosen.
    """

    cellsChosen = Signal(object)
    settingsRequested = Signal(object)

    def __init__(
        self,
        window: QWidget,
        document: Document,
        computing: Computing,
        overlays: Overlays,
        actions: Actions,
        exporting: Exporting,
        view: OverlayView,
    ) -> None:
        super().__init__(document)
        self._document, self._computing = document, computing
        self._overlays, self._actions, self._view = overlays, actions, view
        self._exporting = exporting
        self._shown: tuple[object, ...] = ()  # what the plot shows: layout, colours
        self._laid_out: Overlay | None = None
        self._late = settled(self, 0, self._show)
        for changed in (
            document.opened, document.closed, document.contentsChanged, document.stateChanged,
            computing.matrixChanged, computing.runningChanged, overlays.changed, overlays.detailsChanged,
        ):  # fmt: skip
            changed.connect(self._soon)
        document.closed.connect(self._clear)
        thumbnails = Thumbnails(document, self)
        self._card = OverlayCard(overlays, view, thumbnails, self)
        self._selection = OverlaySelection(document, overlays, view, thumbnails, self)
        self._search = OverlaySearch(document, overlays, view, self)
        self._notice = OverlayNotice(document, computing, overlays, actions, view, self)
        self._notice.mapRequested.connect(lambda kind: self._set(map=kind))
        view.plot.set_background(document.bridge.run_errand)
        self._connect_bar()
        view.linesChanged.connect(lambda on: overlays.choose("Join faces" if on else "Part faces", lines=on))
        view.exportRequested.connect(self._export)
        self._left = OverlayLeft(overlays, view, self)
        self._soon()

    def _connect_bar(self) -> None:
        bar, choose = self._view.bar, self._overlays.choose
        bar.modelsChosen.connect(self._choose_models)
        bar.mapChosen.connect(lambda kind: self._set(map=kind))
        bar.modeChosen.connect(lambda mode: self._set(mode=mode))
        bar.seedChosen.connect(lambda seed: self._set(seed=seed))
        bar.methodChosen.connect(lambda method: choose(f"Lay out by {method_text(method)}", method=method))
        bar.levelChosen.connect(lambda level: choose(f"Overlay {level}", level=level))
        bar.subjectsChosen.connect(lambda number: choose(f"Overlay {_subset_text(number)}", subjects=number))
        bar.neighboursChosen.connect(lambda number: choose(f"Lay out with {number} neighbours", neighbours=number))
        bar.minDistChosen.connect(lambda distance: choose(f"Lay out with min-dist {distance:g}", min_dist=distance))
        bar.colourChanged.connect(lambda name: choose(f"Colour by {name}", colour=name, hidden=()))
        bar.added.chosen.connect(self._add)
        bar.added.sameNamesChosen.connect(
            lambda same: choose(_SAME_PEOPLE if same else _OTHER_PEOPLE, same_names=same)
        )

    def tab_shown(self, *_: object) -> None:
        """Another view is looked at: what is chosen from now on is not asked of the overlay before it is seen again."""
        if not self._view.isVisible():
            self._overlays.watch(False)
        self._soon()

    def _soon(self, *_: object) -> None:
        self._late.start()

    # -- users do ------------------------------------------------------------------------------------------------
    def _choose_models(self, source: str, target: str) -> None:
        overlays = self._overlays
        before, every = overlays.pair, source == ALL_SOURCES
        if every != overlays.choice.all_sources:
            overlays.choose("Overlay all other models" if every else "Overlay one source", all_sources=every)
        if every:
            source = before[0] if before is not None else target
        if before is not None and source == target:  # one takes the other's place
            source = before[1]
        if (source, target) != before:
            self.cellsChosen.emit(((source, target),))

    def _set(self, **fields: Any) -> None:
        """Want another setting of the matrix; the others stay as they are."""
        state = self._document.state
        change = replace(SettingsChange(state.map, state.mode, state.seed, state.features), **fields)
        if (change.map, change.mode, change.seed) != (state.map, state.mode, state.seed):
            self.settingsRequested.emit(change)

    def _add(self, names: tuple[str, ...]) -> None:
        """Other datasets are wanted, with all subjects: those chosen by name may be of none of them."""
        more = [name for name in names if name not in self._overlays.added]
        fewer = [name for name in self._overlays.added if name not in names]
        text = f"Overlay {more[0]} too" if more else f"Overlay without {fewer[0]}" if fewer else "Overlay datasets"
        self._overlays.choose(text, added=names, chosen=(), chosen_in="")

    def _export(self) -> None:
        shown, study = self._overlays.shown, self._document.study
        if shown is not None and study is not None:
            details = self._overlays.details
            look = self._overlays.choice.look.fitting(shown, details)
            offer = overlay_export(study, shown, details, look)
            if instead := self._notice.instead:
                offer = replace(offer, note=f"{instead} What is shown is written.")
            self._exporting.ask([offer])

    # -- showing -------------------------------------------------------------------------------------------------
    def _show(self) -> None:
        overlays, view = self._overlays, self._view
        overlays.watch(view.isVisible())
        if not view.isVisible():
            return  # drawn when it is looked at
        pair = overlays.pair
        view.bar.setVisible(pair is not None)
        if pair is not None:
            choice = overlays.choice
            view.bar.show_models(overlays.models, *pair, all_sources=choice.all_sources)
            view.bar.added.show_choices(
                self._document.state.dataset, overlays.addable, overlays.added, same_names=choice.same_names
            )
        if overlays.chosen is not None:
            view.bar.show_settings(overlays.chosen, templates=overlays.has_templates, level=overlays.may_be_templates)
        view.set_lines(overlays.choice.lines)
        self._show_points()
        self._show_command()
        self._notice.show()

    def _show_command(self) -> None:
        """The command for what is shown, and for what is seen of it."""
        overlays, contents, points = self._overlays, self._document.contents, self._view.plot.points
        if overlays.shown is None or overlays.shown is not self._view.result:
            return
        settings, look = overlays.shown.settings, overlays.choice.look.fitting(overlays.shown, overlays.details)
        names = {each.name for each in points.classes} if points is not None else set()
        look = replace(look, hidden=tuple(name for name in look.hidden if name in names))
        self._view.set_command(overlay_command(str(contents.path) if contents is not None else "", settings, look))

    def _show_points(self) -> None:
        overlays, view = self._overlays, self._view
        shown, details = overlays.shown, overlays.details
        if shown is None:
            self._clear()
            return
        view.bar.show_colours(colourings(shown, details), overlays.choice.colour)
        look = replace(overlays.choice.look.fitting(shown, details), hidden=(), lines=False)
        wanted = (shown, look)
        if wanted == self._shown:
            if view.result is shown:  # else it is being sorted
                view.set_details(details)
                view.set_hidden(overlays.choice.hidden)
                self._left.show()
            return
        self._shown = wanted

        def sort(_ctx: JobContext | None = None) -> ScatterPoints:
            chosen = looked_at(shown, details, look).colouring
            return ScatterPoints.build(shown.after, chosen.codes, chosen.classes, shown.before, chosen.scale)

        if len(shown.model) <= FEW_POINTS:
            self._lay_out(shown, sort())
        else:
            self._document.bridge.ask(_POINTS_TOPIC, sort, on_result=lambda points: self._lay_out(shown, points))

    def _clear(self) -> None:
        """Show none, and keep none: another study may be open before this view is seen again."""
        self._shown, self._laid_out = (), None
        if self._view.result is not None:
            self._view.set_overlay(None, None)

    def _lay_out(self, shown: Overlay, points: ScatterPoints) -> None:
        before = self._laid_out
        if shown is not self._overlays.shown:
            return
        same = before is not None and same_points(before.settings, shown.settings)
        details = self._overlays.details
        self._view.set_overlay(shown, points, details, same_points=same, same_layout=before is shown)
        self._laid_out = shown
        self._view.set_hidden(self._overlays.choice.hidden)
        self._left.show()
        self._show_command()
        self._selection.laid_out(same_points=same)
        if before is not shown:  # what was asked meanwhile was not answered
            self._search.search()


_SAME_PEOPLE, _OTHER_PEOPLE = "Take same names for one person", "Take same names for different people"


def _subset_text(subjects: int | None) -> str:
    """Which subjects, as the Undo menu names it."""
    if subjects is None:
        return "some subjects"
    return "everything" if subjects == EVERYTHING else f"{subjects:,} subjects"
