"""Complete embeddings stay until those that replace them are whole, and a file says where all of its rows are from."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import canon_core.embedding.embed as embed_module
from canon_core.datasets.faces import FaceImages
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import read_dataset
from canon_core.embedding import resumption
from canon_core.embedding.embed import EmbedOptions, EmbedReport, embed
from canon_core.embedding.network import Network, OutOfMemory
from canon_core.errors import DatasetError, ModelError, SettingsError, StoreError
from canon_core.jobs import JobContext
from canon_core.models.resolve import ResolvedModel, resolve_model
from canon_core.store.embeddings import create_embeddings, read_embeddings, read_info
from canon_core.store.embeddings_in_place import EmbeddingsWriter

OLD, NEW = {"key": "old", "dataset": "d"}, {"key": "new", "dataset": "d"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_faces) -> Path:
    return make_faces(tmp_path_factory.mktemp("embed") / "faces", subjects=13, images=5)


@pytest.fixture(scope="module")
def faces(folder: Path) -> FaceImages:
    return read_dataset(folder, DatasetOptions(), JobContext()).faces


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, make_network) -> ResolvedModel:
    return resolve_model(make_network(tmp_path_factory.mktemp("embed") / "tiny.onnx"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, make_network) -> ResolvedModel:
    return resolve_model(make_network(tmp_path_factory.mktemp("embed") / "other.onnx", seed=1))


def run(
    model: ResolvedModel, faces: FaceImages, out: Path, attributes: dict[str, str] = NEW, **options: Any
) -> EmbedReport:
    return embed(model, faces, out, EmbedOptions(**{"provider": "cpu", **options}), JobContext(), attributes)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def torn(folder: Path, tmp_path: Path) -> FaceImages:
    """The same images, of which the 42nd vanishes after the dataset was read."""
    copy = read_dataset(shutil.copytree(folder, tmp_path / "faces"), DatasetOptions(), JobContext()).faces
    copy.path(41).rename(tmp_path / "vanished.png")
    return copy


def test_complete_embeddings_stay_until_the_new_ones_are_whole(
    tmp_path: Path, model: ResolvedModel, other: ResolvedModel, faces: FaceImages, torn: FaceImages
) -> None:
    room = tmp_path / "embeddings"
    out = room / "lfw.h5"
    run(other, faces, out, OLD)
    before = out.read_bytes()
    with pytest.raises(DatasetError, match="no such file"):
        run(model, torn, out, batch=4)
    assert out.read_bytes() == before
    assert names(room) == ["lfw.h5", "lfw~next.h5"]
    assert read_info(room / "lfw~next.h5").done == 40
    (tmp_path / "vanished.png").rename(torn.path(41))
    assert run(model, torn, out).done_before == 40
    assert names(room) == ["lfw.h5"]
    run(model, faces, tmp_path / "wanted.h5", batch=4)
    assert out.read_bytes() == (tmp_path / "wanted.h5").read_bytes()


def test_what_was_begun_for_others_is_begun_again_and_the_old_file_still_stays(
    tmp_path: Path, model: ResolvedModel, other: ResolvedModel, faces: FaceImages, torn: FaceImages
) -> None:
    room = tmp_path / "embeddings"
    out = room / "lfw.h5"
    run(other, faces, out, OLD)
    for attributes in (NEW, {**NEW, "key": "newer"}):
        with pytest.raises(DatasetError):
            run(model, torn, out, attributes, batch=4)
        assert read_info(room / "lfw~next.h5").attributes["key"] == attributes["key"]
    assert read_info(out).attributes["key"] == "old"
    # the old ones are wanted again: they are there, and what grew beside them is of no use to anybody
    assert run(other, faces, out, OLD).done_before == 65
    assert names(room) == ["lfw.h5"]


def test_an_incomplete_file_of_others_is_replaced_at_once(
    tmp_path: Path, model: ResolvedModel, torn: FaceImages
) -> None:
    room = tmp_path / "embeddings"
    for attributes in (OLD, NEW):
        with pytest.raises(DatasetError):
            run(model, torn, room / "lfw.h5", attributes, batch=4)
        assert names(room) == ["lfw.h5"]
        assert read_info(room / "lfw.h5").attributes["key"] == attributes["key"]


def test_a_crash_before_the_rename_costs_no_row(
    tmp_path: Path, model: ResolvedModel, other: ResolvedModel, faces: FaceImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "embeddings"
    run(other, faces, room / "lfw.h5", OLD)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(resumption, "move_into_place", crash)
        with pytest.raises(KeyboardInterrupt):
            run(model, faces, room / "lfw.h5")
    assert read_info(room / "lfw.h5").attributes["key"] == "old"
    monkeypatch.setattr(embed_module, "Network", crash)  # nothing is left to compute
    assert run(model, faces, room / "lfw.h5").done_before == 65
    assert names(room) == ["lfw.h5"]
    assert read_info(room / "lfw.h5").attributes["key"] == "new"


def test_what_grew_is_not_lost_when_the_old_file_is_deleted(
    tmp_path: Path, model: ResolvedModel, other: ResolvedModel, faces: FaceImages, torn: FaceImages
) -> None:
    room = tmp_path / "embeddings"
    run(other, faces, room / "lfw.h5", OLD)
    with pytest.raises(DatasetError):
        run(model, torn, room / "lfw.h5", batch=4)
    (room / "lfw.h5").unlink()
    assert run(model, faces, room / "lfw.h5").done_before == 40
    assert names(room) == ["lfw.h5"]


def test_a_disk_without_room_for_both_says_what_can_be_deleted(
    tmp_path: Path, model: ResolvedModel, other: ResolvedModel, faces: FaceImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(other, faces, tmp_path / "lfw.h5", OLD)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000))
    with pytest.raises(StoreError, match=r"or delete the old embeddings \(lfw\.h5\)"):
        run(model, faces, tmp_path / "lfw.h5")
    assert read_info(tmp_path / "lfw.h5").complete


@pytest.mark.parametrize("moment", ["before it is loaded", "while it is loaded"])
def test_a_network_replaced_after_it_was_hashed_gives_no_row(
    tmp_path: Path, make_network, faces: FaceImages, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path, swapped = make_network(tmp_path / "tiny.onnx"), make_network(tmp_path / "swapped.onnx", seed=1)
    model = resolve_model(path)
    status = path.stat()
    assert swapped.stat().st_size == status.st_size
    os.utime(swapped, ns=(status.st_atime_ns, status.st_mtime_ns))

    class Replaced(Network):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            if moment == "before it is loaded":
                os.replace(swapped, path)
            super().__init__(*arguments, **more)
            if moment == "while it is loaded":
                os.replace(swapped, path)

    with monkeypatch.context() as patch:
        patch.setattr(embed_module, "Network", Replaced)
        with pytest.raises(ModelError, match=r"tiny\.onnx: changed while it was being loaded; run again"):
            run(model, faces, tmp_path / "e.h5")
    assert not (tmp_path / "e.h5").exists()
    run(resolve_model(path), faces, tmp_path / "e.h5")


def test_a_network_that_was_only_copied_over_itself_is_the_same(
    tmp_path: Path, make_network, faces: FaceImages
) -> None:
    path = make_network(tmp_path / "tiny.onnx")
    model = resolve_model(path)
    shutil.copyfile(path, tmp_path / "copy.onnx")
    os.replace(tmp_path / "copy.onnx", path)
    assert run(model, faces, tmp_path / "e.h5").rows == 65


def test_both_providers_are_written_into_a_file_that_two_made(
    tmp_path: Path, model: ResolvedModel, faces: FaceImages
) -> None:
    out = tmp_path / "e.h5"
    create_embeddings(out, 65, 32, {**NEW, "provider": "cuda", "batch": 16})
    with EmbeddingsWriter(out) as writer:
        writer.append(np.ones((20, 32), np.float32))
    run(model, faces, out, allow_other_provider=True)
    assert read_info(out).attributes == {**NEW, "provider": "cuda, then cpu", "batch": 16}
    assert (read_embeddings(out, slice(0, 20)) == 1).all()
    assert run(model, faces, out).provider.name == "cuda, then cpu"


def test_a_provider_that_made_some_of_the_rows_needs_no_further_consent(
    tmp_path: Path, model: ResolvedModel, faces: FaceImages
) -> None:
    out = tmp_path / "e.h5"
    for providers in ("cuda, then cpu", "cuda, then tensorrt"):
        create_embeddings(out, 65, 32, {**NEW, "provider": providers, "batch": 16})
        with EmbeddingsWriter(out) as writer:
            writer.append(np.ones((20, 32), np.float32))
        if "cpu" in providers:
            run(model, faces, out)
            assert read_info(out).attributes["provider"] == providers
        else:
            with pytest.raises(SettingsError, match=r"on cuda and tensorrt, .*use --provider tensorrt"):
                run(model, faces, out)


def test_a_batch_holds_at_most_all_images(
    tmp_path: Path, model: ResolvedModel, faces: FaceImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    class Watched(Network):
        def buffer(self, count: int) -> Any:
            asked.append(count)
            return super().buffer(count)

    monkeypatch.setattr(embed_module, "Network", Watched)
    assert run(model, faces, tmp_path / "e.h5", batch=200_000).batch == 65
    assert read_info(tmp_path / "e.h5").attributes["batch"] == 65
    # begun with such a batch by an older program
    create_embeddings(tmp_path / "old.h5", 65, 32, {**NEW, "provider": "cpu", "batch": 200_000})
    with EmbeddingsWriter(tmp_path / "old.h5") as writer:
        writer.append(read_embeddings(tmp_path / "e.h5")[:5])
    assert run(model, faces, tmp_path / "old.h5").done_before == 5
    assert max(asked) == 65
    assert np.array_equal(read_embeddings(tmp_path / "old.h5"), read_embeddings(tmp_path / "e.h5"))


def test_a_lack_of_memory_names_the_batch(
    tmp_path: Path, model: ResolvedModel, faces: FaceImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Network, "buffer", none_left)
    out = tmp_path / "e.h5"
    with pytest.raises(OutOfMemory, match=r"not enough memory on cpu for a batch of 60 .*; use a smaller --batch, or"):
        run(model, faces, out, batch=60)
    create_embeddings(out, 65, 32, {**NEW, "provider": "cpu", "batch": 60})
    with EmbeddingsWriter(out) as writer:
        writer.append(np.ones((20, 32), np.float32))
    with pytest.raises(OutOfMemory, match=r"a batch of 60 .*; close what .* or delete e\.h5 to begin again"):
        run(model, faces, out)  # the file keeps its batch, whatever is asked for


def test_bad_rows_of_a_complete_file_are_read_from_its_rows(
    tmp_path: Path, model: ResolvedModel, faces: FaceImages
) -> None:
    out = tmp_path / "e.h5"
    rows = np.ones((65, 32), np.float32)
    rows[7, 3], rows[64] = np.nan, 0
    create_embeddings(out, 65, 32, {**NEW, "provider": "cpu", "batch": 4})
    with EmbeddingsWriter(out) as writer:
        writer.append(rows)
    assert run(model, faces, out).bad_rows == (7, 64)
