"""What the assistant's tools answer."""

from __future__ import annotations

import pytest

from trueup.demo.tools import TOOLS, run_tool, signatures
from trueup.types import ToolCall

RECORD = {"claim_id": "CL-1", "status": "approved", "payable": 90, "looked_up": True}


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (
            ToolCall("lookup_claim", {"claim_id": "CL-1"}),
            {"claim_id": "CL-1", "status": "approved", "payable": 90},
        ),
        (ToolCall("issue_refund", {"claim_id": "CL-1", "amount": 90}), {"ok": True}),
        (ToolCall("lookup_claim", {"claim_id": "CL-2"}), {"error": "no claim CL-2"}),
        (ToolCall("lookup_claim", {}), {"error": "lookup_claim takes claim_id"}),
        (ToolCall("dance", {}), {"error": "no tool named 'dance'"}),
        (
            ToolCall("escalate", {"reason": "boredom"}),
            {"error": "reason must be one of injury, complaint, legal, fraud, dispute"},
        ),
    ],
)
def test_tools_answer_from_the_record(call, answer):
    assert run_tool(call, RECORD) == answer


def test_a_refund_needs_a_record_that_was_looked_up():
    refund = ToolCall("issue_refund", {"claim_id": "CL-1", "amount": 90})
    answer = run_tool(refund, RECORD | {"looked_up": False})
    assert answer["error"].startswith("refund rejected")


def test_the_prompt_names_every_tool():
    assert [line.split("(")[0] for line in signatures().splitlines()] == [t["name"] for t in TOOLS]
