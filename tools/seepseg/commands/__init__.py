"""One file per command: its flags, and a short function that calls the package."""
