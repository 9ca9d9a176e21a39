"""The commands that bring embeddings in, and take scores and maps out."""

from __future__ import annotations
