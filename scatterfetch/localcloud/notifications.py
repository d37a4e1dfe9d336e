"""What S3 tells a queue of an object that was put."""

import hashlib
import json
from datetime import UTC, datetime
from urllib.parse import quote_plus

from scatterfetch.localcloud.template import REGION


def put_notification(bucket: str, key: str, size: int, etag: str, salt: bytes) -> str:
    """
    Return the message that S3 sends.

    S3 numbers the uploads (`sequencer`); here equal ones of equal `salt` have equal numbers.
    """
    entity = {
        "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
        "object": {
            "key": quote_plus(key, safe="/"),
            "size": size,
            "eTag": etag,
            "sequencer": hashlib.sha256(salt).hexdigest()[:16].upper(),
        },
    }
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "eventName": "ObjectCreated:Put",
        "s3": {"s3SchemaVersion": "1.0", **entity},
    }
    return json.dumps({"Records": [record]})
