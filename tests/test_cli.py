"""The command line as a user meets it: exit codes, what goes where, and bad input of every kind."""

from __future__ import annotations

import gzip
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from wganlint.cli import run

FIXTURES = Path(__file__).parents[1] / "fixtures"
SICK = str(FIXTURES / "sick" / "run")
HEALTHY = str(FIXTURES / "healthy-gp" / "run")
TWIN = str(FIXTURES / "healthy-twin" / "run")


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration file of the checkout plays along."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def invoke(*arguments: str | Path) -> tuple[int, str, str]:
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return invoke


Call = Callable[..., tuple[int, str, str]]


def losses(count: int = 30, c: str = "-4.2{n:03d}", g: str = "1.3{n:03d}") -> str:
    return "".join(f"step={n * 10} c_loss={c.format(n=n)} g_loss={g.format(n=n)}\n" for n in range(1, count + 1))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["analyze", SICK], 0),
        (["analyze", HEALTHY], 0),
        (["analyze", SICK, "--fail-on", "critical"], 1),
        (["analyze", SICK, "--fail-on", "medium", "--min-confidence", "high"], 1),
        (["analyze", TWIN, "--fail-on", "medium"], 0),
        (["analyze", HEALTHY, "--fail-on", "info"], 1),
        (["gate", SICK], 1),
        (["gate", HEALTHY], 0),
        (["gate", HEALTHY, SICK], 1),
        (["explain", "SAT001"], 0),
        (["explain", "one-sided-saturation"], 0),
        (["explain", "SAT999"], 2),
        (["analyze", "nowhere"], 2),
        (["analyze", SICK, "--role", "critic_loss"], 2),
        (["analyze", SICK, "--role", "boss=c_loss"], 2),
        (["analyze", SICK, "--role", "critic_loss=nothing"], 2),
        (["analyze", SICK, "--ignore", "SAT999"], 2),
        (["analyze", SICK, "--rules", "nowhere"], 2),
        (["analyze", SICK, "--output", "pdf=x.pdf"], 2),
        (["analyze", SICK, "--format", "xml"], 2),
        (["analyze"], 2),
        (["frobnicate"], 2),
        (["--version"], 0),
        (["rules", "list"], 0),
    ],
)
def test_exit_codes(call: Call, arguments: list[str], code: int) -> None:
    result, out, err = call(*arguments)
    assert result == code, (out, err)
    assert "Traceback" not in err
    if code == 2:
        assert err.strip(), "misuse must be told"


def test_min_confidence_is_inclusive(call: Call, tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text("".join(f"step={n} c_loss=-1000.0048 g_loss=1000.0000\n" for n in range(10, 310, 10)))
    assert call("analyze", log, "--fail-on", "critical", "--min-confidence", "medium")[0] == 1
    assert call("analyze", log, "--fail-on", "critical", "--min-confidence", "high")[0] == 0


def test_an_empty_folder_is_not_fine(call: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, _, err = call("analyze", tmp_path / "empty")
    assert code == 3
    assert "nothing could be judged" in err
    code, out, _ = call("analyze", tmp_path / "empty", "--format", "json")
    assert code == 3
    assert json.loads(out)["findings"] == []


def test_what_is_not_understood_is_listed_with_its_reason(call: Call, tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(pickle.dumps({"a": 1}))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    (tmp_path / "notes.log").write_text("nothing here\n")
    code, out, _ = call("analyze", tmp_path, "--format", "json")
    assert code == 3
    inputs = {entry["path"]: entry for one in json.loads(out)["runs"] for entry in one["inputs"]}
    assert not inputs["weights.pt"]["used"] and inputs["weights.pt"]["why"]
    assert not inputs["picture.png"]["used"] and inputs["picture.png"]["why"]


def test_an_unjudged_run_given_by_name_fails_the_gate(call: Call, tmp_path: Path) -> None:
    (tmp_path / "notes.log").write_text("hello\n")
    (tmp_path / "good.log").write_text(losses())
    assert call("gate", tmp_path / "good.log")[0] == 0
    assert call("gate", tmp_path / "good.log", tmp_path / "notes.log")[0] == 3
    code, _, err = call("analyze", tmp_path / "good.log", tmp_path / "notes.log")
    assert code == 0
    assert "not judged: notes" in err


def test_a_gate_line_names_file_and_line(call: Call) -> None:
    _, out, _ = call("gate", SICK)
    lines = out.splitlines()
    assert any(line.startswith("training/model.py:") and "SAT004" in line for line in lines)
    assert len([line for line in lines if "SAT001" in line]) == 1


def test_json_alone_on_stdout_and_reports_to_files(call: Call, tmp_path: Path) -> None:
    page, data = tmp_path / "deep" / "report.md", tmp_path / "report.json"
    code, out, _ = call("analyze", SICK, "--format", "json", "--output", f"markdown={page}", "--output", f"json={data}")
    assert code == 0
    assert json.loads(out) == json.loads(data.read_text())
    assert page.read_text().startswith("# ")
    assert "```mermaid" in page.read_text()


def test_ignored_rules_say_so(call: Call) -> None:
    _, out, _ = call("analyze", SICK, "--ignore", "SAT001", "--format", "json")
    data = json.loads(out)
    assert "SAT001" not in [f["code"] for f in data["findings"]]
    assert next(v for v in data["verdicts"] if v["code"] == "SAT001")["outcome"] == "ignored"


def test_a_broken_rule_is_told_with_its_place_and_stops_nothing(call: Call, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "bad.toml").write_text('code = "TEAM001"\nname = "x y"\n')
    (tmp_path / "rules" / "worse.toml").write_text('code = "TEAM002\n')
    code, out, err = call("analyze", SICK, "--rules", tmp_path / "rules", "--format", "concise", "--fail-on", "high")
    assert code == 2
    assert "bad.toml:2:9:" in err
    assert "worse.toml:1:" in err
    assert "SAT001" in out


def test_configuration(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wganlint.toml").write_text('fail-on = "critical"\nignore = ["LOG001"]\n')
    code, out, _ = call("analyze", SICK, "--format", "concise")
    assert code == 1
    assert "LOG001" not in out
    (tmp_path / "wganlint.toml").write_text('fail-on = "very"\n')
    code, _, err = call("analyze", SICK)
    assert code == 2 and "wganlint.toml" in err and "fail-on" in err
    (tmp_path / "wganlint.toml").write_text("a = \n")
    code, _, err = call("analyze", SICK)
    assert code == 2 and "wganlint.toml:1:" in err


def test_roles_by_hand(call: Call, tmp_path: Path) -> None:
    log = tmp_path / "odd.log"
    log.write_text("".join(f"step={n} alpha=-500.0031 beta=500.0000\n" for n in range(10, 310, 10)))
    assert call("analyze", log)[0] == 3
    code, out, _ = call(
        "analyze", log, "--role", "critic_loss=alpha", "--role", "generator_loss=beta", "--format", "json"
    )
    assert code == 0
    assert {"SAT001", "SAT002"} <= {f["code"] for f in json.loads(out)["findings"]}
    assert json.loads(out)["runs"][0]["roles"]["critic_loss"] == "alpha"


def test_source_given_apart_joins_the_log(call: Call, tmp_path: Path) -> None:
    arguments = ["analyze", Path(SICK) / "logs_training", "--format", "json"]
    without = json.loads(call(*arguments)[1])
    joined = json.loads(call(*arguments, "--source", Path(SICK) / "training")[1])
    before = {f["code"]: f for f in without["findings"]}
    after = {f["code"]: f for f in joined["findings"]}
    assert "SAT004" not in before and "SAT004" in after
    assert before["SAT001"]["confidence"] == "medium" and after["SAT001"]["confidence"] == "high"
    files = {e["file"] for e in after["SAT001"]["evidence"] if e["file"]}
    assert any(file.endswith(".log") for file in files) and any(file.endswith("model.py") for file in files)


HOSTILE: dict[str, bytes] = {
    "binary": bytes(range(256)) * 64,
    "nul": b"step=1 c_loss=-1.0 g_loss=\x00\x001.0\n" * 40,
    "bad utf-8": b"step=1 c_loss=-1.0 g_loss=1.0 \xff\xfe\xc3\n" * 40,
    "escape codes": b"\x1b[31mstep=1\x1b[0m c_loss=-1.0 \x1b]0;title\x07g_loss=1.0\n" * 40,
    "rich markup": b"[bold red]step=1[/] c_loss=-1000.0 g_loss=1000.0 [link=file:///etc/passwd]x[/link]\n" * 40,
    "no newline": b"step=1 c_loss=-1.0 g_loss=1.0 " * 20000,
    "carriage returns": b"step=1 c_loss=-1.0 g_loss=1.0\r" * 4000,
    "cut table": b"-----------  -----------  -----------\n       Name    CPU total    # of Calls\n-----------  ------",
    "huge numbers": b"step=1 c_loss=-1e999 g_loss=1e308\nstep=99999999999999999999 c_loss=-1e-999 g_loss=9"
    + b"9" * 5000
    + b"\n",
    "gzip": gzip.compress(b"step=1 c_loss=-1.0\n" * 100),
    "pickle": pickle.dumps({"step": 1}),
    "nan everywhere": b"step=nan c_loss=nan g_loss=-inf\n" * 40,
    "empty": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_logs_give_a_clear_answer(call: Call, tmp_path: Path, name: str) -> None:
    log = tmp_path / "train.log"
    log.write_bytes(HOSTILE[name])
    for shape in ("full", "concise", "markdown", "json"):
        code, out, err = call("analyze", log, "--format", shape)
        assert code in (0, 3), err
        assert "Traceback" not in err + out
        assert "itself failed" not in err
        assert "\x1b" not in out and "\x00" not in out
        if shape == "json":
            json.loads(out)


def test_markup_in_a_log_is_printed_as_it_stands(call: Call, tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text("".join(f"[bold]step={n} c_loss=-1000.0048 g_loss=1000.0000[/bold]\n" for n in range(10, 310, 10)))
    code, out, _ = call("analyze", log, "--color", "always")
    assert code == 0
    assert "[bold]" in out


HOSTILE_SOURCE: dict[str, bytes] = {
    "syntax error": b"def f(:\n",
    "python 2": b"print 'hello'\n",
    "nul": b"x = 1\x00\n",
    "bad utf-8": b"# \xff\xfe\nx = 1\n",
    "deep": b"x = " + b"(" * 3000 + b")" * 3000 + b"\n",
    "deeper": b"x = " + b"-" * 20000 + b"1\n",
    "runs if imported": b"raise SystemExit('imported')\nclass Critic: pass\n",
}


@pytest.mark.parametrize("name", HOSTILE_SOURCE)
def test_hostile_source_is_parsed_never_run(call: Call, tmp_path: Path, name: str) -> None:
    (tmp_path / "train.log").write_text(losses())
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "model.py").write_bytes(HOSTILE_SOURCE[name])
    code, out, err = call("analyze", tmp_path, "--format", "json")
    assert code == 0, err
    assert "itself failed" not in err
    json.loads(out)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom permissions hold back")
def test_a_file_that_may_not_be_read(call: Call, tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text(losses())
    log.chmod(0)
    code, _, err = call("analyze", log)
    assert code in (2, 3) and "train.log" in err


def test_a_fault_of_ours_is_said_in_one_line(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    import wganlint.analysis

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(wganlint.analysis, "analyze", fail)
    code, _, err = call("analyze", SICK)
    assert code == 2
    assert "RuntimeError: boom" in err and "our fault" in err


def test_roles_and_source_from_the_configuration(call: Call, tmp_path: Path) -> None:
    (tmp_path / "odd.log").write_text("".join(f"step={n} alpha=-500.0031 beta=500.0000\n" for n in range(10, 310, 10)))
    (tmp_path / "wganlint.toml").write_text('roles = { critic_loss = "alpha", generator_loss = "beta" }\n')
    code, out, _ = call("gate", "odd.log")
    assert code == 1
    assert "SAT002" in out
