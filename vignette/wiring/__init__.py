"""
The only package that knows every adapter. It builds what each process needs from the settings.

Each kind of process has a module of its own, so that none waits for another's imports.
"""
