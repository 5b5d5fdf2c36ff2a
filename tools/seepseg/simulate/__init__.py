"""SAR scenes with seeps of seven skewed classes, for demos and tests."""
