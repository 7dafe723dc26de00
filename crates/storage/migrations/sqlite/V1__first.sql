-- The first schema. Times are Unix milliseconds. Environments are numbers: 1 sandbox, 2 production.
-- Internal ids are UUIDs of 16 bytes; ids that leave the house are random UUIDs in their text form.

-- Who may call -------------------------------------------------------------------------------------------------------

CREATE TABLE partners (
    id         BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE applications (
    id         BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    partner_id BLOB NOT NULL REFERENCES partners (id),
    public_id  TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    mode       TEXT NOT NULL CHECK (mode IN ('strict', 'tolerant')),
    created_at INTEGER NOT NULL,
    -- Lets every scoped row refer to the pair, so an application can never appear under another partner.
    UNIQUE (id, partner_id)
) STRICT;

CREATE TABLE subscriptions (
    application_id BLOB NOT NULL REFERENCES applications (id),
    environment    INTEGER NOT NULL CHECK (environment IN (1, 2)),
    api            TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (application_id, environment, api)
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    selector       TEXT PRIMARY KEY NOT NULL,
    -- A keyed digest of the secret; the secret itself is nowhere.
    mac            BLOB NOT NULL CHECK (length(mac) = 32),
    application_id BLOB NOT NULL REFERENCES applications (id),
    environment    INTEGER NOT NULL CHECK (environment IN (1, 2)),
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER,
    revoked_at     INTEGER,
    last_used_at   INTEGER
) STRICT, WITHOUT ROWID;

-- Onboarding ---------------------------------------------------------------------------------------------------------

CREATE TABLE flows (
    process_id     INTEGER PRIMARY KEY,
    customer_no    INTEGER NOT NULL UNIQUE,
    partner_id     BLOB NOT NULL,
    application_id BLOB NOT NULL,
    environment    INTEGER NOT NULL CHECK (environment IN (1, 2)),
    person_digest  BLOB NOT NULL CHECK (length(person_digest) = 32),
    state          TEXT NOT NULL,
    open           INTEGER NOT NULL CHECK (open IN (0, 1)),
    phone_digest   BLOB NOT NULL CHECK (length(phone_digest) = 32),
    email_digest   BLOB NOT NULL CHECK (length(email_digest) = 32),
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    FOREIGN KEY (application_id, partner_id) REFERENCES applications (id, partner_id)
) STRICT;

CREATE UNIQUE INDEX flows_open ON flows (person_digest, application_id, environment) WHERE open = 1;

-- What was accepted --------------------------------------------------------------------------------------------------

CREATE TABLE records (
    -- Version 7, so rows and index entries are appended in time order.
    id                BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    public_id         TEXT NOT NULL UNIQUE,
    partner_id        BLOB NOT NULL,
    application_id    BLOB NOT NULL,
    environment       INTEGER NOT NULL CHECK (environment IN (1, 2)),
    api               TEXT NOT NULL,
    version           INTEGER NOT NULL,
    operation         TEXT NOT NULL,
    contract_version  TEXT NOT NULL,
    partner_reference TEXT,
    campaign          TEXT,
    source            TEXT,
    sub_partner       TEXT,
    received_at       INTEGER NOT NULL,
    status            TEXT NOT NULL,
    payload_hash      BLOB NOT NULL CHECK (length(payload_hash) = 32),
    -- Null once the payload was erased: without it the hash cannot be tied to a guessed payload.
    salt              BLOB,
    durability        TEXT NOT NULL,
    warnings          TEXT NOT NULL,
    correlation_id    TEXT NOT NULL,
    process_id        INTEGER REFERENCES flows (process_id),
    FOREIGN KEY (application_id, partner_id) REFERENCES applications (id, partner_id)
) STRICT;

CREATE INDEX records_newest ON records (application_id, environment, api, id);
CREATE INDEX records_by_reference ON records (application_id, environment, partner_reference, id)
    WHERE partner_reference IS NOT NULL;

CREATE TABLE statuses (
    record_id BLOB NOT NULL REFERENCES records (id),
    -- 0 for the status a record is accepted with.
    position  INTEGER NOT NULL,
    status    TEXT NOT NULL,
    actor     TEXT NOT NULL CHECK (actor IN ('partner', 'bank', 'system')),
    at        INTEGER NOT NULL,
    PRIMARY KEY (record_id, position)
) STRICT, WITHOUT ROWID;

-- What is sealed -----------------------------------------------------------------------------------------------------

CREATE TABLE payload_keys (
    key_id     BLOB PRIMARY KEY NOT NULL CHECK (length(key_id) = 8),
    -- A known text sealed under the key: a key file with the right id and the wrong bytes is found at start.
    nonce      BLOB NOT NULL CHECK (length(nonce) = 24),
    ciphertext BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE payloads (
    record_id   BLOB NOT NULL REFERENCES records (id),
    part        TEXT NOT NULL,
    partner_id  BLOB NOT NULL,
    environment INTEGER NOT NULL CHECK (environment IN (1, 2)),
    -- No foreign key, here and below: it is the one key this process seals with, or the scope that the caller's key was
    -- found with, and to look them up for each row would take a tenth of the time of a commit.
    key_id      BLOB NOT NULL,
    nonce       BLOB NOT NULL CHECK (length(nonce) = 24),
    ciphertext  BLOB NOT NULL,
    PRIMARY KEY (record_id, part)
) STRICT;

CREATE TABLE idempotency (
    key_digest     BLOB NOT NULL CHECK (length(key_digest) = 32),
    partner_id     BLOB NOT NULL,
    application_id BLOB NOT NULL,
    environment    INTEGER NOT NULL CHECK (environment IN (1, 2)),
    operation      TEXT NOT NULL,
    fingerprint    BLOB NOT NULL CHECK (length(fingerprint) = 32),
    -- The record the reply speaks of, so that erasing the record can find the reply.
    record_id      BLOB,
    expires_at     INTEGER NOT NULL,
    status         INTEGER NOT NULL,
    content_type   TEXT NOT NULL,
    location       TEXT,
    key_id         BLOB NOT NULL,
    nonce          BLOB NOT NULL CHECK (length(nonce) = 24),
    ciphertext     BLOB NOT NULL,
    -- The digest stands first: it alone decides almost every comparison.
    UNIQUE (key_digest, application_id, environment, operation)
) STRICT;

CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

-- What must still leave ----------------------------------------------------------------------------------------------

CREATE TABLE outbox (
    -- Never reused, so a mark that comes very late cannot hit another row.
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    record_id   BLOB NOT NULL REFERENCES records (id),
    destination TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'claimed', 'delivered', 'parked')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    next_due_at INTEGER NOT NULL,
    lease_until INTEGER,
    -- Grows by one with each claim; a mark must show the number its claim was given.
    token       INTEGER NOT NULL DEFAULT 0,
    finished_at INTEGER,
    CHECK ((state = 'claimed') = (lease_until IS NOT NULL))
) STRICT;

CREATE INDEX outbox_due ON outbox (next_due_at) WHERE state = 'pending';
CREATE INDEX outbox_leased ON outbox (lease_until) WHERE state = 'claimed';
