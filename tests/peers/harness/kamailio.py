"""Kamailio as registrar and stateful proxy, its password in its script (RFC 3261 s.10, s.16, s.22)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .namespace import Street
from .ports import answers_options
from .process import Program

_SCRIPT = """\
debug=0
log_stderror=yes
children={children}
auto_aliases=no
{tcp}
listen=udp:{host}:{port}
alias="{domain}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("auth", "nonce_expire", 300)

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("OPTIONS") && uri == myself && $rU == $null) {{ sl_send_reply("200", "OK"); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK") && t_check_trans()) {{ t_relay(); }}
        exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("{domain}", "{password}", "0")) {{ www_challenge("{domain}", "1"); exit; }}
        consume_credentials();
        save("location");
        exit;
    }}
    t_check_trans();
    record_route();
    {challenge}
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    t_relay();
}}
"""
_CHALLENGE = """if (is_method("INVITE")) {{
        if (!pv_proxy_authenticate("{domain}", "{password}", "0")) {{ proxy_challenge("{domain}", "1"); exit; }}
        consume_credentials();
    }}"""


class Kamailio(Program):
    """One Kamailio on `host`:`port`; every user of `domain` has the same `password`.

    The allocator is tlsf: Debian's default one spends most of its time checking itself, so it would be no anchor.
    """

    def __init__(
        self,
        folder: Path,
        *,
        host: str,
        port: int = 5060,
        domain: str,
        password: str,
        challenge_calls: bool = True,
        tcp: bool = True,
        children: int = 1,
        prefix: Sequence[str] = (),
        street: Street | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.host, self.port, self.street = host, port, street
        challenge = _CHALLENGE.format(domain=domain, password=password) if challenge_calls else ""
        self._start(
            folder,
            _SCRIPT.format(
                host=host,
                port=port,
                domain=domain,
                password=password,
                challenge=challenge,
                children=children,
                tcp=f"listen=tcp:{host}:{port}" if tcp else "disable_tcp=yes",
            ),
            prefix,
        )

    def _start(self, folder: Path, script: str, prefix: Sequence[str] = ()) -> None:
        """Run Kamailio on a script of its own."""
        file = folder / "kamailio.cfg"
        file.write_text(script)
        memory = ["-m", "1024", "-M", "16", "-x", "tlsf", "-X", "tlsf"]
        places = ["-Y", str(folder), "-P", str(folder / "kamailio.pid")]
        super().__init__(
            ["kamailio", "-f", str(file), "-DD", "-E", *memory, *places],
            folder,
            "kamailio",
            prefix=self.street.prefix if self.street else prefix,
        )

    def until_ready(self, timeout_s: float = 10.0) -> None:
        """Wait until OPTIONS is answered."""
        self.wait_until(self._answers, timeout_s, "Kamailio answers OPTIONS")

    def _answers(self) -> bool:
        def ask() -> bool:
            return answers_options(self.host, self.port, 0.5)

        return self.street.inside(ask) if self.street else ask()
