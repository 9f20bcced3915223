"""
The only package that knows every adapter: it builds what each process needs from the settings.

A module for each kind of process, so that none waits for the imports of another.
"""
