"""`/images`: the catalogue, and one image: what is read, changed and deleted of it, a module each."""

# Each of these modules hangs its views on the blueprint.
from vignette.web.routes.images import catalogue, editing, image, removal, retrying  # noqa: F401
from vignette.web.routes.images.blueprint import images

__all__ = ["images"]
