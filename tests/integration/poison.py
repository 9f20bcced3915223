"""
The widths in pixels by which `poisoned_worker` tells the pictures that are too much for its decoder.

In a module of their own: that one puts the decoder of the process that imports it out of order.
"""

KILLING_WIDTH = 13
HANGING_WIDTH = 17
EATING_WIDTH = 19
SPINNING_WIDTH = 23
# Of this one the default vignettes can be made.
KILLING_WIDTH_OF_OTHER_SIZES = 29
