"""Training with a balance for rare classes: losses, where weights come from, and the record of a run."""
