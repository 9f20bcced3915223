"""
Reads the lens and the serial numbers in the maker's own notes (EXIF tag 0x927C).

No maker documents its notes. What is known of them is in ExifTool's tag documentation (exiftool.org/TagNames), from
which the tags here are named. The notes are directories as in TIFF, but each maker counts its offsets from another
place, and programs that move the notes leave the offsets as they were. All else in the notes is left alone.
"""

from vignette.pixels.metadata.makers.reading import read

__all__ = ["read"]
