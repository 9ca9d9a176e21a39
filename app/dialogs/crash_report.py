"""What an earlier run wrote when it crashed, to be read and copied into a report."""

from __future__ import annotations

import platform

from PySide6.QtCore import QUrl, qVersion
from PySide6.QtGui import QDesktopServices, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from canon_core.resources import version

from ..crash import crash_log_file
from ..views.labels import TextLabel


class CrashReportDialog(QDialog):
    """The stacks of all threads; no face, embedding or file name is in them but those of the program's own files."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Crash log")
        self.resize(720, 460)
        python, system = platform.python_version(), platform.platform()
        about = f"Canon Explorer {version()}, Python {python}, Qt {qVersion()}, {system}"
        self.report = QPlainTextEdit(f"{about}\n\n{text}\n")
        self.report.setReadOnly(True)
        self.report.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.report.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.report.setAccessibleName("Crash log")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy_button = QPushButton("Copy")
        self.copy_button.setToolTip("Copy it, for a report")
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.report.toPlainText()))
        folder_button = QPushButton("Open folder")
        folder_button.clicked.connect(
            lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(crash_log_file().parent)))
        )
        for button in (self.copy_button, folder_button):
            buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(TextLabel(
            "Canon Explorer crashed in the part below. Nothing was sent anywhere: copy it into a report if you want it"
            " mended. It names places in the program, never faces or embeddings."))
        layout.addWidget(self.report, 1)
        layout.addWidget(buttons)
