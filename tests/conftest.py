"""For all tests: Ctrl-C reaches the programs that they start, even where the suite runs in the background."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell sets it for `make test &`, and children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
