"""Which format a dataset has, by the files that are there; and what was looked for where it has none."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from canon_core.datasets.ijb_files import find_ijb
from canon_core.datasets.nist import find_nist
from canon_core.datasets.verification_bin import looks_like_bin
from canon_core.errors import DatasetError

#: By which LFW is recognised, in the folder or its parent.
_PAIRS_NAME: Final = "pairs.txt"


def recognise(path: Path) -> tuple[str, tuple[str, ...]]:
    """Recognise a dataset's format without reading it.

    Looked for in this order: a verification set (``.bin``), InsightFace's layout of IJB-C or IJB-B, NIST's, LFW's
    list of pairs; whatever else is a folder is a folder of identities, or none, which its reader finds out.

    Parameters
    ----------
    path : Path
        A folder, or a file.

    Returns
    -------
    format : str
        ``bin``, ``ijbc``, ``ijbb``, ``nist``, ``lfw`` or ``folder``.
    reasons : tuple of str
        By which file it was recognised; before that what was looked for and not found.

    Raises
    ------
    DatasetError
        When there is nothing at that path, or a file of no known kind, or both IJB-C and IJB-B.
    """
    if not path.exists():
        raise DatasetError("no such folder or file", path=path, remedy="check the path")
    if looks_like_bin(path):
        return "bin", (f"a verification set in InsightFace's format, by the ending of {path.name}",)
    reasons: list[str] = []
    files, why = find_ijb(path)
    if files is not None:
        return files.format, (why,)
    reasons.append(why)
    nist, why = find_nist(path)
    if nist is not None:
        return "nist", (*reasons, why)
    reasons.append(why)
    if not path.is_dir():
        raise DatasetError(
            f"is a file, not a folder, and no .bin file (looked for: {'; '.join(reasons)})",
            path=path,
            remedy="give a dataset's folder or a .bin file, or say which it is with --format",
        )
    for folder in (path, path.parent):
        if _is_file(folder / _PAIRS_NAME):
            return "lfw", (*reasons, f"LFW, by {folder / _PAIRS_NAME}")
    reasons.append(f"no {_PAIRS_NAME} in {path} or its parent")
    return "folder", (*reasons, "taken for a folder of identities, one sub-folder a subject")


# -- private ---------------------------------------------------------------------------------------------------------
def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a parent folder that may not be looked into
        return False
