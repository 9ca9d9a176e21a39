"""What the user prefers, whatever study is open; every change is used at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from .. import file_choosers
from ..actions import Actions
from ..preferences import MOST_THREADS, PROVIDER_NAMES, UserPreferences
from ..user_files import log_file, state_folder
from ..views.labels import TextLabel
from .job_dialog import described
from .path_field import PathField
from .shortcuts_page import ShortcutsPage

#: In the words of a list; on the menu they stand below "Appearance".
_LOOKS = ("view.look_system", "view.look_light", "view.look_dark")


class PreferencesDialog(QDialog):
    """Pages of fields; there is nothing to confirm, and *Close* only closes."""

    def __init__(
        self, preferences: UserPreferences, actions: Actions, parent: QWidget | None = None, *, demo_folder: Path
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Preferences")
        self.resize(720, 520)
        self._preferences, self._actions = preferences, actions
        self.shortcuts = ShortcutsPage(actions)
        self.pages = QTabWidget()
        self.pages.setAccessibleName("Preferences")
        for page, name in (
            (self._general(), "General"),
            (self._computing(), "Computing"),
            (self._files(demo_folder), "Files"),
            (self.shortcuts, "Shortcuts"),
        ):
            self.pages.addTab(page, name)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.pages, 1)
        layout.addWidget(buttons)

    def _general(self) -> QWidget:
        current = self._preferences.current
        self.look = QComboBox()
        for key in _LOOKS:
            self.look.addItem(self._actions.specs[key].name, key)
        chosen = next((row for row, key in enumerate(_LOOKS) if self._actions[key].isChecked()), 0)
        self.look.setCurrentIndex(chosen)
        self.look.setEnabled(not self._actions.refusal(_LOOKS[0]))
        self.look.activated.connect(lambda row: self._actions[_LOOKS[row]].trigger())
        self.restore = self._box("Open the last study again", current.restore, "restore")
        self.notify = self._box("Tell me when long work ends", current.notify, "notify")
        self.stay_awake = self._box("Keep the computer awake while it works", current.stay_awake, "stay_awake")
        page, form = _page()
        form.addRow("Appearance", self.look)
        form.addRow("At the start", _told(self.restore,
            "The one that was open when the window was closed, as it was left. After Close study there is none."))
        form.addRow("Long work", _told(self.notify,
            "A message of the system, when work of more than 30 s ends and this window is not in front."))
        form.addRow("", _told(self.stay_awake,
            "It does not fall asleep by itself while jobs run. Where a system has no such thing, the log says so."))
        return page

    def _computing(self) -> QWidget:
        current = self._preferences.current
        self.automatic = QCheckBox("Compute missing cells automatically")
        self.automatic.setChecked(current.automatic)
        self.automatic.toggled.connect(self._actions["study.automatic"].setChecked)
        self._actions["study.automatic"].toggled.connect(self.automatic.setChecked)
        self.provider = QComboBox()
        self.provider.setAccessibleName("Networks run on")
        for key, name in PROVIDER_NAMES.items():
            self.provider.addItem(name, key)
        self.provider.setCurrentIndex(list(PROVIDER_NAMES).index(current.provider))
        self.provider.activated.connect(lambda row: self._preferences.change(provider=self.provider.itemData(row)))
        self.threads = QSpinBox()
        self.threads.setAccessibleName("Threads")
        self.threads.setRange(0, MOST_THREADS)
        self.threads.setSpecialValueText("Every usable core")
        self.threads.setValue(current.threads)
        self.threads.valueChanged.connect(lambda threads: self._preferences.change(threads=threads))
        page, form = _page()
        form.addRow("Matrix", _told(self.automatic,
            "As soon as embeddings are complete or a setting changes. Otherwise they wait for Compute matrix."))
        form.addRow("Networks run on", _told(self.provider,
            "Used the next time faces are embedded. What this computer offers stands in About."))
        form.addRow("Threads", _told(self.threads,
            "That decode images and, on the processor, run networks. Fewer leave more of the computer to other"
            " programs. Neither this nor the line above changes what is measured."))
        return page

    def _files(self, demo_folder: Path) -> QWidget:
        self.demo_folder = PathField("folder of the demo study", file_choosers.choose_demo_folder)
        self.demo_folder.set_path(demo_folder)
        self.demo_folder.pathChanged.connect(self._demo_folder_chosen)
        page, form = _page()
        form.addRow("Demo study", _told(self.demo_folder,
            "Networks, synthetic faces, figures and tables of the demo. One made elsewhere before stays there."))
        form.addRow("Your settings", _folder_row(state_folder(), "your settings"))
        form.addRow("Log", _folder_row(log_file().parent, "the log"))
        form.addRow("", _told(QWidget(),
            "Settings are: preferences, recent studies, where the window stood, and what was open should it be cut"
            " off. The log has details of faults, never embeddings. Studies lie where you made them, and nothing is"
            " sent anywhere."))
        return page

    def _demo_folder_chosen(self, path: Path | None) -> None:
        if not self.demo_folder.nobody:
            self._preferences.change(demo_folder="" if path is None else str(path))

    def _box(self, text: str, on: bool, field: str) -> QCheckBox:
        box = QCheckBox(text)
        box.setChecked(on)
        box.toggled.connect(lambda now: self._preferences.change(**{field: now}))
        return box


def _told(field: QWidget, text: str) -> QWidget:
    """A field with words below it that keep close to it, however high the page makes them."""
    words = TextLabel(text, muted=True)
    words.setAlignment(Qt.AlignmentFlag.AlignTop)
    field.setSizePolicy(field.sizePolicy().horizontalPolicy(), QSizePolicy.Policy.Fixed)
    return described(field, words)


def _page() -> tuple[QWidget, QFormLayout]:
    page = QWidget()
    form = QFormLayout()
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    form.setHorizontalSpacing(18)
    form.setVerticalSpacing(12)
    column = QVBoxLayout(page)
    column.setContentsMargins(16, 16, 16, 12)
    column.addLayout(form)
    column.addStretch(1)
    return page, form


def _folder_row(folder: Path, what: str) -> QWidget:
    line = QLineEdit(str(folder))
    line.setReadOnly(True)
    line.setAccessibleName(f"Folder of {what}")
    line.setCursorPosition(0)
    button = _opening(f"Open the folder of {what}", lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))))
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(line, 1)
    layout.addWidget(button)
    return row


def _opening(says: str, then: Callable[[], object]) -> QPushButton:
    button = QPushButton("Open")
    button.setAccessibleName(says)
    button.setAutoDefault(False)
    button.clicked.connect(lambda _checked=False: then())
    return button
