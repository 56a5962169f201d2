"""Personal data: what was replaced, reviewed hit by hit with the keyboard; patterns of one's own; what is likely left.

The scan goes on in the studio whether or not this page is open (`review.background`), so a page that is loaded again
shows where it is.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine.data import changes, review
from engine.data.filters import Filter
from engine.data.review import background, deciding, hits, patterns, residual, rules
from engine.errors import InputRefused
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs.data import privacy_parts as parts
from studio.tabs.data import privacy_rules_parts as rules_parts
from studio.tabs.data.files_parts import REPLACED
from studio.tabs.data.view import View, paced, step

ON_A_PAGE = 40
# Of so many examples the report is drawn with the view; of more by its button.
AT_ONCE = 2_000
SECONDS_BETWEEN_LOOKS = 1.0
STATES = [("Waiting", "open"), ("Accepted", "accepted"), ("Rejected", "rejected"), ("All", "")]
LIKE, EXACT, EXPRESSION = "Numbers that look like it", "Exactly this text", "A regular expression"


class Spot(NamedTuple):
    """What is looked at: a kind (empty for all), the first hit of the page, and the one that is open."""

    kind: str = ""
    offset: int = 0
    at: int = 0


@notices.shown
def draw(workspace: Workspace, spot: tuple[Any, ...], state: str, search: str) -> tuple[Any, ...]:
    """Everything that changes with the examples: what `review_outputs` are."""
    examples = int(workspace.database.value("SELECT count(*) FROM examples WHERE status = 'active'"))
    unread, counts, work = review.unscanned(workspace), hits.kinds(workspace), background.status(workspace)
    words = parts.primary(counts, spot[0], unread, work)
    head = parts.verdict(counts, examples, unread, review.texts_to_read(workspace), work) if examples else ""
    return (
        gr.Row(visible=bool(examples)),
        head,
        parts.progress(work),
        gr.Button(words or "Look", visible=bool(words)),
        gr.Button(visible=work.goes_on),
        gr.Timer(active=work.goes_on),
        gr.Column(visible=bool(examples)),
        "" if examples else parts.nothing_yet(),
        gr.Button(interactive=changes.can_undo(workspace)[0]),
        rules_parts.rules(rules.list_rules(workspace)),
        _report(workspace) if examples <= AT_ONCE else "",
        gr.Button(visible=examples > AT_ONCE),
        *draw_hits(workspace, spot, state, search),
    )


@notices.shown
def draw_hits(workspace: Workspace, spot: tuple[Any, ...], state: str, search: str) -> tuple[str, str, str]:
    """The kinds, the page of hits, and the one that is open."""
    kind, offset, at = Spot(*spot)
    page = hits.find(workspace, kind, state, search, limit=ON_A_PAGE, offset=offset)
    if not page.hits and offset:
        # The last page was emptied: the first one is as good as any to go on with.
        offset = 0
        page = hits.find(workspace, kind, state, search, limit=ON_A_PAGE)
    at = max(0, min(at, len(page.hits) - 1))
    hit = page.hits[at] if page.hits else None
    shown = hits.places(workspace, hit.type, hit.secret) if hit else []
    listed = parts.hits(page, at=at, offset=offset, limit=ON_A_PAGE, state=state, search=search)
    return parts.kinds(hits.kinds(workspace), kind), listed, parts.opened(hit, shown)


def _report(workspace: Workspace) -> str:
    return rules_parts.report(residual.residual(workspace))


@notices.shown
def look(workspace: Workspace, spot: tuple[Any, ...], changed: int) -> int:
    """What the one button does: begins the scan, or accepts what waits."""
    if review.unscanned(workspace):
        background.start(workspace)
        return changed + 1
    waiting = hits.waiting(workspace, spot[0])
    done = deciding.accept(workspace, waiting)
    notices.say(f"{done.places:,} places are accepted. Undo takes it back.")
    return changed + 1


def follow(workspace: Workspace, changed: int) -> tuple[Any, ...]:
    """How far the scan is; when it has ended, all is drawn again."""
    work = background.status(workspace)
    return parts.progress(work), gr.Timer(active=work.goes_on), gr.skip() if work.goes_on else changed + 1


@notices.shown
def stop(workspace: Workspace) -> str:
    background.stop(workspace)
    return parts.progress(background.status(workspace))


def _events(workspace: Workspace) -> dict[str, Callable[..., int]]:
    """What the parts' own events do; each gives the new count of changes.

    Closures, not partials: Gradio finds the event's data by the type of a plain function's parameter.
    """

    def act(changed: int, event: gr.EventData) -> int:
        decide(workspace, str(event.verb), str(event.kind), int(event.secret), str(event.id))
        return changed + 1

    def forget(changed: int, event: gr.EventData) -> int:
        rules.remove_rule(workspace, int(event.id))
        notices.say("The rule is gone. What it replaced stays replaced.")
        return changed + 1

    return {"act": act, "forget": forget}


def decide(workspace: Workspace, verb: str, kind: str, secret: int, only: str) -> None:
    """One decision, on all places of a hit or, with `only`, on one finding."""
    chosen = [int(only)] if only else hits.ids_of(workspace, secret, ("open",), kind)
    if verb == "accept":
        deciding.accept(workspace, chosen)
    elif verb == "reject":
        _say_lost(deciding.reject(workspace, chosen))
    elif verb == "never":
        _say_lost(deciding.never(workspace, secret))
        notices.say("It is back everywhere, and imports to come leave it alone.")
    elif verb == "always":
        done = deciding.always(workspace, kind, secret)
        notices.say(f"{done.places:,} places; imports to come replace it as well.")
    else:
        deciding.take_back(workspace, kind, secret)


def _say_lost(done: deciding.Decided) -> None:
    if done.lost:
        gr.Warning(f"{done.lost:,} could not be brought back: their texts were changed since.")


def go(spot: tuple[Any, ...], event: gr.EventData) -> Spot:
    """Another kind, another page or another hit of it: what an event does not say stays."""
    kind, offset, _ = Spot(*spot)
    if getattr(event, "at", None) is not None:
        return Spot(kind, offset, int(event.at))
    chosen = getattr(event, "kind", None)
    return Spot(kind if chosen is None else str(chosen), int(event.offset))


def lead(event: gr.EventData) -> Filter:
    return Filter(ids=tuple(int(id) for id in str(event.ids).split(",")))


@notices.shown
def try_rule(workspace: Workspace, typed: str, how: str, kind: str) -> tuple[str, Any]:
    """What is typed, tried on all examples at once; what is wrong with it stands in the same place."""
    if not typed.strip():
        return rules_parts.untried(), gr.Button(interactive=False)
    try:
        found = (
            patterns.try_text(workspace, typed, kind)
            if how == EXACT
            else patterns.try_pattern(workspace, typed, kind, regular=how == EXPRESSION)
        )
    except InputRefused as error:
        return rules_parts.refused(f"{error.title} {error.message}", error.remedy), gr.Button(interactive=False)
    return rules_parts.trial(found), gr.Button(interactive=True)


@notices.shown
def keep_rule(
    workspace: Workspace, typed: str, how: str, kind: str, changed: int, progress: gr.Progress = gr.Progress()  # noqa: B008
) -> tuple[str, int]:  # fmt: skip
    if how == EXACT:
        done = deciding.always_text(workspace, typed, kind)
    else:
        done = patterns.keep_pattern(workspace, typed, kind, regular=how == EXPRESSION, progress=paced(progress))
    notices.say(f"The rule is kept; {done.places:,} places were replaced. Undo takes both back.")
    return "", changed + 1


class _Head(NamedTuple):
    """What stands above the hits: where the review is, and the scan."""

    row: gr.Row
    verdict: gr.HTML
    working: gr.HTML
    button: gr.Button
    halt: gr.Button


def _head() -> _Head:
    with gr.Row(elem_id="data-privacy-head", elem_classes="td-card", visible=False) as row:
        with gr.Column(scale=3, min_width=280):
            verdict = gr.HTML(elem_id="data-privacy-verdict")
            working = gr.HTML(elem_id="data-privacy-progress")
        with gr.Column(scale=1, min_width=280):
            button = gr.Button("Look", variant="primary", elem_id="data-scan", visible=False)
            halt = gr.Button("Stop looking", elem_id="data-scan-stop", visible=False)
    return _Head(row, verdict, working, button, halt)


def _own_patterns(workspace: Workspace, changed: gr.State) -> gr.HTML:
    """What a pattern of one's own is typed into, tried on and kept by; gives the list of rules that hold."""
    with gr.Accordion("Replace something of your own", open=False, elem_id="data-rules"):
        with gr.Row():
            typed = gr.Textbox("", label="What it looks like", placeholder="KD-123456", elem_id="data-pattern", scale=2)
            how = gr.Radio([LIKE, EXACT, EXPRESSION], value=LIKE, label="What you typed stands for", scale=3)
            kind = gr.Dropdown(
                [(REPLACED[each][0], each) for each in rules.KINDS], value="ACCOUNT", label="It is a kind of", scale=1
            )
        tried = gr.HTML(rules_parts.untried(), elem_id="data-trial")
        keep = gr.Button("Replace it, now and in imports", interactive=False, scale=0, elem_id="data-pattern-keep")
        in_force = gr.HTML(elem_id="data-in-force", js_on_load=parts.PRESSED)
    for field in (typed, how, kind):
        field.change(
            partial(try_rule, workspace), [typed, how, kind], [tried, keep], trigger_mode="always_last", **QUIET
        )
    keep.click(
        partial(keep_rule, workspace), [typed, how, kind, changed], [typed, changed], api_name="data_keep_pattern",
        show_progress="full", show_progress_on=tried, concurrency_limit=1,
    )  # fmt: skip
    return in_force


def build(workspace: Workspace, changed: gr.State) -> View:
    """Lays out the view and wires its own events."""
    refresh, leads, spot = gr.State(0.0), gr.State(), gr.State(Spot())
    timer = gr.Timer(SECONDS_BETWEEN_LOOKS, active=False)
    empty = gr.HTML(elem_id="data-privacy-empty")
    head = _head()
    with gr.Column(visible=False, elem_id="data-privacy-body") as body:
        kinds = gr.HTML(elem_id="data-kinds", js_on_load=parts.PRESSED)
        with gr.Row(elem_classes="td-filters"):
            state = gr.Radio(STATES, value="open", label="Show", elem_id="data-hit-state", scale=3, min_width=300)
            search = gr.Textbox("", label="Search", placeholder="A name, part of an address", scale=2, min_width=200)
            back = gr.Button("Undo", elem_id="data-privacy-undo", scale=0, min_width=90, interactive=False)
        with gr.Row(elem_classes="td-reviewing"):
            with gr.Column(scale=2, min_width=280):
                listed = gr.HTML(elem_id="data-hits", js_on_load=parts.KEYS)
            with gr.Column(scale=3, min_width=300):
                opened = gr.HTML(elem_id="data-hit", js_on_load=parts.PRESSED)
        in_force = _own_patterns(workspace, changed)
        with gr.Accordion("What is likely still personal", open=False, elem_id="data-residual"):
            weigh = gr.Button("Weigh what is left", visible=False, scale=0, elem_id="data-weigh")
            report = gr.HTML(elem_id="data-report", js_on_load=parts.PRESSED)

    where, found = [spot, state, search], [kinds, listed, opened]
    drawn = [*head, timer, body, empty, back, in_force, report, weigh, *found]
    redraw: dict[str, Any] = {"fn": partial(draw, workspace), "inputs": where, "outputs": drawn, **DRAWN}
    relist: dict[str, Any] = {"fn": partial(draw_hits, workspace), "inputs": where, "outputs": found, **DRAWN}
    refresh.change(**redraw)
    _wire_scan(workspace, head, timer, spot, changed)
    back.click(partial(step, workspace, back=True), changed, changed, **QUIET)
    for part in (listed, opened, in_force):
        for event, act in _events(workspace).items():
            # Drawn again even when it was refused, so that the page never shows what was not done.
            getattr(part, event)(notices.shown(act), changed, changed, **QUIET).failure(**redraw)
    for part in (kinds, listed):
        part.go(go, spot, spot, **QUIET).then(**relist)
    report.lead(lead, None, leads, **QUIET)
    for narrowed in (state.input, search.change):
        narrowed(lambda spot: Spot(spot[0]), spot, spot, trigger_mode="always_last", **QUIET).then(**relist)
    weigh.click(partial(_report, workspace), None, report, api_visibility="private")
    return View(refresh, leads=leads)


def _wire_scan(workspace: Workspace, head: _Head, timer: gr.Timer, spot: gr.State, changed: gr.State) -> None:
    # An import of ordinary size is looked through by itself, whatever is open.
    changed.change(lambda: background.start_small(workspace) and None, None, None, **QUIET)
    timer.tick(partial(follow, workspace), changed, [head.working, timer, changed], **QUIET)
    head.button.click(partial(look, workspace), [spot, changed], changed, api_name="data_scan", show_progress="hidden")
    head.halt.click(partial(stop, workspace), None, head.working, **QUIET)
