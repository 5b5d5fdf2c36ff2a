"""Where datasets come from: recipes and downloads."""
