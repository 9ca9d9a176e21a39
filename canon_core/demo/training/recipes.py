"""The recipes of the demo's networks: ten that mirror the paper's Table 3 in small, and two twins of the first.

Everything that decides a network is here: who it is trained on, what it sees of a photograph, its architecture, its
loss and its seed. Names follow the paper's: training data, architecture with its depth, loss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from canon_core.demo.people import M1, M2, NOT_M2, C, G, V
from canon_core.demo.training.architectures import (
    DIMENSIONS,
    inception_resnet,
    mobilenet,
    normalising,
    resnet,
    sphere,
)
from canon_core.demo.training.layers import Layer
from canon_core.models.spec import Flip, InputSpec, ModelSpec, OutputSpec


@dataclass(frozen=True)
class MarginLoss:
    """Softmax over cosines to class centres, with a margin to be won.

    Attributes
    ----------
    name : str
        As the paper has it.
    additive_angle : bool
        Whether the margin is added to the angle (ArcFace) or taken off the cosine (CosFace, AM-softmax).
    scale : float
        By which cosines are multiplied before the softmax.
    margin : float
        Radians, or a difference of cosines; reached after a quarter of the training.
    sampled : float
        Share of the class centres that take part in a step (Partial FC); those of the batch always do.
    """

    name: str
    additive_angle: bool
    scale: float = 32.0
    margin: float = 0.30
    sampled: float = 1.0


@dataclass(frozen=True)
class CentreLoss:
    """Softmax, and a pull of embeddings towards the running mean of their class.

    Attributes
    ----------
    name : str
    weight : float
        Of the pull, half the squared distance.
    pace : float
        Share of the distance by which each embedding moves its class's mean.
    """

    name: str = "softmax + center"
    weight: float = 0.01
    pace: float = 0.1


Loss = MarginLoss | CentreLoss


@dataclass(frozen=True)
class Recipe:
    """How one network comes about.

    Attributes
    ----------
    name, title : str
    people : range
        Numbers of the identities it is trained on.
    layers : tuple of Layer
    input : InputSpec
        What it sees of a photograph; the program's own preprocessing makes it, in training too.
    loss : Loss
    epochs : int
    seed : int
        Of initial weights, order, and augmentation.
    rate : float
        Highest learning rate.
    flip : str
        What the spec says of mirrored faces.
    unit : bool
        Whether the network's output has norm 1.
    pfe : bool
        Whether variances are trained afterwards, and follow the embedding.
    half_precision : bool
        Whether convolutions are trained in bfloat16, which is faster for all but depthwise ones.
    """

    name: str
    title: str
    people: range
    layers: tuple[Layer, ...]
    input: InputSpec
    loss: Loss
    epochs: int
    seed: int
    rate: float = 0.1
    flip: Flip = "none"
    unit: bool = True
    pfe: bool = False
    half_precision: bool = True

    @property
    def dimensions(self) -> int:
        """Width of the output."""
        return DIMENSIONS * (2 if self.pfe else 1)

    @property
    def spec(self) -> ModelSpec:
        """The preprocessing spec that is written beside the network."""
        loss = f"{self.loss.name}, then PFE" if self.pfe else self.loss.name
        return ModelSpec(
            input=self.input,
            output=OutputSpec(names=("embedding",), flip=self.flip, pfe=self.pfe),
            about={
                "title": f"{self.title} (synthetic faces)",
                "loss": loss,
                "training_set": f"synthetic faces: rendered people {people_text(self.people)}",
                "licence": "Apache-2.0",
                "source": "canon_core/demo/training",
            },
        )


def people_text(people: range) -> str:
    """``"1800 to 2999"``."""
    return f"{people.start} to {people.stop - 1}"


_ARCFACE: Final = MarginLoss("ArcFace", additive_angle=True, margin=0.35)
_ARCFACE_SMALL: Final = MarginLoss("ArcFace", additive_angle=True)
_AM_SOFTMAX: Final = MarginLoss("AM-softmax", additive_angle=False, scale=30.0)

#: What the networks see, as the paper's do at 64 / 112 of the size (facenet's at 72 / 160).
_INSIGHTFACE: Final = InputSpec(height=64, width=64)
_INSIGHTFACE_RAW: Final = InputSpec(height=64, width=64, mean=(0.0,) * 3, std=(1.0,) * 3)
_ARCFACE_TF2: Final = InputSpec(height=64, width=64, layout="nhwc", mean=(0.0,) * 3, std=(255.0,) * 3)
_FACENET: Final = InputSpec(
    height=72, width=72, template="box", margin=14.0, layout="nhwc", mean=(127.5,) * 3, std=(128.0,) * 3
)
_PFE: Final = InputSpec(height=64, width=56, template="arcface-96", layout="nhwc", mean=(127.5,) * 3, std=(128.0,) * 3)

_M2: Final = Recipe(
    name="M2_R16_A",
    title="ResNet of depth 16, ArcFace, M2",
    people=M2,
    layers=resnet((2, 3, 2), (16, 32, 64, 92)),
    input=_INSIGHTFACE,
    loss=_ARCFACE,
    epochs=12,
    seed=1,
    flip="keep",
    unit=False,
)

#: In the order of Table 3.
TEN: Final = (
    _M2,
    Recipe(
        name="V_R8_A",
        title="ResNet of depth 8, ArcFace, V",
        people=V,
        layers=resnet((1, 1, 1), (16, 24, 48, 96)),
        input=_INSIGHTFACE,
        loss=_ARCFACE_SMALL,
        epochs=14,
        seed=2,
        flip="keep",
        unit=False,
    ),
    Recipe(
        name="G_R10_P1.0",
        title="ResNet of depth 10, CosFace with every class centre (Partial FC, r = 1.0), G",
        people=G,
        layers=resnet((1, 2, 1)),
        input=_INSIGHTFACE,
        loss=MarginLoss("CosFace, Partial FC (r = 1.0)", additive_angle=False),
        epochs=7,
        seed=3,
        flip="keep",
        unit=False,
    ),
    Recipe(
        name="G_R10_P0.1",
        title="ResNet of depth 10, CosFace with a tenth of the class centres (Partial FC, r = 0.1), G",
        people=G,
        layers=normalising(resnet((1, 2, 1)), 127.5, 127.5),
        input=_INSIGHTFACE_RAW,
        loss=MarginLoss("CosFace, Partial FC (r = 0.1)", additive_angle=False, sampled=0.1),
        epochs=7,
        seed=4,
        flip="keep",
        unit=False,
    ),
    Recipe(
        name="M1_R10_A",
        title="ResNet of depth 10, ArcFace, M1",
        people=M1,
        layers=resnet((1, 2, 1)),
        input=_ARCFACE_TF2,
        loss=_ARCFACE_SMALL,
        epochs=9,
        seed=5,
    ),
    Recipe(
        name="M1_MB2_A",
        title="MobileNetV2, ArcFace, M1",
        people=M1,
        layers=mobilenet(),
        input=InputSpec(height=48, width=48, layout="nhwc", color="bgr", mean=(0.0,) * 3, std=(255.0,) * 3),
        loss=_ARCFACE_SMALL,
        epochs=7,
        seed=6,
        half_precision=False,
    ),
    Recipe(
        name="V_IR_C",
        title="Inception-ResNet, softmax and center loss, V",
        people=V,
        layers=inception_resnet(),
        input=_FACENET,
        loss=CentreLoss(),
        epochs=14,
        seed=7,
        rate=0.05,
        flip="sum",
    ),
    Recipe(
        name="C_IR_C",
        title="Inception-ResNet, softmax and center loss, C",
        people=C,
        layers=inception_resnet(),
        input=_FACENET,
        loss=CentreLoss(),
        epochs=14,
        seed=8,
        rate=0.05,
        flip="sum",
    ),
    Recipe(
        name="M1_9S_PFE",
        title="Sphere-face stack of depth 9, AM-softmax, then PFE, M1",
        people=M1,
        layers=sphere(),
        input=_PFE,
        loss=_AM_SOFTMAX,
        epochs=8,
        seed=9,
        pfe=True,
    ),
    Recipe(
        name="C_9S_PFE",
        title="Sphere-face stack of depth 9, AM-softmax, then PFE, C",
        people=C,
        layers=sphere(),
        input=_PFE,
        loss=_AM_SOFTMAX,
        epochs=14,
        seed=10,
        pfe=True,
    ),
)
#: The first of the ten again: what remains between two networks that differ in nothing but their seed, and in nothing
#: but seed and people.
TWINS: Final = (
    replace(_M2, name="twin-seed", title=f"{_M2.title}, another seed", seed=11),
    replace(_M2, name="twin-data", title="ResNet of depth 16, ArcFace, none of M2's people", people=NOT_M2, seed=12),
)
RECIPES: Final = (*TEN, *TWINS)
