"""A spec guessed from the graph, with the reason for every guess.

A graph tells the size and layout of its input and whether it normalises pixels itself. It does not tell how faces were
aligned and seldom the order of colours: those are taken from what is usual, and said, so that the user can correct
them before the first embedding.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from canon_core.models.graph import (
    EMBEDDING_TYPES,
    GraphFacts,
    Tensor,
    facts_of,
    image_input,
    infer_shapes,
    vector_width,
)
from canon_core.models.normalisation import InGraph, in_graph_normalisation
from canon_core.models.onnx_file import OnnxFile, open_onnx
from canon_core.models.operations import shared_sides
from canon_core.models.spec import Color, Layout, ModelSpec, Template, spec_from_mapping

#: Input sizes (height, width) of published face networks, commonest first: tried where the graph leaves its size free.
_USUAL_SIZES: Final = ((112, 112), (112, 96), (128, 128), (160, 160), (224, 224), (96, 96))
_EMBEDDING_NAME: Final = re.compile(r"emb|feat|fc1|(^|[_/.])mu([_/.:0-9]|$)", re.IGNORECASE)
_VARIANCE_NAME: Final = re.compile(r"sigma|var", re.IGNORECASE)
_LOG_NAME: Final = re.compile(r"log", re.IGNORECASE)


def infer_spec(path: str | Path) -> tuple[ModelSpec, tuple[str, ...]]:
    """Guess how a network wants its faces.

    Returns
    -------
    spec : ModelSpec
        The guess.
    reasons : tuple of str
        One sentence for each thing guessed, for the user.

    Raises
    ------
    ModelError
        For a file that is not an ONNX model, or whose input is not an image.
    """
    return infer_from(open_onnx(path))


def infer_from(file: OnnxFile) -> tuple[ModelSpec, tuple[str, ...]]:
    """:func:`infer_spec` of a file that is already open."""
    image = image_input(file)
    layout, channels, layout_reason = _layout(file, image)
    height, width, size_reason = _size(file, image, layout, channels)
    found = in_graph_normalisation(file, image, channels)
    mean, std, levels_reason = _levels(found, image, height, width)
    color, color_reason = _color(found, channels)
    template, template_reason = _template(height, width)
    said: dict[str, object] = {
        "height": height,
        "width": width,
        "template": template,
        "color": color,
        "layout": layout,
        "mean": mean,
        "std": std,
    }
    asked = spec_from_mapping({"input": said}, file.path)
    names, pfe, output_reason = choose_outputs(facts_of(file, asked))
    spec = spec_from_mapping({"input": said, "output": {"names": list(names), "pfe": pfe}}, file.path)
    return spec, (size_reason, layout_reason, template_reason, color_reason, levels_reason, output_reason)


def choose_outputs(facts: GraphFacts, *, pfe: bool = False) -> tuple[tuple[str, ...], bool, str]:
    """The outputs that hold the embedding, whether the last holds variances, and why.

    Parameters
    ----------
    facts : GraphFacts
        Of the network at its real input size.
    pfe : bool
        The network is known to give variances: an output that looks like them is taken along.
    """
    first, listed = facts.outputs[0].name, ", ".join(map(str, facts.outputs))
    if len(facts.outputs) == 1:
        return (first,), pfe, f"Output {first}: the only one."
    vectors = [each for each in facts.outputs if each.dtype in EMBEDDING_TYPES and vector_width(each.shape)]
    if not vectors:
        return (first,), pfe, f"Output {first}: the first of {listed}."
    means = [each for each in vectors if not _VARIANCE_NAME.search(each.name)]
    variances = [each for each in vectors if each not in means]
    if len(means) == 1 and len(variances) == 1 and vector_width(means[0].shape) == vector_width(variances[0].shape):
        mean, variance = means[0].name, variances[0].name
        if not _LOG_NAME.search(variance):
            why = "by their names a mean and its variances (PFE)"
            return (mean, variance), True, f"Outputs {mean} and {variance} of {listed}: {why}."
        log_reason = f"{variance} looks like logarithms of variances, which the graph would have to put through exp"
        return (mean,), pfe, f"Output {mean} of {listed}: {log_reason}."
    named = [each for each in means or vectors if _EMBEDDING_NAME.search(each.name)]
    best = max(named or means or vectors, key=lambda each: vector_width(each.shape) or 0)
    why = "by its name" if named else "the widest vector"
    return (best.name,), pfe, f"Output {best.name} of {listed}: {why}."


# -- private ---------------------------------------------------------------------------------------------------------
def _layout(file: OnnxFile, image: Tensor) -> tuple[Layout, int, str]:
    shape = image.shape or (None,) * 4
    first, last = shape[1], shape[3]
    if first in (1, 3) and last not in (1, 3):
        return "nchw", first or 3, f"Layout NCHW: the input's second side is {first}."
    if last in (1, 3) and first not in (1, 3):
        return "nhwc", last or 3, f"Layout NHWC: the input's last side is {last}."
    if first in (1, 3):
        return "nchw", first or 3, "Layout NCHW: assumed; the input's second and last sides could both be channels."
    if in_graph_normalisation(file, image, 3).transposed:
        return "nhwc", 3, "Layout NHWC: the graph moves the last side to the front (3 channels assumed)."
    return "nchw", 3, "Layout NCHW with 3 channels: assumed; the graph leaves the input's sides free."


def _size(file: OnnxFile, image: Tensor, layout: Layout, channels: int) -> tuple[int, int, str]:
    sides = (image.shape or (None,) * 4)[1:]
    height, width = sides[:2] if layout == "nhwc" else sides[1:]
    if height is not None and width is not None:
        return height, width, f"Input {height} high × {width} wide: fixed in the graph."
    free = "The graph leaves its input's size free:"
    candidates = [size for size in _USUAL_SIZES if height in (None, size[0]) and width in (None, size[1])]
    if not candidates:
        side = height or width or 112
        return side, side, f"{free} {side} × {side} is assumed."
    widths = {size: _embedding_width(file, image, layout, channels, size) for size in candidates}
    fitting = [size for size in candidates if widths[size] is not None]
    # A network made for a smaller face turns a larger one into more numbers, so the fewest are the intended ones.
    narrow = [size for size in fitting if widths[size] == min(widths[each] or 0 for each in fitting)]
    best = (narrow or candidates)[0]
    only = "the only usual size its layers fit" if len(narrow) == 1 else "assumed, the commonest size its layers fit"
    return *best, f"{free} {best[0]} high × {best[1]} wide is {only if narrow else 'assumed'}."


def _embedding_width(file: OnnxFile, image: Tensor, layout: Layout, channels: int, size: tuple[int, int]) -> int | None:
    """Width of the widest vector the network gives at this input size; None where its layers do not fit."""
    shape = (1, *size, channels) if layout == "nhwc" else (1, channels, *size)
    try:
        values = infer_shapes(file, {image.name: shape}, strict=True)
    except ValueError:
        return None
    if any(len(set(sides)) > 1 for node in file.graph.node if (sides := shared_sides(node, values))):
        return None
    if any(min(value.shape, default=1) < 1 for value in values.values() if value.shape is not None):
        return None
    shapes = [values[output.name].shape for output in file.graph.output if output.name in values]
    widths = [vector_width(each) for each in shapes if each is not None and each[:1] == (1,)]
    return max((each for each in widths if each is not None), default=None)


def _levels(found: InGraph, image: Tensor, height: int, width: int) -> tuple[float, float, str]:
    steps = " and ".join(found.operators)
    if image.dtype == "uint8":
        return 0.0, 1.0, "Pixels 0..255 as they are: the input takes bytes."
    if found.wants == "bytes":
        return 0.0, 1.0, f"Pixels 0..255 as they are: the graph normalises them itself ({steps} at its input)."
    if found.wants == "unit":
        return 0.0, 255.0, f"Pixels x / 255: the graph normalises numbers in 0..1 ({steps} at its input)."
    std = 128.0 if (height, width) in ((160, 160), (112, 96)) else 127.5
    usual = "usual at this input size" if std == 128.0 else "as InsightFace's networks want them"
    said = f"{steps} at its input is no normalisation of pixels" if steps else "nothing in the graph normalises pixels"
    return 127.5, std, f"Pixels (x − 127.5) / {std:g}: {said}, so {usual}: a guess."


def _color(found: InGraph, channels: int) -> tuple[Color, str]:
    if channels == 1:
        return "gray", "Gray: the input has one channel."
    first, last = found.mean[0], found.mean[-1]
    if found.wants in ("bytes", "unit") and abs(first - last) > 0.03 * max(abs(first), abs(last)):
        order: Color = "rgb" if first > last else "bgr"
        where = "first" if first > last else "last"
        return (
            order,
            f"Color {order.upper()}: the graph subtracts most from the {where} channel, and faces are reddest.",
        )
    return "rgb", "Color RGB: a guess, the graph cannot tell; choose bgr if the network was trained on OpenCV's images."


def _template(height: int, width: int) -> tuple[Template, str]:
    if (height, width) == (112, 112):
        return "arcface", "Alignment arcface: usual at 112 × 112; the graph cannot tell."
    if (height, width) == (112, 96):
        return "arcface-96", "Alignment arcface-96: usual at 112 high × 96 wide; the graph cannot tell."
    if (height, width) == (160, 160):
        return "box", "Alignment box with 32 px margin: FaceNet's input is 160 × 160; a guess, the graph cannot tell."
    return "arcface", f"Alignment arcface, scaled to {height} × {width}: a guess, the graph cannot tell."
