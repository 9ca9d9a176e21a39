"""Every action of the window, once: menus, tool bar, shortcuts, tips and the command palette are made of this list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QObject, Signal
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
    also : str or None
        A second shortcut that other programs use, while no action has it for its own.
    """

    key: str
    text: str
    tip: str
    shortcut: str | QKeySequence.StandardKey | None = None
    group: int = 0
    checkable: bool = False
    also: str | None = None

    @property
    def menu(self) -> str:
        """The menu it stands in."""
        return self.key.partition(".")[0]

    @property
    def name(self) -> str:
        """Its text without what only a menu needs."""
        return plain(self.text)


def plain(text: str) -> str:
    """A menu's text without mnemonic and ellipsis."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").removesuffix("…")


ACTIONS: Final = (
    ActionSpec("file.new", "&New study…", "Make a new, empty study", _Keys.New),
    ActionSpec("file.open", "&Open study…", "Open a study folder (NAME.canon)", _Keys.Open),
    ActionSpec("file.import", "&Import embeddings…",
               "Take in embeddings made elsewhere (.npy, .npz, .h5, .csv), for images or for ids alone", "Ctrl+I", 1),
    ActionSpec("file.close", "&Close study", "Close the study; everything in it is saved", _Keys.Close, 2),
    ActionSpec("file.export", "&Export figures and tables…", "Write the matrix, its ROC curves and its tables as files",
               "Ctrl+E", 3),
    ActionSpec("file.save_map", "Save this cell's &map…", "Fit the chosen cell's map on everything, measure it, and"
               " write it as a file that converts old embeddings elsewhere (canon map fit)", None, 3),
    ActionSpec("file.save_scores", "Save this cell's &scores…", "Write label, ids and score of every pair of the chosen"
               " cell, for other programs (canon scores)", None, 3),
    ActionSpec("file.quit", "&Quit", "Close the window; unfinished work can be resumed", _Keys.Quit, 4),
    ActionSpec("edit.undo", "&Undo", "Take back the last choice", _Keys.Undo),
    ActionSpec("edit.redo", "&Redo", "Make the choice again that was taken back", _Keys.Redo,
               also="Ctrl+Y"),
    ActionSpec("edit.copy_command", "Copy as &canon command", "Copy the command line that makes what the view in front"
               " shows", "Ctrl+Shift+C", 1),
    ActionSpec("edit.copy_methods", "Copy as methods &paragraph", "Copy a text for a paper: data, models with hashes,"
               " settings, counts and versions behind what the view in front shows", "Ctrl+Shift+M", 1),
    ActionSpec("edit.clear_selection", "C&lear selection", "Choose no cell", "Esc", 1),
    ActionSpec("edit.palette", "Co&mmand palette…", "Find any command by its name and run it", "Ctrl+K", 2),
    ActionSpec("edit.preferences", "&Preferences…", "Appearance, computing, notifications, shortcuts, and where your"
               " files lie", "Ctrl+,", 2),
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
    ActionSpec("study.locate", "&Locate…", "Say where the chosen model's file or the chosen dataset's folder lies now;"
               " its content must be what it was", None, 2),
    ActionSpec("study.clear", "C&lear cached results…", "See what maps and results take on the disk, and delete some;"
               " they can be computed again", None, 3),
    ActionSpec("experiment.confidence", "Confidence of the chosen &cell", "Intervals of its TARs, and of its"
               " differences to the weaker model and to the other way round: subjects are drawn again, the map is held"
               " fixed", "Ctrl+Shift+I"),
    ActionSpec("experiment.confidence_all", "Confidence of &all cells", "The same for every cell of the matrix"),
    ActionSpec("experiment.identify", "&Search galleries (1:N)", "Probes of every model searched in galleries of every"
               " other, through the maps", None, 1),
    ActionSpec("experiment.groups", "Errors by &group", "FMR of every two groups and FNMR of every group, at the chosen"
               " cell's threshold", None, 1),
    ActionSpec("experiment.folds", "&Fold accuracy of the chosen cell", "Mean accuracy over the folds of the dataset's"
               " list of pairs, as for LFW: map and threshold of each fold are those of the other folds", None, 1),
    ActionSpec("experiment.folds_all", "Fold accuracy of all ce&lls", "The same for every cell of the matrix", None, 1),
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
    ActionSpec("view.arrange", "&Arrange as at first", "Put every dock back where it was at the first start", None, 2),
    ActionSpec("view.look_system", "As the &system", "Light or dark, as the system has it", None, 3, True),
    ActionSpec("view.look_light", "&Light", "Dark words on light ground", None, 3, True),
    ActionSpec("view.look_dark", "&Dark", "Light words on dark ground", None, 3, True),
    ActionSpec("help.demo", "Open the &demo study", "The paper's experiment on synthetic faces, made on this computer"
               " the first time"),
    ActionSpec("help.tour", "Guided &tour", "The paper in five steps, on the demo study"),
    ActionSpec("help.guide", "User &guide", "How to work with the program, from a first study to every setting",
               _Keys.HelpContents),
    ActionSpec("help.log", "Show &log file", "Open the folder of the log, where details of faults are written",
               None, 1),
    ActionSpec("help.about", "&About Canon Explorer", "Versions, licence, and what this computer offers", None, 2),
)


class Actions(QObject):
    """The actions as Qt knows them; each can be disabled with a reason that its tip then gives.

    Signals
    -------
    shortcutsChanged(changed) : dict of str to str
        The user's own shortcuts, by key; empty text is no shortcut at all.
    """

    shortcutsChanged = Signal(object)

    def __init__(self, parent: QObject, specs: Iterable[ActionSpec] = ACTIONS) -> None:
        super().__init__(parent)
        self.specs: dict[str, ActionSpec] = {}
        self._actions: dict[str, QAction] = {}
        self._refusals: dict[str, str] = {}
        for spec in specs:
            self._add(spec, QAction(spec.text, self))

    def adopt(self, spec: ActionSpec, action: QAction) -> None:
        """Take in an action that Qt made (a dock's own); it stands where its menu puts it."""
        self._add(spec, action)

    def _add(self, spec: ActionSpec, action: QAction) -> None:
        action.setObjectName(spec.key)
        action.setCheckable(spec.checkable)
        if spec.key == "file.quit":
            action.setMenuRole(QAction.MenuRole.QuitRole)
        elif spec.key == "help.about":
            action.setMenuRole(QAction.MenuRole.AboutRole)
        elif spec.key == "edit.preferences":
            action.setMenuRole(QAction.MenuRole.PreferencesRole)
        self.specs[spec.key] = spec
        self._actions[spec.key] = action
        action.setShortcut(self.default_shortcut(spec.key))
        self.allow(spec.key)
        self._share()

    def __getitem__(self, key: str) -> QAction:
        return self._actions[key]

    def __iter__(self) -> Iterator[QAction]:
        return iter(self._actions.values())

    def connect(self, key: str, slot: Callable[[], object]) -> None:
        """Call ``slot()`` when the action is chosen."""
        self._actions[key].triggered.connect(lambda _checked=False: slot())

    # -- whether it can be chosen --------------------------------------------------------------------------------
    def allow(self, key: str, refusal: str = "") -> None:
        """Enable the action, or disable it for a reason."""
        self._refusals[key] = refusal
        self._actions[key].setEnabled(not refusal)
        self._tip(key)

    def refusal(self, key: str) -> str:
        """Why an action cannot be chosen; empty where it can."""
        return self._refusals[key]

    def _tip(self, key: str) -> None:
        action, tip, refusal = self._actions[key], self.specs[key].tip, self._refusals[key]
        keys = self.shortcut_text(key)
        shown = f"{tip} ({keys})" if keys else tip
        action.setToolTip(f"{shown}\n{refusal}" if refusal else shown)
        action.setStatusTip(refusal or tip)

    # -- shortcuts -----------------------------------------------------------------------------------------------
    def default_shortcut(self, key: str) -> QKeySequence:
        """The shortcut unless the user chose another; empty without one."""
        shortcut = self.specs[key].shortcut
        return QKeySequence() if shortcut is None else QKeySequence(shortcut)

    def shortcut_text(self, key: str) -> str:
        """The shortcut as it stands on the keys of this platform."""
        return self._actions[key].shortcut().toString(QKeySequence.SequenceFormat.NativeText)

    def holder(self, sequence: QKeySequence, other_than: str = "") -> str:
        """Key of an action that a sequence belongs to, or would be ambiguous with; empty where it is free."""
        if sequence.isEmpty():
            return ""
        exact = QKeySequence.SequenceMatch.NoMatch
        for key, action in self._actions.items():
            held = action.shortcut()
            if key == other_than or held.isEmpty():
                continue
            if held.matches(sequence) is not exact or sequence.matches(held) is not exact:
                return key
        return ""

    def set_shortcut(self, key: str, sequence: QKeySequence) -> None:
        """Give an action another shortcut; the action that held it loses it."""
        while holder := self.holder(sequence, other_than=key):
            self._assign(holder, QKeySequence())
        self._assign(key, sequence)
        self.shortcutsChanged.emit(self.changed_shortcuts())

    def reset_shortcut(self, key: str) -> None:
        """Give an action its first shortcut back."""
        self.set_shortcut(key, self.default_shortcut(key))

    def reset_shortcuts(self) -> None:
        """Give every action its first shortcut back."""
        self.use_shortcuts({})
        self.shortcutsChanged.emit({})

    def use_shortcuts(self, changed: Mapping[str, str]) -> None:
        """Use the user's own shortcuts, as :meth:`changed_shortcuts` gave them; unknown actions are passed over.

        Where a file gives two actions one shortcut the first keeps it, and what the user chose goes before what is
        usual: Qt would call neither.
        """
        for key in self._actions:
            self._assign(key, QKeySequence())
        own = {key: QKeySequence(changed[key]) for key in self._actions if key in changed}
        usual = {key: self.default_shortcut(key) for key in self._actions if key not in changed}
        for key, sequence in (own | usual).items():
            if not self.holder(sequence, other_than=key):
                self._assign(key, sequence)

    def changed_shortcuts(self) -> dict[str, str]:
        """Shortcuts that differ from the first ones, in Qt's portable text."""
        return {
            key: action.shortcut().toString()
            for key, action in self._actions.items()
            if action.shortcut() != self.default_shortcut(key)
        }

    def _assign(self, key: str, sequence: QKeySequence) -> None:
        self._actions[key].setShortcut(sequence)
        self._tip(key)
        self._share()

    def _share(self) -> None:
        """Give second shortcuts to the actions that have a first, where they are free."""
        for key, spec in self.specs.items():
            if spec.also is not None and not (first := self._actions[key].shortcut()).isEmpty():
                second = QKeySequence(spec.also)
                free = second != first and not self.holder(second, other_than=key)
                self._actions[key].setShortcuts([first, second] if free else [first])

    # -- menus ---------------------------------------------------------------------------------------------------
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
