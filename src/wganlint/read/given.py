"""What the user names - a path, `-`, a pattern, an address - becomes files on this machine; before read/discover."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from glob import iglob
from os import PathLike, fspath
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from wganlint.errors import UsageError
from wganlint.read.attempts import File
from wganlint.read.discover import RunFiles
from wganlint.read.walk import unread
from wganlint.read.watch import Watch

STDIN = "<stdin>"
MATCHES = 100_000  # paths of one pattern, files of one address
COPIED = 64 << 30  # bytes that are copied from standard input or from one address
PIECE = 1 << 20  # bytes copied at once
_ADDRESS = re.compile(r"[A-Za-z][\w+.\-]*(?:::[A-Za-z][\w+.\-]*)*://")  # s3://bucket, simplecache::s3://bucket
_MAGIC = re.compile(r"[*?\[]")


class Given(Struct, frozen=True):
    """A path to look at.

    `shown` is what the user named, `part` which of the arguments that was; `skipped` is what was left where it lies,
    and why.
    """

    path: Path
    shown: str
    part: int = 0
    skipped: tuple[tuple[str, str], ...] = ()


@contextmanager
def local(
    paths: Iterable[str | PathLike[str]], *, watch: Watch | None = None, stdin: BinaryIO | None = None
) -> Iterator[list[Given]]:
    """Yield what is named, as paths of this machine; copies are removed at the end.

    Raises:
        UsageError: nothing matches a pattern, or an address cannot be read.
    """
    with ExitStack() as stack:
        found: list[Given] = []
        for part, path in enumerate(paths):
            text = fspath(path)
            if text == "-":
                new = [_piped(_folder(stack), stdin or sys.stdin.buffer)]
            elif _ADDRESS.match(text):
                new = _Remote(text, watch).fetch(_folder(stack))
            elif _MAGIC.search(text) and not _exists(text):
                new = _matches(text)
            else:
                new = [Given(Path(text), text)]
            found += [replace(one, part=part) for one in new]
        yield found


def relabel(runs: Sequence[RunFiles], given: Sequence[Given]) -> None:
    """Let runs that were read from copies go by what the user named."""
    for one in given:
        mine = [run for run in runs if run.root == str(one.path)]
        if one.shown == STDIN:
            for run in mine:
                run.id = "stdin"
                run.logs = [
                    replace(attempt, out=_named(attempt.out), err=_named(attempt.err)) for attempt in run.logs
                ]  # fmt: skip
                for kind in ("events", "tables", "traces", "source"):
                    setattr(run, kind, [_named(file) for file in getattr(run, kind)])
                run.skipped = [(STDIN, reason) for _, reason in run.skipped]
        for run in mine:
            run.root = one.shown
        if mine:
            mine[0].skipped += one.skipped


def _named(file: File | None) -> Any:
    return file and replace(file, shown=STDIN)


def _folder(stack: ExitStack) -> Path:
    import tempfile

    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wganlint-", ignore_cleanup_errors=True)))


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return True  # the error is told where the path is looked at


def _matches(pattern: str) -> list[Given]:
    found: list[Given] = []
    for path in iglob(pattern, recursive=True):  # noqa: PTH207 - a pattern may start anywhere
        found.append(Given(Path(path), path))
        if len(found) > MATCHES:
            raise UsageError(f"{pattern} matches more than {MATCHES} paths", hint="Give the folder above them.")
    if not found:
        raise UsageError(f"nothing matches {pattern}", hint="Check the pattern; ** goes into folders of any depth.")
    return sorted(found, key=lambda one: one.shown)


def _piped(folder: Path, stream: BinaryIO) -> Given:
    """Copy standard input to a file: logs are read more than once (what it is, then what is in it)."""
    if stream.isatty():
        raise UsageError("nothing is piped in", hint="`-` reads standard input: train.py | wganlint analyze -")
    target = folder / "stdin"
    size = 0
    with target.open("wb") as copy:
        while size < COPIED and (piece := stream.read(PIECE)):
            copy.write(piece)
            size += len(piece)
    cut = ((STDIN, f"cut after {size >> 30} GiB"),) if size >= COPIED and stream.read(1) else ()
    return Given(_by_content(target), STDIN, skipped=cut)


def _by_content(file: Path) -> Path:
    """Give a file the ending that its first bytes suggest, where they do: readers go by names first."""
    with file.open("rb") as stream:
        head = stream.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    ending = ".jsonl" if re.match(rb"\{[^\n]*\}\s*\n\s*\{", head) else ".json" if head[:1] in (b"{", b"[") else ""
    if ending == ".json" and not re.match(rb'\{\s*"|\[\s*[\[{]', head):
        ending = ""  # `[Epoch 1/5] loss: 0.3` is a log
    return file.rename(file.with_suffix(ending)) if ending else file


class _Remote:
    """One address: lists what lies there and copies what may be read."""

    def __init__(self, address: str, watch: Watch | None) -> None:
        self.address, self.watch = address, watch
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise UsageError(
                f"{address} lies on another machine", hint="To read it: pip install 'wganlint[remote]'"
            ) from None
        self.kind = re.split(r"::|://", address)[0]
        with self._told():
            self.fs, self.path = url_to_fs(address)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what a file system raises - anything, from any package - into an error that helps."""
        try:
            yield
        except UsageError:
            raise
        except ImportError as error:
            raise UsageError(f"cannot read {self.address}: {_first(error)}", hint="Install what it names.") from None
        except FileNotFoundError:
            raise UsageError(f"{self.address} does not exist", hint="Check the address.") from None
        except Exception as error:
            what = f"cannot read {self.address}: {type(error).__name__}: {_first(error)}"
            raise UsageError(what, hint="Check the address and your access to it.") from None

    def fetch(self, folder: Path) -> list[Given]:
        """Copy what lies at the address below `folder`; return one path for each match of a pattern."""
        with self._told():
            tops = sorted(self.fs.glob(self.path)) if _MAGIC.search(self.path) else [self.path]
            if not tops:
                raise UsageError(f"nothing matches {self.address}", hint="Check the pattern.")
            listed = [(str(top), self._list(str(top))) for top in tops[:MATCHES]]
            wanted = [(name, size) for _, found in listed for name, size in found if not unread(name)]
            if self.watch is not None:
                self.watch.plan("fetching", len(wanted), sum(size for _, size in wanted))
            left = COPIED
            given = []
            for top, found in listed:
                skipped = (
                    [(PurePosixPath(top).name, f"more than {MATCHES} files: the rest was not listed")]
                    if len(found) > MATCHES
                    else []
                )
                for name, size in found[:MATCHES]:
                    target = self._target(folder, name)
                    if target is None or target.exists():
                        continue
                    if size > left:
                        skipped.append((_below(name, top), "not fetched: more than is copied from one address"))
                        continue
                    target.parent.mkdir(parents=True, exist_ok=True)
                    left -= self._copy(name, target, left)
                path = self._target(folder, top) or folder
                shown = self.address if len(listed) == 1 else self.fs.unstrip_protocol(top)
                given.append(Given(path, shown, skipped=tuple(skipped)))
            return given

    def _list(self, top: str) -> list[tuple[str, int]]:
        found = self.fs.find(top, detail=True)
        if not found and not self.fs.exists(top):
            raise FileNotFoundError(top)
        return [(name, int(info.get("size") or 0)) for name, info in sorted(found.items())]

    def _target(self, folder: Path, name: str) -> Path | None:
        """Return where a file is copied to: never outside of `folder`, whatever its name."""
        parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in {"/", "."}]
        if ".." in parts or any("\0" in part or (":" in part and sys.platform == "win32") for part in parts):
            return None
        return folder.joinpath(re.sub(r"\W", "-", self.kind), *parts)

    def _copy(self, name: str, target: Path, most: int) -> int:
        if unread(name):
            target.write_bytes(b"\0")  # stands for it: it is listed with its reason, by its name
            return 1
        if self.watch is not None:
            self.watch.reading(PurePosixPath(name).name)
        size = 0
        with self.fs.open(name, "rb") as source, target.open("wb") as copy:
            while size < most and (piece := source.read(PIECE)):
                copy.write(piece)
                size += len(piece)
                if self.watch is not None:
                    self.watch.took(len(piece))
        return size


def _below(name: str, top: str) -> str:
    return name.removeprefix(top).lstrip("/") or PurePosixPath(name).name


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]
