"""A real OpenAI-compatible server that answers as a test's script says."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

Answer = Response | tuple[float, Response]
"""What a request gets, at once or after so many seconds."""


def completion(content: str | None, *, finish: str = "stop", **message: Any) -> JSONResponse:
    """A chat completion of 100 and 50 tokens."""
    return JSONResponse(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": "judge-1",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish,
                    "message": {"role": "assistant", "content": content, **message},
                }
            ],
            "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
        }
    )


def verdict(label: str, reasoning: str = "so", evidence: tuple[str, ...] = ()) -> JSONResponse:
    return completion(
        json.dumps({"reasoning": reasoning, "evidence": list(evidence), "label": label})
    )


def parts(*labels: str) -> JSONResponse:
    made = [
        {"part": f"part {n}", "reasoning": "so", "evidence": "", "label": label}
        for n, label in enumerate(labels, start=1)
    ]
    return completion(json.dumps({"parts": made}))


def error(status: int, message: str, **headers: str) -> JSONResponse:
    body = {"error": {"message": message, "type": "error", "param": None, "code": None}}
    return JSONResponse(body, status, {k.replace("_", "-"): v for k, v in headers.items()})


def text(content: str, status: int = 200, media: str = "text/html") -> Response:
    return PlainTextResponse(content, status, media_type=media)


class JudgeServer:
    """Answers with what is in `script`, in order, and then with what `otherwise` makes."""

    def __init__(self) -> None:
        self.begin()
        routes = [Route("/v1/chat/completions", self._answer, methods=["POST"])]
        config = uvicorn.Config(Starlette(routes=routes), log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)

    def begin(self) -> None:
        """Forget all that was said and asked."""
        self.script: list[Answer] = []
        self.otherwise: Callable[[Mapping[str, Any]], Response] = lambda _: verdict("good")
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.at_once = self.most_at_once = 0

    def close(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()
        self._socket.close()

    def said(self, place: int = -1) -> str:
        """What the user's message of a request was."""
        return str(self.asked[place]["messages"][-1]["content"])

    async def _answer(self, request: Request) -> Response:
        asked = await request.json()
        self.asked.append(asked)
        self.keys.append(request.headers.get("authorization", ""))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if not self.script:
                # in a thread: what answers may be a model
                return await asyncio.to_thread(self.otherwise, asked)
            answer = self.script.pop(0)
            if isinstance(answer, tuple):
                await asyncio.sleep(answer[0])
                return answer[1]
            return answer
        finally:
            self.at_once -= 1
