"""A block device of MicroPython whose every write is a place where the power may go."""

import vfs

BLOCK = 4096
# An RP2040's flash is programmed by the page.
PAGE = 256


class Flash:
    """``image``: what is on it. ``on_write(block, offset, data)`` hears of each write; data is None for an erase."""

    def __init__(self, blocks, on_write=None):
        self.image = bytearray(blocks * BLOCK)
        self.blocks = blocks
        self.erases = 0
        self.on_write = None
        for block in range(blocks):
            self.apply(block, 0, None)
        self.on_write = on_write

    def readblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        buffer[:] = memoryview(self.image)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        self.apply(block, offset, buffer)
        if self.on_write:
            self.on_write(block, offset, buffer)

    def ioctl(self, op, arg):
        if op == 4:
            return self.blocks
        if op == 5:
            return BLOCK
        if op == 6:
            self.apply(arg, 0, None)
            if self.on_write:
                self.on_write(arg, 0, None)
            return 0

    def apply(self, block, offset, data):
        """Do what a write does."""
        at = block * BLOCK + offset
        if data is None:
            self.erases += 1
            self.image[at : at + BLOCK] = b"\xff" * BLOCK
        else:
            self.image[at : at + len(data)] = data

    def mount(self, where):
        """Mount what is there. Raises OSError where it cannot be."""
        vfs.mount(vfs.VfsLfs2(self, progsize=PAGE, readsize=PAGE), where)

    def format(self):
        vfs.VfsLfs2.mkfs(self, progsize=PAGE, readsize=PAGE)
