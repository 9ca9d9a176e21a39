"""Pictures of embeddings in two dimensions, and the numbers that say whether a picture may be believed."""

from __future__ import annotations

from typing import Final

#: A frozen program has no Python to call: its executable computes UMAP where this is its only argument.
WORKER_SWITCH: Final = "--projection-worker"
