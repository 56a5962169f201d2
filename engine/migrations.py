"""The database's schema as an ordered list of steps. A step that was released is never changed; a new one is added."""

from duckdb import DuckDBPyConnection


def first_tables(cursor: DuckDBPyConnection) -> None:
    """Sources and examples with their history, versions, golden set, answers, ratings, settings."""
    for table in ("sources", "examples", "edits", "batches", "golden_questions", "ratings"):
        cursor.execute(f"CREATE SEQUENCE {table}_id")
    cursor.execute("""
        CREATE TABLE sources (
            id BIGINT PRIMARY KEY DEFAULT nextval('sources_id'),
            name VARCHAR NOT NULL,
            format VARCHAR NOT NULL,
            sha256 VARCHAR NOT NULL,
            mapping JSON NOT NULL,
            read BIGINT NOT NULL,
            kept BIGINT NOT NULL,
            rejected BIGINT NOT NULL,
            findings JSON NOT NULL DEFAULT '{}',
            notes JSON NOT NULL DEFAULT '[]',
            created_at TIMESTAMP NOT NULL DEFAULT (now()::TIMESTAMP)
        )""")
    cursor.execute("""
        CREATE TABLE rejected_rows (
            source_id BIGINT NOT NULL,
            row BIGINT NOT NULL,
            reason VARCHAR NOT NULL,
            content VARCHAR NOT NULL
        )""")
    # No primary key on examples: DuckDB keeps an index row per update of a list column, and ids come from a sequence.
    cursor.execute("""
        CREATE TABLE examples (
            id BIGINT NOT NULL DEFAULT nextval('examples_id'),
            source_id BIGINT,
            row BIGINT,
            conversation VARCHAR NOT NULL,
            instruction VARCHAR NOT NULL,
            input VARCHAR NOT NULL DEFAULT '',
            output VARCHAR NOT NULL,
            history JSON NOT NULL DEFAULT '[]',
            topic VARCHAR NOT NULL DEFAULT '',
            tags VARCHAR[] NOT NULL DEFAULT [],
            status VARCHAR NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'trashed')),
            origin VARCHAR NOT NULL DEFAULT 'imported'
                CHECK (origin IN ('imported', 'written', 'synthetic', 'corrected')),
            customer VARCHAR NOT NULL DEFAULT '',
            happened_at VARCHAR NOT NULL DEFAULT '',
            created_at TIMESTAMP NOT NULL DEFAULT (now()::TIMESTAMP),
            updated_at TIMESTAMP NOT NULL DEFAULT (now()::TIMESTAMP)
        )""")
    cursor.execute("""
        CREATE TABLE edits (
            id BIGINT PRIMARY KEY DEFAULT nextval('edits_id'),
            batch BIGINT NOT NULL,
            example_id BIGINT NOT NULL,
            field VARCHAR NOT NULL,
            before VARCHAR,
            after VARCHAR,
            made_at TIMESTAMP NOT NULL DEFAULT (now()::TIMESTAMP),
            undone BOOLEAN NOT NULL DEFAULT false
        )""")
    cursor.execute("""
        CREATE TABLE versions (
            name VARCHAR PRIMARY KEY,
            number BIGINT NOT NULL,
            hash VARCHAR NOT NULL,
            path VARCHAR NOT NULL,
            counts JSON NOT NULL,
            settings JSON NOT NULL,
            created_at TIMESTAMP NOT NULL DEFAULT (now()::TIMESTAMP)
        )""")
    cursor.execute("""
        CREATE TABLE golden_questions (
            id BIGINT PRIMARY KEY DEFAULT nextval('golden_questions_id'),
            question VARCHAR NOT NULL,
            input VARCHAR NOT NULL DEFAULT '',
            answer VARCHAR NOT NULL,
            history JSON NOT NULL DEFAULT '[]',
            tags VARCHAR[] NOT NULL DEFAULT [],
            must_say VARCHAR[] NOT NULL DEFAULT [],
            must_not_say VARCHAR[] NOT NULL DEFAULT [],
            origin VARCHAR NOT NULL DEFAULT 'written',
            created_at TIMESTAMP NOT NULL DEFAULT (now()::TIMESTAMP)
        )""")
    cursor.execute("""
        CREATE TABLE answers (
            evaluation VARCHAR NOT NULL,
            system VARCHAR NOT NULL,
            question_id VARCHAR NOT NULL,
            question VARCHAR NOT NULL,
            expected VARCHAR NOT NULL,
            answer VARCHAR NOT NULL,
            tags VARCHAR[] NOT NULL DEFAULT [],
            topic VARCHAR NOT NULL DEFAULT '',
            seconds DOUBLE,
            scores JSON NOT NULL DEFAULT '{}',
            PRIMARY KEY (evaluation, system, question_id)
        )""")
    cursor.execute("""
        CREATE TABLE ratings (
            id BIGINT PRIMARY KEY DEFAULT nextval('ratings_id'),
            evaluation VARCHAR NOT NULL,
            system VARCHAR NOT NULL,
            question_id VARCHAR NOT NULL,
            rater VARCHAR NOT NULL,
            mark INTEGER NOT NULL CHECK (mark BETWEEN 1 AND 5),
            note VARCHAR NOT NULL DEFAULT '',
            made_at TIMESTAMP NOT NULL DEFAULT (now()::TIMESTAMP)
        )""")
    cursor.execute("CREATE TABLE settings (key VARCHAR PRIMARY KEY, value JSON NOT NULL)")


def ticket_columns(cursor: DuckDBPyConnection) -> None:
    """What the helpdesk says of the conversation that an example comes from; `status` is the example's own."""
    for column, type_and_default in (
        ("ticket_status", "VARCHAR DEFAULT ''"),
        ("score", "VARCHAR DEFAULT ''"),
        ("reopened", "BIGINT DEFAULT 0"),
        ("channel", "VARCHAR DEFAULT ''"),
        ("language", "VARCHAR DEFAULT ''"),
    ):
        cursor.execute(f"ALTER TABLE examples ADD COLUMN {column} {type_and_default}")


def knowledge_passages(cursor: DuckDBPyConnection) -> None:
    """Passages of documents that hold no questions, and worse answers beside those of examples."""
    cursor.execute("CREATE SEQUENCE knowledge_passages_id")
    cursor.execute("""
        CREATE TABLE knowledge_passages (
            id BIGINT NOT NULL DEFAULT nextval('knowledge_passages_id'),
            source_id BIGINT,
            source VARCHAR NOT NULL,
            title VARCHAR NOT NULL,
            text VARCHAR NOT NULL,
            position BIGINT NOT NULL
        )""")
    cursor.execute("ALTER TABLE examples ADD COLUMN worse VARCHAR DEFAULT ''")


def privacy_review(cursor: DuckDBPyConnection) -> None:
    """Each place where personal data was replaced, to review, and a person's own rules. Originals are in the vault.

    A finding is the `nth` (from 0) place in a text where its placeholder stood when it was made; `turn` counts earlier
    turns from 0 where the field is `history`. `secret` is the vault's mark of the original. `made_in` and `decided_in`
    are the batches of edits that made it (none at an import) and that decided it: where such a batch was undone, so is
    what it did here. `scanned_at` is when the tagger looked for names in an example; a change of a text empties it.
    """
    cursor.execute("ALTER TABLE examples ADD COLUMN scanned_at TIMESTAMP")
    cursor.execute("CREATE SEQUENCE findings_id")
    cursor.execute("""
        CREATE TABLE findings (
            id BIGINT NOT NULL DEFAULT nextval('findings_id'),
            source_id BIGINT,
            example_id BIGINT NOT NULL,
            conversation VARCHAR NOT NULL,
            field VARCHAR NOT NULL,
            turn BIGINT NOT NULL DEFAULT 0,
            nth BIGINT NOT NULL,
            type VARCHAR NOT NULL,
            placeholder VARCHAR NOT NULL,
            secret BIGINT NOT NULL,
            score DOUBLE NOT NULL,
            state VARCHAR NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'rejected')),
            made_in BIGINT,
            decided_in BIGINT
        )""")
    cursor.execute("CREATE SEQUENCE privacy_rules_id")
    cursor.execute("""
        CREATE TABLE privacy_rules (
            id BIGINT NOT NULL DEFAULT nextval('privacy_rules_id'),
            action VARCHAR NOT NULL CHECK (action IN ('always', 'never', 'pattern')),
            text VARCHAR NOT NULL,
            type VARCHAR NOT NULL,
            made_in BIGINT NOT NULL,
            created_at TIMESTAMP NOT NULL DEFAULT (now()::TIMESTAMP)
        )""")


def cleaning_and_quality(cursor: DuckDBPyConnection) -> None:
    """How good an example is and why, and what a batch of edits was made for ("clean:quotes", "balance:cap")."""
    cursor.execute("ALTER TABLE examples ADD COLUMN quality DOUBLE")
    cursor.execute("ALTER TABLE examples ADD COLUMN quality_reasons VARCHAR[]")
    cursor.execute("ALTER TABLE examples ADD COLUMN judged_at TIMESTAMP")
    cursor.execute("""
        CREATE TABLE batch_purposes (
            batch BIGINT NOT NULL,
            purpose VARCHAR NOT NULL,
            made_at TIMESTAMP NOT NULL DEFAULT (now()::TIMESTAMP)
        )""")


def duplicate_clusters(cursor: DuckDBPyConnection) -> None:
    """Groups of examples that repeat each other as last searched, and pairs that a person settled to keep both.

    Examples with one `answer` say the same but for capitals and punctuation. `why` is how the answer differs from that
    of the copy to keep; of that copy itself, why it is the one. `searched_texts` holds what was said when it was
    searched. A pair holds as long as the batch that it was settled in stands.
    """
    cursor.execute("""
        CREATE TABLE duplicates (
            cluster BIGINT NOT NULL,
            kind VARCHAR NOT NULL CHECK (kind IN ('exact', 'near', 'contradiction')),
            example_id BIGINT NOT NULL,
            similarity DOUBLE NOT NULL,
            keep BOOLEAN NOT NULL,
            answer BIGINT NOT NULL DEFAULT 0,
            why VARCHAR NOT NULL DEFAULT ''
        )""")
    cursor.execute("CREATE TABLE searched_texts (example_id BIGINT NOT NULL, said UBIGINT NOT NULL)")
    cursor.execute("""
        CREATE TABLE settled_pairs (
            first_id BIGINT NOT NULL,
            second_id BIGINT NOT NULL,
            made_in BIGINT NOT NULL,
            settled_at TIMESTAMP NOT NULL DEFAULT (now()::TIMESTAMP)
        )""")


def edits_taken_back(cursor: DuckDBPyConnection) -> None:
    """Which batch took an edit back, and which undone edits cannot be made again, since something else was done after.

    `fallen` tells what of a batch does not stand, by example; `standing_findings` holds the findings whose making
    stands, open where the decision on them does not.
    """
    cursor.execute("ALTER TABLE edits ADD COLUMN taken_back BIGINT")
    cursor.execute("ALTER TABLE edits ADD COLUMN left_behind BOOLEAN DEFAULT false")
    cursor.execute("""
        CREATE VIEW fallen AS SELECT DISTINCT batch, example_id FROM edits WHERE undone OR taken_back IS NOT NULL""")
    cursor.execute("""
        CREATE VIEW standing_findings AS
        SELECT findings.* REPLACE (if(decision.batch IS NULL, state, 'open') AS state)
        FROM findings
        LEFT JOIN fallen AS decision ON decision.batch = decided_in AND decision.example_id = findings.example_id
        WHERE NOT EXISTS (
            SELECT 1 FROM fallen WHERE fallen.batch = made_in AND fallen.example_id = findings.example_id)""")


def imported_keys(cursor: DuckDBPyConnection) -> None:
    """What an example said when it was imported, as a number: after a change it is still known when it comes again."""
    cursor.execute("ALTER TABLE examples ADD COLUMN imported_as UBIGINT")


MIGRATIONS = [
    first_tables,
    ticket_columns,
    knowledge_passages,
    privacy_review,
    cleaning_and_quality,
    duplicate_clusters,
    edits_taken_back,
    imported_keys,
]
