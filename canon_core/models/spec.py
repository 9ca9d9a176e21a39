"""How a network wants to be fed and read: the preprocessing spec, and the TOML file that holds it.

The format is stable (house plan, *Model spec*). What a file leaves out is taken from the defaults below, which are
those of InsightFace's ArcFace exports; output names that are left out are read from the network itself.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from canon_core.errors import ModelError
from canon_core.jobs import system_error
from canon_core.limits import MAX_DOCUMENT_BYTES

#: Sides of an input in pixels that are believed.
MIN_SIDE: Final = 8
MAX_SIDE: Final = 4096
#: Bytes of a spec: a page of text. Far below the bound of documents, because TOML is slow to parse.
_MAX_SPEC_BYTES: Final = min(2**20, MAX_DOCUMENT_BYTES)

#: Five points are no face unless they spread this many pixels, and this share of their length, across their main
#: direction. Those of ArcFace, scaled to the smallest input, spread 2 pixels and 0.8 of it.
_LEAST_SPREAD: Final = 0.1
_LEAST_BREADTH: Final = 0.01

Template = Literal["arcface", "arcface-96", "box", "whole"]
Color = Literal["rgb", "bgr", "gray"]
Layout = Literal["nchw", "nhwc"]
Flip = Literal["none", "sum", "keep"]


def _tuples(value: Any) -> Any:
    """Lists, as TOML and JSON have them, as tuples, as frozen models keep them."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


_Side = Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)]
_Level = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
_Scale = Annotated[float, Field(ge=1e-6, le=1e6, allow_inf_nan=False)]
_Point = tuple[_Level, _Level]
_Points = Annotated[tuple[_Point, _Point, _Point, _Point, _Point], BeforeValidator(_tuples)]


class InputSpec(BaseModel):
    """What the network is shown.

    Attributes
    ----------
    height, width : int
        Pixels of the input. Default 112 × 112.
    template : str or None
        How a face is laid into the input: ``arcface`` (five points of the 112 × 112 template, scaled), ``arcface-96``
        (the same shifted by −8 px in x, for 96 wide × 112 high), ``box`` (detector box and ``margin``, no rotation),
        ``whole`` (the image resized). Default ``arcface``; None where ``points`` are given instead.
    points : five (x, y) or None
        Eyes, nose and mouth corners in pixels of this input, in the order of the ArcFace template; not on one line.
    margin : float
        With ``box`` only: input pixels around the box, fewer than the input's smaller side has. Default 32; always 32
        with other templates.
    color : str
        ``rgb`` (default), ``bgr`` or ``gray``.
    layout : str
        ``nchw`` (default) or ``nhwc``.
    mean, std : tuple of float
        x' = (x − mean) / std with x in 0..255, one number a channel in the order of ``color``. Default 127.5. In a
        file one number may stand for all channels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    height: _Side = 112
    width: _Side = 112
    template: Template | None = "arcface"
    points: _Points | None = None
    margin: Annotated[float, Field(ge=0, le=MAX_SIDE, allow_inf_nan=False)] = 32.0
    color: Color = "rgb"
    layout: Layout = "nchw"
    mean: Annotated[tuple[_Level, ...], BeforeValidator(_tuples)] = (127.5, 127.5, 127.5)
    std: Annotated[tuple[_Scale, ...], BeforeValidator(_tuples)] = (127.5, 127.5, 127.5)

    @property
    def channels(self) -> int:
        """3, or 1 for gray."""
        return 1 if self.color == "gray" else 3

    @property
    def scaling_text(self) -> str:
        """What is done to pixels x in 0..255 before the network gets them, as a formula; in words where nothing is."""
        mean, std = _channels_text(self.mean), _channels_text(self.std)
        if (mean, std) == ("0", "1"):
            return "pixels 0…255 as they are"
        shifted = "x" if mean == "0" else f"x − {mean}"
        if std == "1":
            return shifted
        return f"{shifted} / {std}" if mean == "0" else f"({shifted}) / {std}"

    @model_validator(mode="before")
    @classmethod
    def _one_way_to_say_it(cls, data: Any) -> Any:
        """One number for all channels becomes a list; ``points`` displace the default template."""
        if not isinstance(data, Mapping):
            return data
        said = dict(data)
        channels = 1 if said.get("color") == "gray" else 3
        for key in ("mean", "std"):
            value = said.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool):
                said[key] = (value,) * channels
            elif value is None and channels == 1:
                said[key] = (127.5,)
        if said.get("points") is not None:
            said.setdefault("template", None)
        if said.get("template", "arcface") != "box":
            said.pop("margin", None)
        return said

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if (self.template is None) == (self.points is None):
            both = self.template is not None
            raise ValueError("give either template or points, not both" if both else "give a template or five points")
        if self.points is not None and not _span_an_area(self.points):
            raise ValueError("the five points must span an area, as eyes, nose and mouth do, and not lie on one line")
        smaller = min(self.height, self.width)
        if self.template == "box" and self.margin > smaller - 1:
            raise ValueError(
                f"a margin of {self.margin:g} pixels leaves nothing of the {self.width} × {self.height} input for the"
                f" face; at most {smaller - 1} are possible"
            )
        for key, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.channels:
                channels = "1 channel" if self.channels == 1 else "3 channels"
                raise ValueError(f'{key} holds {len(values)} numbers but color = "{self.color}" has {channels}')
        return self


class OutputSpec(BaseModel):
    """What is read from the network.

    Attributes
    ----------
    names : tuple of str
        Outputs, concatenated in this order. Empty (default): read from the network when the model is resolved.
    flip : str
        ``none`` (default); ``sum``: the embedding of the mirrored face is added; ``keep``: both are kept apart.
    pfe : bool
        The second half of the concatenation holds variances (probabilistic face embeddings).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    names: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...],
        Field(max_length=16),
        BeforeValidator(_tuples),
    ] = ()
    flip: Flip = "none"
    pfe: bool = False

    @model_validator(mode="after")
    def _no_name_twice(self) -> Self:
        if len(set(self.names)) < len(self.names):
            raise ValueError("names holds the same output twice")
        return self


def _texts(value: Any) -> Any:
    """Numbers, truth values and dates of the free text, as text."""
    if not isinstance(value, Mapping):
        return value
    plain = (bool, int, float, datetime, date, time)
    return {
        key: (str(item).lower() if isinstance(item, bool) else str(item)) if isinstance(item, plain) else item
        for key, item in value.items()
    }


class ModelSpec(BaseModel):
    """Everything besides the ONNX file that decides an embedding, and free text (``about``) that decides nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    input: InputSpec = InputSpec()
    output: OutputSpec = OutputSpec()
    about: Annotated[dict[str, str], BeforeValidator(_texts)] = {}

    def __hash__(self) -> int:
        return hash((self.input, self.output, tuple(sorted(self.about.items()))))

    def digest(self) -> str:
        """sha256 (hex) of what decides an embedding: input and output, not the free text."""
        deciding = {"input": _settings(self.input), "output": _settings(self.output)}
        text = json.dumps(deciding, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_mapping(self) -> dict[str, dict[str, Any]]:
        """The spec as a document (tables of plain values); :func:`spec_from_mapping` reads it back."""
        return {"input": _settings(self.input), "output": _settings(self.output), "about": dict(self.about)}


def load_spec(path: str | Path) -> ModelSpec:
    """Read a spec from a TOML file.

    Raises
    ------
    ModelError
        Naming the file, the key and what is wrong with it; an unknown key with the nearest known one.
    """
    path = Path(path)
    try:
        if not path.is_file():
            problem = "is not a file" if path.exists() else "no such file"
            raise ModelError(
                problem, path=path, remedy="give the TOML file that describes the model's input and output"
            )
        with path.open("rb") as stream:
            data = stream.read(_MAX_SPEC_BYTES + 1)
    except OSError as error:
        fault = system_error(error)
        raise ModelError(fault.problem, path=path, remedy=fault.remedy) from error
    if len(data) > _MAX_SPEC_BYTES:
        raise ModelError(f"larger than {_MAX_SPEC_BYTES:,} bytes, so not a model spec", path=path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelError(
            f"not UTF-8 text (byte {error.start})", path=path, remedy="save the spec as UTF-8 text"
        ) from error
    return parse_spec(text, path)


def parse_spec(text: str, path: str | Path | None = None) -> ModelSpec:
    """Read a spec from TOML text; ``path`` is named in errors (see :func:`load_spec`)."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also integers of thousands of digits
        what = str(error) if isinstance(error, ValueError) else "nested too deeply"
        raise ModelError(f"not valid TOML ({what})", path=path, remedy="correct that line of the spec") from error
    return spec_from_mapping(document, path)


def spec_from_mapping(document: Mapping[str, Any], path: str | Path | None = None) -> ModelSpec:
    """Read a spec from a document as TOML or JSON hold it; ``path`` is named in errors (see :func:`load_spec`)."""
    _refuse_unknown("", document, tuple(ModelSpec.model_fields), path)
    for name, table in (("input", InputSpec), ("output", OutputSpec)):
        said = document.get(name, {})
        if not isinstance(said, Mapping):
            raise ModelError(
                f"{name} must be a table, not {_shown(said)}", path=path, remedy=f"write [{name}] above its keys"
            )
        _refuse_unknown(name, said, tuple(table.model_fields), path)
    try:
        return ModelSpec.model_validate(dict(document))
    except ValidationError as error:
        raise ModelError(_sentence(error), path=path, remedy="correct the spec") from error


def spec_to_toml(spec: ModelSpec) -> str:
    """The spec as the text of a TOML file; :func:`parse_spec` of it gives an equal spec."""
    lines: list[str] = []
    for title, table in spec.to_mapping().items():
        if title == "about" and not table:
            continue
        lines += [f"[{title}]", *(f"{_toml_key(key)} = {_toml_value(value)}" for key, value in table.items()), ""]
    return "\n".join(lines)


# -- private ---------------------------------------------------------------------------------------------------------
def _channels_text(values: tuple[float, ...]) -> str:
    """One number where all channels share it, else all in their order."""
    if len(set(values)) == 1:
        return f"{values[0]:g}"
    return f"[{', '.join(f'{value:g}' for value in values)}]"


def _span_an_area(points: _Points) -> bool:
    """Whether points spread in two directions: across their main one at least a hundredth of it, and 0.1 pixels.

    The spreads are the singular values of the points about their mean, here in closed form.
    """
    x, y = zip(*points, strict=True)
    dx, dy = ([each - sum(axis) / len(axis) for each in axis] for axis in (x, y))
    xx, yy = sum(each * each for each in dx), sum(each * each for each in dy)
    xy = sum(across * down for across, down in zip(dx, dy, strict=True))
    larger = (xx + yy + math.hypot(xx - yy, 2 * xy)) / 2
    if larger <= 0:
        return False
    smaller = max(0.0, xx * yy - xy * xy) / larger
    return math.sqrt(smaller) >= max(_LEAST_SPREAD, _LEAST_BREADTH * math.sqrt(larger))


def _settings(table: InputSpec | OutputSpec) -> dict[str, Any]:
    """A table's keys that mean something, as plain values: no margin but with ``box``, template or points."""
    said = {key: value for key, value in table.model_dump(mode="json").items() if value is not None}
    if said.get("template") != "box":
        said.pop("margin", None)
    if not said.get("names", True):
        said.pop("names")
    return {key: _positive_zero(value) for key, value in said.items()}


def _positive_zero(value: Any) -> Any:
    """−0.0 as 0.0: they feed the network the same."""
    if isinstance(value, list):
        return [_positive_zero(item) for item in value]
    return value + 0.0 if isinstance(value, float) else value


def _refuse_unknown(table: str, said: Mapping[str, Any], known: tuple[str, ...], path: str | Path | None) -> None:
    for key in said:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, 1, cutoff=0.0)[0]
            where = f" in [{table}]" if table else ""
            raise ModelError(
                f"unknown key {_shown(key)}{where}",
                path=path,
                remedy=f"the nearest known key is '{nearest}' (known: {', '.join(known)})",
            )


def _sentence(error: ValidationError) -> str:
    """The first thing pydantic has against a spec, in words."""
    fault = error.errors(include_url=False)[0]
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in fault["loc"])
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "value_error":
        return f"[{where}] {context['error']}"
    wanted = {
        "int_type": "must be a whole number",
        "float_type": "must be a number",
        "finite_number": "must be a finite number",
        "string_type": "must be text",
        "string_too_short": "must not be empty",
        "bool_type": "must be true or false",
        "tuple_type": "must be a list",
        "dict_type": "must be a table",
        "literal_error": f"must be one of {context.get('expected', '')}",
        "greater_than_equal": f"must be at least {context.get('ge')}",
        "less_than_equal": f"must be at most {context.get('le')}",
        "missing": "is missing",
        "too_long": f"must hold at most {context.get('max_length')} entries",
    }.get(kind, fault["msg"].lower())
    if kind == "missing" or (kind == "too_long" and where.startswith("input.points")):
        return "input.points must be five points [x, y]"
    return f"{where} {wanted}, not {_shown(fault['input'])}"


def _shown(value: Any) -> str:
    """A value of a file, short enough for a sentence."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _toml_text(text: str) -> str:
    def escaped(character: str) -> str:
        control = ord(character) < 0x20 or ord(character) == 0x7F
        return _ESCAPES.get(character, f"\\u{ord(character):04X}" if control else character)

    return '"' + "".join(map(escaped, text)) + '"'


def _toml_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _toml_text(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return _toml_text(value) if isinstance(value, str) else repr(value)
