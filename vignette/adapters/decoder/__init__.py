"""The decoders, in processes of their own: `decoder` is the side that asks, `decoding` the side that works."""
