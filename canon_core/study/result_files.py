"""How a result lies on the disk: facts as a text of JSON beside arrays; a damaged or foreign file is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from canon_core.errors import StoreError
from canon_core.store.arrays import Array, Attribute, load_arrays

Facts = TypeVar("Facts")


def as_text(facts: object) -> Array:
    """Dataclasses, and lists and mappings of them, as an array of one text; numbers need not be finite."""
    return np.array([json.dumps(facts, default=_plain, allow_nan=True)], dtype=object)


def from_text(kind: type[Facts], text: Array) -> Facts:
    """What :func:`as_text` wrote; ValueError and IndexError where it is no ``kind``."""
    return cast(Facts, _adapter(cast(Any, kind)).validate_json(str(text[0])))


@contextmanager
def reading(path: Path, what: str, again: str) -> Iterator[None]:
    """Take apart what a file holds; ``what`` it ought to be, and ``again`` says that it can be had once more.

    Raises
    ------
    StoreError
        When something is missing, or is not as this program writes it.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError) as error:  # pydantic's is a ValueError
        raise StoreError(f"not {what} this program wrote", path=path, remedy=f"delete the file: {again}") from error


@contextmanager
def reading_arrays(
    path: Path, what: str, again: str, names: Sequence[str] | None = None
) -> Iterator[tuple[dict[str, Array], dict[str, Attribute]]]:
    """Read a file's arrays (all, or those of ``names``) and attributes, to be taken apart as in :func:`reading`.

    Raises
    ------
    StoreError
        When the file is missing or damaged, or as :func:`reading`.
    """
    with reading(path, what, again):
        yield load_arrays(path, names)


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)  # up to a tenth of a second, which the window's start does not wait for


def _plain(facts: object) -> dict[str, Any]:
    if not is_dataclass(facts):
        raise TypeError(f"cannot be written: {type(facts)}")
    return {field.name: getattr(facts, field.name) for field in fields(facts)}
