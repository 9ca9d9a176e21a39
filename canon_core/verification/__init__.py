"""Scoring every pair, and reading accuracy off the scores: ROC, operating points, folds."""
