"""Rule files: each fault is told with file, line and column of the wrong thing, and only as a RuleError."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wganlint import analyze
from wganlint.errors import RuleError
from wganlint.rules.catalogue import Catalogue, catalogue, load_files
from wganlint.rules.load import MOST_BYTES, load_rule
from wganlint.rules.rule import Rule
from wganlint.shipped import rules_folder

RULE = '''
code = "TEAM001"
name = "pinned-again"
severity = "high"
families = ["wgan", "wgan-gp"]
about = "It sits."
healthy = "It moves."
condition = """
pin and pin.share > stay
and pin.records >= 3
"""
references = ["arXiv:1704.00028"]

[parameters]
stay = { default = 0.8, kind = "ratio", doc = "least share", source = "us" }

[finds]
pin = { detector = "pinned", least = 5, few = 3, odd = 8 }
log = { detector = "training_log" }

[[grade]]
severity = "critical"
when = "pin.share > 0.99"

[[confidence]]
level = "high"
when = "log and log.records > 5"
because = "many records"

[[confidence]]
level = "low"
because = "few records"

[[title]]
text = "{pin.name} sits at {pin.value}"

[[say]]
standing = "observed"
text = """
{pin.name} prints the same text
on {pin.same} of {pin.records} records.
"""

[[say]]
text = "Something holds it."
settle = "print the score"

[[link]]
to = "OPT001"
how = "causes"
why = "it is stuck"

[[fix]]
title = "Look"
kind = "measure"
safety = "safe"
effect = "unknown"
text = "Print the score."
[fix.check]
text = "It is gone."
within = "50 points"
condition = "not pin"
[fix.check.finds]
pin = { detector = "pinned", least = 5, few = 3, odd = 8 }

[[example]]
title = "stuck"
outcome = "fired"
severity = "critical"
log = """
batch=10 c_loss=-1000.0048 g_loss=1000.0000 w_gap=1000.0048
batch=20 c_loss=-1000.0048 g_loss=1000.0000 w_gap=1000.0048
batch=30 c_loss=-1000.0048 g_loss=1000.0000 w_gap=1000.0048
batch=40 c_loss=-1000.0048 g_loss=1000.0000 w_gap=1000.0048
batch=50 c_loss=-1000.0048 g_loss=1000.0000 w_gap=1000.0048
"""

[[example]]
title = "free"
outcome = "quiet"
log = """
batch=10 c_loss=-4.2113 g_loss=201.2001 w_gap=4.9310
batch=20 c_loss=-3.9302 g_loss=203.9120 w_gap=4.6120
batch=30 c_loss=-3.8811 g_loss=207.0017 w_gap=4.4020
batch=40 c_loss=-3.7420 g_loss=208.8802 w_gap=4.2207
batch=50 c_loss=-3.6112 g_loss=211.4410 w_gap=4.1011
"""
'''


def changed(old: str, new: str) -> str:
    assert RULE.count(old) == 1, f"{old!r} is there {RULE.count(old)} times"
    return RULE.replace(old, new)


def refusal(text: str) -> RuleError:
    with pytest.raises(RuleError) as caught:
        load_rule(text, "team/pinned.toml")
    return caught.value


def pointed_at(text: str, error: RuleError) -> str:
    """Return the rest of the line that an error points at."""
    assert error.file == "team/pinned.toml"
    assert error.line is not None and error.column is not None
    line = text.split("\n")[error.line - 1]
    assert 1 <= error.column <= len(line) + 1
    return line[error.column - 1 :]


def write(folder: Path, **texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def test_the_rule_of_this_file_is_good(tmp_path: Path) -> None:
    book = catalogue([write(tmp_path / "team", pinned=RULE)])
    assert book.broken == ()
    rule = book.find("TEAM001")
    assert isinstance(rule, Rule)
    assert rule.waits_for == frozenset()
    assert rule.knobs[0].default == 0.8


WRONG = [
    # what is changed, into what; what the error points at; what it says; its hint
    ('code = "TEAM001"', 'code = "team1"', 'team1"', "'team1' is not a code", "letters and three digits"),
    ('code = "TEAM001"', "code = 3", "3", "code must be a text, not a whole number", ""),
    ('name = "pinned-again"', 'name = "Pinned"', 'Pinned"', "is not a name", "fault, not the cure"),
    ('name = "pinned-again"\n', "", "", "name is missing", "a text is needed"),
    ('severity = "high"', 'severity = "bad"', 'bad"', "severity is 'bad'", "info, low, medium, high, critical"),
    ('families = ["wgan", "wgan-gp"]', 'families = ["wgan", "vae"]', 'vae"]', "unknown loss family 'vae'", "wgan-clip"),
    ('families = ["wgan", "wgan-gp"]', 'families = ["wgan", 3]', "3]", "list of texts; this is a whole number", ""),
    ('families = ["wgan", "wgan-gp"]', "families = true", "true", "must be a list, not true or false", ""),
    ('about = "It sits."', 'abuot = "It sits."', "abuot", "unknown key 'abuot'", "known here: about"),
    ('about = "It sits."', "about = 1979-05-27", "1979-05-27", "about must be a text, not a date", ""),
    ("references = [", "[references]\nx = [", "[references]", "references must be a list, not a table", ""),
    # conditions, in a text of several lines
    ("pin and pin.share > stay\n", "pin and pin.sharee > stay\n", "pin.sharee > stay", "no field 'sharee'", "it has"),
    ("and pin.records >= 3\n", "and pin.records >= fo\n", "fo", "unknown name 'fo'", "known here: log, pin, stay"),
    ("and pin.records >= 3\n", "and pin.records >= 3)\n", ")", "')' closes nothing", ""),
    ("and pin.records >= 3\n", "and\n", "", "not an expression", "names, find.field"),
    ("and pin.records >= 3\n", "and log.records >= 3\n", "log.records", "log may be absent", "`log and log.records"),
    # and in a text of one line, after an escape, and joined
    ('when = "pin.share > 0.99"', 'when = "pin.sharee > 0.99"', "pin.sharee", "no field", ""),
    ('when = "pin.share > 0.99"', "when = 'pin.sharee > 0.99'", "pin.sharee", "no field", ""),
    ('when = "pin.share > 0.99"', r'when = "pin.name == \"é\" and foo"', 'foo"', "unknown name 'foo'", ""),
    ('when = "pin.share > 0.99"', 'when = """pin and \\\n   foo"""', 'foo"', "unknown name 'foo'", ""),
    ('when = "log and log.records > 5"', 'when = "log.records > 5"', "log.records", "log may be absent", ""),
    ('condition = "not pin"', 'condition = "not pun"', "pun", "unknown name 'pun'", "known here: pin"),
    ('condition = "not pin"', 'condition = "pin.share > 1"', "pin.share", "pin may be absent", ""),
    ('condition = "not pin"', 'condition = "stay > 1"', "stay", "unknown name 'stay'", ""),
    # parameters
    ("default = 0.8", "default = true", "true", "default of stay must be a ratio, not true or false", ""),
    ("default = 0.8", 'default = "x"', 'x"', "default of stay must be a ratio, not a text", ""),
    ("default = 0.8", "default = nan", "nan", "must be a finite number", ""),
    ("default = 0.8", "default = 1" + "0" * 400, "1000", "must be a finite number", ""),
    ("default = 0.8, ", "", "{ kind", "default of stay must be a ratio, not missing", ""),
    ('kind = "ratio"', 'kind = "metres"', 'metres"', "kind is 'metres'", "seconds"),
    ('doc = "least share"', 'dok = "least share"', "dok", "unknown key 'dok'", "doc"),
    ('doc = "least share", ', "", "{ default", "doc is missing", ""),
    ("stay = { default", "Stay = { default", "Stay", "'Stay' cannot be read in a condition", "small letters"),
    ("stay = { default", "lambda = { default", "lambda", "'lambda' cannot be read", ""),
    ("stay = { default", "pin = 3\nstay = { default", "3", "parameter pin must be a table", "default, kind"),
    # finds
    ('log = { detector = "training_log" }', 'log = { detector = "trainin" }', 'trainin"', "unknown detector", "pinned"),
    ('log = { detector = "training_log" }', 'log = { required = true }', "{ req", "detector is missing", ""),
    ('log = { detector = "training_log" }', 'log = { detector = "training_log", x = 1 }', "x = 1", "no parameter", "none"),
    ('log = { detector = "training_log" }', 'log = { detector = "operation" }', "{ det", "needs the parameter 'name'", ""),
    ('log = { detector = "training_log" }', 'log = { detector = "operation", name = 3 }', "3 }", "must be a text", ""),
    ('log = { detector = "training_log" }', 'log = { detector = "score_clamp", soft = 1 }', "1 }", "true or false", ""),
    ('log = { detector = "training_log" }', 'log = { detector = "sides", free = nan, at_bound = 1 }', "nan", "finite", ""),
    ('log = { detector = "training_log" }', 'log = { detector = "training_log", required = 1 }', "1 }", "true or false", ""),
    ('log = { detector = "training_log" }', 'log = "training_log"', "training_log", "find 'log' must be a table", "detector"),
    ('log = { detector = "training_log" }', 'not = { detector = "training_log" }', "not", "cannot be read", ""),
    ('log = { detector = "training_log" }', 'stay = { detector = "training_log" }', "stay", "already a parameter", ""),
    ('log = { detector = "training_log" }', 'log = { detector = "finding", codes = ["SAT001", "x"] }', 'x"]', "not a code", ""),
    ('log = { detector = "training_log" }', 'log = { detector = "finding", codes = [{}] }', "{}", "list of texts", ""),
    ('log = { detector = "training_log" }', 'log = { detector = "finding", codes = 3 }', "3", "must be a list", ""),
    ('log = { detector = "training_log" }', 'log = { detector = "finding" }', "{ det", "needs the parameter 'codes'", ""),
    ('log = { detector = "training_log" }', 'log = { detector = "finding", codes = [], least = "x" }', 'x"', "least is 'x'", "high"),
    ('log = { detector = "training_log" }', 'log = { detector = "finding", codes = [], least = ["x"] }', '["x"]', "a text", ""),
    ('log = { detector = "training_log" }', 'log = { detector = "sides", at_bound = "{pin.x}", free = 1 }', "{pin.x}", "not a field", ""),
    ('log = { detector = "training_log" }', 'log = { detector = "sides", at_bound = "{pun.x}", free = 1 }', "{pun.x}", "not a field", ""),
    ('log = { detector = "training_log" }', 'log = { detector = "sides", at_bound = "{pin.name}", free = 1 }', "{pin.name}", "is a text", ""),
    # prose
    ("on {pin.same} of {pin.records} records.", "on {pin.same} of {pin.recs} records.", "{pin.recs}", "no field 'recs'", "it has"),
    ("on {pin.same} of {pin.records} records.", "on {pun.same} of it.", "{pun.same}", "unknown find 'pun'", "known here: log, pin"),
    ("on {pin.same} of {pin.records} records.", "on {log.records}.", "{log.records}", "may be absent here", 'when = "log"'),
    ("on {pin.same} of {pin.records} records.", "on {pin.both}.", "{pin.both}", "is a flag", "`when`"),
    ("on {pin.same} of {pin.records} records.", "on {pin.same", "{pin.same", "is not a place", "{find.field}"),
    ("on {pin.same} of {pin.records} records.", "on pin.same}", "}", "is not a place", ""),
    ("on {pin.same} of {pin.records} records.", "on {pin.same!r}", "{pin.same!r}", "is not a place", ""),
    ("on {pin.same} of {pin.records} records.", "on {pin.same:9}", "{pin.same:9}", "is not a place", ""),
    ("on {pin.same} of {pin.records} records.", "on {pin.__class__}", "{pin.__class__}", "no field", ""),
    ("on {pin.same} of {pin.records} records.", "on {foo}", "{foo}", "unknown parameter 'foo'", ""),
    ("on {pin.same} of {pin.records} records.", "in 95 of them", "95 of", "literal number '95'", "backticks"),
    ('text = "{pin.name} sits at {pin.value}"', 'text = "{pin.name} sits at 1000"', "1000", "literal number '1000'", ""),
    ('because = "many records"', 'because = "{log.x}"', "{log.x}", "no field 'x'", ""),
    ('settle = "print the score"\n', "", "[[say]]", "must name what would settle it", "settle"),
    ('standing = "observed"', 'standing = "seen"', 'seen"', "standing is 'seen'", "observed, derived, assumed"),
    # ladders
    ('level = "low"', 'level = "low"\nwhen = "log"', "[[confidence]]", "the last [[confidence]] must hold always", "`when`"),
    ('[[title]]\n', '[[title]]\nwhen = "log"\n', "[[title]]", "the last [[title]] must hold always", "`when`"),
    ('level = "low"', 'level = "sure"', 'sure"', "level is 'sure'", "low, medium, high"),
    ('severity = "critical"\nwhen', 'severity = 3\nwhen', "3", "severity must be a text", ""),
    # links, fixes, checks, examples
    ('to = "OPT001"', 'to = "slow"', 'slow"', "'slow' is not a code", ""),
    ('how = "causes"', 'how = "makes"', 'makes"', "how is 'makes'", "keeps-alive"),
    ('effect = "unknown"', 'effect = "great"', 'great"', "effect is 'great'", "cures, hides"),
    ('kind = "measure"', 'kind = "guess"', 'guess"', "kind is 'guess'", "edit, setting, measure"),
    ('safety = "safe"', 'safty = "safe"', "safty", "unknown key 'safty'", "safety"),
    ('safety = "safe"', 'safety = "safe"\norder = 1.5', "1.5", "order must be a whole number", ""),
    ('within = "50 points"', 'within = "soon"', 'soon"', "'soon' is no span", "50 points"),
    ('within = "50 points"', 'within = "0 points"', '0 points"', "is no span", ""),
    ('within = "50 points"', 'within = "50 epochs"', '50 epochs"', "is no span", ""),
    ('within = "50 points"', f'within = "{"9" * 5000} points"', "999", "is no span", ""),
    ('within = "50 points"\n', "", "[fix.check]", "within is missing", ""),
    ("[fix.check]\n", "[fix.chek]\n", "chek]", "unknown key 'chek'", "check"),
    ('[fix.check.finds]\npin = { detector = "pinned", least = 5, few = 3, odd = 8 }', '[fix.check.finds]\npin = { detector = "finding", codes = ["SAT001"] }', 'finding"', "a check looks at the next run", ""),
    ('outcome = "quiet"', 'outcome = "silent"', 'silent"', "outcome is 'silent'", "fired, quiet"),
    ('severity = "critical"\nlog', 'severity = "grave"\nlog', 'grave"', "severity is 'grave'", ""),
    ('title = "free"', "title = 3", "3", "title must be a text", ""),
    ("[[link]]", "[link]", "[link]", "link must be a list, not a table", ""),
    ('about = "It sits."', 'about = "It sits."\nalternative = [{ text = "a", settle = "b" }, 1]', "1]", "[[alternative]] tables", ""),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "at", "what", "hint"), WRONG, ids=lambda v: str(v)[:30])
def test_an_error_points_at_the_wrong_thing(old: str, new: str, at: str, what: str, hint: str) -> None:
    text = changed(old, new)
    error = refusal(text)
    assert what in error.what
    assert hint in error.hint
    assert pointed_at(text, error).startswith(at)


NOT_TOML = [
    ("code = ", 1, "Invalid value"),
    ('code = "X', 1, "Unterminated string"),
    ('code = "X"\ncode = "Y"\n', 2, "Cannot overwrite"),
    ('code = """\nX\n', 2, "Unterminated string"),
    ("[finds]\n[finds]\n", 2, "Cannot declare"),
    ("a = [1, 2\n\n", 1, "Unclosed array"),
    ("\n\ncode 3", 3, "Expected '='"),
    ("code = \x00", 1, "Invalid value"),
    ("code = 2020-02-31", 1, "date"),
    ("\ufeffcode = 3", 1, "Invalid statement"),
]


@pytest.mark.parametrize(("text", "line", "what"), NOT_TOML, ids=lambda v: repr(v)[:20])
def test_what_is_not_toml_is_told_with_its_line(text: str, line: int, what: str) -> None:
    error = refusal(text)
    assert error.line == line
    assert "not TOML" in error.what
    assert what in error.what
    pointed_at(text, error)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 5_000 + "]" * 5_000,
        "a = " + "{ a = " * 5_000 + "1" + " }" * 5_000,
        "a = " + "[" * 100_000,
        "a = " + "9" * 10_000,
        "a = 1e999999999",
        "a" * (MOST_BYTES - 8) + " = 1",
        "a." * (MOST_BYTES // 2 - 8) + "a = 1",
        '"a b" . ' * (MOST_BYTES // 8 - 8) + "a = 1",
        "[" + "a." * (MOST_BYTES // 2 - 8) + "a]",
        "a" * (MOST_BYTES + 1),
        "k" * 1_000_000 + " = 1",
        "[[a]]\n" * 20_000,
        'a = "' + "\\u0041" * 40_000 + '"',
        "a = '''" + "'" * 200_000,
        "a = [" + "1," * 60_000 + "]",
        '"' * 200_000,
        "#" * 200_000,
    ],
    ids=lambda text: f"{text[:10]}~{len(text)}",
)
def test_hostile_toml_is_refused_and_costs_little(text: str) -> None:
    start = process_time()
    refusal(text)
    assert process_time() - start < 5


SHIPPED = sorted(rules_folder().glob("*/*.toml"))
PIECES = st.sampled_from(
    ['"', "'", '"""', "[", "]", "[[", "]]", "{", "}", "=", ",", "\n", "\\", "#", ".", "true", "1e999", "nan", "{pin.x}",
     "when = 3\n", "when = \"pin\"\n", "[finds]\n", "= []", "= {}", "9" * 5000, "\x00", "\ufeff", "é", "1979-05-27",
     "required = true", "codes = [1]", "[[say]]\n", "not ", "(", ")"]
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(SHIPPED)).read_bytes()
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.integers(0, 30)))
        new = draw(st.one_of(PIECES.map(str.encode), st.binary(max_size=4), st.just(data[start : stop + 200])))
        data = data[:start] + new + data[stop:]
    return data


@settings(max_examples=250, deadline=None)
@given(damaged())
def test_a_damaged_rule_file_raises_rule_errors_only(data: bytes) -> None:
    text = data.decode("utf-8", errors="replace")
    try:
        rule = load_rule(text, "x.toml")
    except RuleError as error:
        assert error.file == "x.toml"
        lines = text.replace("\r\n", "\n").split("\n")
        assert error.line is not None and 1 <= error.line <= len(lines)
        assert error.column is not None and 1 <= error.column <= len(lines[error.line - 1]) + 2
    else:
        assert rule.code


# -- the catalogue ---------------------------------------------------------------------------------------------------


def load(folder: Path, **texts: str) -> Catalogue:
    write(folder, **texts)
    return load_files(sorted(folder.glob("*.toml")), folder)


def only_error(book: Catalogue) -> RuleError:
    assert len(book.broken) == 1, [str(error) for error in book.broken]
    return book.broken[0]


def waits(code: str, *others: str) -> str:
    """Return the rule as `code`, asking about the findings of others."""
    codes = ", ".join(f'"{other}"' for other in others)
    find = f'{{ detector = "finding", codes = [{codes}] }}'
    text = changed('code = "TEAM001"', f'code = "{code}"').replace("pinned-again", f"pinned-{code.lower()}")
    return text.replace('log = { detector = "training_log" }', f"ask = {find}").replace(
        "log and log.records > 5", "ask"
    )


def test_each_example_and_a_fix_are_owed(tmp_path: Path) -> None:
    fires = changed('outcome = "fired"', 'outcome = "quiet"')
    assert "no [[example]] that fires" in only_error(load(tmp_path / "a", x=fires)).what
    quiet = changed('outcome = "quiet"', 'outcome = "fired"')
    error = only_error(load(tmp_path / "b", x=quiet))
    assert "no [[example]] that stays quiet" in error.what
    assert "healthy run" in error.hint
    start, end = RULE.index("[[fix]]"), RULE.index("[[example]]")
    assert "no [[fix]]" in only_error(load(tmp_path / "c", x=RULE[:start] + RULE[end:])).what


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_loaded(tmp_path: Path) -> None:
    folder = write(tmp_path / "team", good=RULE)
    (folder / "bytes.toml").write_bytes("# é\ncode = '".encode() + b"\xff'\n")
    (folder / "folder.toml").mkdir()
    (folder / "large.toml").write_bytes(b"#" * (MOST_BYTES + 1))
    book = load_files(sorted(folder.glob("*.toml")), folder)
    assert [rule.code for rule in book.rules] == ["TEAM001"]
    told = {error.file: error for error in book.broken}
    assert "not UTF-8" in told["bytes.toml"].what
    assert (told["bytes.toml"].line, told["bytes.toml"].column) == (2, 9)
    assert "cannot be read" in told["folder.toml"].what
    assert "of this size" in told["large.toml"].what
    assert str(MOST_BYTES) in told["large.toml"].hint


def test_the_first_owner_of_a_code_or_name_keeps_it(tmp_path: Path) -> None:
    book = load(
        tmp_path / "team",
        a=RULE,
        b=changed("pinned-again", "pinned-twin"),
        c=changed("TEAM001", "TEAM002"),
    )
    assert [(rule.code, rule.file) for rule in book.rules] == [("TEAM001", "a.toml")]
    twin, namesake = book.broken
    assert (twin.file, twin.what) == ("b.toml", "TEAM001 is already the code of a.toml")
    assert (namesake.file, namesake.what) == ("c.toml", "pinned-again is already the name of a.toml")


def test_rules_are_judged_after_those_they_ask_about(tmp_path: Path) -> None:
    book = load(tmp_path, a=waits("TEAM001", "TEAM003"), b=waits("TEAM002", "TEAM001"), c=waits("TEAM003", "SAT999"))
    assert [rule.code for rule in book.rules] == ["TEAM003", "TEAM001", "TEAM002"]
    assert book.broken == ()


def test_rules_that_wait_for_each_other_are_broken_and_no_others(tmp_path: Path) -> None:
    book = load(
        tmp_path,
        a=waits("TEAM001", "TEAM002"),
        b=waits("TEAM002", "TEAM001"),
        c=waits("TEAM003", "TEAM001"),
        d=waits("TEAM004", "TEAM004"),
        e=RULE.replace("TEAM001", "TEAM005"),
    )
    assert {rule.code for rule in book.rules} == {"TEAM003", "TEAM005"}
    assert {error.file: error.what for error in book.broken} == {
        "a.toml": "TEAM001 and TEAM002 wait for each other's findings",
        "b.toml": "TEAM002 and TEAM001 wait for each other's findings",
        "d.toml": "TEAM004 waits for its own finding",
    }


def test_a_broken_rule_of_a_user_is_a_problem_of_the_report_and_stops_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path / "team", good=RULE, wrong=changed('condition = "not pin"', 'condition = "not pun"'))
    log = tmp_path / "train.log"
    log.write_text("".join(f"batch={n}0 c_loss=-1000.0048 g_loss=1000.0000 w_gap=1000.0048\n" for n in range(1, 30)))
    report = analyze(log, rules=[folder])
    (problem,) = report.problems
    line = changed('condition = "not pin"', 'condition = "not pun"').split("\n").index('condition = "not pun"') + 1
    assert problem.startswith(f"wrong.toml:{line}:18: unknown name 'pun'")
    assert {"SAT001", "TEAM001"} <= {finding.code for finding in report.findings}
