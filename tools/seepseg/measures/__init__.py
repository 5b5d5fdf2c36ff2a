"""What is measured of a prediction beside the truth, image by image, and the figures of many images."""
