"""Who asks, and what he may do. It is pure: it knows no row, no file and no request."""
