"""The exports of helpdesks: every answer of an agent becomes an example, and nothing else does."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data import editor, exports, versions
from engine.data.conversations import answers_in
from engine.data.sources import detect, import_file, rejected_rows, where_from
from engine.data.sources.detect import CONVERSATION_FORMATS
from engine.data.sources.rows import File
from engine.data.sources.sieve import Sieve
from engine.data.splits import SPLITS
from engine.errors import InputRefused
from engine.migrations import first_tables
from engine.workspace import Workspace, open_workspace
from tests.engine.data import helpdesks
from tests.engine.data.conftest import freeze
from tests.engine.data.helpdesks import SECRET

Write = Callable[..., Path]

CASES: dict[str, Callable[..., dict[str, Any]]] = {
    "zendesk": helpdesks.zendesk,
    "intercom": helpdesks.intercom,
    "freshdesk": helpdesks.freshdesk,
    "helpscout": helpdesks.helpscout,
    "front": helpdesks.front,
}


def wrapped(format: str, cases: list[dict[str, Any]]) -> dict[str, str]:
    """An export as the helpdesk's own wrappers and its API's pages write it: name of the wrapper -> text."""
    lines = "\n".join(map(json.dumps, cases))
    shapes: dict[str, Any] = {"list": cases, "lines": lines}
    if format == "zendesk":
        shapes |= {
            "full export": "\n".join(json.dumps({"ticket": case}) for case in cases),
            "wrapped": {"tickets": [{"ticket": case} for case in cases]},
            "page": {"tickets": cases, "users": helpdesks.ZENDESK_USERS, "next_page": None, "count": len(cases)},
            "alone": cases[0],
        }
    elif format == "intercom":
        shapes |= {"page": {"type": "conversation.list", "conversations": cases, "pages": {}}, "alone": cases[0]}
    elif format == "freshdesk":
        shapes |= {"search": {"total": len(cases), "results": cases}, "alone": cases[0]}
    elif format == "helpscout":
        shapes |= {"page": {"_embedded": {"conversations": cases}, "page": {"number": 1}}, "alone": cases[0]}
    else:
        shapes |= {"page": {"_results": cases, "_pagination": {}}}
        shapes["messages"] = {"_results": [message for case in cases for message in case["messages"]]}
    return {name: shape if isinstance(shape, str) else json.dumps(shape) for name, shape in shapes.items()}


SHAPES = [(format, shape) for format, case in CASES.items() for shape in wrapped(format, [case(1), case(2)])]


def stored(workspace: Workspace) -> str:
    tables = ("sources", "examples", "rejected_rows", "edits")
    return json.dumps([workspace.database.rows(f"SELECT * FROM {table}") for table in tables], default=str)


@pytest.mark.parametrize(("format", "shape"), SHAPES)
def test_every_wrapper_gives_the_answers_of_the_agents(
    workspace: Workspace, write: Write, format: str, shape: str
) -> None:
    path = write("export.json", wrapped(format, [CASES[format](1), CASES[format](2)])[shape])
    report = import_file(workspace, path)
    assert report.format == format
    # The second case says the same as the first, in another conversation.
    cases = 1 if shape == "alone" else 2
    assert (report.read, report.imported, report.rejected) == (2 * cases, 2, 2 * (cases - 1))
    first, second = editor.page(workspace).rows
    assert first.instruction.endswith(helpdesks.QUESTIONS[0])
    assert first.output == "Hi [PERSON_1], it left our house on Monday."
    assert first.history == ()
    assert (second.instruction, second.output) == (helpdesks.QUESTIONS[1], helpdesks.ANSWERS[1])
    assert [turn.role for turn in second.history] == ["user", "assistant"]
    assert second.history[1].content == first.output
    assert first.conversation == second.conversation != ""
    said = stored(workspace)
    for secret in (SECRET, "203.0.113.9", "Lyon", "ana@mail.example", "sam@shop.example", "Lopez"):
        assert secret not in said, secret


@pytest.mark.parametrize(
    ("format", "told"),
    [
        ("zendesk", ("solved", "good", 0, "email", "", ("delivery", "vip"), "")),
        ("intercom", ("closed", "5", 1, "chat", "", ("delivery",), "")),
        ("freshdesk", ("resolved", "", 0, "email", "", ("vip",), "Delivery")),
        ("helpscout", ("closed", "", 0, "email", "", ("delivery",), "")),
        ("front", ("resolved", "", 0, "email", "", ("delivery",), "")),
    ],
)
def test_what_the_helpdesk_says_is_kept_beside_the_example(
    workspace: Workspace, write: Write, format: str, told: tuple[Any, ...]
) -> None:
    import_file(workspace, write("a.json", json.dumps([CASES[format]()])))
    one = editor.page(workspace).rows[0]
    assert (
        one.ticket_status, one.score, one.reopened, one.channel, one.language, one.tags, one.topic
    ) == told  # fmt: skip


@pytest.mark.parametrize("format", CASES)
def test_only_a_private_note_gives_no_answer(workspace: Workspace, write: Write, format: str) -> None:
    """The agents' public messages are taken out; the notes stay, and there is no answer left."""
    quiet = CASES[format](2)
    lists = {
        "zendesk": lambda case: case["comments"],
        "intercom": lambda case: case["conversation_parts"]["conversation_parts"],
        "freshdesk": lambda case: case["conversations"],
        "helpscout": lambda case: case["_embedded"]["threads"],
        "front": lambda case: case["messages"],
    }
    said = lists[format](quiet)
    said[:] = [message for message in said if not any(answer in json.dumps(message) for answer in helpdesks.ANSWERS)]
    report = import_file(workspace, write("a.json", json.dumps([CASES[format](1), quiet])))
    assert (report.read, report.imported, report.rejected) == (3, 2, 1)
    assert rejected_rows(workspace, report.id)[0].reason.startswith("No answer of an agent")
    assert SECRET not in json.dumps([example.output for example in editor.page(workspace).rows])


@pytest.mark.parametrize(
    ("format", "change", "reason"),
    [
        ("zendesk", {"status": "open"}, "Not solved (status: open)"),
        ("zendesk", {"status": "deleted"}, "Marked as deleted"),
        ("zendesk", {"satisfaction_rating": {"score": "bad"}}, "Badly rated (rating: bad)"),
        ("zendesk", {"comments": []}, "The ticket came without its comments, as Zendesk exports those over 1 MB"),
        ("intercom", {"state": "snoozed"}, "Not solved (status: snoozed)"),
        ("intercom", {"conversation_rating": {"rating": 2}}, "Badly rated (rating: 2)"),
        ("freshdesk", {"status": 3}, "Not solved (status: pending)"),
        ("freshdesk", {"spam": True}, "Marked as spam"),
        ("freshdesk", {"deleted": True}, "Marked as deleted"),
        ("helpscout", {"status": "active"}, "Not solved (status: active)"),
        ("helpscout", {"status": "spam"}, "Marked as spam"),
        ("front", {"status_category": "open"}, "Not solved (status: open)"),
        ("front", {"status": "trashed"}, "Marked as deleted"),
    ],
)
def test_a_conversation_that_is_no_model_is_one_row_with_its_reason(
    workspace: Workspace, write: Write, format: str, change: dict[str, Any], reason: str
) -> None:
    report = import_file(workspace, write("a.json", json.dumps([CASES[format](1), CASES[format](2, **change)])))
    assert (report.read, report.imported, report.rejected) == (3, 2, 1)
    assert [row.reason for row in rejected_rows(workspace, report.id)] == [reason]


def test_lists_without_messages_are_refused_with_the_way_to_them(workspace: Workspace, write: Write) -> None:
    for format, missing in (
        ("intercom", "conversation_parts"),
        ("freshdesk", "conversations"),
        ("front", "messages"),
        ("zendesk", "comments"),
    ):
        case = CASES[format]()
        del case[missing]
        case.pop("comments", None)
        with pytest.raises(InputRefused, match="All 1 conversations were set aside") as refused:
            import_file(workspace, write(f"{format}.json", json.dumps([case])))
        assert refused.value.remedy == where_from.remedy(format)


def test_conversations_that_teach_nothing_say_what_to_export_instead(workspace: Workspace, write: Write) -> None:
    for change, remedy in (
        ({"status": "open"}, "Only what was solved is learned from"),
        ({"status": "deleted"}, "Export the conversations that are neither spam nor deleted"),
        ({"satisfaction_rating": {"score": "bad"}}, "Only what pleased the customer is learned from"),
    ):
        with pytest.raises(InputRefused) as refused:
            import_file(workspace, write("a.json", json.dumps([helpdesks.zendesk(1, **change)])))
        assert refused.value.remedy.startswith(remedy)


def test_users_apart_and_embedded_tell_who_is_a_customer(workspace: Workspace, write: Write) -> None:
    """A colleague of the requester writes too, and is told from an agent by the users of the page or by the author."""
    ticket = helpdesks.zendesk()
    ticket["comments"][3] |= {"author_id": 8, "body": "I am her colleague.", "html_body": ""}
    colleague = {"id": 8, "name": "Olga Petrova", "role": "end-user", "email": "olga@mail.example"}
    page = {"tickets": [ticket], "users": [*helpdesks.ZENDESK_USERS, colleague]}
    assert import_file(workspace, write("page.json", json.dumps(page))).read == 1
    asked = editor.page(workspace).rows[0].instruction
    assert "colleague" in asked
    assert asked.endswith(helpdesks.QUESTIONS[1])
    assert workspace.database.value("SELECT language FROM examples") == "es"
    embedded = helpdesks.zendesk(3, requester=helpdesks.ZENDESK_USERS[0], subject="Other")
    del embedded["requester_id"]
    embedded["comments"][3] |= {"author": colleague, "body": "Olga Petrova here.", "html_body": ""}
    assert import_file(workspace, write("embedded.json", json.dumps([embedded]))).imported == 1
    assert "[PERSON_" in editor.page(workspace).rows[-1].instruction


def test_merged_tickets(workspace: Workspace, write: Write) -> None:
    merged = helpdesks.zendesk(2, tags=["closed_by_merge"], status="closed")
    merged["comments"] = merged["comments"][:1]
    kept = helpdesks.zendesk(1)
    notice = 'Request #2 "Parcel" was closed and merged into this request. Last comment in request #2: ...'
    kept["comments"].append({"author_id": 9, "public": True, "body": notice, "created_at": "2024-03-01T11:00:00Z"})
    marked = {"author_id": 9, "public": True, "body": SECRET, "via": {"source": {"rel": "merge"}}}
    kept["comments"].append({**marked, "created_at": "2024-03-01T11:01:00Z"})
    report = import_file(workspace, write("a.json", json.dumps([kept, merged])))
    assert report.reasons == {"Merged into another ticket": 1}
    assert report.imported == 2
    assert "merged into" not in json.dumps([example.output for example in editor.page(workspace).rows])


def test_messages_stand_in_the_order_of_their_time(workspace: Workspace, write: Write) -> None:
    """Times of different zones and forms; the export has the newest first."""
    ticket = helpdesks.freshdesk()
    times = ["2024-03-01T10:01:00Z", "2024-03-01T12:02:00+02:00", "2024-03-01T10:03:00Z", "2024-03-01T06:04:00-04:00"]
    for reply, time in zip(ticket["conversations"], times, strict=False):
        reply["created_at"] = time
    ticket["conversations"].reverse()
    import_file(workspace, write("a.json", json.dumps([ticket])))
    assert [example.output for example in editor.page(workspace).rows][1] == helpdesks.ANSWERS[1]


def test_an_outbound_mail_is_the_agents(workspace: Workspace, write: Write) -> None:
    ticket = helpdesks.freshdesk(description_text="We found your hat.", description="", source=10)
    import_file(workspace, write("a.json", json.dumps([ticket])))
    assert [example.instruction for example in editor.page(workspace).rows] == [helpdesks.QUESTIONS[1]]
    assert "We found your hat." in editor.page(workspace).rows[0].history[0].content


def message_table(shuffled: bool) -> str:
    """The table of Intercom's messages: two conversations, row by row or mixed."""
    head = (
        "message_id,message_body,message_type,message_created_at,message_author_type,message_author_id,"
        "message_author_name,message_author_email,conversation_tags,conversation_id,conversation_state,"
        "conversation_created_at"
    )
    rows = []
    for number in (1, 2):
        told = [
            ("user", "conversation", f"Where is parcel {number}?"),
            ("admin", "note", SECRET),
            ("bot", "comment", SECRET),
            ("admin", "comment", f"<p>Parcel {number} is on its way, Ana.</p>"),
        ]
        rows += [
            [f"{number}{place}", text, kind, f"2024-03-01 10:{place:02}:00", author, "7",
             "Ana Lopez" if author == "user" else "Sam King", "ana@mail.example", "a,b", str(number), "closed",
             "2024-03-01 10:00:00"]
            for place, (author, kind, text) in enumerate(told)
        ]  # fmt: skip
    text = io.StringIO()
    csv.writer(text).writerows([head.split(","), *(sorted(rows, key=lambda row: row[3]) if shuffled else rows)])
    return text.getvalue()


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_table_with_a_message_in_each_row(workspace: Workspace, write: Write, shuffled: bool) -> None:
    report = import_file(workspace, write("a.csv", message_table(shuffled) + "torn,row\n"))
    assert (report.format, report.read, report.imported, report.rejected) == ("intercom", 3, 2, 1)
    first = editor.page(workspace).rows[0]
    assert (first.instruction, first.output) == ("Where is parcel 1?", "Parcel 1 is on its way, [PERSON_1].")
    assert SECRET not in stored(workspace)


def test_quotes_and_signatures_are_taken_off(workspace: Workspace, write: Write) -> None:
    ticket = helpdesks.zendesk()
    quoted = f"{helpdesks.QUESTIONS[1]}\n\nOn Fri, Mar 1, 2024 at 10:03 AM Sam King <sam@shop.example> wrote:\n> Hi Ana"
    ticket["comments"][4] |= {"body": quoted, "html_body": "", "plain_body": quoted}
    import_file(workspace, write("a.json", json.dumps([ticket])))
    assert editor.page(workspace).rows[1].instruction == helpdesks.QUESTIONS[1]


def test_automatic_replies_are_no_answers(workspace: Workspace, write: Write) -> None:
    ticket = helpdesks.freshdesk()
    ticket["conversations"][1]["body_text"] = "Hello,\nyour request (#17) has been received and waits for us."
    ticket["conversations"][3]["body_text"] = "Automatic reply: I am away until Monday."
    with pytest.raises(InputRefused, match=r"no answer of an agent, only private notes"):
        import_file(workspace, write("a.json", json.dumps([ticket])))


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_exports_with_anything_in_them_are_read(tmp_path: Path, data: st.DataObject) -> None:
    """A value anywhere in an export may be of any type; every conversation still comes, with answers or a reason."""
    format = data.draw(st.sampled_from(sorted(CASES)))
    case = CASES[format]()
    for _ in range(data.draw(st.integers(1, 5))):
        spoil(case, data.draw(st.integers(0, 10_000)), data.draw(ANYTHING))
    path = tmp_path / "a.json"
    path.write_text(json.dumps([CASES[format](2), case]))
    read = list(CONVERSATION_FORMATS[format].conversations(File(path, "a.json"), "utf-8"))
    assert read
    sieve = Sieve({}, None)
    assert all(sieve.sift_conversation(conversation) for conversation in read)
    assert all(SECRET not in answered.answer for conversation in read[:1] for answered in answers_in(conversation))


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.just([]), st.just({}),
    st.just([None]), st.just({"id": [{}]}), st.just("\ud800"), st.just(10**400), st.just("0001-01-01T00:00:00+14:00"),
)  # fmt: skip


def spoil(case: Any, which: int, value: Any) -> None:
    """Puts a value in the place of one of all those in nested lists and objects."""
    places: list[tuple[Any, Any]] = []
    left = [case]
    while left:
        part = left.pop()
        keys = part.keys() if isinstance(part, dict) else range(len(part))
        places += [(part, key) for key in keys]
        left += [part[key] for key in keys if isinstance(part[key], dict | list)]
    part, key = places[which % len(places)]
    part[key] = value


def test_lines_that_cannot_be_read_are_in_the_account(workspace: Workspace, write: Write) -> None:
    lines = [json.dumps({"ticket": helpdesks.zendesk()}), '{"ticket": {"id"', "17", json.dumps({"user": {"id": 7}})]
    report = import_file(workspace, write("a.jsonl", "\n".join(lines)))
    assert (report.read, report.imported, report.rejected) == (5, 2, 3)
    assert report.reasons == {"The line holds no conversation": 2, "The line is not complete JSON": 1}


def test_the_same_tickets_in_a_later_export_add_nothing(workspace: Workspace, write: Write) -> None:
    path = write("monday.json", json.dumps([helpdesks.zendesk()]))
    import_file(workspace, path)
    with pytest.raises(InputRefused, match="is here already"):
        import_file(workspace, path)
    with pytest.raises(InputRefused, match="is here already, so nothing"):
        import_file(workspace, write("tuesday.json", json.dumps({"tickets": [helpdesks.zendesk()]})))
    assert editor.page(workspace).total == 2


def test_what_the_helpdesk_says_survives_edits_and_versions(workspace: Workspace, write: Write) -> None:
    tickets = [helpdesks.zendesk(number, metric_set={"reopens": 2}) for number in range(6)]
    for ticket in tickets:
        for comment in ticket["comments"]:
            comment["html_body"] = f"<p>{comment['html_body']} Ticket {ticket['id']}.</p>"
    import_file(workspace, write("page.json", json.dumps({"tickets": tickets, "users": helpdesks.ZENDESK_USERS})))
    editor.edit_cell(workspace, 1, "output", "Another answer.")
    version = freeze(workspace)
    frozen = {each.id: each for split in SPLITS for each in versions.read_split(version.path, split)}
    assert len(frozen) == 12
    assert frozen[1] == editor.get_example(workspace, 1)
    told = ("solved", "good", 2, "email", "es")
    assert (frozen[1].ticket_status, frozen[1].score, frozen[1].reopened, frozen[1].channel, frozen[1].language) == told
    record = next(exports.records(workspace))
    assert tuple(record[name] for name in ("ticket_status", "rating", "reopened", "channel", "language")) == told


def test_a_workspace_of_the_first_release_gets_the_columns(tmp_path: Path, write: Write) -> None:
    """Its examples keep what they had; what the helpdesk said of them is not known."""
    root = tmp_path / "old"
    root.mkdir()
    connection = duckdb.connect(str(root / "tunedesk.duckdb"))
    first_tables(connection)
    connection.execute("CREATE TABLE migrations (number INTEGER PRIMARY KEY, made_at TIMESTAMP)")
    connection.execute("INSERT INTO migrations VALUES (1, now()::TIMESTAMP)")
    connection.execute("INSERT INTO examples (conversation, instruction, output) VALUES ('c', 'Where?', 'Here.')")
    connection.close()
    workspace = open_workspace(root)
    one = editor.page(workspace).rows[0]
    assert (one.output, one.ticket_status, one.reopened, one.language) == ("Here.", "", 0, "")
    assert import_file(workspace, write("a.json", json.dumps([helpdesks.zendesk()]))).imported == 2
    workspace.close()


def test_a_zip_of_an_export(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "export_2024_03_01_17_1.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("users.json", json.dumps({"users": helpdesks.ZENDESK_USERS}))
        made.writestr("tickets.json", json.dumps({"ticket": helpdesks.zendesk()}) + "\n")
    report = import_file(workspace, path)
    assert (report.read, report.imported) == (2, 2)
    assert any("users.json was left out" in note for note in report.notes)


def test_xml_is_refused_with_the_way_out(write: Write) -> None:
    with pytest.raises(InputRefused, match="Export JSON instead"):
        detect(write("tickets.xml", '<?xml version="1.0"?><tickets><ticket><id>1</id></ticket></tickets>'))


def test_columns_cannot_be_chosen_where_there_are_none(write: Write) -> None:
    path = write("a.json", json.dumps([helpdesks.zendesk()]))
    detected = detect(path, mapping={"instruction": ""})
    assert (detected.columns, detected.mapping, detected.holds_conversations) == ((), {}, True)
    assert detected.preview[1] == {"Question": helpdesks.QUESTIONS[1], "Answer": helpdesks.ANSWERS[1]}
    with pytest.raises(InputRefused, match="no columns to choose from"):
        detect(path, mapping={"instruction": "subject"})


def test_real_exports_import_or_are_refused_in_words(workspace: Workspace, shared_data: Path) -> None:
    files = sorted((shared_data / "helpdesk_exports").glob("*/*.*"))
    assert len(files) > 50
    refusals = {path: refused for path in files if (refused := refusal(workspace, path)) is not None}
    assert all(refused.message and refused.remedy for refused in refusals.values())
    sources = workspace.database.rows("SELECT * FROM sources")
    assert len(sources) + len(refusals) == len(files)
    assert all(source["read"] == source["kept"] + source["rejected"] for source in sources)
    assert "private note" not in json.dumps([example.output for example in editor.page(workspace, limit=999).rows])


def refusal(workspace: Workspace, path: Path) -> InputRefused | None:
    try:
        import_file(workspace, path)
    except InputRefused as refused:
        return refused
    return None
