"""The classes of `machine`, a module each."""
