"""What the demo's networks are made of, as plain data: PyTorch modules and ONNX graphs are built from the same list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Activation = Literal["relu", "relu6", "prelu"]


@dataclass(frozen=True)
class Conv:
    """A convolution that keeps the size (or divides it by ``stride``, rounding up), normalisation, activation.

    Attributes
    ----------
    channels : int
        Of the output.
    kernel : int
        Odd.
    groups : int
        As many as channels come in: depthwise.
    normalised : bool
        By batch statistics; otherwise the convolution has a bias of its own.
    """

    channels: int
    kernel: int = 3
    stride: int = 1
    groups: int = 1
    activation: Activation | None = "relu"
    normalised: bool = True


@dataclass(frozen=True)
class MaxPool:
    """Largest of 3 × 3 at every second place."""


@dataclass(frozen=True)
class Scale:
    """(x − mean) / std, as the first layer of a network that normalises its pixels itself."""

    mean: float
    std: float


@dataclass(frozen=True)
class Residual:
    """``activation(shortcut(x) + weight · body(x))``; an empty shortcut is x itself."""

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()
    weight: float = 1.0
    activation: Activation | None = None


@dataclass(frozen=True)
class Parallel:
    """Several branches on the same input, their channels one after the other."""

    branches: tuple[tuple[Layer, ...], ...]


@dataclass(frozen=True)
class Embed:
    """The last layer: all numbers through one matrix, each dimension normalised by batch statistics."""

    dimensions: int


Layer = Conv | MaxPool | Scale | Residual | Parallel | Embed
#: Channels, height and width; after Embed dimensions, 1, 1.
Shape = tuple[int, int, int]


def after(layer: Layer, shape: Shape) -> Shape:
    """Shape of a layer's output."""
    channels, height, width = shape
    if isinstance(layer, Conv):
        return layer.channels, -(-height // layer.stride), -(-width // layer.stride)
    if isinstance(layer, MaxPool):
        return channels, -(-height // 2), -(-width // 2)
    if isinstance(layer, Residual):
        return shape_after(layer.body, shape)
    if isinstance(layer, Parallel):
        ends = [shape_after(branch, shape) for branch in layer.branches]
        return sum(end[0] for end in ends), *ends[0][1:]
    if isinstance(layer, Embed):
        return layer.dimensions, 1, 1
    return shape


def shape_after(layers: tuple[Layer, ...], shape: Shape) -> Shape:
    """Shape after several layers."""
    for layer in layers:
        shape = after(layer, shape)
    return shape


def with_inputs(layers: tuple[Layer, ...], shape: Shape) -> Iterator[tuple[Layer, Shape]]:
    """Each layer with the shape of what goes into it."""
    for layer in layers:
        yield layer, shape
        shape = after(layer, shape)
