"""What tests of the window share: folders of their own, small networks, and a look at what a test leaves behind."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QThread, QTimer
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

if TYPE_CHECKING:
    from app.document import Document
    from app.engine_bridge import EngineBridge
    from app.main_window import MainWindow

    from .overlaid import Slow
    from .template_studies import Results

#: Milliseconds that a small study may take on a busy machine.
PATIENCE = 30_000


@pytest.fixture(autouse=True)
def user_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own files lie in a folder of the test: nobody's recent studies are touched."""
    from app import user_files

    folder = tmp_path_factory.mktemp("user")
    monkeypatch.setattr(user_files, "user_state_path", lambda *_, **__: folder / "state")
    monkeypatch.setattr(user_files, "user_log_path", lambda *_, **__: folder / "log")
    return folder


@pytest.fixture(autouse=True)
def no_networks_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's dialog for networks, which opens with *Add models…*, is cancelled unless a test chooses some."""
    from app import file_choosers

    monkeypatch.setattr(file_choosers, "choose_networks", lambda *_: [])


@pytest.fixture(autouse=True)
def nothing_left_behind(user_folders: Path) -> Iterator[None]:
    """Fails a test that leaves widgets, timers or threads behind: they would go on in the next test."""
    before = _alive()
    threads = set(threading.enumerate())
    yield
    application = QApplication.instance()
    if application is None:
        return
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        application.processEvents()
    gc.collect()
    left = {key: what for key, what in _alive().items() if key not in before}
    assert not left, (
        f"the test left behind: {', '.join(sorted(left.values()))}. Give widgets to qtbot.addWidget, use the fixture"
        " 'window' for the main window, stop timers, and wait for threads."
    )
    ours = [thread.name for thread in set(threading.enumerate()) - threads if thread.name.startswith("canon-")]
    assert not ours, f"the test left threads behind: {ours}; close the bridge or the engine it made"


def _alive() -> dict[int, str]:
    """Widgets without a parent, timers that run and threads that run, by address."""
    found: dict[int, str] = {}
    if QApplication.instance() is None:
        return found
    for widget in QApplication.topLevelWidgets():
        if not isinstance(widget.parent(), QWidget):
            found[shiboken6.getCppPointer(widget)[0]] = f"a widget ({type(widget).__name__} {widget.objectName()!r})"
    for thing in gc.get_objects():
        if not isinstance(thing, QTimer | QThread) or not shiboken6.isValid(thing):
            continue
        running = thing.isActive() if isinstance(thing, QTimer) else thing.isRunning()
        if running:
            found[shiboken6.getCppPointer(thing)[0]] = f"a running {type(thing).__name__} of {thing.parent()!r}"
    return found


@pytest.fixture
def bridge(qtbot: QtBot) -> Iterator[EngineBridge]:
    """The engine's way into the window, without a window."""
    from app.engine_bridge import EngineBridge

    bridge = EngineBridge()
    yield bridge
    assert bridge.close()
    bridge.deleteLater()


@pytest.fixture
def document(bridge: EngineBridge, qtbot: QtBot, tmp_path: Path) -> Iterator[Document]:
    """A new study, without a window."""
    with document_of(bridge, qtbot, lambda document: document.create(tmp_path / "study.canon")) as document:
        yield document


@contextmanager
def document_of(bridge: EngineBridge, qtbot: QtBot, begin: Callable[[Document], None]) -> Iterator[Document]:
    """What ``begin`` makes or opens, until it is closed."""
    from app.document import Document

    document = Document(bridge, bridge)
    begin(document)
    qtbot.waitUntil(lambda: document.contents is not None and not bridge.busy, timeout=PATIENCE)
    yield document
    document.close()
    qtbot.waitUntil(lambda: not document.changing, timeout=PATIENCE)


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    """The main window, shown; it is shut down at the end, whatever runs in it."""
    from app.main_window import MainWindow

    window = MainWindow()
    window.resize(1280, 800)  # as on a large screen: that of tests is 800 × 800
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.shut_down()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=PATIENCE)
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    # pytest holds the Python side of the window beyond this, and with it the plots' menus, which have no Qt parent.
    vars(window).clear()


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory, make_network: Callable, make_faces: Callable) -> Path:
    """``a.onnx`` (24 dimensions), ``b.onnx`` (16), and ``faces`` of 12 people, 5 images each, with folds."""
    root = tmp_path_factory.mktemp("small-data")
    make_network(root / "a.onnx", dimensions=24, seed=1)
    make_network(root / "b.onnx", dimensions=16, seed=2)
    make_faces(root / "faces", subjects=12, images=5, folds=3)
    return root


@pytest.fixture(scope="session")
def slow_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that takes about a tenth of a second an image: time to cancel."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = {"first": rng.standard_normal((64, 3, 3, 3)), "again": rng.standard_normal((64, 64, 3, 3))}
    convolution = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [helper.make_node("Conv", ["input", "first"], ["x0"], **convolution)]
    nodes += [
        helper.make_node("Conv", [f"x{step}", "again"], [f"x{step + 1}"], **convolution) for step in range(4)
    ]
    nodes += [
        helper.make_node("GlobalAveragePool", ["x4"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "slow",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 64])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    path = tmp_path_factory.mktemp("slow") / "slow.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


@pytest.fixture
def small_study(tmp_path: Path, small_data: Path) -> Path:
    """A study of both networks and the faces, nothing embedded yet."""
    from canon_core.datasets.options import DatasetOptions
    from canon_core.jobs import JobContext
    from canon_core.study.study import Study

    with Study.create(tmp_path / "small") as study:
        study.add_model(small_data / "a.onnx")
        study.add_model(small_data / "b.onnx")
        study.add_dataset(small_data / "faces", DatasetOptions(), JobContext())
        return study.path


@pytest.fixture(scope="session")
def embedded_template(tmp_path_factory: pytest.TempPathFactory, small_data: Path) -> Path:
    """A study whose embeddings and linear matrix are there; copy it before writing to it."""
    from canon_core.datasets.options import DatasetOptions
    from canon_core.embedding.embed import EmbedOptions
    from canon_core.experiments.embedding import embed_study
    from canon_core.experiments.matrix import run_matrix
    from canon_core.jobs import JobContext
    from canon_core.study.results import MatrixSettings
    from canon_core.study.study import Study

    ctx = JobContext()
    with Study.create(tmp_path_factory.mktemp("embedded") / "done") as study:
        for name in ("a", "b"):
            study.add_model(small_data / f"{name}.onnx")
        study.add_dataset(small_data / "faces", DatasetOptions(), ctx)
        embed_study(study, "faces", (), EmbedOptions(provider="cpu"), ctx)
        run_matrix(study, MatrixSettings("faces", ("a", "b")), ctx)
        return study.path


@pytest.fixture
def embedded_study(tmp_path: Path, embedded_template: Path) -> Path:
    """The same, to write to."""
    import shutil

    return Path(shutil.copytree(embedded_template, tmp_path / "done.canon"))


@pytest.fixture(scope="session")
def template_results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A study of templates with everything computed; copy it before writing to it."""
    from . import template_studies

    return template_studies.template_results(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def bare_template_study(tmp_path: Path) -> Path:
    """A study of templates, with its matrix alone."""
    from canon_core.experiments.matrix import run_matrix
    from canon_core.jobs import JobContext
    from canon_core.study.results import MatrixSettings
    from canon_core.study.study import Study

    from . import template_studies

    path = template_studies.template_study(tmp_path)
    with Study.open(path) as study:
        study.refresh_states()
        run_matrix(study, MatrixSettings("people", tuple(template_studies.MODELS)), JobContext())
    return path


@pytest.fixture
def template_study(tmp_path: Path, template_results: Results) -> Path:
    """A study of templates with everything computed, to write to."""
    import shutil

    return Path(shutil.copytree(template_results.path, tmp_path / "templates.canon"))


@pytest.fixture
def umap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    """UMAP waits until it is let go."""
    import canon_core.experiments.overlay as experiment

    from .overlaid import Slow

    slow = Slow(experiment.run_overlay)
    monkeypatch.setattr(experiment, "run_overlay", slow)
    yield slow
    slow.let_go.set()


@pytest.fixture
def overlaid(window: MainWindow, umap: Slow, embedded_study: Path, qtbot: QtBot) -> MainWindow:
    """The window with the PCA overlay of a → b in front."""
    from .overlaid import pick, settle

    window.resize(1280, 900)
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", cells=(("a", "b"),))
    window.actions_["view.overlay"].trigger()
    qtbot.waitUntil(lambda: window.overlays.stand_in, timeout=PATIENCE)
    pick(window.overlay_view.bar.method, "PCA")
    qtbot.waitUntil(lambda: window.overlays.current, timeout=PATIENCE)
    settle(window, qtbot)
    assert window.overlay_view.result is not None
    return window


@pytest.fixture(scope="session")
def demo_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder in small, embedded and with its linear matrix; copy it before writing to it."""
    from canon_core.demo.networks import DATASET
    from canon_core.demo.study import open_demo_study
    from canon_core.experiments.matrix import run_matrix
    from canon_core.jobs import JobContext
    from canon_core.study.results import MatrixSettings

    from .gestures import SMALL_DEMO

    out = tmp_path_factory.mktemp("small-demo")
    with open_demo_study(out, SMALL_DEMO, JobContext()) as study:
        run_matrix(study, MatrixSettings(DATASET, SMALL_DEMO.networks), JobContext())
    return out


@pytest.fixture
def demo(tmp_path: Path, demo_template: Path) -> Path:
    """The small demo study, to write to."""
    import shutil

    return Path(shutil.copytree(demo_template, tmp_path / "demo")) / "demo.canon"


def open_study(window: MainWindow, qtbot: QtBot, path: Path) -> None:
    """Open a study in the window and wait until it is shown with what is stored of its matrix."""
    window.document.open(path)

    def shown() -> bool:
        contents = window.document.contents
        return contents is not None and contents.path == path and not window.bridge.busy

    qtbot.waitUntil(shown, timeout=PATIENCE)
