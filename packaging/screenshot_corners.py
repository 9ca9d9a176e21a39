"""Small studies in states that the demo study is never in: empty, half made, with long names, read-only, at fault."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from screenshot_scenes import Driver, Scene

#: Names as long as they may be read, and with everything that a name may hold.
LONG = "ArcFace ResNet-100 with Glint360K + partial FC r0.1_cosface 2"
FACES = "rendered faces of the 2nd + 3rd series - v2.1"
#: Folders' names may hold more.
STUDY = "Doors & gates, second try (2024)"
MODELS = ("M2_R16_A", "M1_MB2_A", "M1_9S_PFE")


def make_corners(folder: Path) -> None:
    """The studies and files that :func:`corners` and the dialogs show, of a dozen rendered people."""
    import numpy as np

    from canon_core.datasets.options import DatasetOptions
    from canon_core.demo.networks import network_file
    from canon_core.demo.people import HELD_OUT
    from canon_core.demo.world_files import write_world
    from canon_core.embedding.embed import EmbedOptions
    from canon_core.experiments.embedding import embed_study
    from canon_core.experiments.matrix import run_matrix
    from canon_core.jobs import JobContext
    from canon_core.study.results import MatrixSettings
    from canon_core.study.study import Study

    ctx, faces = JobContext(), folder / "faces"
    write_world(faces, range(HELD_OUT, HELD_OUT + 12), ctx)
    (folder / "broken.onnx").write_bytes(b"not a network")
    np.save(folder / "embeddings.npy", np.random.default_rng(0).standard_normal((24, 64)).astype(np.float32))
    Study.create(folder / "new").close()
    with Study.create(folder / "models") as study:
        for name in MODELS:
            study.add_model(network_file(name))
    with Study.create(folder / "faces-only") as study:
        study.add_dataset(faces, DatasetOptions(format="ijbc"), ctx, FACES)
    with Study.create(folder / "not-embedded") as study:
        for name in MODELS:
            study.add_model(network_file(name))
        study.add_dataset(faces, DatasetOptions(format="ijbc"), ctx, FACES)
    for title, models in (("one-model", MODELS[:1]), (STUDY, MODELS)):
        with Study.create(folder / title) as study:
            for name in models:
                study.add_model(network_file(name))
            study.add_dataset(faces, DatasetOptions(format="ijbc"), ctx, FACES)
            embed_study(study, FACES, models, EmbedOptions(), ctx)
            if title == STUDY:
                study.rename_model(models[0], LONG)
            run_matrix(study, MatrixSettings(FACES, tuple(entry.name for entry in study.models)), ctx)


def corners(driver: Driver, folder: Path) -> Iterator[Scene]:
    """Every state on the views where it shows."""
    window = driver.window
    driver.open(folder / "new.canon")
    for key in ("matrix", "roc", "faces", "search", "groups", "overlay", "sensitivity", "pairs", "two_faces"):
        driver.go(key)
        yield f"new-{key}", None
    driver.open(folder / "models.canon")
    driver.go("matrix")
    yield "models-only", None
    driver.open(folder / "faces-only.canon")
    driver.go("matrix")
    yield "faces-only", None
    driver.go("faces")
    yield "faces-only-faces", None
    driver.open(folder / "not-embedded.canon")
    driver.go("matrix")
    yield "not-embedded", None
    driver.open(folder / "one-model.canon")
    for key in ("matrix", "roc", "search", "overlay", "sensitivity", "pairs"):
        driver.go(key)
        yield f"one-{key}", None
    driver.open(folder / f"{STUDY}.canon")
    window.document.change("Choose a cell", cells=((LONG, MODELS[1]),))
    for key in ("matrix", "roc", "faces", "search", "overlay", "sensitivity", "pairs", "two_faces"):
        driver.go(key)
        if key == "overlay":
            driver.wait(lambda: window.overlays.current)
            driver.settle()
        yield f"long-{key}", None
    window.tree.setCurrentItem(window.tree.item("model", LONG))
    driver.settle()
    yield "long-model", None
    yield "long-remove", driver.do("study.remove")
    yield "long-export", driver.do("file.export")
    driver.open(folder / "models.canon")  # a study cannot be opened twice
    driver.open(folder / f"{STUDY}.canon", read_only=True)
    driver.go("matrix")
    window.messages.show()
    yield "read-only", None
    window.document.open(folder / "faces")
    driver.settle(silent=False)
    yield "fault", None
    driver.open(folder / "models.canon")
    gone = folder / "gone.canon"
    shutil.rmtree(gone, ignore_errors=True)
    shutil.copytree(folder / "not-embedded.canon", gone)
    _lose_faces(gone)
    window.document.open(gone)
    driver.settle(silent=False)
    yield "gone", None


def _lose_faces(study: Path) -> None:
    """Let the study's faces lie nowhere."""
    manifest = study / "study.json"
    manifest.write_text(manifest.read_text("utf-8").replace("/faces", "/elsewhere"), "utf-8")
