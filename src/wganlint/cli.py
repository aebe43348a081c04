"""The command line: parse, call, render, exit. Knows no rule, no format and no arithmetic.

Its annotations are not postponed: Typer asks for them at each start, and would have to compile each of them.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from wganlint import __version__
from wganlint.errors import UsageError, WganlintError
from wganlint.settings import Belief, Level, Settings, load_settings

if TYPE_CHECKING:
    from wganlint.finding import Report
    from wganlint.inspection import Inspection
    from wganlint.probe.command import Command
    from wganlint.read.watch import Watch
    from wganlint.render.ticker import Ticker
    from wganlint.rules.catalogue import Catalogue

FINE, GATE, MISUSE, UNJUDGED = 0, 1, 2, 3

app = typer.Typer(
    name="wganlint",
    help="The linter for (W)GAN training runs: what is wrong, where it starts, what to change first.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
rules_app = typer.Typer(help="List the rules, or run their examples.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(rules_app, name="rules")

Format = Literal["full", "concise", "markdown", "json"]
Color = Literal["auto", "always", "never"]
Device = Literal["auto", "cpu", "cuda"]

Paths = Annotated[
    list[str],
    typer.Argument(
        help="Files or folders that runs left behind; also patterns ('runs/*/train.log'), - for standard input, and"
        " addresses (s3://bucket/run).",
    ),
]
Source = Annotated[
    list[str] | None,
    typer.Option("--source", metavar="PATH", help="Folder or file with the model's source; it is parsed, never run."),
]
Events = Annotated[
    list[str] | None, typer.Option("--events", metavar="PATH", help="Folder with TensorBoard event files of the run.")
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, max=256, help="Processes that share the runs; unset: as many as pay off."),
]
Roles = Annotated[
    list[str] | None,
    typer.Option("--role", metavar="ROLE=NAME", help="Say which series plays a role: critic_loss=my_name."),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns", metavar="NAMES", help="Name the columns of a table without a header: epoch,c_loss,g_loss."
    ),
]
Expect = Annotated[
    list[str] | None,
    typer.Option(
        "--expect", metavar="CONDITION", help="Say what must hold on each record: 'muons>=events'; more than once."
    ),
]
RuleFolders = Annotated[list[Path] | None, typer.Option("--rules", help="Folder with further rules.")]
Ignore = Annotated[
    list[str] | None, typer.Option("--ignore", metavar="CODE", help="Leave out a rule, by code or name.")
]
FailOn = Annotated[Level | None, typer.Option("--fail-on", help="Exit with 1 if a finding is at least this severe.")]
MinConfidence = Annotated[
    Belief | None,
    typer.Option("--min-confidence", help="Count only findings that are at least this sure for --fail-on."),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        metavar="FORMAT=FILE",
        help="Write a report to a file as well; may be given more than once.",
    ),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"wganlint {__version__}")
        raise typer.Exit(FINE)


@app.callback()
def _top(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    pass


@app.command()
def analyze(
    paths: Paths,
    source: Source = None,
    events: Events = None,
    role: Roles = None,
    columns: Columns = None,
    expect: Expect = None,
    rules: RuleFolders = None,
    ignore: Ignore = None,
    format: Annotated[Format, typer.Option("--format", help="What to print.")] = "full",
    output: Outputs = None,
    fail_on: FailOn = None,
    min_confidence: MinConfidence = None,
    jobs: Jobs = None,
    width: Annotated[int | None, typer.Option("--width", min=60, max=400, help="Columns of the full report.")] = None,
    color: Annotated[Color, typer.Option("--color", help="When to use color.")] = "auto",
) -> None:
    """Read what training runs left behind and say what is wrong, where it starts and what to change first.

    Exit codes: 0 fine, 1 a finding reached --fail-on, 2 misuse or a broken rule, 3 nothing could be judged.
    """
    settings = load_settings(Path.cwd())
    outputs = [_target(text) for text in output or []]
    report = _report(settings, paths, source, events, role, rules, ignore, columns, expect, jobs)
    for name, file in outputs:
        _write(file, name, report)
    _print(report, format, width, color)
    level = fail_on or settings.fail_on
    sure = min_confidence or settings.min_confidence
    raise typer.Exit(_code(report, level, sure, format))


@app.command()
def gate(
    paths: Paths,
    source: Source = None,
    events: Events = None,
    role: Roles = None,
    columns: Columns = None,
    expect: Expect = None,
    rules: RuleFolders = None,
    ignore: Ignore = None,
    output: Outputs = None,
    fail_on: FailOn = None,
    min_confidence: MinConfidence = None,
    jobs: Jobs = None,
) -> None:
    """Check runs in CI: one line a finding, exit code 1 from severity high with confidence medium on.

    A run that was given by name and cannot be judged gives exit code 3: a gate that sees nothing must not pass.
    """
    settings = load_settings(Path.cwd())
    outputs = [_target(text) for text in output or []]
    report = _report(settings, paths, source, events, role, rules, ignore, columns, expect, jobs)
    for name, file in outputs:
        _write(file, name, report)
    _print(report, "concise", None, "never")
    level = fail_on or settings.fail_on or "high"
    sure = min_confidence or settings.min_confidence or "medium"
    raise typer.Exit(_code(report, level, sure, "concise", strict=True))


@app.command()
def inspect(
    paths: Paths,
    source: Source = None,
    events: Events = None,
    role: Roles = None,
    columns: Columns = None,
    format: Annotated[Literal["full", "markdown", "json"], typer.Option("--format", help="What to print.")] = "full",
    all: Annotated[bool, typer.Option("--all", help="Fold no long list.")] = False,
    csv: Annotated[
        str | None, typer.Option("--csv", metavar="FILE", help="Write all points as CSV (-: print).")
    ] = None,
    parquet: Annotated[
        str | None, typer.Option("--parquet", metavar="FILE", help="Write all points as Parquet (needs pyarrow).")
    ] = None,
    json: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write all points as JSON (-: print).")
    ] = None,
    jobs: Jobs = None,
    width: Annotated[int | None, typer.Option("--width", min=60, max=400, help="Columns of the full text.")] = None,
    color: Annotated[Color, typer.Option("--color", help="When to use color.")] = "auto",
) -> None:
    """Show what runs left behind and how it was understood: series, roles, settings, what was skipped and why.

    Nothing is judged. The exports hold every point: run, series, role, step, value, text, file, line.
    Exit codes: 0 fine, 2 misuse, 3 nothing was found.
    """
    from wganlint.analysis import inspect as look
    from wganlint.export import Export, same_file

    settings = load_settings(Path.cwd())
    files = {name: file for name, file in (("csv", csv), ("parquet", parquet), ("json", json)) if file is not None}
    for file in files.values():
        if any(same_file(file, path) for path in paths):
            raise UsageError(f"{file} is one of the inputs", hint="Name another file for the export.")
    with Export.to(files) as export, _progress() as watch:
        found = look(
            paths,
            **_way(settings, source, events, role, columns),
            jobs=jobs,
            watch=watch,
            export=export,
        )
    for line in export.notices if export else ():
        _say(line)
    if "-" not in files.values():
        _print_inspection(found, format, all, width, color)
    if found.empty:
        _say(_found_nothing(found))
    raise typer.Exit(UNJUDGED if found.empty else FINE)


@app.command(context_settings={"allow_interspersed_args": False})
def probe(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND", help="The training command, behind `--`.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target", metavar="MODULE:FUNCTION", help="Instead of a command: a function that returns the pieces."
        ),
    ] = None,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(
            "--checkpoint", metavar="[ROLE=]FILE", help="Weights for the target: of both networks, or critic=FILE."
        ),
    ] = None,
    device: Annotated[
        Device, typer.Option("--device", help="cpu hides CUDA, cuda wants it, auto leaves it to your code.")
    ] = "auto",
    steps: Annotated[int, typer.Option("--steps", min=1, max=10_000, help="Optimizer steps to watch.")] = 20,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds after which it is ended.")] = 600,
    light: Annotated[bool, typer.Option("--light", help="Watch modules and optimizers only, not operations.")] = False,
    generator: Annotated[
        str | None, typer.Option("--generator", metavar="NAME", help="Variable or class of the generator.")
    ] = None,
    critic: Annotated[
        str | None, typer.Option("--critic", metavar="NAME", help="Variable or class of the critic.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Set before the script starts; -1: set none.")] = 0,
    into: Annotated[Path, typer.Option("--into", metavar="FILE", help="Where to write.")] = Path("probe.json"),
    scratch: Annotated[
        Path | None, typer.Option("--scratch", metavar="DIR", help="Keep the copy that the script ran in, here.")
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Run in this folder, not in a copy: the script writes here.")
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain/--no-plain", help="Run it first without instruments, to compare.")
    ] = True,
    profile: Annotated[
        bool, typer.Option("--profile", help="Run it once more under torch.profiler; trace and table beside the file.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Run user code also in CI.")] = False,
    analyze: Annotated[
        bool, typer.Option("--analyze/--no-analyze", help="Then analyze this folder with what was measured.")
    ] = True,
) -> None:
    """Run a training script for a few steps under instruments, and measure what its log cannot say.

    This runs your code: a copy of this folder, in a process of its own, which is ended with all that it started.
    For a function that returns critic, generator and a batch: --target; `wganlint probe init` writes one.
    Exit codes: 0 measured, 2 misuse or the script failed, 3 no optimizer stepped.
    """
    from wganlint.probe.command import checkpoints_of, command_of, target_of
    from wganlint.probe.probing import Options
    from wganlint.probe.session import probe_and_write

    what = target_of(target, command or ()) if target is not None else command_of(command or ())
    files = checkpoints_of(checkpoint or (), what)
    roles = {role: name for role, name in (("generator", generator), ("critic", critic)) if name is not None}
    options = Options(
        steps, timeout, light, None if seed < 0 else seed, scratch, in_place, plain, roles, device, profile, files
    )  # fmt: skip
    account, code = probe_and_write(what, options, into, yes=yes, say=_say)
    from wganlint.render.screen import echo

    echo(account)
    if code == FINE and analyze:
        settings = load_settings(Path.cwd())
        paths = ["."] if into.resolve().parent == Path.cwd().resolve() else [".", str(into)]
        report = _report(settings, paths, None, None, None, None, None, None, None, None)
        if any(run.judged for run in report.runs):
            _print(report, "full", None, "auto")
            _tell_otherwise(report, what)
    raise typer.Exit(code)


@app.command("probe init")
def probe_init(
    path: Annotated[Path, typer.Argument(help="Folder of the project, or the .py file to write.")] = Path(),
    critic: Annotated[str | None, typer.Option("--critic", metavar="NAME", help="Class of the critic.")] = None,
    generator: Annotated[
        str | None, typer.Option("--generator", metavar="NAME", help="Class of the generator.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write wganlint_probe.py, which builds your networks for `probe --target`, from what the source says.

    The source is parsed, never run; what it does not tell is a TODO line of the file.
    """
    from wganlint.probe.skeleton import write
    from wganlint.render.screen import echo

    echo(write(path, critic, generator, force=force))


def _tell_otherwise(report: "Report", command: "Command") -> None:
    """Say so where the log that was analyzed was made with other settings than the command that was probed."""
    from wganlint.otherwise import Told, otherwise, script_options

    texts = {}
    if command.kind == "script":
        with suppress(OSError, UnicodeDecodeError):
            texts[command.name] = Path(command.name).read_text(encoding="utf-8")
    known = script_options(command.name, texts)
    for run in report.runs:
        told = [Told.at(one.name, one.value, one.file, one.line) for one in run.settings if one.line is not None]
        if line := otherwise(told, command.arguments, known):
            _say(line)


@app.command(context_settings={"allow_interspersed_args": False})
def verify(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND", help="The training command, behind `--`.")],
    steps: Annotated[int, typer.Option("--steps", min=4, max=10_000, help="Optimizer steps of each run.")] = 240,
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="N,N", help="Seeds to try under: 0,1,2; unset: as the command has it.")
    ] = "",
    only: Annotated[
        str, typer.Option("--only", metavar="CODE,CODE", help="Try the fixes of these findings alone.")
    ] = "",
    patch: Annotated[
        Path | None, typer.Option("--patch", metavar="FILE", help="Write the smallest verified set as a diff.")
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds after which a run is ended.")] = 600,
    most_runs: Annotated[
        int | None, typer.Option("--most-runs", min=2, help="At most so many runs in all (60).", show_default=False)
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", min=0.1, help="Begin no run that ends later (30).", show_default=False)
    ] = None,
    into: Annotated[Path, typer.Option("--into", metavar="FILE", help="Where to write.")] = Path("verify.json"),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Run user code also in CI.")] = False,
) -> None:
    """Try the fixes of this folder's report, each alone and then in sets, and measure what each of them does.

    This runs your code many times, in copies of this folder; your files are not changed.
    Ctrl-C tells what was measured so far.
    Exit codes: 0 a set of fixes cures, 1 none does, 2 misuse or the script failed, 3 nothing to verify, 130 stopped.
    """
    from wganlint.probe.command import command_of
    from wganlint.probe.probing import Options
    from wganlint.verify.session import Order, verify

    words = seeds.replace(",", " ").split()
    if not all(word.isdecimal() for word in words):
        raise UsageError(f"--seeds {seeds!r} is no list of numbers", hint="write --seeds 0,1,2")
    codes = tuple(only.upper().replace(",", " ").split())
    options = Options(steps=steps, timeout=timeout, plain=False)
    numbers = tuple(dict.fromkeys(int(word) for word in words))
    order = Order(options, numbers, codes, into, patch, yes, most_runs, minutes)
    account, code = verify(command_of(command), order, Path.cwd(), _say, _ticker())
    from wganlint.render.screen import echo

    echo(account)
    raise typer.Exit(code)


@app.command()
def explain(
    rule: Annotated[str, typer.Argument(help="Code or name of a rule (SAT001), or what you see ('losses explode').")],
    rules: RuleFolders = None,
) -> None:
    """Print the page of a rule: what it looks for, how sure it is, how it can be wrong, what to do."""
    from wganlint.explain import page, symptom_page
    from wganlint.render.screen import echo
    from wganlint.rules.symptoms import meant

    book = _catalogue(load_settings(Path.cwd()), rules)
    found = book.find(rule)
    if found is None:
        if symptom := meant(rule):
            echo(symptom_page(symptom, book.rules))
            return
        near = [r.code for r in book.rules if rule[:3].upper() == r.code[:3]]
        known = ", ".join(near or [r.code for r in book.rules])
        raise UsageError(f"no rule {rule!r}", hint=f"rules: {known}")
    echo(page(found))


@rules_app.command("list")
def rules_list(rules: RuleFolders = None) -> None:
    """List all rules, one a line."""
    from wganlint.render.screen import echo

    book = _catalogue(load_settings(Path.cwd()), rules)
    echo("".join(f"{r.code}  {r.severity!s:<8}  {r.name}\n" for r in sorted(book.rules, key=lambda r: r.code)))
    _complain(book.broken)
    raise typer.Exit(MISUSE if book.broken else FINE)


@rules_app.command("test")
def rules_test(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Folders with your rules; none: the shipped ones.")
    ] = None,
) -> None:
    """Run the examples of rules through the real readers and say which do not hold."""
    from wganlint.render.screen import echo
    from wganlint.trial import failures

    book = _catalogue(Settings(), folders)
    mine = {str(folder) for folder in folders or []}
    tried, failed = failures(book, only_added=bool(mine))
    echo("".join(f"{line}\n" for line in failed))
    echo(f"{tried} examples, {len(failed)} failed\n")
    _complain(book.broken)
    raise typer.Exit(MISUSE if book.broken or failed else FINE)


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; errors of ours become one clear message on stderr."""
    command = typer.main.get_command(app)
    if list(arguments[:2]) == ["probe", "init"]:  # a command of its own; behind `probe` stands the user's
        arguments = ["probe init", *arguments[2:]]
    try:
        result = command.main(args=list(arguments), prog_name="wganlint", standalone_mode=False)
        sys.stdout.flush()
        return int(result) if isinstance(result, int) else FINE
    except WganlintError as error:
        _say(f"error: {error}")
        return MISUSE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except KeyboardInterrupt:
        _say("stopped")
        return 130
    except Exception as error:
        return _click_error(error)


def _click_error(error: Exception) -> int:
    """Print what Typer says about a wrong command line; anything else is a fault of ours and is said so."""
    show = getattr(error, "show", None)
    if callable(show) and hasattr(error, "exit_code"):
        show()
        return MISUSE
    if type(error).__name__ == "Abort":
        return MISUSE
    if os.environ.get("WGANLINT_TRACEBACK"):
        raise error
    _say(f"error: wganlint itself failed: {type(error).__name__}: {error}")
    _say("  this is our fault; WGANLINT_TRACEBACK=1 shows where. Please report it with the command that you ran")
    return MISUSE


def _say(text: str) -> None:
    from wganlint.render.screen import echo

    echo(f"{text}\n", file=sys.stderr)


def _complain(broken: Sequence[object]) -> None:
    for error in broken:
        _say(f"error: rule not used: {error}")


def _catalogue(settings: Settings, rules: list[Path] | None) -> "Catalogue":
    from wganlint.rules.catalogue import catalogue

    return catalogue([*settings.rules, *(rules or [])])


def _report(
    settings: Settings,
    paths: list[str],
    source: list[str] | None,
    events: list[str] | None,
    role: list[str] | None,
    rules: list[Path] | None,
    ignore: list[str] | None,
    columns: str | None,
    expect: list[str] | None,
    jobs: int | None,
) -> "Report":
    from wganlint.analysis import analyze as run_analysis

    with _progress() as watch:
        report = run_analysis(
            paths,
            **_way(settings, source, events, role, columns),
            rules=[*settings.rules, *(rules or [])],
            ignore=[*settings.ignore, *(ignore or [])],
            expect=[*settings.expect, *(expect or [])],
            jobs=jobs,
            watch=watch,
        )
    for problem in report.problems:
        _say(f"error: rule not used: {problem}")
    return report


def _way(
    settings: Settings, source: list[str] | None, events: list[str] | None, role: list[str] | None, columns: str | None
) -> dict[str, Any]:
    """Return how runs are to be read: what the command line says, and the configuration behind it."""
    return {
        "source": [*settings.source, *(source or [])],
        "events": events or [],
        "roles": dict(_pair(text, "--role", "critic_loss=my_name") for text in role or []),
        "usual_roles": settings.roles,
        "columns": [name.strip() for name in columns.split(",")] if columns else settings.columns,
        "log_lines": settings.log_lines,
    }


def _pair(text: str, option: str, example: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name or not value:
        raise UsageError(f"{option} {text!r} is not NAME=VALUE", hint=f"write {option} {example}")
    return name.strip(), value.strip()


def _target(text: str) -> tuple[str, Path]:
    name, file = _pair(text, "--output", "markdown=report.md")
    from wganlint.render import FORMATS

    if name not in FORMATS:
        raise UsageError(f"unknown format {name!r} in --output", hint=f"formats: {', '.join(FORMATS)}")
    return name, Path(file)


def _write(file: Path, name: str, report: "Report") -> None:
    from wganlint.render import FORMATS

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FORMATS[name](report), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {file}: {error.strerror}", hint="check the folder and your permissions"
        ) from None


def _print(report: "Report", name: str, width: int | None, color: Color) -> None:
    if name == "full":
        from wganlint.render.screen import show

        show(report, width=width, color=color)
        return
    from wganlint.render import FORMATS
    from wganlint.render.screen import echo

    echo(FORMATS[name](report))


def _print_inspection(found: "Inspection", name: str, all: bool, width: int | None, color: Color) -> None:
    from wganlint.render.screen import echo, show_inspection

    match name:
        case "markdown":
            from wganlint.render.inspected_markdown import markdown

            echo(markdown(found, all=all))
        case "json":
            from wganlint.render.inspected_json import as_json

            echo(as_json(found))
        case _:
            show_inspection(found, all=all, width=width, color=color)


def _found_nothing(found: "Inspection") -> str:
    seen = [f"  {one.path}: {one.why}" for run in found.runs for one in run.inputs]
    more = [f"  and {len(seen) - 5} more"] if len(seen) > 5 else []
    return "\n".join(["nothing was found that a training run leaves behind", *seen[:5], *more])


def _looked_at() -> bool:
    """Whether standard error is a terminal that somebody looks at."""
    return sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def _ticker() -> "Ticker | None":
    """Return what shows runs of user code while they run."""
    if not _looked_at():
        return None
    from wganlint.render.ticker import Ticker

    return Ticker()


def _progress() -> "AbstractContextManager[Watch | None]":
    """Return what watches long work."""
    if not _looked_at():
        return nullcontext()
    from wganlint.render.progress import Progress

    return Progress()


def _code(report: "Report", level: str | None, sure: str | None, format: str, *, strict: bool = False) -> int:
    """Return the exit code: 2 before 1 before 3 before 0.

    `strict`: a run that was given by name (its path led to this run alone) and could not be judged gives 3.
    """
    from wganlint.finding import Confidence, Severity

    if report.problems:
        return MISUSE
    severity, confidence = Severity[(level or "critical").upper()], Confidence[(sure or "low").upper()]
    if level is not None and any(f.severity >= severity and f.confidence >= confidence for f in report.findings):
        return GATE
    unjudged = [run for run in report.runs if not run.judged]
    by_name = [run for run in unjudged if sum(other.root == run.root for other in report.runs) == 1]
    if len(unjudged) == len(report.runs) or (by_name and strict):
        _say(_nothing(report))
        return UNJUDGED
    if unjudged and format != "json":
        _say(f"not judged: {', '.join(run.id for run in unjudged)}")
    return FINE


def _nothing(report: "Report") -> str:
    if not any(one.used for run in report.runs for one in run.inputs):
        seen = [f"  {one.path}: {one.why}" for run in report.runs for one in run.inputs]
        more = [f"  and {len(seen) - 5} more"] if len(seen) > 5 else []
        return "\n".join(
            ["nothing could be judged: no training log, event file or model source was found", *seen[:5], *more]
        )
    names = ", ".join(run.id for run in report.runs if not run.judged)
    return f"nothing could be judged in {names}: no rule found what it needs (see `not judged` in the full report)"
