-- The bank's half: what each destination does with a request, commission, documents, bank users and the audit.
-- Nothing of version 1 was ever released; what such a folder holds is carried over as it would be written today.

-- What was accepted --------------------------------------------------------------------------------------------------

ALTER TABLE records ADD COLUMN product TEXT NOT NULL DEFAULT '';
-- 0 for the products that are built in.
ALTER TABLE records ADD COLUMN products_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE records ADD COLUMN lists TEXT NOT NULL DEFAULT '[]';
-- Only where a product looks for repeated persons, so that the others do not pay for an index in random order.
ALTER TABLE records ADD COLUMN person_digest BLOB CHECK (length(person_digest) = 32);

CREATE INDEX records_by_person ON records (person_digest, partner_id, environment, api, received_at)
    WHERE person_digest IS NOT NULL;
CREATE INDEX records_by_flow ON records (process_id) WHERE process_id IS NOT NULL;

-- Names of unknown members stood in them in clear; from now on they are sealed.
UPDATE records SET warnings = '[]' WHERE warnings <> '[]';

-- Whether the partner's application is told of each step.
ALTER TABLE flows ADD COLUMN notify INTEGER NOT NULL DEFAULT 0 CHECK (notify IN (0, 1));

CREATE INDEX flows_by_expiry ON flows (expires_at) WHERE open = 1;

-- What a destination makes of it -------------------------------------------------------------------------------------

CREATE TABLE deliveries (
    -- In the order of acceptance, never reused.
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    record_id        BLOB NOT NULL REFERENCES records (id),
    destination      TEXT NOT NULL CHECK (destination <> 'partner'),
    -- Copied from the record, where they never change: an inbox is searched in one table.
    partner_id       BLOB NOT NULL,
    environment      INTEGER NOT NULL CHECK (environment IN (1, 2)),
    api              TEXT NOT NULL,
    product          TEXT NOT NULL,
    received_at      INTEGER NOT NULL,
    -- The timeline begins with this, at `received_at`; only what follows has rows in `statuses`.
    first_status     TEXT NOT NULL,
    status           TEXT NOT NULL,
    -- Position of the newest status; 0 for the first.
    version          INTEGER NOT NULL,
    open             INTEGER NOT NULL CHECK (open IN (0, 1)),
    promised_at      INTEGER,
    -- What was promised nothing comes last.
    promise_order    INTEGER GENERATED ALWAYS AS (coalesce(promised_at, 9223372036854775807)) VIRTUAL,
    first_contact_at INTEGER,
    acknowledged_at  INTEGER,
    bank_reference   TEXT,
    changed_at       INTEGER NOT NULL,
    UNIQUE (record_id, destination)
) STRICT;

-- The destination stands in both, so that a view of one passes over the others without reading their rows.
CREATE INDEX deliveries_promised ON deliveries (environment, promise_order, id, destination) WHERE open = 1;
CREATE INDEX deliveries_newest ON deliveries (environment, received_at, id, destination);

INSERT INTO deliveries (record_id, destination, partner_id, environment, api, product, received_at, first_status, status,
    version, open, acknowledged_at, changed_at)
SELECT r.id, o.destination, r.partner_id, r.environment, r.api, r.product, r.received_at, first.status, r.status,
    last.position, last.position = 0, CASE o.state WHEN 'delivered' THEN o.finished_at END, last.at
FROM outbox AS o
JOIN records AS r ON r.id = o.record_id
JOIN statuses AS first ON first.record_id = r.id AND first.position = 0
JOIN statuses AS last ON last.record_id = r.id
    AND last.position = (SELECT max(position) FROM statuses WHERE record_id = r.id)
WHERE o.destination <> 'bank/withdrawal'
ORDER BY o.id;

CREATE TABLE timeline (
    delivery_id    INTEGER NOT NULL REFERENCES deliveries (id),
    position       INTEGER NOT NULL CHECK (position > 0),
    status         TEXT NOT NULL,
    actor          TEXT NOT NULL CHECK (actor IN ('partner', 'bank', 'system')),
    actor_name     TEXT,
    at             INTEGER NOT NULL,
    reason         TEXT,
    bank_reference TEXT,
    PRIMARY KEY (delivery_id, position)
) STRICT, WITHOUT ROWID;

INSERT INTO timeline (delivery_id, position, status, actor, at)
SELECT d.id, s.position, s.status, s.actor, s.at
FROM statuses AS s JOIN deliveries AS d ON d.record_id = s.record_id
WHERE s.position > 0;

DROP TABLE statuses;
ALTER TABLE timeline RENAME TO statuses;

-- What must still leave ----------------------------------------------------------------------------------------------

CREATE TABLE messages (
    -- Never reused, so a mark that comes very late cannot hit another row. In the order of the commits, so that
    -- whoever reads on from one misses none.
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Both are looked up when the row is made. No foreign keys: nothing else would ever use an index on them.
    record_id      BLOB NOT NULL,
    delivery_id    INTEGER,
    environment    INTEGER NOT NULL CHECK (environment IN (1, 2)),
    -- Set for what is for the partner's application to read, and nothing that anybody sends.
    application_id BLOB,
    destination    TEXT NOT NULL,
    event          TEXT NOT NULL,
    -- The place in the delivery's timeline it tells of.
    position       INTEGER,
    state          TEXT NOT NULL CHECK (state IN ('pending', 'claimed', 'delivered', 'parked')),
    attempts       INTEGER NOT NULL DEFAULT 0,
    next_due_at    INTEGER NOT NULL,
    lease_until    INTEGER,
    -- Grows by one with each claim; a mark must show the number its claim was given.
    token          INTEGER NOT NULL DEFAULT 0,
    finished_at    INTEGER,
    CHECK ((state = 'claimed') = (lease_until IS NOT NULL)),
    CHECK ((destination = 'partner') = (application_id IS NOT NULL)),
    CHECK ((delivery_id IS NULL) = (position IS NULL))
) STRICT;

INSERT INTO messages (id, record_id, delivery_id, environment, destination, event, position, state, attempts,
    next_due_at, lease_until, token, finished_at)
SELECT o.id, o.record_id, d.id, d.environment, d.destination,
    CASE o.destination WHEN 'bank/withdrawal' THEN 'request.withdrawn' ELSE 'request.accepted' END,
    CASE o.destination WHEN 'bank/withdrawal' THEN d.version ELSE 0 END,
    o.state, o.attempts, o.next_due_at, o.lease_until, o.token, o.finished_at
FROM outbox AS o JOIN deliveries AS d ON d.record_id = o.record_id
    AND d.destination = CASE o.destination WHEN 'bank/withdrawal' THEN 'bank' ELSE o.destination END
ORDER BY o.id;

DROP TABLE outbox;

CREATE INDEX messages_due ON messages (environment, next_due_at) WHERE state = 'pending' AND application_id IS NULL;
CREATE INDEX messages_leased ON messages (environment, lease_until) WHERE state = 'claimed';
CREATE INDEX messages_pending ON messages (environment, id, destination)
    WHERE state = 'pending' AND application_id IS NULL;
-- To reset a sandbox without reading through what is production's; nothing of production is in these.
CREATE INDEX messages_of_sandbox ON messages (record_id) WHERE environment = 1;
CREATE INDEX idempotency_of_sandbox ON idempotency (application_id) WHERE environment = 1;
CREATE INDEX flows_of_sandbox ON flows (application_id) WHERE environment = 1;
CREATE INDEX messages_of_partner ON messages (application_id, environment, id) WHERE application_id IS NOT NULL;

-- What is owed to whom -----------------------------------------------------------------------------------------------

CREATE TABLE ledger (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id    INTEGER NOT NULL REFERENCES deliveries (id),
    partner_id     BLOB NOT NULL,
    application_id BLOB NOT NULL,
    -- Nothing is ever owed for trying out.
    environment    INTEGER NOT NULL CHECK (environment = 2),
    product        TEXT NOT NULL,
    kind           TEXT NOT NULL,
    -- An exact decimal number.
    amount         TEXT NOT NULL,
    currency       TEXT NOT NULL,
    at             INTEGER NOT NULL,
    cause          TEXT NOT NULL,
    actor          TEXT NOT NULL CHECK (actor IN ('partner', 'bank', 'system')),
    actor_name     TEXT,
    reference      TEXT,
    FOREIGN KEY (application_id, partner_id) REFERENCES applications (id, partner_id)
) STRICT;

CREATE INDEX ledger_of_delivery ON ledger (delivery_id, id);
CREATE INDEX ledger_of_partner ON ledger (partner_id, id);

-- What was accepted is what commission is owed for: where it came from, and on which terms.
CREATE TRIGGER records_attribution BEFORE UPDATE OF public_id, partner_id, application_id, environment, partner_reference,
    campaign, source, sub_partner, received_at, payload_hash, product, products_version ON records
BEGIN SELECT raise(ABORT, 'what was accepted never changes'); END;

CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

-- What operators decided ---------------------------------------------------------------------------------------------

CREATE TABLE documents (
    -- Grows with every document of any kind: whoever keeps them in memory looks at the newest.
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    content    BLOB NOT NULL,
    UNIQUE (kind, name, version)
) STRICT;

CREATE TRIGGER documents_no_update BEFORE UPDATE ON documents BEGIN SELECT raise(ABORT, 'a version never changes'); END;
CREATE TRIGGER documents_no_delete BEFORE DELETE ON documents BEGIN SELECT raise(ABORT, 'a version never goes'); END;

CREATE TABLE bank_users (
    id           BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    name         TEXT NOT NULL,
    role         TEXT NOT NULL,
    -- Null for who may see all of them.
    destination  TEXT,
    sandbox      INTEGER NOT NULL CHECK (sandbox IN (0, 1)),
    production   INTEGER NOT NULL CHECK (production IN (0, 1)),
    selector     TEXT NOT NULL UNIQUE,
    -- A keyed digest of the secret; the secret itself is nowhere.
    mac          BLOB NOT NULL CHECK (length(mac) = 32),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER
) STRICT;

CREATE TABLE audit (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    actor  TEXT NOT NULL,
    action TEXT NOT NULL,
    -- Ids and codes only.
    target TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit is append-only'); END;

-- What is sealed -----------------------------------------------------------------------------------------------------

-- A value made with each secret file beside the database: another file in its place is found at start.
CREATE TABLE secret_checks (
    name   TEXT PRIMARY KEY NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT, WITHOUT ROWID;
