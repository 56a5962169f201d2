"""What is written survives whoever is killed, and whoever writes at the same time."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine import files
from engine.errors import StorageFailed


def test_a_torn_line_is_skipped_and_swallows_no_later_one(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    files.append_jsonl(path, {"step": 1})
    with path.open("ab") as file:
        file.write('{"step": 2, "note": "é'.encode()[:-1])
    assert list(files.read_jsonl(path)) == [{"step": 1}]
    files.append_jsonl(path, {"step": 3})
    files.append_jsonl(path, {"step": 4})
    assert list(files.read_jsonl(path)) == [{"step": 1}, {"step": 3}, {"step": 4}]


def test_threads_that_write_one_file_at_once_all_succeed(tmp_path: Path) -> None:
    path, texts = tmp_path / "stop", [letter * 200_000 for letter in "abcdefgh"]
    together = threading.Barrier(len(texts))

    def write(text: str) -> None:
        together.wait()
        for _ in range(5):
            files.write_text(path, text)

    with ThreadPoolExecutor(len(texts)) as pool:
        list(pool.map(write, texts))
    assert path.read_text() in texts
    assert os.listdir(tmp_path) == ["stop"]


def test_a_folder_that_cannot_be_written_is_said_in_three_sentences(tmp_path: Path) -> None:
    for write in (files.append_jsonl, files.write_json):
        with pytest.raises(StorageFailed) as refused:
            write(tmp_path / "missing" / "log.jsonl", {})
        assert all(refused.value.as_dict().values())


@pytest.mark.parametrize("text", ["../../etc/passwd", "..", "", "/", "a/b", "C:\\x", "Ünïcode name", "x" * 200])
def test_a_slug_is_never_a_path(text: str) -> None:
    made = files.slug(text)
    assert Path(made).name == made
    assert 0 < len(made) <= 48
