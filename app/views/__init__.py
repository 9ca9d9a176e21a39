"""What the window draws: each view takes frozen results, shows them and says by signals what was asked for."""
