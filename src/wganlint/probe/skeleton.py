"""`wganlint probe init`: what was read of a project becomes a file that the probe can run; TODO where nothing tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from wganlint.errors import UsageError
from wganlint.probe.built import Built, Called, Project, plain
from wganlint.read.sniff import SKELETON as NAME
from wganlint.read.source import read_source
from wganlint.read.walk import look
from wganlint.source import Loss, Network, Optimizer, Site, SourceModel

LARGEST = 2 << 20  # bytes of a file that is read
_NOISE = re.compile(r"(?:^|_)(?:z|noise|latent|latents|eps|epsilon|seed|w)(?:_|$)|noise|latent", re.I)
_KNOWN = frozenset({"Adam", "AdamW", "SGD", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam"})
_STEPS = ("critic_steps", "n_critic", "ncritic", "n_dis", "d_iters", "diters", "critic_iters", "d_steps", "disc_iters")
_WORDS = {
    "critic": re.compile(r"(?:net_?)?(?:critic|crit|discriminator|disc|dis|d)(?:_?net|_?model)?", re.I),
    "real": re.compile(r"(?:x_?)?reals?(?:_?(?:x|data|samples?|images?|imgs?|batch))?|x", re.I),
    "fake": re.compile(r"(?:x_?)?(?:fakes?|generated|gen)(?:_?(?:x|data|samples?|images?|imgs?|batch))?", re.I),
}


class Skeleton(Struct, frozen=True):
    """The text of the file, the numbers of the lines to fill in, and a script that only runs as it is."""

    text: str
    todo: tuple[int, ...]
    script: str = ""


def write(path: Path, critic: str | None = None, generator: str | None = None, *, force: bool = False) -> str:
    """Write the skeleton into a folder (or to a `.py` file) and return what to do next.

    Raises:
        UsageError: the file is there, the folder is not, or it holds no Python source.
    """
    file = path if path.suffix == ".py" else path / NAME
    folder = file.parent
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", hint="give the folder of your project")
    if not file.stem.isidentifier():
        raise UsageError(f"{file.name} cannot be imported by this name", hint=f"name it {NAME}, for example")
    if (file.exists() or file.is_symlink()) and not force:
        raise UsageError(f"{file} is there already", hint="--force writes over it")
    made = skeleton(folder, file, critic, generator)
    try:
        file.write_text(made.text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}", hint="check the folder") from None
    lines = ", ".join(str(number) for number in made.todo)
    rest = (
        f"fill in: line {lines}" if len(made.todo) == 1 else f"fill in: lines {lines}" if made.todo else "it is whole"
    )
    go = "" if folder == Path() else f"cd {folder} && "
    as_it_is = f"or, as it is: {go}wganlint probe -- python {made.script}\n" if made.script else ""
    return f"written: {file}; {rest}\nthen run: {go}wganlint probe --target {file.stem}:pieces\n{as_it_is}"


def skeleton(folder: Path, file: Path, critic: str | None = None, generator: str | None = None) -> Skeleton:
    """Return the skeleton for the source under a folder; `file` itself is not read.

    Raises:
        UsageError: there is no Python source, or no network of a name that was given.
    """
    texts: dict[str, str] = {}
    for one in look(folder, set()).source:
        if one.path.suffix == ".py" and one.path.name not in (NAME, file.name):
            with suppress(OSError):
                if one.path.stat().st_size <= LARGEST:
                    texts[one.shown] = one.path.read_bytes().decode("utf-8", "replace")
    if not texts:
        raise UsageError(f"no Python source in {folder}", hint="give the folder of your project")
    model, _ = read_source([(name, text.encode("utf-8")) for name, text in texts.items()])
    writer = _Writer(model, Project(texts, model.defaults), file.stem, critic, generator)
    text = "\n".join(short for line in writer.lines() for short in _short(line)) + "\n"
    todo = [
        n
        for n, line in enumerate(text.split("\n"), 1)
        if 'Error("TODO: ' in line or re.search(r"(?<!def )todo\(", line)
    ]
    script = next((one.file for one in writer.built.values() if one is not None and one.why and not one.module), "")
    return Skeleton(text, tuple(todo), script)


def _pick(model: SourceModel, part: str, name: str | None) -> tuple[Network | None, list[Network]]:
    """Return the network of a part, and the others; those of a file that holds both parts come first."""
    if name is not None:
        named = [one for one in model.networks if one.name == name]
        if not named:
            known = ", ".join(one.name for one in model.networks[:12])
            raise UsageError(f"no network {name} in the source", hint=f"there are: {known}" if known else "")
        return named[0], []
    every = list(model.part(part))
    other = {one.place.file for one in model.part("generator" if part == "critic" else "critic")}
    every.sort(key=lambda one: one.place.file not in other)
    return (every[0], every[1:]) if every else (None, [])


class _Writer:
    """Writes the parts of the file one after the other."""

    def __init__(
        self, model: SourceModel, project: Project, stem: str, critic: str | None, generator: str | None
    ) -> None:
        self.model, self.project, self.stem = model, project, stem
        self.picked = {"critic": _pick(model, "critic", critic), "generator": _pick(model, "generator", generator)}
        self.built: dict[str, Built | None] = {
            part: project.built(network) if network is not None else None for part, (network, _) in self.picked.items()
        }
        self.inputs = self.built["critic"].takes if self.built["critic"] else ()
        self.penalty = self._penalty()

    def lines(self) -> Iterator[str]:
        """Yield the lines of the file."""
        body = [*self._batch(), *self._fake(), *self._losses(), *self._pieces()]
        yield f'"""What wganlint probe builds and trains: wganlint probe --target {self.stem}:pieces'
        yield ""
        yield "Written by wganlint probe init from the source of this folder, which was parsed and not run; lines with"
        yield "TODO could not be read. A function is given what its parameters are named for: critic, generator, real"
        yield "(what the critic takes), noise, conditions, fake (the same, generated), real_score, fake_score."
        yield '"""'
        yield ""
        yield from self._imports(body)
        if any("todo(" in line for line in body):
            yield from ("", "", "def todo(what):", '    raise NotImplementedError(f"TODO: {what}")')
        yield from body

    # -- imports

    def _imports(self, body: Sequence[str]) -> Iterator[str]:
        used = [one for one in (self.built["generator"], self.built["critic"], self.penalty) if one and one.module]
        roots = sorted({one.root for one in used} - {""})
        if roots:
            yield from ("import sys", "from pathlib import Path", "")
        text = "\n".join(body)
        if "torch." in text:
            yield "import torch"
        if "functional." in text:
            yield "from torch.nn import functional"
        for root in roots:
            yield ""
            yield f"sys.path.insert(0, str(Path(__file__).parent / {root!r}))  # as the project imports its modules"
        if used:
            yield ""
        modules: dict[str, set[str]] = {}
        for one in used:
            modules.setdefault(one.module, set()).add(one.name)
        for module, names in sorted(modules.items()):
            yield f"from {module} import {', '.join(sorted(names))}"

    # -- batches

    def _batch(self) -> Iterator[str]:
        critic = self.built["critic"]
        yield from ("", "", "def real_batch():")
        yield '    """One batch of real samples, just as the critic takes it."""'
        yield from self._forward(critic)
        for place, line in self.project.batches():
            yield f"    # {place}  {line}"
        for place, line in critic.calls if critic is not None else ():
            yield f"    # {place}  {line}"
        what = f"the tuple ({', '.join(self.inputs)})" if len(self.inputs) > 1 else "a tensor"
        yield f'    raise NotImplementedError("TODO: return {what} of one batch of your data")'

    def _forward(self, one: Built | None) -> Iterator[str]:
        if one is not None and one.takes:
            yield f"    # {plain(one.file, 200)}:{one.line}  {one.name}.forward({', '.join(one.takes)})"

    def _fake(self) -> Iterator[str]:
        """How generated samples reach the critic, where that is more than critic(generator(noise))."""
        generator = self.built["generator"]
        if not self._own_fake or generator is None:
            return
        takes = generator.takes
        yield from ("", "", "def fake(generator, real):")
        yield '    """What the critic is given of generated samples."""'
        yield from self._forward(generator)
        for place, line in generator.calls:
            yield f"    # {place}  {line}"
        single = self.inputs[0] if len(self.inputs) == 1 else ""
        yield f"    {single or ', '.join(self.inputs)} = real"
        given = []
        for name in takes:
            if name in self.inputs[0 if generator.fields else 1 :]:
                given.append(name)
            elif _NOISE.search(name):
                given.append(_todo(f"draw {name} for the generator"))
            else:
                given.append(_todo(f"{name} of the generator"))
        yield f"    made = generator({', '.join(given)})"
        back = []
        for number, name in enumerate(self.inputs):
            if name in generator.fields:
                back.append(f"made.{name}")
            elif number == 0 and not generator.fields:
                back.append("made")
            elif name in takes or number:
                back.append(name)
            else:
                back.append(_todo(f"{name} of the generated samples"))
        yield f"    return {', '.join(back)}"

    @property
    def _own_fake(self) -> bool:
        generator = self.built["generator"]
        takes = generator.takes if generator is not None else ()
        return len(self.inputs) > 1 or len(takes) > 1 or bool(generator and generator.fields)

    # -- losses

    def _losses(self) -> Iterator[str]:
        for part in ("critic", "generator"):
            found = [one for one in self.model.losses if one.part == part]
            yield from self._clipped(found) if part == "critic" and self._clips else self._loss(part, found)

    @property
    def _clips(self) -> bool:
        return bool(self.model.clips and self.model.clips[0].bound is not None)

    def _loss(self, part: str, found: Sequence[Loss]) -> Iterator[str]:
        loss = next((one for one in found if one.sure), found[0] if found else None)
        call = self._penalty_call() if part == "critic" and loss is not None else ""
        names = ["real_score", "fake_score"] if part == "critic" else ["fake_score"]
        if call:
            names = ["critic", "real", "fake", *names]
        yield from ("", "", f"def {part}_loss({', '.join(names)}):")
        for one in found[:3]:
            yield f"    # {_at(one)}  {plain(one.quote)}"
        formula = _formula(part, loss)
        if part == "critic":
            yield from self._penalty_words(call)
        if formula:
            yield f"    return {formula}{f' + {call}' if call else ''}"
        else:
            why = "its formula was not read" if loss else "none was found"
            yield f"    {_todo(f'return the loss of the {part}: {why}')}"

    def _clipped(self, found: Sequence[Loss]) -> Iterator[str]:
        """A critic whose weights are clipped: before its scores are computed, as in the project."""
        clip = self.model.clips[0]
        loss = next((one for one in found if one.sure), found[0] if found else None)
        yield from ("", "", "def critic_loss(critic, real, fake):")
        for one in found[:3]:
            yield f"    # {_at(one)}  {plain(one.quote)}"
        yield "    with torch.no_grad():"
        yield f"        for weights in critic.parameters():  # {_at(clip)}"
        yield f"            weights.clamp_({-(clip.bound or 0.0)!r}, {clip.bound!r})"
        star = "*" if len(self.inputs) > 1 else ""
        yield f"    real_score, fake_score = critic({star}real), critic({star}fake)"
        formula = _formula("critic", loss)
        yield f"    return {formula}" if formula else f"    {_todo('return the loss of the critic')}"

    def _penalty(self) -> Called | None:
        """Return the project's own penalty, if it can be called with critic, real and fake."""
        for one in self.model.penalties:
            found = self.project.function(one.owner, one.place.file) if one.used is not False else None
            if found is not None and self._arguments(found) is not None and len(self.inputs) < 2:
                return found
        return None

    def _arguments(self, function: Called) -> list[str] | None:
        given: list[str] = []
        for name, default in function.takes:
            role = next((key for key, words in _WORDS.items() if words.fullmatch(name)), "")
            if role and not default:
                given.append(role)
            elif name == "device" and not default:
                given.append("next(critic.parameters()).device")
            elif not default:
                return None
        return given if set(given) >= {"critic", "real", "fake"} else None

    def _penalty_call(self) -> str:
        if self.penalty is None:
            return ""
        site = next(one for one in self.model.penalties if one.owner == self.penalty.name)
        inside = site.weight_text.rpartition(".")[2] in self.penalty.text if site.weight_text else False
        call = f"{self.penalty.name}({', '.join(self._arguments(self.penalty) or ())})"
        return call if inside or site.weight is None else f"{site.weight!r} * {call}"

    def _penalty_words(self, call: str) -> Iterator[str]:
        for one in self.model.penalties[:2]:
            weight = f", weight {one.weight:g}" if one.weight is not None else ""
            if call and self.penalty is not None and one.owner == self.penalty.name:
                yield f"    # the penalty: {_at(one)}{weight}"
            elif one.used is not False:
                yield f"    # left out: the penalty of {one.owner or 'the critic'}, {_at(one)}{weight}; add it here"

    # -- the pieces

    def _pieces(self) -> Iterator[str]:
        yield from ("", "", "def pieces():")
        for part in ("generator", "critic"):
            yield from self._network(part)
        steps, why = self._critic_steps()
        yield "    return {"
        yield '        "critic": critic,'
        yield '        "generator": generator,'
        yield '        "real": real_batch,'
        if self._own_fake:
            yield '        "fake": fake,'
        else:
            yield '        # "noise": lambda real: torch.rand(len(real), 64),  # else normal, as its first layer is'
        yield '        "critic_loss": critic_loss,'
        yield '        "generator_loss": generator_loss,'
        for part in ("critic", "generator"):
            yield from self._optimizer(part)
        yield f'        "critic_steps": {steps},  # {why}'
        yield "    }"

    def _network(self, part: str) -> Iterator[str]:
        network, others = self.picked[part]
        one = self.built[part]
        if others:
            yield f"    # others that read like a {part}: {', '.join(f'{two.name} ({_at(two)})' for two in others[:4])}"
        if one is None:
            where = f"{network.name}, {_at(network)}" if network is not None else f"none found; --{part} NAME tells it"
            yield f"    {part} = {_todo(f'build the {part}: {where}')}"
            return
        if not one.module:
            yield f"    # {one.why}; a copy of the class in this file does"
            yield f"    {part} = {_todo(f'import {one.name} of {one.file}:{one.line} and build it')}"
            return
        parts, words = [], []
        for given in one.given:
            seen = f" ({one.made_at}: {given.seen})" if given.seen else ""
            value = given.value or _todo(f"{given.name} of {one.name}{seen}")
            parts.append(f"{given.name}={value}")
            if given.seen and given.value and given.seen != given.value:
                words.append(f"{given.name} is {plain(given.seen, 60)}")
        beside = "; ".join([f"{one.file}:{one.line}", *([f"built at {one.made_at}"] if one.made_at else []), *words])
        yield f"    {part} = {one.name}({', '.join(parts)})  # {beside}"

    def _optimizer(self, part: str) -> Iterator[str]:
        found = [one for one in self.model.optimizers if one.part == part]
        chosen = self._in_force(found)
        for one in found[:4]:
            if one is not chosen:
                when = f", if {plain(one.choice)}" if one.choice else ""
                yield f"        # not taken: {one.name} at {_at(one)}{when}"
        if chosen is None or chosen.name not in _KNOWN:
            what = f"{chosen.name}, {_at(chosen)}" if chosen else "none was found"
            yield f'        "{part}_optimizer": {_todo(f"the optimizer of the {part}: {what}")},'
            return
        rate = repr(chosen.lr) if chosen.lr is not None else _todo(f"lr of the {part}: {chosen.lr_text}")
        parts = [f"{part}.parameters()"]
        if chosen.lr_text or chosen.name in ("SGD", "Adagrad"):
            parts.append(f"lr={rate}")
        if chosen.momentum is not None:
            parts.append(f"momentum={chosen.momentum!r}")
        if chosen.betas is not None:
            parts.append(f"betas={chosen.betas!r}")
        elif chosen.betas_text:
            parts.append(f"betas={_todo(f'betas of the {part}: {chosen.betas_text}')}")
        yield f'        "{part}_optimizer": torch.optim.{chosen.name}({", ".join(parts)}),  # {_at(chosen)}'

    def _in_force(self, found: Sequence[Optimizer]) -> Optimizer | None:
        """Return the optimizer that the defaults of the options select, the first where they do not tell."""
        for one in found:
            match = re.fullmatch(r"(not \()?[\w.]*?(\w+) == ['\"](\w+)['\"]\)?", one.choice)
            if match is None:
                continue
            known = self.project.defaults.get(match[2], set())
            if len(known) == 1 and (next(iter(known)).strip("'\"") == match[3]) is not bool(match[1]):
                return one
        return found[0] if found else None

    def _critic_steps(self) -> tuple[int, str]:
        for one in self.model.rhythms:
            if one.number is not None and one.number >= 1 and one.number == int(one.number):
                return int(one.number), f"{_at(one)}  {plain(one.quote, 80)}"
        for default in self.model.defaults:
            name = default.name.lstrip("-").replace("-", "_").lower()
            if name in _STEPS and default.number is not None and default.number >= 1:
                return int(default.number), f"{_at(default)}: {default.name}"
        return 1, "steps of the critic for one of the generator: not read"


def _todo(what: str) -> str:
    text = plain(what, 160).replace("\\", "/").replace('"', "'")
    return f'todo("{text}")'


def _short(line: str, most: int = 118) -> Iterator[str]:
    """Yield a line; a comment that makes it long is put above it."""
    code, sign, comment = line.partition("  # ")
    if sign and code.strip() and len(line) > most and not code.lstrip().startswith("#"):
        yield f"{code[: len(code) - len(code.lstrip())]}# {comment}"
        line = code
    yield line


def _at(one: Site) -> str:
    return plain(f"{one.place.file}:{one.place.line}", 200)


def _formula(part: str, loss: Loss | None) -> str:
    """Return the loss as it is minimized, in the signs of the project; "" where they were not read."""
    if loss is None:
        return ""
    match loss.family:
        case "wgan":
            terms = [(loss.fake_sign, "fake_score.mean()"), (loss.real_sign, "real_score.mean()")]
            terms = [(sign, text) for sign, text in terms if sign and (part == "critic" or text.startswith("fake"))]
            terms.sort(key=lambda one: -one[0])
            whole = len(terms) == (2 if part == "critic" else 1)
            text = "".join(f"{' + ' if sign > 0 else ' - '}{term}" for sign, term in terms)
            return (text[3:] if text.startswith(" + ") else f"-{text[3:]}") if whole else ""
        case "hinge" if part == "critic":
            return "torch.relu(1 - real_score).mean() + torch.relu(1 + fake_score).mean()"
        case "hinge":
            return "-fake_score.mean()"
        case "lsgan" if part == "critic":
            return "(real_score - 1).square().mean() + fake_score.square().mean()"
        case "lsgan":
            return "(fake_score - 1).square().mean()"
        case "bce":
            name = f"functional.binary_cross_entropy{'_with_logits' if loss.logits else ''}"
            real = f"{name}(real_score, torch.ones_like(real_score))"
            fake = f"{name}(fake_score, torch.zeros_like(fake_score))"
            return f"{real} + {fake}" if part == "critic" else f"{name}(fake_score, torch.ones_like(fake_score))"
    return ""
