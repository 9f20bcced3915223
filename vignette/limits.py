"""The sizes and times that we allow, each with its unit and its reason. `settings` has those that operators change."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# Keys. Whenever one changes, all of them are written down as one file.
MAX_SESSIONS_OF_A_KEY: Final = 100
"""Of a key that has more, the session ends that was used longest ago."""

MAX_KEYS: Final = 10_000
MAX_KEY_NAME_CHARS: Final = 200
MAX_KEY_NETWORKS: Final = 50
MAX_KEY_ORIGINS: Final = 20
MAX_QUOTA: Final = 10**15
"""Of images or bytes; no machine has room for more."""
# The last use of a key is noted at most this often.
KEY_USE_NOTED_EVERY_S: Final = 60.0

MAX_LINKS_OF_AN_IMAGE: Final = 1000
"""Signed links to an image that can be revoked: each is a row. Of others there may be any number."""

MAX_SIGNING_KEYS: Final = 100
MAX_SIGNING_KEY_NAME_CHARS: Final = 200

# What `admin` may say of a decision about an image in quarantine: a sentence or two.
MAX_REVIEW_NOTE_CHARS: Final = 500

# Refusals of a right: the same ones within so many seconds are one event, and a process notes so many kinds at most in
# that time. Whoever asks without a pause has the catalogue written to no more often.
REFUSALS_TOLD_AS_ONE_S: Final = 60.0
MAX_REFUSALS_NOTED: Final = 100
# Events that are too old are removed so many at a time, and no more often: a million a day.
AUDIT_CLEARED_AT_ONCE: Final = 1000
AUDIT_CLEARED_EVERY_S: Final = 60.0

# Tickets. Whenever one is made or revoked, all of them are written down as one file.
MAX_TICKETS: Final = 10_000
MAX_TICKETS_OF_A_KEY: Final = 1_000
"""Tickets that can still be used; those that were made without a key have as many together. One key so leaves room for
the tickets of others."""

MAX_TICKET_USES: Final = 10_000
MAX_TICKET_NOTE_CHARS: Final = 200
MAX_TICKET_ORIGINS: Final = 10
MAX_EXTERNAL_ID_CHARS: Final = 200
# What has become of a ticket can be asked for so long after it was revoked, has expired or was last used.
ENDED_TICKETS_STAY_DAYS: Final = 30

# A change of an image that was begun so long ago has died on the way: then what is in the folder counts. A writer of
# SQLite waits for others for ten seconds at most.
EDIT_SETTLED_AFTER_S: Final = 30.0

# Pictures look alike if their perceptual hashes differ in no more bits, of 256; and a picture of less quality, of 100,
# has too little to be known by. Both are what ThreatExchange recommends.
MOST_PDQ_DISTANCE: Final = 31
LEAST_PDQ_QUALITY: Final = 50
# Each picture is held against all of them: some 15 ms for so many.
MAX_BLOCKED_PICTURES: Final = 100_000

# One read or write while a body streams: smaller ones would cost time in the interpreter, larger ones memory.
CHUNK_BYTES: Final = 256 * KIB

# A multipart body holds more than its files: boundaries, part headers, other form fields.
MULTIPART_OVERHEAD_BYTES: Final = 64 * KIB

# A file name is only a label to us. File systems allow 255 characters, senders write more; nobody means more than this.
MAX_NAME_CHARS: Final = 8 * KIB

# We read at most this much metadata (EXIF, XMP, …) of a file, and inflate its compressed texts to at most that much.
# Cameras write a few hundred KiB; a bomb is far larger.
MAX_METADATA_BYTES: Final = 16 * MIB
MAX_INFLATED_BYTES: Final = 4 * MIB

# What the check and the description of a file may take: processor time, and memory beyond that of the process. The
# photos of cameras take some milliseconds and MB.
DOOR_CPU_S: Final = 2.0
DOOR_MEMORY_BYTES: Final = 128 * MIB
# How long a check may last in all: a busy machine has others to serve, too.
DOOR_WALL_S: Final = 30.0
# What a description may have, as JSON and as text together: to read the densest JSON of that length takes a web process
# a quarter of a second and 35 MB. Of real pictures none has more than 50 KB.
MAX_DESCRIPTION_BYTES: Final = MIB

# What the plan of a public copy may have. An animation has some five pieces for each frame. An ordinary picture has 100
# bytes that are written anew; with the colour profile of a printer, a megabyte.
MAX_COPY_PIECES: Final = 100_000
MAX_COPY_WRITTEN_BYTES: Final = 4 * MIB

# A picture that moves gets no moving vignettes beyond the next four limits; its still ones are made all the same.
# Some 25 seconds of film.
MAX_ANIMATION_FRAMES: Final = 500
# A fast decoder takes ten seconds for the frames of the original.
MAX_ANIMATION_SOURCE_PIXELS: Final = 1_000_000_000
# The frames of all moving vignettes of a picture take 200 MB of memory, and seconds to encode. Small sizes go first.
MAX_ANIMATION_PIXELS: Final = 50_000_000
# The still vignettes need the rest of the time that one rendering may take.
ANIMATION_SECONDS: Final = 15.0

# A client that moves less than this, on average over `slow_client_seconds`, is sending or taking no picture: a modem of
# 1995 was three times as fast.
MIN_BODY_BYTES_PER_S: Final = KIB

# The average over the whole of an upload or download has to be at least this, from `FLOOR_RISES_S` seconds on. Before
# that the floor rises in proportion to the time, from `MIN_BODY_BYTES_PER_S`. So each transfer of n bytes has an end:
# after four minutes, or after n / 8 KiB seconds. A phone on EDGE (10 to 20 KiB a second) gets any file through. A phone
# on GPRS (4 KiB a second) gets 480 KB through in two minutes; more of it would hold a place that others need.
STEADY_BODY_BYTES_PER_S: Final = 8 * KIB
FLOOR_RISES_S: Final = 240.0

# When somebody waits for a place, the slowest transfer may have to give way, but none that is as fast as this over some
# seconds. The slowest network that phones use for pictures, 3G, sends more than twice as much.
HEALTHY_BODY_BYTES_PER_S: Final = 16 * KIB
# A phone that changes its cell may be still for some seconds.
GIVES_WAY_AFTER_S: Final = 5.0
# The same client waits longer for its own: else one that wants more than all places would end its own transfers all the
# time, and when somebody else comes, none of them would be old enough.
OWN_GIVES_WAY_AFTER_S: Final = 20.0
# An address with more than its share of the places gives way after this time, however fast it is. A photo takes less.
LARGE_SHARE_GIVES_WAY_AFTER_S: Final = 30.0

# A request waits so long for a place. A slow client gives way sooner than that.
PLACE_PATIENCE_S: Final = 2.0

# Connections of a web process, most of them without a request: each takes a descriptor and some KiB. If there are more,
# they wait in the kernel.
MAX_CONNECTIONS: Final = 4096
# From this share on, those that have been still for longest are ended.
CROWDED_SHARE: Final = 0.75
# What a web process opens beside its connections: its files, and those of its threads.
OTHER_DESCRIPTORS: Final = 1024

# The head of a request has to be there within this time, and the next request on a connection has to begin within it.
# Browsers send a head at once; `MAX_CONNECTIONS` bounds what waits meanwhile.
HEAD_LIMIT_S: Final = 10
# The head of a request. Browsers and proxies send some KiB. Half a head waits in memory until `HEAD_LIMIT_S` is over.
MAX_HEAD_BYTES: Final = 64 * KIB

# What is read and thrown away of a body whose answer has left already, and for how long. A client that sends first and
# reads then gets to its answer only once its body is taken; a picture of a phone or a camera fits, over a fast network
# in that time. Whoever sends more, or more slowly, has had the answer in his kernel since the beginning.
UNREAD_BODY_BYTES: Final = 32 * MIB
UNREAD_BODY_S: Final = 2.0

# Requests of a web process that may do so at the same time, each in a thread that it has for them beside `web_threads`:
# so however many clients are refused and go on sending, or never send, all the others are answered.
UNREAD_BODIES: Final = 16

# Pages, lists, facts and refusals that a web process makes at the same time. The interpreter runs one thread at a time:
# with two of them none would be ready sooner, and an upload beside them would take twice as long (measured).
TURNS: Final = 1
# Requests that wait for their turn, each in a thread that it has for that beside `web_threads`. Thirty people behind
# one address have 180 connections; four processes have room for more.
TURNS_WAITED_FOR: Final = 64
# So long a request waits for its turn: all of them together take less, unless each takes 75 ms.
TURN_PATIENCE_S: Final = 5.0

# A sweep looks at this many rows at most in one query: so it holds the catalogue for a short time only.
SWEEP_BATCH: Final = 200

# A staged upload that has not changed for this long belongs to no request: no client pauses for an hour between bytes.
STAGING_MAX_AGE_S: Final = 3600

# A client may wait this long for a vignette (RFC 7240, `Prefer: wait`). Each one that waits holds a thread of the web
# server.
MAX_WAIT_S: Final = 20

# The worker looks for forgotten work this often. A look costs a dozen short queries, whatever the catalogue holds.
SWEEP_INTERVAL_S: Final = 2.0

# What anybody may start is bounded: work on the same image again after this long in a process, and none while so many
# images wait or are rendered. Then nothing is written for the request either.
RESTART_PAUSE_S: Final = 10.0
MOST_RESTARTED: Final = 500
# The images that a process remembers to have restarted lately.
RESTARTS_REMEMBERED: Final = 10_000

# An answer to "can an upload be taken now?" holds for this long in a process, whoever asks: finding out costs flushes
# of the disk. No probe asks more often.
READINESS_HOLDS_S: Final = 1.0

# A part that takes longer to answer that question is down, for those who ask while somebody else asks it already.
READINESS_PATIENCE_S: Final = 2.0

# A worker that has given no sign of life for this long counts as gone.
WORKER_SILENCE_S: Final = 10.0

# A rendering that outlasts `render_seconds` is asked to stop, and killed this much later.
KILL_GRACE_S: Final = 5
# A lease outlasts `render_seconds` by this much: time to kill the rendering, or to flush its files to a slow disk.
LEASE_MARGIN_S: Final = 15

# The share of `render_seconds` that may be processor time. A rendering that uses it up is slow by itself: it fails at
# once. A rendering that only uses up `render_seconds` may have waited for a processor: it is tried again.
CPU_SHARE: Final = 0.5

# The share of `render_seconds` that the plan of a public copy may last. It has to end before the job does: a job that
# is ended leaves no refusal behind, and whoever asks again would start it again.
PLANNING_SHARE: Final = 0.9
