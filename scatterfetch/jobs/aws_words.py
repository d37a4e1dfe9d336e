"""What the AWS SDK says of a request that failed, for those who only want to see their stack."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

_REGION = "AWS_REGION, or `region` in scatterfetch.toml"
_OF_SDK: dict[type[BotoCoreError], str] = {
    NoCredentialsError: (
        "there are no AWS credentials; set AWS_PROFILE, or run `aws configure` or `aws login`"
    ),
    PartialCredentialsError: "of the AWS credentials {cred_var} is missing",
    ProfileNotFound: (
        "there is no AWS profile {profile!r}; `aws configure list-profiles` lists those there are"
    ),
    NoRegionError: f"no region of AWS is named; set {_REGION}, as in eu-central-1",
    InvalidRegionError: f"{{region_name!r}} is no region of AWS; set {_REGION}, as in eu-central-1",
    EndpointConnectionError: (
        f"nothing answers at {{endpoint_url}}; is the region right ({_REGION}), and is there a "
        "network?"
    ),
}
"""By error; in braces, what the SDK knows of it."""
_UNKNOWN = "AWS does not know these credentials; are they whole, and of the right AWS_PROFILE?"
_EXPIRED = "the AWS credentials have expired; sign in again, with `aws login` or `aws sso login`"
_CLOCK = "this machine's clock is wrong by minutes, so AWS takes no request; set it"
_OF_AWS = {
    "RequestTimeTooSkewed": _CLOCK,
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException"), _EXPIRED),
    **dict.fromkeys(("InvalidClientTokenId", "UnrecognizedClientException"), _UNKNOWN),
    **dict.fromkeys(("InvalidAccessKeyId", "SignatureDoesNotMatch"), _UNKNOWN),
}


def in_words(error: BotoCoreError | ClientError) -> str:
    """Return what is wrong, and what to do if that is known."""
    if isinstance(error, ClientError):
        answer = error.response["Error"]
        code, message = answer.get("Code", ""), answer.get("Message", "")
        if message.startswith(("Signature expired", "Signature not yet current")):
            return _CLOCK  # of any code
        return _OF_AWS.get(code, message or str(error))
    words = next((words for kind, words in _OF_SDK.items() if isinstance(error, kind)), None)
    return str(error) if words is None else words.format(**error.kwargs)
