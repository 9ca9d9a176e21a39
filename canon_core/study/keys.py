"""Content keys: the same question has the same key, so it is answered once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

#: Changes whenever the meaning of stored maps or cells changes, so that old ones are not mistaken for new.
#: 2: dead and repeated dimensions no longer cost linear and affine maps other directions.
RESULTS_VERSION = 2
#: Changes whenever the meaning of stored embeddings changes; they outlive a change of what is made of them.
EMBEDDINGS_VERSION = 1


def content_key(what: str, **inputs: Any) -> str:
    """SHA-256 over a kind of result, its inputs' keys and its settings (JSON-able), as 64 hexadecimal digits."""
    return _key(what, RESULTS_VERSION, inputs)


def embeddings_key(model_sha256: str, spec_digest: str, dataset_fingerprint: str) -> str:
    """Key of one model's embeddings of one dataset: model file + preprocessing × dataset."""
    inputs = {"model": model_sha256, "spec": spec_digest, "dataset": dataset_fingerprint}
    return _key("embeddings", EMBEDDINGS_VERSION, inputs)


def imported_key(content_sha256: str, dataset_fingerprint: str) -> str:
    """Key of embeddings made elsewhere: their own content × dataset."""
    inputs = {"content": content_sha256, "dataset": dataset_fingerprint}
    return _key("imported embeddings", EMBEDDINGS_VERSION, inputs)


def _key(what: str, version: int, inputs: Mapping[str, Any]) -> str:
    document = {"what": what, "version": version, **{name: _plain(value) for name, value in inputs.items()}}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value.hex()
    return value
