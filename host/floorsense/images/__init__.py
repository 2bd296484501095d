"""MicroPython's images on this machine: a cache, the hashes that people pinned, and the download site."""
