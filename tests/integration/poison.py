"""
The widths in pixels by which `poisoned_decoder` tells the pictures that are too much for it.

In a module of their own: that one loads all decoders.
"""

KILLING_WIDTH = 13
HANGING_WIDTH = 17
EATING_WIDTH = 19
SPINNING_WIDTH = 23
# Of this one the default vignettes can be made.
KILLING_WIDTH_OF_OTHER_SIZES = 29
