"""
The frames of a picture that moves, as browsers show them.

Each frame of a GIF, an APNG or a WebP is decoded by itself, and laid on a canvas here. No decoder composes frames: they
differ from each other in that, and from browsers. AVIF codes complete pictures.
"""
