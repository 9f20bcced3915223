"""What an operator may set, in which place, and what is said when it is wrong."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from vignette.access.policy import Access
from vignette.errors import SettingsError
from vignette.recipes import Recipe
from vignette.settings import (
    PROJECT_FOLDER,
    Settings,
    as_environment,
    config_file,
    load_settings,
    load_settings_or_exit,
    sources,
    without_password,
)

EXAMPLE = PROJECT_FOLDER / "vignette.example.toml"

PASSWORD = "hunter2"

WriteConfig = Callable[[str], None]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("VIGNETTE_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def write_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> WriteConfig:
    """Replace the settings file, which is empty at first."""
    path = tmp_path / "test.toml"
    path.touch()
    monkeypatch.setenv("VIGNETTE_CONFIG", str(path))

    def write(text: str) -> None:
        path.write_text(text, encoding="utf-8")

    return write


def _problems() -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value).splitlines()


def _the_problem() -> str:
    (line,) = _problems()
    return line


def _traceback(error: Exception) -> str:
    return "".join(traceback.format_exception(error))


class TestTheExample:
    """`vignette.example.toml` is the documentation of the settings: it says what the code does."""

    SETTING = re.compile(r"^#(\w+) = .*$", re.MULTILINE)

    def test_it_names_every_setting_once_in_the_order_of_the_code(self) -> None:
        named = self.SETTING.findall(EXAMPLE.read_text(encoding="utf-8"))

        assert named == list(Settings.model_fields)

    def test_it_changes_nothing_as_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        defaults = load_settings()

        monkeypatch.setenv("VIGNETTE_CONFIG", str(EXAMPLE))

        assert load_settings() == defaults

    def test_it_shows_the_defaults(self, write_config: WriteConfig) -> None:
        defaults = load_settings()
        example = EXAMPLE.read_text(encoding="utf-8")

        write_config("\n".join(match[0].removeprefix("#") for match in self.SETTING.finditer(example)))

        assert load_settings() == defaults
        assert load_settings().model_fields_set == set(Settings.model_fields)

    def test_each_setting_has_words_before_it(self) -> None:
        lines = EXAMPLE.read_text(encoding="utf-8").splitlines()

        wordless = [line for before, line in pairwise(lines) if self.SETTING.match(line) and not before.startswith("#")]

        assert wordless == []


class TestPrecedence:
    def test_nothing_has_to_be_set(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("VIGNETTE_CONFIG")
        monkeypatch.setattr(sources, "PROJECT_FOLDER", tmp_path)

        settings = load_settings()

        assert (settings.host, settings.port) == ("127.0.0.1", 5000)

    def test_the_file_is_vignette_toml_of_the_project(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("VIGNETTE_CONFIG")

        assert config_file() == PROJECT_FOLDER / "vignette.toml"

    def test_the_environment_wins_over_the_file(
        self, monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig
    ) -> None:
        write_config("port = 6000\nmax_frames = 10")
        monkeypatch.setenv("VIGNETTE_PORT", "7000")

        settings = load_settings()

        assert (settings.port, settings.max_frames) == (7000, 10)

    def test_an_override_wins_over_both(self, monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig) -> None:
        write_config("port = 6000")
        monkeypatch.setenv("VIGNETTE_PORT", "7000")

        assert load_settings(port=8000).port == 8000

    def test_an_empty_variable_counts_as_not_set(
        self, monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig
    ) -> None:
        write_config("port = 6000\npublic_url = 'https://pictures.example.org'\naccess = 'closed'")
        monkeypatch.setenv("VIGNETTE_PORT", "")
        monkeypatch.setenv("VIGNETTE_PUBLIC_URL", "")

        settings = load_settings()

        assert (settings.port, settings.public_url) == (6000, "https://pictures.example.org")

    def test_an_empty_config_variable_counts_as_not_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VIGNETTE_CONFIG", "")

        assert config_file() == PROJECT_FOLDER / "vignette.toml"


class TestUnknownNames:
    def test_in_the_file(self, write_config: WriteConfig) -> None:
        write_config("prot = 5001")

        assert _the_problem().startswith("test.toml: prot = 5001: is no setting; there are host, port, public_url, ")

    def test_a_table_in_the_file(self, write_config: WriteConfig) -> None:
        write_config("[server]\nport = 5001")

        assert _the_problem().startswith('test.toml: server = {"port": 5001}: is no setting; there are host, port, ')

    @pytest.mark.parametrize("name", ["VIGNETTE_PROT", "VIGNETTE_", "vignette_prot", "Vignette_Prot"])
    def test_in_the_environment(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setenv(name, "5001")

        assert _the_problem().startswith(f'{name} = "5001": is no setting; there are VIGNETTE_HOST, VIGNETTE_PORT, ')

    def test_in_a_recipe(self, write_config: WriteConfig) -> None:
        write_config("[[recipes]]\nname = 'small'\nwidth = 9\nheight = 9\ngravity = 'north'")

        assert _the_problem() == (
            'test.toml: recipes[0].gravity = "north": is no setting;'
            " there are edge, name, width, height, formats, quality, fit, crop, animate"
        )

    def test_the_value_is_not_shown_of_what_may_be_a_secret(
        self, monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig
    ) -> None:
        write_config("broker_password = 'hunter2'")
        monkeypatch.setenv("VIGNETTE_DATABASE_PASSWORD", "hunter2")

        assert "hunter2" not in "".join(_problems())

    @pytest.mark.parametrize("name", ["VIGNETTE_TEST_URL", "VIGNETTE_CORPUS"])
    def test_what_the_tests_read_is_left_alone(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setenv(name, "anything")

        load_settings()


class TestWrongValues:
    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("host = 5", "host = 5: should be text"),
            ("host = ''", 'host = "": should be an IP address or a host name, without scheme and port'),
            ("port = 'http'", 'port = "http": should be a whole number'),
            ("port = 5000.5", "port = 5000.5: should be a whole number"),
            ("port = true", "port = true: should be a whole number"),
            ("port = []", "port = []: should be a whole number"),
            ("upload_folder = 3", "upload_folder = 3: should be text"),
            ("state_folder = ''", 'state_folder = "": should name a folder'),
            ("durability = 'some'", "durability = \"some\": should be 'full' or 'fast'"),
            ("languages = 'fr'", 'languages = "fr": should be a list'),
            ("languages = []", "languages = []: should hold at least one entry"),
            ("languages = ['fr', 'fr']", 'languages = ["fr", "fr"]: should name each language once'),
            ("languages = ['de']", "languages[0] = \"de\": should be 'en' or 'fr'"),
            ("recipes = []", "recipes = []: should hold at least one entry"),
            ("recipes = ['small']", 'recipes[0] = "small": should be a table'),
        ],
    )
    def test_each_is_told_with_its_place_name_value_and_what_is_allowed(
        self, write_config: WriteConfig, line: str, problem: str
    ) -> None:
        write_config(line)

        assert _the_problem() == f"test.toml: {problem}"

    @pytest.mark.parametrize(
        ("name", "low", "high"),
        [
            ("port", 1, 65535),
            ("web_processes", 1, 64),
            ("web_threads", 1, 256),
            ("slow_client_seconds", 1, 600),
            ("max_files_per_request", 1, 1000),
            ("max_pixels", 1, 2_000_000_000),
            ("max_frames", 1, 1_000_000),
            ("render_processes", 0, 256),
            ("max_render_memory_bytes", 64 * 1024**2, 1024**4),
            ("render_seconds", 1, 3600),
            ("max_attempts", 1, 20),
        ],
    )
    def test_a_number_stays_within_its_borders(self, write_config: WriteConfig, name: str, low: int, high: int) -> None:
        for allowed in (low, high):
            write_config(f"{name} = {allowed}")
            load_settings()

        write_config(f"{name} = {low - 1}")
        assert _the_problem() == f"test.toml: {name} = {low - 1}: should be greater than or equal to {low}"

        write_config(f"{name} = {high + 1}")
        assert _the_problem() == f"test.toml: {name} = {high + 1}: should be less than or equal to {high}"

    def test_a_variable_is_named_as_it_stands_in_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VIGNETTE_PORT", "http")

        assert _the_problem() == 'VIGNETTE_PORT = "http": should be a whole number'

    def test_an_override_is_named_without_a_place(self) -> None:
        with pytest.raises(SettingsError) as caught:
            load_settings(port=0)

        assert str(caught.value) == "port = 0: should be greater than or equal to 1"

    def test_all_of_them_are_told_at_once(self, monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig) -> None:
        write_config("max_frames = 0\nprot = 1")
        monkeypatch.setenv("VIGNETTE_PORT", "0")
        monkeypatch.setenv("VIGNETTE_HOTS", "::1")

        assert [line.partition(" ")[0] for line in _problems()] == [
            "VIGNETTE_HOTS",
            "VIGNETTE_PORT",
            "test.toml:",
            "test.toml:",
        ]

    def test_a_request_holds_at_least_one_upload_of_full_size(self, write_config: WriteConfig) -> None:
        write_config("max_upload_bytes = 1000\nmax_request_bytes = 999")

        assert _the_problem() == "max_request_bytes = 999: should be at least max_upload_bytes = 1000"

    def test_a_request_has_room_for_five_uploads_unless_it_is_said(self) -> None:
        assert load_settings(max_upload_bytes=1000).max_request_bytes == 5000
        assert load_settings(max_upload_bytes=1000, max_request_bytes=1500).max_request_bytes == 1500

    @pytest.mark.parametrize("host", ["http://a", "a:5000", "*", "a b", "[::1]"])
    def test_an_allowed_host_is_a_name_or_an_address(self, write_config: WriteConfig, host: str) -> None:
        write_config(f'allowed_hosts = ["a", "{host}"]')

        assert _the_problem().startswith(f'test.toml: allowed_hosts = ["a", "{host}"]: should be an IP address')

    @pytest.mark.parametrize(
        ("settings", "limits"),
        [
            ({}, False),
            ({"public_url": "http://localhost:8000"}, False),
            ({"access": "gallery"}, True),
            ({"host": "192.0.2.7", "access": "open"}, True),
            ({"limit_rates": "always"}, True),
            ({"host": "192.0.2.7", "access": "closed", "limit_rates": "never"}, False),
        ],
    )
    def test_rates_are_limited_where_anybody_else_may_ask(self, settings: dict[str, str], limits: bool) -> None:
        assert load_settings(**settings).limits_rates is limits

    @pytest.mark.parametrize(
        ("settings", "is_private"),
        [
            ({}, True),
            ({"host": "::1"}, True),
            ({"public_url": "http://localhost:5000"}, True),
            ({"host": "0.0.0.0"}, False),
            ({"host": "box.local"}, False),
            ({"public_url": "https://pictures.example"}, False),
        ],
    )
    def test_it_is_open_by_itself_for_this_machine_alone(self, settings: dict[str, str], is_private: bool) -> None:
        if is_private:
            assert load_settings(**settings).access is Access.OPEN
        else:
            with pytest.raises(SettingsError, match="access is not set"):
                load_settings(**settings)
        for access in Access:
            assert load_settings(**settings, access=access.value).access is access

    def test_its_own_hosts_are_those_that_it_listens_on_or_is_told_of(self) -> None:
        settings = Settings(
            host="box.local", public_url="https://Example.org:8443/x", allowed_hosts=("192.0.2.7",), access="closed"
        )

        assert settings.own_hosts == {"box.local", "example.org", "192.0.2.7"}
        for host in ("0.0.0.0", "::"):
            assert Settings(host=host, access="closed").own_hosts == frozenset()

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "::1", "192.0.2.7", "localhost", "pictures.example.org"])
    def test_a_host_is_an_address_or_a_name(self, host: str) -> None:
        assert load_settings(host=host, access="closed").host == host

    @pytest.mark.parametrize(
        "host", ["127.0.0.1:5000", "http://localhost", "localhost/", "a b", "127.0.0", "[::1]", "-x", "é", "a\n"]
    )
    def test_a_host_is_nothing_else(self, host: str) -> None:
        with pytest.raises(SettingsError, match="should be an IP address or a host name"):
            load_settings(host=host)

    @pytest.mark.parametrize(
        ("url", "kept"),
        [
            ("https://pictures.example.org", "https://pictures.example.org"),
            ("https://example.org/pictures/", "https://example.org/pictures"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("", ""),
        ],
    )
    def test_a_public_url_loses_its_closing_slash(self, url: str, kept: str) -> None:
        assert load_settings(public_url=url, access="closed").public_url == kept

    @pytest.mark.parametrize(
        "url",
        [
            "pictures.example.org",
            "ftp://example.org",
            "https://",
            "https:///pictures",
            "https://user:hunter2@example.org",
            "https://example.org/?a=b",
            "https://example.org/#top",
            "https://example.org:port",
            "https://example.org/a b",
        ],
    )
    def test_a_public_url_is_nothing_but_a_web_address(self, url: str) -> None:
        with pytest.raises(SettingsError, match=r"public_url = .*should be empty, or http:// or https://") as caught:
            load_settings(public_url=url)

        assert "hunter2" not in str(caught.value)


class TestTheFile:
    def test_that_is_no_toml_is_told_with_the_line(self, write_config: WriteConfig, tmp_path: Path) -> None:
        write_config("host = 'localhost'\nport =\n")

        problem = _the_problem()

        assert problem.startswith(f"{tmp_path / 'test.toml'} is not TOML: ")
        assert "line 2" in problem

    def test_that_is_no_text_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "test.toml").write_bytes(b"# \xff")

        assert _the_problem().startswith(f"{tmp_path / 'test.toml'} is not TOML: ")

    def test_that_is_a_folder_is_told(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("VIGNETTE_CONFIG", str(tmp_path))

        assert _the_problem() == f"{tmp_path} cannot be read: Is a directory"

    def test_that_was_named_must_be_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VIGNETTE_CONFIG", "/nowhere/vignette.toml")

        assert _the_problem() == 'VIGNETTE_CONFIG = "/nowhere/vignette.toml": there is no such file'


class TestRecipes:
    TWO = (
        Recipe(name="small", width=100, height=80),
        Recipe(name="large", width=1600, height=1200, formats=("avif", "jpeg"), quality=70),
    )

    def test_from_tables_in_the_file(self, write_config: WriteConfig) -> None:
        write_config("""
            [[recipes]]
            name = "small"
            width = 100
            height = 80

            [[recipes]]
            name = "large"
            width = 1600
            height = 1200
            formats = ["avif", "jpeg"]
            quality = 70
        """)

        assert load_settings().recipes == self.TWO

    def test_from_json_in_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(
            "VIGNETTE_RECIPES",
            '[{"name": "small", "width": 100, "height": 80},'
            ' {"name": "large", "width": 1600, "height": 1200, "formats": ["avif", "jpeg"], "quality": 70}]',
        )

        assert load_settings().recipes == self.TWO

    def test_from_the_environment_replace_those_of_the_file(
        self, monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig
    ) -> None:
        write_config("[[recipes]]\nname = 'large'\nwidth = 900\nheight = 900")
        monkeypatch.setenv("VIGNETTE_RECIPES", '[{"name": "tiny", "width": 9, "height": 9}]')

        assert [recipe.name for recipe in load_settings().recipes] == ["tiny"]

    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            ("small", '"small": should be a list in JSON'),
            ("[{]", '"[{]": should be a list in JSON'),
            ('{"name": "small"}', '{"name": "small"}: should be a list'),
        ],
    )
    def test_are_a_list_in_json(self, monkeypatch: pytest.MonkeyPatch, value: str, problem: str) -> None:
        monkeypatch.setenv("VIGNETTE_RECIPES", value)

        assert _the_problem().startswith(f"VIGNETTE_RECIPES = {problem}")

    @pytest.mark.parametrize(
        ("recipe", "problem"),
        [
            ("name = 'Small', width = 9, height = 9", 'name = "Small": should match pattern'),
            ("name = 'small', width = 0, height = 9", "width = 0: should be greater than or equal to 1"),
            ("name = 'small', width = 9, height = 9000", "height = 9000: should be less than or equal to 8192"),
            ("name = 'small', width = 9, height = 9, quality = 101", "quality = 101: should be less than"),
            ("name = 'small', width = 9, height = 9, formats = []", "formats = []: should hold at least one entry"),
            (
                "name = 'small', width = 9, height = 9, formats = ['gif']",
                "formats[0] = \"gif\": should be 'webp', 'jpeg' or 'avif'",
            ),
            ("name = 'small', width = 9", "height is missing; edge stands for width and height"),
            ("name = 'small', edge = 0", "edge = 0: should be a whole number from 1 to 8192"),
            ("name = 'small', edge = 9000", "edge = 9000: should be a whole number from 1 to 8192"),
            ("name = 'small', edge = true", "edge = true: should be a whole number from 1 to 8192"),
            ("name = 'small', edge = 9, width = 9", "edge = 9: should stand alone: it is width and height in one"),
            ("name = 'small', width = true, height = 9", "width = true: should be a whole number"),
            ("name = 'small', edge = 9, fit = 'fill'", "fit = \"fill\": should be 'inside' or 'cover'"),
            (
                "name = 'small', edge = 9, fit = 'cover', crop = 'top'",
                "crop = \"top\": should be 'centre' or 'attention'",
            ),
            (
                "name = 'small', edge = 9, crop = 'attention'",
                'crop = "attention": should stand beside fit = "cover" only',
            ),
            (
                "name = 'small', edge = 9, formats = ['webp', 'webp']",
                'formats = ["webp", "webp"]: should name each format once',
            ),
            ("name = 'small', edge = 9, size = 9", "size = 9: is no setting; there are edge, name, width, height"),
        ],
    )
    def test_a_wrong_one_is_told_in_one_line(self, write_config: WriteConfig, recipe: str, problem: str) -> None:
        write_config(f"recipes = [{{ {recipe} }}]")

        assert _the_problem().startswith(f"test.toml: recipes[0].{problem}")

    def test_an_edge_is_width_and_height_in_one(self, write_config: WriteConfig) -> None:
        write_config("recipes = [{ name = 'square', edge = 300, fit = 'cover', crop = 'attention' }]")

        assert load_settings().recipes == (Recipe("square", 300, 300, fit="cover", crop="attention"),)

    def test_there_are_three_sizes_unless_others_are_set(self) -> None:
        recipes = load_settings().recipes

        assert [(recipe.name, recipe.width, recipe.height) for recipe in recipes] == [
            ("small", 256, 256),
            ("medium", 640, 640),
            ("large", 1280, 1280),
        ]
        assert {recipe.formats for recipe in recipes} == {("webp", "jpeg")}

    def test_each_has_a_name_of_its_own(self, write_config: WriteConfig) -> None:
        write_config("[[recipes]]\nname = 'small'\nwidth = 9\nheight = 9\n" * 2)

        assert _the_problem().endswith("each recipe needs a name of its own, these have small, small")


class TestFolders:
    def test_relative_ones_count_from_the_project_wherever_it_is_started(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.chdir(tmp_path)

        settings = load_settings(state_folder="here/../there")

        assert settings.upload_folder == PROJECT_FOLDER / "static" / "uploads"
        assert settings.state_folder == PROJECT_FOLDER / "there"

    def test_a_tilde_is_the_home(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))

        assert load_settings(upload_folder="~/pictures").upload_folder == tmp_path / "pictures"

    def test_the_home_of_nobody_is_told(self) -> None:
        with pytest.raises(SettingsError, match='upload_folder = "~no-such-user/x": Could not determine'):
            load_settings(upload_folder="~no-such-user/x")

    def test_the_upload_folder_may_lie_in_the_state_folder(self, tmp_path: Path) -> None:
        load_settings(state_folder=tmp_path, upload_folder=tmp_path / "uploads")

    @pytest.mark.parametrize("state", ["uploads", "uploads/state", "uploads/5", "elsewhere/../uploads", "link"])
    def test_the_state_folder_does_not_lie_in_the_upload_folder(self, tmp_path: Path, state: str) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "uploads")

        with pytest.raises(SettingsError, match=r"state_folder = .* should not be upload_folder = .*, nor lie in it"):
            load_settings(upload_folder=tmp_path / "uploads", state_folder=tmp_path / state)

    @pytest.mark.parametrize("uploads", ["static/assets", "static", "."])
    def test_the_upload_folder_holds_no_code_of_ours(self, uploads: str, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match=r"upload_folder = .* should be a folder of its own"):
            load_settings(upload_folder=uploads, state_folder=tmp_path)

    @pytest.mark.parametrize("name", ["upload_folder", "state_folder"])
    def test_nothing_of_ours_lies_where_anyone_may_read(self, name: str) -> None:
        with pytest.raises(SettingsError, match=f"{name} = .* should not lie in .*assets.*, which anyone may read"):
            load_settings(**{name: "static/assets/x"})


class TestTheSocketOfTheEmbeddedBroker:
    def test_lies_in_the_state_folder(self, short_path: Path) -> None:
        settings = load_settings(state_folder=short_path / "s", upload_folder=short_path / "u")

        assert settings.broker_socket == short_path / "s" / "broker.sock"
        assert settings.effective_broker_url == f"redis+socket://{short_path}/s/broker.sock"

    @pytest.mark.parametrize("letter", ["a", "é"])
    def test_is_short_enough_for_the_system_however_deep_the_state_folder_lies(
        self, tmp_path: Path, letter: str
    ) -> None:
        settings = load_settings(state_folder=tmp_path / (letter * 60) / (letter * 60))

        socket = settings.broker_socket

        assert len(os.fsencode(socket)) < 104  # sockaddr_un on macOS; Linux has 108
        assert not socket.is_relative_to(settings.state_folder)

    def test_is_the_same_for_every_process_and_another_for_every_state_folder(self, tmp_path: Path) -> None:
        deep = tmp_path / ("a" * 120)

        one, again, other = (load_settings(state_folder=deep / name).broker_socket for name in ("x", "y/../x", "y"))

        assert one == again
        assert one != other


class TestUrlsOfParts:
    @pytest.mark.parametrize(
        "url",
        ["sqlite:////srv/images/c.sqlite3", "postgresql://db/v", "postgresql+psycopg://u:p@db:5432/v?sslmode=require"],
    )
    def test_databases_that_we_speak(self, url: str) -> None:
        assert load_settings(database_url=url).effective_database_url == url

    def test_no_database_is_sqlite_in_the_state_folder(self, tmp_path: Path) -> None:
        settings = load_settings(state_folder=tmp_path)

        assert settings.effective_database_url == f"sqlite:///{tmp_path}/catalogue.sqlite3"

    @pytest.mark.parametrize(
        "url",
        [
            "mysql://db/v",
            "postgres://db/v",
            "postgresql+psycopg2://db/v",
            "sqlite://",
            "sqlite:///:memory:",
            "sqlite:///catalogue.sqlite3",
            "catalogue.sqlite3",
        ],
    )
    def test_other_databases_are_told_what_there_is(self, url: str) -> None:
        with pytest.raises(SettingsError, match=r"database_url = .*: should be empty .*sqlite:////an/.*postgresql://"):
            load_settings(database_url=url)

    @pytest.mark.parametrize(
        "url", ["redis://127.0.0.1:6379/0", "rediss://:p@redis.example.org", "redis+socket:///run/redis.sock"]
    )
    def test_brokers_that_we_speak(self, url: str) -> None:
        settings = load_settings(broker_url=url)

        assert settings.effective_broker_url == url
        assert not settings.uses_embedded_broker

    @pytest.mark.parametrize("url", ["amqp://mq", "127.0.0.1:6379", "redis://", "redis+socket://relative.sock"])
    def test_other_brokers_are_told_what_there_is(self, url: str) -> None:
        with pytest.raises(SettingsError, match=r"broker_url = .*: should be empty .*redis://.*redis\+socket:///"):
            load_settings(broker_url=url)


class TestPasswords:
    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
            ("redis://:hunter2@mq:6379/0", "redis://…@mq:6379/0"),
            ("postgresql://u:hunter2@db/v", "postgresql://…@db/v"),
            ("postgresql://u:hun/ter2@hunter2@db/v", "postgresql://…@db/v"),
            ("postgresql://db/v?user=u&password=hunter2", "postgresql://db/v?…"),
            ("postgresql://u:x?hunter2@db/v", "postgresql://…"),
            ("redis://mq/0?password=x@hunter2", "redis://…"),
            ("u:hunter2@db", "…@db"),
            ("sqlite:////srv/c.sqlite3", "sqlite:////srv/c.sqlite3"),
            ("", ""),
        ],
    )
    def test_are_cut_out_of_a_url(self, url: str, shown: str) -> None:
        assert without_password(url) == shown

    @pytest.mark.parametrize("name", ["database_url", "broker_url"])
    def test_are_not_in_the_words_of_an_error_nor_in_its_traceback(self, name: str) -> None:
        with pytest.raises(SettingsError) as caught:
            load_settings(**{name: f"mysql://user:{PASSWORD}@db/v"})

        assert "mysql://…@db/v" in str(caught.value)
        assert PASSWORD not in _traceback(caught.value)

    def test_are_not_in_the_traceback_of_another_settings_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VIGNETTE_BROKER_URL", f"redis://:{PASSWORD}@mq")

        with pytest.raises(SettingsError) as caught:
            load_settings(max_request_bytes=1)

        assert PASSWORD not in _traceback(caught.value)

    def test_are_not_shown_when_settings_are_printed(self) -> None:
        settings = load_settings(broker_url=f"redis://:{PASSWORD}@mq", database_url=f"postgresql://u:{PASSWORD}@db/v")

        assert PASSWORD not in repr(settings)
        assert PASSWORD not in str(settings)


class TestRenderProcesses:
    @pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
    def test_are_as_many_as_the_processors_that_we_may_use(self) -> None:
        ours = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(ours)})
        try:
            assert load_settings().render_processes == 1
        finally:
            os.sched_setaffinity(0, ours)

    def test_are_what_is_set(self) -> None:
        assert load_settings(render_processes=7).render_processes == 7


class TestTheEntryScripts:
    def test_end_with_status_2_and_a_line_for_each_problem(
        self, write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_config("port = 0\nmax_frames = 0")

        with pytest.raises(SystemExit) as caught:
            load_settings_or_exit()

        assert caught.value.code == 2
        assert capsys.readouterr().err.splitlines() == [
            "vignette: test.toml: port = 0: should be greater than or equal to 1",
            "vignette: test.toml: max_frames = 0: should be greater than or equal to 1",
        ]

    def test_get_settings_that_nobody_changes(self) -> None:
        settings = load_settings_or_exit()

        with pytest.raises(ValueError, match="frozen"):
            settings.port = 1  # type: ignore[misc]


def test_another_process_reads_the_same_settings_from_its_environment(
    monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig
) -> None:
    write_config(
        """
        upload_folder = "elsewhere/pictures"
        database_url = "postgresql://who:pa%24s@host/name"
        render_processes = 3
        languages = ["fr"]
        recipes = [
            { name = "small", edge = 100, animate = false },
            { name = "card", width = 60, height = 40, fit = "cover", crop = "attention", quality = 9 },
        ]
        """
    )
    settings = load_settings()
    write_config("this is read no more")

    for name, value in as_environment(settings).items():
        monkeypatch.setenv(name, value)

    assert load_settings() == settings
    assert load_settings().database_url == settings.database_url


class TestChecks:
    """What files are shown to before they are kept."""

    SERVICE = '[[checks]]\nname = "moderation"\nurl = "http://127.0.0.1:8080/check?a=b"\n'
    SECRET = "a-secret-of-ours-which-nobody-reads"

    def test_a_service_and_a_daemon(self, write_config: WriteConfig) -> None:
        write_config(
            f'{self.SERVICE}secret = "{self.SECRET}"\non_error = "quarantine"\ntimeout_seconds = 3\n'
            '[[checks]]\nname = "clamav"\nclamd = "/run/clamd.sock"\non_found = "quarantine"\n'
        )
        service, daemon = load_settings().checks

        assert (service.url, service.secret) == ("http://127.0.0.1:8080/check?a=b", self.SECRET)
        assert (service.on_error, service.timeout_seconds) == ("quarantine", 3)
        assert (daemon.clamd, daemon.on_found, daemon.on_error) == ("/run/clamd.sock", "quarantine", "refuse")

    def test_other_processes_read_the_same(self, write_config: WriteConfig, monkeypatch: pytest.MonkeyPatch) -> None:
        write_config(f'{self.SERVICE}secret = "{self.SECRET}"')
        settings = load_settings()
        for name, value in as_environment(settings).items():
            monkeypatch.setenv(name, value)

        assert load_settings() == settings

    @pytest.mark.parametrize("place", ["127.0.0.1:3310", "[::1]:3310", "clamav:3310", "/run/clamd.sock"])
    def test_where_a_daemon_may_listen(self, write_config: WriteConfig, place: str) -> None:
        write_config(f'[[checks]]\nname = "clamav"\nclamd = "{place}"')

        assert load_settings().checks[0].clamd == place

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('name = "A"\nclamd = "/a"', "lower-case letter"),
            ('name = "../a"\nclamd = "/a"', "lower-case letter"),
            ('clamd = "/a"', "checks[0].name is missing"),
            ('name = "a"', "either url or clamd"),
            ('name = "a"\nclamd = "/a"\nurl = "http://a/"', "either url or clamd"),
            ('name = "a"\nurl = "http://a/"', "secret of at least 16"),
            ('name = "a"\nurl = "http://a/"\nsecret = "short"', "secret of at least 16"),
            ('name = "a"\nclamd = "/a"\nsecret = "0123456789abcdef"', "no secret beside clamd"),
            ('name = "a"\nurl = "ftp://a/"\nsecret = "0123456789abcdef"', "http://"),
            ('name = "a"\nurl = "http://u:p@a/"\nsecret = "0123456789abcdef"', "without user"),
            ('name = "a"\nurl = "http://a/\\r\\nX: y"\nsecret = "0123456789abcdef"', "http://"),
            ('name = "a"\nclamd = "clamav"', "host:port"),
            ('name = "a"\nclamd = "clamav:99999"', "host:port"),
            ('name = "a"\nclamd = "/a"\non_error = "ignore"', "refuse"),
            ('name = "a"\nclamd = "/a"\ntimeout_seconds = 61', "60"),
            ('name = "a"\nclamd = "/a"\ntimeout_seconds = 0', "1"),
            ('name = "a"\nclamd = "/a"\ntimeout = 3', "is no setting; there are name, url"),
            ('name = "a"\nclamd = "/a"\n[[checks]]\nname = "a"\nclamd = "/b"', "a name of its own"),
            ("\n[[checks]]\n".join(f'name = "a{number}"\nclamd = "/a"' for number in range(9)), "8"),
        ],
    )
    def test_what_is_wrong_is_told(self, write_config: WriteConfig, text: str, words: str) -> None:
        write_config(f"[[checks]]\n{text}")

        assert words in _the_problem()

    @pytest.mark.parametrize(
        "rest",
        [
            "",
            'clamd = "/a"',
            "timeout_seconds = 0",
            'unknown = "x"',
            'on_error = "x"',
            '[[checks]]\nname = "moderation"',
        ],
    )
    def test_a_secret_is_never_told(self, write_config: WriteConfig, rest: str) -> None:
        write_config(f'{self.SERVICE}secret = "{self.SECRET}"\n{rest}')
        try:
            told = repr(load_settings())
        except SettingsError as error:
            told = _traceback(error)

        assert self.SECRET not in told

    def test_a_secret_that_is_no_text_is_not_told(self, write_config: WriteConfig) -> None:
        write_config(f"{self.SERVICE}secret = 1234567890123456")

        assert "1234567890123456" not in _the_problem()
