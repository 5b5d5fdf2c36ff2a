"""An evaluation for people: one HTML file, plots, sheets of failures, and runs side by side."""
