"""What OpenTelemetry reads from the environment itself, checked before it does.

For: refusing at the start what its SDK would leave out, or trip over, late. `src/config.ts` checks
the same. Not for: whether there are traces at all (settings.py), nor starting them (tracing.py).
"""

import re
from collections.abc import Mapping
from functools import partial
from urllib.parse import unquote, urlsplit

_KINDS = ("always_on", "always_off", "traceidratio")
SAMPLERS = tuple(name for kind in _KINDS for name in (kind, f"parentbased_{kind}"))
_SHARE = re.compile(r"0?\.\d+|0\.?|1(\.0*)?", re.ASCII)
_MILLISECONDS = re.compile(r"[1-9]\d{0,8}", re.ASCII)
_PAIR = re.compile(r"[ \t]*([\w!#$%&'*+.^`|~-]+)[ \t]*=([ !#-+\--:<-\[\]-~\t]*)", re.ASCII)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_HEADER_TEXT = re.compile(r"[\t\x20-\x7e]*")
_ATTRIBUTE_TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f]*")


def endpoint_problem(value: str) -> str | None:
    """What is wrong with the address of a collector; None when nothing is."""
    try:
        parts = urlsplit(value)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if fits:
        return None
    return (
        f"OTEL_EXPORTER_OTLP_ENDPOINT is '{value}'; "
        "it must be an http or https address such as http://localhost:4318."
    )


def tracing_problem(environment: Mapping[str, str]) -> str | None:
    """The first wrong variable in words; None when all are right or absent.

    The headers' value is never repeated: it may hold a password.
    """
    pairs = "must be name=value, with commas between, percent-encoded."
    for name, fits, rule in (
        ("OTEL_TRACES_SAMPLER", SAMPLERS.__contains__, f"must be one of {', '.join(SAMPLERS)}."),
        ("OTEL_TRACES_SAMPLER_ARG", _SHARE.fullmatch, "must be a share from 0 to 1, such as 0.25."),
        ("OTEL_BSP_SCHEDULE_DELAY", _MILLISECONDS.fullmatch, "must be milliseconds, from 1 on."),
        ("OTEL_RESOURCE_ATTRIBUTES", partial(_is_list_of_pairs, _ATTRIBUTE_TEXT), pairs),
        ("OTEL_EXPORTER_OTLP_HEADERS", partial(_is_list_of_pairs, _HEADER_TEXT), pairs),
    ):
        value = environment.get(name, "").strip()
        if value and not fits(value):
            if name == "OTEL_EXPORTER_OTLP_HEADERS":
                return f"{name} {rule}"
            return f"{name} is '{value}'; it {rule}"
    return None


def _is_list_of_pairs(text: re.Pattern[str], pairs: str) -> bool:
    """Whether the decoded values are such texts."""
    matches = [_PAIR.fullmatch(pair) for pair in pairs.split(",") if pair.strip()]
    return all(
        match and all(_decodes_to(text, part) for part in match.groups()) for match in matches
    )


def _decodes_to(text: re.Pattern[str], encoded: str) -> bool:
    if _BROKEN_ESCAPE.search(encoded):
        return False
    try:
        return bool(text.fullmatch(unquote(encoded, errors="strict")))
    except UnicodeDecodeError:
        return False
