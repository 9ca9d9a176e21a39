"""Bounds on what is accepted from files that nobody vouches for, and on how much is held at once."""

from __future__ import annotations

from typing import Final

#: Pixels of one image; set for OpenCV before it is first imported.
MAX_IMAGE_PIXELS: Final = 100_000_000
#: Bytes of one image file.
MAX_IMAGE_BYTES: Final = 200 * 2**20
#: Bytes of one JSON or TOML document.
MAX_DOCUMENT_BYTES: Final = 64 * 2**20
#: Bytes of one CSV of landmarks or list of pairs.
MAX_TEXT_BYTES: Final = 2 * 2**30
#: Bytes of an ONNX graph without its external data (protobuf's own limit is 2 GiB).
MAX_ONNX_BYTES: Final = 2**31 - 1
#: Dimensions of one embedding.
MAX_DIMENSIONS: Final = 65_536
#: Images of one dataset.
MAX_IMAGES: Final = 50_000_000
#: Genuine pairs whose scores are held at once (float32); beyond it a dataset must be thinned.
MAX_GENUINE_PAIRS: Final = 150_000_000
#: Bytes one h5py call moves at most: its global lock makes every other thread wait.
H5_CALL_BYTES: Final = 16 * 2**20
