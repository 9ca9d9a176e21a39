"""Content keys: the same question has the same key, so it is answered once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

#: Changes whenever the meaning of stored maps or cells changes, so that old ones are not mistaken for new.
RESULTS_VERSION = 1


def content_key(what: str, **inputs: Any) -> str:
    """SHA-256 over a kind of result, its inputs' keys and its settings (JSON-able), as 64 hexadecimal digits."""
    document = {"what": what, "version": RESULTS_VERSION, **{name: _plain(value) for name, value in inputs.items()}}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def embeddings_key(model_sha256: str, spec_digest: str, dataset_fingerprint: str) -> str:
    """Key of one model's embeddings of one dataset: model file + preprocessing × dataset."""
    return content_key("embeddings", model=model_sha256, spec=spec_digest, dataset=dataset_fingerprint)


def imported_key(content_sha256: str, dataset_fingerprint: str) -> str:
    """Key of embeddings made elsewhere: their own content × dataset."""
    return content_key("imported embeddings", content=content_sha256, dataset=dataset_fingerprint)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value.hex()
    return value
