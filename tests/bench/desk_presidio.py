"""Tickets through pandas and Presidio, for the ratio in `desk`: `PYTHON tests/bench/desk_presidio.py FILE.jsonl`.

It runs in an environment of its own and takes nothing of Tunedesk's:

    python -m venv /tmp/presidio && /tmp/presidio/bin/pip install presidio-analyzer presidio-anonymizer pandas
    python -m tests.bench.desk --beside /tmp/presidio/bin/python
"""

import json
import sys
import tempfile
import time

import pandas as pd
import spacy
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
from presidio_anonymizer import AnonymizerEngine

ENTITIES = ["EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS", "US_SSN"]
COLUMNS = ("question", "answer")


def main(path: str) -> None:
    """Prints as JSON what it cost and what was found."""
    with tempfile.TemporaryDirectory() as folder:
        # No names are looked for, so an empty pipeline does.
        spacy.blank("en").to_disk(folder)
        provider = NlpEngineProvider(
            nlp_configuration={"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": folder}]}
        )
        analyzer, anonymizer = AnalyzerEngine(nlp_engine=provider.create_engine()), AnonymizerEngine()
    analyzer.analyze("Warm up: a@b.example", language="en", entities=ENTITIES)
    began, processor = time.monotonic(), time.process_time()
    tickets = pd.read_json(path, lines=True)
    tickets = tickets[(tickets["status"] == "solved") & (tickets["satisfaction"] != "bad")]
    found: dict[str, int] = {}

    def scrub(text: str) -> str:
        results = analyzer.analyze(text, language="en", entities=ENTITIES)
        for result in results:
            found[result.entity_type] = found.get(result.entity_type, 0) + 1
        return str(anonymizer.anonymize(text, results).text)

    for column in COLUMNS:
        tickets[column] = tickets[column].map(scrub)
    kept = len(tickets.drop_duplicates(subset=list(COLUMNS)))
    cost = {
        "seconds": round(time.monotonic() - began, 2),
        "processor_seconds": round(time.process_time() - processor, 2),
    }
    print(json.dumps({**cost, "kept": kept, "findings": found}))


if __name__ == "__main__":
    main(sys.argv[1])
