"""A network made ready for use: its file checked, its spec found and held against the graph."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from canon_core.errors import ModelError
from canon_core.limits import MAX_DIMENSIONS
from canon_core.models.graph import (
    EMBEDDING_TYPES,
    GraphFacts,
    Tensor,
    facts_of,
    image_input,
    vector_width,
)
from canon_core.models.infer import choose_outputs, infer_from
from canon_core.models.normalisation import in_graph_normalisation
from canon_core.models.onnx_file import FileStamp, OnnxFile, content_hash, open_onnx
from canon_core.models.presets import find_preset
from canon_core.models.spec import InputSpec, ModelSpec, load_spec
from canon_core.models.trial import output_shapes

#: Distance of black and white at a network's first layer below which pixels were normalised twice:
#: (x − 127.5) / 127.5 before a graph that divides by 128 leaves 0.016 of 2.
_TWICE: Final = 0.1
_CORRECT: Final = "correct it, or leave the spec out to have it read from the graph"


@dataclass(frozen=True)
class ResolvedModel:
    """An ONNX file with the spec it is used with.

    Attributes
    ----------
    path : Path
        The ONNX file.
    sha256 : str
        Of the file, or of it and its data files (:func:`canon_core.models.onnx_file.content_hash`).
    spec : ModelSpec
        Complete: its outputs are named.
    origin : str
        ``preset NAME``, the spec file's name, ``inferred``, or ``given``.
    notes : tuple of str
        What was inferred, assumed or changed, one sentence each, for the user.
    facts : GraphFacts
        What the graph says at the spec's input size.
    dimensions : int
        Width of the embedding: of all named outputs together (PFE: means and variances).
    stamps : tuple of FileStamp
        Of the file and of its data files when they were hashed.
    """

    path: Path
    sha256: str
    spec: ModelSpec
    origin: str
    notes: tuple[str, ...]
    facts: GraphFacts
    dimensions: int
    stamps: tuple[FileStamp, ...]


def resolve_model(
    path: str | Path,
    *,
    preset: str | None = None,
    spec_file: str | Path | None = None,
    spec: ModelSpec | None = None,
) -> ResolvedModel:
    """Find a network's spec and hold it against the graph.

    The spec is ``spec``, or the file ``spec_file``, or the preset named; without any of them the TOML file beside the
    model; without that it is inferred. A preset leaves to the graph what exports of one network differ in: layout,
    output names, and pixels of 0..255 where the graph normalises them itself.

    Raises
    ------
    ModelError
        Where the file cannot be used, where more than one spec is asked for, and where the spec contradicts the graph:
        naming the file, what the spec says, what the graph says, and what to do.
    """
    path = Path(path)
    if sum(given is not None for given in (preset, spec_file, spec)) > 1:
        raise ModelError("a preset and a spec were both given", path=path, remedy="give one of them")
    file = open_onnx(path)
    image = image_input(file)
    beside = path.with_suffix(".toml")
    notes: tuple[str, ...] = ()
    if spec is not None:
        origin = "given"
    elif preset is not None:
        name, spec = find_preset(preset)
        origin = f"preset {name}"
        spec, notes = _as_exported(spec, file, image)
    elif spec_file is not None or beside.is_file():
        source = Path(spec_file) if spec_file is not None else beside
        spec, origin = load_spec(source), source.name
        notes = _defaults_taken(spec, source.name)
    else:
        (spec, notes), origin = infer_from(file), "inferred"
    who = {"inferred": "what was inferred", "given": "the spec"}.get(origin, f"the {origin}" if preset else origin)
    _check_input(spec.input, image, path, who)
    facts = facts_of(file, spec)
    if not spec.output.names:
        names, pfe, reason = choose_outputs(facts, pfe=spec.output.pfe)
        pfe = pfe if origin == "inferred" or spec.output.pfe else False
        output = spec.output.model_copy(update={"names": names if pfe else names[:1], "pfe": pfe})
        spec, notes = spec.model_copy(update={"output": output}), (*notes, reason)
    dimensions = _dimensions(file, spec, facts, who)
    if spec.output.pfe and dimensions % 2:
        raise ModelError(
            f"{who} says pfe, means and as many variances, but the outputs are {dimensions} numbers wide",
            path=path,
            remedy=_CORRECT,
        )
    found = in_graph_normalisation(file, image, spec.input.channels)
    if found.wants == "bytes" and found.spread_after(spec.input) < _TWICE:
        steps = " and ".join(found.operators)
        notes = (*notes, f"Pixels seem to be normalised twice: by the spec, and by the graph ({steps} at its input).")
    sha256 = content_hash(path, file.data_files)
    if not _unchanged(file.stamps):
        raise ModelError("changed while it was being read", path=path, remedy="run again")
    return ResolvedModel(path, sha256, spec, origin, notes, facts, dimensions, file.stamps)


def require_unchanged(model: ResolvedModel) -> None:
    """Make sure that what was loaded from a model's files is what was hashed.

    Another file under the same name, put there between the two, would give numbers of one network under the identity
    of another. Files with new stamps and the same content pass.

    Raises
    ------
    ModelError
        When a file's content changed, or a file is gone.
    """
    if _unchanged(model.stamps):
        return
    first, *others = (stamp.path for stamp in model.stamps)
    if any(not file.is_file() for file in (first, *others)) or content_hash(first, others) != model.sha256:
        raise ModelError("changed while it was being loaded", path=model.path, remedy="run again")


# -- private ---------------------------------------------------------------------------------------------------------
def _unchanged(stamps: tuple[FileStamp, ...]) -> bool:
    try:
        return all(FileStamp.of(stamp.path) == stamp for stamp in stamps)
    except OSError:  # gone
        return False


def _as_exported(spec: ModelSpec, file: OnnxFile, image: Tensor) -> tuple[ModelSpec, tuple[str, ...]]:
    """A preset with the layout and the pixel range this export has."""
    asked, changes, notes = spec.input, {}, []
    first, last = (image.shape or (None,) * 4)[1::2]
    layout = "nchw" if first in (1, 3) and last not in (1, 3) else "nhwc" if last in (1, 3) else None
    if layout is None and in_graph_normalisation(file, image, asked.channels).transposed:
        layout = "nhwc"
    if layout is not None and layout != asked.layout:
        changes["layout"] = layout
        notes.append(f"Layout {layout.upper()}: this export has it so (the preset: {asked.layout.upper()}).")
    found = in_graph_normalisation(file, image, asked.channels)
    raw = ((0.0,) * asked.channels, (1.0,) * asked.channels)
    if (found.wants == "bytes" or image.dtype == "uint8") and (asked.mean, asked.std) != raw:
        steps = " and ".join(found.operators)
        why = f"this export normalises them itself ({steps} at its input)" if steps else "this export takes bytes"
        notes.append(f"Pixels 0..255 as they are: {why}.")
        return (
            spec.model_copy(update={"input": asked.model_copy(update={**changes, "mean": raw[0], "std": raw[1]})}),
            tuple(notes),
        )
    return spec.model_copy(update={"input": asked.model_copy(update=changes)}), tuple(notes)


def _defaults_taken(spec: ModelSpec, source: str) -> tuple[str, ...]:
    """What a spec file leaves to the defaults and a network may well want otherwise."""
    weighty = ("height", "width", "color", "layout", "mean", "std")
    said = spec.input.model_fields_set | ({"template"} if spec.input.points is not None else set())
    missing = [key for key in (*weighty, "template") if key not in said]
    if not missing:
        return ()
    taken = ", ".join(f"{key} = {_plain(getattr(spec.input, key))}" for key in missing)
    return (f"{source} leaves out, so the default is taken: {taken}.",)


def _plain(value: object) -> str:
    """A spec's value as a person would write it."""
    if isinstance(value, tuple):
        different = value if len(set(value)) > 1 else value[:1]
        return ", ".join(f"{each:g}" for each in different)
    return str(value)


def _check_input(asked: InputSpec, image: Tensor, path: Path, who: str) -> None:
    """The spec's size, layout and channels against the input's fixed sides."""
    shape = image.shape or (None,) * 4
    if asked.layout == "nhwc":
        _, height, width, channels = shape
    else:
        _, channels, height, width = shape
    said = f"layout {asked.layout}, {asked.height} high × {asked.width} wide, color {asked.color}"
    if channels not in (None, asked.channels):
        other = asked.model_copy(update={"layout": "nchw" if asked.layout == "nhwc" else "nhwc"})
        swapped = shape[3] if other.layout == "nhwc" else shape[1]
        hint = f'set layout = "{other.layout}"' if swapped == asked.channels else _CORRECT
        raise ModelError(f"{who} says {said}, but the graph's input is {image}", path=path, remedy=hint)
    if height not in (None, asked.height) or width not in (None, asked.width):
        else_ = ", or choose another preset" if who.startswith("the preset") else ""
        hint = f"set height = {height or asked.height} and width = {width or asked.width}{else_}"
        raise ModelError(f"{who} says {said}, but the graph's input is {image}", path=path, remedy=hint)


def _dimensions(file: OnnxFile, spec: ModelSpec, facts: GraphFacts, who: str) -> int:
    """Width of the named outputs together; one run on a black image tells those the graph leaves open."""
    outputs = {output.name: output for output in facts.outputs}
    for name in spec.output.names:
        if name not in outputs:
            nearest = difflib.get_close_matches(name, outputs, 1, cutoff=0.0)[0]
            raise ModelError(
                f"{who} names the output '{name}', but the graph has {', '.join(map(str, facts.outputs))}",
                path=file.path,
                remedy=f"the nearest is '{nearest}'",
            )
    shapes = {name: outputs[name].shape for name in spec.output.names}
    for name, shape in shapes.items():
        if shape is not None and len(shape) not in (2, 4):
            raise _not_a_vector(outputs[name], file.path)
    if any(shape is None or None in shape[1:] for shape in shapes.values()):
        shapes.update(output_shapes(file.path, spec, facts))
    total = 0
    for name, shape in shapes.items():
        output = replace(outputs[name], shape=shape)
        width = vector_width(shape)
        if width is None or output.dtype not in (*EMBEDDING_TYPES, "unknown"):
            raise _not_a_vector(output, file.path)
        total += width
    if not 1 <= total <= MAX_DIMENSIONS:
        raise ModelError(f"its embedding has {total:,} dimensions, more than {MAX_DIMENSIONS:,}", path=file.path)
    return total


def _not_a_vector(output: Tensor, path: Path) -> ModelError:
    return ModelError(
        f"the output {output} is not one vector of numbers for each image",
        path=path,
        remedy="name the output that holds the embedding, or use a network that gives one",
    )
