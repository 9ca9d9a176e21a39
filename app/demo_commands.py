"""The demo study and the guided tour through it, as the start page and the Help menu offer them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from . import file_choosers
from .actions import Actions
from .computing import Computing
from .contents import Contents
from .demo_study import DemoStudy
from .document import Document
from .message_bar import Tone
from .preferences import UserPreferences
from .tour import Tour

if TYPE_CHECKING:
    from .main_window import MainWindow

_OFFER = (
    "This is the demo study: synthetic faces, made by a computer, that belong to nobody. A tour of five steps shows the"
    " paper on it."
)


class DemoCommands(QObject):
    """Connects them, and offers the tour when the demo study is opened."""

    def __init__(
        self,
        window: MainWindow,
        document: Document,
        computing: Computing,
        actions: Actions,
        preferences: UserPreferences,
    ) -> None:
        super().__init__(window)
        self._window, self._document = window, document
        self.study = DemoStudy(document, preferences)
        self.tour = Tour(window, document, computing, actions)
        page = window.start_page
        actions.connect("help.demo", self.open)
        actions.connect("help.tour", lambda: self.open(tour=True))
        page.demoRequested.connect(self.open)
        page.demoCancelled.connect(self.study.cancel)
        page.demoFolderRequested.connect(self.choose_folder)
        self.study.progressed.connect(page.show_demo_progress)
        self.study.stopped.connect(lambda: page.show_demo_progress(None))
        self.study.ready.connect(self._ready)
        preferences.changed.connect(lambda _: page.show_demo_folder(self.study.folder))
        page.show_demo_folder(self.study.folder)
        document.opened.connect(self._opened)
        document.closed.connect(lambda: window.messages.withdraw(_OFFER))

    def open(self, *, tour: bool = False) -> None:
        """Open the demo study, made first where it is not there; with ``tour`` it is shown around in."""
        then = self.tour.begin if tour else None
        if self.study.shown or self.study.making:
            self.study.open(then)
        else:
            self._window.commands.when_free("Open the demo study", lambda: self.study.open(then))

    def choose_folder(self) -> None:
        """Ask where to make the demo study."""
        chosen = file_choosers.choose_demo_folder(self._window, self.study.folder.parent)
        if chosen is not None:
            self.study.choose_folder(chosen)

    def _ready(self) -> None:
        self._window.messages.say(
            "The demo study of synthetic faces is ready.",
            Tone.NOTE,
            "Open it",
            lambda: self._window.commands.when_free("Open the demo study", self.study.show_made),
        )

    def _opened(self, _contents: Contents) -> None:
        if self.study.shown and not self.tour.running:
            self._window.messages.say(_OFFER, Tone.NOTE, "Guided tour", self.tour.begin)
