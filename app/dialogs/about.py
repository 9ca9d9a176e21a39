"""What this is, which versions of what it runs with, and what the computer offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from canon_core.resources import version

from ..engine_bridge import EngineBridge
from ..theme import NORMAL, TITLE, sized
from ..views.labels import TextLabel
from ..wording import window_words

_TOPIC = "environment"
#: Pixels between names and values.
_BETWEEN = 18


class AboutDialog(QDialog):
    """Versions are read in the engine: finding out about a GPU takes a moment."""

    def __init__(self, bridge: EngineBridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Canon Explorer")
        self.resize(680, 520)
        self.rows = QTreeWidget()
        self.rows.setColumnCount(2)
        self.rows.setHeaderHidden(True)
        self.rows.setIndentation(14)
        self.rows.setAccessibleName("Versions and devices")
        self.rows.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.rows.addTopLevelItem(QTreeWidgetItem(["Looking…", ""]))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = QPushButton("Copy")
        copy.setToolTip("Copy versions and devices, for a report")
        copy.clicked.connect(self._copy)
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(TextLabel(f"Canon Explorer {version()}", size=TITLE, bold=True))
        layout.addWidget(
            TextLabel(
                "A desktop explorer for canonical face embeddings: maps between the embedding spaces of"
                f" face-recognition networks, measured and shown. Apache-2.0. Qt {qVersion()}.",
                muted=True,
            )
        )
        layout.addWidget(self.rows, 1)
        layout.addWidget(buttons)
        self.finished.connect(lambda _: bridge.drop(_TOPIC))

        def look(_ctx: object) -> Sequence[Any]:
            from canon_core.models.providers import environment_report

            return environment_report().rows

        bridge.ask(_TOPIC, look, on_result=self._show)

    def _show(self, rows: Sequence[Any]) -> None:
        self.rows.clear()
        groups: dict[str, QTreeWidgetItem] = {}
        for row in rows:
            if row.section not in groups:
                groups[row.section] = QTreeWidgetItem(self.rows, [row.section])
                groups[row.section].setFlags(Qt.ItemFlag.ItemIsEnabled)
                groups[row.section].setFont(0, sized(self.font(), NORMAL, bold=True))
            text = row.text if not row.remedy else f"{row.text};\n{window_words(row.remedy)}"
            item = QTreeWidgetItem(groups[row.section], [row.name, text])
            item.setToolTip(1, text)
        self.rows.expandAll()
        header = self.rows.header()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        header.resizeSection(0, self.rows.sizeHintForColumn(0) + _BETWEEN)

    def _copy(self) -> None:
        lines = []
        for number in range(self.rows.topLevelItemCount()):
            group = self.rows.topLevelItem(number)
            lines.append(group.text(0))
            for child in range(group.childCount()):
                lines.append(f"  {group.child(child).text(0)}: {_line(group.child(child).text(1))}")
        QGuiApplication.clipboard().setText("\n".join(lines))


def _line(text: str) -> str:
    return text.replace("\n", " ")
