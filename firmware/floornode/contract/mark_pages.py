"""The end-to-end mark (``contract.mark``) as the ingestion writes it: in pages that a board can read. No board loads this."""

from .mark import MAX_LIVES, PAGE

MAX_GAPS = 8
# Bytes. A board reads a page whole, beside everything else that it holds: the packet of the longest topic has 206 more, and of
# a packet that has more than 1024 a board's stream hands nothing on.
MAX_SIZE = 800


def encode(marks):
    """The text of ``marks``: {quantity name: [Life, ...], the newest first}, whole, however long it becomes."""
    return "{%s}" % ",".join([_series(name, marks[name], MAX_GAPS) for name in sorted(marks)])


def pages(marks):
    """The payloads of ``marks``, to be published one after the other, of at most MAX_SIZE bytes each."""
    found = []
    texts = []
    # A comma each, the braces, and the number of the page.
    room = MAX_SIZE - 24
    used = 0
    for name in sorted(marks):
        for most in (MAX_GAPS, 4, 2, 1, 0):
            text = _series(name, marks[name], most)
            size = len(text.encode()) + 1
            if size <= room:
                break
        if used + size > room:
            found.append(texts)
            texts = []
            used = 0
        texts.append(text)
        used += size
    found.append(texts)
    if len(found) > 1:
        for i, texts in enumerate(found):
            texts.insert(0, '"%s":[%d,%d]' % (PAGE, i + 1, len(found)))
    return [("{%s}" % ",".join(texts)).encode() for texts in found]


def _series(name, lives, most_gaps):
    return '"%s":[%s]' % (name, ",".join([_life(life, most_gaps) for life in lives[:MAX_LIVES]]))


def _life(life, most):
    text = '{"boot":%d,"seq":%d' % (life.boot, life.seq)
    # Gaps that are not told cost a redelivery.
    gaps = narrowed(life.gaps, most) if most else ()
    if gaps:
        text += ',"gaps":[%s],"top":%d' % (",".join(["[%d,%d]" % tuple(gap) for gap in gaps]), life.top)
    return text + "}"


def narrowed(gaps, most):
    """At most ``most`` gaps that cover all of ``gaps``: those in the middle become one."""
    over = len(gaps) - most
    if over <= 0:
        return gaps
    exact = most // 2
    return list(gaps[:exact]) + [(gaps[exact][0], gaps[exact + over][1])] + list(gaps[exact + over + 1 :])
