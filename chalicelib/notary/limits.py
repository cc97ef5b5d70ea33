"""Every limit of the service, in one place. Those of the formats are in ``proof/limits.py``."""

BULK_BYTES = 4_000_000
"""A bulk body sent straight to ``POST /entries``; API Gateway and Lambda carry no more."""

BULK_ITEMS = 10_000
"""Items of such a body: as many signatures as one request can check in its time."""

UPLOAD_BYTES = 64_000_000
UPLOAD_ITEMS = 100_000
"""A bulk object sent through an upload."""

UPLOAD_EXPIRES_S = 3_600
"""A presigned upload is good for so long."""

REMIND_MS = 60_000
"""An upload that lies there for so long without being admitted is asked for again, at most so
often: the store's own message about it may be lost, and an admission takes its time."""

BATCH_ENTRIES = 100_000
BATCH_BYTES = 64_000_000
"""What one block integrates at most; the rest waits for the next block."""

DRAIN_MS = 120_000
"""A function goes on sequencing for so long while ever more comes, then leaves it to the next one:
its own time ends after 300 s, and it should not end within a block."""

BATCH_JOBS = 90
"""Jobs that one block touches: a DynamoDB transaction has at most 100 items."""

AHEAD_S = 600
"""How far an ``iat`` may lie ahead of our clock at admission."""

CLOCK_SKEW_MS = 1_000
"""Clocks of two Lambda hosts may differ so much; a block then takes the time of the one before it.
A clock further behind the newest block went back, and nothing is sequenced with it."""

HEARTBEAT_MS = 3_600_000
"""With nothing pending, a block of its link entry alone at most this often."""

REQUESTS_PER_S = 500
REQUESTS_BURST = 1_000
"""What API Gateway lets through of all clients together; more is answered with 429."""

WAIT_S = 20
"""The longest ``Prefer: wait=`` that is honoured; API Gateway ends a request after 29 s."""

RECEIPTS_PAGE = 500
"""Receipts in one page of ``GET /v1/jobs/{id}/receipts``: a Lambda answers at most 6 MB."""

REJECTED_LISTED = 1_000
"""Rejected items listed in a job; the count is always whole."""

BLOCKS_PAGE = 100
"""Blocks in one page of ``GET /v1/blocks``."""

CREDENTIAL_BYTES = 1_000_000
"""The body of the W3C VC API's requests. A credential has some thousand bytes; one with a portrait
has some hundred thousand."""

PRESENTED_CREDENTIALS = 32
"""Credentials of one presentation that are verified at once: each costs a signature, and a look at
the registry."""

CREDENTIAL_STATUSES = 8
"""Statuses of one credential; two are usual, and each costs a look at a list."""

DETAIL_CHARACTERS = 300
"""What an answer says about one check of a credential; it may quote what was sent."""

VERIFY_BYTES = 4_000_000
"""The body of ``POST /v1/verify``; larger documents are verified with ``tally-verify``."""

TOKEN_S = 600
"""An access token of ours lives so long."""

ASSERTION_S = 600
"""A client assertion (RFC 7523 §3) may live at most so long."""

NETWORK_S = 10.0
"""One request to a network that attests: a chain's node, a calendar, a time-stamp authority."""

ANSWER_BYTES = 16_000_000
"""An answer of such a network; a full block of a public chain, with transactions in full, is
smaller."""

ATTEST_BLOCKS = 100
"""Blocks that a network which attests every block catches up with in one run; older ones are proved
by the newer."""

ATTEST_MS = 120_000
"""A function goes on attesting for so long; what it has not come to waits for the next minute."""

ATTEST_STEPS = 8
"""Steps that one attempt takes in one run at most: planned to final are four."""

RETRY_MS = 30_000
RETRY_MAX_MS = 900_000
"""After a failure an attempt waits so long, twice as long after each further one, at most this."""

POLL_MIN_MS = 2_000
POLL_MAX_MS = 21_600_000
"""An attempt that waits for its network is looked at again after a quarter of its age, at least
and at most this: a calendar that never upgrades costs four looks a day for each of its proofs."""

OVERDUE_MS = 86_400_000
"""A calendar that has not upgraded a proof for so long is overdue, and the fallback is used."""

ALARM_TRIES = 8
"""Failures in a row after which any problem of a network rings the alarm: about an hour."""

WITNESS_MS = 3_000
"""A witness that has not answered for so long is left out of the block's checkpoint."""

WITNESSES_S = 5.0
"""A block waits so long for its cosignatures; then it is published with those that came."""

WITNESS_CORRECTIONS = 2
"""How often a witness that remembers another size than expected is asked again from that size."""

COSIGNED_AHEAD_S = 600
COSIGNED_BEHIND_S = 86_400
"""A cosignature dated further from our clock than this is no evidence of when it was made."""

COSIGN_REPEAT_S = 30
"""Who asks us to cosign the very same checkpoint within this time gets the same line again: anybody
may repeat a request, and each signature costs one of KMS."""

COSIGN_SKEW_S = 5
"""Our hosts' clocks may differ so much; a cosignature then takes the time of the one before it."""

BITCOIN_SCAN_BLOCKS = 50
"""Bitcoin blocks that one look at an attempt searches for a transaction that has moved."""

CALENDAR_BYTES = 10_000
"""An answer of an OpenTimestamps calendar, as its own clients limit it."""

CALENDAR_PENDING = 4
"""Pending attestations in a calendar's first answer; it gives one. Each costs a request a time."""

CALENDAR_PROOF_BYTES = 16 << 10
"""What one calendar's proof may grow to by its upgrades: those of three calendars, and one that is
made here, are one proof within ``OTS_BYTES``."""

CALENDAR_HEIGHTS = 8
"""Bitcoin blocks that one calendar's proof may name; it names one. Each costs two requests to our
own node a time."""

EVM_RAW_TRANSACTIONS = 2_000
"""Transactions of one block that are of unknown types, so that each costs a request to the node."""

NODE_HEADERS = 256
"""Headers of one chain that ``tally verify --node`` asks for; a receipt wants some ten."""

GREATEST_CAP_GWEI = 9_000_000
"""Fees in wei stay below 2^53."""

CLAIMS_VALUES = 20_000
CLAIMS_CHARACTERS = 200_000
CLAIMS_DEPTH = 16
"""Claims of one document: names and values, characters of them all, and nesting. Checked before
the schema is; the longest transcript has some 6,000 names and values."""

CLAIMS_BREACHES = 100
"""Breaches of a schema that a refusal lists; the count is always whole."""

STATUS_RENEW_MS = 180_000
"""A status list that is older than this is registered anew if it was asked for. With the minute
until the publisher runs, receipts then hold lists that speak for the present (``STATUS_FRESH_MS``).
"""

ASK_MS = 60_000
"""How often it is written down that a newer list is wanted: the publisher runs once a minute."""

LIST_CHANGES = 250
"""A status list with more changes is divided by the next hex digit of the entries' ids, so that
what travels in receipts has some 60,000 bytes at most."""

LIST_DIGITS = 2
"""But not by more digits: an issuer has at most 256 lists, which then grow to ``STATUS_BYTES``."""

LIST_GENERATIONS = 100
"""Supersedes of one lineage that have status lists of their own; the publisher follows each change
back to the register."""

LIST_TARGETS = 512
"""Targets of changes that are read at once when their generations are found: each may be in another
bundle of 100,000 bytes."""

LIST_TTL_S = 60
"""Who keeps a status list looks for a newer one after so long: the publisher runs once a minute."""

LIST_RETRY_S = 60
"""Who asks for a status list that is not fresh is told to ask again after so long."""

ALLOT_ENTRIES = 10_000
"""Places in status lists that one request gets; their answer has 1.7 MB."""

PUBLISH_ENTRIES = 100_000
"""Entries that one run of the publisher reads for changes of status, and what is left of the block
that holds the last of them."""

PUBLISH_CHUNK = 16_384
"""Entries of them in memory at once."""

LIFE_ENTRIES = 2_048
"""Entries that admission looks through for changes newer than the last status list: more than come
between two runs of the publisher, unless a bulk does, and a quarter of a megabyte."""

PAGE_BYTES = 4_000_000
"""A page of receipts ends after so many bytes: a Lambda answers at most 6 MB, with every quote in
it escaped."""

PAGE_DOCUMENT_BYTES = 16 << 10
"""A status list larger than this does not travel in pages of receipts, where each would hold it."""

PUBLISHED_MAX_AGE_S = 300
"""How long a cache may hold an issuer's newest profile and status list: as long as a list speaks
for the present."""

PUBLIC_URL_CHARACTERS = 2_048
"""A URL that strangers name."""

PUBLIC_S = 15.0
"""One request to such a URL, from looking up its host to the end of the answer."""

PUBLIC_ADDRESSES = 3
"""Addresses of one host that are tried, one after the other, within that time."""

DID_DOCUMENT_BYTES = 64 << 10
DID_DOCUMENT_DEPTH = 16
DID_METHODS = 64
"""A DID document: its bytes, its nesting, and its verification methods."""

WEBHOOK_ENDPOINTS = 16
"""Endpoints of one tenant."""

WEBHOOK_BYTES = 16 << 10
"""The body of a request that makes one."""

WEBHOOK_TRIES = 10
"""After so many failures in a row a delivery is a dead letter."""

WEBHOOK_WAITS_MS = (
    60_000,
    300_000,
    1_800_000,
    7_200_000,
    18_000_000,
    36_000_000,
    50_400_000,
    72_000_000,
    86_400_000,
)
"""How long a delivery waits after each try but the last: three days in all, as Standard Webhooks
advises. Each is longer than ``PUBLIC_S``: nobody tries while somebody still waits for an answer."""

WEBHOOK_JITTER = 0.25
"""The part of a wait that chance adds to it at most."""

WEBHOOK_AGE_MS = 345_600_000
"""A delivery that was tried at least once and is this old is a dead letter, whatever its tries: an
endpoint that is down is tried once a run, however much waits for it."""

WEBHOOK_RUN_MS = 40_000
"""A run goes on delivering for so long; the schedule starts the next one after a minute."""

WEBHOOK_PAGE = 100
"""Deliveries to one endpoint that are read at once."""

WEBHOOK_THREADS = 8
"""Endpoints that are served side by side."""

WEBHOOK_KEEP_S = 2_592_000
"""A delivery is kept for so long after it was last due: until then the same event is known to have
been delivered, a dead letter can be replayed, and an endpoint that is disabled misses nothing."""

TELL_BLOCKS = 1_000
TELL_MS = 20_000
"""Blocks of which one run of the deliverer tells, and for how long; what is left waits a minute."""

TELL_JOB_ENTRIES = 100
"""The entries of a job with more are not told of one by one: its ``job.done`` stands for them."""

STAGING_HEAD_BYTES = 64 << 10
"""Read at first of a staging object whose head is wanted: that of a few hundred submissions."""

CUSTODY_BYTES = 4_000_000
"""The body of ``POST /v1/documents``: what Lambda carries, and a document of 3,000,000 bytes."""

CREDENTIAL_KEPT_BYTES = 256_000
"""A credential that is issued for somebody is kept for a day, and an item of DynamoDB has at most
400 KB."""

KMS_MESSAGE_BYTES = 4_096
"""What KMS signs with an Ed25519 key; P-256 keys sign a digest, so of any length."""

LIST_URL_CHARACTERS = 120
"""The URL of a status list without the issuer's id in it, for a service at an address of 80."""

IDEMPOTENCY_KEY_CHARACTERS = 255

CUSTODY_MS = 86_400_000
"""The window in which an answer can be had again, and after which nothing secret is left of it."""

CUSTODY_LEASE_MS = 30_000
"""Nobody else works on an issue for so long: a function is ended after 29 s."""

CUSTODY_LAZY_S = 86_400
"""DynamoDB itself deletes a record that the sweep has not purged for so long: the sweep's alarm has
been ringing since ten minutes after the window."""

TOMBSTONE_S = 34_560_000
"""An Idempotency-Key is known to be spent for so long, 400 days: longer than what runs once a year
waits for its next run."""

PURGE_PAGE = 100
PURGE_MS = 30_000
"""Records that a sweep purges at once, and how long it goes on; the next one follows in a minute.
"""

BULK_ISSUE_ROWS = 100
"""Rows of a roster that are made, signed and stored together, and shown on one page."""

SIGN_THREADS = 8
"""Signatures of KMS that are asked for side by side."""
