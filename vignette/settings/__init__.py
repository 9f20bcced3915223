"""
The one settings object: `vignette.toml`, then `VIGNETTE_*` in the environment, which wins.

This package is the only reader of either, and all others import from here. Every value is typed and checked when the
service starts; `vignette.example.toml` documents each, and a test holds the two to each other.
"""

from vignette.settings.addresses import host_and_port_of
from vignette.settings.checks import CheckSettings, blocked_pictures
from vignette.settings.exits import exit_with_words, load_settings_or_exit
from vignette.settings.places import PROJECT_FOLDER
from vignette.settings.reading import as_environment, load_settings
from vignette.settings.rendering import DEFAULT_RECIPES
from vignette.settings.showing import without_password
from vignette.settings.sources import config_file
from vignette.settings.whole import Settings

__all__ = [
    "DEFAULT_RECIPES",
    "PROJECT_FOLDER",
    "CheckSettings",
    "Settings",
    "as_environment",
    "blocked_pictures",
    "config_file",
    "exit_with_words",
    "host_and_port_of",
    "load_settings",
    "load_settings_or_exit",
    "without_password",
]
