"""The window: study tree at the left, views in the middle, inspector at the right, jobs and log below."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QTabWidget,
    QWidget,
)

from .actions import Actions
from .appearance import Appearance, Look
from .arrangement import Arrangement
from .cell_menu import CellMenu
from .centre import Centre
from .computing import Computing
from .contents import Contents
from .copying import Copying
from .demo_commands import DemoCommands
from .dialogs.ask import confirm
from .dock import Dock
from .dock_widths import INSPECTOR, STUDY, DockWidths
from .document import Document
from .drop_hint import DropHint, drop_words
from .engine_bridge import EngineBridge
from .exporting import Exporting
from .faces_presenter import FacesPresenter
from .jobs_panel import JobsPanel
from .jobs_shown import JobsShown
from .log_panel import LogPanel
from .management import Management
from .menus import fill_menu_bar, make_tool_bar
from .message_bar import MessageBar
from .overlay_faces import OverlayFaces
from .overlay_presenter import OverlayPresenter
from .overlays import Overlays
from .pairs_presenter import PairsPresenter
from .preferences import UserPreferences
from .presenter import Presenter
from .recent_list import RecentList
from .saving_cells import SavingCells
from .sensitivity import SensitivityCurves
from .sensitivity_presenter import SensitivityPresenter
from .start_page import StartPage
from .statistics import Statistics
from .statistics_presenter import StatisticsPresenter
from .study_commands import StudyCommands
from .study_tree import StudyTree
from .two_faces_presenter import TwoFacesPresenter
from .user_files import write_window
from .views.contact_sheet_view import ContactSheetView
from .views.group_view import GroupView
from .views.identification_view import IdentificationView
from .views.inspector import Inspector
from .views.matrix_view import MatrixView
from .views.overlay_view import OverlayView
from .views.pair_view import PairView
from .views.roc_view import RocView
from .views.sensitivity_view import SensitivityView
from .views.two_faces_view import TwoFacesView
from .window_commands import WindowCommands

_TITLE = "Canon Explorer"


class MainWindow(QMainWindow):
    """Owns the engine, the document and every view; closing it ends them all."""

    def __init__(self, appearance: Appearance | None = None, bridge: EngineBridge | None = None) -> None:
        super().__init__()
        self.setObjectName("main-window")
        self.setAcceptDrops(True)
        self.resize(1280, 800)
        self._appearance = appearance
        self._closing = self._ended = False
        self.bridge = bridge or EngineBridge(self)
        self.document = Document(self.bridge, self)
        self.computing = Computing(self.document, self)
        self.statistics = Statistics(self.document, self.computing, self)
        self.sensitivity = SensitivityCurves(self.document, self.computing, self)
        self.actions_ = Actions(self)
        self._make_centre()
        self._make_docks()
        self.exporting = Exporting(self, self.document, self.messages)
        self.commands = StudyCommands(
            self, self.document, self.computing, self.actions_, self.tree, self.messages, self.exporting
        )
        self.statistics_presenter = StatisticsPresenter(
            self.document,
            self.computing,
            self.statistics,
            self.actions_,
            self.exporting,
            search=self.search_view,
            groups=self.group_view,
            roc=self.roc_view,
        )
        self.sensitivity_presenter = SensitivityPresenter(
            self.document, self.sensitivity, self.actions_, self.exporting, self.sensitivity_view
        )
        self.presenter = Presenter(
            self.document,
            self.computing,
            self.actions_,
            tree=self.tree,
            matrix=self.matrix_view,
            roc=self.roc_view,
            inspector=self.inspector,
            exporting=self.exporting,
            beyond=self.statistics_presenter.beyond,
        )
        self.faces_presenter = FacesPresenter(self.document, self.actions_, self.exporting, self.faces_view)
        self.faces_view.modelChosen.connect(self.presenter.choose_model)
        self._connect_statistics()
        self._connect_overlay()
        self.pairs_presenter = PairsPresenter(
            self.document, self.computing, self.statistics, self.actions_, self.exporting,
            view=self.pair_view, roc=self.roc_view,
        )
        self.two_faces_presenter = TwoFacesPresenter(
            self, self.document, self.actions_, self.exporting, view=self.two_faces_view
        )
        self.pairs_presenter.compareRequested.connect(self.two_faces_presenter.compare_pair)
        self.overlay_faces.pairRequested.connect(self._open_pair)
        self.tabs.currentChanged.connect(self.pairs_presenter.tab_shown)
        self.tabs.currentChanged.connect(self.two_faces_presenter.tab_shown)
        self.preferences = UserPreferences(self.bridge, self)
        self.demo = DemoCommands(self, self.document, self.computing, self.actions_, self.preferences)
        self.window_commands = WindowCommands(
            self, self.document, self.computing, self.actions_, self.preferences, self._appearance, self.demo
        )
        self.management = Management(
            self, self.document, self.computing, self.statistics, self.actions_, self.tree, self.messages
        )
        self.saving_cells = SavingCells(self, self.document, self.computing, self.actions_, self.messages)
        self.copying = Copying(
            self, self.document, self.computing, self.statistics, self.actions_, self.messages
        )
        self.tabs.currentChanged.connect(self.presenter.tab_shown)
        self.tabs.currentChanged.connect(self.faces_presenter.tab_shown)
        self.tabs.currentChanged.connect(self.statistics_presenter.tab_shown)
        self.tabs.currentChanged.connect(self.sensitivity_presenter.tab_shown)
        self.recent = RecentList(
            self.bridge, self.start_page, fill_menu_bar(self.menuBar(), self.actions_), self.commands.open_path
        )
        self.addToolBar(make_tool_bar(self.actions_))
        self.statusBar().addPermanentWidget(self.jobs_shown.button)
        self.document.opened.connect(self._show_study)
        self.document.closed.connect(self._show_start)
        self.tabs.currentChanged.connect(lambda place: self.document.bring_to_front(self.tabs.tabText(place)))
        self.document.changes.unreadable.connect(self.jobs.never_again)
        self.document.closed.connect(self.jobs.forget_study)
        self.document.recentChanged.connect(self.recent.show)
        self.start_page.newRequested.connect(self.commands.new_study)
        self.start_page.openRequested.connect(self.commands.open_study)
        self.start_page.studyRequested.connect(self.commands.open_path)
        self.start_page.forgetRequested.connect(self.commands.forget)
        self.recent.read()
        self._show_start()
        if self._appearance is not None:
            self._appearance.dress()
        self.arrangement.restore()

    # -- building ------------------------------------------------------------------------------------------------
    def _make_centre(self) -> None:
        self.messages = MessageBar()
        self.start_page = StartPage()
        self.matrix_view, self.roc_view = MatrixView(), RocView()
        self.faces_view = ContactSheetView()
        self.search_view, self.group_view = IdentificationView(), GroupView()
        self.overlay_view, self.sensitivity_view = OverlayView(), SensitivityView()
        self.pair_view, self.two_faces_view = PairView(), TwoFacesView()
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for view, name, key in (
            (self.matrix_view, "Matrix", "view.matrix"),
            (self.roc_view, "ROC", "view.roc"),
            (self.faces_view, "Faces", "view.faces"),
            (self.search_view, "1:N", "view.search"),
            (self.group_view, "Groups", "view.groups"),
            (self.overlay_view, "Overlay", "view.overlay"),
            (self.sensitivity_view, "Sensitivity", "view.sensitivity"),
            (self.pair_view, "Pairs", "view.pairs"),
            (self.two_faces_view, "Two faces", "view.two_faces"),
        ):
            self.tabs.addTab(view, name)
            self.actions_.connect(key, lambda view=view: self.tabs.setCurrentWidget(view))
        self.pages = QStackedWidget()
        self.pages.addWidget(self.start_page)
        self.pages.addWidget(self.tabs)
        self.centre = Centre(self.pages, self.tabs)
        self.setCentralWidget(self.centre)
        self.messages.float_over(self, self.centre)
        self.drop_hint = DropHint(self, self.centre)

    def _connect_statistics(self) -> None:
        """One selection for the views of statistics and all others."""
        statistics, presenter = self.statistics_presenter, self.presenter
        statistics.beyondChanged.connect(presenter.focus_again)
        self.search_view.selectionChanged.connect(presenter.choose_cells)
        self.search_view.modelSelected.connect(presenter.choose_model)
        self.inspector.confidenceRequested.connect(self.actions_["experiment.confidence"].trigger)
        self.inspector.foldsRequested.connect(self.actions_["experiment.folds"].trigger)
        self.inspector.foldsExportRequested.connect(statistics.export_folds)
        self.inspector.foldsCommandRequested.connect(statistics.copy_folds_command)
        self.inspector.foldsUnfolded.connect(presenter.focus_again)
        self.inspector.groupsRequested.connect(self.actions_["view.groups"].trigger)

    def _connect_overlay(self) -> None:
        """One selection for the overlay and all others; a double click on a cell shows its overlay."""
        self.overlays = Overlays(self.document, self.computing, self)
        self.overlay_presenter = OverlayPresenter(
            self, self.document, self.computing, self.overlays, self.actions_, self.exporting, self.overlay_view
        )
        self.overlay_presenter.cellsChosen.connect(self.presenter.choose_cells)
        self.overlay_presenter.settingsRequested.connect(self.matrix_view.settingsRequested)
        self.matrix_view.heat_map.cellActivated.connect(lambda *_: self.actions_["view.overlay"].trigger())
        self.cell_menu = CellMenu(self.document, self.actions_, self.matrix_view)
        self.tabs.currentChanged.connect(self.overlay_presenter.tab_shown)
        self.overlay_faces = OverlayFaces(self.document, self.overlays, self.overlay_view, self.two_faces_view)

    def _open_pair(self, source: str, target: str, first: int, second: int) -> None:
        self.presenter.choose_cells(((source, target),))
        self.pairs_presenter.open_pair(source, target, first, second)

    def _make_docks(self) -> None:
        self.tree = StudyTree()
        self.inspector = Inspector()
        self.jobs = JobsPanel(self.bridge)
        self.log = LogPanel(self.bridge)
        for panel in (self.jobs, self.log):
            panel.setMinimumHeight(56)  # a job or two: in a low window views need the rest
        for panel, narrowest in ((self.tree, 200), (self.inspector, 300)):
            panel.setMinimumWidth(narrowest)  # names, and the numbers beside them, can still be read
        areas = Qt.DockWidgetArea
        self.setCorner(Qt.Corner.BottomLeftCorner, areas.LeftDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, areas.RightDockWidgetArea)
        self.docks = [
            self._dock("Study", "dock-study", self.tree, areas.LeftDockWidgetArea),
            self._dock("Inspector", "dock-inspector", self.inspector, areas.RightDockWidgetArea),
            self._dock("Jobs", "dock-jobs", self.jobs, areas.BottomDockWidgetArea),
            self._dock("Log", "dock-log", self.log, areas.BottomDockWidgetArea),
        ]
        study, inspector, jobs, log = self.docks
        self.tabifyDockWidget(jobs, log)
        jobs.raise_()
        self.resizeDocks([study, inspector], [STUDY, INSPECTOR], Qt.Orientation.Horizontal)
        self.resizeDocks([jobs], [76], Qt.Orientation.Vertical)
        self.jobs_shown = JobsShown(self, self.bridge, self.jobs, jobs, log)
        self.tree.menuRequested.connect(self._tree_menu)
        self.dock_widths = DockWidths(self, {study: STUDY, inspector: INSPECTOR})
        self.arrangement = Arrangement(self, self.jobs_shown, self.dock_widths)

    def _dock(self, title: str, name: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = Dock(title, self)
        dock.setObjectName(name)
        dock.setWidget(widget)
        self.addDockWidget(area, dock)
        return dock

    def _tree_menu(self, position: object) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.actions_.fill(menu, "study", [1, 2, 3])
        menu.popup(position)

    # -- showing a study, or none --------------------------------------------------------------------------------
    def _show_study(self, contents: Contents) -> None:
        self.pages.setCurrentWidget(self.tabs)
        names = [self.tabs.tabText(place) for place in range(self.tabs.count())]
        if self.document.tab in names:
            self.tabs.setCurrentIndex(names.index(self.document.tab))
        for dock in self.docks[:2]:
            dock.setEnabled(True)
        self.jobs.keeping = not contents.read_only
        state = " (read-only)" if contents.read_only else ""
        self.setWindowTitle(f"{contents.name}{state} — {_TITLE}")
        self.setWindowFilePath(str(contents.path))
        self.tree.setFocus()

    def _show_start(self) -> None:
        self.pages.setCurrentWidget(self.start_page)
        self.tabs.setCurrentIndex(0)  # what was in front of this study has nothing to show of a new one
        for dock in self.docks[:2]:
            dock.setEnabled(False)
        self.start_page.demo_button.setFocus()
        self.setWindowFilePath("")
        self.setWindowTitle(_TITLE)

    # -- dropping ------------------------------------------------------------------------------------------------
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        paths = _dragged(event)
        if paths:
            event.acceptProposedAction()
            self.drop_hint.say(drop_words(paths, study_open=self.document.contents is not None))

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.drop_hint.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self.drop_hint.hide()
        event.acceptProposedAction()
        paths = _dragged(event)
        # The other program waits until this returns; dialogs come after it.
        QTimer.singleShot(0, self, lambda: self.commands.take(paths))

    # -- closing -------------------------------------------------------------------------------------------------
    def closeEvent(self, event: QCloseEvent) -> None:
        if self._ended:
            event.accept()
            return
        event.ignore()
        if self._closing:
            return
        jobs = self.bridge.batch()
        if jobs:
            confirm(
                self,
                "Quit",
                f"'{next(iter(jobs.values())).title}' is not finished.",
                self.document.after_cancelling,
                "Cancel the job and quit",
                self.shut_down,
                no="Keep working",
            )
        else:
            self.shut_down()

    def shut_down(self) -> None:
        """Cancel what runs, save, give the study back, and close; takes seconds at most."""
        if self._closing:
            return
        self._closing = True
        self.statusBar().showMessage("Closing…")
        self._save_arrangement()
        self.bridge.cancel_all()
        # Not from within closeEvent: the window cannot be closed while it is being closed.
        QTimer.singleShot(0, self, lambda: self.document.close(self._end))

    def _end(self) -> None:
        self.overlays.close()
        self.bridge.close()
        self._ended = True
        self.close()
        application = QApplication.instance()
        if application is not None and self._appearance is not None:
            application.quit()

    # -- remembering ---------------------------------------------------------------------------------------------
    def _save_arrangement(self) -> None:
        contents = self.document.contents
        window = {
            "study": str(contents.path) if contents is not None else "",
            **self.arrangement.facts(),
            "look": str(self._appearance.look) if self._appearance is not None else str(Look.SYSTEM),
        }
        self.bridge.run_errand(lambda: write_window(window))


def _dragged(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
