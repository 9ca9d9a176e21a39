"""A network's embeddings are what its graph computes, whatever its batch, types and outputs look like."""

from __future__ import annotations

import ctypes
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from canon_core.embedding.device import DeviceInput, page_locked
from canon_core.embedding.network import Network, OutOfMemory
from canon_core.errors import Cancelled, ModelError
from canon_core.models.providers import ProviderChoice
from canon_core.models.spec import InputSpec, ModelSpec, OutputSpec

CPU = ProviderChoice("cpu", 0, "")
HEADER = '<ir_version: 8, opset_import: ["" : 13]>'
#: Embedding = the 3·8·8 numbers of an image through one matrix.
LINEAR = HEADER + "network (float[n,3,8,8] image) => (float[n,5] e) { f = Flatten (image)\n e = MatMul (f, w) }"


def save(path: Path, text: str, **weights: np.ndarray) -> Path:
    model = onnx.parser.parse_model(text)
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in weights.items())
    onnx.save(model, str(path))
    return path


def network(
    path: Path, *names: str, dimensions: int = 5, flip: Any = "none", pfe: bool = False, **of_input: Any
) -> Network:
    spec = ModelSpec(
        input=InputSpec(height=8, width=8, template="whole", **of_input),
        output=OutputSpec(names=names or ("e",), flip=flip, pfe=pfe),
    )
    model: Any = SimpleNamespace(path=path, spec=spec, dimensions=dimensions)
    return Network(model, CPU)


@pytest.fixture
def batch() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((7, 3, 8, 8)).astype(np.float32)


@pytest.fixture
def weights() -> np.ndarray:
    return np.random.default_rng(2).standard_normal((192, 5)).astype(np.float32)


def by_hand(batch: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return batch.reshape(len(batch), -1).astype(np.float64) @ weights


def near(found: np.ndarray, wanted: np.ndarray, tolerance: float = 1e-4) -> None:
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=tolerance)


def test_flips_are_none_added_or_kept(tmp_path: Path, batch: np.ndarray, weights: np.ndarray) -> None:
    path = save(tmp_path / "m.onnx", LINEAR, w=weights)
    upright, mirrored = by_hand(batch, weights), by_hand(batch[:, :, :, ::-1], weights)
    near(network(path).run(batch), upright)
    near(network(path, flip="sum").run(batch), upright + mirrored)
    near(network(path, flip="keep").run(batch), np.stack([upright, mirrored], axis=1))


def test_a_mirror_turns_columns_in_either_layout(tmp_path: Path, batch: np.ndarray) -> None:
    weights = np.random.default_rng(2).standard_normal((192, 5)).astype(np.float32)
    path = save(tmp_path / "m.onnx", LINEAR.replace("n,3,8,8", "n,8,8,3"), w=weights)
    last = np.ascontiguousarray(batch.transpose(0, 2, 3, 1))
    both = network(path, flip="keep", layout="nhwc").run(last)
    near(both, np.stack([by_hand(last, weights), by_hand(last[:, :, ::-1], weights)], axis=1))


def test_outputs_are_flattened_and_joined_in_the_specs_order(
    tmp_path: Path, batch: np.ndarray, weights: np.ndarray
) -> None:
    text = (
        HEADER
        + """network (float[n,3,8,8] image) => (float[n,5] e, float[n,5,1,1] wide, double[n,3] d) {
        f = Flatten (image)
        e = MatMul (f, w)
        s = Constant <value = int64[4] {-1, 5, 1, 1}> ()
        neg = Neg (e)
        wide = Reshape (neg, s)
        p = GlobalAveragePool (image)
        q = Flatten (p)
        d = Cast <to = 11> (q)
    }"""
    )
    path = save(tmp_path / "m.onnx", text, w=weights)
    found = network(path, "d", "wide", "e", dimensions=13, pfe=False).run(batch)
    wanted = by_hand(batch, weights)
    near(found, np.concatenate([batch.mean(axis=(2, 3)), -wanted, wanted], axis=1))


@pytest.mark.parametrize("count", [1, 4, 7, 8])
def test_a_fixed_batch_is_padded(tmp_path: Path, batch: np.ndarray, weights: np.ndarray, count: int) -> None:
    path = save(tmp_path / "m.onnx", LINEAR.replace("n,", "4,"), w=weights)
    whole = np.concatenate([batch, batch])[:count]
    loaded = network(path)
    assert loaded.fixed_batch == 4
    near(loaded.run(whole), by_hand(whole, weights))
    assert loaded.run(whole[:0]).shape == (0, 5)


def test_other_element_types_are_cast(tmp_path: Path, batch: np.ndarray, weights: np.ndarray) -> None:
    half = LINEAR.replace("float[", "float16[")
    path = save(tmp_path / "half.onnx", half, w=weights.astype(np.float16))
    near(network(path).run(batch), by_hand(batch, weights), 0.1)
    bytes_ = HEADER + "network (uint8[n,3,8,8] image) => (float[n,192] e) { f = Flatten (image)\n e = Cast <to=1> (f) }"
    path = save(tmp_path / "bytes.onnx", bytes_)
    levels = np.abs(batch) * 40
    near(network(path, dimensions=192).run(levels), np.rint(levels).reshape(7, -1))


def test_an_output_that_is_not_one_row_per_image_is_named(tmp_path: Path, batch: np.ndarray) -> None:
    text = HEADER + "network (float[n,3,8,8] image) => (float[1,3,8,8] e) { e = ReduceMean <axes = [0]> (image) }"
    path = save(tmp_path / "m.onnx", text)
    with pytest.raises(ModelError, match=r"m\.onnx: output 'e' has shape \(1, 3, 8, 8\) for 7 images"):
        network(path, dimensions=192).run(batch)
    path = save(tmp_path / "m.onnx", LINEAR, w=np.zeros((192, 5), np.float32))
    with pytest.raises(ModelError, match="gives 5 numbers per image where 6 were expected"):
        network(path, dimensions=6).run(batch)


def test_a_network_that_cannot_be_loaded_or_run_says_so_once(
    tmp_path: Path, batch: np.ndarray, weights: np.ndarray, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"\x08\x08 nothing")
    with pytest.raises(ModelError, match=r"broken\.onnx: ONNX Runtime cannot load it .*; export the model again"):
        network(tmp_path / "broken.onnx")
    path = save(tmp_path / "m.onnx", LINEAR.replace("8,8", "h,w"), w=weights)
    with pytest.raises(ModelError, match=r"m\.onnx: the network failed \("):
        network(path).run(batch[:, :, :7])
    with pytest.raises(ModelError, match=r"does not run on cuda: ONNX Runtime fell back to the CPU; see `canon doc"):
        Network(network(path).model, ProviderChoice("cuda", 0, ""))
    shown = capfd.readouterr()
    assert shown.out == shown.err == ""


def test_lack_of_memory_is_told_apart(
    tmp_path: Path, batch: np.ndarray, weights: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = network(save(tmp_path / "m.onnx", LINEAR, w=weights))
    for said in (
        "CUDA error 2: out of memory",
        "Failed to allocate memory for requested buffer of size 9",
        "bad_alloc",
    ):

        def fail(*_: object, said: str = said) -> None:
            raise RuntimeError(said)

        with monkeypatch.context() as patch:
            patch.setattr(loaded, "_session", SimpleNamespace(run=fail))
            with pytest.raises(OutOfMemory, match=r"not enough memory on cpu for a batch of 7; use a smaller --batch"):
                loaded.run(batch)


def test_termination_ends_a_run_within_its_operator(
    tmp_path: Path, batch: np.ndarray, capfd: pytest.CaptureFixture[str]
) -> None:
    steps = "\n".join(f"x{k + 1} = Conv <pads = [1, 1, 1, 1]> (x{k}, k)" for k in range(2000))
    text = HEADER + f"network (float[n,3,8,8] image) => (float[n,64,8,8] e) {{ x0 = Conv (image, f)\n{steps}\n e = Identity (x2000) }}"  # fmt: skip  # noqa: E501
    kernel = np.full((64, 64, 3, 3), 1 / 576, np.float32)
    loaded = network(save(tmp_path / "m.onnx", text, f=np.ones((64, 3, 1, 1), np.float32), k=kernel), dimensions=4096)
    outcome: list[Cancelled] = []

    def run() -> None:
        try:
            loaded.run(np.concatenate([batch] * 40))
        except Cancelled as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.3)
    assert thread.is_alive()  # it would take seconds
    start = time.monotonic()
    loaded.terminate()
    thread.join(5)
    assert time.monotonic() - start < 1
    assert len(outcome) == 1
    with pytest.raises(Cancelled):
        loaded.run(batch)
    assert capfd.readouterr().err == ""


def test_a_bound_input_gives_what_a_plain_run_gives(tmp_path: Path, batch: np.ndarray, weights: np.ndarray) -> None:
    path = save(tmp_path / "m.onnx", LINEAR, w=weights)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    place = DeviceInput(session, "image", ["e"], 0, batch, kind="cpu")
    assert place.fits(batch)
    assert not place.fits(batch[:3])
    assert not place.fits(batch.astype(np.float16))
    for values in (batch, batch[::-1]):
        place.copy(values)
        (found,) = place.run(session, onnxruntime.RunOptions())
        near(found, by_hand(values, weights))


def test_pages_are_locked_once_and_released_with_the_array(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = []

    class Call:
        def __init__(self, name: str, result: int) -> None:
            self.name, self.result = name, result

        def __call__(self, *arguments: object) -> int:
            calls.append((self.name, *arguments))
            return self.result

    for result in (0, 2):
        runtime = SimpleNamespace(cudaHostRegister=Call("lock", result), cudaHostUnregister=Call("free", 0))
        monkeypatch.setattr(ctypes, "CDLL", lambda _, runtime=runtime: runtime)
        array = np.zeros((4, 5), np.float32)
        address = array.ctypes.data
        assert page_locked(array) is (result == 0)
        del array
        assert ("lock", address, 80, 0) in calls
        assert (("free", address) in calls) is (result == 0)
        calls.clear()

    def absent(_: str) -> None:
        raise OSError("no such library")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    assert not page_locked(np.zeros(3))
