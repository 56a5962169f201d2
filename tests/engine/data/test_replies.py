"""Whose words a mail holds: quotes, signatures, disclaimers and footers are taken off, and nothing else."""

from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.replies import reply, without_closing, without_quotes, without_signature
from tests.bench import replies as bench

QUOTE = "\n> Where is my order?\n> It is late.\n"


@pytest.mark.skipif(not bench.CORPORA.exists(), reason=f"no published cases of reply trimming in {bench.CORPORA}")
def test_published_cases() -> None:
    found = list(bench.cases())
    assert len(found) > 80
    for corpus in {case.corpus for case in found}:
        agreeing = [case.agrees for case in found if case.corpus == corpus]
        assert sum(agreeing) / len(agreeing) >= 0.95, corpus


@pytest.mark.parametrize(
    "attribution",
    [
        "On Tue, 3 Mar 2026 at 10:15, Ada Byron <ada@example.org> wrote:",
        "On Tue, 3 Mar 2026 at 10:15, Ada Byron\n<ada@example.org> wrote:",
        "Am 03.03.2026 um 10:15 schrieb Ada Byron:",
        "Am Di., 3. März 2026 um 10:15 Uhr schrieb Ada Byron <ada@example.org>:",
        "Le mar. 3 mars 2026 à 10:15, Ada Byron <ada@example.org> a écrit :",
        "El mar, 3 mar 2026 a las 10:15, Ada Byron (<ada@example.org>) escribió:",
        "Em ter., 3 de mar. de 2026 às 10:15, Ada Byron <ada@example.org> escreveu:",
        "Il giorno mar 3 mar 2026 alle ore 10:15 Ada Byron <ada@example.org> ha scritto:",
        "Op di 3 mrt 2026 om 10:15 schreef Ada Byron <ada@example.org>:",
        "Den tis 3 mars 2026 kl 10:15 skrev Ada Byron <ada@example.org>:",
        "wt., 3 mar 2026 o 10:15 Ada Byron <ada@example.org> napisał(a):",
        "вт, 3 мар. 2026 г. в 10:15, Ada Byron <ada@example.org>:",
        "2026年3月3日(火) 10:15 Ada Byron <ada@example.org>:",
        "Ada Byron <ada@example.org> 于2026年3月3日周二 10:15写道：",
        "3 Mar 2026 Sal, 10:15 tarihinde Ada Byron <ada@example.org> şunu yazdı:",
    ],
)
def test_attributions(attribution: str) -> None:
    assert without_quotes(f"It left today.\n\n{attribution}\n{QUOTE}") == "It left today."
    assert without_quotes(f"{attribution}\n{QUOTE}\nIt left today.") == "It left today."


@pytest.mark.parametrize(
    "block",
    [
        "From: Ada <ada@example.org>\nSent: Tuesday 10:15\nTo: Shop\nSubject: Late",
        "-----Ursprüngliche Nachricht-----\nVon: Ada\nGesendet: Dienstag\nAn: Laden\nBetreff: Spät",
        "________________________________\nDe : Ada\nEnvoyé : mardi\nÀ : Boutique\nObjet : Retard",
        "发件人: Ada\n发送时间: 2026\n收件人: Shop\n主题: Late",
        "##- Please type your reply above this line -##",
        "---------- Forwarded message ---------",
    ],
)
def test_earlier_mails_without_quote_marks(block: str) -> None:
    assert without_quotes(f"It left today.\n\n{block}\n\nWhere is my order?") == "It left today."


@pytest.mark.parametrize(
    "text",
    [
        "From: Berlin\nTo: Munich\nDate: Friday\nCan I change the date?",
        "On Monday I wrote to you about a refund and nothing happened.",
        "Steps:\n---\n1. Open the settings.\n2. Choose the language.",
        "```\n-- drop the index\n--\nselect 1\n```\nRun this.",
        "> Where is my order?\nIt left today.\n> And the invoice?\nIt is in the parcel.",
        "Do you have it in blue?\nFrom my phone I cannot see the colours.",
        "Sorry.\n\nI sent you a photo from my phone yesterday",
        "Fine.\n\nThis lamp is intended only for indoor use.",
        "Hello.\n\nIs my data confidential and will you delete it?",
        "Thanks\nmy order never came\nplease help",
        "I see.\n\nThanks\nAny news",
        "Good news.\n\nGrace period is 14 days.",
        "You can see it here.\n\nGet the app for Android: it shows the way of the parcel.",
    ],
)
def test_own_words_stay(text: str) -> None:
    assert reply(text, "Grace Hopper") == text


@pytest.mark.parametrize(
    "footer",
    [
        "-- \nGrace Hopper\nCustomer care\n+49 30 1234567",
        "Sent from my iPhone",
        "Gesendet mit der GMX Mail App",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Get Outlook for Android",
        "This e-mail and its attachments are confidential and meant for the addressee, not for anyone else.",
        "Diese E-Mail enthält vertrauliche Informationen. Sind Sie nicht der richtige Adressat, löschen Sie sie.",
        "-- \nGrace\n\nThis message is intended solely for the person it is addressed to.\n\nSent from my iPad",
    ],
)
def test_footers(footer: str) -> None:
    assert without_signature(f"It left today.\n\n{footer}") == "It left today."


@pytest.mark.parametrize(
    "closing",
    [
        "Best regards,\nGrace Hopper\nCustomer care",
        "Mit freundlichen Grüßen\n\nGrace Hopper\nKundendienst",
        "Cordialement,\nGrace",
        "Saludos\nGrace",
        "Grace",
        "Grace Hopper\nExample Shop\nwww.example.org",
    ],
)
def test_closings(closing: str) -> None:
    assert without_closing(f"It left today.\n\n{closing}", "Grace Hopper") == "It left today."


def test_a_name_is_no_signature_without_its_writer() -> None:
    assert without_closing("Who is it for?\n\nGrace", "Ada Byron") == "Who is it for?\n\nGrace"


def test_a_quote_alone_with_its_attribution_holds_no_reply() -> None:
    assert reply("On 3 Mar 2026 at 10:15, Ada <ada@example.org> wrote:\n> Hello\n> you") == ""


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "text",
                "",
                "> quote",
                "On 1.1.2026 10:00 A <a@b.de> wrote:",
                "-- ",
                "From: a@b.de",
                "To: c",
                "Subject: d",
                "```",
            ]
        )
        | st.text(max_size=40),
        max_size=30,
    ).map("\n".join)
)
def test_only_lines_of_the_mail_come_back(text: str) -> None:
    lines = {line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")}
    assert set(reply(text, "Ada").split("\n")) <= lines | {""}


@pytest.mark.parametrize(
    "part", ["On 1.1.2026 10:00 A wrote:\n> q\ntext\n", "a" * 80, "From: a@", "> " * 50 + "\n", "- \n"]
)
def test_hostile_mails_take_no_minutes(part: str) -> None:
    began = perf_counter()
    reply(part * (60_000 // len(part)))
    assert perf_counter() - began < 30
