"""
Maps the light of HDR pictures to that of a screen without HDR (pure).

The mapping is that of Chromium: the Reference White Tone Mapping Operator of SMPTE ST 2094-50. It needs to know how
bright the picture is. Chromium believes the file, and 1,000 cd/m² if the file does not say; we measure the picture.
"""

from __future__ import annotations

import math
from typing import Final

from vignette.pixels.colour_space import ColourSpace, Hdr

# ITU-R BT.2408-7, 2.2: white paper in a picture of HDR has 203 cd/m².
_WHITE: Final = 203.0
# ITU-R BT.2100-2, tables 4 and 5: the brightest light of PQ, and of HLG on the screen of reference.
_PQ_PEAK: Final = 10_000.0
_HLG_PEAK: Final = 1_000.0
_M1, _M2, _C1, _C2, _C3 = 1305 / 8192, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_HLG_GAMMA: Final = 1.2
# The same, table 5: the light of a pixel depends on how bright its three colours are together, by this power of ...
HLG_POWER: Final = _HLG_GAMMA - 1
# ... this mixture of them.
HLG_LUMINANCE: Final = [0.2627, 0.6780, 0.0593]

# A picture may be brighter than white by this many stops, which 1,000 cd/m² are. What is brighter is cut off.
MAX_HEADROOM: Final = math.log2(_HLG_PEAK / _WHITE)
# With so much headroom, white is shown at half of the screen's light. The bend above it has this roundness.
_DARKEST_WHITE: Final = 0.5
_ROUNDNESS: Final = 0.65

# The headroom is told in steps of this many stops, so that pictures alike share a curve.
_HEADROOM_STEP: Final = 1 / 16


def counted_headroom(space: ColourSpace, brightest: float) -> float:
    """Return by how many stops the sample *brightest* (0 to 1) is above white, rounded: 0 to `MAX_HEADROOM`."""
    if not isinstance(space.curve, Hdr):
        return 0.0
    light = max(light_of(space.curve, brightest), 1.0)
    return min(math.ceil(math.log2(light) / _HEADROOM_STEP) * _HEADROOM_STEP, MAX_HEADROOM)


def light_of(curve: Hdr, sample: float) -> float:
    """Return the light of a grey *sample*, where 1 is white paper."""
    return _pq_light(sample) if curve is Hdr.PQ else hlg_scene(sample) ** _HLG_GAMMA


def _pq_light(sample: float) -> float:
    power = sample ** (1 / _M2)
    return float(_PQ_PEAK / _WHITE * (max(power - _C1, 0.0) / (_C2 - _C3 * power)) ** (1 / _M1))


def hlg_scene(sample: float) -> float:
    """Return the light in the scene of a *sample* of HLG; the screen shows it to the power of 1.2."""
    scene = sample**2 / 3 if sample <= 0.5 else (math.exp((sample - _C) / _A) + _B) / 12
    return float(scene * (_HLG_PEAK / _WHITE) ** (1 / _HLG_GAMMA))


def shown(light: float, headroom: float) -> float:
    """Return how much of the screen's light, 0 to 1, shows *light* of a picture of this *headroom*."""
    white = 1 - (1 - _DARKEST_WHITE) * headroom / MAX_HEADROOM
    brightest = 2**headroom
    if light <= 1 or headroom == 0:
        return min(white * light, 1.0)
    if light >= brightest:
        return 1.0
    # A quadratic Bézier curve from (1, white) to (brightest, 1), which goes on straight from what is below white.
    middle_light = 1 + _ROUNDNESS * (1 / white - 1)
    middle_shown = white + _ROUNDNESS * (1 - white)
    a, b = 1 - 2 * middle_light + brightest, 2 * (middle_light - 1)
    c = 1 - light
    t = (-b + math.sqrt(b * b - 4 * a * c)) / (2 * a) if a else -c / b
    return (1 - t) ** 2 * white + 2 * t * (1 - t) * middle_shown + t * t
