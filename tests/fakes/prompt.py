"""A board's prompt on a line: MicroPython's friendly and raw REPL, byte for byte, over CPython's own exec.

``sys.implementation``, ``machine`` and ``floornode`` are the board's; the rest of what code imports is CPython's.
"""

import builtins
import contextlib
import io
import types

from lines import Player

_RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
_STOPPED = b'\r\nTraceback (most recent call last):\r\n  File "main.py", line 11, in <module>\r\nKeyboardInterrupt: \r\n'


class Prompt(Player):
    """A running MicroPython.

    ``machine`` is its sys.implementation._machine; ``floornode`` the version of the firmware on it, or None; ``runs``:
    main.py runs until it is stopped. ``modules`` are further ones that its code can import. ``starts`` counts resets.
    ``chatter`` is what the program prints all the time.
    """

    def __init__(self, line, machine, version=(1, 28, 0), floornode=None, runs=False, modules=None, chatter=b""):
        super().__init__(line)
        self.machine = machine
        self.version = version
        self.alive = True
        self.starts = 1
        self.runs = runs
        self._main = runs
        self._chatter = chatter
        self._raw = False
        self._code = b""
        self._modules = dict(modules or {})
        if floornode:
            self._modules["floornode"] = types.SimpleNamespace(VERSION=floornode)

    @property
    def _banner(self):
        version = ".".join(map(str, self.version))
        text = 'MicroPython v%s on 2026-01-15; %s\r\nType "help()" for more information.\r\n>>> '
        return (text % (version, self.machine)).encode()

    def tick(self):
        if self.alive and self.runs and self._chatter:
            self.line.write(self._chatter)

    def hear(self, data):
        for i in range(len(data)):
            if self.alive:
                self._key(data[i : i + 1])

    def _key(self, key):
        if self.runs:
            if key == b"\x03":
                self.runs = False
                self.line.write(_STOPPED + self._banner)
        elif self._raw:
            self._raw_key(key)
        elif key == b"\x01":
            self._raw = True
            self._code = b""
            self.line.write(_RAW_BANNER)
        elif key == b"\x02":
            self.line.write(b"\r\n" + self._banner)
        elif key == b"\x04":
            self.starts += 1
            self.runs = self._main
            self.line.write(b"\r\nMPY: soft reboot\r\n" + (b"" if self.runs else self._banner))
        elif key in b"\r\x03":
            self.line.write(b"\r\n>>> ")

    def _raw_key(self, key):
        if key == b"\x01":
            self._code = b""
            self.line.write(_RAW_BANNER)
        elif key == b"\x02":
            self._raw = False
            self.line.write(b"\r\n" + self._banner)
        elif key == b"\x03":
            self._code = b""
        elif key == b"\x04":
            self.line.write(b"OK")
            printed, raised = self._run(self._code.lstrip(b"\r"))
            self._code = b""
            if self.alive:
                self.line.write(printed.replace(b"\n", b"\r\n") + b"\x04" + raised + b"\x04>")
        else:
            self._code += key

    def _run(self, code):
        implementation = types.SimpleNamespace(name="micropython", version=(*self.version, ""), _machine=self.machine)
        known = {**self._modules, "sys": types.SimpleNamespace(implementation=implementation)}

        def imported(name, *arguments):
            if name in known:
                return known[name]
            if name in ("machine", "floornode"):
                raise ImportError("no module named '%s'" % name)
            return builtins.__import__(name, *arguments)

        names = {"__builtins__": {**vars(builtins), "__import__": imported}}
        printed = io.StringIO()
        # print's own stdout is the process's: only what is handed to it is the board's.
        names["__builtins__"]["print"] = lambda *what, **how: print(*what, **{**how, "file": printed})
        try:
            with contextlib.suppress(SystemExit):
                exec(compile(code, "<stdin>", "exec"), names)
        except Exception as error:
            text = 'Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\n%s: %s\r\n'
            return printed.getvalue().encode(), (text % (type(error).__name__, error)).encode()
        return printed.getvalue().encode(), b""
