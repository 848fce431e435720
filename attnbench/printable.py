"""Text that came from elsewhere, made fit to be shown: it is never read as a control sequence."""


def printable(content: str) -> str:
    r"""Text without control characters, which stand by their codes; line ends stay.

    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in content)
