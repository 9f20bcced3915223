"""
Parsers of the containers of pictures, in plain Python: they run no decoder, and read no pixel.

Each format's module has a `parse(reader, bounds)` that returns an `Anatomy`. Damage to the picture's structure raises
`BrokenImage`; damage to metadata alone becomes one of `MetadataBlocks.warnings`.
"""
