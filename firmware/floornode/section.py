"""A section of the settings. In a module of its own: what is made of a class keeps the class's whole module in RAM."""


class Section:
    """An object of the settings, its keys as attributes. It says nothing of their values: some are secrets."""

    def __repr__(self):
        return "<settings>"
