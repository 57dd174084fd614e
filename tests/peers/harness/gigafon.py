"""Kamailio as another operator: a whitelist of addresses, a registrar with digest, trunks in and out of it.

Its subscribers are telephones by number; whoever is on the whitelist (module permissions) calls without a password,
a subscriber proves who it is, nobody else gets in. Numbers and domains of the platform go to the platform's address.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .kamailio import Kamailio
from .namespace import Street

DOMAIN = "gigafon.example"

_SCRIPT = """\
debug=0
log_stderror=yes
children=1
auto_aliases=no
disable_tcp=yes
listen=udp:{host}:5060
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
loadmodule "permissions.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", 30)
modparam("permissions", "address_file", "{addresses}")

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("OPTIONS") && uri == myself && $rU == $null) {{
        if ($si == "{host}" || allow_source_address("1")) {{ sl_send_reply("200", "OK"); }}
        else {{ sl_send_reply("403", "Forbidden"); }}
        exit;
    }}
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
    if ($fd == "{domain}") {{
        if (!pv_proxy_authenticate("{domain}", "{password}", "0")) {{ proxy_challenge("{domain}", "1"); exit; }}
        consume_credentials();
        if ($rU =~ "^\\+4930999") {{ $rd = "{platform}"; $rp = 5060; t_relay(); exit; }}
    }} else if (!allow_source_address("1")) {{
        sl_send_reply("403", "Forbidden");
        exit;
    }}
    if ($rU == "{office_number}") {{ $rU = "{office}"; $rd = "{domain}"; }}
    if (uri != myself) {{ sl_send_reply("403", "No Transit"); exit; }}
    $rd = "{domain}";
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    t_relay();
}}
"""


class GigaFon(Kamailio):
    """Another operator at `host`.

    Parameters
    ----------
    whitelist : iterable of str
        The addresses that call without a password: what getMediaResources names as SBCs.
    platform : str
        The address of the platform, where calls to its numbers (+4930999...) go.
    office, office_number : str
        The platform as a telephone here: its user name, and the number that leads to it.
    """

    def __init__(
        self,
        folder: Path,
        street: Street,
        *,
        host: str,
        password: str,
        whitelist: Iterable[str],
        platform: str,
        office: str,
        office_number: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.host, self.port, self.street = host, 5060, street
        addresses = folder / "address.list"
        addresses.write_text("".join(f"1 {address} 32 0 platform\n" for address in whitelist))
        script = _SCRIPT.format(
            host=host,
            domain=DOMAIN,
            password=password,
            addresses=addresses,
            platform=platform,
            office=office,
            office_number=office_number,
        )
        self._start(folder, script)
