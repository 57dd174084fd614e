"""The panel in a real Jupyter kernel: it follows a live lab between cells, and stops with it."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow

SETUP = """
from voxlab import Lab
lab = Lab(live=True)
account = lab.account("acme")
shop = account.application("shop")
alice, bob = shop.user("alice").phone(), shop.user("bob").phone(answer_after=0.1)
@shop.scenario()
async def forward(call):
    await call.forward_to_user()
panel = account.panel()
panel
"""


class Kernel:
    """A kernel and its client."""

    def __init__(self) -> None:
        manager = pytest.importorskip("jupyter_client.manager", reason="make install ARGS=full")
        self.manager, self.client = manager.start_new_kernel(kernel_name="python3")

    def run(self, code: str) -> list[dict[str, Any]]:
        """Run a cell; return what it shows."""
        asked, shown = self.client.execute(code), []
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            content = message["content"]
            if message["msg_type"] in {"execute_result", "stream", "error"}:
                shown.append(content)
            over = message["msg_type"] == "status" and content["execution_state"] == "idle"
            if over and message["parent_header"].get("msg_id") == asked:
                return shown

    def until_a_widget_says(self, words: str) -> None:
        """Wait for an update of a widget, no cell being run; ends with an error after 30 s of silence."""
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            if message["msg_type"] == "comm_msg" and words in str(message["content"]["data"].get("state")):
                return

    def end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def test_it_follows_the_lab_between_cells_and_stops_with_it() -> None:
    kernel = Kernel()
    try:
        bundle = kernel.run(SETUP)[-1]["data"]
        assert set(bundle) == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}
        assert kernel.run("call = alice.dial('bob')") == []
        kernel.until_a_widget_says("✓ talking")
        said = kernel.run("lab.close(); print(panel._view.news.value, panel._following)")[-1]["text"]
        assert "the lab is closed" in said
        assert said.rstrip().endswith("None")
    finally:
        kernel.end()
