"""What the fixtures are made of: a picture, a sound, forms to fill in, and a schema that no annotation makes."""

from typing import Any

import jsonschema_rs
import msgspec

from fairlead.catalog.faults import ArgumentError

DOT = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde"
    b"\x00\x00\x00\x0cIDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00IEND\xaeB`\x82"
)
"""A red picture of one pixel."""

TICK = (
    b"RIFF&\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00@\x1f\x00\x00\x80>\x00\x00"
    b"\x02\x00\x10\x00data\x02\x00\x00\x00\x00\x00"
)
"""A sound of one sample."""

CONTACT = {
    "type": "object",
    "properties": {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    },
    "required": ["username", "email"],
}


def ask_for(field: str, kind: str = "string") -> dict[str, Any]:
    """A form of one field."""
    return {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}


def titled(keyword: str, start: str, titles: tuple[str, ...]) -> dict[str, Any]:
    """Values with titles, under `oneOf` or `anyOf`."""
    return {keyword: [{"const": f"{start}{at}", "title": title} for at, title in enumerate(titles, 1)]}


ORDINALS = ("First", "Second", "Third")
OPTIONS = ["option1", "option2", "option3"]
CHOICES = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": OPTIONS},
        "titledSingle": {"type": "string", **titled("oneOf", "value", tuple(f"{one} Option" for one in ORDINALS))},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
        "titledMulti": {
            "type": "array",
            "items": titled("anyOf", "value", tuple(f"{one} Choice" for one in ORDINALS)),
        },
    },
}

CONTACT_CARD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


class Card:
    """Reads the arguments of a tool whose schema is written by hand."""

    wrapped = False

    def __init__(self, schema: dict[str, Any]):
        self._validator = jsonschema_rs.Draft202012Validator(schema)

    def decode(self, raw: Any) -> dict[str, Any]:
        """JSON to the one argument of the function."""
        card = {} if raw is msgspec.UNSET else msgspec.json.decode(raw)
        for fault in self._validator.iter_errors(card):
            raise ArgumentError(f"The card does not fit its schema: {fault.message}")
        return {"card": card}

    def check_result(self, value: Any) -> Any:
        """Nothing is declared of the result."""
        return value
