"""How a run learns as HTML: its curve, the small ones below it, and how its sample answers change.

Everything that came from a file or a model is escaped.
"""

from collections.abc import Callable, Sequence
from html import escape

from engine.evaluation.wording import Shared, shared_words
from engine.training.runs import Run
from engine.training.told import Curve, Sample
from engine.training.watched import Point
from engine.words import so_large
from studio import charts

HINT = "Loss: how surprised the model is by the right answer. Lower is better; validation is what it never learns from."


def chart(run: Run, curve: Curve, told: int | None) -> str:
    """Loss over steps at full width, with learning rate, gradient norm, speed and memory below.

    Args:
        told: the step at which the watcher spoke, if it did.
    """
    steps = run.status.steps or run.result.get("steps")
    drawn = charts.curve(curve.train, curve.validation, best=curve.best, steps=steps, told=told)
    if not curve.train:
        return drawn
    measured = (
        (curve.learning_rate, "Learning rate", "how large its steps are", "{:.2g}".format),
        (curve.gradient_norm, "Gradient norm", "how hard each example pulls", "{:.2f}".format),
        (curve.tokens_per_second, "Tokens a second", "how fast it reads", "{:,.0f}".format),
        (curve.memory, "Memory", "at most so far", _size),
    )
    small = "".join(_small(*each, steps) for each in measured)
    return f'{drawn}<p class="td-quiet">{HINT}</p><div class="td-smalls">{small}</div>'


def _small(points: list[Point], name: str, meaning: str, say: Callable[[float], str], steps: int | None) -> str:
    return charts.small(points, name, say(points[-1][1]), meaning, steps=steps) if points else ""


def _size(value: float) -> str:
    return so_large(int(value))


def samples(run: str, found: Sequence[Sample]) -> str:
    """Sample questions of a run: the newest answer beside the first, and how much of the hoped-for one each says."""
    if not found:
        return ""
    scored = [[(step, shared_words(answer, sample.expected)) for step, answer in sample.answers] for sample in found]
    said, first = (sum(rounds[at][1].said for rounds in scored) for at in (-1, 0))
    words = sum(rounds[-1][1].words for rounds in scored)
    before = f", at first {first:,}" if any(len(rounds) > 1 for rounds in scored) else ""
    cards = "".join(
        _sample(f"{run}-{number}", sample, rounds)
        for number, (sample, rounds) in enumerate(zip(found, scored, strict=True))
    )
    return (
        "<h3>Sample answers</h3>"
        f'<p class="td-soft">Of {words:,} words that are hoped for it now says {said:,}{before}.</p>'
        '<p class="td-quiet">Questions it does not learn from; answers are cut off early. Marked: words of the answer '
        "that is hoped for. They show that it learns, not that it is right.</p>"
        f'<div class="td-learned">{cards}</div>'
    )


def _sample(fold: str, sample: Sample, rounds: Sequence[tuple[int, Shared]]) -> str:
    (first_step, _), (step, shared) = rounds[0], rounds[-1]
    now = _answer(f"Now, step {step:,}" if step != first_step else f"Step {step:,}", _marked(shared), "td-now")
    then = "" if step == first_step else _answer(_at(first_step), escape(sample.answers[0][1]) or _NOTHING, "td-then")
    return (
        f'<article class="td-sample"><div class="td-bubble td-customer">{escape(sample.question)}</div>'
        f'<div class="td-change">{now}{then}</div>{_rounds(rounds)}'
        f'<details data-fold="hoped-{escape(fold)}"><summary>The answer that is hoped for</summary>'
        f"<p>{escape(sample.expected)}</p></details></article>"
    )


_NOTHING = '<span class="td-quiet">nothing yet</span>'


def _at(step: int) -> str:
    return "Before it learned" if step == 0 else f"At step {step:,}"


def _answer(when: str, said: str, css: str) -> str:
    return f'<div class="{css}"><small>{when}</small><div class="td-bubble">{said}</div></div>'


def _marked(shared: Shared) -> str:
    """An answer with the words marked that are hoped for."""
    parts = (f"<mark>{escape(text)}</mark>" if hit else escape(text) for text, hit in shared.parts)
    return "".join(parts) or _NOTHING


def _rounds(rounds: Sequence[tuple[int, Shared]]) -> str:
    """A column for each time it was asked, as high as its share of the hoped-for words."""
    if len(rounds) < 2:
        return ""
    columns = "".join(
        f'<li style="--share:{shared.share:.3f}" title="{_at(step)}: {shared.said} of {shared.words} words"></li>'
        for step, shared in rounds
    )
    last = rounds[-1][1]
    told = f"{last.said} of {last.words} words, at first {rounds[0][1].said}"
    return (
        f'<figure class="td-rounds" role="img" aria-label="{told}"><ol aria-hidden="true">{columns}</ol>'
        f"<figcaption>{told}</figcaption></figure>"
    )
