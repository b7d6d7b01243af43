"""``runtail policy``: the file that says who may do what."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runtail.cli import completion, options

if TYPE_CHECKING:
    from runtail.access.explain import Given
    from runtail.access.policy import Policy, Rule
    from runtail.access.principal import Thing


@click.group()
def policy() -> None:
    """Look at the file that says who may do what."""


@policy.command(
    epilog=options.examples(
        "runtail policy check policy.toml",
        "runtail policy check policy.toml --as user:ann --as group:ops --task build",
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--as", "subjects", metavar="WHO", multiple=True,
    help="Explain what somebody may do: group:builders, user:ann. Give all that they are.",
)  # fmt: skip
@click.option(
    "--run", "run_id", metavar="ID", shell_complete=completion.run_ids, help="On this run, as the API shows it."
)
@click.option("--task", metavar="NAME", help="On runs of a task of this name, without asking the API.")
@click.option("--queue", metavar="NAME", help="With --task: in this queue.")
@click.option("--label", "labels", metavar="KEY=VALUE", multiple=True, help="With --task: with this declared label.")
@options.as_json
def check(
    *,
    file: Path,
    subjects: tuple[str, ...],
    run_id: str | None,
    task: str | None,
    queue: str | None,
    labels: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check a policy, and explain which of its grants gives which right.

    The exit status is 1 if the file cannot be used; the message says what to change.
    """
    from runtail.access.explain import explain, rules_for

    if run_id is not None and task is not None:
        raise click.UsageError("--run and --task cannot be used together.")
    if task is None and (queue is not None or labels):
        raise click.UsageError("--queue and --label go with --task.")
    if not subjects and (run_id is not None or task is not None):
        raise click.UsageError("--run and --task go with --as.")
    if sum(not subject.startswith("group:") for subject in subjects) > 1:
        raise click.UsageError("--as: name one user or token, and the groups that they are in.")
    found = read(file)
    try:
        rules = rules_for(found.rules, subjects) if subjects else list(found.rules)
    except ValueError as error:
        raise click.UsageError(f"--as: {error}.") from None
    thing = thing_of_run(run_id) if run_id is not None else thing_of_task(task, queue, labels) if task else None
    given = explain(rules, thing) if subjects else []
    if as_json:
        options.write_json(document(found, rules, given))
        return
    click.echo(f"{file} can be used: {counted(len(found.rules), 'grant')}, digest {found.digest}.", err=True)
    if subjects:
        which = ", ".join(str(rule.number) for rule in rules)
        have = f"grants {which}" if len(rules) > 1 else f"grant {which}" if rules else "no grant"
        click.echo(f"{' and '.join(subjects)}: {have}.", err=True)
    show(rules, given)


def read(file: Path) -> Policy:
    """Return the policy of a file.

    :raises Unusable: if there is none.
    """
    from runtail.access.policy import parse_policy
    from runtail.cli.failure import Unusable
    from runtail.errors import PolicyError

    try:
        return parse_policy(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{file} cannot be read: {error}") from None
    except PolicyError as error:
        raise Unusable(f"{file} cannot be used: {error}") from None


def thing_of_run(run_id: str) -> Thing:
    """Return a run as grants see it, from the web service.

    :raises Failure: if it is not there.
    """
    from runtail.access.principal import Thing
    from runtail.cli.naming import whole_id
    from runtail.cli.web import Web, run_path

    web = Web.here()
    run = web.get(run_path(whole_id(web, run_id)))
    return Thing(run["task"], run["queue"] or "", run["labels"])


def thing_of_task(task: str, queue: str | None, labels: tuple[str, ...]) -> Thing:
    """Return a task as grants see it, from the command line.

    :raises click.UsageError: if a label cannot be one.
    """
    from runtail.access.labels import check_labels
    from runtail.access.principal import Thing
    from runtail.cli.runs import key_and_value

    try:
        found = check_labels(dict(map(key_and_value, labels)))
    except ValueError as error:
        raise click.UsageError(f"--label: {error}.") from None
    return Thing(task, queue or "", found)


def document(policy: Policy, rules: list[Rule], given: list[Given]) -> dict[str, Any]:
    """Return the answer as JSON."""
    from runtail.access.explain import words_of

    return {
        "digest": policy.digest,
        "grants": [
            {"number": rule.number, "to": sorted(rule.to), "gives": words_of(rule)[0], "on": words_of(rule)[1]}
            for rule in rules
        ],
        "rights": {one.right: {"grants": one.grants, "if_own": one.if_own} for one in given},
    }


def show(rules: list[Rule], given: list[Given]) -> None:
    """Write the grants, and which of them give which right."""
    from runtail.access.explain import words_of
    from runtail.cli import table

    plain = not sys.stdout.isatty()
    columns = [table.Column("Grant"), table.Column("To", wraps=True), table.Column("Gives", wraps=True)]
    rows = [[str(rule.number), ", ".join(sorted(rule.to)), *words_of(rule)] for rule in rules]
    if rows:
        table.show([*columns, table.Column("On", wraps=True)], rows, plain=plain)
    if given:
        if rows:
            click.echo()
        table.show(
            [table.Column("Right"), table.Column("Given by", wraps=True)],
            [[one.right, given_by(one)] for one in given],
            plain=plain,
        )


def given_by(one: Given) -> str:
    """Return in words which grants give a right."""
    words = [f"grant {number}" for number in one.grants]
    words += [f"grant {number}, if they started it" for number in one.if_own]
    return "; ".join(words) or "-"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
