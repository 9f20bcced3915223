"""What the service can do, one use case a file. They know the outside by `ports` alone, no HTTP and no settings."""
