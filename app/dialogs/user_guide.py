"""The guide, read in a window of its own: its sections at the left, what is searched for above."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from PySide6.QtCore import QByteArray, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QImage, QTextBlock, QTextBlockFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from canon_core.errors import CanonError
from canon_core.jobs import JobContext
from canon_core.resources import documentation

from ..engine_bridge import EngineBridge
from ..wording import fault_text

#: The page it opens with.
GUIDE: Final = "guide.md"
_TOPIC = "user guide"
#: Pixels that a picture is wide, or less.
_PICTURE: Final = 640
_IMAGE = re.compile(r"!\[[^]]*\]\(([\w-]+\.png)\)")
_NO_SLUG = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class GuidePage:
    """One page of the documentation: its Markdown, and the pictures in it as they are in their files."""

    name: str
    text: str
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def read_page(name: str) -> GuidePage:
    """Read a page; not on the GUI thread. A picture that is not there is left out.

    Raises
    ------
    CanonError
        When the page is not there: the installation is incomplete.
    """
    try:
        folder = documentation()
        text = (folder / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CanonError(f"the page {name} is missing", remedy="install the program again") from error
    there = {picture: folder / picture for picture in _IMAGE.findall(text) if (folder / picture).is_file()}
    text = _IMAGE.sub(lambda found: found[0] if found[1] in there else "", text)
    return GuidePage(name, text, {picture: path.read_bytes() for picture, path in there.items()})


class UserGuide(QDialog):
    """Not modal: one reads in it what one does in the main window."""

    def __init__(self, bridge: EngineBridge, parent: QWidget) -> None:
        super().__init__(parent)
        self._bridge, self._then = bridge, ""
        self.setWindowTitle("User guide")
        self.setObjectName("user-guide")
        self.resize(980, 740)
        self.sections = QListWidget()
        self.sections.setAccessibleName("Sections of the guide")
        self.sections.setWordWrap(True)
        self.page = _Page()
        self.page.setAccessibleName("The guide")
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find in the guide; Return finds the next")
        self.search.setAccessibleName("Find in the guide")
        self.search.setClearButtonEnabled(True)
        self.back_button = QPushButton("Back to the guide")
        self.back_button.setAutoDefault(False)
        bar = QHBoxLayout()
        bar.addWidget(self.back_button)
        bar.addWidget(self.search, 1)
        splitter = QSplitter()
        splitter.addWidget(self.sections)
        splitter.addWidget(self.page)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([230, 750])
        layout = QVBoxLayout(self)
        layout.addLayout(bar)
        layout.addWidget(splitter, 1)
        self.sections.currentItemChanged.connect(self._go)
        self.page.anchorClicked.connect(self._follow)
        self.search.textEdited.connect(lambda _: self._find(anew=True))
        self.search.returnPressed.connect(self._find)
        self.back_button.clicked.connect(lambda _checked=False: self.open(GUIDE))
        self.finished.connect(lambda _: bridge.drop(_TOPIC))
        self.open(GUIDE)

    @classmethod
    def show_beside(cls, window: QWidget, bridge: EngineBridge) -> None:
        """Open it, or bring it to the front where it is open."""
        guide = window.findChild(cls)
        if guide is None:
            guide = cls(bridge, window)
            guide.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        guide.show()
        guide.raise_()
        guide.activateWindow()

    def open(self, name: str, section: str = "") -> None:  # type: ignore[override]
        """Show a page from its beginning, or from a section on."""
        self._then = section

        def read(_ctx: JobContext) -> GuidePage:
            return read_page(name)

        self._bridge.ask(_TOPIC, read, on_result=self.set_page, on_failure=self._failed)

    def set_page(self, page: GuidePage) -> None:
        """Show this page."""
        self.back_button.setVisible(page.name != GUIDE)
        self.page.set_page(page)
        self.sections.blockSignals(True)
        self.sections.clear()
        for level, text, block in self.page.headings():
            if level == 2:
                item = QListWidgetItem(text)
                item.setData(Qt.ItemDataRole.UserRole, block)
                self.sections.addItem(item)
        self.sections.blockSignals(False)
        if self._then:
            self._show_section(self._then)

    # -- finding -------------------------------------------------------------------------------------------------
    def _go(self, item: QListWidgetItem | None, _before: object = None) -> None:
        if item is not None:
            self.page.show_block(int(item.data(Qt.ItemDataRole.UserRole)))

    def _show_section(self, slug: str) -> None:
        for _, text, block in self.page.headings():
            if slug_of(text) == slug:
                self.page.show_block(block)
                return

    def _follow(self, link: QUrl) -> None:
        if link.scheme() in ("http", "https"):
            QDesktopServices.openUrl(link)
        elif link.path().endswith(".md"):
            self.open(link.path().rpartition("/")[2], link.fragment())
        else:
            self._show_section(link.fragment())

    def _find(self, *, anew: bool = False) -> None:
        text = self.search.text()
        cursor = self.page.textCursor()
        if anew:  # what is typed on is looked for from where the last find began
            cursor.setPosition(cursor.selectionStart())
            self.page.setTextCursor(cursor)
        if text and not self.page.find(text):
            self.page.moveCursor(QTextCursor.MoveOperation.Start)
            self.page.find(text)

    def _failed(self, error: CanonError) -> None:
        self.page.setPlainText(fault_text(error))


class _Page(QTextBrowser):
    """Draws a page, its pictures as wide as there is room; links are followed by whoever shows it."""

    def __init__(self) -> None:
        super().__init__()
        self._pictures: Mapping[str, bytes] = {}
        self.setOpenLinks(False)
        self.document().setDocumentMargin(14)

    def set_page(self, page: GuidePage) -> None:
        self._pictures = page.pictures
        self.setMarkdown(page.text)
        shape = QTextBlockFormat()
        shape.setTopMargin(18)
        shape.setBottomMargin(6)
        edit = QTextCursor(self.document())
        edit.beginEditBlock()  # laid out once; one by one, Qt draws blocks where they no longer are
        for _, _, number in self.headings():  # Qt sets Markdown tight
            edit.setPosition(self.document().findBlockByNumber(number).position())
            edit.mergeBlockFormat(shape)
        edit.endEditBlock()
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def headings(self) -> list[tuple[int, str, int]]:
        """Level, text and number of the block of every heading."""
        return [
            (block.blockFormat().headingLevel(), block.text(), block.blockNumber())
            for block in self._blocks()
            if block.blockFormat().headingLevel()
        ]

    def show_block(self, number: int) -> None:
        """Scroll so that a block stands at the top."""
        block = self.document().findBlockByNumber(number)
        self.setTextCursor(QTextCursor(block))
        top = self.document().documentLayout().blockBoundingRect(block).top()
        self.verticalScrollBar().setValue(int(top) - 6)

    def loadResource(self, kind: int, name: QUrl) -> Any:
        if kind != QTextDocument.ResourceType.ImageResource.value or name.path() not in self._pictures:
            return None
        image = QImage.fromData(QByteArray(self._pictures[name.path()]))
        ratio = self.devicePixelRatioF()
        if image.width() > _PICTURE * ratio:
            image = image.scaledToWidth(round(_PICTURE * ratio), Qt.TransformationMode.SmoothTransformation)
        image.setDevicePixelRatio(ratio)
        return image

    def _blocks(self) -> list[QTextBlock]:
        document = self.document()
        return [document.findBlockByNumber(number) for number in range(document.blockCount())]


def slug_of(heading: str) -> str:
    """How a link names a heading."""
    return _NO_SLUG.sub("", heading.lower()).strip().replace(" ", "-")
