"""A Chrome trace becomes lists of events, chunk by chunk in flat memory; the first half of read/trace.

Chunks are cut at the last `}, {` and decoded where they lie. A wrong cut (inside a string, or inside nested objects)
cannot decode, so decoding proves the cut; where it fails, events are cut one by one and mended (trace_repair).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

import msgspec

from wganlint.read.trace_repair import Event, mend

CHUNK = 1 << 16  # bytes read at once: what is decoded from them stays in the cache of a core
LARGEST = 4 << 20  # bytes of one event, and of the keys before and after the events, that are kept
CLOSING = 1 << 16  # bytes in which the last event of the list is looked for, where it is in pieces
MERGED = 64  # pieces that may have to be put together again to give one event
PATIENCE = 1_000  # dropped events after which a file is not worth every effort any more
LISTED = 10  # places of damage that are kept

_BOUND = re.compile(rb"\}\s{0,4096},\s{0,4096}\{")
_CLOSE = re.compile(rb"\}[\s,]{0,4096}\](?=\s*(?:,\s*\"|\}|\Z))")
_ARRAY = re.compile(rb'"traceEvents"\s*:\s*\[')
_FAILURES = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)


class EventReader:
    """Yields the events of one stream in lists; what was damaged is counted.

    `head` and `tail` hold the text before and after the events. `found`: the stream has a list of events;
    `truncated`: it breaks off inside it. `repaired` and `dropped` count events, `places` are the first offsets, in
    bytes of the (uncompressed) stream. `broken` is what the stream said when it could not be read to its end.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.head = b""
        self.tail = b""
        self.found = False
        self.truncated = False
        self.broken = ""
        self.events = 0
        self.repaired = 0
        self.dropped = 0
        self.repaired_at: list[int] = []
        self.dropped_at: list[int] = []
        self._stream = stream
        self._buffer = bytearray(2 * CHUNK)
        self._start = self._end = 0  # of what is in the buffer; at _start stands the bracket or comma before an event
        self._base = 0  # offset in the stream of the first byte of the buffer
        self._over = False  # no more bytes
        self._bare = False  # the list is not inside an object
        self._closed = False  # the list of events has ended
        self._many = msgspec.json.Decoder(list[Event])
        self._one = msgspec.json.Decoder(Event)

    def __iter__(self) -> Iterator[list[Event]]:
        """Yield the events in the order of the file."""
        if not self._seek():
            return
        self.found = True
        while not self._closed:
            self._fill()
            before = self._base + self._start
            cut = self._last_bound()
            if cut < 0 and not self._over:
                self._widen()
                continue
            events = self._decode(cut) if cut >= 0 else None
            if events is None:
                events = self._one_by_one()
            elif self._over and self._last_bound() < 0:
                events += self._one_by_one()
            if events:
                self.events += len(events)
                yield events
            if self._over and not self._closed and self._start >= self._end:
                break
            if not self._over and not self._closed and self._base + self._start == before:
                self._widen()  # what stands here needs more to be told than there is room for
        self._read_tail()

    # -- bytes ----------------------------------------------------------------------------------------------------
    def _fill(self) -> None:
        """Move what is left to the front and read the next chunk."""
        buffer, start, end = self._buffer, self._start, self._end
        if start:
            buffer[: end - start] = buffer[start:end]
            self._base += start
            self._start, self._end = 0, end - start
        with memoryview(buffer) as view:
            while not self._over and self._end < len(buffer):
                try:
                    got = self._read(view[self._end : self._end + CHUNK])
                except Exception as error:
                    # A damaged gz file ends here; zlib, lzma and isal raise errors of their own.
                    self.broken = str(error) or type(error).__name__
                    got = 0
                if not got:
                    self._over = True
                self._end += got

    def _read(self, room: memoryview) -> int:
        into = getattr(self._stream, "readinto", None)
        if into is not None:
            return into(room) or 0
        data = self._stream.read(len(room))
        room[: len(data)] = data
        return len(data)

    def _widen(self) -> None:
        """Make room for an event that is larger than the buffer; above the limit it is dropped."""
        if len(self._buffer) < 2 * LARGEST:
            self._buffer.extend(bytes(len(self._buffer)))
            return
        if self._closes():
            return
        self._drop(self._start + 1)
        # The comma that follows is unknown: one is put where the rest begins, so that an event may begin there.
        self._start = self._end - 3
        while not self._over:
            self._fill()
            bound = _BOUND.search(self._buffer, 0, self._end)
            if bound is not None:
                self._start = self._comma(bound)
                return
            self._start = max(0, self._end - 8192)
        self._start = self._end
        self.truncated = True

    def _seek(self) -> bool:
        """Read to the bracket that opens the events; the text before it is kept as `head`."""
        self._fill()
        first = bytes(self._buffer[: self._end]).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        if first == b"[":
            self._start = self._buffer.index(b"[")
            self._bare = True
            return True
        while True:
            found = _ARRAY.search(self._buffer, self._start, self._end)
            stop = found.end() - 1 if found else max(self._start, self._end - 64)
            if len(self.head) < LARGEST:
                self.head += bytes(self._buffer[self._start : stop])
            self._start = stop
            if found or self._over:
                return found is not None
            self._fill()

    def _read_tail(self) -> None:
        while self._closed:
            if len(self.tail) < LARGEST:
                self.tail += bytes(self._buffer[self._start : self._end])
            self._start = self._end
            if self._over:
                return
            self._fill()

    # -- events ---------------------------------------------------------------------------------------------------
    def _last_bound(self) -> int:
        """Return the place of the comma at the last `}, {`, or -1."""
        lowest, width = self._start + 1, 4096
        while True:
            low = max(lowest, self._end - width)
            found = deque(_BOUND.finditer(self._buffer, low, self._end), maxlen=1)
            if found:
                return self._comma(found[0])
            if low == lowest:
                return -1
            width *= 16

    def _comma(self, bound: re.Match[bytes]) -> int:
        return self._buffer.index(b",", bound.start())

    def _decode(self, cut: int) -> list[Event] | None:
        """Decode the events up to a comma in place; None if they, or the cut, are not sound."""
        buffer, start = self._buffer, self._start
        buffer[start], buffer[cut] = 91, 93
        try:
            with memoryview(buffer) as view, view[start : cut + 1] as part:
                events = self._many.decode(part)
        except _FAILURES:
            buffer[cut] = 44
            return None
        self._start = cut
        return events

    def _one_by_one(self) -> list[Event]:
        """Cut at every `}, {` and prove each piece by decoding it; put pieces together where that fails."""
        buffer, events = self._buffer, list[Event]()
        commas = [self._start, *(self._comma(m) for m in _BOUND.finditer(buffer, self._start + 1, self._end))]
        if self._over:
            commas.append(self._end)
        at = 0
        while at + 1 < len(commas):
            start = commas[at] + 1
            self._start = commas[at]
            if self._over and at + 2 == len(commas):
                events += self._last(start)
                return events
            event, used = self._piece(commas, at)
            if used == 0:
                if self._closes(events):
                    return events
                if not self._over and self._end - start < LARGEST:
                    return events  # more must be read first
                used = 1
            if event is not None:
                events.append(event)
            elif used == 1:
                self._drop(start)
            at += used
        self._start = commas[-1]
        return events

    def _piece(self, commas: list[int], at: int) -> tuple[Event | None, int]:
        """Return the event that begins at a comma and how many pieces it takes; 0: what follows must be seen."""
        start = commas[at] + 1
        patient = self.dropped < PATIENCE
        for used in range(1, min(MERGED if patient else 2, len(commas) - at - 1) + 1):
            text = bytes(self._buffer[start : commas[at + used]])
            try:
                return self._one.decode(text), used
            except _FAILURES:
                pass
            if used == 1:
                if patient and _CLOSE.search(text):
                    closing = self._before_close(text)
                    if closing is not None:
                        return None, 0
                if text.count(b"{") == text.count(b"}"):
                    return self._mended(text, start), 1
            if len(text) > LARGEST:
                break
        if commas[-1] < self._end and at + MERGED >= len(commas) and not self._over:
            return None, 0
        if patient and self._before_close(bytes(self._buffer[start : min(self._end, start + CLOSING)])) is not None:
            return None, 0
        text = bytes(self._buffer[start : commas[at + 1]])
        return self._mended(text, start), 1

    def _mended(self, text: bytes, start: int) -> Event | None:
        event = mend(text) if self.dropped < 100 * PATIENCE else None
        if event is not None:
            self.repaired += 1
            if len(self.repaired_at) < LISTED:
                self.repaired_at.append(self._base + start)
        return event

    def _before_close(self, text: bytes) -> tuple[Event, int, bool] | None:
        """Return the event before the bracket that closes the list, where that bracket ends, and whether mended."""
        closes = list(islice(_CLOSE.finditer(text), MERGED))
        parts = [text[: close.start() + 1] for close in closes]
        for part, close in zip(parts, closes, strict=True):
            try:
                return self._one.decode(part), close.end(), False
            except _FAILURES:
                continue
        for part, close in zip(parts, closes, strict=True):
            if part.count(b"{") == part.count(b"}") and (event := mend(part)) is not None:
                return event, close.end(), True
        return None

    def _closes(self, events: list[Event] | None = None) -> bool:
        """Take the last event and the closing bracket, if they come next."""
        start = self._start + 1
        with memoryview(self._buffer) as view:
            text = bytes(view[start : min(self._end, start + LARGEST)])
        if text.lstrip(b" \t\r\n,").startswith(b"]"):
            self._start, self._closed = start + text.index(b"]") + 1, True
            return True
        closing = self._before_close(text)
        if closing is None:
            return False
        event, end, mended = closing
        if mended:
            self._mended(text[:end].rstrip(b"] \t\r\n,"), start)
        if events is not None:
            events.append(event)
        else:
            self.events += 1
        self._start, self._closed = start + end, True
        return True

    def _last(self, start: int) -> list[Event]:
        """Return the event at the end of the stream, which may be cut."""
        events: list[Event] = []
        if self._closes(events):
            return events
        text = bytes(self._buffer[start : self._end])
        self._start = self._end
        # A bare list may lack its last bracket: the format of the viewer allows that.
        self.truncated = not self._bare
        if not text.strip(b" \t\r\n,"):
            return events
        try:
            events.append(self._one.decode(text.rstrip(b" \t\r\n,")))
        except _FAILURES:
            self.truncated = True
            self._drop(start)
        return events

    def _drop(self, start: int) -> None:
        self.dropped += 1
        if len(self.dropped_at) < LISTED:
            self.dropped_at.append(self._base + start)
