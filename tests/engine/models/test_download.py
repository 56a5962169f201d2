"""Downloads against a stand-in for the hub: what arrives, what goes on, what is refused and in which words."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from huggingface_hub import constants

from engine import jobs
from engine.errors import InputRefused, JobFailed, ModelUnavailable, NotFound
from engine.models import catalogue, download
from engine.models import hub as client
from tests.engine.models.hub import Hub, Repository, standing_in
from tests.engine.test_jobs import until

TINY = "somebody/Tiny-Instruct"
STARTER = "somebody/Starter-Instruct"
TOKEN = "hf_averysecrettoken0123456789"
WEIGHTS = "model.safetensors"


@pytest.fixture
def hub(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The stand-in, with the tiny model and the starter on it, and a models folder of this test's own."""
    with standing_in(tmp_path, monkeypatch) as stand_in:
        stand_in.repositories[TINY] = Repository(Path(shutil.copytree(tiny, tmp_path / "tiny")))
        stand_in.repositories[STARTER] = Repository(catalogue.STARTER_FOLDER)
        # For what is called in this process, where the library was imported with the network closed.
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", stand_in.address)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", stand_in.address + "/{repo_id}/resolve/{revision}/{filename}"
        )
        yield stand_in


def run(model_id: str, token: str | None = None) -> jobs.Status:
    return jobs.wait(download.start(model_id, token).folder, timeout=120)


def arrived(model_id: str) -> int:
    """Bytes of the weights that are there already."""
    part = download.get(model_id).folder / model_id.partition("/")[2] / f"{WEIGHTS}.part"
    return part.stat().st_size if part.exists() else 0


def written() -> list[Path]:
    """Every file of the models and of the jobs that fetched them."""
    return [file for file in catalogue.models_folder().rglob("*") if file.is_file()]


def begin_slowly(hub: Hub, model_id: str) -> int:
    """Starts a download that is slow, and returns once some of its weights are there: how many bytes."""
    hub.repositories[model_id].seconds_per_piece = 0.1
    download.start(model_id)
    until(lambda: arrived(model_id) > 1_000_000, seconds=90)
    return arrived(model_id)


def test_a_download_brings_the_model_and_nothing_that_can_run(hub: Hub) -> None:
    folder = hub.repositories[TINY].folder
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Tiny\n")
    for name in ("pytorch_model.bin", "modeling_tiny.py", "training_args.bin", "consolidated.safetensors"):
        (folder / name).write_bytes(b"not to be fetched")
    status = run(TINY)

    assert status.state == "done", status.error
    path = catalogue.models_folder() / "somebody--Tiny-Instruct"
    fetched = {file.name for file in path.iterdir()}
    assert {"config.json", "tokenizer.json", WEIGHTS, "README.md"} <= fetched <= client.BESIDE | {WEIGHTS}
    assert all((path / name).read_bytes() == (folder / name).read_bytes() for name in fetched)
    assert status.step == status.steps == sum(file.stat().st_size for file in path.iterdir())
    info = catalogue.resolve(TINY)
    assert (info.id, info.path, info.license) == (TINY, path, "mit")
    assert [model.id for model in catalogue.list_downloaded()] == [TINY]
    assert download.list_downloads() == []
    assert jobs.result(download.get(TINY).folder)["commit"] == "1" * 40
    assert {request.authorization for request in hub.requests} == {None}
    with pytest.raises(InputRefused, match="on this machine already"):
        download.start(TINY)
    shutil.rmtree(path)
    assert download.list_downloads() == []


def test_a_connection_that_breaks_goes_on_by_itself(hub: Hub) -> None:
    hub.repositories[STARTER].breaks[WEIGHTS] = [8_000_000, 5_000_000]
    status = run(STARTER)

    assert status.state == "done", status.error
    first, second, third = [request.begin for request in hub.asked_for(WEIGHTS)]
    assert first == 0 < second < third
    assert (catalogue.folder_of(STARTER) / WEIGHTS).read_bytes() == (catalogue.STARTER_FOLDER / WEIGHTS).read_bytes()


def test_a_download_that_is_killed_goes_on_where_it_was(hub: Hub) -> None:
    before = begin_slowly(hub, STARTER)
    folder = download.get(STARTER).folder
    jobs.kill(folder)

    assert jobs.wait(folder, timeout=30).state == "failed"
    assert not catalogue.is_downloaded(STARTER)
    (left,) = download.list_downloads()
    assert (left.id, left.status.state) == (STARTER, "failed")
    assert "goes on from there" in left.sentence
    small = len(hub.asked_for("config.json"))
    hub.repositories[STARTER].seconds_per_piece = 0
    assert run(STARTER).state == "done"
    assert hub.asked_for(WEIGHTS)[-1].begin >= before
    assert len(hub.asked_for("config.json")) == small
    assert (catalogue.folder_of(STARTER) / WEIGHTS).read_bytes() == (catalogue.STARTER_FOLDER / WEIGHTS).read_bytes()


def test_stopped_and_kept_it_goes_on_with_the_same_edition(hub: Hub) -> None:
    begin_slowly(hub, STARTER)
    download.stop(STARTER)
    assert jobs.wait(download.get(STARTER).folder, timeout=30).state == "stopped"

    repository = hub.repositories[STARTER]
    repository.commits, repository.commit, repository.seconds_per_piece = {repository.commit}, "2" * 40, 0
    assert run(STARTER).state == "done"
    assert jobs.result(download.get(STARTER).folder)["commit"] == "1" * 40
    assert not any("2" * 40 in request.path for request in hub.requests)


def test_stopped_and_discarded_nothing_is_left(hub: Hub) -> None:
    begin_slowly(hub, STARTER)
    folder = download.get(STARTER).folder
    download.stop(STARTER, discard=True)

    assert jobs.wait(folder, timeout=30).state == "stopped"
    assert not list(folder.rglob("*.part"))
    assert download.list_downloads() == []
    with pytest.raises(NotFound, match="No download"):
        download.get(STARTER)


def test_a_wrong_checksum_is_never_a_model(hub: Hub) -> None:
    hub.repositories[TINY].corrupt.add(WEIGHTS)
    status = run(TINY)

    assert status.state == "failed"
    assert status.error is not None
    assert "checksum" in status.error["message"]
    assert not catalogue.is_downloaded(TINY)
    assert not list(catalogue.models_folder().rglob(f"{WEIGHTS}*"))


def test_a_gated_model_without_token_says_where_to_accept(hub: Hub) -> None:
    hub.repositories[TINY].gated = True
    error = run(TINY).error

    assert error is not None
    assert "is gated" in error["title"]
    assert f"{hub.address}/{TINY}" in error["remedy"]
    assert "accept" in error["remedy"]


def test_a_token_opens_a_gated_model_and_is_written_nowhere(hub: Hub) -> None:
    hub.repositories[STARTER].gated = True
    hub.repositories[STARTER].seconds_per_piece = 0.1
    hub.tokens = hub.allowed = {TOKEN}
    started = download.start(STARTER, f" {TOKEN}\n")
    until(lambda: arrived(STARTER) > 0, seconds=90)
    pid = started.status.pid or download.get(STARTER).status.pid
    assert pid is not None
    for process in (psutil.Process(pid), psutil.Process(pid).parent()):
        assert process is not None
        assert TOKEN not in " ".join(process.cmdline())
    hub.repositories[STARTER].seconds_per_piece = 0

    assert jobs.wait(started.folder, timeout=120).state == "done"
    assert jobs.result(started.folder)["gated"] is True
    assert {"log.txt", "status.json", "job.json", WEIGHTS} <= {file.name for file in written()}
    assert not [file for file in written() if TOKEN.encode() in file.read_bytes()]
    assert hub.asked_for("config.json")[0].authorization == f"Bearer {TOKEN}"
    assert hub.asked_for(WEIGHTS)[0].authorization is None


def test_a_refused_token_from_the_environment_is_in_no_log(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    status = run(TINY)

    assert status.error is not None
    assert status.error["title"] == "The hub did not accept the token."
    assert "Traceback" in jobs.log_tail(download.get(TINY).folder)
    assert not [file for file in written() if TOKEN.encode() in file.read_bytes()]


def test_no_space_is_said_before_anything_is_fetched(hub: Hub) -> None:
    hub.repositories[TINY].sizes[WEIGHTS] = 10**15
    status = run(TINY)

    assert status.error is not None
    assert "not enough space" in status.error["title"]
    assert "1,000,000.0 GB" in status.error["message"]
    assert not any("/resolve/" in request.path for request in hub.requests)


def test_offline_is_explained(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.close()
    error = run(TINY).error

    assert error is not None
    assert error["title"] == "The hub cannot be reached."
    assert "local folder" in error["remedy"]


def test_a_network_that_wants_a_login_is_explained(hub: Hub) -> None:
    hub.login_page = True
    with pytest.raises(JobFailed, match=r"cannot be reached.*wants a login"):
        client.look_up(TINY)


def test_what_cannot_chat_is_refused_before_its_weights(hub: Hub) -> None:
    config = hub.repositories[TINY].folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"architectures": ["BertModel"]}))
    error = run(TINY).error

    assert error is not None
    assert "not a model that chats" in error["title"]
    assert hub.asked_for(WEIGHTS) == []


def test_weights_that_could_run_are_refused(hub: Hub) -> None:
    folder = hub.repositories[TINY].folder
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")

    with pytest.raises(ModelUnavailable, match=r"cannot be read safely|no weights .* pytorch_model\.bin"):
        client.look_up(TINY)


def test_sharded_weights_need_their_index(hub: Hub) -> None:
    folder = hub.repositories[TINY].folder
    (folder / WEIGHTS).rename(folder / "model-00001-of-00001.safetensors")
    with pytest.raises(ModelUnavailable, match=r"has no model\.safetensors\.index\.json"):
        client.look_up(TINY)

    (folder / "model.safetensors.index.json").write_text("{}")
    listing = client.look_up(TINY)
    assert [file.name for file in listing.files][-1] == "model-00001-of-00001.safetensors"
    assert "model.safetensors.index.json" in {file.name for file in listing.files}


def test_an_unknown_id_and_one_that_is_none(hub: Hub) -> None:
    with pytest.raises(ModelUnavailable, match="nobody/Nothing was not found on the hub"):
        client.look_up("nobody/Nothing")
    for wrong in ("starter", "../outside", "a/../b", "/etc/passwd", "a--b/c"):
        with pytest.raises(InputRefused, match="is not the id of a model"):
            download.start(wrong)


def test_a_gated_model_with_an_account_that_may_not_have_it(hub: Hub, tmp_path: Path) -> None:
    hub.repositories[TINY].gated = True
    hub.tokens = {TOKEN}
    listing = client.look_up(TINY, TOKEN)

    with pytest.raises(ModelUnavailable, match="may not have it yet") as caught:
        fetch(listing, tmp_path / "there", token=TOKEN)
    assert listing.gated
    assert TOKEN not in str(caught.value)


def test_what_is_no_token_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputRefused) as caught:
        download.check_token("hf_first and\nhf_second")
    assert "hf_first" not in str(caught.value.as_dict())
    assert download.check_token("  hf_averysecret\n") == "hf_averysecret"


def fetch(
    listing: client.Listing,
    folder: Path,
    count: Callable[[int], object] = lambda _: None,
    token: str | None = None,
) -> Path:
    """Fetches the weights in this process, with no second try after a broken connection."""
    weights = next(file for file in listing.files if file.is_weights)
    client.fetch(listing, weights, folder / WEIGHTS, token, count, lambda: False, waits=())
    return folder / WEIGHTS


def test_a_server_without_ranges_sends_everything_again(hub: Hub, tmp_path: Path) -> None:
    repository = hub.repositories[STARTER]
    repository.breaks[WEIGHTS] = [3_000_000]
    repository.ranges = False
    counted: list[int] = []
    listing = client.look_up(STARTER)

    with pytest.raises(JobFailed, match=r"broke, several times.*is kept.*goes on where it stopped"):
        fetch(listing, tmp_path, counted.append)
    kept = sum(counted)
    assert kept == (tmp_path / f"{WEIGHTS}.part").stat().st_size > 0
    whole = fetch(listing, tmp_path, counted.append)
    assert hub.asked_for(WEIGHTS)[-1].begin == kept
    assert -kept in counted
    assert sum(counted) == whole.stat().st_size
    assert whole.read_bytes() == (catalogue.STARTER_FOLDER / WEIGHTS).read_bytes()


def test_a_damaged_rest_is_fetched_anew(hub: Hub, tmp_path: Path) -> None:
    listing = client.look_up(TINY)
    (tmp_path / f"{WEIGHTS}.part").write_bytes(b"\0" * 1000)
    counted: list[int] = []

    whole = fetch(listing, tmp_path, counted.append)

    assert whole.read_bytes() == (hub.repositories[TINY].folder / WEIGHTS).read_bytes()
    assert [request.begin for request in hub.asked_for(WEIGHTS)] == [1000, 0]
    assert sum(counted) == whole.stat().st_size - 1000


def test_an_id_is_read_out_of_what_people_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.example:8080/")
    for text in (
        f" {TINY}\n",
        f"https://huggingface.co/{TINY}",
        f"https://huggingface.co/{TINY}/tree/main?show=all",
        f"http://mirror.example:8080/{TINY}/",
    ):
        assert download.id_in(text) == TINY
    assert download.id_in("https://example.org/a/b") == "https://example.org/a/b"
