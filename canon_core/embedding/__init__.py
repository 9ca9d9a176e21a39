"""Images to aligned crops, through a network, into a file of embeddings."""
