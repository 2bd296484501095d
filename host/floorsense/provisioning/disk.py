"""A board's flash, over its prompt: what is there, by hash computed there, and how it is changed."""

import ast
import base64
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from floorsense.cable.prompt import Prompt
from floorsense.errors import BoardError
from floorsense.provisioning.archive import Stretch

# A piece, written as base64 into the program that is sent, takes twice 1.4 times this on the board's heap.
_PIECE_BYTES = 1536
_HASH_LIMIT_S = 60

_LOOK = """\
import os,hashlib,binascii
def _h(p):
 h=hashlib.sha256()
 b=bytearray(512)
 v=memoryview(b)
 with open(p,'rb') as f:
  while True:
   n=f.readinto(b)
   if not n:
    break
   h.update(v[:n])
 return binascii.hexlify(h.digest()).decode()
def _l(p,k):
 try:
  e=list(os.ilistdir(p))
 except OSError:
  return
 for i in e:
  q=p+('' if p.endswith('/') else '/')+i[0]
  if i[1]&0x4000:
   if k:
    _l(q,k)
    print('d',q)
  else:
   print('f',q,_h(q))
"""
# What _p prints of an archive is each module's place, length and hash; firmware/packed.py has its form. _c copies from it.
_PIECES = """\
import struct
def _p(p):
 with open(p,'rb') as f:
  i=f.read(8*struct.unpack('<H',f.read(2))[0])
  a=sorted(set(struct.unpack_from('<I',i,n+4)[0] for n in range(0,len(i),8))-{0})+[os.stat(p)[6]]
  b=bytearray(512)
  v=memoryview(b)
  f.seek(a[0])
  for n in range(len(a)-1):
   h=hashlib.sha256()
   k=a[n+1]-a[n]
   while k>0:
    m=f.readinto(v[:min(k,512)])
    if not m:
     break
    h.update(v[:m])
    k-=m
   print('f',a[n],a[n+1]-a[n],binascii.hexlify(h.digest()).decode())
def _c(p,a,k):
 with open(p,'rb') as f:
  f.seek(a)
  b=bytearray(512)
  v=memoryview(b)
  while k>0:
   m=f.readinto(v[:min(k,512)])
   if not m:
    break
   _w(v[:m])
   k-=m
"""
# Flash is freed as files are removed; a folder goes when it is empty.
_REMOVE = "import os\nfor p in {paths!r}:\n try:\n  os.remove(p)\n except OSError as e:\n  if e.args[0]!=2:\n   raise\n"
_MAKE = "import os\nfor p in {paths!r}:\n try:\n  os.mkdir(p)\n except OSError as e:\n  if e.args[0]!=17:\n   raise\n"


@dataclass(frozen=True)
class Room:
    """Bytes of the flash: in all, free, and of one block, which every file takes at least."""

    total: int
    free: int
    block: int


class Disk:
    """``written`` counts the bytes that were, and came from here; ``reused`` those that the board had already."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self.written = 0
        self.reused = 0
        prompt.run(_LOOK)
        prompt.run("from binascii import a2b_base64 as _a")

    def files(self, folder: str) -> dict[str, str]:
        """The SHA-256 of every file below a folder, by its path in it; nothing where there is no such folder."""
        said = self._prompt.run(f"_l({folder!r},1)", _HASH_LIMIT_S)
        prefix = folder.rstrip("/") + "/"
        return {path.removeprefix(prefix): digest for path, digest in _parsed(said)}

    def hash_of(self, path: str) -> str | None:
        """The SHA-256 of one file; None where there is none."""
        return self.hashes([path]).get(path)

    def hashes(self, paths: Iterable[str]) -> dict[str, str]:
        code = f"for p in {list(paths)!r}:\n try:\n  print('f',p,_h(p))\n except OSError:\n  pass\n"
        return dict(_parsed(self._prompt.run(code, _HASH_LIMIT_S)))

    def text(self, path: str) -> str | None:
        """The first 64 characters of a file that holds no secret; None where there is none."""
        code = f"try:\n with open({path!r}) as f:\n  print(repr(f.read(64)))\nexcept (OSError,ValueError):\n print(None)\n"
        said = self._prompt.run(code).strip()
        return None if said == "None" or not said else str(ast.literal_eval(said))

    def room(self) -> Room:
        block, _, total, free = self._prompt.ask("os.statvfs('/')[:4]")
        return Room(block * total, block * free, block)

    def make_folders(self, paths: Iterable[str]) -> None:
        folders: set[str] = set()
        for path in paths:
            parts = path.split("/")[1:-1]
            folders.update("/" + "/".join(parts[: i + 1]) for i in range(len(parts)))
        if folders:
            self._prompt.run(_MAKE.format(paths=sorted(folders)))

    def modules(self, path: str) -> dict[str, Stretch]:
        """What an archive on the board holds, by SHA-256; nothing where there is none, or something else."""
        try:
            self._prompt.run(_PIECES)
            said = self._prompt.run(f"_p({path!r})", _HASH_LIMIT_S)
        except BoardError:
            return {}
        lines = [line.split() for line in said.splitlines() if line.startswith("f ")]
        return {digest: Stretch(int(at), int(length)) for _, at, length, digest in lines}

    def write(self, path: str, data: bytes, progress: Callable[[int], None] = lambda _count: None) -> None:
        """Write a file as it is; a cut leaves a part of it. Raises BoardError, for a full flash as well."""
        self.compose(path, [data], "", progress)

    def compose(self, path: str, parts: Iterable[bytes | Stretch], source: str, progress: Callable[[int], None]) -> None:
        """Write a file of ``parts``: bytes, and stretches of the file ``source`` on the board; otherwise as ``write``."""
        self._prompt.run(f"_f=open({path!r},'wb')\n_w=_f.write")
        for part in parts:
            if isinstance(part, Stretch):
                self._prompt.run(f"_c({source!r},{part.at},{part.length})", _HASH_LIMIT_S)
                self.reused += part.length
                progress(part.length)
                continue
            for at in range(0, len(part), _PIECE_BYTES):
                piece = part[at : at + _PIECE_BYTES]
                self._prompt.run(f"_w(_a({base64.b64encode(piece).decode()!r}))\n")
                progress(len(piece))
            self.written += len(part)
        self._prompt.run("_f.close()")

    def replace(self, path: str, data: bytes) -> None:
        """Write a file so that a cut leaves the old one or the new one, whole. Raises BoardError."""
        fresh = path + ".new"
        self.write(fresh, data)
        if self.hash_of(fresh) != hashlib.sha256(data).hexdigest():
            raise BoardError(f"{self._prompt.path}: what was written as {fresh} is not what was sent; try again")
        self._prompt.run(f"import os\nos.rename({fresh!r},{path!r})")

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files; those that are not there are no fault."""
        names = list(paths)
        for at in range(0, len(names), 16):
            self._prompt.run(_REMOVE.format(paths=names[at : at + 16]))


def _parsed(said: str) -> list[tuple[str, str]]:
    found = []
    for line in said.splitlines():
        if line.startswith("f "):
            path, _, digest = line[2:].rpartition(" ")
            found.append((path, digest))
    return found
