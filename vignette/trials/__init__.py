"""Benches, which measure a service of their own, and the torture, which kills one and shows that it loses nothing."""
