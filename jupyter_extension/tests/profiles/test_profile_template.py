"""Batch templates, filled in as ipyparallel does: compared with its own formatter."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from IPython.utils.text import EvalFormatter

from jupyterlab_engines.profiles.template import TemplateError, fill

VALUES = {"n": 16, "queue": "long", "profile_dir": "/home/user/p", "cluster_id": "", "program": "ipengine"}


@pytest.mark.parametrize(
    "template",
    [
        '#PBS -l nodes={n//8}:ppn=8\nmpiexec -n {n} x --cluster-id="{cluster_id}"\n',
        "{n} {n:d} {n:03d} {n!r} {queue!s:>8} {queue:.2}",
        "{(n+7)//8} {n%8} {n*2-1} {-n} {max(n//8,1)} {min(n, 4)} {int(n/8)} {n if n > 8 else 8}",
        "{queue or 'batch'} {cluster_id or 'default'} {queue+'_x'} {queue[0]} {queue[1:3]} {len(queue)}",
        "${{PBS_JOBID}} awk '{{print $1}}' }}{{",
        "{ n } {n // 8}",
        "{str(n)} {round(n*1.5)} {float(n):.1f} {n/3:.2f} {abs(-n)} {n == 16}",
        "no placeholders\r\n",
        "",
    ],
)
def test_as_ipyparallel_does(template: str) -> None:
    assert fill(template, VALUES) == EvalFormatter().format(template, **VALUES)


def test_division_as_templates_of_python_2_mean_it() -> None:
    assert fill("nodes={n/8}", VALUES) == "nodes=2"
    assert fill("{n*0.3}", {"n": 5}) == "1.5"
    with pytest.raises(TemplateError, match=r"line 2: \{n/8\}: 12/8 is not a whole number.*multiple of 8"):
        fill("\nnodes={n/8}", {"n": 12})


@pytest.mark.parametrize(
    ("template", "line", "placeholder", "reason"),
    [
        ("a\nb {nodes}", 2, "{nodes}", "no value 'nodes'; there is cluster_id, n"),
        ("a\n${PBS_JOBID}", 2, "{PBS_JOBID}", "{{ and }} for the shell"),
        ("a\n\nawk '{print $1}'", 3, "{print $1}", "{{ and }} for the shell"),
        ("{}", 1, "{}", "it is empty"),
        ("x\n{n", 2, "{ or }", "{{ and }}"),
        ("x\n\n}", 3, "{ or }", "{{ and }}"),
        ("{{x}\n", 1, "{ or }", "{{ and }}"),
        ("{n//0}", 1, "{n//0}", "zero"),
        ("{n:q}", 1, "{n:q}", "format code"),
        ("{n:{n}}", 1, "{n:{n}}", "not supported"),
        ("{n:9999999}", 1, "{n:9999999}", "not supported"),
        ("{n**n}", 1, "{n**n}", "only arithmetic"),
        ("{'x'*10**9}", 1, "{'x'*10**9}", "only"),
        ("{'x'*n}", 1, "{'x'*n}", "only be joined"),
        ("{__import__('os').system('true')}", 1, "", "only arithmetic"),
        ("{n.__class__}", 1, "{n.__class__}", "only arithmetic"),
        ("{open('x')}", 1, "{open('x')}", "only arithmetic"),
        ("{queue[99]}", 1, "{queue[99]}", "index"),
        ("{[i for i in 'ab']}", 1, "", "only arithmetic"),
        ("{(n\n+m)}", 1, "", "no value 'm'"),
    ],
)
def test_what_cannot_be_filled_in_is_named(template: str, line: int, placeholder: str, reason: str) -> None:
    with pytest.raises(TemplateError) as refused:
        fill(template, VALUES)
    assert (refused.value.line, reason in refused.value.reason) == (line, True), str(refused.value)
    assert placeholder in refused.value.placeholder


def test_a_placeholder_over_two_lines_counts() -> None:
    with pytest.raises(TemplateError) as refused:
        fill("{(n\n+1)}\n{nothing}", VALUES)
    assert refused.value.line == 3


def test_nothing_grows_without_bound() -> None:
    with pytest.raises(TemplateError, match="too large"):
        fill("{9999999999*9999999999}", VALUES)
    with pytest.raises(TemplateError, match="too long"):
        fill("{x+x}", {"x": "y" * 40_000})
    with pytest.raises(TemplateError, match="longer than"):
        fill("x" * 300_000, VALUES)
    with pytest.raises(TemplateError):
        fill("{" + "(" * 5000 + "n" + ")" * 5000 + "}", VALUES)


@hypothesis_settings(derandomize=True, max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["{n}", "{queue}", "{n//8}", "{{", "}}", "{", "}", "!", ":", "n", "\n", "/", "(", ")"]
        )
        | st.text(string.printable, max_size=5),
        max_size=12,
    )
)
def test_any_text_is_filled_in_or_refused(parts: list[str]) -> None:
    """Never another exception; and what is filled in is what ipyparallel makes of it."""
    template = "".join(parts)
    try:
        text = fill(template, VALUES)
    except TemplateError as refusal:
        assert 1 <= refusal.line <= template.count("\n") + 1
        return
    assert text == EvalFormatter().format(template, **VALUES)
