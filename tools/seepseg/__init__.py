"""Oil seeps and spills in SAR and aerial images, from labels to the edge."""

__version__ = "0.1.0"
