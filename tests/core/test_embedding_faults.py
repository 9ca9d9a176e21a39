"""Embedding a dataset that has faults: one sentence with the file and the remedy, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from canon_core.datasets.faces import Alignment, FaceImages
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import read_dataset
from canon_core.embedding.embed import EmbedOptions, EmbedReport, embed
from canon_core.errors import CanonError, DatasetError, SettingsError, StoreError
from canon_core.jobs import JobContext
from canon_core.models.providers import ProviderChoice
from canon_core.models.resolve import ResolvedModel, resolve_model
from canon_core.store.embeddings import read_info

IDENTITY = {"model_sha256": "m", "preprocessing": "p", "dataset": "d"}
CPU = EmbedOptions(provider="cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_faces) -> Path:
    return make_faces(tmp_path_factory.mktemp("embed") / "faces", subjects=13, images=5)


@pytest.fixture(scope="module")
def faces(folder: Path) -> FaceImages:
    return read_dataset(folder, DatasetOptions(), JobContext()).faces


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, make_network) -> ResolvedModel:
    return resolve_model(make_network(tmp_path_factory.mktemp("embed") / "tiny.onnx"))


def run(
    model: ResolvedModel, faces: FaceImages, out: Path, ctx: JobContext | None = None, **options: Any
) -> EmbedReport:
    return embed(model, faces, out, EmbedOptions(**{"provider": "cpu", **options}), ctx or JobContext(), IDENTITY)


def spoil(path: Path) -> None:
    path.write_bytes(cv2.imencode(".png", np.zeros((112, 112, 3), np.uint8))[1].tobytes())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Path.unlink, r"cannot be read \(no such file or directory\); check the path"),
        (spoil, "the image changed since the dataset was added; add the dataset again"),
        (lambda path: path.write_bytes(b""), "is empty"),
    ],
)
def test_an_image_that_vanished_or_changed_is_named_and_nothing_is_lost(
    tmp_path: Path, model: ResolvedModel, folder: Path, change: Any, words: str
) -> None:
    copy = shutil.copytree(folder, tmp_path / "faces")
    faces = read_dataset(copy, DatasetOptions(), JobContext()).faces
    out = tmp_path / "e.h5"
    kept = faces.path(41).read_bytes(), faces.path(41).stat()
    change(faces.path(41))
    with pytest.raises(DatasetError, match=words) as caught:
        run(model, faces, out, batch=4, threads=3)
    assert str(faces.path(41)) in str(caught.value)
    assert read_info(out).done == 40
    faces.path(41).write_bytes(kept[0])  # the same bytes at another time are the same image
    assert run(model, faces, out).done_before == 40
    run(model, faces, tmp_path / "whole.h5", batch=4)
    assert out.read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_a_fault_in_one_face_names_its_image(tmp_path: Path, model: ResolvedModel, faces: FaceImages) -> None:
    points = np.array(faces.landmarks, copy=True)
    points[17] = 5.0
    crooked = replace(faces, landmarks=points, alignment=Alignment("landmarks"))
    with pytest.raises(DatasetError, match="its five points are not those of a face") as caught:
        run(model, crooked, tmp_path / "e.h5")
    assert str(faces.path(17)) in str(caught.value)


def test_photographs_without_alignment_are_refused(tmp_path: Path, model: ResolvedModel, faces: FaceImages) -> None:
    unknown = replace(faces, alignment=None, landmarks=None)
    with pytest.raises(SettingsError, match=r"wants aligned faces.*--landmarks FILE\.csv, --detector"):
        run(model, unknown, tmp_path / "e.h5")
    assert not (tmp_path / "e.h5").exists()
    run(model, replace(unknown, alignment=Alignment("whole")), tmp_path / "e.h5")


def test_a_file_cut_short_is_named_and_left(tmp_path: Path, model: ResolvedModel, faces: FaceImages) -> None:
    out = tmp_path / "e.h5"
    run(model, faces, out)
    out.write_bytes(out.read_bytes()[:3000])
    with pytest.raises(StoreError, match=r"e\.h5: the file was cut short; delete it and embed") as caught:
        run(model, faces, out)
    assert "\n" not in str(caught.value)
    assert out.stat().st_size == 3000


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(
    tmp_path: Path, model: ResolvedModel, faces: FaceImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000))
    with pytest.raises(StoreError, match=r"the embeddings need 0\.0 MB, and 0\.0 MB are free on that disk; free space"):
        run(model, faces, tmp_path / "made" / "e.h5")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_keeps_what_is_there(
    tmp_path: Path, model: ResolvedModel, faces: FaceImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "e.h5"
    threads_before = set(threading.enumerate())

    def full(descriptor: int) -> None:
        if "e.h5" in os.readlink(f"/proc/self/fd/{descriptor}") and out.exists():
            raise OSError(28, os.strerror(28))

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc to tell files apart")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match=r"e\.h5: no space left on device; free space"):
            run(model, faces, out)
    assert set(threading.enumerate()) <= threads_before
    assert read_info(out).done == 0
    assert run(model, faces, out).rows == 65


@pytest.mark.parametrize("options", [{"batch": 0}, {"threads": 0}, {"batch": -3}])
def test_impossible_options_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="must be at least 1"):
        EmbedOptions(**options)


def test_a_gpu_that_is_asked_for_and_missing_is_an_error(
    tmp_path: Path, model: ResolvedModel, faces: FaceImages, capfd: pytest.CaptureFixture[str]
) -> None:
    from canon_core.models.providers import choose_provider

    if choose_provider("auto").name != "cpu":
        pytest.skip("there is a GPU here")
    with pytest.raises(CanonError, match=r"CUDA does not run: .*--provider cpu"):
        run(model, faces, tmp_path / "e.h5", provider="cuda")
    report = run(model, faces, tmp_path / "e.h5", provider="auto")
    assert isinstance(report.provider, ProviderChoice)
    assert "CUDA does not run" in report.provider.reason
    assert capfd.readouterr().err == ""
