"""Training that finds the rare classes: balance, losses, weights to start from, and the record of a run."""
