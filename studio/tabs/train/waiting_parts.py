"""The queue as HTML: what learns now, what waits and in which order.

Everything that came from a person is escaped.
"""

from collections.abc import Sequence
from html import escape

from engine.training.runs import Run
from engine.words import so_many
from studio.tabs.train.view import button


def waiting(learning: Run | None, queue: Sequence[Run], shown: str) -> str:
    """The queue; empty where nothing waits.

    Args:
        learning: the run that learns at present.
        queue: the runs that wait, the next one first.
        shown: id of the run that stands above.
    """
    if not queue:
        return ""
    first = "" if learning is None else _item(learning, "Learning now", "", shown)
    rows = "".join(
        _item(run, "Next" if at == 0 else f"After {escape(queue[at - 1].name)}", _moves(run, at), shown)
        for at, run in enumerate(queue)
    )
    return (
        f'<section class="td-waiting"><h3>{so_many(len(queue), "training waits", "trainings wait")}</h3>'
        '<p class="td-quiet">One learns at a time. Each begins by itself when the one before has ended, also while the '
        f"studio is closed.</p><ol>{first}{rows}</ol></section>"
    )


def _item(run: Run, when: str, moves: str, shown: str) -> str:
    here = " aria-current=true" if run.id == shown else ""
    return (
        f"<li{here}>{button(run.name, 'open', run.id, css='td-link')}<span>{when}</span>"
        f'<span class="td-moves">{moves}</span></li>'
    )


def _moves(run: Run, at: int) -> str:
    front = button("To the front", "front", run.id, css="td-plain", label=f"Move {run.name} to the front") if at else ""
    return front + button("Leave the queue", "leave", run.id, css="td-plain", label=f"Take {run.name} out of the queue")
