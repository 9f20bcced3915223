from __future__ import annotations

import pytest

from vignette.worker.notes import Interrupted, Note, Pulse, Stopping, from_line, to_line


@pytest.mark.parametrize(
    "note", [Interrupted(7, "it was killed"), Interrupted(7, "", 60), Pulse(12, 3.5), Stopping()], ids=str
)
def test_a_note_is_read_as_it_was_written(note: Note) -> None:
    assert from_line(to_line(note)) == note


def test_a_note_is_a_line_that_a_pipe_takes_whole_however_long_its_words_are() -> None:
    line = to_line(Interrupted(2**62, "é\n" * 1000))

    assert len(line) <= 512
    assert line.count(b"\n") == 1
