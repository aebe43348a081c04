"""TensorBoard event files become series and settings, without TensorBoard; on the way from files to a `Run`.

    files (resumed, side by side) -> records (framing, checksum) -> layouts (messages) -> series; stated: settings

Every scalar of both layouts (`simple_value`, and tensors of one number), histograms of both as their lowest, highest,
mean and count, texts and hyper-parameters; both checksums of every record are checked; no point is dropped unsaid.
"""

from __future__ import annotations

from wganlint.read.events.files import EventFacts, FileFacts, read_event_files, read_events

__all__ = ["EventFacts", "FileFacts", "read_event_files", "read_events"]
