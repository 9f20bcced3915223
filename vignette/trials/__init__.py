"""What measures and torments a service of its own: benches, and the torture that shows that nothing is lost."""
