"""What waits for a decision."""

from __future__ import annotations

from typing import Final

from tests.contract.asking import no_catalogue
from tests.contract.exchanges.exchange import FACES, Asking, Exchanges, as_admin, failing, patched, small_body
from tests.house import picture
from vignette import errors
from vignette.model import ImageId


@as_admin
def quarantine_page(ask: Asking, _: str, admin: dict[str, str]) -> None:
    ask.house.reviewing.suspect(ImageId(0), "moderation", "nudity")
    ask.both("/quarantine", headers=ask.lesser)
    ask.both("/quarantine", headers=admin)
    ask.both("/quarantine?before=x", headers=admin)
    ask.both(f"/quarantine?before={'a' * 26}", headers=admin)
    with no_catalogue(ask.house):
        ask.both("/quarantine", headers=admin)


@as_admin
def review(ask: Asking, _: str, admin: dict[str, str]) -> None:
    template, house = "/images/{image_id}/review", ask.house
    accept, reject = ({"json": {"decision": decision}} for decision in ("accept", "reject"))
    ask("POST", "/images/0/review", template, headers=ask.lesser, **accept)
    ask("POST", "/images/0/review", template, headers={**admin, "Sec-Fetch-Site": "cross-site"}, **accept)
    for number in (0, 2, 99):
        ask("POST", f"/images/{number}/review", template, headers=admin, **accept)
    small_body(ask, "POST", "/images/0/review", template, headers=admin)
    ask("POST", "/images/0/review", template, headers=admin, json={"decision": "maybe"})
    for body in (accept, reject, {"data": {"decision": "accept"}}):
        for face in FACES:
            number = house.upload(picture()).id
            house.reviewing.suspect(number, "moderation", "nudity")
            ask("POST", f"/images/{number}/review", template, faces=(face,), headers=admin, **body)
    house.reviewing.suspect(ImageId(0), "moderation", "nudity")
    for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only"), errors.FileNotStored("gone")):
        with patched(house.store, "write", failing(fault)):
            ask("POST", "/images/0/review", template, headers=admin, **accept)
    with no_catalogue(house):
        ask("POST", "/images/0/review", template, headers=admin, **accept)


EXCHANGES: Final[Exchanges] = {
    ("get", "/quarantine"): quarantine_page,
    ("post", "/images/{image_id}/review"): review,
}
