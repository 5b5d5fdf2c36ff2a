"""How good a model is, on which classes, where it fails, and how sure that is."""
