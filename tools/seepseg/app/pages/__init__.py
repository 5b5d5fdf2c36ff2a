"""One file per page: what is on it, from top to bottom."""
