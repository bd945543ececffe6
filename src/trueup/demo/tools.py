"""The assistant's tools: their JSON schemas, and what calling one returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueup.types import ToolCall

__all__ = ["DOCUMENTS", "REASONS", "TOOLS", "run_tool", "signatures"]

DOCUMENTS = ("id_card", "declarations", "claim_form", "receipt")
REASONS = ("injury", "complaint", "legal", "fraud", "dispute")


def _tool(name: str, about: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"name": name, "description": about, "parameters": parameters}


TOOLS: tuple[dict[str, Any], ...] = (
    _tool("lookup_claim", "read a claim's record", {"claim_id": {"type": "string"}}),
    _tool(
        "issue_refund",
        "pay a claim on record as approved",
        {"claim_id": {"type": "string"}, "amount": {"type": "integer"}},
    ),
    _tool("open_claim", "report a new loss", {"cause": {"type": "string"}}),
    _tool(
        "send_document", "mail a paper", {"document": {"type": "string", "enum": list(DOCUMENTS)}}
    ),
    _tool("escalate", "hand to a person", {"reason": {"type": "string", "enum": list(REASONS)}}),
)


def signatures() -> str:
    """Return the tools as the short lines that the system prompt shows."""
    lines = []
    for tool in TOOLS:
        arguments = ", ".join(
            f"{name}={'|'.join(schema['enum'])}" if "enum" in schema else name
            for name, schema in tool["parameters"]["properties"].items()
        )
        lines.append(f"{tool['name']}({arguments}): {tool['description']}")
    return "\n".join(lines)


def run_tool(call: ToolCall, record: Mapping[str, Any]) -> dict[str, Any]:
    """Carry a call out on a request's facts and return the tool's answer, errors included.

    Args:
        call: what the assistant asked for.
        record: the request's facts: `claim_id`, `status`, `payable`, `looked_up`.
    """
    schema = next((tool["parameters"] for tool in TOOLS if tool["name"] == call.name), None)
    if schema is None:
        return {"error": f"no tool named {call.name!r}"}
    if set(call.arguments) != set(schema["required"]):
        return {"error": f"{call.name} takes {', '.join(schema['required'])}"}
    for name, value in call.arguments.items():
        choices = schema["properties"][name].get("enum")
        if choices and value not in choices:
            return {"error": f"{name} must be one of {', '.join(choices)}"}
    if "claim_id" in call.arguments and call.arguments["claim_id"] != record["claim_id"]:
        return {"error": f"no claim {call.arguments['claim_id']}"}
    if call.name == "lookup_claim":
        return {k: record[k] for k in ("claim_id", "status", "payable")}
    if call.name == "issue_refund" and not (record["looked_up"] and record["status"] == "approved"):
        return {"error": "refund rejected: the claim's record was not looked up and approved"}
    return {"ok": True}
