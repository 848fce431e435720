"""Text that came from elsewhere, made fit to be shown: it is never read as a control sequence."""

import reprlib

_MOST_CHARACTERS = 200


def printable(content: str) -> str:
    r"""Text without control characters, which stand by their codes; line ends stay.

    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in content)


def shown(value: object) -> str:
    r"""A value as it was given, on one line; the middle of what is long and the depth of what is nested are left out.

    >>> shown({"seeds": [0, 1, 2, 3, 4, 5, 6], "name": "a\tb", "nested": [[[[[]]]]]})
    "{'name': 'a\\tb', 'nested': [[[[...]]]], 'seeds': [0, 1, 2, 3, 4, 5, ...]}"
    """
    return _REPR.repr(value)


def one_line(content: str) -> str:
    r"""Text as one printable line; the end of what is long is left out.

    >>> one_line("a name\tand " + "more " * 100)[:20]
    'a name and more more'
    """
    line = printable(" ".join(content.split()))
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]}…"


def both_ends(content: str) -> str:
    """What a library says of a value, which it may repeat whole: of more than a thousand characters the ends.

    It is no more printable than before.

    >>> both_ends("Invalid value '" + 2_000 * "a" + "' - at `$.spec`")[-20:]
    "aaaaa' - at `$.spec`"
    """
    if len(content) <= 5 * _MOST_CHARACTERS:
        return content
    return f"{content[:_MOST_CHARACTERS]}…{content[-_MOST_CHARACTERS:]}"


class _Repr(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = _MOST_CHARACTERS
        self.maxlevel = 4

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write numbers of thousands of digits.
        return super().repr_int(x, level) if x.bit_length() < 1_000 else f"a number of {x.bit_length()} bits"


# A long or deep value is not written out before it is cut: of YAML's aliases it may be too large to write.
_REPR = _Repr()
