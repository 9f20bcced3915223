"""A web process that does what a test of the launcher asks of it."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask, request

from task_celery import work

app = Flask(__name__)


@app.get("/healthz")
def healthz() -> str:
    return "ok"


@app.get("/process")
def process() -> str:
    return str(os.getpid())


@app.post("/work")
def queue_work() -> str:
    work.delay(request.args["file"], request.args.get("forever") == "yes")
    return "queued"


@app.post("/hang")
def hang() -> str:
    Path(request.args["file"]).write_text(str(os.getpid()))
    while True:
        pass
