"""Advises the reader of a page what to do about a problem. The error itself says what happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from vignette.errors import N_

Unit = Literal["bytes", "pixels", "frames", "files", "seconds"]

UNITS: Final[Mapping[str, Unit]] = {
    "empty-file": "bytes",
    "upload-too-large": "bytes",
    "too-many-pixels": "pixels",
    "too-many-frames": "frames",
    "too-much-memory": "bytes",
    "too-many-files": "files",
    "too-much-time": "seconds",
    "too-long-to-check": "seconds",
}
"""The unit of a problem's `measured` and `limit`, by the problem's code."""

ADVICE: Final[Mapping[str, str]] = {
    "internal-error": N_(
        "The fault is on our side, and it is in the log. Try again; if it comes back, tell whoever runs this service."
    ),
    "refused": N_("Nothing of the upload was kept."),
    "no-file": N_("Choose one or more images first, then send the form again."),
    "empty-file": N_(
        "The file has no content. It may still have been copying when you chose it: see whether it opens on your"
        " device, then send it again."
    ),
    "upload-too-large": N_("Export the image with fewer pixels or a lower quality, and send that."),
    "too-many-files": N_("Send the images in smaller batches."),
    "unsupported-format": N_(
        "The content of a file decides, not its name. Export the image as JPEG, PNG or another accepted format, and"
        " send that."
    ),
    "broken-image": N_(
        "The end of the file is missing, or a part of it is damaged, as after an interrupted transfer. If the image"
        " opens on your device, copy or export it again and send the copy."
    ),
    "too-many-pixels": N_("Export the image with fewer pixels, and send that."),
    "too-many-frames": N_("Shorten the animation, or split the document, and send the parts."),
    "too-much-memory": N_(
        "Export the image with fewer pixels, or as a JPEG that is not progressive, and send that. Whoever runs this"
        " service can allow more memory."
    ),
    "too-long-to-check": N_(
        "The file says far more of itself than a camera would write. Export the image anew, without its metadata, and"
        " send that."
    ),
    "not-checkable": N_(
        "Export the image anew, without its metadata, and send that. What happened is in the log of this service."
    ),
    "check-refused": N_("Nothing of it was kept. Whoever runs this service decides what it takes."),
    "check-unavailable": N_(
        "This service asks another program about each image, and that gives no answer. Nothing was kept: try again in a"
        " moment."
    ),
    "image-not-quarantined": N_("It was decided already, or nobody has to decide about it."),
    "malformed-request": N_("If you used the form, go back and try again. If you wrote a program, see the API page."),
    "digest-mismatch": N_("The transfer changed or lost some of it. Nothing was kept: send it again."),
    "upload-too-slow": N_(
        "The connection stopped or nearly stopped. Nothing was kept: send it again, from a better connection if you"
        " can."
    ),
    "idempotency-key-reused": N_("A key stands for one upload. Send other bytes under a key of their own."),
    "misdirected-request": N_("Open the address that the service names at its start, or set allowed_hosts."),
    "cross-site-request": N_("Open this service's own page and send it from there."),
    "invalid-key": N_("Ask whoever runs this service for a key, and copy it whole: it begins with vk_."),
    "first-key-gone": N_(
        "Sign in with a key that you have. As long as no key has the scope admin, each start prints another link."
    ),
    "condition-required": N_(
        "Send the ETag of the image that you have seen in If-Match, or If-Match: * to change it whatever it is."
    ),
    "range-not-satisfiable": N_("Ask for bytes that the file has: Content-Range tells how many there are."),
    "edited-meanwhile": N_("Look at the image again, and decide anew."),
    "invalid-delete-token": N_(
        "Copy the whole link, or the token: it begins with vd_. It takes back that one image alone."
    ),
    "key-required": N_(
        "Sign in with a key. A program shows it with each request (Authorization: Bearer vk_…). Whoever runs this"
        " service gives keys out."
    ),
    "not-the-owner": N_("Only the key that sent the image may do this, or one with the scope admin."),
    "missing-scope": N_("Ask whoever runs this service for a key that gives this right."),
    "key-not-found": N_("It may have been removed. The list of keys has those that there are."),
    "session-not-found": N_("It may have ended. The list of sessions has those that there are."),
    "link-not-found": N_("It may have ended. The list of the image’s links has those that there are."),
    "too-many-links": N_("End links that nobody needs any more, or make one that cannot be revoked."),
    "ticket-not-found": N_("The address may be mistyped, or has ended. Ask whoever gave it to you."),
    "invalid-ticket": N_("It may have ended, or have been taken back. Ask whoever gave it to you for another."),
    "ticket-spent": N_("Ask whoever gave you this ticket for another."),
    "too-many-tickets": N_("Revoke tickets that nobody uses any more, or let them end."),
    "too-many-keys": N_("Remove keys that have expired or that nobody uses, then add the new one."),
    "method-not-allowed": N_("If you wrote a program, the API page tells what each address takes."),
    "not-found": N_("The address may be mistyped, or what was here has moved."),
    "image-not-found": N_(
        "The address may be mistyped, or the number has not been reached yet. Or a link to it has ended; or the image"
        " is private, and only the key that sent it shows it."
    ),
    "recipe-not-found": N_("Leave the size out of the address to get the usual vignette."),
    "file-not-stored": N_(
        "The image is known, but this file of it is missing. Whoever runs this service can look into it."
    ),
    "image-deleted": N_("Its files are gone for good. Its number stays taken and will not be given to another image."),
    "image-not-failed": N_("Its vignette is there already, or is being made. Look at the page of the image."),
    "rendering-failed": N_("The original is kept just as it arrived, and you can still download it."),
    "too-much-time": N_(
        "The original is kept just as it arrived, and you can still download it. Export the image with fewer pixels,"
        " and send that."
    ),
    "not-publishable": N_(
        "Export the image as JPEG, PNG or WebP and send that, or share its vignette: it holds no metadata either."
    ),
    "public-copy-not-clean": N_(
        "Nothing of it was sent. The fault is on our side, and it is in the log. The vignette holds no metadata."
    ),
    "unavailable": N_("It usually comes back by itself. Try again in a moment."),
    "store-unavailable": N_("What was not confirmed was not kept. Try again later, and send it then."),
    "store-full": N_(
        "Nothing of the upload was kept. Whoever runs this service needs to make room; then send it again."
    ),
    "number-taken": N_(
        "The catalogue was lost or is an old one. Whoever runs this service rebuilds it by starting it again."
    ),
    "catalogue-unavailable": N_("The images themselves are not affected. Try again in a moment."),
    "overloaded": N_(
        "More is going on now than this machine can do at once. Of an upload nothing was kept: try again in a moment."
    ),
    "quota-exceeded": N_(
        "Wait for as long as Retry-After says, then go on more slowly. GET /limits tells what you have."
    ),
    "abnormal-usage-detected": N_(
        "Look at the key that your program shows. A key that is valid can be shown from another address at once, and"
        " from yours in a while."
    ),
    "temporary-reduced-capacity": N_(
        "A part of this service is away, and it can do less until that is back. Try again in a moment."
    ),
    "storage-quota-exceeded": N_(
        "Delete images that came with this key, or ask whoever runs this service for a larger quota."
    ),
    "queue-unavailable": N_("Uploads are still accepted; their vignettes will be made once the queue is back."),
}
"""What the reader can do, by the problem's code."""
