"""What all tests share: properties are tried with the same examples every time, so that a red CI is red at home too."""

from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, database=None)
settings.load_profile("ci")
