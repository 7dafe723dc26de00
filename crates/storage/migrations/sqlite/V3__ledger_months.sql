-- What a statement opens with: the sums of each month, kept while the ledger grows, so that nobody reads old entries again.

-- In UTC. A statement reads its own month in the order of the commits.
ALTER TABLE ledger ADD COLUMN month TEXT GENERATED ALWAYS AS (strftime('%Y-%m', at / 1000, 'unixepoch')) VIRTUAL
    CHECK (month IS NOT NULL);
CREATE INDEX ledger_of_month ON ledger (partner_id, month, id);

-- The amount as two whole numbers, because sums of them are exact: units of the currency, and ten-thousandths of one.
ALTER TABLE ledger ADD COLUMN units INTEGER GENERATED ALWAYS AS (CAST(amount AS INTEGER)) VIRTUAL;
ALTER TABLE ledger ADD COLUMN parts INTEGER GENERATED ALWAYS AS (
    iif(amount LIKE '-%', -1, 1) * CAST(substr(substr(amount, instr(amount || '.', '.') + 1) || '0000', 1, 4) AS INTEGER)
) VIRTUAL CHECK (
    amount NOT GLOB '*[^0-9.-]*' AND amount NOT GLOB '?*-*' AND amount NOT GLOB '*.*.*' AND amount GLOB '*[0-9]*'
    AND length(amount) - instr(amount || '.', '.') <= 4 AND instr(ltrim(amount, '-') || '.', '.') <= 19
);

CREATE TABLE ledger_months (
    partner_id  BLOB NOT NULL,
    destination TEXT NOT NULL,
    month       TEXT NOT NULL,
    currency    TEXT NOT NULL,
    -- The table is strict: a sum too large for a whole number is refused, not rounded.
    units       INTEGER NOT NULL,
    parts       INTEGER NOT NULL,
    PRIMARY KEY (partner_id, month, currency, destination)
) STRICT, WITHOUT ROWID;

INSERT INTO ledger_months (partner_id, destination, month, currency, units, parts)
SELECT l.partner_id, d.destination, l.month, l.currency, sum(l.units), sum(l.parts)
FROM ledger AS l JOIN deliveries AS d ON d.id = l.delivery_id
GROUP BY 1, 2, 3, 4;

CREATE TRIGGER ledger_adds_up AFTER INSERT ON ledger BEGIN
    INSERT INTO ledger_months (partner_id, destination, month, currency, units, parts)
    SELECT l.partner_id, d.destination, l.month, l.currency, l.units, l.parts
    FROM ledger AS l JOIN deliveries AS d ON d.id = l.delivery_id
    WHERE l.id = NEW.id
    ON CONFLICT DO UPDATE SET units = units + excluded.units, parts = parts + excluded.parts;
END;
