"""Training that finds the rare classes: balance, losses, where weights come from, and the record of a run."""
