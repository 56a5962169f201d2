"""The policy's file: read by people, changed by people and by the studio, never misread."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import InputRefused
from engine.guardrails import policy as policies
from engine.guardrails.policy import Measured, Policy, TopicPolicy


def test_reads_what_it_wrote(tmp_path: Path) -> None:
    topic = TopicPolicy(True, ("orders", 'a "quoted" topic'), 0.05, 0.25, Measured(100, 5, 200, 190))
    policy = Policy("No, sorry.\nReally.", topic)
    policies.save(policy, tmp_path / "policy.toml")
    assert policies.load(tmp_path / "policy.toml") == policy


def test_keeps_a_persons_comments(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    policies.save(Policy(), path)
    path.write_text(path.read_text() + "\n# Anna: ask Ben before changing this\n")
    policies.save(replace(policies.load(path), refusal="Not here."), path)
    assert "# Anna: ask Ben before changing this" in path.read_text()
    assert policies.load(path).refusal == "Not here."


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("threshold =", "treshold =", "treshold"),
        ("format = 1", "format = 2", "format 1"),
        ("wrong_refusals = 0.03", "wrong_refusals = 3", "0 to 0.5, got 3"),
        ("threshold = 0.0", "threshold = 1.5", "-1 to 1, got 1.5"),
        ("on = false", "on = perhaps", "policy.toml"),
        ("on = false", 'on = "yes"', "true or false, got 'yes'"),
        ("threshold = 0.0", 'threshold = "high"', "-1 to 1, got high"),
        ("topics = []", "topics = [1]", "list of words"),
    ],
)
def test_says_what_is_wrong(tmp_path: Path, before: str, after: str, told: str) -> None:
    path = tmp_path / "policy.toml"
    policies.save(Policy(), path)
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    with pytest.raises(InputRefused, match=told):
        policies.load(path)


def test_an_empty_refusal_is_refused() -> None:
    with pytest.raises(InputRefused, match="no answer at all"):
        Policy(refusal="  ")
