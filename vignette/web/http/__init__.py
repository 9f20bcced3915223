"""HTTP itself: bodies, digests, negotiation, problems, headers. It knows no use case."""
