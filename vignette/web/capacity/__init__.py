"""Places for what holds a thread for as long as its client takes, and the end of clients that take too long."""
