"""One run of a network on a black image: what the graph does not say about its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from canon_core.errors import ModelError
from canon_core.models.graph import GraphFacts
from canon_core.models.providers import onnx_runtime
from canon_core.models.spec import ModelSpec


def output_shapes(path: Path, spec: ModelSpec, facts: GraphFacts) -> Mapping[str, tuple[int, ...]]:
    """Shapes of the spec's outputs, learned by running the network once on the CPU.

    Raises
    ------
    ModelError
        When ONNX Runtime cannot load or run it.
    """
    ort = onnx_runtime()
    options = ort.SessionOptions()
    options.log_severity_level = 4  # what went wrong is in the exception
    image = facts.inputs[0]
    size = (spec.input.height, spec.input.width)
    sides = (*size, spec.input.channels) if spec.input.layout == "nhwc" else (spec.input.channels, *size)
    black = np.zeros((facts.fixed_batch or 1, *sides), dtype=image.dtype)
    names = list(spec.output.names)
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"], enable_fallback=0)
        arrays = session.run(names, {image.name: black})
    except Exception as error:  # ONNX Runtime's own exceptions share no other base
        raise ModelError(
            f"ONNX Runtime cannot run it ({first_line(error)})", path=path, remedy="export the model again"
        ) from error
    return {name: tuple(np.shape(array)) for name, array in zip(names, arrays, strict=True)}


def first_line(error: BaseException) -> str:
    """The first line of a library's complaint, short enough for a sentence."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return text if len(text) <= 300 else text[:299] + "…"
