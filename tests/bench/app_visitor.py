"""A visitor of the page without a browser: Streamlit's own messages over a websocket, so that twenty fit beside the
server."""

import json
import time
import urllib.request
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from types import TracebackType
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

PATIENCE_SECONDS = 120


@dataclass(slots=True)
class Seen:
    """What the page showed after one thing that the visitor did."""

    verdict: str = ""
    verdict_seconds: float = 0.0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)


class Visitor:
    """Comes, hands in a file, moves the slider."""

    def __init__(self, address: str) -> None:
        self._address = address
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=PATIENCE_SECONDS) as answer:
            cookies = SimpleCookie(answer.headers.get("Set-Cookie", ""))
        self._token = cookies["_streamlit_xsrf"].value
        self._headers = {"Cookie": f"_streamlit_xsrf={self._token}", "Origin": address}
        self._socket = connect(
            address.replace("http", "ws") + "/_stcore/stream",
            subprotocols=["streamlit", self._token],  # type: ignore[list-item]  # a plain str will do
            additional_headers=self._headers,
            max_size=None,
            open_timeout=PATIENCE_SECONDS,
        )
        self._session = ""
        self._script = ""
        self._states: dict[str, WidgetState] = {}
        self.widgets: dict[str, Any] = {}
        """The latest of each kind that was drawn, by kind and label."""
        self.fragments: dict[str, str] = {}

    def __enter__(self) -> "Visitor":
        """Arrive."""
        self.first = self._run()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave."""
        self._socket.close()

    def hand_in(self, name: str, data: bytes) -> Seen:
        """From the moment that the file is dropped."""
        began = time.perf_counter()
        message = BackMsg()
        message.file_urls_request.request_id = "1"
        message.file_urls_request.session_id = self._session
        message.file_urls_request.file_names.append(name)
        self._socket.send(message.SerializeToString())
        urls = self._next("file_urls_response").file_urls_response.file_urls[0]
        self._put(urls.upload_url, name, data)
        state = WidgetState(id=self._widget("file_uploader").id)
        info = state.file_uploader_state_value.uploaded_file_info.add()
        info.name, info.size, info.file_id = name, len(data), urls.file_id
        info.file_urls.CopyFrom(urls)
        return self._run(state, began=began)

    def move(self, label: str, value: float) -> Seen:
        """A slider, in the fragment that it stands in."""
        state = WidgetState(id=self._widget("slider", label).id)
        state.double_array_value.data.append(value)
        return self._run(state, fragment=self.fragments[state.id])

    def _widget(self, kind: str, label: str = "") -> Any:
        return next(one for (which, named), one in self.widgets.items() if which == kind and label in named)

    def _put(self, url: str, name: str, data: bytes) -> None:
        edge = "----seepseg"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        body = f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + data + f"\r\n--{edge}--\r\n".encode()
        headers = self._headers | {
            "X-Xsrftoken": self._token,
            "Content-Type": f"multipart/form-data; boundary={edge}",
        }
        where = url if url.startswith("http") else self._address + url
        request = urllib.request.Request(where, data=body, method="PUT", headers=headers)
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()

    def _run(self, *changed: WidgetState, fragment: str = "", began: float | None = None) -> Seen:
        began = time.perf_counter() if began is None else began
        self._states.update((state.id, state) for state in changed)
        message = BackMsg()
        message.rerun_script.widget_states.widgets.extend(self._states.values())
        message.rerun_script.page_script_hash = self._script
        message.rerun_script.fragment_id = fragment
        self._socket.send(message.SerializeToString())
        seen = Seen()
        while True:
            told = self._receive()
            kind = told.WhichOneof("type")
            if kind == "new_session":
                self._session = told.new_session.initialize.session_id or self._session
                self._script = told.new_session.page_script_hash
            elif kind == "delta":
                self._look(told, seen, began)
            elif kind == "script_finished" and told.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                seen.seconds = time.perf_counter() - began
                return seen

    def _look(self, told: ForwardMsg, seen: Seen, began: float) -> None:
        if told.delta.WhichOneof("type") != "new_element":
            return
        element = told.delta.new_element
        kind = element.WhichOneof("type")
        drawn = getattr(element, kind)
        if kind in ("file_uploader", "slider"):
            self.widgets[kind, drawn.label] = drawn
            self.fragments[drawn.id] = told.delta.fragment_id
        elif kind == "html" and 'class="verdict' in drawn.body:
            seen.verdict, seen.verdict_seconds = drawn.body, time.perf_counter() - began
        elif kind == "exception" or (kind == "alert" and drawn.format == drawn.ERROR):
            seen.errors.append(drawn.message if kind == "exception" else drawn.body)

    def _next(self, wanted: str) -> ForwardMsg:
        while (told := self._receive()).WhichOneof("type") != wanted:
            pass
        return told

    def _receive(self) -> ForwardMsg:
        data = self._socket.recv(timeout=PATIENCE_SECONDS)
        assert isinstance(data, bytes), json.dumps(data)
        told = ForwardMsg()
        told.ParseFromString(data)
        return told
