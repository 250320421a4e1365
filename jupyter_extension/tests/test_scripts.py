"""The scripts behind the npm commands: they count every test, and refuse what they do not know."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
DEV = REPO / "jupyter_extension" / "dev"

SUITE = """
import pytest

@pytest.fixture
def broken_end():
    yield
    raise RuntimeError("teardown")

@pytest.mark.parametrize("text", ["a", "<b> & \\"c\\""])
def test_passes(text): pass
def test_fails(): assert "<testcase" == "no"
def test_skipped(): pytest.skip("a <failure> of nothing")
def test_passes_and_ends_badly(broken_end): pass
def test_fails_and_ends_badly(broken_end): assert False
"""


def node(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Node in the repository."""
    executable = shutil.which("node")
    assert executable, "node is needed"
    return subprocess.run(
        [executable, *arguments], cwd=REPO, capture_output=True, text=True, check=False, timeout=60
    )


def read(reader: str, file: Path) -> dict[str, int]:
    """Return what a reader of ``results.mjs`` makes of `file`."""
    program = (
        f"import {{ {reader} as read, readOr }} from {json.dumps((DEV / 'results.mjs').as_uri())};"
        f"console.log(JSON.stringify(readOr(read, {json.dumps(str(file))})));"
    )
    done = node("--input-type=module", "-e", program)
    assert done.returncode == 0, done.stderr
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


def test_pytest_is_counted_test_by_test(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(SUITE, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    kept = {n: v for n, v in os.environ.items() if not n.startswith("PYTEST")}
    done = subprocess.run(command, cwd=tmp_path, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout
    assert read("readPytest", report) == {"passed": 2, "failed": 3, "skipped": 1}


def test_jest_counts_files_that_do_not_load(tmp_path: Path) -> None:
    report = tmp_path / "jest.json"
    numbers = {
        "numPassedTests": 5,
        "numFailedTests": 1,
        "numPendingTests": 2,
        "numTodoTests": 1,
        "numRuntimeErrorTestSuites": 1,
    }
    report.write_text(json.dumps(numbers), encoding="utf-8")
    assert read("readJest", report) == {"passed": 5, "failed": 2, "skipped": 3}


def test_playwright_counts_flaky_tests_as_failed(tmp_path: Path) -> None:
    report = tmp_path / "playwright.json"
    stats = {"expected": 7, "unexpected": 1, "flaky": 1, "skipped": 2}
    report.write_text(json.dumps({"stats": stats, "errors": [{"message": "no server"}]}), encoding="utf-8")
    assert read("readPlaywright", report) == {"passed": 7, "failed": 3, "skipped": 2}


@pytest.mark.parametrize("reader", ["readJest", "readPytest", "readPlaywright"])
def test_a_runner_that_wrote_nothing_has_failed(tmp_path: Path, reader: str) -> None:
    assert read(reader, tmp_path / "none") == {"passed": 0, "failed": 1, "skipped": 0}


STAGES_AT_ONCE = """
import { summary, timed, together } from %s;
const later = () => new Promise(resolve => setImmediate(resolve));
let spoke = false;
const live = say => timed('live', async () => {
  say('live begins');
  while (!spoke) {
    await later();
  }
  say('live ends');
  return { passed: 2, failed: 0, skipped: 1 };
}, say);
const held = say => timed('held', async () => {
  say('held works');
  spoke = true;
  throw new Error('held fails');
}, say);
process.exitCode = summary((await together(live, held)).reverse(), 90);
"""


def test_of_two_stages_at_once_one_speaks_after_the_other_and_each_is_counted() -> None:
    program = STAGES_AT_ONCE % json.dumps((DEV / "report.mjs").as_uri())
    done = node("--input-type=module", "-e", program)
    assert (done.returncode, done.stderr) == (1, "")
    said = [line.strip() for line in done.stdout.splitlines() if line and not line.startswith("    at ")]
    assert said[:7] == [
        "=== live",
        "live begins",
        "live ends",
        "=== held",
        "held works",
        "Error: held fails",
        "Summary",
    ]
    assert re.match(r"held +0 passed +1 failed +0 skipped", said[7])
    assert re.match(r"live +2 passed +0 failed +1 skipped", said[8])
    assert said[9:] == ["all   in 1.5 minutes", "2 passed, 1 failed, 1 skipped"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "Known: start, test, check"),
        (["test", "nonsense"], "There are: check, jest, pytest, ui, tutorial"),
    ],
)
def test_unknown_words_are_refused(arguments: list[str], words: str) -> None:
    done = node(DEV / "main.mjs", *arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_every_npm_script_names_a_command_or_script_that_exists() -> None:
    scripts: dict[str, str] = json.loads((REPO / "package.json").read_text(encoding="utf-8"))["scripts"]
    ours = {name: text for name, text in scripts.items() if "main.mjs" in text}
    assert {"start", "test", "check", "fix", "api", "build", "tutorial", "bench:start"} <= set(ours)
    table = (DEV / "main.mjs").read_text(encoding="utf-8")
    for text in ours.values():
        # `exec`, so that a signal that npm passes on reaches Node and not only the shell.
        words = text.split()
        assert words[:3] == ["exec", "node", "jupyter_extension/dev/main.mjs"]
        assert re.search(rf"^  '?{words[3]}'?: '\./", table, re.MULTILINE)
        if words[3] == "python":
            assert (DEV / words[4]).is_file()
