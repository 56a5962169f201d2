"""The choice of the base model as HTML: the quiet line under the recipes, what is being downloaded, what is here, what
can be had. Everything that came from a file or a person is escaped.
"""

from collections.abc import Sequence
from html import escape

from engine.errors import ModelUnavailable
from engine.models import catalogue, offered
from engine.models.download import Download
from engine.training.bases.choice import TICKETS, TIMES, Choice, Choices, Fit
from engine.training.bases.removal import Removal
from engine.training.estimates.estimate import Fits, in_words
from engine.words import so_large, so_many
from studio import notices
from studio.pieces import bar, button

CHIPS: dict[Fits, str] = {"fits": "td-good", "tight": "td-warn", "too big": "td-bad"}
STATES = {
    "starting": "Starting",
    "running": "Downloading",
    "stopping": "Stopping",
    "stopped": "Stopped",
    "failed": "Not finished",
}
DAY = 86_400.0

# A press means what its button's data say. What cannot be undone asks once more, naming what goes; the question stays
# when the list is drawn again beneath it, and is forgotten after a while.
PRESSED = """
const known = ['panel', 'take', 'fetch', 'halt', 'discard', 'remove'];
let asked = null, forget = 0;
const questions = () => {
  for (const button of element.querySelectorAll('button[data-sure]')) {
    const words = button.dataset.id === asked ? button.dataset.sure : button.dataset.words;
    if (button.textContent !== words) button.textContent = words;
  }
};
new MutationObserver(questions).observe(element, {childList: true, subtree: true, characterData: true});
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-press]');
  if (!button || button.disabled) return;
  const {press, id} = button.dataset;
  if (button.dataset.sure && asked !== id) {
    asked = id;
    clearTimeout(forget);
    forget = setTimeout(() => { asked = null; questions(); }, 10000);
    questions();
    return;
  }
  asked = null;
  questions();
  if (known.includes(press)) trigger(press, {id});
});
"""


def questions(hub: str) -> str:
    """What people ask before a download, answered: where a token is from, and what to do without internet."""
    return f"""
<details class="td-fold" data-fold="models-token"><summary>Where do I get a token?</summary><ol>
<li>Make an account at {escape(hub)}, which is free, and log in.</li>
<li>Open the page of the model (each on the list has a link to it), read its makers' conditions and accept them. Some
makers answer at once, some after a day.</li>
<li>Open {escape(hub)}/settings/tokens and make a token of the kind Read.</li>
<li>Copy it, paste it here, and press Download or Go on.</li></ol>
<p>It is used for that download alone and written nowhere, so going on with a gated model needs it again.</p></details>
<details class="td-fold" data-fold="models-offline"><summary>No internet on this computer?</summary>
<p>The starter model is in the box and needs none. For another one: open its page on a computer with internet, download
all its files into one folder (config.json, tokenizer.json and the .safetensors files above all), bring that folder here
on a disk, and name it above as a folder. Nothing else on this screen uses the network.</p></details>
"""


def line(base: str, begun: Sequence[Download], *, opened: bool) -> str:
    """Which model it will learn on, the button that opens the panel, and what is being downloaded meanwhile."""
    try:
        info = catalogue.resolve(base)
        words = f"<b>{escape(offered.of(info).name)}</b>, {escape(_where(info))}."
    except ModelUnavailable as error:
        words = f"<b>{escape(error.title)}</b>"
    alive = [] if opened else [each for each in begun if each.status.alive]
    told = "".join(
        f'<p class="td-quiet" role="status">{escape(offered.name_of(each.id))}: {escape(_progress(each))}</p>'
        for each in alive
    )
    turn = (
        f'<button type="button" class="td-link" data-press="panel" aria-expanded="{str(opened).lower()}" '
        f'aria-controls="train-models">{"Close" if opened else "Change"}</button>'
    )
    return f'<p class="td-base">Base model: {words} {turn}</p>{told}'


def _where(info: catalogue.ModelInfo) -> str:
    if info.id == catalogue.STARTER:
        return "in the box"
    return "downloaded" if catalogue.is_downloaded(info.id) else f"in the folder {info.path}"


def _progress(download: Download) -> str:
    left = f", {in_words(download.status.seconds_left)} left" if download.status.seconds_left else ""
    return f"{download.sentence.removesuffix('.')}{left}."


def under_way(begun: Sequence[Download]) -> str:
    """A card for each download that is under way or ended before the model was whole."""
    return "".join(map(_download, begun))


def _download(download: Download) -> str:
    status, name = download.status, escape(offered.name_of(download.id))
    chip = f'<span class="td-chip{" td-bad" if status.state == "failed" else ""}">{STATES[status.state]}</span>'
    error = download.error
    if status.alive:
        words = f"{_progress(download)} It goes on when you close this page."
        buttons = _button("Stop", "halt", download.id, what=f"Stop downloading {name}")
    else:
        kept = f"{so_large(status.step)} of {so_large(status.steps)} have arrived and are kept." if status.step else ""
        words = f"{kept} Going on fetches the rest alone." if kept else "Nothing of it has arrived yet."
        sure = f"Throw away {so_large(status.step)} for good" if status.step else "Take it off the list"
        buttons = _button("Go on", "fetch", download.id, css="td-button", what=f"Go on downloading {name}")
        buttons += _button("Throw away", "discard", download.id, sure=sure)
    card = notices.failure(error) if error else ""
    arrived = bar(status.share) if status.step else bar(None, "Asking the hub") if status.alive else ""
    return (
        f'<section class="td-download" aria-label="Download of {name}"><header><h4>{name}</h4>{chip}</header>'
        f'{arrived}<p class="td-soft" role="status">'
        f'{escape(words)}</p>{card}<p class="td-presses">{buttons}</p></section>'
    )


def lists(found: Choices, base: str, begun: Sequence[str], removals: dict[str, Removal]) -> str:
    """The recommendation, the models that are here, those that can be had, and those that are too big.

    Args:
        base: the one that is chosen.
        begun: ids of downloads that have a card of their own.
        removals: what deleting would do, of each that was downloaded.
    """
    usable = [each for each in found.offered if each.fits != "too big"]
    too_big = [each for each in found.offered if each.fits == "too big"]
    here = "".join(
        _here(each, each.info, base, removals.get(each.offer.id)) for each in found.here if each.info is not None
    )
    fold = (
        '<details class="td-fold" data-fold="models-too-big"><summary>'
        f"{so_many(len(too_big), 'model')} too big for this machine</summary>"
        f'<ul class="td-models">{"".join(_offer(each, found, begun) for each in too_big)}</ul></details>'
    )
    return (
        f"{_advice(found, base, begun)}<h3>On this machine</h3>"
        f'<ul class="td-models">{here}</ul><h3>To download</h3>{_explained(found)}'
        f'<ul class="td-models">{"".join(_offer(each, found, begun) for each in usable)}</ul>{fold if too_big else ""}'
    )


def _advice(found: Choices, base: str, begun: Sequence[str]) -> str:
    """Which one to take, and the button for it where it is not chosen yet."""
    taken = next(each for each in (*found.here, *found.offered) if each.offer.id == found.advice.base)
    press = "" if taken.offer.id == base else _choose(taken) if taken.info else _fetch(taken, found, begun)
    return f'<div class="td-advice"><p>{escape(found.advice.sentence)}</p>{press}</div>'


def _explained(found: Choices) -> str:
    """What the figures of the list mean, and what pressing does; once, for all of them."""
    gpu = (
        "QLoRA does the same with the model in 4 bits, which needs less memory."
        if found.machine.gpus
        else "QLoRA, which needs less memory, takes an NVIDIA GPU, and this machine has none."
    )
    free = so_large(found.machine.disk_free)
    return (
        f'<p class="td-quiet">LoRA trains a small part beside the model. {gpu} Memory is the least that training '
        f"needs; times are for {TICKETS:,} tickets seen {TIMES} times. Nothing is fetched before you press, and then "
        "from the hub alone: only weights as safetensors, which can carry no programs, and every file is checked. "
        f"Downloads go to {escape(str(catalogue.models_folder()))}; {free} are free there.</p>"
    )


def _here(choice: Choice, info: catalogue.ModelInfo, base: str, removal: Removal | None) -> str:
    kept = _where(info)[0].upper() + _where(info)[1:]
    facts = [_weights(info.parameters), f"{so_large(info.bytes)} on the disk", *_told(choice)]
    chosen = '<span class="td-chip td-good">Chosen</span>'
    return _model(choice, kept, facts, (chosen if info.id == base else _choose(choice)) + _delete(choice, removal))


def _choose(choice: Choice) -> str:
    return _button("Use it", "take", choice.offer.id, css="td-button", what=f"Use {choice.offer.name}")


def _delete(choice: Choice, removal: Removal | None) -> str:
    if removal is None:
        return ""
    if removal.used_by:
        return f'<span class="td-quiet">in use by {escape(", ".join(removal.used_by))}</span>'
    lost = f"; {', '.join(removal.bots)} cannot answer without it" if removal.bots else ""
    sure = f"Delete {choice.offer.name}: {so_large(removal.bytes)} become free{lost}"
    return _button("Delete", "remove", choice.offer.id, sure=sure)


def _offer(choice: Choice, found: Choices, begun: Sequence[str]) -> str:
    offer = choice.offer
    access = "gated: asks for an account" if offer.gated else "open to everybody"
    facts = [_weights(offer.parameters), f"{so_large(offer.bytes)} to download", *_told(choice), access]
    page = f'<a href="{escape(offer.page)}" target="_blank" rel="noopener noreferrer">Its page</a>'
    return _model(choice, "", facts, _fetch(choice, found, begun) + page)


def _fetch(choice: Choice, found: Choices, begun: Sequence[str]) -> str:
    offer = choice.offer
    if offer.id in begun:
        return '<span class="td-quiet">see above</span>'
    if not choice.room:
        return f'<span class="td-quiet">no room: {so_large(found.machine.disk_free)} are free on the disk</span>'
    words = f"Download {so_large(offer.bytes)}"
    return _button(words, "fetch", offer.id, css="td-button", what=f"{words}: {offer.name}")


def _model(choice: Choice, where: str, facts: Sequence[str], presses: str) -> str:
    offer = choice.offer
    words = " ".join(filter(None, [offer.good_for, offer.note, f"{where}." if where else ""]))
    listed = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    fits = _chip("LoRA", choice.lora) + (_chip("QLoRA", choice.qlora) if choice.qlora else "")
    return (
        f'<li data-model="{escape(offer.id)}"><div><h4>{escape(offer.name)}</h4><p class="td-soft">{escape(words)}</p>'
        f'<ul class="td-account">{listed}</ul></div>'
        f'<div class="td-fits">{fits}</div><p class="td-presses">{presses}</p></li>'
    )


def _told(choice: Choice) -> list[str]:
    """What models that are here and those that are not are told of alike."""
    offer = choice.offer
    time = [f"{TICKETS:,} tickets in about {_long(choice.seconds)}"] if choice.seconds else []
    languages = [f"languages: {offer.languages}"] if offer.languages else []
    return [*languages, f"reads {offer.context:,} tokens", *time, f"licence {offer.license}"]


def _weights(parameters: int) -> str:
    if parameters >= 1e9:
        return f"{parameters / 1e9:.1f} billion weights"
    return f"{parameters / 1e6:,.0f} million weights" if parameters >= 1e6 else f"{parameters:,} weights"


def _long(seconds: float) -> str:
    return in_words(seconds) if seconds < 2 * DAY else f"{seconds / DAY:,.0f} days"


def _chip(way: str, fit: Fit) -> str:
    # "3.1 of 14.7 GB"
    needed, available = so_large(fit.needed), so_large(fit.available)
    memory = f"{needed.removesuffix(' GB') if available.endswith(' GB') else needed} of {available}"
    return f'<span class="td-chip {CHIPS[fit.state]}">{way}: {fit.state}, {memory}</span>'


def _button(words: str, press: str, model_id: str, *, css: str = "td-plain", what: str = "", sure: str = "") -> str:
    """A button; one with `sure` asks that before it does anything."""
    return button(words, css=css, label=what, press=press, id=model_id, sure=sure, words=words if sure else "")
