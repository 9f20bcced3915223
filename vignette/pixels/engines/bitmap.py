"""x"""

from vignette.pixels.engines.variety import UnknownVariety


def decode(file, anatomy, size):
    raise UnknownVariety
