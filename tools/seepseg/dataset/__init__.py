"""The dataset folder: written, split, checked, looked at."""
