"""What hangs on this machine's cables: serial ports, boot loaders' drives, and what answers there."""
