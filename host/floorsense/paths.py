"""Where things are in the checkout, which floorsense works from: firmware, boards and builds lie beside the host's code."""

from pathlib import Path

from floorsense.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
BOARDS = ROOT / "boards"
FIRMWARE = ROOT / "firmware"
BUILD = ROOT / "build"
LIB = BUILD / "lib"


def require_checkout(root: Path = ROOT) -> None:
    """Raises UsageError where floorsense was installed as a copy, without the folders it works on."""
    if not (root / "firmware" / "main.py").is_file() or not (root / "boards").is_dir():
        raise UsageError(
            f"there is no firmware in {root}: floorsense runs from a checkout; clone it and install with `make setup`, "
            "or by hand with `pip install -e .`"
        )
