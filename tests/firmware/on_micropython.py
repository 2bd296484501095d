"""Run by MicroPython, in the name of pytest: `on_micropython.py MODULE TEST...` runs the tests and reports each one.

A report begins with a mark that no test prints and ends with its line; what comes before the next one was printed by
the test.
"""

import sys

from expect import Skip

MARK = "\x1e"


def report(kind, text):
    print("%s%s %s" % (MARK, kind, text.replace("\n", " ")))


def run(module, names):
    for name in names:
        report("begin", name)
        try:
            getattr(module, name)()
        except Skip as reason:
            report("skipped", str(reason))
        except BaseException as error:
            sys.print_exception(error)
            report("failed", "%s: %s" % (type(error).__name__, error))
        else:
            report("passed", name)


run(__import__(sys.argv[1]), sys.argv[2:])
