-- Sending: messages wait by destination, remember how they fared, and endpoints have secrets to sign with.

-- What must still leave ----------------------------------------------------------------------------------------------

-- Since when somebody waits for it; unlike the time of the next attempt it never moves.
ALTER TABLE messages ADD COLUMN first_due_at INTEGER NOT NULL DEFAULT 0;
-- The first attempt since it was made or replayed; attempts are given up some time after it.
ALTER TABLE messages ADD COLUMN first_tried_at INTEGER;
-- A code that says why the last attempt failed.
ALTER TABLE messages ADD COLUMN reason TEXT;

UPDATE messages SET first_due_at = coalesce((SELECT received_at FROM records WHERE id = record_id), next_due_at);

-- The destination comes first: however much one has waiting, the next of another is found at once.
DROP INDEX messages_due;
CREATE INDEX messages_due ON messages (destination, environment, next_due_at)
    WHERE state = 'pending' AND application_id IS NULL;
CREATE INDEX messages_due_of_partner ON messages (application_id, environment, next_due_at)
    WHERE state = 'pending' AND application_id IS NOT NULL;
CREATE INDEX messages_parked ON messages (environment, id) WHERE state = 'parked';

-- Where it goes ------------------------------------------------------------------------------------------------------

CREATE TABLE webhooks (
    application_id BLOB NOT NULL REFERENCES applications (id),
    environment    INTEGER NOT NULL CHECK (environment IN (1, 2)),
    url            TEXT NOT NULL,
    signature      TEXT NOT NULL,
    -- The newest message when it was set up: what came before is not sent.
    after          INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (application_id, environment)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_secrets (
    id         BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    -- What signs with it: a destination or an application, each in one environment.
    owner      TEXT NOT NULL,
    signature  TEXT NOT NULL,
    -- What receivers verify with, where that is no secret.
    public_key TEXT,
    created_at INTEGER NOT NULL,
    ends_at    INTEGER,
    key_id     BLOB NOT NULL REFERENCES payload_keys (key_id),
    nonce      BLOB NOT NULL CHECK (length(nonce) = 24),
    ciphertext BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_secrets_by_owner ON webhook_secrets (owner, created_at);
