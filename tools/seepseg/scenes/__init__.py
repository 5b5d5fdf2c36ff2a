"""Scenes of any size: read window by window, predicted tile by tile, told as places on the ground."""
