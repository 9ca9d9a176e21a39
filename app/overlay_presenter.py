"""Ties the overlay to the document: what is chosen, what is shown, what is told of the points one looks at."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from canon_core.experiments.overlay_colours import colourings
from canon_core.experiments.overlay_look import looked_at
from canon_core.maps.kinds import MapKind
from canon_core.projection.kinds import OverlayMethod
from canon_core.study.overlay_results import EVERYTHING, Overlay, OverlayLevel
from canon_core.study.results import Features

from .actions import Actions
from .computing import Computing
from .document import Document
from .exportables import overlay_export
from .exporting import Exporting
from .overlay_choice import MOST_CHOSEN, OverlayChoice
from .overlay_left import OverlayLeft
from .overlays import Overlays, method_text, same_points
from .thumbnails import Face, Thumbnails
from .views.choosers import SettingsChange
from .views.face_list import MOST_LISTED, ListedFace
from .views.overlay_bar import ALL_SOURCES, OverlayRequest
from .views.overlay_command import overlay_command
from .views.overlay_view import OverlayView, items_of
from .views.point_card import CardNeighbour, PointCardContent
from .views.scatter_points import ScatterPoints
from .wording import fault_text

if TYPE_CHECKING:
    from canon_core.jobs import JobContext

_HOVER_TOPIC, _LIST_TOPIC = "face under the cursor", "listed faces"
_SEARCH_TOPIC, _POINTS_TOPIC = "search of points", "sorting points"
_SELECTION_TOPIC = "sorting selected points"
#: Points that are sorted into classes in the window's own thread: 5 ms.
_FEW_POINTS = 50_000


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
        self._thumbnails = Thumbnails(document, self)
        self._shown: tuple[object, ...] = ()  # what the plot shows: layout, colours
        self._laid_out: Overlay | None = None
        self._hovered = -1
        self._stage = ""
        self._listed: list[int] = []
        self._action = ""
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(0)
        self._late.timeout.connect(self._show)
        for changed in (
            document.opened, document.closed, document.contentsChanged, document.stateChanged,
            computing.matrixChanged, computing.runningChanged, overlays.changed, overlays.detailsChanged,
        ):  # fmt: skip
            changed.connect(self._soon)
        overlays.progressed.connect(self._staged)
        overlays.detailsChanged.connect(self._details_arrived)
        self._thumbnails.arrived.connect(self._faces_arrived)
        view.plot.set_background(document.bridge.run_errand)
        view.bar.requested.connect(self._requested)
        view.bar.colourChanged.connect(lambda name: overlays.choose(f"Colour by {name}", colour=name, hidden=()))
        view.bar.added.chosen.connect(self._add)
        view.bar.added.sameNamesChosen.connect(
            lambda same: overlays.choose(_SAME_PEOPLE if same else _OTHER_PEOPLE, same_names=same)
        )
        view.linesChanged.connect(lambda on: overlays.choose("Join faces" if on else "Part faces", lines=on))
        view.bar.searched.connect(self._search)
        view.plot.hovered.connect(self._look_at)
        view.plot.viewChanged.connect(self._hide_card)
        view.plot.selectionChanged.connect(self._list_faces)
        view.faces.faceChosen.connect(self._face_chosen)
        view.faces.onlyRequested.connect(self._only_selected)
        view.allSubjectsRequested.connect(self._all_subjects)
        view.computeRequested.connect(overlays.compute)
        view.cancelRequested.connect(overlays.cancel)
        view.actionRequested.connect(self._act)
        view.exportRequested.connect(self._export)
        self._left = OverlayLeft(overlays, view, self)
        self._soon()

    def tab_shown(self, *_: object) -> None:
        """Another view is looked at."""
        self._soon()

    def _soon(self, *_: object) -> None:
        self._late.start()

    # -- users do ------------------------------------------------------------------------------------------------
    def _requested(self, request: OverlayRequest) -> None:
        overlays, state = self._overlays, self._document.state
        before = overlays.pair
        every = request.source == ALL_SOURCES
        source = (before[0] if before is not None else request.target) if every else request.source
        if before is not None and source == request.target:  # one takes the other's place
            source = before[1]
        wanted = replace(
            overlays.choice,
            all_sources=every,
            method=request.method,
            level=request.level if overlays.may_be_templates else overlays.choice.level,
            subjects=request.subjects,
            neighbours=request.neighbours,
            min_dist=request.min_dist,
        )
        changed = _changed(overlays.choice, wanted)
        if changed:
            overlays.choose(_choice_text(wanted, changed), **{name: getattr(wanted, name) for name in changed})
        if (source, request.target) != before:
            self.cellsChosen.emit(((source, request.target),))
        change = SettingsChange(request.map, request.mode, request.seed, Features(state.features))
        if (change.map, change.mode, change.seed) != (state.map, state.mode, state.seed):
            self.settingsRequested.emit(change)

    def _add(self, names: tuple[str, ...]) -> None:
        """Other datasets are wanted, with all subjects: those chosen by name may be of none of them."""
        more = [name for name in names if name not in self._overlays.added]
        fewer = [name for name in self._overlays.added if name not in names]
        text = f"Overlay {more[0]} too" if more else f"Overlay without {fewer[0]}" if fewer else "Overlay datasets"
        self._overlays.choose(text, added=names, chosen=(), chosen_in="")

    def _act(self) -> None:
        if self._action == _USE_LINEAR:
            state = self._document.state
            self.settingsRequested.emit(SettingsChange(MapKind.LINEAR, state.mode, state.seed, state.features))
        elif self._action == _TRY_AGAIN:
            self._overlays.compute()
        elif self._action:
            self._actions[self._action].trigger()

    def _only_selected(self) -> None:
        shown, view = self._overlays.shown, self._view
        if shown is None or not len(view.plot.selection):
            return
        codes = np.flatnonzero(np.bincount(shown.subject[view.plot.selection]))
        names = tuple(shown.subject_names[code] for code in codes[:MOST_CHOSEN].tolist())
        self._overlays.choose("Show only selected subjects", chosen=names, chosen_in=shown.settings.dataset)

    def _all_subjects(self) -> None:
        self._overlays.choose("Show all subjects again", chosen=(), chosen_in="")

    def _export(self) -> None:
        shown, study = self._overlays.shown, self._document.study
        if shown is not None and study is not None:
            details = self._overlays.details
            look = self._overlays.choice.look.fitting(shown, details)
            self._exporting.ask([overlay_export(study, shown, details, look)])

    # -- showing -------------------------------------------------------------------------------------------------
    def _show(self) -> None:
        overlays, view = self._overlays, self._view
        overlays.watch(view.isVisible())
        if not view.isVisible():
            return  # drawn when it is looked at
        pair, settings = overlays.pair, overlays.settings
        view.bar.setVisible(pair is not None)
        if pair is not None:
            choice = overlays.choice
            view.bar.show_models(overlays.models, *pair, all_sources=choice.all_sources)
            view.bar.added.show_choices(
                self._document.state.dataset, overlays.addable, overlays.added, same_names=choice.same_names
            )
        if settings is not None:
            view.bar.show_settings(settings, templates=overlays.has_templates, level=overlays.may_be_templates)
        view.set_lines(overlays.choice.lines)
        self._show_empty()
        self._show_points()
        self._show_command()
        self._show_notice()

    def _show_command(self) -> None:
        """The command for what is shown, and for what is seen of it."""
        overlays, contents, points = self._overlays, self._document.contents, self._view.plot.points
        settings, look = overlays.settings, overlays.choice.look
        if settings is None:
            return
        if overlays.shown is not None:
            look = look.fitting(overlays.shown, overlays.details)
        names = {each.name for each in points.classes} if points is not None else set()
        look = replace(look, hidden=tuple(name for name in look.hidden if name in names))
        self._view.set_command(overlay_command(str(contents.path) if contents is not None else "", settings, look))

    def _show_empty(self) -> None:
        text, button, self._action = self._why_empty()
        self._view.set_empty(text, button)

    def _why_empty(self) -> tuple[str, str, str]:
        """What stands between the study and an overlay; the button for it, and its action."""
        overlays, contents, state = self._overlays, self._document.contents, self._document.state
        if contents is None or contents.dataset(state.dataset) is None:
            return "Add two networks and a dataset of faces: their spaces are laid over each other here.", "", ""
        if overlays.pair is None:
            there = len(overlays.models)
            text = (
                f"An overlay takes two models that are embedded on '{state.dataset}';"
                f" {'one is' if there == 1 else 'none is'} so far."
            )
            if self._computing.embedding:
                return f"{text} The embeddings are being made: how far that is, is shown below.", "", ""
            if contents.read_only:
                return f"{text} The study is open read-only.", "", ""
            return f"{text} Make the missing embeddings first.", "Compute everything", "study.compute_all"
        if state.map is MapKind.NONE:
            return (
                "With the map 'none' nothing moves: an overlay shows source points before a map and after it.",
                "Use the linear map",
                _USE_LINEAR,
            )
        if overlays.error is not None:
            return fault_text(overlays.error), "Try again", _TRY_AGAIN
        if overlays.looking:
            return "Looking up what is stored, and laying the points out…", "", ""
        if overlays.computing:
            return f"The points are being laid out. {self._stage}", "", ""
        return "This overlay is not computed yet.", "Compute it", _TRY_AGAIN

    def _show_points(self) -> None:
        overlays, view = self._overlays, self._view
        shown, details = overlays.shown, overlays.details
        view.set_details(details)
        if shown is None:
            self._shown, self._laid_out = (), None
            if view.result is not None:
                view.set_overlay(None, None)
            return
        view.bar.show_colours(colourings(shown, details), overlays.choice.colour)
        look = replace(overlays.choice.look.fitting(shown, details), hidden=(), lines=False)
        wanted = (shown, look)
        if wanted == self._shown:
            view.set_hidden(overlays.choice.hidden)
            self._left.show()
            return
        self._shown = wanted

        def sort(_ctx: JobContext | None = None) -> ScatterPoints:
            chosen = looked_at(shown, details, look).colouring
            return ScatterPoints.build(shown.after, chosen.codes, chosen.classes, shown.before, chosen.scale)

        if len(shown.model) <= _FEW_POINTS:
            self._lay_out(shown, sort())
        else:
            self._document.bridge.ask(_POINTS_TOPIC, sort, on_result=lambda points: self._lay_out(shown, points))

    def _lay_out(self, shown: Overlay, points: ScatterPoints) -> None:
        before = self._laid_out
        if shown is not self._overlays.shown:
            return
        same = before is not None and same_points(before.settings, shown.settings)
        self._view.set_overlay(shown, points, same_points=same, same_layout=before is shown)
        self._laid_out = shown
        self._view.set_hidden(self._overlays.choice.hidden)
        self._left.show()
        self._show_command()
        if not same:
            self._list_faces()
            self._search(self._view.bar.search.text())

    def _show_notice(self) -> None:
        overlays, view = self._overlays, self._view
        chosen = len(overlays.choice.chosen_of(self._document.state.dataset))
        wanted = method_text(overlays.choice.method)
        only = f"{chosen:,} chosen subject{'s' * (chosen != 1)} only." if chosen else ""
        if overlays.has_templates and not overlays.may_be_templates and overlays.choice.level is OverlayLevel.TEMPLATES:
            only = " ".join(["Images are shown: not every dataset has templates.", only]).strip()
        if overlays.shown is None:
            view.set_notice("")
        elif overlays.error is not None and not overlays.current:
            view.set_notice(f"{wanted} failed: {fault_text(overlays.error)}", compute="Try again", chosen=bool(chosen))
        elif overlays.computing:
            instead = "PCA is shown until UMAP is there. " if overlays.stand_in else "The picture of before is shown. "
            view.set_notice(instead + (self._stage or "UMAP waits for its turn…"), cancel=True)
        elif overlays.looking and not overlays.current:
            view.set_notice("Laying the points out…")
        elif not overlays.current:
            instead = "PCA is shown." if overlays.stand_in else "The picture of before is shown."
            view.set_notice(f"{instead} {wanted} is not computed.", compute=f"Compute {wanted}", chosen=bool(chosen))
        else:
            view.set_notice(only, chosen=bool(chosen))

    def _staged(self, text: str) -> None:
        self._stage = f"UMAP: {text}" if self._overlays.choice.method is OverlayMethod.UMAP else text
        if self._view.isVisible():
            self._show_notice()
            if self._overlays.shown is None:
                self._show_empty()

    def _details_arrived(self) -> None:
        """Names and faces are known now: of what is selected, and of what is searched for."""
        self._list_faces()
        self._search(self._view.bar.search.text())

    # -- single points -------------------------------------------------------------------------------------------
    def _look_at(self, number: int) -> None:
        self._hovered = number
        self._show_card(place=True)
        if number >= 0:
            self._thumbnails.ask(_HOVER_TOPIC, self._faces_of_card(number), self._source_of(number))

    def _hide_card(self) -> None:
        if self._hovered >= 0:
            self._view.card.show_content(None)

    def _source_of(self, number: int) -> str:
        shown = self._overlays.shown
        return shown.models[shown.model[number]] if shown is not None else ""

    def _near(self, number: int) -> list[tuple[str, int]]:
        """In which space, and which item is nearest to a point's item there."""
        shown, details = self._overlays.shown, self._overlays.details
        if shown is None or details is None or not details.neighbours:
            return []
        model, item = divmod(number, shown.items[0])
        found = details.neighbours[max(model - 1, 0)]
        source = shown.models[max(model, 1)]
        spaces = (
            ("raw", found.before), ("mapped", found.after), (source, found.source_own),
            (shown.models[0], found.target_own),
        )  # fmt: skip
        return [(space, int(near[item])) for space, near in spaces if near[item] >= 0]

    def _face(self, item: int) -> Face:
        """The face that stands for an item, in the item's own dataset: ids and rows may be alike in several."""
        shown, details = self._overlays.shown, self._overlays.details
        assert shown is not None
        assert details is not None
        return shown.settings.datasets[shown.dataset[item]], int(details.images[item])

    def _faces_of_card(self, number: int) -> list[Face]:
        shown, details = self._overlays.shown, self._overlays.details
        if shown is None or details is None:
            return []
        items = [number % shown.items[0], *(item for _, item in self._near(number))]
        return list(dict.fromkeys(self._face(item) for item in items))

    def _show_card(self, *, place: bool) -> None:
        shown, details, view, number = self._overlays.shown, self._overlays.details, self._view, self._hovered
        if number < 0 or shown is None or number >= len(shown.model):
            view.card.show_content(None)
            return
        model, item = divmod(number, shown.items[0])
        name = details.names[item] if details is not None else ""
        dataset = shown.settings.datasets[shown.dataset[item]]
        subject = shown.subject_names[shown.subject[number]]
        lines = [name.rsplit("/", 1)[-1] or "…", subject, *([dataset] if shown.parts else []), self._role(model)]
        if len(shown.fit_pairs) > 1 and model:
            lines.append(f"map of half {2 - int(shown.half[number])}")
        face = self._thumbnails.image(self._face(item)) if details is not None else None
        neighbours = []
        if details is not None:
            for space, near in self._near(number):
                same = bool(shown.subject[near] == shown.subject[item])
                image = self._thumbnails.image(self._face(near))
                neighbours.append(CardNeighbour(space, details.names[near].rsplit("/", 1)[-1], same, image))
        content = PointCardContent(tuple(lines), face, self._thumbnails.refusal(dataset), tuple(neighbours))
        view.card.show_content(content, view.plot.position_of(number) if place else None)

    def _role(self, model: int) -> str:
        shown = self._overlays.shown
        assert shown is not None
        return f"{shown.models[model]}, {'source' if model else 'target'}"

    def _faces_arrived(self) -> None:
        if self._view.card.isVisible():
            self._show_card(place=False)
        details = self._overlays.details
        if details is not None:
            for place, item in enumerate(self._listed):
                face = self._thumbnails.image(self._face(item))
                if face is not None:
                    self._view.faces.show_image(place, face)

    # -- selected and searched points ----------------------------------------------------------------------------
    def _list_faces(self, _numbers: object = None) -> None:
        shown, view = self._overlays.shown, self._view
        selection = view.plot.selection
        self._listed = []
        self._document.bridge.drop(_SELECTION_TOPIC)
        if shown is None or view.result is not shown or not len(selection):
            return
        if len(selection) <= _FEW_POINTS:
            self._list(shown, selection, _listing(shown, selection))
            return

        def sort(_ctx: JobContext) -> _Listing:
            return _listing(shown, selection)

        self._document.bridge.ask(
            _SELECTION_TOPIC, sort, on_result=lambda listing: self._list(shown, selection, listing)
        )

    def _list(self, shown: Overlay, selection: NDArray[np.int32], listing: _Listing) -> None:
        details, view = self._overlays.details, self._view
        if shown is not view.result or selection is not view.plot.selection:
            return
        first, items, subjects = listing
        self._listed = first
        names = details.names if details is not None else dict.fromkeys(first, "…")
        of = [f", {name}" if shown.parts else "" for name in shown.settings.datasets]
        faces = [
            ListedFace(item, names[item], f"{shown.subject_names[shown.subject[item]]}{of[shown.dataset[item]]}")
            for item in first
        ]
        view.faces.show_faces(len(selection), faces, items, subjects)
        if details is not None:
            self._thumbnails.ask(_LIST_TOPIC, [self._face(item) for item in first])
            self._faces_arrived()

    def _face_chosen(self, item: int) -> None:
        self._view.plot.set_current(item)

    def _search(self, text: str) -> None:
        shown, details, view = self._overlays.shown, self._overlays.details, self._view
        if shown is None or details is None or not text.strip():
            view.set_found(np.zeros(0, np.int32), "")
            return

        def find(_ctx: JobContext) -> NDArray[np.int32]:
            from canon_core.experiments.overlay_details import points_named

            return points_named(shown, details, text)

        def found(points: NDArray[np.int32]) -> None:
            if shown is self._overlays.shown:
                items = len(points) // len(shown.models)
                one = str(shown.settings.level).removesuffix("s")
                found_text = f"{items:,} {one}{'s' * (items != 1)} found" if items else "nothing found here"
                view.set_found(points, found_text)

        self._document.bridge.ask(_SEARCH_TOPIC, find, on_result=found)


#: Items whose faces are listed, by subject; and how many items and subjects there are.
_Listing = tuple[list[int], int, int]


def _listing(shown: Overlay, selection: NDArray[np.int32]) -> _Listing:
    items = items_of(shown, selection)
    counts = np.bincount(shown.subject[items])
    # Only the subjects that come first are put in order.
    last = int(np.searchsorted(np.cumsum(counts), MOST_LISTED))
    first = items[shown.subject[items] <= last]
    first = first[np.argsort(shown.subject[first], kind="stable")][:MOST_LISTED]
    return first.tolist(), len(items), int(np.count_nonzero(counts))


_SAME_PEOPLE, _OTHER_PEOPLE = "Take same names for one person", "Take same names for different people"
_USE_LINEAR, _TRY_AGAIN = "use the linear map", "compute it"


def _changed(before: OverlayChoice, after: OverlayChoice) -> list[str]:
    return [each.name for each in fields(OverlayChoice) if getattr(before, each.name) != getattr(after, each.name)]


def _choice_text(wanted: OverlayChoice, changed: list[str]) -> str:
    """A change of the choosers as the Undo menu names it."""
    if wanted.subjects is None:
        subset = "some subjects"
    else:
        subset = "everything" if wanted.subjects == EVERYTHING else f"{wanted.subjects:,} subjects"
    texts = {
        "all_sources": "Overlay all other models" if wanted.all_sources else "Overlay one source",
        "method": f"Lay out by {method_text(wanted.method)}",
        "level": f"Overlay {wanted.level}",
        "subjects": f"Overlay {subset}",
        "neighbours": f"Lay out with {wanted.neighbours} neighbours",
        "min_dist": f"Lay out with min-dist {wanted.min_dist:g}",
    }
    return ", ".join(texts[name] for name in changed)
