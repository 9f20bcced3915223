"""Sizes and times that we allow, each with its unit and its reason. What an operator may change is in `settings`."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# One read or write while a body streams: large enough that the interpreter is not the cost, small enough to be nothing.
CHUNK_BYTES: Final = 256 * KIB

# A multipart body is a little larger than the files in it: boundaries, part headers, the other form fields.
MULTIPART_OVERHEAD_BYTES: Final = 64 * KIB

# A file name is a label. No file system takes more than 255 characters, senders do; this keeps what any of them means.
MAX_NAME_CHARS: Final = 8 * KIB

# What is read of one block of metadata (EXIF, XMP, …) and of one compressed text. The largest that cameras write
# is a few hundred KiB; a bomb is far over it.
MAX_METADATA_BYTES: Final = 16 * MIB
MAX_INFLATED_BYTES: Final = 4 * MIB

# Beyond these a picture that moves has a still vignette only: some 25 seconds of film; what a fast decoder goes
# through in ten seconds; 200 MB of frames in memory, of all sizes together, which take some seconds to encode; and a
# part of the time that a rendering may take.
MAX_ANIMATION_FRAMES: Final = 500
MAX_ANIMATION_SOURCE_PIXELS: Final = 1_000_000_000
MAX_ANIMATION_PIXELS: Final = 50_000_000
ANIMATION_SECONDS: Final = 15.0

# Below that, over `slow_client_seconds`, nobody is sending a picture: a modem of 1995 was three times as fast.
MIN_BODY_BYTES_PER_S: Final = KIB

# Rows to look at in one sweep: bounds the time that it holds the catalogue.
SWEEP_BATCH: Final = 200

# A staged upload that old has no request behind it any more: no client sends for an hour between two bytes.
STAGING_MAX_AGE_S: Final = 3600

# How long a client may ask to wait for a vignette (RFC 7240 `Prefer: wait`): each holds a thread of the web server.
MAX_WAIT_S: Final = 20

# How often the worker looks for forgotten work. That costs a dozen short queries, whatever the catalogue holds.
SWEEP_INTERVAL_S: Final = 2.0

# A worker that has not been heard of for this long counts as gone.
WORKER_SILENCE_S: Final = 10.0

# What a rendering may take beyond the time limit that it is told of: to be killed, to flush its files on a slow disk.
KILL_GRACE_S: Final = 5
LEASE_MARGIN_S: Final = 15

# Of the time that a rendering may take, how much of it may be processor time. What takes that much is slow by itself;
# what takes the whole of the other may only have had to wait for a processor, and is tried again.
CPU_SHARE: Final = 0.5
