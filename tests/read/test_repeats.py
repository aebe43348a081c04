"""Logs that print their options, banners and headings again and again: read once, and nothing of them lost."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest

from wganlint.read import banner, header, text
from wganlint.read.text import TextFacts, TextReader, read_text

OPTIONS = {"batch_size": "64", "gan_mode": "wgangp", "lr": "0.0002", "lambda_gp": "10.0", "dataroot": "./data/maps"}


def _records(epoch: int) -> Iterator[str]:
    for batch in range(4):
        at = 4 * epoch + batch
        yield f"[Epoch {epoch}/200] [Batch {batch}/4] [D loss: {-1 / (at + 1):.6f}] [G loss: {at / 7:.6f}]"


def _dump(epoch: int, options: dict[str, str]) -> Iterator[str]:
    yield "----------------- Options ---------------"
    yield from (f"{key:>25}: {value:<30}" for key, value in options.items())
    yield "----------------- End -------------------"


def _namespace(epoch: int, options: dict[str, str]) -> Iterator[str]:
    values = (f"{key}={value if value[0].isdigit() else repr(value)}" for key, value in options.items())
    yield f"Namespace({', '.join(values)}, run={epoch})"


def _yaml(epoch: int, options: dict[str, str]) -> Iterator[str]:
    yield "config:"
    yield from (f"  {key}: {value}" for key, value in options.items())


def _usage(epoch: int, options: dict[str, str]) -> Iterator[str]:
    yield "usage: train.py [-h] [--data DIR] on 2024-01-03 10:00:00 by somebody"
    yield f"train.py: {'told nothing about it' if epoch % 2 else 'told something else'}"


KINDS = [_dump, _namespace, _yaml, _usage]


def _log(kind: Callable[[int, dict[str, str]], Iterator[str]], times: int, changed: int = -1) -> io.BytesIO:
    lines: list[str] = []
    for epoch in range(times):
        options = OPTIONS | ({"lr": "0.0001", "gan_mode": "hinge"} if 0 <= changed <= epoch else {})
        lines += kind(epoch, options)
        lines += _records(epoch)
    return io.BytesIO("\n".join(lines).encode())


def _counted(monkeypatch: pytest.MonkeyPatch, read: Callable[[], TextFacts]) -> dict[str, int]:
    """Return how often the costly steps were taken: a line cut into fields, its times removed, asked for settings."""
    counts: dict[str, int] = {}
    with monkeypatch.context() as patch:
        for module, name in ((text, "all_fields"), (banner, "_plain"), (header, "_worth")):
            real = getattr(module, name)

            def spy(*args: object, _real: Callable[..., object] = real, _name: str = name, **rest: object) -> object:
                counts[_name] = counts.get(_name, 0) + 1
                return _real(*args, **rest)

            patch.setattr(module, name, spy)
        read()
    return counts


@pytest.mark.parametrize("kind", KINDS)
def test_the_costly_steps_do_not_grow_with_how_often_a_dump_comes(
    kind: Callable[[int, dict[str, str]], Iterator[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wganlint.read.lines.BLOCK", 1 << 14)
    counts = _counted(monkeypatch, lambda: read_text(_log(kind, 4000), "log"))
    heads = counts.pop("_plain")  # a heading that carries a time is cleaned of it, but no line below it
    assert heads <= 4000 + 3
    assert sum(counts.values()) < 1000, counts


@pytest.mark.parametrize("kind", KINDS)
def test_records_between_dumps_are_all_read(kind: Callable[[int, dict[str, str]], Iterator[str]]) -> None:
    facts = read_text(_log(kind, 300), "log")
    found = {builder.name: len(builder) for builder in facts.series}
    assert found["D loss"] == found["G loss"] == 1200


@pytest.mark.parametrize("kind", [_dump, _namespace, _yaml])
def test_settings_of_the_first_dump_and_changed_ones_are_told_with_their_lines(
    kind: Callable[[int, dict[str, str]], Iterator[str]],
) -> None:
    data = _log(kind, 300, changed=200).getvalue()
    lines = data.decode().split("\n")
    for reader in (TextReader(), TextReader(learn=False)):
        facts = reader.read(io.BytesIO(data), "log")
        rates = [one for one in facts.settings if one.name == "lr"]
        assert [one.value for one in rates] == ["0.0002", "0.0001"]
        assert [one.place.line for one in rates] == [
            next(at for at, line in enumerate(lines, 1) if "lr" in line and one.value in line) for one in rates
        ]
        weights = [one.value for one in facts.settings if one.name == "lambda_gp"]
        assert weights == ["10.0"] or set(weights) == {"10.0"}
        assert {one.value for one in facts.settings if one.name == "gan_mode"} >= {"wgangp"}


def test_a_loss_that_stands_still_is_no_setting() -> None:
    log = "\n".join(f"epoch {at}\ng_loss: 16.118096\nnoise: 0.5" for at in range(200)).encode()
    facts = read_text(io.BytesIO(log), "log")
    assert "g_loss" not in {one.name for one in facts.settings}
    assert {builder.name: len(builder) for builder in facts.series}["g_loss"] == 200


def test_a_number_that_moves_all_the_time_is_no_setting() -> None:
    log = "\n".join(f"epoch {at}\nnoise: {at / 200}\nwidth: 64" for at in range(200)).encode()
    facts = read_text(io.BytesIO(log), "log")
    assert [(one.name, one.value) for one in facts.settings] == [("width", "64")]
