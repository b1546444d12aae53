"""What can go wrong in a way that a person can mend."""


class UsageError(Exception):
    """Bad usage or bad input: the message is one sentence saying what is wrong, what was given, what is allowed."""


class Inapplicable(Exception):
    """An attack or a defense has no meaning for this cell; the message is the row's ``reason``."""
