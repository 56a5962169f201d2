"""Slack's export: a zip with users.json and a folder for each channel with a JSON file for each day.

A thread is a conversation: who wrote its first message asks, the others answer, unless the person names the agents.
Messages outside threads are one conversation for as long as no hour passes, where just two people write; in a channel
where more do, nobody can tell what answers what, and each is a conversation of its own. Joins and the like are system
lines, apps are bots. Parts are read by name from the zip and never unpacked to the disk.
"""

import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

from engine.data.conversations import Author, Conversation, Message
from engine.data.sources.damage import ZIP, told_as_damage
from engine.data.sources.dates import when
from engine.data.sources.rows import File
from engine.data.sources.speakers import WhoAnswers, in_the_terminal
from engine.data.sources.zipped import is_zip, open_zip
from engine.errors import InputRefused

DAY = re.compile(r"(?:^|/)(?P<channel>[^/]+)/\d{4}-\d\d-\d\d\.json$")
PEOPLE = ("users.json", "org_users.json")
# Slack marks people, channels and links in its texts: <@U1>, <#C1|orders>, <https://example.org|here>.
MARKED = re.compile(r"<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>")
# Messages of these kinds were written by people; all other kinds are events.
WRITTEN = frozenset(("", "thread_broadcast", "file_share", "me_message", "reply_broadcast"))
BREAK = 3600.0
LARGEST_DAY = 100 * 1024 * 1024

Record = dict[str, Any]


def looks_like(file: File, head: str) -> bool:
    """Whether a zip holds people and the days of channels."""
    if not is_zip(file):
        return False
    with open_zip(file) as packed:
        names = packed.namelist()
    return any(name.rpartition("/")[2] in PEOPLE for name in names) and any(DAY.search(name) for name in names)


def conversations(file: File, encoding: str, agent: str | None = None) -> Iterator[Conversation]:
    """The conversations of all channels, channel by channel.

    Args:
        file: the zip.
        encoding: not used: JSON in the export is UTF-8.
        agent: the names of those who answer, divided by commas; in each thread, all but who began it otherwise.

    Raises:
        InputRefused: the zip is damaged, locked or a bomb, a name in it leads out of it, or nobody is called so.
    """
    with open_zip(file) as packed:
        _refuse_outside(file, packed)
        names = _names(file, packed)
        agents = _agents(file, names, agent) if agent else frozenset[str]()
        channels: dict[str, list[str]] = defaultdict(list)
        for part in sorted(packed.namelist()):
            if day := DAY.search(part):
                channels[day["channel"]].append(part)
        total = sum(map(len, channels.values()))
        done = 0
        for channel, parts in channels.items():
            records: list[Record] = []
            for part in parts:
                found = _load(file, packed, part)
                if found is None:
                    yield Conversation(part, share=done / total, problem="The day is not a JSON list", content=part)
                else:
                    records += [record for record in found if isinstance(record, dict)]
            done += len(parts)
            for gathered in _gathered(records):
                yield _conversation(channel, gathered, names, agents, done / total)


def _refuse_outside(file: File, packed: zipfile.ZipFile) -> None:
    for name in packed.namelist():
        if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in re.split(r"[/\\]", name):
            raise InputRefused(
                f"{file.name} was not read.",
                "A name in it leads out of the archive, which no export of Slack does.",
                "Export it from Slack again.",
            )


def _load(file: File, packed: zipfile.ZipFile, part: str) -> list[Any] | None:
    """A JSON list of the export, None where it is none."""
    if packed.getinfo(part).file_size > LARGEST_DAY:
        return None
    with told_as_damage(file, ZIP):
        content = packed.read(part)
    try:
        found = json.loads(content.decode("utf-8", "replace"))
    except (json.JSONDecodeError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _names(file: File, packed: zipfile.ZipFile) -> dict[str, str]:
    """The people's names by their ids."""
    names: dict[str, str] = {}
    for part in packed.namelist():
        if part.rpartition("/")[2] not in PEOPLE:
            continue
        for person in _load(file, packed, part) or []:
            if isinstance(person, dict) and isinstance(person.get("id"), str):
                said = _inside(person, "profile")
                ways = (said.get("real_name"), person.get("real_name"), said.get("display_name"), person.get("name"))
                names[person["id"]] = next((way for way in ways if isinstance(way, str) and way), person["id"])
    return names


def _inside(record: Record, key: str) -> Record:
    found = record.get(key)
    return found if isinstance(found, dict) else {}


def _agents(file: File, names: dict[str, str], agent: str) -> frozenset[str]:
    wanted = {each.strip().lower() for each in agent.split(",")}
    found = frozenset(id for id, name in names.items() if name.lower() in wanted or id.lower() in wanted)
    if not found:
        shown = sorted(set(names.values()))
        raise WhoAnswers(
            f"Nobody called {agent} is in {file.name}.",
            f"These are: {', '.join(shown[:8])}{' and others' if len(shown) > 8 else ''}.",
            f"Name one of them as the agent. {in_the_terminal(shown[:1])}",
            shown,
        )
    return found


def _gathered(records: Sequence[Record]) -> Iterator[list[Record]]:
    """The messages of a channel by conversation: threads, runs of two people, single ones."""
    ordered = sorted(records, key=_when)
    threads: dict[str, list[Record]] = defaultdict(list)
    loose: list[Record] = []
    for record in ordered:
        thread = record.get("thread_ts")
        if isinstance(thread, str):
            threads[thread].append(record)
        else:
            loose.append(record)
    yield from threads.values()
    run: list[Record] = []
    for record in loose:
        if run and _when(record) - _when(run[-1]) > BREAK:
            yield from _run(run)
            run = []
        run.append(record)
    yield from _run(run)


def _run(run: list[Record]) -> Iterator[list[Record]]:
    """A run of messages whole where two people write in it, else one by one."""
    people = {_writer(record) for record in run if _author(record, "", frozenset()) in ("customer", "agent")}
    if len(people) == 2:
        yield run
    else:
        yield from ([record] for record in run)


def _conversation(
    channel: str, records: Sequence[Record], names: dict[str, str], agents: frozenset[str], share: float
) -> Conversation:
    written = (record for record in records if _author(record, "", frozenset()) in ("customer", "agent"))
    asks = next((_writer(record) for record in written), "")
    messages = []
    for record in records:
        writer = _writer(record)
        at = when(_when(record)) if _when(record) else ""
        messages.append(Message(_author(record, asks, agents), _text(record, names), names.get(writer, ""), at))
    mentioned = {
        names[id] for record in records for id in re.findall(r"<@(\w+)", str(record.get("text"))) if id in names
    }
    return Conversation(
        id=f"{channel}/{records[0].get('ts', '')}",
        messages=tuple(messages),
        share=share,
        tags=(channel,),
        channel="slack",
        customer=asks,
        happened_at=messages[0].at,
        names=tuple(sorted(mentioned)),
    )


def _author(record: Record, asks: str, agents: frozenset[str]) -> Author:
    kind = record.get("subtype") or ""
    if kind == "bot_message" or record.get("bot_id"):
        return "bot"
    if kind not in WRITTEN or not _writer(record):
        return "system"
    writer = _writer(record)
    if agents:
        return "agent" if writer in agents else "customer"
    return "customer" if writer == asks else "agent"


def _writer(record: Record) -> str:
    writer = record.get("user")
    return writer if isinstance(writer, str) else ""


def _when(record: Record) -> float:
    """Seconds since 1970, 0 where the message does not say."""
    stamp = record.get("ts")
    if not isinstance(stamp, str) or not re.fullmatch(r"\d{1,10}(?:\.\d+)?", stamp):
        return 0.0
    return float(stamp)


def _text(record: Record, names: dict[str, str]) -> str:
    """A message's text, its marks written out."""
    said = record.get("text")

    def plain(mark: re.Match[str]) -> str:
        sign, target, label = mark[1], mark[2], mark[3]
        if sign == "@":
            return f"@{names.get(target, label or target)}"
        if sign:
            return f"{'#' if sign == '#' else '@'}{label or target}"
        target = target.removeprefix("mailto:")
        return target if not label or label in target else f"{label} ({target})"

    text = MARKED.sub(plain, said) if isinstance(said, str) else ""
    return unescape(text).encode("utf-8", "replace").decode("utf-8").strip()
