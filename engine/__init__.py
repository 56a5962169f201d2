"""What Tunedesk does, without its screen: usable from a terminal (`engine.cli`) and from Python.

Importing this package sets, before any library is read, the environment that keeps the product private: nothing is
downloaded and nothing is reported unless the person asked for it.
"""

import os

__version__ = "0.1.0"

PRIVATE_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    # Gradio sums up all events so far, with pandas, after each one, for a page that the studio does not serve.
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
    "GRADIO_ANALYTICS_MAX_EVENTS": "100",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_EVALUATE_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "UNSLOTH_DISABLE_STATISTICS": "1",
    "WANDB_DISABLED": "true",
    # Tokenizers warns at every fork, and our own batching already keeps the cores busy.
    "TOKENIZERS_PARALLELISM": "false",
    # Threads that wait for each other sleep instead of spinning. Beside other work on the same cores (a browser, the
    # studio, a bot) spinning made a training ten times slower: 116 s against 12 s was measured for the same 12 steps.
    "OMP_WAIT_POLICY": "PASSIVE",
}

for _name, _value in PRIVATE_ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)
