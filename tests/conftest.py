"""What every test may use: the real data where it is, and small networks and faces made on the spot."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

MakeNetwork = Callable[..., Path]
MakeFaces = Callable[..., Path]


@pytest.fixture(scope="session")
def real() -> Path:
    """Folder of real faces and real networks; tests that need it skip where it is missing."""
    root = Path(os.environ.get("CANON_REAL") or Path(__file__).resolve().parents[2] / "shared" / "real")
    if not (root / "models").is_dir():
        pytest.skip(f"no real faces and networks at {root} (set CANON_REAL)")
    return root


@pytest.fixture(scope="session")
def make_network() -> MakeNetwork:
    """``make_network(path, dimensions=32, seed=0)``: a network of known arithmetic, embedding = W · mean 16×16 blocks.

    Two of them see the same 147 numbers of an image through different random projections, so a map between them
    exists and raw embeddings do not match. Input: (n, 3, 112, 112), (x − 127.5) / 127.5 as inferred from the graph.
    """

    def make(path: Path, dimensions: int = 32, seed: int = 0) -> Path:
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        rng = np.random.default_rng(seed)
        weights = rng.standard_normal((147, dimensions)).astype(np.float32)
        graph = helper.make_graph(
            [
                helper.make_node("AveragePool", ["input"], ["pooled"], kernel_shape=[16, 16], strides=[16, 16]),
                helper.make_node("Flatten", ["pooled"], ["flat"]),
                helper.make_node("MatMul", ["flat", "weights"], ["embedding"]),
            ],
            "tiny",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 112, 112])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", dimensions])],
            [numpy_helper.from_array(weights, "weights")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, str(path))
        return path

    return make


@pytest.fixture(scope="session")
def make_faces() -> MakeFaces:
    """``make_faces(folder, subjects=12, images=5, seed=0)``: PNG "faces", a colour pattern a subject + noise.

    ``folds=k`` writes a ``pairs.txt`` with k folds of 10 genuine and 10 impostor pairs.
    """

    def make(folder: Path, subjects: int = 12, images: int = 5, seed: int = 0, folds: int = 0) -> Path:
        import cv2

        rng = np.random.default_rng(seed)
        names = [f"Person_{number:02d}" for number in range(subjects)]
        for name in names:
            pattern = rng.uniform(40, 215, (7, 7, 3))
            for number in range(1, images + 1):
                blocks = np.clip(pattern + rng.normal(0, 25, pattern.shape), 0, 255).astype(np.uint8)
                image = cv2.resize(blocks, (112, 112), interpolation=cv2.INTER_CUBIC)
                (folder / name).mkdir(parents=True, exist_ok=True)
                encoded = cv2.imencode(".png", image)[1].tobytes()
                (folder / name / f"{name}_{number:04d}.png").write_bytes(encoded)
        if folds:
            lines = [f"{folds}\t10"]
            for _ in range(folds):
                for _ in range(10):
                    one, other = rng.choice(images, 2, replace=False) + 1
                    lines.append(f"{rng.choice(names)}\t{one}\t{other}")
                for _ in range(10):
                    first, second = rng.choice(names, 2, replace=False)
                    lines.append(f"{first}\t{rng.integers(1, images + 1)}\t{second}\t{rng.integers(1, images + 1)}")
            (folder / "pairs.txt").write_text("\n".join(lines) + "\n")
        return folder

    return make
