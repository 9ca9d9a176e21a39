"""Files of the document: safe HDF5, atomic replacement, the study's lock, embeddings and small arrays."""
