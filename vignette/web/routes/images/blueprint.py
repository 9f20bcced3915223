"""What all views of images hang on: it names them, in URLs that are made and in the OpenAPI document."""

from __future__ import annotations

from flask import Blueprint

images = Blueprint("images", __name__, url_prefix="/images")
