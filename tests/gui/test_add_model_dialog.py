"""Adding networks: what is shown of them, what can be changed, and what is told where they cannot be used."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QDialogButtonBox, QListWidgetItem
from pytestqt.qtbot import QtBot

from app import file_choosers
from app.dialogs.add_model import AddModelDialog
from app.dialogs.preprocessing import PreprocessingDialog
from app.dialogs.spec_form import SpecForm
from app.document import Document
from canon_core.errors import CanonError, ModelError
from canon_core.models.spec import InputSpec, ModelSpec, OutputSpec, parse_spec, spec_to_toml

PATIENCE = 20_000


def shown(document: Document, files: list[Path], qtbot: QtBot) -> AddModelDialog:
    dialog = AddModelDialog(document, files)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: not document.bridge.busy, timeout=PATIENCE)
    return dialog


def states(dialog: AddModelDialog) -> list[tuple[str, str]]:
    items = [dialog.files.topLevelItem(row) for row in range(dialog.files.topLevelItemCount())]
    return [(item.text(0), item.text(1)) for item in items]


def choose(dialog: AddModelDialog, row: int) -> None:
    dialog.files.setCurrentItem(dialog.files.topLevelItem(row))


def test_bad_files_are_told_apart_from_good_ones_which_are_added(
    document: Document, small_data: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    cut = tmp_path / "cut.onnx"
    cut.write_bytes((small_data / "a.onnx").read_bytes()[:500])
    text = tmp_path / "text.onnx"
    text.write_text("no network at all")
    dialog = shown(document, [small_data / "a.onnx", cut, text, tmp_path / "gone.onnx"], qtbot)
    assert states(dialog) == [
        ("a", "ready"), ("cut", "cannot be used"), ("text", "cannot be used"), ("gone", "cannot be used"),
    ]  # fmt: skip
    for row, path in ((1, cut), (2, text), (3, tmp_path / "gone.onnx")):
        choose(dialog, row)
        assert dialog.page.problem.isVisible()
        assert str(path) in dialog.page.problem.label.text()
        assert ";" in dialog.page.problem.label.text()  # and what to do about it
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not document.bridge.busy, timeout=PATIENCE)
    assert document.contents.model_names == ("a",)
    assert dialog.isVisible()  # the others are still there, to be seen
    assert [name for name, _ in states(dialog)] == ["cut", "text", "gone"]
    assert not dialog.add_button.isEnabled()


def test_a_field_changed_by_hand_is_what_is_added(document: Document, small_data: Path, qtbot: QtBot) -> None:
    dialog = shown(document, [small_data / "a.onnx"], qtbot)
    assert dialog.page.preset.currentText() == "as found: inferred from the network"
    qtbot.keyClicks(dialog.page.form.color, "b")
    dialog.page.form.mean.setFocus()
    dialog.page.form.mean.selectAll()
    qtbot.keyClicks(dialog.page.form.mean, "104, 117, 123")
    qtbot.keyClick(dialog.page.form.mean, Qt.Key.Key_Tab)
    qtbot.waitUntil(lambda: dialog.page.preset.currentText() == "changed by hand", timeout=PATIENCE)
    dialog.page.name.setFocus()
    dialog.page.name.selectAll()
    qtbot.keyClicks(dialog.page.name, "mine")
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=PATIENCE)
    (model,) = document.contents.models
    assert model.name == "mine"
    assert (model.spec.input.color, model.spec.input.mean) == ("bgr", (104.0, 117.0, 123.0))


def test_a_change_is_checked_before_it_is_added_however_quickly_add_is_clicked(
    document: Document, small_data: Path, qtbot: QtBot
) -> None:
    dialog = shown(document, [small_data / "a.onnx"], qtbot)
    qtbot.keyClicks(dialog.page.form.color, "b")
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=PATIENCE)
    assert document.contents.models[0].spec.input.color == "bgr"


def test_a_spec_that_contradicts_the_network_is_told_and_not_added(
    document: Document, small_data: Path, qtbot: QtBot
) -> None:
    dialog = shown(document, [small_data / "a.onnx"], qtbot)
    dialog.page.form.width_box.setValue(96)
    qtbot.waitUntil(dialog.page.problem.isVisible, timeout=PATIENCE)
    assert "96 wide" in dialog.page.problem.label.text()
    assert "width = 112" in dialog.page.problem.label.text()
    assert not dialog.add_button.isEnabled()
    assert dialog.page.form.width_box.value() == 96  # what the user wrote stays, to be corrected
    dialog.page.form.width_box.setValue(112)
    qtbot.waitUntil(lambda: not dialog.page.problem.isVisible(), timeout=PATIENCE)
    qtbot.waitUntil(dialog.add_button.isEnabled, timeout=PATIENCE)


def test_a_preset_replaces_what_was_found(document: Document, small_data: Path, qtbot: QtBot) -> None:
    dialog = shown(document, [small_data / "a.onnx"], qtbot)
    names = [dialog.page.preset.itemData(row) for row in range(dialog.page.preset.count())]
    dialog.page.preset.setCurrentIndex(names.index("arcface-tf2"))
    dialog.page.preset.activated.emit(names.index("arcface-tf2"))
    qtbot.waitUntil(lambda: dialog.page.form.mean.text() == "0", timeout=PATIENCE)
    assert dialog.page.form.std.text() == "255"


def test_the_toml_beside_a_network_is_used_and_said(
    document: Document, small_data: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    network = Path(shutil.copy(small_data / "a.onnx", tmp_path / "net.onnx"))
    (tmp_path / "net.toml").write_text('[input]\ncolor = "bgr"\n')
    dialog = shown(document, [network], qtbot)
    assert dialog.page.preset.currentText() == "as found: net.toml beside the network"
    assert dialog.page.form.color.currentText() == "BGR"
    assert "default is taken" in dialog.page.notes.text()


def test_a_name_that_is_taken_is_told_and_can_be_changed(
    document: Document, small_data: Path, qtbot: QtBot
) -> None:
    document.changes.add_model(small_data / "a.onnx", None, None)
    qtbot.waitUntil(lambda: not document.bridge.busy, timeout=PATIENCE)
    dialog = shown(document, [small_data / "b.onnx"], qtbot)
    dialog.page.name.selectAll()
    qtbot.keyClicks(dialog.page.name, "a")
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dialog.fault.isVisible, timeout=PATIENCE)
    assert "there is a model 'a' already" in dialog.fault.label.text()
    qtbot.keyClicks(dialog.page.name, "2")
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: document.contents.model_names == ("a", "a2"), timeout=PATIENCE)


def test_preprocessing_can_be_changed_until_something_is_embedded(
    document: Document, small_data: Path, qtbot: QtBot
) -> None:
    document.changes.add_model(small_data / "a.onnx", None, None)
    qtbot.waitUntil(lambda: not document.bridge.busy, timeout=PATIENCE)
    dialog = PreprocessingDialog(document, document.contents.models[0])
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.keyClicks(dialog.form.color, "b")
    qtbot.mouseClick(dialog.change_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=PATIENCE)
    assert document.contents.models[0].spec.input.color == "bgr"
    settled = PreprocessingDialog(document, document.contents.models[0], "settled, because")
    qtbot.addWidget(settled)
    settled.show()
    assert not settled.form.isEnabled()
    assert settled.fault.isVisible()


levels = st.sampled_from([0.0, 104.0, 127.5, 0.1, 123.675])
scales = st.sampled_from([1.0, 128.0, 58.395, 255.0])
specs = st.builds(
    ModelSpec,
    input=st.builds(
        InputSpec,
        height=st.integers(40, 4096),
        width=st.integers(40, 4096),
        template=st.sampled_from(["arcface", "arcface-96", "box", "whole"]),
        margin=st.sampled_from([0.0, 12.5, 32.0]),
        color=st.sampled_from(["rgb", "bgr"]),
        layout=st.sampled_from(["nchw", "nhwc"]),
        mean=st.tuples(levels, levels, levels),
        std=st.tuples(scales, scales, scales),
    ),
    output=st.builds(
        OutputSpec,
        names=st.lists(st.text("abc_", min_size=1), min_size=1, max_size=3, unique=True).map(tuple),
        flip=st.sampled_from(["none", "sum", "keep"]),
        pfe=st.booleans(),
    ),
    about=st.just({"title": "kept"}),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(specs)
def test_the_form_gives_back_the_spec_it_was_given(qtbot: QtBot, spec: ModelSpec) -> None:
    form = SpecForm()
    form.show_spec(spec, ["unused", *spec.output.names])
    assert form.read_spec() == parse_spec(spec_to_toml(spec))
    form.deleteLater()


def test_own_points_of_a_spec_file_survive_the_form(qtbot: QtBot) -> None:
    form = SpecForm()
    qtbot.addWidget(form)
    points = ((30.0, 40.0), (70.0, 40.0), (50.0, 60.0), (35.0, 80.0), (65.0, 80.0))
    spec = ModelSpec(input=InputSpec(template=None, points=points), output=OutputSpec(names=("e",)))
    form.show_spec(spec, ["e"])
    assert form.read_spec() == spec


def test_pixels_that_are_fed_as_they_are_are_called_so(qtbot: QtBot) -> None:
    form = SpecForm()
    qtbot.addWidget(form)
    form.show_spec(ModelSpec())
    assert form.about_scaling.text() == "with x in 0…255"
    for line, number in ((form.mean, "0"), (form.std, "1")):
        line.selectAll()
        qtbot.keyClicks(line, number)
        qtbot.keyClick(line, Qt.Key.Key_Return)
    assert form.about_scaling.text() == "x, 0…255, as it is"


@pytest.mark.parametrize(
    ("mean", "what"), [("much", "no list of numbers"), ("1, 2", "mean holds 2 numbers"), ("", "mean holds 0 numbers")]
)
def test_what_is_no_spec_is_refused_in_words(qtbot: QtBot, mean: str, what: str) -> None:
    form = SpecForm()
    qtbot.addWidget(form)
    form.show_spec(ModelSpec(output=OutputSpec(names=("e",))))
    form.mean.setText(mean)
    with pytest.raises(ModelError, match=what):
        form.read_spec()


def test_without_an_output_there_is_no_embedding(qtbot: QtBot) -> None:
    form = SpecForm()
    qtbot.addWidget(form)
    form.show_spec(ModelSpec(output=OutputSpec(names=("e",))))
    item = form.outputs.item(0)
    assert isinstance(item, QListWidgetItem)
    item.setCheckState(Qt.CheckState.Unchecked)
    with pytest.raises(ModelError, match="no output is chosen"):
        form.read_spec()


@pytest.fixture
def errands(document: Document) -> Iterator[threading.Event]:
    """Errands wait until this is set, as behind a slow disk."""
    let_go = threading.Event()
    yield let_go
    let_go.set()


def test_what_was_begun_is_added_although_the_dialog_is_closed(
    document: Document, errands: threading.Event, small_data: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    faults: list[CanonError] = []
    document.faulted.connect(faults.append)
    gone = Path(shutil.copy(small_data / "b.onnx", tmp_path / "gone.onnx"))
    dialog = AddModelDialog(document, [small_data / "a.onnx", gone, small_data / "b.onnx"])
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()
    qtbot.waitUntil(lambda: not document.bridge.busy, timeout=PATIENCE)
    document.bridge.run_errand(lambda: errands.wait(10))
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    gone.unlink()
    close = dialog.buttons.button(QDialogButtonBox.StandardButton.Cancel)
    assert close.text() == "Close"  # there is nothing that it cancels
    qtbot.mouseClick(close, Qt.MouseButton.LeftButton)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    errands.set()
    qtbot.waitUntil(lambda: not document.bridge.busy, timeout=PATIENCE)
    assert document.contents.model_names == ("a", "b")
    assert [fault.path for fault in faults] == [gone]


def test_networks_cannot_be_taken_off_while_they_are_added(
    document: Document, errands: threading.Event, small_data: Path, qtbot: QtBot
) -> None:
    dialog = shown(document, [small_data / "a.onnx", small_data / "b.onnx"], qtbot)
    choose(dialog, 0)
    document.bridge.run_errand(lambda: errands.wait(10))
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(dialog.drop_button, Qt.MouseButton.LeftButton)
    errands.set()
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=PATIENCE)
    assert document.contents.model_names == ("a", "b")


def test_the_rest_is_not_added_to_another_study(
    document: Document, errands: threading.Event, small_data: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = shown(document, [small_data / "a.onnx", small_data / "b.onnx"], qtbot)
    document.bridge.run_errand(lambda: errands.wait(10))
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    dialog.reject()
    document.create(tmp_path / "other.canon")
    errands.set()
    qtbot.waitUntil(lambda: not document.bridge.busy and not document.changing, timeout=PATIENCE)
    assert document.contents.name == "other"
    assert document.contents.model_names == ()


@pytest.mark.parametrize("fails", [False, True], ids=["changed", "not changed"])
def test_preprocessing_can_be_closed_while_it_is_changed(
    fails: bool, document: Document, errands: threading.Event, small_data: Path, qtbot: QtBot
) -> None:
    faults: list[CanonError] = []
    document.faulted.connect(faults.append)
    document.changes.add_model(small_data / "a.onnx", None, None)
    qtbot.waitUntil(lambda: not document.bridge.busy, timeout=PATIENCE)
    dialog = PreprocessingDialog(document, document.contents.models[0])
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()
    document.bridge.run_errand(lambda: errands.wait(10))
    if fails:
        document.changes.remove_model("a")
    qtbot.keyClicks(dialog.form.color, "b")
    qtbot.mouseClick(dialog.change_button, Qt.MouseButton.LeftButton)
    dialog.reject()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    errands.set()
    qtbot.waitUntil(lambda: not document.bridge.busy, timeout=PATIENCE)
    assert [model.spec.input.color for model in document.contents.models] == ([] if fails else ["bgr"])
    assert len(faults) == fails


def test_the_same_network_again_is_said(
    document: Document, small_data: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = shown(document, [small_data / "a.onnx"], qtbot)
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: document.contents.model_names == ("a",), timeout=PATIENCE)
    copy = tmp_path / "other-name.onnx"
    copy.write_bytes((small_data / "a.onnx").read_bytes())
    again = shown(document, [copy, small_data / "b.onnx"], qtbot)
    qtbot.waitUntil(
        lambda: states(again) == [("other-name", "in the study already"), ("b", "ready")], timeout=PATIENCE
    )
    assert again.page.problem.isVisible()
    assert "The very same network is in the study already, as 'a'" in again.page.problem.label.text()
    assert again.add_button.isEnabled()  # with other preprocessing it is another model
    choose(again, 1)
    assert not again.page.problem.isVisible()


def test_once_something_was_added_the_dialog_is_closed_and_not_cancelled(
    document: Document, small_data: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(b"no network")
    dialog = shown(document, [small_data / "a.onnx", cut], qtbot)
    button = dialog.buttons.button(QDialogButtonBox.StandardButton.Cancel)
    assert button.text() == "Cancel"
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: states(dialog) == [("cut", "cannot be used")], timeout=PATIENCE)
    assert button.text() == "Close"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()


def test_a_dialog_that_is_closed_before_it_asks_for_files_asks_for_none(
    document: Document, small_data: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(file_choosers, "choose_networks", lambda *_: asked.append(1) or [small_data / "a.onnx"])
    dialog = AddModelDialog(document)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.reject()
    dialog.choose_files()  # as it is done by itself a moment after it opened
    assert not asked
    assert not document.bridge.busy


def test_files_are_looked_for_beside_the_newest_network(
    document: Document, small_data: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Path | None] = []
    monkeypatch.setattr(file_choosers, "choose_networks", lambda _parent, folder: folders.append(folder) or [])
    dialog = shown(document, [], qtbot)
    dialog.choose_files()
    document.changes.add_model(small_data / "a.onnx", "a", None)
    qtbot.waitUntil(lambda: bool(document.contents.models), timeout=PATIENCE)
    dialog.choose_files()
    assert folders == [document.contents.path.parent, small_data]
    dialog.reject()
