"""Runs in the rivals' environment, never in ours: JSON of a request on standard input, a line of JSON a file out.

The request is `{"peer": name, "paths": [...]}`; of each path it answers `{"said": [{"word", "grade", "title"}]}` in the
rival's own order, or `{"error": text}`. One start of Python serves many files.
"""

import contextlib
import io
import json
import sys


def runmedic(path):
    """Ask runmedic; a path may be a log or a folder as it is."""
    from runmedic import checks, loaders, roles

    found = []
    for run in loaders.load(path):
        found += checks.run_checks(run, roles.detect(run))
    order = {"critical": 0, "warning": 1, "info": 2}
    found.sort(key=lambda one: order[one.severity])
    return [(one.check, one.severity, one.title) for one in found]


def trainspotter(path):
    """Ask trainspotter."""
    from trainspotter import load_run, run_all

    return [(one.title, one.severity, one.message) for one in run_all(load_run(path))]


def trainproof(path):
    """Ask trainproof."""
    from trainproof.epoch import check_epoch

    found = check_epoch(path)["findings"]
    order = {"FAIL": 0, "WARN": 1}
    return [
        (one["id"], one["level"], one["message"]) for one in sorted(found, key=lambda one: order.get(one["level"], 2))
    ]


def gradsnitch(path):
    """Ask gradsnitch."""
    from gradsnitch import lint_csv

    found = sorted(lint_csv(path), key=lambda one: one.severity != "error")
    return [(one.name, one.severity, one.evidence) for one in found]


def main():
    """Answer one request."""
    request = json.load(sys.stdin)
    ask = {one.__name__: one for one in (runmedic, trainspotter, trainproof, gradsnitch)}[request["peer"]]
    for path in request["paths"]:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                said = [dict(zip(("word", "grade", "title"), map(str, one), strict=True)) for one in ask(path)]
            answer = {"said": said}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
