"""Command lines and ``#PBS`` lines."""

from __future__ import annotations


class BadOption(Exception):
    """An option that the command does not have, or one without its argument."""

    def __init__(self, letter: str, missing: bool = False) -> None:
        super().__init__(letter)
        self.letter = letter
        self.missing = missing


def getopt(argv: list[str], spec: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Parse as glibc's getopt does: letters, ``:`` after those with an argument, operands anywhere.

    Returns options in order, and operands; everything after ``--`` is one, `--` itself included.
    """
    options: list[tuple[str, str]] = []
    operands: list[str] = []
    position = 0
    while position < len(argv):
        word = argv[position]
        position += 1
        if word == "--":
            operands += ["--", *argv[position:]]
            break
        if not word.startswith("-") or word == "-":
            operands.append(word)
            continue
        index = 1
        while index < len(word):
            letter = word[index]
            index += 1
            where = spec.find(letter) if letter != ":" else -1
            if where < 0:
                raise BadOption(letter)
            if spec[where + 1 : where + 2] == ":":
                if index < len(word):
                    value = word[index:]
                elif position < len(argv):
                    value = argv[position]
                    position += 1
                else:
                    raise BadOption(letter, missing=True)
                options.append((letter, value))
                break
            options.append((letter, ""))
    return options, operands


def split_words(line: str) -> list[str]:
    """Split a directive at blanks that are not quoted."""
    words: list[str] = []
    word = ""
    quote = ""
    started = False
    for letter in line:
        if quote:
            if letter == quote:
                quote = ""
            else:
                word += letter
        elif letter in "\"'":
            quote, started = letter, True
        elif letter.isspace():
            if started or word:
                words.append(word)
            word, started = "", False
        else:
            word += letter
    if started or word:
        words.append(word)
    return words


def directives(script: str) -> list[list[str]]:
    """Return the words of each ``#PBS`` line before the first command of the script."""
    found = []
    for line in script.splitlines():
        if line.startswith("#PBS"):
            found.append(split_words(line[4:]))
        elif line.strip() and not line.lstrip().startswith(("#", ":")):
            break
    return found


def resources(value: str) -> dict[str, str]:
    """Parse the argument of ``-l``."""
    found = {}
    for item in value.split(","):
        name, _, amount = item.partition("=")
        if name:
            found[name] = amount
    return found


def seconds(value: str, unit: int = 1) -> int | None:
    """Parse ``[[HH:]MM:]SS``; a bare number counts in `unit` seconds; None if it is none of that."""
    parts = value.split(".")[0].split(":")
    if len(parts) > 3 or not all(part.isdigit() for part in parts):
        return None
    if len(parts) == 1:
        return int(parts[0]) * unit
    total = 0
    for part in parts:
        total = total * 60 + int(part)
    return total


def clock(total: float) -> str:
    """Return ``HH:MM:SS``."""
    whole = int(total)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def chunks(wanted: dict[str, str]) -> list[dict[str, int]]:
    """Return one entry a chunk, with its `ncpus` and `mpiprocs`; ValueError if it cannot be read."""
    if "select" in wanted:
        text, cpus_word, mpi_word = wanted["select"], "ncpus", "mpiprocs"
    elif "nodes" in wanted:
        text, cpus_word, mpi_word = wanted["nodes"], "ppn", "ppn"
    else:
        cpus = int(wanted.get("ncpus", "1") or "1")
        return [{"ncpus": cpus, "mpiprocs": 0}]
    found: list[dict[str, int]] = []
    for part in text.split("+"):
        pieces = part.split(":")
        count = int(pieces.pop(0)) if pieces[0].isdigit() else 1
        values = dict(piece.partition("=")[::2] for piece in pieces)
        chunk = {
            "ncpus": int(values.get(cpus_word, "1")),
            "mpiprocs": int(values.get(mpi_word, "0")),
        }
        found += [dict(chunk) for _ in range(count)]
    return found
