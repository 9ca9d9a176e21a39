"""Pictures of embeddings in two dimensions, and the numbers that say whether a picture may be believed."""
