"""How to get conversations and articles out of other programs: through their screens where one does it, else through
what an engineer calls. The Files view shows all of it, and a refusal the part that helps.
"""

from typing import NamedTuple


class WayOut(NamedTuple):
    """How files come out of a program: its name, the way, what to look out for."""

    name: str
    way: str
    care: str


EXPORTS = (
    WayOut(
        "Zendesk",
        "In Admin Center open Account, Tools, Reports, and there the Export tab. Beside JSON export choose the dates "
        "and tickets, then press Export. A link to the file comes by e-mail.",
        "Not the CSV export: it has no comments. No Export tab? The account's owner asks Zendesk to switch exports "
        "on; Team plans have none.",
    ),
    WayOut(
        "Intercom",
        "Its screens export lists without messages, or one conversation at a time. For all of them ask your "
        "engineer: the API gives each conversation with its messages (/conversations/ID); save those answers as "
        "JSON.",
        "A CSV with a message in each row, as add-ons write it, can be read too.",
    ),
    WayOut(
        "Freshdesk",
        "The Export button above the list of tickets gives a list without answers. Ask your engineer: the API gives "
        "each ticket with its answers (/api/v2/tickets/ID?include=conversations); save those as JSON.",
        "The key that this takes is behind your picture: Profile settings, View API key. It opens all that you can "
        "see, so give it to nobody else.",
    ),
    WayOut(
        "Help Scout and Front",
        "Help Scout exports its reports without messages. Ask your engineer: its API gives conversations with their "
        "threads (/v2/conversations?embed=threads), that of Front the messages of each (/conversations/ID/messages).",
        "Save the answers as JSON; several pages may go into one zip.",
    ),
    WayOut(
        "A mailbox",
        "Gmail: at takeout.google.com choose Mail alone. Outlook: drag mails into a folder, which makes .msg files. "
        "Thunderbird: mark mails and save them as .eml files.",
        "Pack many files into one zip. Who answers is asked where it is not plain.",
    ),
    WayOut(
        "WhatsApp and Slack",
        "WhatsApp: in the chat open the menu, More, Export chat, without media; on an iPhone press the name above "
        "the chat first. Slack: workspace settings, Import/Export Data, the Export tab.",
        "In Slack only owners and admins see it, and it holds public channels.",
    ),
    WayOut(
        "Articles of a help center",
        "Zendesk: open https://YOUR-NAME.zendesk.com/api/v2/help_center/articles.json?per_page=100 in the browser "
        "and save the page. Intercom (/articles) and Freshdesk (/api/v2/solutions/folders/ID/articles) give them "
        "through their APIs.",
        "More than 100 in Zendesk: add &page=2 and so on. They go to the knowledge base, where the bot looks "
        "things up; so do web pages, Word files and PDFs.",
    ),
)

OTHERS = (
    "Also read: transcripts, tables (CSV, Excel, Parquet, JSON), training files in the forms of Alpaca, ShareGPT, "
    "OpenAI and TRL, documents (Word, PDF, web pages, Markdown), or a zip of any of these. What a file is, is told "
    "from its content."
)

_BY_NAME = {each.name: each for each in EXPORTS}
WAYS = {
    "zendesk": _BY_NAME["Zendesk"],
    "intercom": _BY_NAME["Intercom"],
    "freshdesk": _BY_NAME["Freshdesk"],
    "helpscout": _BY_NAME["Help Scout and Front"],
    "front": _BY_NAME["Help Scout and Front"],
}
"""Format -> how the conversations of that helpdesk come out of it."""


def remedy(format: str) -> str:
    """What to do where a file of a helpdesk holds no answers: the sentences on its export that does."""
    return f"Take the export that holds them. {WAYS[format].way} {WAYS[format].care}"
