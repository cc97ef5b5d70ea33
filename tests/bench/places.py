"""Tables, buckets, queues and keys of the local cloud for a service in this process, apart from any
deployed one, whose sequencer would be faster."""

from __future__ import annotations

from chalicelib.adapters.aws import Clients
from tests.contracts.stores import make_places

URL = "http://127.0.0.1/bench"


def make_settings(clients: Clients) -> dict[str, str]:
    """The settings of the service on new places."""
    places = make_places(clients)
    wake, uploads = (
        clients.sqs.create_queue(QueueName=f"{name}-{places.log}")["QueueUrl"]
        for name in ("wake", "uploads")
    )
    kms = clients.kms
    log_key = kms.create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    token_key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    chain_key = kms.create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY")
    witness_key = kms.create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    webhook_key = kms.create_key(KeySpec="SYMMETRIC_DEFAULT")
    notary_key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    status_key = kms.create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    custody_key = kms.create_key()
    return {
        "TALLY_ORIGIN": "tally.test/bench",
        "TALLY_PUBLIC_URL": URL,
        "TALLY_LOG_TABLE": places.log,
        "TALLY_PENDING_TABLE": places.pending,
        "TALLY_JOBS_TABLE": places.jobs,
        "TALLY_REGISTRY_TABLE": places.registry,
        "TALLY_ATTEMPTS_TABLE": places.attempts,
        "TALLY_DOCUMENTS_TABLE": places.documents,
        "TALLY_WEBHOOKS_TABLE": places.webhooks,
        "TALLY_LOG_BUCKET": places.bucket,
        "TALLY_WORK_BUCKET": places.work,
        "TALLY_WAKE_QUEUE_URL": wake,
        "TALLY_UPLOADS_QUEUE_URL": uploads,
        "TALLY_LOG_KEY": log_key["KeyMetadata"]["KeyId"],
        "TALLY_TOKEN_KEY": token_key["KeyMetadata"]["KeyId"],
        "TALLY_CHAIN_KEY": chain_key["KeyMetadata"]["KeyId"],
        "TALLY_WITNESS_KEY": witness_key["KeyMetadata"]["KeyId"],
        "TALLY_NOTARY_ID": "host",
        "TALLY_NOTARY_KEY": notary_key["KeyMetadata"]["KeyId"],
        "TALLY_STATUS_KEY": status_key["KeyMetadata"]["KeyId"],
        "TALLY_CUSTODY_KEY": custody_key["KeyMetadata"]["KeyId"],
        "TALLY_WEBHOOK_KEY": webhook_key["KeyMetadata"]["KeyId"],
    }
