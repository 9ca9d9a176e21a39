"""Training of the demo's networks on rendered people, from nothing: ``python -m canon_core.demo.training --out DIR``.

Needs PyTorch (``pip install 'canon-explorer[train]'``), which nothing else in the program does: modules of this room
import it inside their functions.
"""
