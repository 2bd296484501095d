"""Threads: there are none. The simulated watchdog asks for one, and does without."""


def start_new_thread(_function, _arguments):
    pass
