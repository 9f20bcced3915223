"""
The tree of our errors. This module knows no HTTP: `vignette.web.http.problems` gives each class its status.

VignetteError
├── Refused                     we do not take the upload, and keep nothing of it
│   ├── NoFile
│   ├── EmptyFile
│   ├── UploadTooLarge
│   ├── TooManyFiles
│   ├── UnsupportedFormat
│   ├── BrokenImage
│   ├── TooManyPixels
│   ├── TooManyFrames
│   ├── TooMuchMemory           rendering needs too much, as the check at the door estimates or the worker finds; or
│   │                           the check itself does
│   ├── TooLongToCheck          the check at the door needs too much processor time
│   ├── NotCheckable            the check at the door crashes
│   ├── CheckRefused            a check of the operator's refuses it
│   ├── MalformedRequest
│   ├── UploadTooSlow
│   ├── DigestMismatch
│   ├── IdempotencyKeyReused
│   ├── MisdirectedRequest
│   ├── CrossSiteRequest
│   └── MethodNotAllowed
├── NotFound
│   ├── ImageNotFound
│   ├── RecipeNotFound
│   ├── FileNotStored
│   ├── KeyNotFound
│   ├── SessionNotFound
│   ├── LinkNotFound
│   └── TicketNotFound
├── InvalidKey                  the key that was shown opens nothing
│   └── InvalidTicket
├── InvalidDeleteToken          the delete token that was shown is not that of the image
├── TooManyKeys
├── TooManyLinks
├── TooManyTickets
├── TicketSpent                 as many images came by it as may
├── QuotaExceeded               who asks has had his share; there is more of it later
│   ├── AbnormalUsage
│   └── ReducedCapacity         the share is smaller than usual now
├── StorageQuotaExceeded        the key has as much here as it may have
├── NotAllowed                  who asks may not do it
│   ├── KeyRequired             somebody with a key might
│   ├── MissingScope            a key with more scopes might
│   └── NotTheOwner             the owner of the image might
├── ConditionRequired           a change has to say what it is a change of
├── EditedMeanwhile             it is a change of what somebody else has changed by now
├── RangeNotSatisfiable         the file has none of the bytes that are asked for
├── ImageDeleted
├── ImageNotFailed              only a failed image can be tried again
├── ImageNotQuarantined         only an image in quarantine can be accepted or rejected
├── RenderingFailed             the worker could not render the image
│   └── TooMuchTime
├── NotPublishable              no public copy can be made of this format
├── PublicCopyNotClean          our fault: we made a public copy that we do not serve
├── Unavailable                 a part of the service does not work now, and may work again
│   ├── StoreUnavailable
│   │   ├── StoreFull
│   │   └── NumberTaken
│   ├── CatalogueUnavailable
│   ├── QueueUnavailable
│   ├── CheckUnavailable        a check of the operator's gave no verdict
│   └── Overloaded
└── SettingsError
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar


def N_(message: str) -> str:  # noqa: N802 (gettext's own name)
    """Return *message* unchanged. `script/translate` finds each call, and collects its message for translation."""
    return message


class VignetteError(Exception):
    """
    Base of all our errors.

    `code` is a stable name that clients may test. `title` says what the class means, `str(error)` what happened this
    time. If the error compares two numbers, they are `measured` and `limit`, in the same unit.
    """

    code: ClassVar[str] = "internal-error"
    title: ClassVar[str] = N_("Something went wrong")

    def __init__(self, detail: str = "", *, measured: int | None = None, limit: int | None = None) -> None:
        super().__init__(detail or self.title)
        self.measured = measured
        self.limit = limit


class Refused(VignetteError):
    code = "refused"
    title = N_("The upload was refused")


class NoFile(Refused):
    code = "no-file"
    title = N_("The request holds no file")


class EmptyFile(Refused):
    code = "empty-file"
    title = N_("The file is empty")


class UploadTooLarge(Refused):
    code = "upload-too-large"
    title = N_("The file has too many bytes")


class TooManyFiles(Refused):
    code = "too-many-files"
    title = N_("The request holds too many files")


class UnsupportedFormat(Refused):
    code = "unsupported-format"
    title = N_("The file is not an image of an accepted format")


class BrokenImage(Refused):
    code = "broken-image"
    title = N_("The image is damaged or not whole")


class TooManyPixels(Refused):
    code = "too-many-pixels"
    title = N_("The image has too many pixels")


class TooManyFrames(Refused):
    code = "too-many-frames"
    title = N_("The image has too many frames")


class TooMuchMemory(Refused):
    code = "too-much-memory"
    title = N_("The image needs too much memory")


class TooLongToCheck(Refused):
    code = "too-long-to-check"
    title = N_("It takes too long to check the image")


class NotCheckable(Refused):
    code = "not-checkable"
    title = N_("The image cannot be checked")


class CheckRefused(Refused):
    """A check that the operator has set up refuses the file; `reason` is the code that it gave."""

    code = "check-refused"
    title = N_("A check of this service refuses the image")

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the reason of the check: {reason}")


class MalformedRequest(Refused):
    code = "malformed-request"
    title = N_("The request cannot be read")


class UploadTooSlow(Refused):
    code = "upload-too-slow"
    title = N_("The upload came too slowly")


class DigestMismatch(Refused):
    code = "digest-mismatch"
    title = N_("What arrived is not what was sent")


class IdempotencyKeyReused(Refused):
    code = "idempotency-key-reused"
    title = N_("The idempotency key was used before, with other bytes")


class MisdirectedRequest(Refused):
    code = "misdirected-request"
    title = N_("This service does not answer for that host")


class CrossSiteRequest(Refused):
    code = "cross-site-request"
    title = N_("A page of another site sent this request")


class MethodNotAllowed(Refused):
    code = "method-not-allowed"
    title = N_("This address does not take this method")


class NotFound(VignetteError):
    code = "not-found"
    title = N_("There is nothing here")


class ImageNotFound(NotFound):
    code = "image-not-found"
    title = N_("There is no such image")


class RecipeNotFound(NotFound):
    code = "recipe-not-found"
    title = N_("There is no vignette of this size")


class FileNotStored(NotFound):
    code = "file-not-stored"
    title = N_("The folder of the image lacks this file")


class KeyNotFound(NotFound):
    code = "key-not-found"
    title = N_("There is no key of this id")


class SessionNotFound(NotFound):
    code = "session-not-found"
    title = N_("There is no session of this id")


class LinkNotFound(NotFound):
    code = "link-not-found"
    title = N_("There is no link of this id")


class TicketNotFound(NotFound):
    code = "ticket-not-found"
    title = N_("There is no such ticket")


class InvalidKey(VignetteError):
    code = "invalid-key"
    title = N_("This key is not valid here")


class InvalidDeleteToken(VignetteError):
    code = "invalid-delete-token"
    title = N_("This delete token is not valid here")


class FirstKeyGone(InvalidKey):
    code = "first-key-gone"
    title = N_("This link makes no key any more")


class InvalidTicket(InvalidKey):
    code = "invalid-ticket"
    title = N_("This ticket is not valid here")


class TooManyKeys(VignetteError):
    code = "too-many-keys"
    title = N_("There are too many keys")


class TooManyLinks(VignetteError):
    code = "too-many-links"
    title = N_("There are too many links")


class TooManyTickets(VignetteError):
    code = "too-many-tickets"
    title = N_("There are too many tickets")


class TicketSpent(VignetteError):
    code = "ticket-spent"
    title = N_("This ticket is spent")


class QuotaExceeded(VignetteError):
    """
    Who asks has spent what the *policies* of these names allow. It is worth asking again after `retry_after_s` seconds.

    The codes are those of draft-ietf-httpapi-ratelimit-headers-11, section 5.
    """

    code = "quota-exceeded"
    title = N_("You have asked for too much in a short time")

    def __init__(
        self,
        detail: str = "",
        *,
        policies: Iterable[str] = (),
        retry_after_s: float = 1,
        measured: int | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__(detail, measured=measured, limit=limit)
        self.policies = tuple(policies)
        self.retry_after_s = retry_after_s


class AbnormalUsage(QuotaExceeded):
    code = "abnormal-usage-detected"
    title = N_("Too many keys that are not valid came from your address")


class ReducedCapacity(QuotaExceeded):
    code = "temporary-reduced-capacity"
    title = N_("The service can do less than usual now")


class StorageQuotaExceeded(VignetteError):
    code = "storage-quota-exceeded"
    title = N_("The key has as much here as it may have")


class NotAllowed(VignetteError):
    """
    Who asks lacks the scope `required` (`access.actors.Scope`), and has those that are `granted`. Where any key will
    do, no scope is required: None.
    """

    def __init__(self, required: str | None, granted: Iterable[str] = (), detail: str = "") -> None:
        self.required = None if required is None else str(required)
        self.granted = tuple(sorted(map(str, granted)))
        super().__init__(
            detail or f"this needs the scope {self.required!r}; granted: {', '.join(self.granted) or 'none'}"
        )


class KeyRequired(NotAllowed):
    code = "key-required"
    title = N_("A key is needed")


class MissingScope(NotAllowed):
    code = "missing-scope"
    title = N_("The key does not give this right")


class NotTheOwner(NotAllowed):
    code = "not-the-owner"
    title = N_("The image belongs to somebody else")


class ConditionRequired(VignetteError):
    code = "condition-required"
    title = N_("The request has to say what it changes")


class EditedMeanwhile(VignetteError):
    code = "edited-meanwhile"
    title = N_("Somebody else has changed it meanwhile")


class RangeNotSatisfiable(VignetteError):
    code = "range-not-satisfiable"
    title = N_("The file has no such range")


class ImageDeleted(VignetteError):
    code = "image-deleted"
    title = N_("The image was deleted")


class ImageNotFailed(VignetteError):
    code = "image-not-failed"
    title = N_("Only an image that has failed can be tried again")


class ImageNotQuarantined(VignetteError):
    code = "image-not-quarantined"
    title = N_("Only an image that waits for a decision can be accepted or rejected")


class RenderingFailed(VignetteError):
    code = "rendering-failed"
    title = N_("No vignette could be made of the image")


class TooMuchTime(RenderingFailed):
    code = "too-much-time"
    title = N_("It takes too long to make a vignette of the image")


class NotPublishable(VignetteError):
    code = "not-publishable"
    title = N_("No copy without metadata can be made of this file")


class PublicCopyNotClean(VignetteError):
    code = "public-copy-not-clean"
    title = N_("The copy without metadata did not come out clean")


class Unavailable(VignetteError):
    code = "unavailable"
    title = N_("A part of the service is not available")


class StoreUnavailable(Unavailable):
    code = "store-unavailable"
    title = N_("The upload folder cannot be used")


class StoreFull(StoreUnavailable):
    code = "store-full"
    title = N_("The disk is full")


class NumberTaken(StoreUnavailable):
    code = "number-taken"
    title = N_("The catalogue knows less than the folders do")


class CatalogueUnavailable(Unavailable):
    code = "catalogue-unavailable"
    title = N_("The catalogue cannot be used")


class QueueUnavailable(Unavailable):
    code = "queue-unavailable"
    title = N_("The queue cannot be used")


class CheckUnavailable(Unavailable):
    code = "check-unavailable"
    title = N_("The image cannot be checked now")


class Overloaded(Unavailable):
    code = "overloaded"
    title = N_("The service is busy")


class SettingsError(VignetteError):
    code = "settings"
    title = "A setting is wrong"
