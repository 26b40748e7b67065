"""The two ways in which a measurement can have no figure. Neither is ever turned into a number."""


class MissingError(Exception):
    """A server or an environment could not be brought up; the text says why."""


class MeasureError(Exception):
    """A server ran, but its answers were wrong, late or absent; the text says which."""
