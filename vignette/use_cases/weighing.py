"""
What requests cost, in seconds of processor time, as far as it is not measured each time. The figures are rounded from
docs/performance.md; what matters is that nothing is cheap for a client that is dear for us.
"""

from __future__ import annotations

from typing import Final

from vignette.model import ImageFacts

# A bare application takes 3 ms to receive, hash, write and flush a photo of 1 MB.
_RECEIVED_S_PER_BYTE: Final = 3e-9

# A vignette takes some 10 ms for each million of pixels to decode, and some 30 ms to be encoded, in each size.
_DECODED_S_PER_PIXEL: Final = 10e-9
_ENCODED_S: Final = 0.03
_MOST_FRAMES: Final = 100

# The plan of a public copy takes as long as the check and a decoding, as what it shows is proven.
_PLANNED_S: Final = 0.02


def receiving_s(size: int) -> float:
    """Return what it costs to receive *size* bytes, beside their check."""
    return size * _RECEIVED_S_PER_BYTE


def rendering_s(facts: ImageFacts) -> float:
    """Return what it costs to make the vignettes of an image."""
    frames = min(facts.frames, _MOST_FRAMES)
    return _ENCODED_S + facts.width * facts.height * frames * _DECODED_S_PER_PIXEL


def copying_s(facts: ImageFacts) -> float:
    """Return what it costs to make the public copy of an image."""
    return _PLANNED_S + facts.width * facts.height * _DECODED_S_PER_PIXEL
