"""Networks of other kinds on the same data, split, measures and report."""
