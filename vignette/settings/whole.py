"""All settings, and what must hold between them."""

from __future__ import annotations

from pydantic import model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from vignette.settings.checks import Checks
from vignette.settings.intake import Intake
from vignette.settings.listening import Listening
from vignette.settings.logs import Logs
from vignette.settings.pages import Pages
from vignette.settings.places import ASSETS_FOLDER
from vignette.settings.rendering import Rendering
from vignette.settings.sources import ENV_PREFIX, Environment, read_config_file
from vignette.settings.storage import Storage


# Pydantic takes the fields of the last base first: these are the parts of `vignette.example.toml`, from its end.
class Settings(Pages, Logs, Rendering, Checks, Intake, Storage, Listening, BaseSettings):
    """
    Typed and checked settings. Relative folders count from the project's folder; all are absolute once read.

    `max_request_bytes` and `render_processes` are never 0 once read. URLs may carry a password: show them by
    `without_password` only.
    """

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_ignore_empty=True)

    @model_validator(mode="after")
    def _a_request_holds_an_upload(self) -> Settings:
        if self.max_request_bytes < self.max_upload_bytes:
            raise ValueError(
                f"max_request_bytes = {self.max_request_bytes}: should be at least"
                f" max_upload_bytes = {self.max_upload_bytes}"
            )
        return self

    @model_validator(mode="after")
    def _open_for_this_machine_alone(self) -> Settings:
        """What others reach is open to them only if somebody has said so."""
        if "access" not in self.model_fields_set and not self.is_for_this_machine:
            reached_by = f'public_url = "{self.public_url}"' if self.is_on_loopback else f'host = "{self.host}"'
            raise ValueError(
                f"access is not set, and others reach the service by {reached_by}:"
                ' set access = "closed" (keys for everything), "gallery" (everybody sees the images, keys do the rest)'
                ' or "open" (everybody may do everything, deletion too); `vignette keys add` makes a key'
            )
        return self

    @model_validator(mode="after")
    def _folders_stay_apart(self) -> Settings:
        """
        The upload folder holds nothing but images: it may lie in the state folder, never around it or around our
        code. Neither lies where a browser may fetch files as they are.
        """
        uploads, state = self.upload_folder, self.state_folder
        if state.is_relative_to(uploads):
            raise ValueError(f'state_folder = "{state}": should not be upload_folder = "{uploads}", nor lie in it')
        if ASSETS_FOLDER.is_relative_to(uploads):
            raise ValueError(f'upload_folder = "{uploads}": should be a folder of its own, without "{ASSETS_FOLDER}"')
        for name, folder in (("upload_folder", uploads), ("state_folder", state)):
            if folder.is_relative_to(ASSETS_FOLDER):
                raise ValueError(f'{name} = "{folder}": should not lie in "{ASSETS_FOLDER}", which anyone may read')
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (named by the base class)
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, Environment(settings_cls), InitSettingsSource(settings_cls, read_config_file())
