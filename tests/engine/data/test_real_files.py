"""Every file of the public data through the one door: an account that adds up, or a refusal in words. Minutes, so slow.

What has to be in an account is written down for the sets that hold answers; all other files, tables of a helpdesk's
database and mails without an answer among them, may give passages, but never an example by guess.
"""

from pathlib import Path

import pytest

from engine.data.sources import import_file, list_sources, remove_source
from engine.data.sources.importing import SourceReport
from engine.data.sources.speakers import WhoAnswers
from engine.errors import InputRefused
from engine.workspace import Workspace

# path -> format, rows read, rows kept
ANSWERS = {
    "bank_faqs/BankFAQs.csv": ("csv", 1773, 1478),
    "bitext_support/tickets.csv": ("csv", 2697, 2697),
    "cookbook_rag_docs/evaluation/docs_evaluation_dataset.json": ("json", 100, 100),
    "ecommerce_faq/Ecommerce_FAQ_Chatbot_dataset.json": ("json", 79, 79),
    "ecommerce_faq/categories_variant_basmalaemara.json": ("json", 157, 157),
    "ecommerce_faq/paraphrase_variant_ayushii.json": ("json", 243, 232),
    "halueval/qa_one-turn_data.json": ("jsonl", 500, 500),
    "llamafactory_data/alpaca_en_demo.json": ("json", 999, 985),
    "llamafactory_data/dpo_en_demo.json": ("pairs", 562, 550),
    "llamafactory_data/glaive_toolcall_en_demo.json": ("chats", 589, 405),
    "llamafactory_data/kto_en_demo.json": ("chats", 396, 244),
}
CHATS = ("lorem.txt", "lorem-2000.txt", "lorem-merge-part1.txt", "lorem-merge-part2.txt")


def stored(workspace: Workspace, report: SourceReport) -> tuple[int, int, int]:
    """Examples, rows set aside and passages of a source, as they are in the database."""
    counts = workspace.database.rows(
        """SELECT (SELECT count(*) FROM examples WHERE source_id = $id) AS kept,
                  (SELECT count(*) FROM rejected_rows WHERE source_id = $id) AS rejected,
                  (SELECT count(*) FROM knowledge_passages WHERE source_id = $id) AS passages""",
        {"id": report.id},
    )
    return counts[0]["kept"], counts[0]["rejected"], counts[0]["passages"]


def check(workspace: Workspace, report: SourceReport) -> None:
    assert report.read == report.imported + report.rejected, report
    assert (report.imported, report.rejected, report.passages) == stored(workspace, report), report
    (source,) = list_sources(workspace)
    assert sum(source.reasons.values()) == report.rejected, report
    remove_source(workspace, report.id)
    assert stored(workspace, report) == (0, 0, 0)


@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_every_real_file_adds_up(workspace: Workspace, shared_data: Path) -> None:
    imported: dict[str, tuple[str, int, int]] = {}
    for path in sorted(path for path in shared_data.rglob("*") if path.is_file()):
        name = str(path.relative_to(shared_data))
        try:
            report = import_file(workspace, path)
        except InputRefused as error:
            refused = error
        else:
            check(workspace, report)
            if report.imported:
                imported[name] = (report.format, report.read, report.imported)
            continue
        assert refused.title, name
        assert refused.remedy, name
        assert list_sources(workspace) == [], name
    assert imported == ANSWERS


@pytest.mark.slow
@pytest.mark.parametrize("name", CHATS)
def test_real_chats_ask_who_answers(workspace: Workspace, shared_data: Path, name: str) -> None:
    path = shared_data / "chat_exports" / "whatstk" / "whatsapp" / name
    with pytest.raises(WhoAnswers) as asked:
        import_file(workspace, path)
    assert "John" in asked.value.names
    report = import_file(workspace, path, mapping={"agent": "John"})
    assert report.imported
    check(workspace, report)
