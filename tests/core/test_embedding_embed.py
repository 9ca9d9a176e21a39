"""Embedding a dataset: row i is image i's embedding, whatever the threads."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from canon_core.datasets.faces import FaceImages
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import read_dataset
from canon_core.embedding.embed import EmbedOptions, EmbedReport, embed
from canon_core.jobs import JobContext, Progress
from canon_core.models.resolve import ResolvedModel, resolve_model
from canon_core.models.spec import ModelSpec
from canon_core.store.embeddings import read_embeddings, read_info

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


def test_every_row_is_its_images_embedding(tmp_path: Path, model: ResolvedModel, faces: FaceImages) -> None:
    report = run(model, faces, tmp_path / "e.h5")
    weights = numpy_helper.to_array(onnx.load(model.path).graph.initializer[0]).astype(np.float64)
    found = read_embeddings(tmp_path / "e.h5")
    assert found.shape == (65, 32)
    for row, name in enumerate(faces.ids):
        image = cv2.imread(str(faces.root / name))[..., ::-1].astype(np.float64)
        blocks = ((image - 127.5) / 127.5).reshape(7, 16, 7, 16, 3).mean(axis=(1, 3))
        np.testing.assert_allclose(found[row], blocks.transpose(2, 0, 1).reshape(-1) @ weights, atol=1e-4)
    assert (report.rows, report.done_before, report.bad_rows) == (65, 0, ())
    assert report.provider.name == "cpu"
    assert report.images_per_s > 0
    info = read_info(tmp_path / "e.h5")
    assert info.attributes == {**IDENTITY, "provider": "cpu", "batch": report.batch}


def test_the_bytes_do_not_depend_on_threads_or_on_the_clock(
    tmp_path: Path, model: ResolvedModel, faces: FaceImages
) -> None:
    files = []
    for threads in (1, 2, 5):
        path = tmp_path / f"{threads}.h5"
        run(model, faces, path, threads=threads, spinning=threads > 1)
        files.append(path.read_bytes())
    assert files[0] == files[1] == files[2]


def test_kept_flips_are_two_rows_an_image(tmp_path: Path, model: ResolvedModel, faces: FaceImages) -> None:
    spec = model.spec.model_copy(update={"output": model.spec.output.model_copy(update={"flip": "keep"})})
    run(replace(model, spec=spec), faces, tmp_path / "kept.h5")
    run(model, faces, tmp_path / "plain.h5")
    kept = read_embeddings(tmp_path / "kept.h5")
    assert kept.shape == (65, 2, 32)
    assert np.array_equal(kept[:, 0], read_embeddings(tmp_path / "plain.h5"))
    assert not np.allclose(kept[:, 0], kept[:, 1])


def test_progress_goes_up_to_the_end(tmp_path: Path, model: ResolvedModel, faces: FaceImages) -> None:
    events: list[Any] = []
    run(model, faces, tmp_path / "e.h5", JobContext(emit=events.append))
    progress = [event for event in events if isinstance(event, Progress)]
    assert {event.what for event in progress} == {"embedding tiny"}
    assert [event.done for event in progress] == sorted(event.done for event in progress)
    assert (progress[-1].done, progress[-1].total) == (65, 65)


def test_an_empty_dataset_gives_an_empty_file(tmp_path: Path, model: ResolvedModel, faces: FaceImages) -> None:
    nothing = replace(
        faces, ids=(), subjects=(), sha256=(), landmarks=faces.landmarks[:0] if faces.landmarks is not None else None
    )
    assert run(model, nothing, tmp_path / "e.h5").rows == 0
    assert read_info(tmp_path / "e.h5").complete


def test_rows_that_are_no_embedding_are_reported(tmp_path: Path, faces: FaceImages, folder: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "faces")
    flat = sorted(copy.glob("*/*.png"))[10:13]
    for path, level in zip(flat, (0, 255, 128), strict=True):
        path.write_bytes(cv2.imencode(".png", np.full((112, 112, 3), level, np.uint8))[1].tobytes())
    nodes = [  # log of the mean: −inf where black; times the mean's distance from white: 0 where white
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Log", ["mean"], ["log"]),
        helper.make_node("Sub", ["white", "mean"], ["dark"]),
        helper.make_node("Mul", ["log", "dark"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "log",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 3, 1, 1])],
        [numpy_helper.from_array(np.full((1, 3, 1, 1), 255, np.float32), "white")],
    )
    path = tmp_path / "log.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    raw = {"mean": (0.0,) * 3, "std": (1.0,) * 3}
    plain = ModelSpec()
    resolved = resolve_model(path, spec=plain.model_copy(update={"input": plain.input.model_copy(update=raw)}))
    spoilt = read_dataset(copy, DatasetOptions(), JobContext()).faces
    report = run(resolved, spoilt, tmp_path / "e.h5")
    assert report.bad_rows == (10, 11)
    assert np.isinf(read_embeddings(tmp_path / "e.h5", np.array([10]))).all()
    assert run(resolved, spoilt, tmp_path / "e.h5").bad_rows == (10, 11)  # of a file that was complete before


@pytest.mark.real
def test_real_networks_agree_with_onnx_runtime_alone(tmp_path: Path, real: Path) -> None:
    import onnxruntime

    faces = read_dataset(real / "lfw", DatasetOptions(max_per_subject=1), JobContext()).faces
    few = replace(
        faces, ids=faces.ids[:10], subjects=faces.subjects[:10], sha256=faces.sha256[:10],
        landmarks=None if faces.landmarks is None else faces.landmarks[:10],
    )  # fmt: skip
    for name, columns, rgb, mean, std in (
        ("mbf", slice(0, 112), True, 127.5, 127.5),
        ("casia", slice(8, 104), True, 127.5, 128.0),
        ("mfV3", slice(0, 112), True, 0.0, 1.0),
    ):
        path = real / "models" / f"{name}.onnx"
        run(resolve_model(path), few, tmp_path / f"{name}.h5")
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        images = np.stack([cv2.imread(str(few.path(row)))[:, columns, :: -1 if rgb else 1] for row in range(10)])
        tensor = ((images.astype(np.float32) - mean) / np.float32(std)).transpose(0, 3, 1, 2)
        (wanted,) = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(tensor)})
        found = read_embeddings(tmp_path / f"{name}.h5")
        cosine = (found * wanted).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(wanted, axis=1)
        assert cosine.min() > 1 - 1e-6
