"""Embedding a dataset in several goes: after cancel, crash and kill the bytes are those of one run."""

from __future__ import annotations

import gc
import random
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import canon_core.embedding.embed as embed_module
from canon_core.datasets.faces import FaceImages
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import read_dataset
from canon_core.embedding.embed import EmbedOptions, EmbedReport, embed
from canon_core.embedding.network import Network
from canon_core.errors import Cancelled, SettingsError
from canon_core.jobs import JobContext, Progress
from canon_core.models.resolve import ResolvedModel, resolve_model
from canon_core.store.embeddings import create_embeddings, read_embeddings, read_info
from canon_core.store.embeddings_in_place import EmbeddingsWriter

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


def slow_network(path: Path, layers: int, channels: int, pool: int = 1) -> Path:
    """Convolutions of known cost: layers × 9 · channels² · (112 / pool)² multiplications."""
    rng = np.random.default_rng(0)
    first = rng.standard_normal((channels, 3, 1, 1)).astype(np.float32)
    kernel = (rng.standard_normal((channels, channels, 3, 3)) / (3 * channels**0.5)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["input"], ["pooled"], kernel_shape=[pool, pool], strides=[pool, pool]),
        helper.make_node("Conv", ["pooled", "first"], ["x0"]),
        *(
            helper.make_node("Conv", [f"x{number}", "kernel"], [f"x{number + 1}"], pads=[1, 1, 1, 1])
            for number in range(layers)
        ),
        helper.make_node("GlobalAveragePool", [f"x{layers}"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "slow",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", channels, 1, 1])],
        [numpy_helper.from_array(first, "first"), numpy_helper.from_array(kernel, "kernel")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def test_a_complete_file_is_left_alone(
    tmp_path: Path, model: ResolvedModel, faces: FaceImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(model, faces, tmp_path / "e.h5")
    before = (tmp_path / "e.h5").stat()

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("nothing is left to compute")

    monkeypatch.setattr(embed_module, "Network", fail)
    monkeypatch.setattr(embed_module, "choose_provider", fail)
    report = run(model, faces, tmp_path / "e.h5")
    assert (report.rows, report.done_before, report.images_per_s) == (65, 65, 0.0)
    after = (tmp_path / "e.h5").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


@pytest.mark.parametrize("done", [1, 8, 13, 64])
def test_a_partial_file_is_finished_with_its_own_batch(
    tmp_path: Path, model: ResolvedModel, faces: FaceImages, done: int
) -> None:
    whole, part = tmp_path / "whole.h5", tmp_path / "part.h5"
    run(model, faces, whole, batch=8)
    create_embeddings(part, 65, 32, {**IDENTITY, "provider": "cpu", "batch": 8})
    with EmbeddingsWriter(part) as writer:
        writer.append(read_embeddings(whole)[:done])
    report = run(model, faces, part, batch=5)
    assert (report.done_before, report.batch) == (done, 8)
    assert part.read_bytes() == whole.read_bytes()


def test_a_file_of_other_images_or_another_model_is_replaced(
    tmp_path: Path, model: ResolvedModel, faces: FaceImages
) -> None:
    wanted = tmp_path / "wanted.h5"
    run(model, faces, wanted)
    out = tmp_path / "e.h5"
    attributes = {**IDENTITY, "provider": "cpu", "batch": 4}
    for rows, dimensions, changed in (
        (65, 32, {"dataset": "other"}),
        (64, 32, {}),
        (65, 31, {}),
        (65, 32, {"batch": 0}),
    ):
        create_embeddings(out, rows, dimensions, {**attributes, **changed})
        with EmbeddingsWriter(out) as writer:
            writer.append(np.ones((rows, dimensions), np.float32))
        assert run(model, faces, out).done_before == 0
        assert out.read_bytes() == wanted.read_bytes()


def test_another_provider_needs_consent(tmp_path: Path, model: ResolvedModel, faces: FaceImages) -> None:
    out = tmp_path / "e.h5"
    create_embeddings(out, 65, 32, {**IDENTITY, "provider": "cuda", "batch": 16})
    with EmbeddingsWriter(out) as writer:
        writer.append(np.ones((20, 32), np.float32))
    with pytest.raises(SettingsError, match=r"20 of 65 images were embedded on cuda.*would run on cpu"):
        run(model, faces, out)
    assert read_info(out).done == 20
    assert run(model, faces, out, allow_other_provider=True).done_before == 20
    assert (read_embeddings(out)[:20] == 1).all()
    create_embeddings(out, 65, 32, {**IDENTITY, "provider": "cuda", "batch": 16})  # nothing done: nothing to ask
    run(model, faces, out)
    assert read_info(out).attributes["provider"] == "cpu"


def test_cancelling_keeps_what_is_finished_and_the_rest_follows(tmp_path: Path, faces: FaceImages) -> None:
    model = resolve_model(slow_network(tmp_path / "slow.onnx", 12, 64, pool=2))
    out, whole = tmp_path / "e.h5", tmp_path / "whole.h5"
    run(model, faces, whole)
    ctx = JobContext()

    def cancel_later(event: object) -> None:
        if isinstance(event, Progress) and event.done > 0:
            ctx.cancel()

    ctx._emit = cancel_later
    with pytest.raises(Cancelled):
        run(model, faces, out, ctx)
    done = read_info(out).done
    assert 0 < done < 65
    report = run(model, faces, out)
    assert report.done_before == done
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("moment", ["while the provider is chosen", "while the network runs"])
def test_cancelling_takes_less_than_a_second(
    tmp_path: Path, faces: FaceImages, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    model = resolve_model(slow_network(tmp_path / "slow.onnx", 40, 128))  # seconds an image
    release = threading.Event()
    if moment == "while the provider is chosen":
        monkeypatch.setattr(embed_module, "choose_provider", lambda *_: release.wait(20))
    ctx = JobContext()
    cancelled_at: list[float] = []

    def cancel() -> None:
        cancelled_at.append(time.monotonic())
        ctx.cancel()

    timer = threading.Timer(0.5, cancel)
    timer.start()
    with pytest.raises(Cancelled):
        run(model, faces, tmp_path / "e.h5", ctx)
    assert time.monotonic() - cancelled_at[0] < 1
    release.set()
    timer.join()


def test_a_network_is_let_go_although_its_job_lives_on(
    tmp_path: Path, model: ResolvedModel, faces: FaceImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[weakref.ref[Network]] = []

    class Watched(Network):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            loaded.append(weakref.ref(self))

    monkeypatch.setattr(embed_module, "Network", Watched)
    ctx = JobContext()  # embeds several models one after the other
    run(model, faces, tmp_path / "e.h5", ctx)
    gc.collect()
    assert [network() for network in loaded] == [None]
    ctx.cancel()


KILLED = """
import sys; from pathlib import Path
from canon_core.datasets.options import DatasetOptions; from canon_core.datasets.reader import read_dataset
from canon_core.embedding.embed import EmbedOptions, embed; from canon_core.jobs import JobContext
from canon_core.models.resolve import resolve_model
model, folder, out = map(Path, sys.argv[1:])
faces = read_dataset(folder, DatasetOptions(), JobContext()).faces
attributes = {"model_sha256": "m", "preprocessing": "p", "dataset": "d"}
print("ready", flush=True)
embed(resolve_model(model), faces, out, EmbedOptions(provider="cpu"), JobContext(), attributes)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_kills_at_random_moments_cost_a_block_and_change_no_byte(tmp_path: Path, make_faces) -> None:
    folder = make_faces(tmp_path / "faces", subjects=20, images=10)
    faces = read_dataset(folder, DatasetOptions(), JobContext()).faces
    path = slow_network(tmp_path / "slow.onnx", 6, 64, pool=2)
    model = resolve_model(path)
    whole, out = tmp_path / "whole.h5", tmp_path / "e.h5"
    seconds = run(model, faces, whole).seconds
    rng = random.Random(3)
    done = [0]
    for _ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path), str(folder), str(out)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0.0, 0.4 * seconds))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        info = read_info(out) if out.exists() else SimpleNamespace(done=0)
        assert info.done >= done[-1]
        done.append(info.done)
        if info.done:
            assert np.array_equal(
                read_embeddings(out, slice(0, info.done)), read_embeddings(whole, slice(0, info.done))
            )
    report = run(model, faces, out)
    assert report.done_before == done[-1]
    assert out.read_bytes() == whole.read_bytes()
