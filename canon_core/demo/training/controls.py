"""Networks that learned nothing about people: what maps between networks must be held against.

A linear map can draw much out of a source that knows little; these say how much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.demo.people import V
from canon_core.demo.training.architectures import DIMENSIONS
from canon_core.demo.training.crops import crops, plain_batch
from canon_core.demo.training.fit import BATCH, build_network
from canon_core.demo.training.onnx_graph import GraphWriter, network_graph
from canon_core.demo.training.recipes import TEN, people_text
from canon_core.models.spec import InputSpec, ModelSpec, OutputSpec

if TYPE_CHECKING:
    from onnx import ModelProto

Pixels = NDArray[np.uint8]
Points = NDArray[np.float32]

UNTRAINED: Final = "control-untrained"
PCA: Final = "control-pca"
#: Photographs that principal components, and means and spreads of the untrained layers, are taken from.
_SAMPLE: Final = 4096
_MODEL: Final = next(recipe for recipe in TEN if recipe.name == "V_R8_A")


@dataclass(frozen=True)
class Control:
    """A network to compare with; ``people`` as in :class:`~canon_core.demo.training.recipes.Recipe`."""

    name: str
    title: str
    method: str
    people: range
    seed: int

    @property
    def spec(self) -> ModelSpec:
        """The preprocessing spec that is written beside it."""
        return ModelSpec(
            input=InputSpec(height=64, width=64),
            output=OutputSpec(names=("embedding",)),
            about={
                "title": f"{self.title} (synthetic faces)",
                "loss": self.method,
                "training_set": f"synthetic faces: rendered people {people_text(self.people)}",
                "licence": "Apache-2.0",
                "source": "canon_core/demo/training",
            },
        )


CONTROLS: Final = (
    Control(
        UNTRAINED,
        f"Control: {_MODEL.name} before its first step of training",
        "none: random weights, layers normalised by photographs",
        V,
        _MODEL.seed,
    ),
    Control(PCA, f"Control: {DIMENSIONS} principal components of the pixels", "principal components", V, 100),
)


def control_graph(control: Control, images: Pixels, points: Points) -> ModelProto:
    """Make a control from photographs of its people."""
    chosen = np.sort(np.random.default_rng(control.seed).permutation(len(images))[:_SAMPLE])
    images, points = images[chosen], points[chosen]
    if control.name == UNTRAINED:
        return _untrained(control, images, points)
    return _principal_components(control, images, points)


def _untrained(control: Control, images: Pixels, points: Points) -> ModelProto:
    """Random weights; running means and spreads as they are after the photographs passed through once."""
    import torch

    torch.set_num_threads(1)
    network = build_network(_MODEL.layers, control.spec.input, control.seed)
    network.train()
    with torch.no_grad():
        for k in range(0, len(images), BATCH):
            network(torch.from_numpy(plain_batch(images[k : k + BATCH], points[k : k + BATCH], control.spec)))
    return network_graph(_MODEL.layers, network.eval(), control.spec.input, unit=False)


def _principal_components(control: Control, images: Pixels, points: Points) -> ModelProto:
    """Averages of 2 × 2 pixels, projected on the directions in which photographs differ most."""
    spec = control.spec
    small = np.stack(crops(images, points, spec.input)).astype(np.float32)
    small = (small - spec.input.mean[0]) / spec.input.std[0]
    count, height, width, _ = small.shape
    small = small.reshape(count, height // 2, 2, width // 2, 2, 3).mean(axis=(2, 4))
    rows = small.transpose(0, 3, 1, 2).reshape(count, -1).astype(np.float64)
    mean = rows.mean(axis=0)
    rows -= mean
    # Photographs are nearly as few as pixels: the directions come from the smaller of the two products.
    values, vectors = np.linalg.eigh(rows @ rows.T)
    axes = rows.T @ vectors[:, : -DIMENSIONS - 1 : -1] / np.sqrt(values[: -DIMENSIONS - 1 : -1])
    graph = GraphWriter(spec.input)
    pooled = graph.node("AveragePool", [graph.pixels()], kernel_shape=[2, 2], strides=[2, 2])
    weight, offset = axes.astype(np.float32), (-mean @ axes).astype(np.float32)
    embedding = graph.node("Gemm", [graph.node("Flatten", [pooled]), graph.constant(weight), graph.constant(offset)])
    return graph.model(embedding, DIMENSIONS)
