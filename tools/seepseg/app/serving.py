"""Streamlit's server with our settings: it calls nobody, shows no traceback, and says where it listens."""

import os
import socket
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from seepseg.app.settings import Settings, as_environment
from seepseg.errors import UsageError

SCRIPT = Path(__file__).parent / "entry" / "page.py"
CONFIG = Path(__file__).parent / "entry" / "config.toml"
"""The same as .streamlit/config.toml of the repository, which `streamlit run streamlit_app.py` reads."""
FIRST_PORT, PORTS = 8501, 20


def serve(settings: Settings, *, port: int | None, address: str, browser: bool) -> None:
    """Run the server until it is stopped."""
    chosen = _choose_port(address, port)
    os.environ.update(as_environment(settings))
    from streamlit import config
    from streamlit.web import bootstrap

    flags = {**read_config(), "server.port": chosen, "server.address": address, "server.headless": not browser}
    # As `streamlit run` does with its flags; it wants underscores where the options have points.
    options = {name.replace(".", "_"): value for name, value in flags.items()}
    config._main_script_path = str(SCRIPT)
    bootstrap.load_config_options(options)
    print(f"seepseg: the page is at http://{address}:{chosen} (Ctrl-C ends it)", flush=True)
    bootstrap.run(str(SCRIPT), False, [], options)


def find_root(folder: Path) -> Path:
    """Where runs/ and datasets/ lie: here, or else in the repository that this package was installed from."""
    repository = Path(__file__).parents[3]
    if not (folder / "runs").is_dir() and (repository / "streamlit_app.py").is_file():
        return repository
    return folder


def read_config() -> Mapping[str, object]:
    """Flat, as the flags of `streamlit run` are called."""
    import tomllib

    return dict(_flatten(tomllib.loads(CONFIG.read_text(encoding="utf-8")), ""))


def _flatten(table: Mapping[str, object], before: str) -> list[tuple[str, object]]:
    flat: list[tuple[str, object]] = []
    for name, value in table.items():
        flat += _flatten(value, f"{before}{name}.") if isinstance(value, dict) else [(before + name, value)]
    return flat


def _choose_port(address: str, asked: int | None) -> int:
    """The one that was asked for, or the first that is free."""
    for port in [asked] if asked is not None else range(FIRST_PORT, FIRST_PORT + PORTS):
        if _is_free(address, port):
            return port
    if asked is not None:
        raise UsageError(f"port {asked} of {address} cannot be had; another program may use it: give another --port")
    raise UsageError(f"ports {FIRST_PORT} to {FIRST_PORT + PORTS - 1} of {address} are all taken; give a --port")


def _is_free(address: str, port: int) -> bool:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise UsageError(f"--address {address}: not an address of this machine ({error.strerror})") from None
    with closing(socket.socket(family, kind, protocol)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(where)
        except OSError:
            return False
    return True
