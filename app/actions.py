"""Every action of the window, once: menus, tool bar, shortcuts and tips are made of this list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

_Keys = QKeySequence.StandardKey


@dataclass(frozen=True)
class ActionSpec:
    """What an action is called and where it stands; a menu's items stand in the order of the list.

    Attributes
    ----------
    key : str
        Its name in the program, ``menu.what``.
    text, tip : str
        On the menu, and what it does in a sentence.
    shortcut : str or QKeySequence.StandardKey or None
        Standard keys follow the platform.
    group : int
        Items of different groups are parted by a line.
    checkable : bool
        Whether it is switched on and off.
    """

    key: str
    text: str
    tip: str
    shortcut: str | QKeySequence.StandardKey | None = None
    group: int = 0
    checkable: bool = False

    @property
    def menu(self) -> str:
        """The menu it stands in."""
        return self.key.partition(".")[0]


ACTIONS: Final = (
    ActionSpec("file.new", "&New study…", "Make a new, empty study", _Keys.New),
    ActionSpec("file.open", "&Open study…", "Open a study folder (NAME.canon)", _Keys.Open),
    ActionSpec("file.import", "&Import embeddings…",
               "Take in embeddings made elsewhere (.npy, .npz, .h5, .csv), for images or for ids alone", "Ctrl+I", 1),
    ActionSpec("file.close", "&Close study", "Close the study; everything in it is saved", _Keys.Close, 2),
    ActionSpec("file.export", "&Export figures and tables…", "Write the matrix, its ROC curves and its tables as files",
               "Ctrl+E", 3),
    ActionSpec("file.quit", "&Quit", "Close the window; unfinished work can be resumed", _Keys.Quit, 4),
    ActionSpec("edit.copy_command", "Copy as &canon command", "Copy the command line that makes this matrix",
               "Ctrl+Shift+C", 1),
    ActionSpec("edit.clear_selection", "C&lear selection", "Choose no cell", "Esc", 1),
    ActionSpec("study.add_model", "Add &model…", "Add face-recognition networks (ONNX files)", "Ctrl+M"),
    ActionSpec("study.add_dataset", "Add &dataset…", "Add a folder of face images, IJB-B or IJB-C, LFW, or a .bin file",
               "Ctrl+D"),
    ActionSpec("study.compute_all", "Compute every&thing", "Make the missing embeddings, then the missing cells",
               "Ctrl+Return", 1),
    ActionSpec("study.embed", "Compute &embeddings", "Embed the chosen dataset with every model that is not complete",
               None, 1),
    ActionSpec("study.matrix", "Compute matri&x", "Fit the missing maps and score the missing cells", None, 1),
    ActionSpec("study.automatic", "Compute missing cells &automatically",
               "Score missing cells as soon as embeddings are complete or a setting changes", None, 1, True),
    ActionSpec("study.preprocessing", "&Preprocessing…", "See, or before the first embedding change, how the chosen"
               " model's input is prepared", None, 2),
    ActionSpec("study.rename", "&Rename…", "Give the chosen model or dataset another name", "F2", 2),
    ActionSpec("study.remove", "Re&move…", "Take the chosen model or dataset out of the study, with its embeddings"
               " and results; its files stay", None, 2),
    ActionSpec("experiment.confidence", "Confidence of the chosen &cell", "Intervals of its TARs, and of its"
               " differences to the weaker model and to the other way round: subjects are drawn again, the map is held"
               " fixed", "Ctrl+Shift+I"),
    ActionSpec("experiment.confidence_all", "Confidence of &all cells", "The same for every cell of the matrix"),
    ActionSpec("experiment.identify", "&Search galleries (1:N)", "Probes of every model searched in galleries of every"
               " other, through the maps", None, 1),
    ActionSpec("experiment.groups", "Errors by &group", "FMR of every two groups and FNMR of every group, at the chosen"
               " cell's threshold", None, 1),
    ActionSpec("experiment.sensitivity", "Se&nsitivity to fit pairs", "TAR of every cell with maps fitted on fewer"
               " image pairs, linear and rotation", None, 2),
    ActionSpec("view.matrix", "&Matrix", "TAR of every model against every other", "Ctrl+1"),
    ActionSpec("view.roc", "&ROC", "Curves of the chosen cells", "Ctrl+2"),
    ActionSpec("view.faces", "&Faces", "What the networks see of the images", "Ctrl+3"),
    ActionSpec("view.search", "&1:N", "Galleries searched, with CMC curves of the chosen cells", "Ctrl+4"),
    ActionSpec("view.groups", "&Groups", "Errors of the chosen cell by group of templates", "Ctrl+5"),
    ActionSpec("view.overlay", "&Overlay", "The chosen cell's source laid over its target, before and after the map",
               "Ctrl+6"),
    ActionSpec("view.sensitivity", "&Sensitivity", "TAR against the number of image pairs that maps are fitted on",
               "Ctrl+7"),
    ActionSpec("view.pairs", "&Pairs", "The face pairs behind the chosen cell: its errors, and those its map creates or"
               " repairs", "Ctrl+8"),
    ActionSpec("view.two_faces", "&Two faces", "Any two faces through any two models", "Ctrl+9"),
    ActionSpec("help.log", "Show &log file", "Open the folder of the log, where details of faults are written"),
    ActionSpec("help.about", "&About Canon Explorer", "Versions, licence, and what this computer offers", None, 1),
)


class Actions(QObject):
    """The actions as Qt knows them; each can be disabled with a reason that its tip then gives."""

    def __init__(self, parent: QObject, specs: Iterable[ActionSpec] = ACTIONS) -> None:
        super().__init__(parent)
        self.specs = {spec.key: spec for spec in specs}
        self._actions: dict[str, QAction] = {}
        for spec in self.specs.values():
            action = QAction(spec.text, self)
            action.setObjectName(spec.key)
            action.setCheckable(spec.checkable)
            if spec.shortcut is not None:
                action.setShortcut(QKeySequence(spec.shortcut))
            if spec.key == "file.quit":
                action.setMenuRole(QAction.MenuRole.QuitRole)
            elif spec.key == "help.about":
                action.setMenuRole(QAction.MenuRole.AboutRole)
            self._actions[spec.key] = action
            self.allow(spec.key)

    def __getitem__(self, key: str) -> QAction:
        return self._actions[key]

    def __iter__(self) -> Iterable[QAction]:
        return iter(self._actions.values())

    def connect(self, key: str, slot: Callable[[], object]) -> None:
        """Call ``slot()`` when the action is chosen."""
        self._actions[key].triggered.connect(lambda _checked=False: slot())

    def allow(self, key: str, refusal: str = "") -> None:
        """Enable the action, or disable it for a reason."""
        action, spec = self._actions[key], self.specs[key]
        action.setEnabled(not refusal)
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        tip = f"{spec.tip} ({keys})" if keys else spec.tip
        action.setToolTip(f"{tip}\n{refusal}" if refusal else tip)
        action.setStatusTip(refusal or spec.tip)

    def refusal(self, key: str) -> str:
        """Why an action cannot be chosen; empty where it can."""
        action = self._actions[key]
        return "" if action.isEnabled() else action.statusTip()

    def fill(self, menu: QMenu, name: str, groups: Iterable[int] | None = None) -> None:
        """Put a menu's actions into it, with a line between groups."""
        wanted = None if groups is None else set(groups)
        last: int | None = None
        for spec in self.specs.values():
            if spec.menu != name or (wanted is not None and spec.group not in wanted):
                continue
            if last is not None and spec.group != last:
                menu.addSeparator()
            last = spec.group
            menu.addAction(self._actions[spec.key])
