"""From STATION.toml to telemetry a person can trust: what a board is to be, and how it becomes that."""
