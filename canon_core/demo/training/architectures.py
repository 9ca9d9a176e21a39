"""The architectures of Table 3 in small: what a minute of one core can train, with the traits that set them apart."""

from __future__ import annotations

from canon_core.demo.training.layers import Conv, Embed, Layer, MaxPool, Parallel, Residual, Scale

Layers = tuple[Layer, ...]
#: Dimensions of every embedding; the paper's have 512.
DIMENSIONS = 128


def resnet(blocks: tuple[int, int, int], channels: tuple[int, int, int, int] = (16, 32, 64, 96)) -> Layers:
    """A residual network: a stem, three stages of basic blocks with PReLU, a fully connected embedding.

    Parameters
    ----------
    blocks : three int
        Basic blocks (two convolutions each) of each stage; each stage halves the size.
    channels : four int
        Of the stem and the stages.
    """
    layers: list[Layer] = [Conv(channels[0], stride=2)]
    for count, width in zip(blocks, channels[1:], strict=True):
        layers.append(_basic(width, stride=2))
        layers += [_basic(width)] * (count - 1)
    return (*layers, Embed(DIMENSIONS))


def mobilenet() -> Layers:
    """Inverted residuals of depthwise convolutions with linear bottlenecks (MobileNetV2), four times narrower."""
    return (
        Conv(16, stride=2, activation="relu6"),
        *_inverted(16, 24, stride=2),
        *_inverted(24, 24),
        *_inverted(24, 40, stride=2),
        *_inverted(40, 40),
        *_inverted(40, 40),
        *_inverted(40, 64, stride=2),
        *_inverted(64, 64),
        Conv(96, kernel=1, activation="relu6"),
        Embed(DIMENSIONS),
    )


def inception_resnet() -> Layers:
    """Branches of several depths whose sum corrects what passes by (Inception-ResNet-v1), one block of each size."""
    return (
        Conv(16, stride=2),
        Conv(32, stride=2),
        _inception(32, 12),
        _reduction(32),
        _inception(64, 16),
        _inception(64, 16),
        _reduction(48),
        _inception(112, 20),
        Embed(DIMENSIONS),
    )


def sphere() -> Layers:
    """A plain stack of convolutions with PReLU, shortcuts around pairs (SphereFace)."""
    return (
        Conv(20, stride=2, activation="prelu"),
        Conv(32, stride=2, activation="prelu"),
        _pair(32),
        Conv(64, stride=2, activation="prelu"),
        _pair(64),
        Conv(96, stride=2, activation="prelu"),
        Embed(DIMENSIONS),
    )


def normalising(layers: Layers, mean: float, std: float) -> Layers:
    """The same network for pixels 0..255, which it normalises itself."""
    return (Scale(mean, std), *layers)


def _basic(channels: int, stride: int = 1) -> Residual:
    body = (Conv(channels, stride=stride, activation="prelu"), Conv(channels, activation=None))
    shortcut = (Conv(channels, kernel=1, stride=stride, activation=None),) if stride != 1 else ()
    return Residual(body, shortcut, activation="relu")


def _inverted(entering: int, channels: int, stride: int = 1) -> Layers:
    wide = 3 * entering
    body: Layers = (
        Conv(wide, kernel=1, activation="relu6"),
        Conv(wide, stride=stride, groups=wide, activation="relu6"),
        Conv(channels, kernel=1, activation=None),
    )
    return (Residual(body),) if stride == 1 and entering == channels else body


def _inception(channels: int, narrow: int) -> Residual:
    branches = Parallel(
        (
            (Conv(narrow, kernel=1),),
            (Conv(narrow, kernel=1), Conv(narrow)),
            (Conv(narrow, kernel=1), Conv(narrow), Conv(narrow)),
        )
    )
    whole = (branches, Conv(channels, kernel=1, activation=None, normalised=False))
    return Residual(whole, weight=0.3, activation="relu")


def _reduction(channels: int) -> Parallel:
    return Parallel(((Conv(channels, stride=2),), (MaxPool(),)))


def _pair(channels: int) -> Residual:
    return Residual((Conv(channels, activation="prelu"), Conv(channels, activation="prelu")))
