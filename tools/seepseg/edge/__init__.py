"""Bundles: a model with everything needed to run it right."""
