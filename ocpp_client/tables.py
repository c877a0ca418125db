"""The tables of ocpp.db, as numbered steps from an empty file; forward only.

cursor, transactions, lanes, held, payloads, cache, set_aside: `store.py`. facts (small durable values): `facts.py`.
local_list: `v16/local_list.py`. certificates, key_pairs: `key_store.py`. notices: `notices.py`. link_days,
link_charges: `statistics.py`.
"""

MIGRATIONS = (
    """
    CREATE TABLE cursor (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, sample INTEGER NOT NULL);
    CREATE TABLE transactions (
        session_id INTEGER PRIMARY KEY, transaction_id INTEGER NOT NULL, connector INTEGER NOT NULL,
        is_ended INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE lanes (
        session_id INTEGER PRIMARY KEY, connector INTEGER NOT NULL, sample_after INTEGER NOT NULL,
        attempts INTEGER NOT NULL, is_parked INTEGER NOT NULL, error TEXT NOT NULL
    );
    CREATE TABLE held (seq INTEGER PRIMARY KEY, session_id INTEGER NOT NULL, row BLOB NOT NULL);
    CREATE TABLE payloads (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL);
    CREATE TABLE cache (
        id_tag TEXT PRIMARY KEY, status TEXT NOT NULL, parent TEXT NOT NULL, expires_s REAL, used INTEGER NOT NULL
    );
    """,
    "ALTER TABLE transactions ADD COLUMN stop_source TEXT NOT NULL DEFAULT ''",
    """
    CREATE TABLE facts (key TEXT PRIMARY KEY, value BLOB NOT NULL);
    CREATE TABLE local_list (id_tag TEXT PRIMARY KEY, status TEXT NOT NULL, parent TEXT NOT NULL, expires_s REAL);
    CREATE TABLE certificates (
        fingerprint TEXT PRIMARY KEY, use TEXT NOT NULL, pem TEXT NOT NULL, installed_s REAL NOT NULL
    );
    CREATE TABLE key_pairs (
        name TEXT PRIMARY KEY, private_key BLOB NOT NULL, chain TEXT NOT NULL
    );
    CREATE TABLE notices (
        number INTEGER PRIMARY KEY AUTOINCREMENT, action TEXT NOT NULL, payload BLOB NOT NULL
    );
    CREATE TABLE link_days (
        day TEXT PRIMARY KEY, connections INTEGER NOT NULL, outages INTEGER NOT NULL, outage_s INTEGER NOT NULL,
        sent INTEGER NOT NULL, received INTEGER NOT NULL, sent_bytes INTEGER NOT NULL, received_bytes INTEGER NOT NULL
    );
    CREATE TABLE link_charges (
        session_id INTEGER PRIMARY KEY, day TEXT NOT NULL, connections INTEGER NOT NULL, outages INTEGER NOT NULL,
        outage_s INTEGER NOT NULL, sent_bytes INTEGER NOT NULL, received_bytes INTEGER NOT NULL
    );
    """,
    """
    ALTER TABLE transactions ADD COLUMN meter_start_wh INTEGER;
    CREATE TABLE set_aside (
        session_id INTEGER NOT NULL, first_after INTEGER NOT NULL, up_to INTEGER NOT NULL, connector INTEGER NOT NULL,
        samples INTEGER NOT NULL, error TEXT NOT NULL, PRIMARY KEY (session_id, up_to)
    );
    """,
)
