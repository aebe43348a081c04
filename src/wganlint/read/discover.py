"""Which files belong to one run, and what was skipped and why; the start of files -> read -> Run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from msgspec import Struct, field

from wganlint.errors import UsageError
from wganlint.read.attempts import Attempt, File, attempts, log_name, stamp, stem_of
from wganlint.read.sniff import SUMMARY, is_wandb
from wganlint.read.walk import Found, look, run_name

MOST_CONFIGS = 3  # configuration files in one folder, beyond which none is taken for the run's
_CONFIGS = frozenset({".hydra", "hydra", "files", "config"})

_GENERIC = frozenset({
    "log", "logs", "logs_training", "training_logs", "train_logs", "logs_train", "logs_tensorboard",
    "tensorboard", "tb", "tb_logs", "events", "run", "runs", "out", "output", "outputs", "result", "results",
    "exp", "experiments", "checkpoint", "checkpoints", "train", "training", "stdout", "stderr", "slurm",
    "files", "wandb", "mlruns",
})  # fmt: skip


class RunFiles(Struct):
    """The files of one run. `root` is the path as given; shown names are relative to it."""

    id: str
    root: str
    logs: list[Attempt] = field(default_factory=list)
    events: list[File] = field(default_factory=list)
    source: list[File] = field(default_factory=list)
    tables: list[File] = field(default_factory=list)
    traces: list[File] = field(default_factory=list)
    probes: list[File] = field(default_factory=list)
    settings: list[File] = field(default_factory=list)
    stores: list[File] = field(default_factory=list)  # folders and databases of MLflow, files of W&B
    skipped: list[tuple[str, str]] = field(default_factory=list)
    folder: PurePosixPath = field(default_factory=PurePosixPath)  # of the logs, relative to the root
    stem: str = ""


def discover(paths: Sequence[Path], *, source: Sequence[Path] = (), events: Sequence[Path] = ()) -> list[RunFiles]:
    """Return the runs under the given files and folders, in the order of their paths.

    `source` and `events` are files or folders that belong to these runs wherever they lie.

    Raises:
        UsageError: a path does not exist.
    """
    seen: set[tuple[int, int]] = set()
    runs: list[RunFiles] = []
    for path in paths:
        found = look(path, seen)
        # A path that gave nothing is a run that cannot be judged: what was looked at, and why it was not used, is told.
        new = _runs(found)
        if not new and not _runs(look(path, set())):
            new = [RunFiles("", str(path), skipped=list(found.skipped))]
        runs += new
    runs = _join_probes(runs)
    extra_source = [file for path in source for file in _given(path, "source")]
    extra_events = [file for path in events for file in _given(path, "events")]
    if not paths:
        raise UsageError("no path was given", hint="Give a log or a folder that holds one.")
    given_paths = {file.path.resolve() for file in (*extra_source, *extra_events)}
    for run in runs:
        run.events = [file for file in run.events if file.path.resolve() not in given_paths]
        run.source = [file for file in run.source if file.path.resolve() not in given_paths] + extra_source
    for file in extra_events:
        reason = _join_events(file, runs)
        if reason:
            runs[0].skipped.append((file.shown, reason))
    _name_runs(runs)
    return runs


def _join_probes(runs: list[RunFiles]) -> list[RunFiles]:
    """Give a probe that was named by itself to the only other run: `analyze runs/a probe.json`."""
    alone = [run for run in runs if run.probes and not _holds_more(run)]
    others = [run for run in runs if run not in alone]
    if len(others) != 1 or len(alone) != 1:
        return runs
    others[0].probes += alone[0].probes
    return others


def _holds_more(run: RunFiles) -> bool:
    return bool(run.logs or run.events or run.source or run.tables or run.traces or run.settings or run.stores)


def _runs(found: Found) -> list[RunFiles]:
    """Make runs of what lies under one path: logs first, then events, tables, source; each gets what is its own."""
    root = str(found.root)
    folders: dict[PurePosixPath, list[File]] = {}
    same = _copies(found.logs)
    for log in found.logs:
        if log.shown not in same:
            folders.setdefault(PurePosixPath(log.shown).parent, []).append(log)
    runs = [
        RunFiles("", root, logs, folder=folder, stem=stem)
        for folder, files in folders.items()
        for stem, logs in attempts(files).items()
    ]
    skipped = [*found.skipped, *((copy, f"its lines are in {other}, too") for copy, other in same.items())]
    if not runs and found.events:
        from wganlint.read.events.folders import run_folders

        places = run_folders(found.events)
        runs = [RunFiles("", root, folder=place, stem=stamp(place.name)) for place in places]
    stores = [file for file in found.stores if not is_wandb(file.path.name)]
    told = _give_wandb([file for file in found.stores if is_wandb(file.path.name)], root, runs)
    skipped += _give_tables(found, runs, told)
    runs += [
        RunFiles("", root, folder=PurePosixPath(file.shown), stores=[file], stem=run_name(file.path))
        for file in stores
        if not _joins_store(file, stores, runs)
    ]
    if not runs and (found.source or found.traces or found.settings or found.probes):
        runs = [RunFiles("", root)]
    index = _Index(runs)
    for file in found.traces:
        near = index.near(file.shown)
        own = [run for run in near if run.folder == PurePosixPath(file.shown).parent] if len(near) > 1 else near
        if len(own) > 1:
            own = [run for run in own if _same_name(file, run)]
        if len(own) == 1:
            own[0].traces.append(file)
        else:
            skipped.append((file.shown, f"{len(near)} runs may own it"))
    skipped += _give_settings(found.settings, index)
    for file in found.events:
        reason = _join_events(file, index.near(file.shown))
        if reason:
            skipped.append((file.shown, reason))
    skipped += _give_probes(found.probes, index)
    for file in found.source:
        near = _owners(index.near(file.shown), file)
        if len(near) == 1:
            near[0].source.append(file)
        else:
            folder = PurePosixPath(file.shown).parts[0] if "/" in file.shown else file.shown
            skipped.append((folder, f"source that {len(near)} runs may share: name it with --source"))
    for shown, reason in dict.fromkeys(skipped):
        near = index.near(shown)
        if runs:
            (near[0] if len(near) == 1 else runs[0]).skipped.append((shown, reason))
    return runs


def _copies(logs: list[File]) -> dict[str, str]:
    """Return which logs only repeat another one; what looks into them is imported only where there are several."""
    if len(logs) < 2:
        return {}
    from wganlint.read.copies import copies

    return copies(logs)


def _same_name(file: File, run: RunFiles) -> bool:
    """Whether a log of the run has the name of this file up to the first dot: `b.out.log` and `b.1.pt.trace.json`."""
    name = file.path.name.split(".")[0]
    return any(log.path.name.split(".")[0] == name for attempt in run.logs for log in attempt.files)


def _owners(near: list[RunFiles], file: File) -> list[RunFiles]:
    """Return the run whose own folder holds a source file: `train.log` and `code/` beside `checkpoints/x/log.txt`."""
    above = [run for run in near if run.folder in PurePosixPath(file.shown).parents]
    return above if len(near) > 1 and len(above) == 1 else near


class _Index:
    """Finds the runs that share the nearest folder with a file."""

    def __init__(self, runs: list[RunFiles]) -> None:
        self._below: dict[PurePosixPath, list[RunFiles]] = {PurePosixPath(): runs}
        for run in runs:
            for folder in (run.folder, *run.folder.parents):
                if folder.parts:
                    self._below.setdefault(folder, []).append(run)

    def near(self, shown: str) -> list[RunFiles]:
        """Return the runs below the nearest folder of this file that holds any."""
        for folder in PurePosixPath(shown).parents:
            if folder in self._below:
                return self._below[folder]
        return self._below[PurePosixPath()]


def _inside(folder: PurePosixPath) -> str:
    """Return the shown name of some file in a folder."""
    return str(folder / "file")


def _give_wandb(files: list[File], root: str, runs: list[RunFiles]) -> set[PurePosixPath]:
    """Give W&B's file to the run whose log lies in its folder, or make a run of it; return folders told by it.

    A run beside or above that folder takes it where neither has a rival.
    """
    if not files:
        return set()
    from wganlint.read.wandb_file import glance

    told: set[PurePosixPath] = set()
    homes = Counter(PurePosixPath(file.shown).parent for file in files)
    index = _Index(list(runs))
    near_of = {file.shown: index.near(file.shown) for file in files}
    for file in files:
        home = PurePosixPath(file.shown).parent
        seen = glance(file.path)
        if seen.history:
            told |= {home, home / "files"}
        near = near_of[file.shown]
        own = [run for run in near if run.folder.is_relative_to(home)]
        rivals = sum(other is near for other in near_of.values())
        if len(own) != 1:
            own = [run for run in own if run.folder == home / "files" and run.stem == "output"]
        if not own and len(near) == 1 and rivals == 1:
            own = near
        if len(own) == 1 and homes[home] == 1:
            own[0].stores.append(file)
        else:
            runs.append(RunFiles("", root, folder=home, stores=[file], stem=seen.name or stem_of(file.path.name)))
    return told


def _give_tables(found: Found, runs: list[RunFiles], histories: set[PurePosixPath]) -> list[tuple[str, str]]:
    """Give the tables to the runs of their folders, or make runs of them; return what was not used, and why.

    `histories` are folders whose history a file of W&B tells.
    """
    folders: dict[PurePosixPath, list[File]] = {}
    told = {PurePosixPath(file.shown).parent for file in [*found.logs, *found.tables] if file.path.name != SUMMARY}
    skipped = []
    for file in found.tables:
        folder = PurePosixPath(file.shown).parent
        if file.path.name == SUMMARY and folder in told | histories:
            skipped.append((file.shown, "the last values only: another file has the history"))
        elif file.path.name.startswith("wandb-history.") and folder in histories:
            skipped.append((file.shown, "the same history as in W&B's own file, which is read"))
        else:
            folders.setdefault(folder, []).append(file)
    index = _Index(list(runs))
    for folder, files in folders.items():
        for file in [] if len(files) == 1 and len(index.near(_inside(folder))) == 1 else list(files):
            stem = log_name(stem_of(file.path.name)).stem
            own = [run for run in index.near(_inside(folder)) if run.stem == stem and run.logs and run.folder == folder]
            if len(own) == 1:  # train_a.csv beside train_a.log
                own[0].tables.append(file)
                files.remove(file)
    groups = [(folder, group) for folder, files in folders.items() if files for group in _runs_of(files)]
    new = []
    for folder, group in groups:
        near = index.near(_inside(folder))
        own = [run for run in near if run.folder == folder] if len(near) != 1 else near
        rivals = sum(other == folder for other, _ in groups) > 1
        apart = sum(index.near(_inside(other)) == near for other, _ in groups) > 1
        if len(own) == 1 and not rivals and not (apart and own[0].folder != folder):
            own[0].tables += group
        else:
            stem = stem_of(group[0].path.name) if rivals or len(own) != 1 else ""
            new.append(RunFiles("", str(found.root), folder=folder, tables=group, stem=stem or stamp(folder.name)))
    runs += new
    return skipped


def _runs_of(files: list[File]) -> list[list[File]]:
    """Return tables grouped by run; what looks into them is imported only where there are several."""
    if len(files) < 2:
        return [list(files)]
    from wganlint.read.rivals import runs_of

    return runs_of(files)


def _joins_store(file: File, stores: list[File], runs: list[RunFiles]) -> bool:
    """Give the only store to the only run with other records: one training told twice."""
    if len(stores) == 1 and len(runs) == 1 and file.path.is_dir():
        runs[0].stores.append(file)
        return True
    return False


def _give_settings(files: list[File], index: _Index) -> list[tuple[str, str]]:
    """Give configuration files to the runs in whose folder they lie; return what was not used, and why."""
    skipped = []
    crowd = Counter(PurePosixPath(file.shown).parent for file in files)
    for file in files:
        folder = PurePosixPath(file.shown).parent
        near = index.near(file.shown)
        home = folder.parent if folder.name in _CONFIGS else folder
        inside = [run for run in near if run.folder.is_relative_to(home)]
        if crowd[folder] > MOST_CONFIGS:
            skipped.append((file.shown, f"one of {crowd[folder]} configurations: nothing says which one was used"))
        elif len(near) != 1:
            skipped.append((file.shown, f"{len(near)} runs may own it"))
        elif not inside:
            skipped.append((file.shown, "a configuration outside the folder of the run"))
        else:
            near[0].settings.append(file)
    return skipped


def _give_probes(files: list[File], index: _Index) -> list[tuple[str, str]]:
    """Give what probes measured to the runs in whose folder they lie; return what was not used, and why."""
    skipped = []
    for file in files:
        near = _owners(index.near(file.shown), file)
        if len(near) == 1:
            near[0].probes.append(file)
        else:
            skipped.append((file.shown, f"a probe that {len(near)} runs may own: analyze it with one of them"))
    return skipped


def _join_events(file: File, near: list[RunFiles]) -> str:
    """Give an event file to its run; return why that was not possible, else an empty string."""
    if len(near) == 1:
        near[0].events.append(file)
        return ""
    when = stamp(file.shown)
    own = [run for run in near if when and any(attempt.time == when for attempt in run.logs)]
    for folder in PurePosixPath(file.shown).parents:  # a folder of add_scalars lies below that of its run
        if len(own) == 1:
            break
        own = [run for run in near if run.folder == folder]
    if len(own) != 1 and when:
        name = PurePosixPath(file.shown).parent.name
        own = [run for run in near if any(_mentions(log.path, name) for tries in run.logs for log in tries.files)]
    if len(own) == 1:
        own[0].events.append(file)
        return ""
    return f"events that {len(near)} runs may own: no time stamp tells which"


def _mentions(path: Path, name: str) -> bool:
    """Whether the head of a log names this TensorBoard folder."""
    try:
        with path.open("rb") as stream:
            return name.encode() in stream.read(65536)
    except OSError:
        return False


def _given(path: Path, kind: str) -> list[File]:
    """Return the files of a `--source` or `--events` path, shown below the name of that path.

    Raises:
        UsageError: the path does not exist, or holds no such file.
    """
    found = look(path, set())
    files = found.source if kind == "source" else found.events
    if not files:
        what = "Python source" if kind == "source" else "TensorBoard event files"
        raise UsageError(f"no {what} in {path}", hint=f"--{kind} takes a file or a folder that holds {what}.")
    if path.is_dir():
        name = path.name or path.resolve().name
        return [File(file.path, f"{name}/{file.shown}") for file in files]
    return files


def _name(path: Path) -> str:
    """Return the nearest folder name that says something: `sick` for `sick/logs_training`."""
    full = path.resolve()
    if not full.is_dir():
        full = full.parent
    for folder in (full, *full.parents):
        if folder.name and folder.name.lower() not in _GENERIC:
            return folder.name
    return full.name or "run"


def _name_runs(runs: list[RunFiles]) -> None:
    """Give each run the shortest id that is its own."""
    choices = [_ids(run) for run in runs]
    taken: set[str] = set()
    for level in range(max(map(len, choices))):
        ids = [choice[min(level, len(choice) - 1)] for choice in choices]
        counts = Counter(ids)
        for run, name in zip(runs, ids, strict=True):
            if not run.id and counts[name] == 1 and name not in taken:
                run.id = name
                taken.add(name)
    for run, choice in zip(runs, choices, strict=True):
        number = 2
        while not run.id:
            name = f"{choice[-1]}#{number}"
            if name not in taken:
                run.id = name
                taken.add(name)
            number += 1


def _ids(run: RunFiles) -> list[str]:
    """Return names for a run, the shortest first."""
    root = Path(run.root)
    if not (run.logs or run.events or run.tables or run.stores):  # source alone
        folder = root.resolve() if root.is_dir() else root.resolve().parent
        return [folder.name or "run", str(folder)]
    parts = [part for part in run.folder.parts if part.lower() not in _GENERIC]
    if run.logs and not root.is_dir():
        stem = log_name(root.name).stem
        return [stem, f"{_name(root)}/{stem}", str(root)]
    inner = [parts[-1], "/".join(parts)] if parts else [_name(root)]
    whole = "/".join([_name(root), *parts])
    if run.stores and run.stem and not run.logs:
        inner.insert(0, run.stem)
    named = [f"{inner[-1]}/{run.stem}"] if run.stem else []
    last = f"{run.root}/{run.folder}/{run.stem}"
    return list(dict.fromkeys([*inner, *named, whole, last]))
