"""Layers as PyTorch modules."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from canon_core.demo.training.layers import (
    Activation,
    Conv,
    Embed,
    Layer,
    MaxPool,
    Parallel,
    Residual,
    Scale,
    Shape,
    shape_after,
    with_inputs,
)

if TYPE_CHECKING:
    from torch import Tensor, nn


def build_modules(layers: tuple[Layer, ...], shape: Shape) -> nn.Sequential:
    """One module for each layer, in order, for inputs of this shape; weights are drawn from PyTorch's global seed."""
    from torch import nn

    return nn.Sequential(*(_module(layer, entering) for layer, entering in with_inputs(layers, shape)))


def _module(layer: Layer, entering: Shape) -> nn.Module:
    from torch import nn

    channels, height, width = entering
    if isinstance(layer, Conv):
        conv = nn.Conv2d(
            channels,
            layer.channels,
            layer.kernel,
            layer.stride,
            layer.kernel // 2,
            groups=layer.groups,
            bias=not layer.normalised,
        )
        norm = [nn.BatchNorm2d(layer.channels)] if layer.normalised else []
        return nn.Sequential(conv, *norm, *_activation(layer.activation, layer.channels))
    if isinstance(layer, MaxPool):
        return nn.MaxPool2d(3, 2, 1)
    if isinstance(layer, Residual):
        leaving = shape_after(layer.body, entering)[0]
        return _classes()["Residual"](
            build_modules(layer.body, entering),
            build_modules(layer.shortcut, entering),
            layer.weight,
            nn.Sequential(*_activation(layer.activation, leaving)),
        )
    if isinstance(layer, Parallel):
        return _classes()["Parallel"]([build_modules(branch, entering) for branch in layer.branches])
    if isinstance(layer, Scale):
        return _classes()["Scale"](layer.mean, layer.std)
    assert isinstance(layer, Embed)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(channels * height * width, layer.dimensions, bias=False),
        nn.BatchNorm1d(layer.dimensions),
    )


def _activation(kind: Activation | None, channels: int) -> list[nn.Module]:
    from torch import nn

    if kind is None:
        return []
    if kind == "prelu":
        return [nn.PReLU(channels)]
    return [nn.ReLU(inplace=True) if kind == "relu" else nn.ReLU6(inplace=True)]


@cache
def _classes() -> dict[str, type[nn.Module]]:
    """The modules that PyTorch lacks; made on the first call, since PyTorch need not be there."""
    import torch
    from torch import nn

    class Residual(nn.Module):
        def __init__(self, body: nn.Module, shortcut: nn.Module, weight: float, activation: nn.Module) -> None:
            super().__init__()
            self.body, self.shortcut, self.weight, self.activation = body, shortcut, weight, activation

        def forward(self, x: Tensor) -> Tensor:
            return self.activation(self.shortcut(x) + self.weight * self.body(x))

    class Parallel(nn.Module):
        def __init__(self, branches: list[nn.Module]) -> None:
            super().__init__()
            self.branches = nn.ModuleList(branches)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([branch(x) for branch in self.branches], dim=1)

    class Scale(nn.Module):
        def __init__(self, mean: float, std: float) -> None:
            super().__init__()
            self.mean, self.std = mean, std

        def forward(self, x: Tensor) -> Tensor:
            return (x - self.mean) * (1 / self.std)

    return {"Residual": Residual, "Parallel": Parallel, "Scale": Scale}
