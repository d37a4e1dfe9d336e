"""From a `spec.yaml` to a `Spec`."""

import msgspec
import yaml

from shared.errors import InvalidJobError
from shared.messages import Place
from shared.spec import Spec
from shared.store import Bucket

MAX_SPEC_BYTES = 64 * 1024


def parse_spec(name: str, text: bytes) -> Spec:
    """
    Return the spec in `text`.

    Args:
        name: Where it comes from, for the message.
        text: YAML, UTF-8. Empty means the default spec.

    Raises:
        InvalidJobError: it is no YAML or no spec, as in ``books/spec.yaml: Object contains
            unknown field `timout` - at `$.fetch```.
    """
    if len(text) > MAX_SPEC_BYTES:
        raise InvalidJobError(
            f"{name}: {len(text):,} bytes; a spec may have {MAX_SPEC_BYTES:,}. "
            "Is this the URL list?"
        )
    try:
        content = yaml.safe_load(text.decode("utf-8-sig"))
        return msgspec.convert({} if content is None else content, Spec)
    except UnicodeDecodeError as error:
        raise InvalidJobError(f"{name}: not UTF-8 text: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise InvalidJobError(
            f"{name}{line}: not YAML: {getattr(error, 'problem', None) or error}"
        ) from error
    except RecursionError as error:
        raise InvalidJobError(f"{name}: nested too deeply") from error
    except msgspec.ValidationError as error:
        raise InvalidJobError(f"{name}: {error}") from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        # PyYAML's own, about scalars such as 2026-13-45 and !!bool x.
        raise InvalidJobError(f"{name}: not YAML: a value makes no sense: {error}") from error


def nearest_spec(place: Place) -> Spec:
    """
    Return the spec of the list at `place`: the nearest `spec.yaml` up its folders, or the default.

    Raises:
        InvalidJobError: there is one, and it is wrong.
    """
    bucket = Bucket(place.bucket)
    folder = place.key
    while folder:
        folder = folder.rpartition("/")[0]
        key = f"{folder}/spec.yaml" if folder else "spec.yaml"
        text = bucket.get(key)
        if text is not None:
            return parse_spec(f"s3://{place.bucket}/{key}", text)
    return Spec()


def spec_at(place: Place) -> Spec:
    """
    Return the spec at `place`.

    Raises:
        InvalidJobError: there is none, or it is wrong.
    """
    text = Bucket(place.bucket).get(place.key)
    name = f"s3://{place.bucket}/{place.key}"
    if text is None:
        raise InvalidJobError(f"there is no spec at {name}")
    return parse_spec(name, text)
