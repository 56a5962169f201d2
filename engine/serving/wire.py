"""What goes over the wire: a chat completion asked for and told as OpenAI's API words it, and nothing it cannot do.

https://platform.openai.com/docs/api-reference/chat/create
"""

import json
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import InputRefused, TunedeskError
from engine.guardrails.context import Message
from engine.guardrails.verdict import Verdict
from engine.models.generation import Decoding
from engine.models.structured import ANY_OBJECT, Schema, check_schema
from engine.serving.conversation import Done

MOST_MESSAGES = 200
MOST_CHARACTERS = 100_000
ROLES = ("system", "developer", "user", "assistant")
# Asking for one of these changes what an answer is; saying nothing about it would be a wrong answer.
NOT_DONE = ("tools", "functions", "tool_choice", "logprobs", "stop", "audio", "modalities")


class RequestRefused(InputRefused):
    """A request that cannot be answered; `param` is the part of it that is at fault."""

    def __init__(self, param: str, message: str, *, status: int = 400, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.status = status
        self.code = code


@dataclass(frozen=True)
class ChatRequest:
    """A checked request: a talk that ends with a customer's message, and how to answer it."""

    messages: tuple[Message, ...]
    decoding: Decoding
    stream: bool
    include_usage: bool


def parse(body: Any, model: str, decoding: Decoding) -> ChatRequest:
    """Checks a request's JSON.

    Args:
        model: the one model there is.
        decoding: what holds where the request says nothing.

    Raises:
        RequestRefused: says in a sentence what is wrong.
    """
    if not isinstance(body, dict):
        raise RequestRefused("body", "The request must be a JSON object.")
    asked = body.get("model") or model
    if asked != model:
        raise RequestRefused(
            "model", f"There is no model {asked!r} here, only {model!r}.", status=404, code="model_not_found"
        )
    for name in NOT_DONE:
        if body.get(name) not in (None, [], False, "none"):
            raise RequestRefused(name, f"{name} is not supported by this server.")
    if body.get("n") not in (None, 1):
        raise RequestRefused("n", f"n must be 1, got {body['n']!r}.")
    streams = body.get("stream") or False
    if not isinstance(streams, bool):
        raise RequestRefused("stream", f"stream must be true or false, got {streams!r}.")
    options = body.get("stream_options") or {}
    usage = isinstance(options, dict) and options.get("include_usage") is True
    return ChatRequest(_messages(body.get("messages")), _decoding(body, decoding), streams, usage)


def _messages(value: Any) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value:
        raise RequestRefused("messages", "messages must be a list with at least one message.")
    if len(value) > MOST_MESSAGES:
        raise RequestRefused("messages", f"messages may hold {MOST_MESSAGES} messages, got {len(value)}.")
    messages = tuple(_message(each, f"messages[{at}]") for at, each in enumerate(value))
    if sum(len(each["content"]) for each in messages) > MOST_CHARACTERS:
        raise RequestRefused("messages", f"messages may hold {MOST_CHARACTERS:,} characters in all.")
    if messages[-1]["role"] != "user" or not messages[-1]["content"].strip():
        raise RequestRefused("messages", "The last message must be the user's, and not empty.")
    return messages


def _message(value: Any, where: str) -> Message:
    if not isinstance(value, dict):
        raise RequestRefused(where, f"{where} must be an object with role and content.")
    role = value.get("role")
    if role not in ROLES:
        raise RequestRefused(f"{where}.role", f"{where}.role must be system, user or assistant, got {role!r}.")
    content = value.get("content")
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
        texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
        if len(texts) != len(content):
            raise RequestRefused(f"{where}.content", f"{where}.content may hold text parts only.")
        content = "\n".join(texts)
    if not isinstance(content, str):
        raise RequestRefused(f"{where}.content", f"{where}.content must be text.")
    return {"role": "system" if role == "developer" else role, "content": content}


def _decoding(body: dict[str, Any], decoding: Decoding) -> Decoding:
    longest = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
    limits = {
        longest: (int, 1, 8192),
        "temperature": (float, 0.0, 2.0),
        "top_p": (float, 0.0, 1.0),
        "seed": (int, 0, 2**63),
    }
    given: dict[str, Any] = {}
    for name, (kind, low, high) in limits.items():
        value = body.get(name)
        if value is None:
            continue
        number = isinstance(value, int) or (kind is float and isinstance(value, float))
        if isinstance(value, bool) or not number or not low <= value <= high or (name == "top_p" and value == 0):
            raise RequestRefused(name, f"{name} must be a number from {low} to {high}, got {value!r}.")
        given["max_new_tokens" if name == longest else name] = kind(value)
    return replace(decoding, **given, schema=_schema(body.get("response_format"), decoding.schema))


def _schema(wanted: Any, own: Schema | None) -> Schema | None:
    """The schema that the answer is held to: the request's, or else the bot's own, which "text" does not lift.

    Every schema is strict here, whatever "strict" says, and needs no name.
    """
    match wanted:
        case None | {"type": "text"}:
            return own
        case {"type": "json_object"}:
            return own if own is not None and own.get("type") == "object" else ANY_OBJECT
        case {"type": "json_schema", "json_schema": {"schema": schema}}:
            try:
                check_schema(schema)
            except InputRefused as error:
                raise RequestRefused("response_format.json_schema.schema", str(error)) from error
            return dict(schema)
    kinds = '{"type": "text"}, {"type": "json_object"} or {"type": "json_schema", "json_schema": {"schema": {...}}}'
    raise RequestRefused("response_format", f"response_format must be {kinds}.")


@dataclass(frozen=True)
class Teller:
    """Words events as OpenAI's clients read them. `head` is what every part of one answer begins with."""

    head: dict[str, Any]
    with_evidence: bool

    def chunk(self, delta: dict[str, str], finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event_line({**self.head, "object": "chat.completion.chunk", "choices": [choice], **more})

    def end(self, done: Done, verdicts: list[Verdict]) -> str:
        return self.chunk({}, _finish(done), tunedesk=self.more(done, verdicts))

    def usage_chunk(self, done: Done) -> str:
        return event_line({**self.head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(done)})

    def whole(self, done: Done, verdicts: list[Verdict]) -> dict[str, Any]:
        message = {"role": "assistant", "content": done.text}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(done)}
        extra = {"usage": _usage(done), "tunedesk": self.more(done, verdicts)}
        return {**self.head, "object": "chat.completion", "choices": [choice], **extra}

    def verdicts(self, verdicts: list[Verdict]) -> list[dict[str, Any]]:
        told = [verdict.as_dict() for verdict in verdicts]
        return told if self.with_evidence else [{**verdict, "evidence": {}} for verdict in told]

    def more(self, done: Done, verdicts: list[Verdict]) -> dict[str, Any]:
        """What Tunedesk tells beyond the standard."""
        return {
            "verdicts": self.verdicts(verdicts),
            "finish": done.finish,
            "seconds": round(done.seconds, 3),
            "first_seconds": round(done.first_seconds, 3),
            "passages": [],
        }


def event_line(value: dict[str, Any]) -> str:
    """One server-sent event."""
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def _finish(done: Done) -> str:
    return "length" if done.finish == "length" else "stop"


def _usage(done: Done) -> dict[str, int]:
    total = done.prompt_tokens + done.tokens
    return {"prompt_tokens": done.prompt_tokens, "completion_tokens": done.tokens, "total_tokens": total}


def error_value(error: TunedeskError) -> dict[str, Any]:
    """An error as OpenAI's clients read it."""
    kind = "invalid_request_error" if isinstance(error, InputRefused) else "server_error"
    param, code = (error.param, error.code) if isinstance(error, RequestRefused) else (None, None)
    return {"error": {"message": str(error), "type": kind, "param": param, "code": code}}
