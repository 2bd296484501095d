"""Numbers and text as they are written on the wire, and as they are shown to a person."""

# What somebody else sent may be a megabyte long; a fault is one line.
MAX_SHOWN = 40


def decimal(steps, decimals):
    """``steps`` of ``10 ** -decimals`` as the shortest decimal text: 8730, 2 -> '87.3'; -5, 2 -> '-0.05'."""
    return digits(steps, decimals).decode()


def digits(steps, decimals):
    """The same as bytes: MicroPython looks each new str up among all its names."""
    while decimals and not steps % 10:
        steps //= 10
        decimals -= 1
    if not decimals:
        return b"%d" % steps
    sign = b""
    if steps < 0:
        sign = b"-"
        steps = -steps
    scale = 10**decimals
    return b"%s%d.%0*d" % (sign, steps // scale, decimals, steps % scale)


def escape(text):
    """``text`` as a JSON string with its quotes (RFC 8259, section 7); all beyond ASCII stays UTF-8.

    A lone surrogate, which JSON can carry and UTF-8 cannot, is written as an escape.
    """
    for char in text:
        if char in '"\\' or ord(char) < 32 or 0xD800 <= ord(char) < 0xE000:
            break
    else:
        # Nearly always: and a list of its characters is what a small heap has no room for.
        return '"' + text + '"'
    out = ['"']
    for char in text:
        code = ord(char)
        if char in '"\\':
            out.append("\\" + char)
        elif code < 32 or 0xD800 <= code < 0xE000:
            out.append("\\u%04x" % code)
        else:
            out.append(char)
    out.append('"')
    return "".join(out)


def shown(value):
    """What somebody else sent, fit for a line on a person's terminal: short, quoted, without control characters."""
    if isinstance(value, str):
        whole = value[:MAX_SHOWN]
        return repr(whole if whole == value else whole + "...")
    if value is None or isinstance(value, (bool, int, float)):
        text = str(value)
        return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."
    return "an object" if isinstance(value, dict) else "a list"
