"""What all tests share: properties are tried with the same examples every time, so that a red CI is red at home too; and Ctrl-C
reaches what a test starts, though a shell that put the run in the background has it ignored."""

import signal

from hypothesis import settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Whoever is started inherits it, and would hear no Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("ci", derandomize=True, deadline=None, database=None, max_examples=150)
settings.load_profile("ci")
