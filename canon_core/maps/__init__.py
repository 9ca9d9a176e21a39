"""Maps between two models' embedding spaces: fitting, applying, and what they leave unexplained."""
