"""One run of the user's script under instruments: started as if plainly, stopped after enough steps, written down."""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import json
import os
import random
import runpy
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .guard import Guard
from .marked import TOKEN, end_marked

if TYPE_CHECKING:
    from .watch import Watch

GRACE = 15.0  # seconds that the script has to end after it was told to stop
TWICE = 3  # times that it is told so


class Session:
    """The order, what was measured so far, and the way out."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.out: str = order["out"]
        self.pid = os.getpid()
        self.watch: Watch | None = None
        self.where: Any = None
        self.guard: Guard | None = None
        self.written, self.written_step = 0.0, -1
        self.ended = threading.Event()
        self.notes: list[str] = []  # what the user should know beside
        self.bare = order["mode"] in ("plain", "profile")  # without instruments
        self.window: Any = None  # of the profiler

    # -- writing

    def write(self, ending: dict[str, Any], *, beside: bool = False) -> None:
        """Write what is known, at once: a reader sees the old file or the new one.

        `beside`: from another thread, while the script is busy; it must change nothing.
        """
        if os.getpid() != self.pid:
            return
        step = self.watch.step if self.watch is not None else 0
        found: dict[str, Any] = {"ending": ending}
        watch = self.watch
        if watch is not None:
            found["ticks"] = watch.clock.ticks
            found["fingerprint"] = watch.print
            found["experiments"] = watch.experiments
            if not beside:
                from .device import memory_peak

                found["memory_peak"] = memory_peak()
                found["window"] = self.window.told if self.window is not None else {}
            if not self.bare:
                from .account import Account

                if not beside:
                    watch.penalties.close()
                found["measured"] = {**Account(watch, self.order["roles"]).told(), **watch.later}
        if self.guard is not None:
            found["refused"] = self.guard.refused[:20]
        found["notes"] = self.notes[:5]
        new = f"{self.out}.{self.pid}.{threading.get_ident()}"
        with open(new, "w", encoding="utf-8") as stream:
            json.dump(found, stream)
        os.replace(new, self.out)
        self.written, self.written_step = time.monotonic(), step

    def flush(self) -> None:
        """Write at the first steps and then now and then, so that a crash or a hang leaves what was seen before."""
        if self.window is not None and self.watch is not None:
            self.window.tick(self.watch.step)
        if self.bare or self.watch is None:
            return
        if self.watch.step <= 2 or time.monotonic() - self.written > self.order.get("flush", 1.0):
            self.write({"kind": "running", "text": ""}, beside=True)

    def watch_parent(self) -> None:
        """End this process and what it started where wganlint is gone: nobody else would."""
        parent = int(self.order.get("parent") or 0)
        while parent and not self.ended.wait(1.0) and os.getpid() == self.pid:
            try:
                os.kill(parent, 0)
            except ProcessLookupError:
                if TOKEN in os.environ:  # what left the group goes first
                    end_marked(os.environ[TOKEN])
                os.killpg(os.getpgid(0), signal.SIGKILL)
            except OSError:
                return  # there, but not ours to ask

    def keep_writing(self) -> None:
        """Write from a thread where the script has been busy with something else for a second, or hangs."""
        while not self.ended.wait(1.0):
            watch = self.watch
            if watch is None or watch.stopping or watch.step == self.written_step:
                continue
            if time.monotonic() - self.written > 1.0:
                with contextlib.suppress(RuntimeError):  # a dict grew meanwhile: next time
                    self.write({"kind": "running", "text": ""}, beside=True)

    def watch_time(self) -> None:
        """Note where the script is shortly before its time is over.

        From a thread that holds the interpreter's lock: faulthandler's own clock reads the frames of a script that goes
        on meanwhile, and so crashed busy ones. It stays for a script that never lets the lock go, whose frames rest.
        """
        left = max(1.0, self.order["timeout"] - 1.0)
        hang = open(self.order["hang"], "w", encoding="utf-8")  # noqa: SIM115 - it stays open as long as the process
        faulthandler.dump_traceback_later(left + 0.5, file=hang)

        def note() -> None:
            if self.ended.wait(left) or os.getpid() != self.pid:
                return
            frames = traceback.extract_stack(sys._current_frames()[threading.main_thread().ident or 0])
            faulthandler.cancel_dump_traceback_later()
            hang.write("".join(f'File "{one.filename}", line {one.lineno} in {one.name}\n' for one in reversed(frames)))
            hang.flush()

        threading.Thread(target=note, daemon=True).start()

    # -- running

    def attach(self) -> None:
        """Import torch and hook on.

        Raises:
            ImportError: there is no torch.
        """
        import torch  # noqa: F401 - it may be missing, which is told

        from .watch import Watch
        from .where import Where

        self.where = Where(os.getcwd(), self.order["shown"])
        mode = "plain" if self.bare else self.order["mode"]
        watch = self.watch = Watch(self.where, self.order["steps"], mode, self)
        watch.told = self.order["roles"]
        if self.order["mode"] == "profile":
            from .window import Window

            self.window = Window(self.order["steps"], self.order["trace"], self.order["table"])
        if not self.bare:
            from .trials import at_steps

            watch.at_steps = at_steps
        self._tell_compile(watch)
        os.register_at_fork(after_in_child=self._in_fork)
        watch.attach()

    def _tell_compile(self, watch: Watch) -> None:
        """Say so where the script compiles: TORCHDYNAMO_DISABLE is set, so it runs eagerly."""
        import torch

        original = torch.compile

        @functools.wraps(original)
        def eagerly(*args: Any, **kwargs: Any) -> Any:
            watch.gaps["torch.compile"] = "it is turned off under the probe: what was compiled ran eagerly"
            return original(*args, **kwargs)

        torch.compile = eagerly

    def _in_fork(self) -> None:
        if self.watch is not None:
            self.watch.detach()

    def stop(self, times: int) -> None:
        """The script is being told to stop; one that does not listen is ended here."""
        if times == 1:
            timer = threading.Timer(GRACE, self._hard, args=("it went on for long after it was told to stop",))
            timer.daemon = True
            timer.start()
        if times > TWICE:
            self._hard("it caught the request to stop and went on")

    def _hard(self, why: str) -> None:
        if self.ended.is_set():
            os._exit(0)
        self.write({"kind": "stopped-hard", "text": f"enough steps were done; {why}, so it was ended"})
        os._exit(0)

    def run(self) -> int:
        """Run the script; return the exit code of this process."""
        order = self.order
        if order.get("timeout"):
            self.watch_time()
        if visible(order.get("parent")):
            threading.Thread(target=self.watch_parent, daemon=True).start()
        try:
            self.attach()
        except ImportError as error:
            self.write({"kind": "no-torch", "text": str(error)[:500]})
            return 0
        seed(order["seed"])
        sys.argv = [order["name"], *order["argv"]]
        if order.get("device") == "cuda":
            ending = self._ending(self._want_cuda)
            if ending["kind"] == "refused":
                self.write(ending)
                return 0
        self.guard = Guard(order["guarded"])
        self.guard.watch_save()
        if self.watch is not None:
            self.watch.clock.begun = time.perf_counter()
        if not self.bare:
            threading.Thread(target=self.keep_writing, daemon=True).start()
        ending = self._ending(self._script)
        if self.watch is not None:
            self.watch.active = False
            self.watch.detach()
        self.guard.on = False
        self.write(ending)
        self.ended.set()
        timer = threading.Timer(GRACE, os._exit, args=(0,))
        timer.daemon = True
        timer.start()
        return 0

    def _want_cuda(self) -> None:
        from .device import device_of

        device_of("cuda")

    def _script(self) -> dict[str, Any] | None:
        if self.order["kind"] == "target":
            from .target import run_target

            return run_target(self)
        if self.order["kind"] == "module":
            sys.path.insert(0, os.getcwd())
            runpy.run_module(self.order["name"], run_name="__main__", alter_sys=True)
        elif self.order["kind"] == "code":
            sys.path.insert(0, "")
            sys.argv[0] = "-c"
            exec(compile(self.order["name"], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - it is asked for
        else:
            sys.path.insert(0, os.path.dirname(os.path.realpath(self.order["name"])))
            runpy.run_path(self.order["name"], run_name="__main__")
        return None

    def _ending(self, script: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
        from .pieces import Refused
        from .watch import Stop

        watch = self.watch
        try:
            told = script()
            if told is not None:
                return told
        except Stop:
            pass
        except Refused as error:
            return {"kind": "refused", "text": str(error)[:1000], "hint": error.hint[:500]}
        except SystemExit as stopped:
            code = stopped.code
            if watch is None or not watch.stopping:
                bad = code not in (None, 0)
                number = code if isinstance(code, int) else 1 if bad else 0
                text = f"the script called exit({code!r})" if bad else "the script came to its end"
                place = self.where.told(self.where.of_traceback(stopped.__traceback__))
                return {"kind": "exited" if bad else "finished", "text": text[:500], "code": number, "line": place}
        except BaseException as error:
            if watch is None or not watch.stopping:
                traceback.print_exc()
                text = f"{type(error).__name__}: {error}".strip()[:500]
                place = self.where.told(self.where.of_traceback(error.__traceback__))
                return {"kind": "crashed", "text": text, "code": 1, "line": place}
        if watch is not None and watch.stopping:
            return {"kind": "steps", "text": f"stopped after {watch.step} steps", "code": 0}
        return {"kind": "finished", "text": "the script came to its end", "code": 0}


def visible(pid: Any) -> bool:
    """Whether a process can be seen from here; not so where the command runs in a container of its own."""
    if not isinstance(pid, int) or pid < 1 or not hasattr(os, "killpg"):
        return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def seed(value: int | None) -> None:
    """Seed what scripts draw from; one that seeds itself does so later."""
    if value is None:
        return
    import torch

    random.seed(value)
    torch.manual_seed(value)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(value % 2**32)


def run(path: str) -> int:
    """Run the order in a file; return the exit code."""
    with open(path, encoding="utf-8") as stream:
        order = json.load(stream)
    return Session(order).run()
