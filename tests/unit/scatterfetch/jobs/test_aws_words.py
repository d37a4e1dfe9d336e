import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)

from scatterfetch.jobs.aws_words import in_words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NoCredentialsError(), "there are no AWS credentials; set AWS_PROFILE, or run"),
        (
            PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            "of the AWS credentials AWS_SECRET_ACCESS_KEY is missing",
        ),
        (ProfileNotFound(profile="shop"), "there is no AWS profile 'shop'; `aws configure"),
        (NoRegionError(), "no region of AWS is named; set AWS_REGION, or `region`"),
        (InvalidRegionError(region_name="a b"), "'a b' is no region of AWS; set AWS_REGION, or"),
        (
            EndpointConnectionError(endpoint_url="https://sqs.mars-1.amazonaws.com/"),
            "nothing answers at https://sqs.mars-1.amazonaws.com/; is the region right (AWS_",
        ),
        (ReadTimeoutError(endpoint_url="http://a.example/"), "Read timeout on endpoint URL"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_sdk_says_is_said_in_words(error: BotoCoreError, words: str) -> None:
    assert in_words(error).startswith(words)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("RequestTimeTooSkewed", "this machine's clock is wrong by minutes"),
        ("ExpiredToken", "the AWS credentials have expired; sign in again"),
        ("InvalidClientTokenId", "AWS does not know these credentials; are they whole"),
        ("SignatureDoesNotMatch", "AWS does not know these credentials; are they whole"),
        ("AccessDenied", "User u is not authorized to perform: cloudformation:DescribeStacks"),
    ],
)
def test_what_aws_answers_is_said_in_words(code: str, words: str) -> None:
    message = "User u is not authorized to perform: cloudformation:DescribeStacks"
    error = ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")

    assert in_words(error).startswith(words)
    assert "An error occurred" not in in_words(error)


@pytest.mark.parametrize("problem", ["expired: it is", "not yet current: it is"])
def test_a_clock_that_is_wrong_is_no_wrong_credential(problem: str) -> None:
    error = ClientError(
        {"Error": {"Code": "SignatureDoesNotMatch", "Message": f"Signature {problem}"}}, "Describe"
    )

    assert "clock is wrong" in in_words(error)


def test_an_answer_without_a_message_is_said_as_it_is() -> None:
    assert "DescribeStacks" in in_words(ClientError({"Error": {"Code": "Odd"}}, "DescribeStacks"))
