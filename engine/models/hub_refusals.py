"""What the hub and the network refuse, in plain words with the next step."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
from huggingface_hub import constants
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from engine.errors import JobFailed, ModelUnavailable, TunedeskError

# Answers that may be others in a moment.
BUSY = (408, 429, 500, 502, 503, 504)


class Interrupted(Exception):
    """Something that may be over in a moment; `error` is what to say if it is not."""

    def __init__(self, error: TunedeskError) -> None:
        super().__init__(error.title)
        self.error = error


@contextmanager
def in_words(model_id: str, token: str | None, *, under_way: bool = False) -> Iterator[None]:
    """Says in plain words what the hub or the network refused.

    From None throughout: what the library and the hub say may repeat the request and with it the token, and what is
    raised here ends up in a log.
    """
    try:
        yield
    except HfHubHTTPError as error:
        said = _refusal(model_id, error, token)
        if error.response.status_code in BUSY:
            raise (Interrupted(said) if under_way else said) from None
        raise said from None
    except httpx.TransportError as error:
        said = unreachable(model_id, type(error).__name__, under_way)
        raise (Interrupted(said) if under_way else said) from None
    except json.JSONDecodeError:
        raise unreachable(model_id, "a page came instead, as of a network that wants a login", under_way) from None


def _refusal(model_id: str, error: HfHubHTTPError, token: str | None) -> TunedeskError:
    code = error.response.status_code
    page = f"{constants.ENDPOINT}/{model_id}"
    tokens = f"{constants.ENDPOINT}/settings/tokens"
    if isinstance(error, GatedRepoError) and token is None:
        return ModelUnavailable(
            f"{model_id} is gated.",
            "Its makers hand it out only to people who have accepted their conditions, and the hub does not know you.",
            f"Open {page}, log in and accept the conditions. Make a token that may read at {tokens}. Then start the "
            "download again with it: typed in where Tunedesk asks for a token, or in the variable HF_TOKEN.",
        )
    if isinstance(error, GatedRepoError):
        return ModelUnavailable(
            f"{model_id} is gated, and the account of your token may not have it yet.",
            "Its conditions were not accepted with this account, its makers have not answered yet, or the token may "
            "not read gated models.",
            f"Open {page} with the account of the token and look whether access was granted; what the token may do is "
            f"set at {tokens}. Then start the download again.",
        )
    # Whom it does not know, the hub answers 401 for what is not there as well as for what is private.
    if isinstance(error, RepositoryNotFoundError) or (code == 401 and token is None):
        return ModelUnavailable(
            f"{model_id} was not found on the hub.",
            f"There is no such model at {urlsplit(constants.ENDPOINT).netloc}, or it is private.",
            "Copy the id from the top of the model's page; for a private one give a token of an account that sees it.",
        )
    if code in (401, 403):
        return ModelUnavailable(
            "The hub did not accept the token.",
            f"It may have been mistyped, withdrawn, or not allowed to read {model_id} (answer {code}).",
            f"Make a new token that may read at {tokens} and start the download again with it.",
        )
    if code == 404:
        return JobFailed(
            f"{model_id} was changed on the hub in the meantime.",
            "The edition that this download began with is not there any more.",
            "Discard the download and start it again; it then fetches the present edition.",
        )
    if code == 429:
        return JobFailed(
            "The hub asks for a pause.",
            "Too many requests came from this network or this account (answer 429).",
            "Start the download again in some minutes; it goes on where it stopped.",
        )
    return JobFailed(
        "The hub could not answer.",
        f"It answered {code}, which is a trouble on its side as a rule.",
        "Start the download again in some minutes; it goes on where it stopped.",
    )


def unreachable(model_id: str, kind: str, under_way: bool) -> TunedeskError:
    host = urlsplit(constants.ENDPOINT).netloc
    if under_way:
        return JobFailed(
            "The connection to the hub broke, several times.",
            f"No bytes of {model_id} come through any more ({kind}). What has arrived is kept.",
            "Look at your network, then start the download again; it goes on where it stopped.",
        )
    return JobFailed(
        "The hub cannot be reached.",
        f"This computer is offline, or {host} is blocked where you are ({kind}).",
        "Connect to the internet and start the download again. Without internet: download the model's folder on "
        "another computer, bring it here, and choose it as a local folder. The starter model needs no download.",
    )
