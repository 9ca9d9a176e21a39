"""Embedding on the CPU, from image files to a file of embeddings, against ONNX Runtime alone on ready-made batches.

Ours is one call of ``embed``: load the network, then read, decode, check, align and preprocess every image, run the
network, write HDF5 with every block on the disk before it is counted. The reference is an ONNX Runtime session with
default options that is loaded already and is given the same images as float32 batches in memory; of several batch
sizes its fastest counts. Both are run in turns, and the ratio is the median of the rounds' ratios, so that what else
the machine does meanwhile falls on both. The embeddings must agree.

The largest and the smallest of the real networks on the real faces where they are, else two networks and faces made
here. Peak memory is that of a child process that runs only ours, with few and with many images.

    python tests/benchmarks/embed.py [--json FILE] [--images 512] [--small-images 7622] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon_core.cores import usable_cores
from canon_core.datasets.faces import FaceImages
from canon_core.datasets.images import read_image
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import read_dataset
from canon_core.embedding.align import align_face
from canon_core.embedding.embed import EmbedOptions, embed
from canon_core.embedding.preprocess import to_tensor
from canon_core.jobs import JobContext
from canon_core.models.resolve import ResolvedModel, resolve_model
from canon_core.store.embeddings import read_embeddings

REFERENCE_BATCHES = (4, 8, 16, 32)
#: Images of the two children whose peaks are compared.
FEW, MANY = 1000, 4000
COSINE = 1 - 1e-6


@dataclass(frozen=True)
class Inputs:
    """Where networks and faces are, and whether they are the real ones."""

    large: Path
    small: Path
    faces: Path
    data: str


def find_inputs(scratch: Path) -> Inputs:
    root = Path(os.environ.get("CANON_REAL") or Path(__file__).resolve().parents[3] / "shared" / "real")
    if (root / "models").is_dir():
        return Inputs(root / "models" / "mbf.onnx", root / "models" / "mfV3.onnx", root / "lfw", "real")
    print(f"no real faces and networks at {root} (set CANON_REAL): made ones instead")
    write_faces(scratch / "faces", 1000)
    return Inputs(
        write_network(scratch / "large.onnx", 64, 12), write_network(scratch / "small.onnx", 16, 4), scratch / "faces",
        "synthetic",
    )  # fmt: skip


def write_faces(folder: Path, count: int) -> None:
    """JPEG files of 112 × 112 with about as much detail as a face."""
    import cv2

    generator = np.random.default_rng(0)
    for number in range(count):
        blobs = generator.integers(0, 256, (14, 14, 3)).astype(np.uint8)
        image = cv2.resize(blobs, (112, 112), interpolation=cv2.INTER_CUBIC)
        place = folder / f"Person_{number // 4:04d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:05d}.jpg").write_bytes(cv2.imencode(".jpg", image)[1].tobytes())


def write_network(path: Path, channels: int, layers: int) -> Path:
    """Depthwise and pointwise convolutions with PRelu at a quarter of the input's size, as small face networks have."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(0)
    weights: dict[str, NDArray[np.float32]] = {}

    def weight(name: str, *shape: int) -> str:
        fan_in = max(1, int(np.prod(shape[1:])))
        weights[name] = (generator.standard_normal(shape) / fan_in**0.5).astype(np.float32)
        return name

    first = weight("first", channels, 3, 4, 4)
    nodes = [helper.make_node("Conv", ["input", first], ["x0"], strides=[4, 4])]
    for layer in range(layers):
        depth, point = weight(f"d{layer}", channels, 1, 3, 3), weight(f"p{layer}", channels, channels, 1, 1)
        nodes += [
            helper.make_node("Conv", [f"x{layer}", depth], [f"a{layer}"], group=channels, pads=[1, 1, 1, 1]),
            helper.make_node("PRelu", [f"a{layer}", weight(f"s{layer}", channels, 1, 1)], [f"b{layer}"]),
            helper.make_node("Conv", [f"b{layer}", point], [f"x{layer + 1}"]),
        ]
    nodes += [
        helper.make_node("GlobalAveragePool", [f"x{layers}"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", weight("last", channels, 256)], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 256])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def repeated(faces: FaceImages, count: int) -> FaceImages:
    """The first ``count`` images, from the start again where there are not as many."""
    rows = np.arange(count) % len(faces)
    arrays = ("file_size", "mtime_ns", "width", "height", "landmarks", "boxes", "scores")
    texts = ("ids", "subjects", "sha256")
    chosen: dict[str, Any] = {name: tuple(getattr(faces, name)[row] for row in rows) for name in texts}
    chosen |= {name: getattr(faces, name)[rows] for name in arrays if getattr(faces, name) is not None}
    return replace(faces, **chosen)


def ours(model: ResolvedModel, faces: FaceImages, out: Path) -> float:
    out.unlink(missing_ok=True)
    start = time.perf_counter()
    embed(model, faces, out, EmbedOptions(provider="cpu"), JobContext(), {"benchmark": model.sha256})
    return time.perf_counter() - start


def peak_mb() -> float:
    """Peak resident memory of this process. Linux's ru_maxrss would also count the parent before exec."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 2**20)


def peak_of_a_child(model: Path, faces: Path, images: int) -> float:
    command = [sys.executable, __file__, "--child", str(model), str(faces), "--images", str(images)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def child(model: Path, folder: Path, images: int) -> None:
    faces = read_dataset(folder, DatasetOptions(), JobContext()).faces
    with tempfile.TemporaryDirectory() as scratch:
        ours(resolve_model(model), repeated(faces, images), Path(scratch) / "e.h5")
    print(peak_mb())


def compare(path: Path, faces: FaceImages, rounds: int, scratch: Path) -> dict[str, Any]:
    """Ours and the reference in turns; seconds of each, medians, and how far the embeddings are apart."""
    import onnxruntime

    model = resolve_model(path)
    crops = [
        align_face(
            read_image(faces.path(row)), None if faces.landmarks is None else faces.landmarks[row], None,
            model.spec.input, faces.alignment,
        )
        for row in range(len(faces))
    ]  # fmt: skip
    tensor = to_tensor(crops, model.spec)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed, names = session.get_inputs()[0].name, list(model.spec.output.names)

    def alone(batch: int) -> tuple[float, NDArray[np.float32]]:
        start = time.perf_counter()
        parts = [session.run(names, {feed: tensor[low : low + batch]})[0] for low in range(0, len(tensor), batch)]
        return time.perf_counter() - start, np.concatenate(parts).reshape(len(tensor), -1)

    out = scratch / f"{path.stem}.h5"
    ours(model, repeated(faces, 64), out)
    alone(REFERENCE_BATCHES[0])
    our_seconds: list[float] = []
    seconds: dict[int, list[float]] = {batch: [] for batch in REFERENCE_BATCHES}
    for _ in range(rounds):
        our_seconds.append(ours(model, faces, out))
        for batch, taken in seconds.items():
            took, wanted = alone(batch)
            taken.append(took)
    found = read_embeddings(out)
    cosine = (found * wanted).sum(axis=1) / np.linalg.norm(found, axis=1) / np.linalg.norm(wanted, axis=1)
    assert cosine.min() >= COSINE, f"{path.stem}: cosine {cosine.min()} between ours and the reference"
    best = min(REFERENCE_BATCHES, key=lambda batch: statistics.median(seconds[batch]))
    reference_s, ours_s = statistics.median(seconds[best]), statistics.median(our_seconds)
    ratios = {
        batch: statistics.median(theirs / mine for theirs, mine in zip(taken, our_seconds, strict=True))
        for batch, taken in seconds.items()
    }
    return {
        "network": path.stem,
        "images": len(faces),
        "ours_s": ours_s,
        "reference_s": reference_s,
        "ratio": ratios[best],
        "images_per_s": len(faces) / ours_s,
        "reference_images_per_s": len(faces) / reference_s,
        "reference_batch": best,
        "ratio_by_batch": ratios,
        "min_cosine": float(cosine.min()),
        "bits_equal": bool(np.array_equal(found, wanted)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--images", type=int, default=512, help="for the larger network")
    parser.add_argument("--small-images", type=int, default=7622, help="for the smaller network")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child, options.images)
        return
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        inputs = find_inputs(scratch)
        few, many = (peak_of_a_child(inputs.large, inputs.faces, images) for images in (FEW, MANY))
        assert many < 1.1 * few + 20, f"peak memory grows with the images: {few:.0f} MB, then {many:.0f} MB"
        faces = read_dataset(inputs.faces, DatasetOptions(), JobContext()).faces
        large = compare(inputs.large, repeated(faces, options.images), options.rounds, scratch)
        small = compare(inputs.small, repeated(faces, options.small_images), options.rounds, scratch)

    figures = {
        "ratio_to_ort": large["ratio"],
        "ratio_to_ort_small": small["ratio"],
        "images_per_s": large["images_per_s"],
        "images_per_s_small": small["images_per_s"],
        "peak_mb": many,
        "peak_mb_few_images": few,
        "data": inputs.data,
        "stages": {
            result["network"]: {key: result[key] for key in ("ours_s", "reference_s")} for result in (large, small)
        },
        "large": large,
        "small": small,
        "rounds": options.rounds,
        "threads": usable_cores(),
    }
    print(f"{inputs.data} data, {figures['threads']} threads, medians of {options.rounds} rounds in turns")
    print(f"{'network':>10} {'images':>7} {'ours':>11} {'ORT alone':>11} {'(batch)':>8} {'ratio':>6}  embeddings")
    for result in (large, small):
        best = result["reference_batch"]
        same = "same bits" if result["bits_equal"] else f"cosine ≥ {result['min_cosine']:.8f}"
        print(
            f"{result['network']:>10} {result['images']:>7} {result['images_per_s']:>9.0f}/s"
            f" {result['reference_images_per_s']:>9.0f}/s {best:>8} {result['ratio']:>6.2f}  {same}"
        )
    print(f"peak memory {few:.0f} MB with {FEW:,} images, {many:.0f} MB with {MANY:,}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
