"""Articles of help centers: documents for the knowledge base, never examples; drafts and internal ones set aside."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.data import changes
from engine.data.review import rules
from engine.data.sources import detect, import_file, list_sources, rejected_rows
from engine.data.sources.articles import DRAFT, EMPTY, RESTRICTED, TEXT, TITLE
from engine.errors import InputRefused
from engine.workspace import Workspace
from tests.engine.data.conftest import passages

Write = Callable[..., Path]

BODY = (
    "<p>Write to <b>repairs@shop.example</b> first.</p><h2>What does it cost?</h2><p>Nothing &amp; no postage.</p>"
    "<h2>How long does it take?</h2><p>Ten days.</p>"
)


def zendesk(title: str = "Repairs", body: str = BODY, **more: Any) -> dict[str, Any]:
    return {
        "id": 35467, "author_id": 3465, "title": title, "body": body, "locale": "en-us", "section_id": 98838,
        "user_segment_id": None, "permission_group_id": 123, "draft": False, "label_names": ["repair"], **more,
    }  # fmt: skip


def intercom(title: str = "Repairs", body: str = BODY, **more: Any) -> dict[str, Any]:
    return {
        "id": "39", "type": "article", "workspace_id": "ws1", "parent_id": 6, "parent_type": "collection",
        "title": title, "description": "All about repairs", "body": body,
        "author_id": 991, "state": "published", **more,
    }  # fmt: skip


def freshdesk(title: str = "Repairs", body: str = BODY, **more: Any) -> dict[str, Any]:
    return {
        "id": 4, "type": 1, "status": 2, "agent_id": 432, "category_id": 2, "folder_id": 3, "title": title,
        "description": body, "description_text": "All of it in one line", "tags": ["repair"], **more,
    }  # fmt: skip


MAKERS = {"zendesk": zendesk, "intercom": intercom, "freshdesk": freshdesk}
DRAFTS: dict[str, dict[str, Any]] = {
    "zendesk": {"draft": True},
    "intercom": {"state": "draft"},
    "freshdesk": {"status": 1},
}


def shapes(desk: str, articles: list[dict[str, Any]]) -> list[str]:
    """The articles as the desk's API pages, as a list and as JSON lines."""
    page: Any = {
        "zendesk": {"count": len(articles), "next_page": None, "page": 1, "articles": articles},
        "intercom": {"type": "list", "pages": {"page": 1}, "total_count": len(articles), "data": articles},
        "freshdesk": {"results": articles},
    }[desk]
    return [json.dumps(page), json.dumps(articles), "\n".join(map(json.dumps, articles))]


@pytest.mark.parametrize("desk", MAKERS)
def test_articles_become_documents(workspace: Workspace, write: Write, desk: str) -> None:
    make = MAKERS[desk]
    wanted = [
        ("Repairs", "Repairs", "Write to [EMAIL] first."),
        ("Repairs", "Repairs > What does it cost?", "Nothing & no postage."),
        ("Repairs", "Repairs > How long does it take?", "Ten days."),
        ("Call ana [EMAIL]", "Call ana [EMAIL]", "From 9 to 5."),
    ]
    second = make("Call ana a@shop.example", "From 9 to 5.")
    for number, text in enumerate(shapes(desk, [make(), second, make(**DRAFTS[desk]), make("Nothing", "<p> </p>")])):
        report = import_file(workspace, write(f"{number}.json", text))
        assert (report.format, report.read, report.imported, report.passages) == ("articles", 2, 0, 4)
        assert report.reasons == {DRAFT: 1, EMPTY: 1}
        assert [row.content for row in rejected_rows(workspace, report.id)] == ["Repairs", "Nothing"]
        note = "2 articles of a help center become no examples: 4 passages go to the knowledge base."
        assert list_sources(workspace)[0].notes == (note,)
        assert passages(workspace)[-4:] == wanted
    assert workspace.database.value("SELECT count(*) FROM examples") == 0


def test_what_is_not_for_everybody_is_set_aside(workspace: Workspace, write: Write) -> None:
    path = write("internal.json", [zendesk(user_segment_id=77), intercom(type="internal_article"), zendesk("Open")])
    report = import_file(workspace, path)
    assert report.reasons == {RESTRICTED: 2}
    assert {source for source, *_ in passages(workspace)} == {"Open"}


def test_a_persons_rules_hold_in_the_names_of_articles(workspace: Workspace, write: Write) -> None:
    with workspace.database.transaction() as cursor:
        rules.remember(cursor, "always", "Ana Lopez", "PERSON", changes.new_batch(cursor))
    import_file(workspace, write("articles.json", json.dumps([zendesk("Ask Ana Lopez", "<p>She knows.</p>")])))
    assert {source for source, *_ in passages(workspace)} == {"Ask [PERSON_1]"}


def test_nothing_but_drafts_is_refused(workspace: Workspace, write: Write) -> None:
    with pytest.raises(InputRefused, match="no article that can be used") as refused:
        import_file(workspace, write("drafts.json", [freshdesk(status=1), freshdesk(status=1)]))
    assert refused.value.message == "All 2 were set aside (the article is a draft that nobody can read yet: 2)."
    assert list_sources(workspace) == []


def test_what_is_seen_before_the_import(write: Write) -> None:
    detected = detect(write("articles.json", [freshdesk(), freshdesk("Hours", "From 9 to 5.")]))
    assert (detected.has_columns, detected.holds_conversations) == (False, False)
    assert detected.preview == [
        {TITLE: "Repairs", TEXT: "Write to repairs@shop.example first."},
        {TITLE: "Hours", TEXT: "From 9 to 5."},
    ]


def test_a_table_of_articles_holds_the_last_of_each(workspace: Workspace, write: Write) -> None:
    columns = ["id", "title", "description", "body", "author_id", "state", "type", "parent_type", "updated_at"]
    rows = [
        ["a1", "Hours", "When", "<p>From 9 to 4.</p>", "9", "published", "article", "collection", "2023-01-01"],
        ["a2", "Soon", "", "<p>Not yet.</p>", "9", "draft", "article", "collection", "2023-01-01"],
        [
            "a1",
            "Hours",
            "When",
            "<p>From 9 to 5, <b>Sunday</b> too.</p>",
            "9",
            "published",
            "article",
            "",
            "2023-06-01",
        ],
    ]
    report = import_file(workspace, write("article_history.csv", [columns, *rows]))
    assert (report.format, report.passages, report.reasons) == ("articles", 1, {DRAFT: 1})
    assert passages(workspace) == [("Hours", "Hours", "From 9 to 5, Sunday too.")]


def test_a_broken_line_takes_no_other_with_it(workspace: Workspace, write: Write) -> None:
    lines = [json.dumps(intercom()), '{"type": "article", "title": "Half', json.dumps({"type": "article", "id": 1})]
    report = import_file(workspace, write("articles.jsonl", "\n".join(lines)))
    assert (report.passages, sum(report.reasons.values())) == (3, 2)


def test_real_articles_of_intercom(workspace: Workspace, shared_data: Path) -> None:
    folder = shared_data / "helpdesk_exports" / "intercom_fivetran_seeds"
    report = import_file(workspace, folder / "article_history_data.csv")
    assert (report.format, report.imported) == ("articles", 0)
    assert "Getting Started Guide" in {source for source, *_ in passages(workspace)}


def test_real_articles_of_freshdesk(workspace: Workspace, shared_data: Path) -> None:
    folder = shared_data / "helpdesk_exports" / "freshdesk_v2_samples"
    report = import_file(workspace, folder / "solution_articles.json")
    assert (report.format, report.imported, report.reasons) == ("articles", 0, {DRAFT: 1})
    assert report.passages >= 1
    assert "Changing account details" in {source for source, *_ in passages(workspace)}
