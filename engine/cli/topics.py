"""The verbs on what examples are about: topics and their balance."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from engine.cli.output import JsonOption, Progress, WorkspaceOption, emit, pairs, workspace_of
from engine.errors import InputRefused
from engine.workspace import Workspace

SHOWN = 20


def topics(
    discover: Annotated[bool, typer.Option("--discover", help="Find topics for the examples that have none.")] = False,
    count: Annotated[
        int | None, typer.Option(help="How many new topics to find; the questions decide when not given.")
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option("--rename", metavar="OLD=NEW", help="Rename a topic; a name that is there merges the two."),
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """List the topics with their shares; find, rename and merge them."""
    from engine.topics import balance
    from engine.topics import discover as discovery

    opened = workspace_of(workspace, "topics")
    value: dict[str, Any] = {}
    lines: list[str] = []
    if discover:
        progress = Progress()
        found = discovery.discover(opened, count, lambda _, words: progress.say(words))
        progress.end()
        value["discovered"] = asdict(found)
        lines.append(found.sentence)
    renamed = []
    for old, new in pairs("--rename", "--rename refunds=refund", rename).items():
        changed = discovery.rename(opened, old, new)
        renamed.append({"old": old, "new": new, "examples": changed})
        lines.append(f"{changed:,} examples: {old} is now {new}.")
    if renamed:
        value["renamed"] = renamed
    now = balance.balance(opened)
    value |= _shares(now)
    lines += [f"{share.examples:>7,}  {share.share:>4.0%}  {share.topic}" for share in now.shares]
    if now.unlabelled:
        lines.append(f"{now.unlabelled:>7,}        without a topic. Next: tunedesk topics --discover")
    emit(value, "\n".join([*lines, now.sentence]), as_json=json)


def balance(
    cap: Annotated[int | None, typer.Option(metavar="N", help="At most so many examples per topic.")] = None,
    sample: Annotated[int | None, typer.Option(metavar="N", help="So many examples in all.")] = None,
    share: Annotated[
        list[str] | None,
        typer.Option("--share", metavar="TOPIC=SHARE", help="With --sample: returns=30%. The others share the rest."),
    ] = None,
    off_topic: Annotated[
        float | None, typer.Option("--off-topic", metavar="SHARE", help="Mix in off-topic refusals: 0.03 is 3%.")
    ] = None,
    refusal: Annotated[
        list[str] | None,
        typer.Option("--refusal", metavar="TEXT", help="With --off-topic: what is answered; the bot's own otherwise."),
    ] = None,
    paraphrase: Annotated[bool, typer.Option("--paraphrase", help="Word the questions of thin topics anew.")] = False,
    model: Annotated[
        str | None, typer.Option(metavar="BOT", help="With --paraphrase: a bot that words them; rules otherwise.")
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Accept all paraphrases that wait for review.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this, it is only shown.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Tell how balanced the topics are, and mend it; nothing changes without --apply."""
    from engine.topics import balance as balances

    if (share and sample is None) or (refusal and off_topic is None) or (model and not paraphrase):
        raise InputRefused(
            "An option stands alone that belongs to another.",
            "--share belongs to --sample, --refusal to --off-topic, --model to --paraphrase.",
            "Give both, or neither.",
        )
    opened = workspace_of(workspace, "balance")
    value: dict[str, Any] = {"applied": apply}
    lines: list[str] = []
    if cap is not None or sample is not None:
        _mend(opened, value, lines, cap=cap, sample=sample, shares=share or [], apply=apply)
    if off_topic is not None:
        _mix(opened, value, lines, off_topic, refusal or [], apply=apply)
    if paraphrase:
        _paraphrase(opened, value, lines, model, apply=apply)
    if accept:
        from engine.topics import paraphrase as paraphrases

        waiting = paraphrases.accept(opened) if apply else paraphrases.to_review(opened, limit=0)[1]
        value["accept"] = {"paraphrases": waiting}
        lines.append(f"{waiting:,} paraphrases {'accepted' if apply else 'wait for review'}.")
    if lines and not apply:
        lines.append("Nothing was changed. Add --apply to do it.")
    now = balances.balance(opened)
    value |= _shares(now) | {"level": now.level, "sentence": now.sentence}
    value["thin"] = [asdict(topic) | {"sentence": topic.sentence} for topic in now.thin]
    lines += [now.sentence, *(topic.sentence for topic in now.thin)]
    emit(value, "\n".join(lines), as_json=json)


def _shares(now: Any) -> dict[str, Any]:
    return {
        "topics": [asdict(share) for share in now.shares],
        "without_topic": now.unlabelled,
        "off_topic": now.off_topic,
    }


def _mend(
    workspace: Workspace,
    value: dict[str, Any],
    lines: list[str],
    *,
    cap: int | None,
    sample: int | None,
    shares: list[str],
    apply: bool,
) -> None:
    from engine.topics import mend

    if cap is not None and sample is not None:
        raise InputRefused("--cap and --sample cannot go together.", "Each decides which examples stay.", "Give one.")
    wished = mend.read_shares("\n".join(shares))
    plan = mend.plan_cap(workspace, cap) if cap is not None else mend.plan_sample(workspace, sample or 0, wished)
    trashed = mend.apply(workspace, plan) if apply else plan.trashed
    cuts = [asdict(cut) for cut in plan.cuts]
    value[plan.kind] = {"trashed": trashed, "kept": plan.kept, "topics": cuts}
    lines.append(plan.sentence)
    lines += [f"  {cut.topic}: {cut.before:,} to {cut.after:,}" for cut in plan.cuts[:SHOWN]]


def _mix(
    workspace: Workspace, value: dict[str, Any], lines: list[str], share: float, refusals: list[str], *, apply: bool
) -> None:
    from engine.serving.bots import refusal_now
    from engine.topics import off_topic

    progress = Progress()
    mix = off_topic.plan(workspace, share, lambda _, words: progress.say(words))
    progress.end()
    sentences = refusals or off_topic.sentences(workspace, refusal_now(workspace))
    added = off_topic.apply(workspace, mix, sentences) if apply else len(mix.messages)
    value["off_topic_mix"] = {
        "messages": added,
        "wanted": mix.wanted,
        "kinds": mix.kinds,
        "left_out": list(mix.own),
        "share": mix.share,
        "refusals": sentences,
    }
    lines.append(mix.sentence)
    lines += [f"  answered with: {sentence}" for sentence in sentences]


def _paraphrase(
    workspace: Workspace, value: dict[str, Any], lines: list[str], model: str | None, *, apply: bool
) -> None:
    from engine.serving.bots import get_bot
    from engine.topics import paraphrase

    progress = Progress()
    rewrite: paraphrase.Rewrite = paraphrase.by_rules
    if model:
        from engine.models.loading import load_for_inference

        bot = get_bot(workspace, model)
        progress.say(f"Loading {bot.name}")
        rewrite = paraphrase.by_model(load_for_inference(bot.source, bot.adapter))
    found = paraphrase.plan(workspace, rewrite=rewrite, progress=lambda _, words: progress.say(words))
    progress.end()
    added = paraphrase.apply(workspace, found) if apply else len(found.wordings)
    value["paraphrases"] = {
        "added" if apply else "would_add": added,
        "tried": found.tried,
        "wordings": [wording._asdict() for wording in found.wordings],
    }
    lines.append(found.sentence)
    lines += [f"  {each.original} -> {each.text}" for each in found.wordings[:SHOWN]]


VERBS = {"topics": topics, "balance": balance}
