"""The report: sections of facts and problems, as text to paste and as JSON. Pure."""

from __future__ import annotations

import time

import msgspec

from .redact import Private, redact

MOST_LINES = 190
_MOST_VALUES = 12
_MOST_PROBLEMS = 20
_LONGEST_LINE = 300


class Section(msgspec.Struct, kw_only=True):
    """What one examination found.

    Attributes
    ----------
    facts : values by name, in the order they were found.
    problems : whole sentences about what is wrong.
    seconds : how long it took.
    """

    title: str
    facts: dict[str, list[str]] = msgspec.field(default_factory=dict)
    problems: list[str] = msgspec.field(default_factory=list)
    seconds: float = 0.0

    def fact(self, name: str, *values: object) -> None:
        """Add values; those that are there already stay."""
        self.facts.setdefault(name, []).extend(str(value) for value in values)

    def problem(self, *words: str) -> None:
        """Add a problem: sentences, joined by blanks; empty ones are left out."""
        self.problems.append(" ".join(word.strip() for word in words if word.strip()))


class Report(msgspec.Struct, kw_only=True):
    """All that was found.

    Attributes
    ----------
    made_at : epoch seconds.
    """

    version: str
    made_at: float
    sections: list[Section]


def redacted(report: Report, private: Private) -> Report:
    """Return the report without secrets."""

    def clean(values: list[str]) -> list[str]:
        return [redact(value, private) for value in values]

    return Report(
        version=report.version,
        made_at=report.made_at,
        sections=[
            Section(
                title=section.title,
                facts={redact(name, private): clean(values) for name, values in section.facts.items()},
                problems=clean(section.problems),
                seconds=section.seconds,
            )
            for section in report.sections
        ],
    )


def as_json(report: Report) -> str:
    """Return the report as JSON text, complete."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1).decode()


def as_text(report: Report) -> str:
    """Return the report as Markdown of at most `MOST_LINES` + 1 lines; the longest lists are cut."""
    made = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(report.made_at))
    lines = [f"# jupyterlab-engines {report.version}, examined {made} UTC", "", "## What is wrong"]
    wrong = [f"{section.title}: {words}" for section in report.sections for words in section.problems]
    lines += [_item(words) for words in wrong[:_MOST_PROBLEMS]] or ["Nothing was found."]
    lines += _more(len(wrong) - _MOST_PROBLEMS)
    for section in report.sections:
        lines += ["", f"## {section.title} ({section.seconds:.1f} s)", *_facts(section)]
    if len(lines) > MOST_LINES:
        left = len(lines) - MOST_LINES
        lines = [*lines[:MOST_LINES], f"… {left} more lines: `jupyter engines doctor --json` has all."]
    return "\n".join(lines) + "\n"


def _facts(section: Section) -> list[str]:
    lines = []
    for name, values in section.facts.items():
        if len(values) <= 1:
            lines.append(_item(f"{name}: {values[0] if values else 'none'}"))
            continue
        lines.append(f"- {name}:")
        shown = values[:_MOST_VALUES]
        lines += [f"  {_item(value)}" for value in shown]
        lines += [f"  {line}" for line in _more(len(values) - len(shown))]
    return lines or ["Nothing was found out."]


def _item(words: str) -> str:
    line = " ⏎ ".join(part.strip() for part in words.splitlines() if part.strip())
    return "- " + (line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + " …")


def _more(count: int) -> list[str]:
    return [f"- … and {count} more"] if count > 0 else []
