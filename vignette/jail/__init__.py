"""What reads the bytes of strangers can be ended: limits on memory and processor time."""
