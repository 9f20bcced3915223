"""
What the containers of pictures say, read in plain Python: one module for each, no decoder, no pixel.

Each has a `parse(reader, bounds)` that returns an `Anatomy`. Damage to the picture's structure raises `BrokenImage`;
damage to metadata only is told in `MetadataBlocks.warnings`.
"""
