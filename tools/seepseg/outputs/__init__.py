"""The prediction folder: what was found, in the files that people and other programs read."""
