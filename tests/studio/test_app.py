"""The studio as a whole: what it opens, what it loads, what it draws again."""

import inspect
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import psutil
import pytest

from engine import files
from engine.errors import InputRefused, WorkspaceBusy
from engine.processes import Identity
from engine.workspace import Workspace, open_workspace
from studio import app
from tests.browser.conftest import Studio, close, open_studio

CHECKOUT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "transformers", "unsloth", "trl", "peft", "datasets", "sentence_transformers", "evaluate", "sklearn")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(tmp_path / "shop", "a test")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio on a machine whose web traffic goes through a proxy, which does not find this machine."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        opened = open_studio(tmp_path_factory.mktemp("studio") / "shop")
    yield opened
    close(opened)


def test_building_and_drawing_every_tab_loads_no_model_library(tmp_path: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from engine.workspace import open_workspace
from studio import app
workspace = open_workspace(Path({str(tmp_path / "shop")!r}))
built = app.build_app(workspace)
for function in built.fns.values():
    if not function.inputs and function.targets[0][1] in ("load", "select"):
        function.fn()
print(sorted(name for name in {HEAVY!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.bench
def test_the_first_page_comes_soon(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    """Printed, not judged: other work on the machine would decide the result."""
    with capsys.disabled():
        print(f"\nfirst page {studio.seconds:.1f} s after the process started (to be under 3 on a quiet machine)")


def test_it_listens_to_this_machine_alone(studio: Studio) -> None:
    connections = psutil.Process(studio.process.pid).net_connections("inet")
    listening = {connection.laddr.ip for connection in connections if connection.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_it_answers_to_its_own_names_only(studio: Studio) -> None:
    port = httpx.URL(studio.address).port
    with httpx.Client(base_url=studio.address, trust_env=False) as client:
        for path in ("/", "/config", "/gradio_api/info"):
            assert client.get(path, headers={"Host": f"localhost:{port}"}).status_code == 200
            assert client.get(path, headers={"Host": f"rebound.example:{port}"}).status_code == 400
        joined = client.post("/gradio_api/queue/join", json={}, headers={"Host": "rebound.example"})
        assert joined.status_code == 400
        assert "host" in joined.text.lower()


def test_it_says_where_it_is(studio: Studio) -> None:
    assert f"Tunedesk is open at {studio.address}" in studio.log.read_text()


def test_a_second_one_is_told_who_holds_the_workspace(studio: Studio) -> None:
    second = open_workspace(studio.workspace, "tunedesk import")
    with pytest.raises(WorkspaceBusy, match=f"(?s)The studio .*{studio.address}"):
        app.build_app(second)


def test_a_port_asked_for_and_taken_is_a_plain_refusal(workspace: Workspace) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputRefused, match=f"Port {port} is taken") as caught:
            app.launch_studio(workspace, port, open_browser=False)
    assert "--port" in caught.value.remedy


def test_every_event_is_named_or_private(workspace: Workspace) -> None:
    # An event that nobody named would be open to any program under the name of its function.
    offered = {
        function.api_name for function in app.build_app(workspace).fns.values() if function.api_visibility == "public"
    }
    assert all(isinstance(name, str) and not name.startswith(("lambda", "_", "partial")) for name in offered), offered
    assert {"start_sample", "stop_job"} <= offered


def test_what_is_asked_for_directly_only_draws(workspace: Workspace) -> None:
    # Past the queue, Gradio tells the page of no changed state and no notice: what hangs on them would not run.
    events = app.build_app(workspace).fns.values()
    heard = {target for event in events for target, name in event.targets if name == "change"}
    direct = [event for event in events if not event.queue]
    assert len(direct) > 30
    for event in direct:
        assert not [each for each in event.outputs if isinstance(each, gr.State) and each._id in heard], event.fn
        assert event.fn is None or not inspect.isgeneratorfunction(inspect.unwrap(event.fn))


def test_waiting_is_looked_for_in_few_places(workspace: Workspace) -> None:
    # Gradio's page looks for each of these places, through the whole page, at each word from the server.
    events = app.build_app(workspace).fns.values()
    places = {place._id for event in events for place in event.show_progress_on or event.outputs}
    assert len(places) < 40


def test_a_tick_draws_only_what_changed(workspace: Workspace) -> None:
    first = app._draw(workspace)
    assert app._redraw(workspace, first) == (gr.skip(),) * 5
    with workspace.database.transaction() as cursor:
        cursor.execute("INSERT INTO examples (conversation, instruction, output) VALUES ('1', 'a', 'b')")
    shown, brand, nav, running, heads = app._redraw(workspace, first)
    assert (brand, running) == (gr.skip(), gr.skip())
    assert "1 example<" in nav
    assert "freeze a version" in heads
    assert app._redraw(workspace, shown) == (gr.skip(),) * 5


def test_a_screen_is_asked_for_when_something_changed_in_it(workspace: Workspace) -> None:
    before = dict(zip(app.FOLLOWING, app._look(workspace), strict=True))
    assert app._look(workspace) == list(before.values())

    folder = workspace.evaluations / "evaluation-1"
    folder.mkdir(parents=True)
    files.write_json(folder / "job.json", {"module": "m", "started_at": 0.0, "pid": 0, "created": 0.0})
    after = dict(zip(app.FOLLOWING, app._look(workspace), strict=True))
    assert [place for place in before if before[place] != after[place]] == ["evaluate"]

    (workspace.bots / "mine").mkdir()
    files.write_json(workspace.bots / "mine" / "bot.json", {"format": 99})
    told = dict(zip(app.FOLLOWING, app._look(workspace), strict=True))
    assert [place for place in after if after[place] != told[place]] == ["ship"], "the others go on"
    with pytest.raises(gr.Error, match="another Tunedesk"):
        app.ship.pulse(workspace, "", [], 0.0)


def test_what_ticks_all_the_time_asks_past_the_queue(workspace: Workspace) -> None:
    built = app.build_app(workspace)
    ticks = [
        (built.blocks[each], event) for event in built.fns.values() for each, name in event.targets if name == "tick"
    ]
    always = [event for timer, event in ticks if isinstance(timer, gr.Timer) and timer.active]
    assert len(always) == 2
    assert not any(event.queue for event in always)


def test_stop_in_the_rail_asks_the_job_to_keep_what_it_has(workspace: Workspace) -> None:
    run = workspace.runs / "quick-1"
    run.mkdir()
    me = Identity.of(os.getpid())
    files.write_json(run / "run.json", {"name": "Quick try 1"})
    files.write_json(run / "job.json", {"module": "m", "started_at": 0.0, "pid": me.pid, "created": me.created})
    files.write_json(
        run / "status.json", {"state": "running", "step": 1, "steps": 9, "pid": me.pid, "created": me.created}
    )
    stop = app._stop(workspace)
    for made_up in ("run/quick-2", "run/../quick-1", "evaluation/quick-1"):
        with pytest.raises(gr.Error, match="nothing to stop"):
            stop(gr.EventData(None, {"job": made_up}))
    assert not (run / "stop").exists()
    stop(gr.EventData(None, {"job": "run/quick-1"}))
    assert (run / "stop").read_text() == "keep"
    assert "Stops after this step" in app._draw(workspace)[2]


def test_names_in_the_frame_are_text_not_html(workspace: Workspace) -> None:
    manifest = workspace.root / "workspace.json"
    files.write_json(manifest, {**files.read_json(manifest), "name": "<img src=x onerror=alert(1)>"})
    frame = app._draw(workspace)[0]
    assert "&lt;img" in frame
    assert "<img" not in frame
