"""Two faces in the window: dropped, chosen, clicked on, taken from a pair, and swapped."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app import file_choosers, user_files
from app.dialogs.add_model import AddModelDialog
from app.main_window import MainWindow
from app.views.picture_panel import PicturePanel
from canon_core.datasets.faces import ARCFACE_POINTS
from canon_core.datasets.images import opencv, read_image
from canon_core.datasets.options import DatasetOptions
from canon_core.embedding.embed import EmbedOptions
from canon_core.embedding.face_picture import Placing
from canon_core.experiments.embedding import embed_study
from canon_core.jobs import JobContext
from canon_core.study.results import FitMode
from canon_core.study.study import Study

from .conftest import PATIENCE, open_study
from .gestures import dialog_of
from .test_window_pairs import choose, settle


def face(data: Path, person: int, number: int = 1) -> Path:
    return data / "faces" / f"Person_{person:02d}" / f"Person_{person:02d}_{number:04d}.png"


def drop(canvas: QWidget, *paths: Path) -> None:
    """Drop files on a widget, as the desktop does."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    actions, buttons = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(QPoint(20, 20), actions, mime, buttons, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(canvas, enter)
    assert enter.isAccepted()
    event = QDropEvent(QPointF(20, 20), actions, mime, buttons, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(canvas, event)
    assert event.isAccepted()


@pytest.fixture
def pictures(small_data: Path, tmp_path: Path) -> Path:
    """Copies of the dataset's faces that are not in it."""
    return Path(shutil.copytree(small_data, tmp_path / "pictures"))


@pytest.fixture
def ready(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> MainWindow:
    """The window at the view of two faces, with a cell chosen before."""
    open_study(window, qtbot, embedded_study)
    choose(window, qtbot)
    qtbot.keyClick(window, Qt.Key.Key_9, Qt.KeyboardModifier.ControlModifier)
    settle(window, qtbot)
    return window


def test_before_any_face_is_there_it_says_how_a_face_is_found(ready: MainWindow) -> None:
    words = ready.two_faces_view.words.text()
    assert "by a detector (Detector…: the ONNX file of YuNet)" in words
    assert "your five clicks on eyes, nose and corners of the mouth" in words


def test_two_dropped_faces_are_compared(ready: MainWindow, pictures: Path, qtbot: QtBot) -> None:
    view, seen = ready.two_faces_view, []
    view.compared.connect(seen.append)
    assert (view.first.model.currentText(), view.second.model.currentText()) == ("a", "b")
    drop(view.first.canvas, face(pictures, 0))
    settle(ready, qtbot)
    assert view.comparison is None
    drop(view.second.canvas, face(pictures, 0, 2))
    qtbot.waitUntil(lambda: view.comparison is not None, timeout=PATIENCE)
    found = view.comparison
    assert found is not None
    assert found.score is not None
    assert view.verdict.text() == f"Similarity {found.score.score:.3f}".replace("-", "−")
    # A picture of 112 × 112 is taken as a crop.
    assert view.first.placing.currentData() == Placing.CROP
    assert [line.name for line in view.bars.lines] == ["before the map", "after the linear map"]
    assert [label for _, label in view.bars.lines[1].thresholds] == ["1e-3", "1e-4"]
    for one in found.score.decisions:
        verdict = "a match" if one.accepted else "no match"
        assert f"FAR {one.far:.0e}".replace("e-0", "e-") + f": {verdict}" in view.words.text()
    assert "fewer than 30 impostor pairs" in view.words.text()
    assert "impostor pairs of single images" in view.likelihood.text()
    assert "one half of the subjects of faces" in view.settings_line
    assert "image-level cell a → b" in view.settings_line
    assert seen[-1] is found
    assert found.source.shape == (24,)
    assert found.mapped.shape == found.target.shape == (16,)
    assert view.first.crop.image is not None
    assert not ready.pages.findChildren(PicturePanel)[0].canvas.image.isNull()


def test_a_file_of_the_dataset_is_taken_as_its_image(ready: MainWindow, small_data: Path, qtbot: QtBot) -> None:
    view = ready.two_faces_view
    drop(view, face(small_data, 2), face(small_data, 2, 2))
    qtbot.waitUntil(lambda: view.comparison is not None, timeout=PATIENCE)
    assert view.first.name == "Person_02_0001.png"
    assert view.first.note.text() == "An image of the dataset, which says where its face lies."
    assert view.first.picture is not None
    ids = ready.document.study.faces("faces").ids
    assert ids[view.first.picture.row] == "Person_02/Person_02_0001.png"
    assert not view.first.placing.isVisible()  # the dataset says where its face lies


def test_a_file_of_the_dataset_that_is_another_picture_by_now_is_embedded_as_it_is(
    ready: MainWindow, small_data: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    ours, theirs = face(small_data, 2), face(small_data, 8)
    kept, copy = Path(shutil.copy2(ours, tmp_path / "kept.png")), Path(shutil.copy(theirs, tmp_path / "copy.png"))
    view = ready.two_faces_view
    try:
        ours.write_bytes(theirs.read_bytes())
        drop(view, ours, copy)
        qtbot.waitUntil(lambda: view.comparison is not None, timeout=PATIENCE)
        view.second.model.setCurrentText("a")
        view.second.model.textActivated.emit("a")
        qtbot.waitUntil(lambda: view.comparison.settings.target == "a", timeout=PATIENCE)
        assert view.comparison.raw.score == pytest.approx(1.0, abs=1e-6)  # one picture, as it is shown
    finally:
        shutil.copy2(kept, ours)  # with its time: others share the faces


def test_a_file_stays_when_another_dataset_is_chosen(ready: MainWindow, small_data: Path, qtbot: QtBot) -> None:
    view = ready.two_faces_view
    drop(view.first.canvas, face(small_data, 2))
    qtbot.waitUntil(lambda: view.first.file is not None, timeout=PATIENCE)
    more = shutil.copytree(small_data / "faces" / "Person_03", ready.document.contents.path.parent / "more" / "P")
    ready.document.changes.add_dataset(
        more.parent, DatasetOptions(), "more", lambda _: None, pytest.fail, lambda: None
    )
    qtbot.waitUntil(lambda: "more" in ready.document.contents.dataset_names, timeout=PATIENCE)
    ready.document.change("Choose", dataset="more")
    settle(ready, qtbot)
    assert view.first.picture is not None
    assert view.first.picture.path == face(small_data, 2)
    assert view.first.file is None


def test_two_files_dropped_at_once_are_the_two_faces(ready: MainWindow, pictures: Path, qtbot: QtBot) -> None:
    view = ready.two_faces_view
    drop(view, face(pictures, 4), face(pictures, 6))
    qtbot.waitUntil(lambda: view.comparison is not None, timeout=PATIENCE)
    assert (view.first.name, view.second.name) == ("Person_04_0001.png", "Person_06_0001.png")


def test_the_models_are_swapped_and_chosen(ready: MainWindow, pictures: Path, qtbot: QtBot) -> None:
    view = ready.two_faces_view
    for panel, number in ((view.first, 1), (view.second, 2)):
        drop(panel.canvas, face(pictures, 3, number))
    qtbot.waitUntil(lambda: view.comparison is not None, timeout=PATIENCE)
    before = view.comparison
    qtbot.mouseClick(view.swap_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.comparison is not before, timeout=PATIENCE)
    now = view.comparison
    assert now is not None
    assert (now.settings.source, now.settings.target) == ("b", "a")
    assert now.source.shape == (16,)
    view.first.model.setFocus()
    qtbot.keyClick(view.first.model, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: view.comparison is not None and view.comparison.settings.source == "a", timeout=PATIENCE)
    assert view.comparison.score is None  # one model: no map between
    assert "no map" in view.settings_line


def test_five_clicks_place_the_face(ready: MainWindow, pictures: Path, tmp_path: Path, qtbot: QtBot) -> None:
    import numpy as np

    view, panel = ready.two_faces_view, ready.two_faces_view.first
    large = np.full((240, 320, 3), 90, np.uint8)
    large[60:172, 100:212] = read_image(face(pictures, 5))
    path = tmp_path / "large.png"
    path.write_bytes(opencv().imencode(".png", large[..., ::-1])[1].tobytes())
    drop(view.second.canvas, face(pictures, 5, 2))
    drop(panel.canvas, path)
    settle(ready, qtbot)
    # There is no detector: the user is asked to click, and told where.
    assert panel.placing.currentData() == Placing.POINTS
    assert "Click 1 of 5: the eye at the left" in panel.note.text()
    assert panel.diagram.isVisible()

    def click(x: float, y: float) -> None:
        qtbot.mouseClick(panel.canvas, Qt.MouseButton.LeftButton, pos=panel.canvas.place_of(x, y))

    points = [(float(x) + 100, float(y) + 60) for x, y in ARCFACE_POINTS]
    click(10, 10)
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Backspace)  # a slip
    for point in points[:4]:
        click(*point)
    settle(ready, qtbot)
    assert "Click 5 of 5" in panel.note.text()
    assert view.comparison is None
    click(*points[4])
    qtbot.waitUntil(lambda: view.comparison is not None, timeout=PATIENCE)
    assert panel.picture is not None
    np.testing.assert_allclose(panel.picture.points, points, atol=1.5)  # a click is a pixel of the screen
    crop = view.comparison.crops[0]
    assert np.abs(crop.astype(int) - read_image(face(pictures, 5)).astype(int)).mean() < 12
    qtbot.mouseClick(panel.clear_button, Qt.MouseButton.LeftButton)
    settle(ready, qtbot)
    assert view.comparison is None
    assert "Click 1 of 5" in panel.note.text()


def test_a_pair_of_the_dataset_is_taken_along(ready: MainWindow, qtbot: QtBot) -> None:
    ready.actions_["view.pairs"].trigger()
    qtbot.waitUntil(lambda: ready.pair_view.panel.details is not None, timeout=PATIENCE)
    settle(ready, qtbot)
    pair = ready.pair_view.panel.pair
    qtbot.mouseClick(ready.pair_view.panel.compare_button, Qt.MouseButton.LeftButton)
    view = ready.two_faces_view
    qtbot.waitUntil(lambda: view.isVisible() and view.comparison is not None, timeout=PATIENCE)
    settle(ready, qtbot)
    assert view.comparison.score.score == pytest.approx(pair.score, abs=1e-5)
    assert view.first.title.text() == pair.first.name.rsplit("/", 1)[-1]
    assert not view.first.placing.isVisible()


def test_a_picture_is_chosen_with_the_systems_dialog(
    ready: MainWindow, pictures: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_choosers, "choose_picture", lambda *_: face(pictures, 1))
    view = ready.two_faces_view
    qtbot.mouseClick(view.first.choose_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(view.second.canvas, Qt.MouseButton.LeftButton)  # an empty one
    qtbot.waitUntil(lambda: view.comparison is not None, timeout=PATIENCE)
    assert view.first.name == view.second.name == "Person_01_0001.png"


def test_what_is_no_picture_is_said(ready: MainWindow, pictures: Path, tmp_path: Path, qtbot: QtBot) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    view = ready.two_faces_view
    drop(view.second.canvas, face(pictures, 1))
    drop(view.first.canvas, bad)
    settle(ready, qtbot)
    assert "bad.png" in view.words.text()
    assert "damaged or not an image" in view.words.text()
    assert view.comparison is None


def test_other_settings_of_the_matrix_are_followed(ready: MainWindow, pictures: Path, qtbot: QtBot) -> None:
    view = ready.two_faces_view
    for panel, person in ((view.first, 1), (view.second, 2)):
        drop(panel.canvas, face(pictures, person))
    qtbot.waitUntil(lambda: view.comparison is not None, timeout=PATIENCE)
    ready.computing.automatic = False
    ready.document.change("Set fit", mode=FitMode.IN_SAMPLE)
    qtbot.waitUntil(lambda: view.comparison is not None and "all 60 images" in view.settings_line, timeout=PATIENCE)
    assert "No threshold is known" in view.words.text()  # that cell is not scored
    assert "Compute the matrix" in view.settings_line


def test_everything_is_copied(ready: MainWindow, pictures: Path, qtbot: QtBot) -> None:
    view = ready.two_faces_view
    for panel, person in ((view.first, 1), (view.second, 2)):
        drop(panel.canvas, face(pictures, person))
    qtbot.waitUntil(lambda: view.comparison is not None, timeout=PATIENCE)
    qtbot.mouseClick(view.copy_button, Qt.MouseButton.LeftButton)
    text = QGuiApplication.clipboard().text()
    for part in ("Person_01_0001.png through a", "Similarity", "after the linear map", "image-level cell"):
        assert part in text


def test_the_detector_is_remembered(
    ready: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "yunet.onnx"
    path.write_bytes(b"x")
    monkeypatch.setattr(file_choosers, "choose_detector", lambda *_: path)
    qtbot.mouseClick(ready.two_faces_view.detector_button, Qt.MouseButton.LeftButton)
    settle(ready, qtbot)
    assert "yunet.onnx" in ready.two_faces_view.detector_button.text()
    assert user_files.read_detector() == path
    path.unlink()
    assert user_files.read_detector() is None


def photograph(path: Path) -> Path:
    """A picture that is no crop, and not of a face."""
    cv2 = opencv()
    cv2.imwrite(str(path), np.full((240, 200, 3), 128, np.uint8))
    return path


def test_without_a_detector_it_says_why_clicks_are_wanted(ready: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    panel = ready.two_faces_view.first
    drop(panel.canvas, photograph(tmp_path / "me.png"))
    qtbot.waitUntil(lambda: panel.placing.currentData() == Placing.POINTS, timeout=PATIENCE)
    settle(ready, qtbot)
    assert panel.note.text().startswith("No face detector is chosen")
    assert "Click 1 of 5" in panel.note.text()
    assert panel.note.width() > 0.9 * panel.width()  # words have the whole panel


def test_a_detector_that_is_named_is_asked_about_the_next_picture(
    ready: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, detector = ready.two_faces_view.first, tmp_path / "yunet.onnx"
    drop(panel.canvas, photograph(tmp_path / "me.png"))
    qtbot.waitUntil(lambda: panel.placing.currentData() == Placing.POINTS, timeout=PATIENCE)
    settle(ready, qtbot)
    detector.write_bytes(b"x")
    monkeypatch.setattr(file_choosers, "choose_detector", lambda *_: detector)
    qtbot.mouseClick(ready.two_faces_view.detector_button, Qt.MouseButton.LeftButton)
    settle(ready, qtbot)
    panel.set_file(photograph(tmp_path / "another.png"))
    assert panel.placing.currentData() == Placing.DETECTOR
    settle(ready, qtbot)


def test_clicks_that_the_user_chose_stay_for_the_next_picture(
    ready: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    panel = ready.two_faces_view.first
    panel.placing.setCurrentIndex(panel.placing.findData(Placing.POINTS))
    panel.placing.activated.emit(panel.placing.currentIndex())
    drop(panel.canvas, photograph(tmp_path / "me.png"))
    settle(ready, qtbot)
    assert panel.placing.currentData() == Placing.POINTS
    assert panel.note.text().startswith("Click 1 of 5")


def test_the_fault_of_a_picture_goes_with_the_next_one(ready: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    view, broken = ready.two_faces_view, tmp_path / "a.jpg"
    broken.write_bytes(b"no picture")
    drop(view.first.canvas, broken)
    qtbot.waitUntil(lambda: "a.jpg" in view.words.text(), timeout=PATIENCE)
    assert "a.jpg" in view.first.note.text()
    assert not view.first.diagram.isVisible()  # there is nothing to click on
    drop(view.first.canvas, photograph(tmp_path / "me.png"))
    qtbot.waitUntil(lambda: view.first.canvas.image is not None, timeout=PATIENCE)
    settle(ready, qtbot)
    assert "a.jpg" not in view.words.text() + view.first.note.text()
    assert "Give each side a picture" in view.words.text()


@pytest.mark.real
def test_the_detector_finds_the_face(
    ready: MainWindow, real: Path, pictures: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_choosers, "choose_detector", lambda *_: real / "detector" / "yunet.onnx")
    qtbot.mouseClick(ready.two_faces_view.detector_button, Qt.MouseButton.LeftButton)
    pictures: Callable[[], list[Path]] = lambda: sorted((real / "lfw250").glob("*/*.jpg"))[:2]  # noqa: E731
    view = ready.two_faces_view
    for panel, path in zip((view.first, view.second), pictures(), strict=True):
        drop(panel.canvas, path)
    qtbot.waitUntil(lambda: view.comparison is not None, timeout=PATIENCE)
    assert view.first.placing.currentData() == Placing.DETECTOR
    assert len(view.first.canvas.points) == 5


def test_templates_are_compared_by_their_best_images_without_a_threshold(
    window: MainWindow, template_study: Path, qtbot: QtBot
) -> None:
    """Nobody holds the images, but what is stored of them can be compared."""
    open_study(window, qtbot, template_study)
    choose(window, qtbot, ("north", "east"))
    window.actions_["view.pairs"].trigger()
    qtbot.waitUntil(lambda: window.pair_view.panel.details is not None, timeout=PATIENCE)
    settle(window, qtbot)
    pair = window.pair_view.panel.pair
    qtbot.mouseClick(window.pair_view.panel.compare_button, Qt.MouseButton.LeftButton)
    view = window.two_faces_view
    qtbot.waitUntil(lambda: view.comparison is not None, timeout=PATIENCE)
    settle(window, qtbot)
    assert view.first.title.text() == f"best image of {pair.first.name}"
    assert "No threshold is known" in view.words.text()
    assert "compares templates" in view.settings_line
    assert "impostor pairs of single images" in view.likelihood.text()
    assert view.bars.lines[1].thresholds == ()


def test_a_study_without_models_says_so(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    from canon_core.study.study import Study

    with Study.create(tmp_path / "empty") as study:
        path = study.path
    open_study(window, qtbot, path)
    window.actions_["view.two_faces"].trigger()
    settle(window, qtbot)
    buttons = [each for each in window.two_faces_view.findChildren(QPushButton) if each.isVisible()]
    assert [each.text() for each in buttons] == ["Add models…"]


def test_images_of_a_pair_go_when_another_dataset_is_chosen(
    window: MainWindow, embedded_study: Path, make_faces: Callable, tmp_path: Path, qtbot: QtBot
) -> None:
    make_faces(tmp_path / "others", subjects=9, images=6, folds=3)
    with Study.open(embedded_study) as study:
        study.add_dataset(tmp_path / "others", DatasetOptions(), JobContext())
        embed_study(study, "others", (), EmbedOptions(provider="cpu"), JobContext())
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", dataset="faces", cells=(("a", "b"),))
    settle(window, qtbot)
    window.actions_["view.pairs"].trigger()
    qtbot.waitUntil(lambda: window.pair_view.shown is not None, timeout=PATIENCE)
    pair = next(pair for pairs in window.pair_view.shown.pairs.values() for pair in pairs)
    window.two_faces_presenter.compare_pair(pair, "a", "b")
    view = window.two_faces_view
    qtbot.waitUntil(lambda: view.comparison is not None, timeout=PATIENCE)
    window.document.change("Choose", dataset="others")
    settle(window, qtbot)
    assert (view.first.picture, view.second.picture, view.comparison) == (None, None, None)


def test_a_bad_file_is_told_and_the_good_one_compared_again(
    ready: MainWindow, pictures: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    view = ready.two_faces_view
    for panel, number in ((view.first, 0), (view.second, 1)):
        panel.set_file(face(pictures, number))
        settle(ready, qtbot)
    before = view.verdict.text()
    assert view.comparison is not None
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    view.first.set_file(bad)
    settle(ready, qtbot)
    assert str(bad) in view.words.text()
    assert view.comparison is None
    view.first.set_file(face(pictures, 0))
    settle(ready, qtbot)
    assert view.comparison is not None
    assert view.verdict.text() == before


def test_a_renamed_model_stays_on_its_side(ready: MainWindow, qtbot: QtBot) -> None:
    view = ready.two_faces_view
    qtbot.mouseClick(view.swap_button, Qt.MouseButton.LeftButton)  # another choice than the cell's
    settle(ready, qtbot)
    assert (view.first.model.currentText(), view.second.model.currentText()) == ("b", "a")
    ready.document.changes.rename_model("b", "bee")
    settle(ready, qtbot)
    assert (view.first.model.currentText(), view.second.model.currentText()) == ("bee", "a")
    ready.document.changes.rename_model("a", "ant")
    settle(ready, qtbot)
    assert (view.first.model.currentText(), view.second.model.currentText()) == ("bee", "ant")


def test_a_network_dropped_on_it_is_none_of_the_faces(ready: MainWindow, pictures: Path, qtbot: QtBot) -> None:
    view = ready.two_faces_view
    for where in (view, view.first.canvas):
        drop(where, pictures / "a.onnx")
        models = dialog_of(ready, AddModelDialog, qtbot)
        models.reject()
        assert view.first.picture is None
        settle(ready, qtbot)
