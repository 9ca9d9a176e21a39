"""Export, from every view: the preview, what is written, and that nothing is when one thinks better of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from canon_core.experiments.export import export_study
from canon_core.figures.roc_table import roc_csv
from canon_core.figures.save import save_figure
from canon_core.figures.tables import matrix_table
from canon_core.jobs import JobContext
from canon_core.study.study import Study

from .conftest import PATIENCE, open_study
from .export_clicks import export, fill, open_dialog, shown, tick
from .test_window_pairs import choose, settle

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def opened(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> MainWindow:
    """A small study of faces with its matrix, a cell chosen."""
    open_study(window, qtbot, embedded_study)
    choose(window, qtbot)
    return window


def test_the_matrix_is_the_file_that_the_engine_writes_and_its_data_all_three_tables(
    opened: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    view = opened.matrix_view
    formats = ["pdf", "svg", "png", "csv", "latex", "md"]
    found = export(opened, view.export_button, tmp_path / "new", formats, qtbot)
    assert view.matrix is not None
    export_study(
        opened.document.study, view.matrix.settings, view.rule, tmp_path, ["pdf", "svg", "png"], ["csv"], JobContext()
    )
    for kind in ("pdf", "svg", "png"):
        (same,) = (tmp_path / "figures").glob(f"*-matrix-far-1e-2.{kind}")
        assert found[kind] == same.read_bytes()
    for form, suffix in (("csv", "csv"), ("latex", "tex"), ("md", "md")):
        assert found[suffix].decode() == matrix_table(view.matrix, view.far, view.rule, form)
    assert "6 files were written" in opened.messages.text.text()


def test_the_difference_is_exported_while_it_is_shown(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    view = opened.matrix_view
    qtbot.mouseClick(view.difference_button, LEFT)
    found = export(opened, view.export_button, tmp_path, ["svg", "csv"], qtbot)
    assert view.matrix is not None
    assert "weaker" in found["svg"].decode()
    rows = found["csv"].decode().splitlines()
    cells = {(line.split(",")[0], name): float(value) for line in rows[1:-1]
             for name, value in zip(rows[0].split(",")[1:], line.split(",")[1:], strict=True)}  # fmt: skip
    tar = view.matrix.tar("a", "b", view.far, view.rule)
    singles = [view.matrix.tar(name, name, view.far, view.rule) for name in "ab"]
    assert cells["a", "b"] == pytest.approx(tar - min(singles))
    assert cells["a", "a"] == singles[0]


def test_the_preview_is_the_figure_at_the_chosen_width(opened: MainWindow, qtbot: QtBot) -> None:
    dialog = open_dialog(opened, opened.matrix_view.export_button, qtbot)
    image = dialog.preview.page.image
    assert image.width() == pytest.approx(3.5 * 200, abs=2)
    qtbot.waitUntil(lambda: "PDF" in dialog.preview.facts.text(), timeout=PATIENCE)
    assert dialog.preview.facts.text().startswith("89 × ")
    dialog.width_chooser.setFocus()
    for _ in range(2):
        qtbot.keyClick(dialog.width_chooser, Qt.Key.Key_Down)  # two columns
    qtbot.waitUntil(lambda: dialog.preview.page.image.width() > 1000, timeout=PATIENCE)
    assert dialog.preview.page.image.width() == pytest.approx(7 * 200, abs=2)
    qtbot.keyClick(dialog.width_chooser, Qt.Key.Key_End)  # custom
    assert dialog.custom.isVisible()
    dialog.custom.setValue(127)
    qtbot.keyClicks(dialog.unit, "i")
    assert dialog.custom.value() == pytest.approx(5)
    qtbot.waitUntil(lambda: dialog.preview.page.image.width() == 1000, timeout=PATIENCE)
    qtbot.mouseClick(dialog.cancel_button, LEFT)


def test_a_png_has_the_width_and_resolution_that_were_chosen(
    opened: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = open_dialog(opened, opened.matrix_view.export_button, qtbot)
    fill(dialog, tmp_path, "small", ["png"], qtbot)
    qtbot.keyClicks(dialog.width_chooser, "o")  # one column
    dialog.dpi.setValue(120)
    qtbot.waitUntil(lambda: "PNG 420 × " in dialog.preview.facts.text(), timeout=PATIENCE)
    qtbot.mouseClick(dialog.export_button, LEFT)
    qtbot.waitUntil(lambda: shown(opened) is None, timeout=PATIENCE)
    assert QImage(str(tmp_path / "small.png")).width() == 420
    again = open_dialog(opened, opened.matrix_view.export_button, qtbot)
    assert [key for key, box in again.figures.items() if box.isChecked()] == ["png"]
    assert again.dpi.value() == 120
    assert again.folder.path == tmp_path
    qtbot.mouseClick(again.cancel_button, LEFT)


def test_cancelling_leaves_nothing(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    before = sorted(tmp_path.rglob("*"))
    dialog = open_dialog(opened, opened.matrix_view.export_button, qtbot)
    fill(dialog, tmp_path / "never", "out", ["pdf", "csv"], qtbot)
    qtbot.mouseClick(dialog.cancel_button, LEFT)
    settle(opened, qtbot)
    assert sorted(tmp_path.rglob("*")) == before
    assert "written" not in opened.messages.text.text()


def test_replacing_is_asked_for(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    old = tmp_path / "out.pdf"
    old.write_bytes(b"old")
    dialog = open_dialog(opened, opened.matrix_view.export_button, qtbot)
    fill(dialog, tmp_path, "out", ["pdf"], qtbot)
    for answer in ("Cancel", "Replace"):
        qtbot.mouseClick(dialog.export_button, LEFT)
        qtbot.waitUntil(lambda: any(box.isVisible() for box in dialog.findChildren(QMessageBox)), timeout=PATIENCE)
        box = next(box for box in dialog.findChildren(QMessageBox) if box.isVisible())
        assert "out.pdf is already in" in box.text()
        assert old.read_bytes() == b"old"
        button = next(each for each in box.findChildren(QPushButton) if each.text().replace("&", "") == answer)
        qtbot.mouseClick(button, LEFT)
        settle(opened, qtbot)
    qtbot.waitUntil(lambda: shown(opened) is None, timeout=PATIENCE)
    assert old.read_bytes().startswith(b"%PDF")


def test_faults_are_told_in_the_dialog_and_mended_there(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_bytes(b"")
    dialog = open_dialog(opened, opened.matrix_view.export_button, qtbot)
    fill(dialog, blocked, "out", ["pdf"], qtbot)
    qtbot.mouseClick(dialog.export_button, LEFT)
    qtbot.waitUntil(dialog.fault.isVisible, timeout=PATIENCE)
    assert "a-file" in dialog.fault.label.text()
    dialog.name.setText("")
    assert not dialog.export_button.isEnabled()
    dialog.name.setText("../out")
    assert not dialog.export_button.isEnabled()
    fill(dialog, tmp_path, "out", ["pdf"], qtbot)
    qtbot.mouseClick(dialog.export_button, LEFT)
    qtbot.waitUntil(lambda: shown(opened) is None, timeout=PATIENCE)
    assert (tmp_path / "out.pdf").exists()


def test_everything_is_what_canon_export_writes(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    dialog = open_dialog(opened, opened.matrix_view.export_button, qtbot)
    qtbot.keyClicks(dialog.what, "e")
    assert not dialog.name.isVisible()
    tick(dialog.figures, ["svg"], qtbot)
    tick(dialog.tables, ["csv"], qtbot)
    dialog.folder.line.setText(str(tmp_path / "window"))
    qtbot.mouseClick(dialog.export_button, LEFT)
    qtbot.waitUntil(lambda: "files were written" in opened.messages.text.text(), timeout=PATIENCE)
    settle(opened, qtbot)
    matrix, state = opened.computing.matrix, opened.document.state
    assert matrix is not None
    export_study(opened.document.study, matrix.settings, state.rule, tmp_path / "engine", ["svg"], ["csv"],
                 JobContext(), pairs=state.cells, at=state.far)  # fmt: skip
    written, wanted = ({file.relative_to(root): file.read_bytes() for file in root.rglob("*") if file.is_file()}
                       for root in (tmp_path / "window", tmp_path / "engine"))  # fmt: skip
    assert written == wanted
    assert len(written) > 10


def test_everything_has_the_figure_that_is_previewed_and_canon_export_writes_the_same(
    opened: MainWindow, embedded_study: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    from typer.testing import CliRunner

    from canon_core.cli.application import app, load_commands

    opened.document.change("Read at another FAR", far=1e-3, cells=(("a", "b"), ("a", "a")))
    settle(opened, qtbot)
    dialog = open_dialog(opened, opened.matrix_view.export_button, qtbot)
    qtbot.keyClicks(dialog.what, "e")
    said = dialog.files.text()
    tick(dialog.figures, ["svg"], qtbot)
    tick(dialog.tables, ["csv"], qtbot)
    dialog.folder.line.setText(str(tmp_path / "window"))
    qtbot.mouseClick(dialog.export_button, LEFT)
    qtbot.waitUntil(lambda: "files were written" in opened.messages.text.text(), timeout=PATIENCE)
    settle(opened, qtbot)
    figures = {path.stem for path in (tmp_path / "window" / "figures").iterdir()}
    drawn = {name.split("matrix-far-")[1] for name in figures if "matrix-far-" in name}
    assert "1e-3" in drawn  # which is previewed, although chance decides it
    assert "1e-6" not in drawn
    assert f"({', '.join(sorted(drawn))})" in said
    assert "2 chosen cells" in said
    load_commands()
    command = ["export", str(embedded_study), "--out", str(tmp_path / "cli"), "--format", "svg", "--tables", "csv"]
    done = CliRunner().invoke(app, [*command, "--at", "1e-3", "--cells", "a:b,a:a", "--read-only"])
    assert done.exit_code == 0, done.output or done.exception
    written, same = ({file.relative_to(root): file.read_bytes() for file in root.rglob("*") if file.is_file()}
                     for root in (tmp_path / "window", tmp_path / "cli"))  # fmt: skip
    assert written == same


def test_curves_are_exported_with_every_point(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    from canon_core.figures.roc_figure import roc_figure

    opened.actions_["view.roc"].trigger()
    view = opened.roc_view
    qtbot.waitUntil(lambda: len(view.curves) == 3, timeout=PATIENCE)
    settle(opened, qtbot)
    found = export(opened, view.export_button, tmp_path, ["pdf", "csv"], qtbot)
    assert found["csv"] == roc_csv(view.curves, view.settings_line)
    (same,) = save_figure(roc_figure(view.curves, settings_line=view.settings_line), tmp_path / "same", ["pdf"])
    assert found["pdf"] == same.read_bytes()
    view.set_det(True)
    assert "FNMR" in export(opened, view.export_button, tmp_path, ["svg"], qtbot, name="det")["svg"].decode()


def test_faces_are_numbered_unless_their_names_are_asked_for(
    opened: MainWindow, embedded_study: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    opened.actions_["view.faces"].trigger()
    view = opened.faces_view
    qtbot.waitUntil(lambda: view.sheet is not None, timeout=PATIENCE)
    settle(opened, qtbot)
    found = export(opened, view.export_button, tmp_path, ["svg", "png", "csv"], qtbot, name="numbered")
    assert QImage.fromData(found["png"]).width() == 2100
    assert not any("_0001" in found[kind].decode() for kind in ("svg", "csv"))
    numbers = [line.split(",")[0] for line in found["csv"].decode().splitlines()[1:-1]]
    found = export(opened, view.export_button, tmp_path, ["svg", "csv"], qtbot, name="named", named=True)
    names = [line.split(",")[0] for line in found["csv"].decode().splitlines()[1:-1]]
    assert "_00_0001.png" in found["svg"].decode()  # what is too long keeps its end
    ids = opened.document.study.faces(opened.document.state.dataset).ids
    assert [ids[int(number)] for number in numbers] == names


def test_two_faces_are_exported_with_their_similarity(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    opened.actions_["view.pairs"].trigger()
    qtbot.waitUntil(lambda: opened.pair_view.shown is not None and bool(opened.pair_view.pairs), timeout=PATIENCE)
    settle(opened, qtbot)
    opened.two_faces_presenter.compare_pair(opened.pair_view.pairs[0], "a", "b")
    view = opened.two_faces_view
    qtbot.waitUntil(lambda: view.comparison is not None, timeout=PATIENCE)
    settle(opened, qtbot)
    found = export(opened, view.export_button, tmp_path, ["png", "svg", "csv"], qtbot)
    assert view.comparison is not None
    assert view.comparison.score is not None
    scores = {line.split(",")[2]: float(line.split(",")[3]) for line in found["csv"].decode().splitlines()[1:-1]}
    assert scores["after the linear map"] == pytest.approx(view.comparison.score.score)
    assert scores["before the map"] == pytest.approx(view.comparison.raw.score)
    assert QImage.fromData(found["png"]).width() == 2100
    assert "Person" not in found["svg"].decode()


def test_closing_the_study_closes_the_dialog(opened: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    open_dialog(opened, opened.matrix_view.export_button, qtbot)
    opened.document.close()
    qtbot.waitUntil(lambda: shown(opened) is None, timeout=PATIENCE)
    settle(opened, qtbot)
    Study.open(embedded_study).close()
