"""The bench: boards that are simulated, firmware that is not."""
