"""Help → User guide: the guide with its pictures, its sections, its links and a search."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QTextDocument
from pytestqt.qtbot import QtBot

from app.dialogs.user_guide import GUIDE, UserGuide, read_page, slug_of
from app.main_window import MainWindow
from canon_core.errors import CanonError

from .conftest import PATIENCE

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def guide(window: MainWindow, qtbot: QtBot) -> UserGuide:
    window.actions_["help.guide"].trigger()
    found = window.findChild(UserGuide)
    qtbot.waitUntil(lambda: found.sections.count() > 5, timeout=PATIENCE)
    return found


def top_line(guide: UserGuide) -> str:
    return guide.page.cursorForPosition(QPoint(20, 12)).block().text()


def test_it_opens_beside_the_window_without_a_study(guide: UserGuide, window: MainWindow) -> None:
    assert guide.isVisible()
    assert not guide.isModal()
    assert "What you need" in guide.page.toPlainText()
    headings = [line[3:] for line in (DOCS / GUIDE).read_text().splitlines() if line.startswith("## ")]
    assert [guide.sections.item(row).text() for row in range(guide.sections.count())] == headings
    window.actions_["help.guide"].trigger()
    assert len(window.findChildren(UserGuide)) == 1
    assert window.actions_.shortcut_text("help.guide")


def test_a_section_is_shown_by_its_name(guide: UserGuide, qtbot: QtBot) -> None:
    item = guide.sections.findItems("Errors by group", Qt.MatchFlag.MatchExactly)[0]
    guide.sections.scrollToItem(item)
    place = guide.sections.visualItemRect(item).center()
    qtbot.mouseClick(guide.sections.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert top_line(guide) == "Errors by group"
    below = guide.page.viewport().rect().center()
    assert guide.page.cursorForPosition(below).block().text()  # what belongs there is drawn there
    assert "FNMR of every group" in "".join(
        guide.page.cursorForPosition(QPoint(20, y)).block().text() for y in range(20, below.y(), 10)
    )


def test_links_lead_to_sections_and_to_other_pages_and_back(guide: UserGuide, qtbot: QtBot) -> None:
    guide.page.anchorClicked.emit(QUrl("#searching-galleries-1n"))
    assert top_line(guide) == "Searching galleries: 1:N"
    guide.page.anchorClicked.emit(QUrl("demo.md"))
    qtbot.waitUntil(lambda: "The demo study" in guide.page.toPlainText()[:40], timeout=PATIENCE)
    qtbot.mouseClick(guide.back_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: guide.page.toPlainText().startswith("Guide"), timeout=PATIENCE)


def test_every_link_of_the_guide_leads_somewhere(guide: UserGuide) -> None:
    import re

    slugs = {slug_of(text) for _, text, _ in guide.page.headings()}
    links = re.findall(r"(?<!!)\[[^]]+\]\(([^)]+)\)", (DOCS / GUIDE).read_text())
    assert links
    for link in links:
        page, _, section = link.partition("#")
        assert (DOCS / page).is_file() if page else section in slugs, link


def test_pictures_are_drawn_no_wider_than_the_page(guide: UserGuide) -> None:
    kind = QTextDocument.ResourceType.ImageResource.value
    image = guide.page.loadResource(kind, QUrl("window.png"))
    assert 300 < image.width() / image.devicePixelRatio() <= 640
    assert guide.page.loadResource(kind, QUrl("absent.png")) is None


def test_words_are_found_one_after_the_other(guide: UserGuide, qtbot: QtBot) -> None:
    qtbot.keyClicks(guide.search, "covariate")
    first = guide.page.textCursor()
    assert first.selectedText().lower() == "covariate"
    qtbot.keyClick(guide.search, Qt.Key.Key_Return)
    assert guide.page.textCursor().position() > first.position()
    assert guide.isVisible()  # Return is the search's, and closes nothing


def test_a_picture_that_is_missing_is_left_out_and_a_missing_page_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("app.dialogs.user_guide.documentation", lambda: tmp_path)
    (tmp_path / GUIDE).write_text("# Guide\n\n![A picture](absent.png)\n\nWords\n")
    page = read_page(GUIDE)
    assert "absent" not in page.text
    assert page.pictures == {}
    with pytest.raises(CanonError, match=r"demo\.md is missing"):
        read_page("demo.md")
