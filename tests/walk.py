"""A walk through every page, in every state and in both languages: for tests of what is true of all of them."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from tests.check_services import http_service
from tests.contract.asking import BROWSER, JSON, OURS
from tests.contract.test_http_links import RECIPES, Sharing, talkative
from tests.contract.test_http_quarantine import SUSPECT, screening
from tests.contract.test_http_tickets import Party
from tests.house import House, broken_pixels, picture
from tests.house import house as new_house
from tests.makers import animation, coded, heif, still
from tests.unit.pixels.test_preview import photo
from vignette.access.actors import OPERATOR, Scope
from vignette.access.links import Place
from vignette.access.policy import Access
from vignette.access.secrets import OFFER_PREFIX, digest_of, new_token
from vignette.model import Visibility

LANGUAGES: Final = ("en", "fr")
AT_ONCE: Final = {"Prefer": "wait=0"}
# Names as strangers give them.
NAMES: Final = ("<b>\"&amp;'.jpg", "\u202egpj.exe", "é" * 200 + ".png", " .jpg")


class Walk:
    """The pages that a reader has seen, by where and in which language, and the templates that they were made of."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.templates: set[str] = set()

    def see(self, where: str, page: TestResponse, status: int | None = 200) -> None:
        """See *page*, whatever its status if *status* is none."""
        assert page.mimetype == "text/html", where
        assert status in (None, page.status_code), f"{where}: {page.status_code}"
        self.pages[where] = page.text

    def open(self, house: House, path: str, state: str, status: int | None = 200, **options: Any) -> None:
        """See the page at *path* in each language; *state* says how it is met there."""
        for language in LANGUAGES:
            headers = {"Accept": BROWSER, "Accept-Language": language, **options.get("headers", {})}
            answer = house.client.open(path, **{**options, "headers": headers})
            self.see(f"{path} {state} ({language})", answer, status)

    def leave(self, house: House) -> None:
        self.templates |= {str(name) for _, name in house.app.jinja_env.cache or {}}


def sent(house: House, *files: tuple[str, bytes]) -> TestResponse:
    parts = [FileStorage(io.BytesIO(content), name) for name, content in files]
    return house.client.post("/images", data={"file": parts}, headers={"Accept": BROWSER, **OURS})


def signed_in(house: House, *scopes: Scope) -> None:
    _, token = house.keyholding.add(OPERATOR, "laptop", scopes)
    assert house.client.post("/login", data={"key": token}, headers=OURS).status_code == 303


def empty(walk: Walk, house: House) -> None:
    for path in ("/", "/images", "/images?ids=0", "/add", "/limits", "/docs", "/problems"):
        walk.open(house, path, "while there is nothing")
    for code in re.findall(r'href="(/problems/[a-z-]+)"', walk.pages["/problems while there is nothing (en)"]):
        walk.open(house, code, "told")
    walk.open(house, "/nowhere", "is nothing", 404)
    walk.open(house, "/images/7", "is nothing", 404)
    walk.open(house, "/images?limit=x", "makes no sense", 400)
    walk.open(house, "/images", "without a file", 400, method="POST", data={}, headers=OURS)
    walk.open(
        house, "/images", "of another site", 403, method="POST", data={}, headers={"Origin": "https://evil.example"}
    )


def pictures(walk: Walk, house: House) -> None:
    """Of each kind and in each state."""
    contents = {
        "plain": picture(300, 200),
        "of a camera": photo(picture(160, 120)),
        "talkative": talkative(),
        "wide": picture(800, 20, "PNG"),
        "tall": picture(20, 800, "PNG"),
        "clear": still("PNG", 60, 40, "RGBA"),
        "moving": animation("GIF", 3),
        "of several pages": animation("TIFF", 2),
        "HEIC": heif(coded()),
        "broken": broken_pixels(),
    }
    names = [*NAMES, *(f"{name}.jpg" for name in list(contents)[len(NAMES) :])]
    images = [house.upload(content, name) for content, name in zip(contents.values(), names, strict=True)]
    nameless = house.upload(picture(41), None)
    refs = ",".join(str(image.id) for image in images)
    for path in ("/", f"/images?ids={refs}", "/images?limit=2", "/images?before=3"):
        walk.open(house, path, "while pictures wait")
    for kind, image in zip(contents, images, strict=True):
        walk.open(house, f"/images/{image.id}", f"{kind}, while it waits")
        walk.open(house, f"/vignette/{image.id}", f"{kind}, while it waits", 202)
    house.work()
    for path in ("/", f"/images?ids={refs}", "/images?limit=2", "/images?before=3", f"/images?like={images[0].id}"):
        walk.open(house, path, "with pictures")
    for kind, image in zip(contents, images, strict=True):
        walk.open(house, f"/images/{image.id}", kind)
        walk.open(house, f"/images/{image.id}?ids={refs}", f"{kind}, in a list")
    walk.open(house, f"/images/{nameless.id}", "without a name")
    house.jobs.publish_at_once = None
    walk.open(house, f"/images/{images[0].id}/public", "while the copy is made", 202, headers=AT_ONCE)
    walk.open(house, f"/vignette/{images[-1].id}", "cannot be made", 422)
    house.removal.delete(OPERATOR, nameless.id)
    walk.open(house, f"/images/{nameless.id}", "was deleted", 410)


def answers(walk: Walk, house: House) -> None:
    """What a form without JavaScript leads to."""
    notes = ("notes.txt", b"words")
    walk.see("a file is refused", sent(house, notes), 415)
    for state, files in (
        ("one was kept", [("a.jpg", picture())]),
        ("some were kept", [("a.jpg", picture()), notes, (NAMES[0], b"<svg>")]),
        ("none was kept", [(name, b"words") for name in NAMES]),
    ):
        answer = sent(house, *files)
        walk.open(house, answer.headers["Location"].removeprefix("http://localhost"), state)
    kept = house.client.post("/images", data=picture(50), content_type="image/jpeg", headers={"Accept": JSON}).json
    where = f"/images/{kept['id']}/{{}}?token={kept['delete_token']}"
    walk.open(house, where.format("take-back"), "of an image without a key")
    walk.see("an image is taken back", house.client.post(where.format("delete"), headers=OURS))


def doors(walk: Walk, house: House) -> None:
    """Where a key is needed."""
    walk.open(house, "/login", "for anybody")
    walk.open(house, "/login?next=/limits", "on the way to another page")
    walk.open(house, "/login", "without a key that holds", 401, method="POST", data={"key": "vk_"}, headers=OURS)
    walk.open(
        house, "/images/0", "is not shown to anybody", 404 if house.context.policy.access is Access.GALLERY else 401
    )
    offer = new_token(OFFER_PREFIX)
    house.context.first_key.offer(digest_of(offer))
    walk.open(house, f"/first-key?token={offer}", "before it is made")
    page = house.client.post("/first-key", data={"token": offer}, headers={"Accept": BROWSER, **OURS})
    walk.see("the first key", page, 201)
    walk.open(house, "/first-key?token=", "without a token")
    walk.open(house, "/first-key", "with a token that is none", 401, method="POST", data={"token": "x"}, headers=OURS)
    images = [
        house.upload(picture(40 + number), actor=OPERATOR, visibility=seen) for number, seen in enumerate(Visibility)
    ]
    house.work()
    for scopes in ((Scope.READ,), (Scope.READ, Scope.UPLOAD), tuple(Scope)):
        house.client.delete_cookie("vignette_session")
        signed_in(house, *scopes)
        with_what = "with " + ", ".join(scopes)
        for path in ("/", "/add", "/limits", "/docs", *(f"/images/{image.public_name}" for image in images)):
            walk.open(house, path, with_what, None)
    walk.open(house, "/tickets", "while there is none")


def account(walk: Walk, house: House) -> None:
    """What somebody with a key has beside pictures: keys, sessions, links."""
    image = house.upload(talkative(), NAMES[0], actor=OPERATOR)
    house.work()
    signed_in(house, *Scope)
    wanted = {"name": NAMES[0], "read": "1", "lasts": "month"}
    options = {"method": "POST", "headers": OURS}
    walk.open(house, "/keys", "by a form", 201, data=wanted, **options)
    for field, said in {"name": " ", "read": "", "networks": "<i>", "origins": "<i>", "images": "<i>"}.items():
        walk.open(house, "/keys", f"by a form, wrong in {field}", 400, data={**wanted, field: said}, **options)
    key, _ = house.keyholding.add(
        OPERATOR, NAMES[0], [Scope.READ], networks=["192.0.2.0/24"], origins=["https://a.example"]
    )
    for path in ("", "?limit=1", "/me", f"/{key.id}", f"/{key.id}/change", f"/{key.id}/remove"):
        walk.open(house, f"/keys{path}", "for admin")
    walk.open(house, "/sessions", "of admin")
    share = f"/images/{image.id}/share"
    link = {"what": "page", "lasts": "week", "place": "none", "revocable": "1"}
    walk.open(house, share, "without a link")
    made = house.client.post(share, data=link, headers=OURS).headers["Location"]
    walk.open(house, made.removeprefix("http://localhost"), "with a new link")
    over = {**link, "lasts": "date", "date": "2000-01-01"}
    walk.open(house, share, "to a day that is over", 400, data=over, **options)
    signed_in(house, Scope.READ)
    walk.open(house, "/keys", "for another key", 403)
    walk.open(house, "/sessions", "of another key")


def tickets(walk: Walk, party: Party) -> None:
    house = party.house
    terms: dict[str, dict[str, Any]] = {
        "with uses alone": {"uses": 9},
        "with terms": {
            "uses": 3,
            "note": 'Noces <3 & "more"',
            "media_types": ["image/jpeg"],
            "visibility": "private",
            "origins": ["https://app.example"],
            "max_bytes": 1_000_000,
            "expires_at": "2999-01-01T00:00:00Z",
        },
    }
    made = {state: party.make(**each) for state, each in terms.items()}
    for state, ticket in made.items():
        walk.open(house, f"/t/{ticket['token']}", state)
        walk.open(house, f"/tickets/{ticket['id']}", state, headers=party.host)
        answer = party.send(ticket, picture(40, 30), picture(40, 31), by_url=True, accept=BROWSER)
        where = answer.headers["Location"].removeprefix("http://localhost")
        walk.open(house, where, f"{state}, while what was sent waits")
        house.work()
        walk.open(house, where, f"{state}, after it was used")
        walk.open(house, f"/tickets/{ticket['id']}", f"{state}, after it was used", headers=party.host)
        for refused, contents, status in (("no image", [b"words"], 415), ("nothing", [], 400)):
            page = party.send(ticket, *contents, by_url=True, accept=BROWSER)
            walk.see(f"a ticket {state}, to which {refused} is sent", page, status)
    spent = party.make()
    walk.see(
        "a ticket that some are too many for",
        party.send(spent, picture(), picture(41), by_url=True, accept=BROWSER),
        207,
    )
    walk.open(house, f"/t/{spent['token']}", "spent")
    walk.open(house, "/tickets", "with several", headers=party.host)
    walk.open(house, "/tickets?limit=1", "that goes on", headers=party.host)
    walk.open(house, "/t/vt_none", "is none", 404)
    form = {"uses": "200", "days": "", "note": "<b>Noces</b>", "visibility": "private"}
    walk.see(
        "a ticket by a form", party.ask("POST", "/tickets", data=form, headers={**party.host, "Accept": BROWSER}), 201
    )


def links(walk: Walk, sharing: Sharing) -> None:
    for place in Place:
        walk.open(sharing.house, sharing.link(place=place, keep=["credit"]), f"by a link, place {place}")
    sharing.house.jobs.publish_at_once = None
    walk.open(sharing.house, sharing.link("public"), "by a link, while the copy is made", 202, headers=AT_ONCE)
    failed = sharing.upload(broken_pixels(), NAMES[0])
    waiting = sharing.house.upload(talkative(), NAMES[1], actor=sharing.key.actor, visibility=Visibility.PRIVATE)
    walk.open(sharing.house, sharing.link(image=failed), "by a link, failed")
    walk.open(sharing.house, sharing.link(image=waiting), "by a link, waiting")
    bearer = {"Authorization": f"Bearer {sharing.token}"}
    walk.open(sharing.house, f"/images/{sharing.image.public_name}", "with links to it", headers=bearer)


def quarantine(walk: Walk, house: House) -> None:
    where = sent(house, ("a.jpg", picture()), (NAMES[0], picture(41)), ("notes.txt", b"words"))
    walk.open(house, where.headers["Location"].removeprefix("http://localhost"), "kept back")
    signed_in(house, *Scope)
    walk.open(house, "/quarantine", "before they are rendered")
    house.work()
    for path in ("/quarantine", "/images?state=quarantined", "/images/0", "/quarantine?before=1"):
        walk.open(house, path, "kept back, for admin")
    house.client.post("/images/0/review", data={"decision": "accept"}, headers=OURS)
    house.client.post("/images/1/review", data={"decision": "reject"}, headers=OURS)
    walk.open(house, "/images/0", "accepted, for admin")
    walk.open(house, "/quarantine", "while there is nothing")


def walk_in(folder: Path) -> Walk:
    """Walk through every page, with what the services for that need in folders in *folder*."""
    walk = Walk()
    numbers = itertools.count()

    def houses(**options: Any) -> Iterator[House]:
        with new_house(folder / str(next(numbers)), **options) as house:
            yield house
            walk.leave(house)

    for stage in (empty, pictures, answers):
        for house in houses():
            stage(walk, house)
    for access in (Access.GALLERY, Access.CLOSED):
        for house in houses(access=access):
            doors(walk, house)
    for house in houses(access=Access.CLOSED):
        account(walk, house)
    for house in houses(access=Access.GALLERY):
        tickets(walk, Party(house))
    for house in houses(access=Access.GALLERY, recipes=RECIPES):
        links(walk, Sharing(house))
    with http_service(answer=SUSPECT) as moderation:
        for house in houses(screening=screening(moderation), settling_s=0):
            quarantine(walk, house)
    return walk
