"""One colour a class, everywhere the same, told apart by colour-blind eyes too."""

Colour = tuple[int, int, int]
"""Red, green, blue."""

COLOURS: tuple[Colour, ...] = (
    (213, 94, 0),  # vermilion
    (86, 180, 233),  # sky blue
    (240, 228, 66),  # yellow
    (0, 158, 115),  # bluish green
    (204, 121, 167),  # reddish purple
    (230, 159, 0),  # orange
    (0, 114, 178),  # blue
    # After the eight of Okabe and Ito, black left out: the same order of lightness, further apart in hue.
    (170, 220, 170),
    (136, 34, 85),
    (187, 187, 255),
    (120, 94, 60),
    (255, 190, 190),
)
"""By class id; from the thirteenth class on they come again."""


def colour_of(class_id: int) -> Colour:
    """The colour of a class."""
    return COLOURS[class_id % len(COLOURS)]
