"""By which names other programs call the ids of embeddings."""

from __future__ import annotations

import re
from typing import Final

_ALONE: Final = re.compile(r"(id|name|key|path|file|image|img|picture|photo|uuid|identifier)s?")
_JOINED: Final = re.compile(
    r"(image|img|picture|photo|face|sample|file|relative|original)(file)?(id|name|key|path|file|uuid)s?"
)
#: How the name of a table's first column ends where that column holds ids.
_ENDINGS: Final = ("id", "ids", "name", "names", "path", "paths", "file", "files")


def is_id_name(name: str) -> bool:
    """Whether an array or column of this name holds ids: ``ids``, ``image_id``, ``imgPaths``, ``g/file_names``, …"""
    last = re.sub(r"[^0-9a-z]", "", name.replace("\\", "/").rpartition("/")[2].casefold())
    return _ALONE.fullmatch(last) is not None or _JOINED.fullmatch(last) is not None


def heads_ids(name: str) -> bool:
    """Whether a table's first column holds ids, by its name: empty (as pandas writes an index), or ending as one."""
    return name.casefold() in ("", "index") or is_id_name(name) or name.casefold().endswith(_ENDINGS)
