"""What the service can do. A use case reaches the outside only through `ports`; it knows no HTTP and no settings."""
