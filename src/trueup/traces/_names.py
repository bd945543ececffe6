"""The span attributes that traces are written to and read from."""

from __future__ import annotations

from openinference.semconv.trace import (
    DocumentAttributes,
    MessageAttributes,
    SpanAttributes,
    ToolCallAttributes,
)

# OpenTelemetry moved its GenAI names out of its Python package, so they are spelled out here.
OPERATION = "gen_ai.operation.name"
CONVERSATION = "gen_ai.conversation.id"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
RETRIEVED = "gen_ai.retrieval.documents"
TOOL_NAME = "gen_ai.tool.name"
TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_RESULT = "gen_ai.tool.call.result"

KIND = SpanAttributes.OPENINFERENCE_SPAN_KIND
SESSION = SpanAttributes.SESSION_ID
LLM_MODEL = SpanAttributes.LLM_MODEL_NAME
PROMPT_TOKENS = SpanAttributes.LLM_TOKEN_COUNT_PROMPT
COMPLETION_TOKENS = SpanAttributes.LLM_TOKEN_COUNT_COMPLETION
FLAT_INPUT = SpanAttributes.LLM_INPUT_MESSAGES
FLAT_OUTPUT = SpanAttributes.LLM_OUTPUT_MESSAGES
INPUT_VALUE = SpanAttributes.INPUT_VALUE
OUTPUT_VALUE = SpanAttributes.OUTPUT_VALUE
DOCUMENTS = SpanAttributes.RETRIEVAL_DOCUMENTS
DOCUMENT_CONTENT = DocumentAttributes.DOCUMENT_CONTENT
OLD_TOOL_NAME = SpanAttributes.TOOL_NAME
OLD_TOOL_ARGUMENTS = SpanAttributes.TOOL_PARAMETERS
MESSAGE_ROLE = MessageAttributes.MESSAGE_ROLE
MESSAGE_CONTENT = MessageAttributes.MESSAGE_CONTENT
MESSAGE_TOOL_CALLS = MessageAttributes.MESSAGE_TOOL_CALLS
MESSAGE_TOOL_CALL_ID = MessageAttributes.MESSAGE_TOOL_CALL_ID
CALL_ID = ToolCallAttributes.TOOL_CALL_ID
CALL_NAME = ToolCallAttributes.TOOL_CALL_FUNCTION_NAME
CALL_ARGUMENTS = ToolCallAttributes.TOOL_CALL_FUNCTION_ARGUMENTS_JSON

TRAJECTORY_STEP = "agent.trajectory.step"
COHORT = "trueup.cohort"
QUESTION_TYPE = "trueup.question_type"
FAMILY = "trueup.family"
EXPECTED = "trueup.expected"
