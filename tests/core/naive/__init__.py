"""A second evaluator of template protocols, written from the definitions alone: slow, and with nothing shared."""
