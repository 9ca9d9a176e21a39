"""Fit the stand-in's networks anew and write them to a folder (default: the checkout's ``resources/demo``).

``python -m canon_core.demo.standin_fit [FOLDER]``; takes minutes, most of them for rendering.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from canon_core.cores import blas_threads, usable_cores
from canon_core.datasets.faces import Alignment
from canon_core.demo.album import photograph_album
from canon_core.demo.discriminant import fit_discriminant
from canon_core.demo.shallow import build_network
from canon_core.demo.standin_networks import NETWORKS, PHOTOGRAPHS, StandInNetwork
from canon_core.embedding.align import align_face
from canon_core.embedding.preprocess import to_tensor
from canon_core.models.spec import ModelSpec, spec_to_toml

_BATCH = 128
#: Every so many photographs goes into the sample that filters are learned from.
_SAMPLE_STEP = 37


def fit_network(network: StandInNetwork, faces: NDArray[np.uint8], folder: Path) -> None:
    """Fit one network on aligned crops (people · PHOTOGRAPHS, 112, 112, 3) and write it with its spec."""
    import onnx
    import onnxruntime

    spec = network.spec
    sample = prepare(faces[::_SAMPLE_STEP], spec)
    bank = network.bank(sample if spec.input.layout == "nchw" else sample.transpose(0, 3, 1, 2))
    session = onnxruntime.InferenceSession(
        build_network(bank, spec, None, None).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    features = np.concatenate(
        [session.run(None, {"pixels": prepare(faces[k : k + _BATCH], spec)})[0] for k in range(0, len(faces), _BATCH)]
    )
    people = np.repeat(np.arange(len(network.people)), PHOTOGRAPHS)
    seed = network.people.start + network.people.stop
    projection = fit_discriminant(features, people, network.dimensions, network.components, seed)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(build_network(bank, spec, projection.weight, projection.bias), folder / f"{network.name}.onnx")
    (folder / f"{network.name}.toml").write_text(spec_to_toml(spec), encoding="utf-8")


def prepare(faces: NDArray[np.uint8], spec: ModelSpec) -> NDArray[np.float32]:
    """Aligned crops as the network is fed with them in a study."""
    return to_tensor(np.stack([align_face(face, None, None, spec.input, Alignment.ALIGNED) for face in faces]), spec)


def _album(person: int) -> NDArray[np.uint8]:
    with blas_threads(1):
        return photograph_album(person, PHOTOGRAPHS)


def _main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[2] / "resources" / "demo"
    start = time.monotonic()
    everybody = max(network.people.stop for network in NETWORKS)
    with ProcessPoolExecutor(usable_cores()) as pool:
        faces = np.stack(list(pool.map(_album, range(everybody), chunksize=8)))
    print(f"rendered {faces.shape[0] * faces.shape[1]} faces in {time.monotonic() - start:.0f} s", flush=True)
    for network in NETWORKS:
        own = faces[network.people.start : network.people.stop]
        fit_network(network, own.reshape(-1, *own.shape[2:]), folder)
        size = (folder / f"{network.name}.onnx").stat().st_size
        print(f"{network.name}: {size / 1024:.0f} kB after {time.monotonic() - start:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
