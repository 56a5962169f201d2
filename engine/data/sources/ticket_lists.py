"""Lists of tickets: what helpdesks export as a table tells who asked what and when, but not what anybody answered."""

from collections.abc import Mapping, Sequence

from engine.data.sources import where_from
from engine.data.sources.mapping import NAMES, may_answer, plain_name
from engine.data.sources.rows import File
from engine.errors import InputRefused

DESKS = {"zendesk": "Zendesk", "freshdesk": "Freshdesk", "intercom": "Intercom", "helpscout": "Help Scout"}
# Names of columns that the lists of one helpdesk have and hardly any other table.
_OWN = {
    "zendesk": (
        "requester id, requester external id, requester domain, submitter, submitter id, assignee id, via, via "
        "channel, ticket form, ticket form id, brand id, custom status id, satisfaction score, group stations, "
        "assignee stations, reopens, has incidents, allow channelback, initially assigned at, first reply time in "
        "minutes, full resolution time in minutes, generated timestamp"
    ),
    "freshdesk": (
        "created time, due by time, resolved time, closed time, last update time, initial response time, time tracked, "
        "first response time in hrs, resolution time in hrs, agent interactions, customer interactions, resolution "
        "status, first response status, every response status, association type, survey results, responder id, "
        "email config id, fr escalated, fr due by, nr escalated, nr due by, is escalated, cc emails, fwd emails, "
        "reply cc emails"
    ),
    "intercom": (
        "conversation state, conversation started at, conversation rating, conversation rating value, conversation "
        "rating remark, first contact reply created at, first contact reply type, source delivered as, source author "
        "type, snoozed until, waiting since, sla name, sla status, teammate assigned, team assigned, count reopens, "
        "count assignments, count conversation parts, time to admin reply, time to first close, time to last close"
    ),
    "helpscout": (
        "thread count, mailbox, mailbox id, mailboxid, customer ids, replies sent, handle time, resolve time"
    ),
}
# What lists of tickets have in common.
_COMMON = (
    "id, ticket id, conversation id, number, subject, status, state, priority, type, ticket type, tags, group, group "
    "id, assignee, agent, requester, requester name, requester email, customer email, source, channel, organization, "
    "company, created at, updated at, modified at, closed at, due at"
)
_LISTED = set(_COMMON.split(", "))
_SIGNS = {desk: set(names.split(", ")) for desk, names in _OWN.items()}
# So many of its own names are enough, or one fewer beside so many of those that all have.
_ENOUGH, _COMMON_ENOUGH = 3, 4


def desk_of(columns: Sequence[str]) -> str:
    """The format of the helpdesk whose list of tickets has such columns; empty where it is none."""
    names = {plain_name(column) for column in columns}
    desk = max(_SIGNS, key=lambda each: len(_SIGNS[each] & names))
    own = len(_SIGNS[desk] & names)
    certain = own >= _ENOUGH or (own == _ENOUGH - 1 and len(_LISTED & names) >= _COMMON_ENOUGH)
    return desk if certain else ""


def without_guess(
    columns: Sequence[str], sample: Sequence[Mapping[str, str]], found: Mapping[str, str]
) -> dict[str, str]:
    """A detected mapping of a list of tickets, in which only a column that is called so is taken for the answer: an
    agent's name, a number of replies and a note of the customer stand there as well."""
    called = [column for column in may_answer(columns, sample) if plain_name(column) in NAMES["output"]]
    rest = {field: column for field, column in found.items() if field != "output"}
    if not called:
        return rest
    output = found.get("output")
    return rest | {"output": output if output in called else called[0]}


def refusal(file: File, desk: str, *, may_choose: bool = False) -> InputRefused:
    """What to say of a list of tickets whose answers are not in it.

    Args:
        may_choose: whether a column in it might hold them nonetheless.
    """
    choice = " If one of its columns does hold the answers, say which: --map output=COLUMN." if may_choose else ""
    return InputRefused(
        f"{file.name} is a list of tickets from {DESKS[desk]}, without answers.",
        "It says who asked, when and with what result, but not what anybody wrote back, so there is nothing to learn.",
        where_from.remedy(desk) + choice,
    )
