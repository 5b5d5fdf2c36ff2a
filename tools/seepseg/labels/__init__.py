"""One file per source format: each gives the same values."""
