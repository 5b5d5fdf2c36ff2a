"""One decoder and one set of thresholds for every engine."""
