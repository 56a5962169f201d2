"""English customer support conversations, invented from phrases, situations and slot vocabularies of our own.

``conversation(seed, part, index)`` gives chat messages; the data they are made of lies in ``text/``.
"""

from corpus.conversations import Message, conversation

__all__ = ["Message", "conversation"]
