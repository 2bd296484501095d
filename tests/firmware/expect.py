"""What plain asserts cannot say, for tests that run under CPython and under MicroPython."""


def raises(exc, fn, *args, text=None):
    """Call ``fn(*args)``, which must raise ``exc``, with ``text`` in its message. Returns the exception."""
    try:
        fn(*args)
    except exc as error:
        assert text is None or text in str(error), "'%s' is not in '%s'" % (text, error)
        return error
    raise AssertionError("%s was not raised" % exc.__name__)


class Skip(Exception):
    """Raised by a test that cannot say anything here; the text says what is missing."""
