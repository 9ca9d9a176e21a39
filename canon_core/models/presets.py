"""Specs of published networks, by the names people know them under: the paper's ten, and InsightFace's packs."""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from canon_core.errors import ModelError
from canon_core.models.spec import ModelSpec, spec_from_mapping
from canon_core.resources import resource


@dataclass(frozen=True, eq=False)
class Preset:
    """How one family of networks wants its faces.

    Attributes
    ----------
    name : str
        What ``--preset`` takes; so does each of ``models``.
    title : str
        For people.
    models : tuple of str
        Networks and packs it is for: names of the paper's Table 3, of InsightFace's packs and their files.
    spec : ModelSpec
        The spec. It names no outputs: exports differ, so they are read from the network; so are, when a preset is
        used, the layout and whether the graph normalises pixels itself.
    """

    name: str
    title: str
    models: tuple[str, ...]
    spec: ModelSpec
    about: Mapping[str, Mapping[str, str]]  #: more free text for one of the models

    def spec_of(self, model: str) -> ModelSpec:
        """The spec with what is known about one of the models."""
        return self.spec.model_copy(update={"about": {**self.spec.about, **self.about.get(model, {})}})


@functools.cache
def presets() -> tuple[Preset, ...]:
    """All presets, by name.

    Raises
    ------
    ModelError
        When the program's own preset files are missing or damaged.
    """
    try:
        files = sorted(resource("presets").glob("*.toml"))
        documents = {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in files}
    except (OSError, ValueError) as error:
        raise ModelError(f"the presets cannot be read ({error})", remedy="install the program again") from error
    return tuple(_preset(name, document) for name, document in documents.items())


def preset(name: str) -> ModelSpec:
    """The spec of a preset, or of a model one is for; upper and lower case are the same.

    Raises
    ------
    ModelError
        With the nearest known name.
    """
    return find_preset(name)[1]


def find_preset(name: str) -> tuple[str, ModelSpec]:
    """The name as it is written, and the spec (see :func:`preset`)."""
    known: dict[str, tuple[str, ModelSpec]] = {}
    for each in presets():
        known[each.name.lower()] = (each.name, each.spec)
        known.update((model.lower(), (model, each.spec_of(model))) for model in each.models)
    try:
        return known[name.strip().lower()]
    except KeyError:
        nearest = difflib.get_close_matches(name.lower(), known, 1, cutoff=0.0)[0]
        families = ", ".join(each.name for each in presets())
        raise ModelError(
            f"there is no preset '{name}'", remedy=f"the nearest is '{known[nearest][0]}' (families: {families})"
        ) from None


def _preset(name: str, document: Mapping[str, Any]) -> Preset:
    spec = spec_from_mapping({key: document[key] for key in ("input", "output", "about") if key in document}, name)
    models: Mapping[str, Mapping[str, str]] = document["models"]
    return Preset(name, document["preset"]["title"], tuple(models), spec, MappingProxyType(dict(models)))
