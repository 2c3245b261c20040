"""The gates can go red: faults in copies of the template, and which gate catches each of them."""

import re
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import DummyInput
from prompt_toolkit.output import DummyOutput

from .conftest import COMBINATIONS, ROOT
from .harness import gates
from .harness.enumeration import Answers, accepts
from .harness.forkserver import ForkServer
from .harness.rendering import render, snapshot

PACKAGE = "template/src/{{ package_name }}"
TESTS = "template/tests"
AUTH = "includes/auth_style"

NONE: Answers = {"auth_style": "none"}
MESSAGE: Answers = {"auth_style": "message"}
JWT: Answers = {"auth_style": "jwt"}
KEY: Answers = {"auth_style": "api_key"}
COOKIE: Answers = {"auth_style": "cookie"}
TICKET: Answers = {"auth_style": "ticket"}
CBOR: Answers = {"auth_style": "none", "media_handlers": ["cbor"]}
STRICT: Answers = {"auth_style": "none", "asyncio_mode": "strict"}
SPOKEN: Answers = {"auth_style": "none", "subprotocols": "chat.v2, chat.v1"}
REQUIRED: Answers = SPOKEN | {"subprotocol_required": True}
QUOTED: Answers = {"project_description": 'say "hi"'}


class Fault(NamedTuple):
    """An edit of the template: what it is, where, and what must notice it."""

    name: str
    file: str
    before: str | None
    """Is there exactly once; "" makes a new file, None leaves everything as it is."""
    after: str
    gate: str
    evidence: str
    """Part of the complaint; of a suite, a test that fails."""
    answers: Answers = {}  # noqa: RUF012 - nobody changes it
    unseen: Answers | None = None
    """Answers with which nobody notices: why a sample of combinations is not enough."""


def quiet(name: str, file: str, before: str, after: str, gate: str, evidence: str) -> Fault:
    """Return a fault that every combination shows."""
    return Fault(name, file, before, after, gate, evidence, NONE)


SOURCE = [
    quiet(
        "a task", "copier.yml", "_subdirectory", "_tasks: [ls]\n_subdirectory", "render", "unsafe"
    ),
    quiet(
        "an extension",
        "copier.yml",
        "_subdirectory",
        "_jinja_extensions: [jinja2.ext.do]\n_subdirectory",
        "render",
        "unsafe",
    ),
    quiet(
        "a migration that no copy runs",
        "copier.yml",
        "_subdirectory",
        "_migrations: [ls]\n_subdirectory",
        "source",
        "_migrations makes every user need --trust",
    ),
    quiet(
        "a misspelt setting",
        "copier.yml",
        "_subdirectory",
        "_skip_if_exist: [README.md]\n_subdirectory",
        "source",
        "_skip_if_exist is no setting",
    ),
    quiet(
        "a misspelt key of a question",
        "copier.yml",
        "  validator: >-\n    {% if not media_handlers %}",
        "  validater: >-\n    {% if not media_handlers %}",
        "source",
        "media_handlers: validater is no key",
    ),
    quiet(
        "a question without a default",
        "copier.yml",
        '  default: "MIT"\n',
        "",
        "source",
        "license has no default",
    ),
    quiet(
        "a reused path",
        f"{TESTS}/{{% if true %}}conftest.py{{% endif %}}.jinja",
        "",
        '"""Another conftest."""\n',
        "render",
        "InteractiveSessionError",
    ),
    quiet(
        "a reused path that Copier does not notice",
        f"{PACKAGE}/app.py",
        "",
        '"""Never rendered."""\n',
        "source",
        "app.py: never rendered",
    ),
    quiet(
        "a name that Windows cannot hold",
        f'{TESTS}/{{% if auth_style == "jwt" %}}test_more.py{{% endif %}}.jinja',
        "",
        '"""More."""\n',
        "source",
        "cannot hold",
    ),
    quiet(
        "a misspelt variable",
        f"{TESTS}/test_broker.py.jinja",
        "{% if asyncio_mode ==",
        "{% if asyncio_mod ==",
        "render",
        "asyncio_mod",
    ),
    quiet(
        "a dropped when",
        "copier.yml",
        "  when: \"{{ subprotocols != '' }}\"\n",
        "",
        "enumeration",
        "'subprotocols': '', 'subprotocol_required': True",
    ),
    quiet(
        "a dropped rule between two answers",
        "copier.yml",
        "{% if 'msgpack' in media_handlers and 'cbor' in media_handlers %}",
        "{% if false %}",
        "enumeration",
        "'media_handlers': ['msgpack', 'cbor']",
    ),
    quiet(
        "a choice that nobody can take",
        "copier.yml",
        "{% if not media_handlers %}",
        "{% if not media_handlers or 'cbor' in media_handlers %}",
        "enumeration",
        "'media_handlers': ['cbor']",
    ),
    quiet(
        "a render that depends on its place",
        "template/README.md.jinja",
        "# {{ project_name }}\n",
        "# {{ project_name }}\n\n{{ _copier_conf.dst_path }}\n",
        "repeatable",
        "README.md",
    ),
]

TEXT = [
    quiet(
        "a stray Jinja tag",
        f"{TESTS}/attempt.py",
        "from dataclasses",
        "# {% endif %}\nfrom dataclasses",
        "hygiene",
        "tests/attempt.py: line 4: left-over Jinja",
    ),
    quiet(
        "blanks at the end of a line",
        "template/Makefile.jinja",
        "check:\n",
        "check: \n",
        "hygiene",
        "Makefile: line",
    ),
    quiet(
        "no newline at the end",
        "template/.gitignore",
        "# Secrets\n.env\n",
        "# Secrets\n.env",
        "hygiene",
        ".gitignore: must end with exactly one newline",
    ),
    quiet(
        "a file that does not parse",
        "template/.pre-commit-config.yaml",
        "repos:\n",
        "repos:\n\t- {\n",
        "hygiene",
        ".pre-commit-config.yaml: does not parse",
    ),
    quiet(
        "a file that an answer leaves empty",
        f"{PACKAGE}/auth.py.jinja",
        "",
        "{% if auth_style == 'jwt' %}\n{% endif %}\n",
        "hygiene",
        "auth.py: empty",
    ),
    Fault(
        "free text without quotes",
        "template/pyproject.toml.jinja",
        "{{ project_description | to_json(ensure_ascii=False) }}",
        '"{{ project_description }}"',
        "hygiene",
        "pyproject.toml: does not parse",
        QUOTED,
        unseen=NONE,
    ),
    Fault(
        "an unused import in one style",
        f"{AUTH}/ticket/auth.py",
        "import hashlib\n",
        "import hashlib\nimport math\n",
        "ruff check",
        "F401",
        TICKET,
        unseen=COOKIE,
    ),
    Fault(
        "an unformatted line in one style",
        f"{AUTH}/jwt/auth.py",
        "self._identity = identity",
        "self._identity   =   identity",
        "ruff format",
        "auth.py",
        JWT,
        unseen=KEY,
    ),
    Fault(
        "one blank line too few in strict mode",
        f"{TESTS}/test_broker.py.jinja",
        "{% if asyncio_mode == 'strict' %}\n\npytestmark",
        "{% if asyncio_mode == 'strict' %}\npytestmark",
        "ruff check",
        "test_broker.py",
        STRICT,
        unseen=NONE,
    ),
]

DEPENDENCIES = [
    quiet(
        "an unused dependency",
        "template/pyproject.toml.jinja",
        '    "msgspec>=0.20",\n',
        '    "httpx>=0.28",\n    "msgspec>=0.20",\n',
        "deptry",
        "DEP002 'httpx'",
    ),
    Fault(
        "a dependency that one style does not need",
        "template/pyproject.toml.jinja",
        "{% if auth_style not in ['none', 'api_key'] %}",
        "{% if auth_style != 'none' %}",
        "deptry",
        "DEP002 'pyjwt'",
        KEY,
        unseen=NONE,
    ),
    Fault(
        "a dependency that one format does not need",
        "template/pyproject.toml.jinja",
        "{% if 'cbor' in media_handlers %}",
        "{% if media_handlers %}",
        "deptry",
        "DEP002 'cbor2'",
        NONE,
        unseen=CBOR,
    ),
    quiet(
        "a dependency that is not declared",
        "template/pyproject.toml.jinja",
        '    "msgspec>=0.20",\n',
        "",
        "deptry",
        "DEP003 'msgspec'",
    ),
    quiet(
        "a dependency of a dependency",
        f"{PACKAGE}/protocol.py",
        "from typing import Any\n",
        "from typing import Any\n\nimport h11\n",
        "deptry",
        "DEP003 'h11'",
    ),
    quiet(
        "a dependency that nobody has",
        f"{PACKAGE}/protocol.py",
        "from typing import Any\n",
        "from typing import Any\n\nimport nowhere_to_be_found\n",
        "deptry",
        "DEP001 'nowhere_to_be_found'",
    ),
    quiet(
        "a development dependency in the service",
        f"{PACKAGE}/protocol.py",
        "from typing import Any\n",
        "from typing import Any\n\nimport websockets\n",
        "deptry",
        "DEP004 'websockets'",
    ),
    quiet(
        "an unused development dependency",
        "template/pyproject.toml.jinja",
        '    "mypy>=2.4",\n',
        '    "freezegun>=1.5",\n    "mypy>=2.4",\n',
        "deptry",
        "DEP002 'freezegun'",
    ),
]

TYPES = [
    Fault(
        "a type error with one format",
        f"{PACKAGE}/media.py.jinja",
        "return cbor2.dumps(msgspec.to_builtins(media))",
        "return str(msgspec.to_builtins(media))",
        "mypy",
        "media.py:.*Incompatible return value",
        CBOR,
    ),
    Fault(
        "a type error in the tests of one style",
        f"{AUTH}/ticket/test_auth.py",
        '"monotonic": 0.0}',
        '"monotonic": "0"}',
        "mypy",
        'test_auth.py:.*Argument "clock"',
        TICKET,
    ),
]


def suite(name: str, file: str, before: str, after: str, test: str, answers: Answers) -> Fault:
    """Return a fault that a generated test notices."""
    return Fault(name, file, before, after, "suite", f"tests/{test}", answers)


CREDENTIALS = [
    suite(
        "a token is logged",
        "includes/identity/token.py",
        "        try:\n            media",
        "        import logging\n\n        logging.getLogger().info(token)\n"
        "        try:\n            media",
        "test_denials.py::test_no_credential_is_logged",
        JWT,
    ),
    suite(
        "a key is logged",
        "includes/identity/api_key.py",
        "        name, _, secret =",
        "        import logging\n\n        logging.getLogger().info(key)\n"
        "        name, _, secret =",
        "test_denials.py::test_no_credential_is_logged",
        KEY,
    ),
    suite(
        "a session is logged",
        f"{AUTH}/cookie/auth.py",
        "        cookies = _cookies(req)\n",
        "        cookies = _cookies(req)\n"
        "        import logging\n\n        logging.getLogger().info(cookies)\n",
        "test_denials.py::test_no_credential_is_logged",
        COOKIE,
    ),
    suite(
        "the server logs tickets",
        f"{PACKAGE}/server.py",
        'arg.partition("?")[0] if',
        "arg if",
        "test_denials.py::test_no_credential_is_logged",
        TICKET,
    ),
    suite(
        "an expired token is accepted",
        "includes/identity/token.py",
        "and earliest < claims.exp <= latest + self._max_lifetime",
        "and claims.exp <= latest + self._max_lifetime",
        "test_identity.py::test_a_forged_token_proves_nothing",
        JWT,
    ),
    suite(
        "a token for another audience is accepted",
        "includes/identity/token.py",
        '{"verify_exp": False,',
        '{"verify_exp": False, "verify_aud": False,',
        "test_identity.py::test_a_forged_token_proves_nothing",
        JWT,
    ),
    suite(
        "a signature is not verified",
        "includes/identity/token.py",
        '{"verify_exp": False,',
        '{"verify_exp": False, "verify_signature": False,',
        "test_identity.py::test_a_forged_token_proves_nothing",
        JWT,
    ),
    suite(
        "a token without an issue time is accepted",
        "includes/identity/token.py",
        "    iat: float\n    exp: float\n",
        "    exp: float\n    iat: float = 0\n",
        "test_identity.py::test_a_forged_token_proves_nothing",
        JWT,
    ),
    suite(
        "a token for a million years is accepted",
        "includes/identity/token.py",
        "and earliest < claims.exp <= latest + self._max_lifetime",
        "and earliest < claims.exp",
        "test_identity.py::test_a_forged_token_proves_nothing",
        JWT,
    ),
    suite(
        "an issuer whose clock is ahead is refused",
        "includes/identity/token.py",
        "claims.iat <= latest",
        "claims.iat <= self._clock()",
        "test_identity.py::test_the_clock_of_the_issuer_may_differ_by_the_leeway",
        JWT,
    ),
    suite(
        "a signature has many spellings",
        "includes/identity/token.py",
        "not _COMPACT.fullmatch(token)",
        "not token.isascii()",
        "test_identity.py::test_a_token_has_one_spelling",
        JWT,
    ),
    suite(
        "any key is accepted",
        "includes/identity/api_key.py",
        "if not hmac.compare_digest(_digest(secret).encode(), expected.encode()):",
        "if not expected:",
        "test_identity.py::test_any_other_key_proves_nothing",
        KEY,
    ),
    suite(
        "an unknown name has the empty key",
        "includes/identity/api_key.py",
        '_NOBODY = "0" * 64',
        '_NOBODY = hashlib.sha256(b"").hexdigest()',
        "test_identity.py::test_any_other_key_proves_nothing",
        KEY,
    ),
    suite(
        "a refusal closes and returns",
        f"{AUTH}/jwt/auth.py",
        '        """Verify the token of a handshake."""\n'
        "        req.context.principal = self._identity.verify_bearer(req)",
        '        """Verify the token of a handshake."""\n'
        "        try:\n"
        "            req.context.principal = self._identity.verify_bearer(req)\n"
        "        except Exception:\n"
        "            await ws.close(3401)\n"
        "            return",
        "test_denials.py::test_a_refused_handshake_never_does",
        JWT,
    ),
    suite(
        "the first message is not verified",
        f"{AUTH}/message/auth.py",
        "return self._identity.verify(first.token)",
        'return Principal(first.token or "anybody", 1e12)',
        "test_auth.py::test_a_route_with_a_suffix_is_not_forgotten",
        MESSAGE,
    ),
    suite(
        "more paths are open than two",
        f"{AUTH}/api_key/auth.py",
        "if req.path not in HEALTH_PATHS:",
        "if not req.path.startswith(tuple(HEALTH_PATHS)):",
        "test_denials.py::test_only_the_health_checks_are_open",
        KEY,
    ),
    suite(
        "a ticket is good twice",
        f"{AUTH}/ticket/auth.py",
        "self._store.take(ticket)",
        "self._store.get(ticket)",
        "test_auth.py::test_of_fifty_racers_with_one_ticket_one_wins",
        TICKET,
    ),
    suite(
        "a ticket is good for ever",
        f"{AUTH}/ticket/auth.py",
        "min(TICKET_LIFETIME, principal.expires_at - self._clock())",
        "principal.expires_at - self._clock()",
        "test_auth.py::test_a_ticket_is_good_for_30_seconds_whatever_the_clock_does",
        TICKET,
    ),
    suite(
        "a ticket follows the clock of the wall",
        f"{PACKAGE}/app.py.jinja",
        "Tickets(Store(settings.max_tickets, monotonic), clock)",
        "Tickets(Store(settings.max_tickets, clock), clock)",
        "test_auth.py::test_a_ticket_is_good_for_30_seconds_whatever_the_clock_does",
        TICKET,
    ),
    suite(
        "anybody may have any number of tickets",
        f"{PACKAGE}/{{% if auth_style in ['cookie', 'ticket'] %}}store.py{{% endif %}}",
        "if len(owned) > self._max_each else None",
        "if len(owned) < 0 else None",
        "test_auth.py::test_of_too_many_tickets_the_oldest_is_void",
        TICKET,
    ),
    suite(
        "what has expired is kept until its owner comes back",
        f"{PACKAGE}/{{% if auth_style in ['cookie', 'ticket'] %}}store.py{{% endif %}}",
        "            self._entries.move_to_end(key)\n            self._drop_expired(key)\n",
        "            self._entries.move_to_end(key)\n",
        "test_store.py::test_what_has_expired_is_forgotten_though_its_owner_stays_away",
        TICKET,
    ),
    suite(
        "a new value goes through all that is kept",
        f"{PACKAGE}/{{% if auth_style in ['cookie', 'ticket'] %}}store.py{{% endif %}}",
        "range(min(_EXAMINED, len(self._entries)))",
        "range(len(self._entries))",
        "test_store.py::test_a_call_works_the_same_however_much_is_kept",
        TICKET,
    ),
    suite(
        "a blank before the name of the cookie is forgiven",
        f"{AUTH}/cookie/auth.py",
        'pair.removeprefix(" ")',
        "pair.strip()",
        "test_auth.py::test_a_name_that_only_looks_like_ours_is_not",
        COOKIE,
    ),
    suite(
        "a new session leaves the old one as it is",
        f"{AUTH}/cookie/session.py",
        "ended = self._sessions.end(req)",
        "ended: list[Principal] = []",
        "test_auth.py::test_a_new_session_ends_the_one_that_this_browser_had",
        COOKIE,
    ),
    suite(
        "a session that had to go keeps its connections",
        f"{AUTH}/cookie/session.py",
        "[*ended, oldest]",
        "ended",
        "test_auth.py::test_of_too_many_sessions_the_oldest_ends_with_its_connections",
        COOKIE,
    ),
    suite(
        "a page reads the cookie",
        f"{AUTH}/cookie/session.py",
        'COOKIE, session, path="/", secure=True,',
        'COOKIE, session, path="/", secure=True, http_only=False,',
        "test_auth.py::test_the_cookie_is_for_this_host_and_for_no_script",
        COOKIE,
    ),
    suite(
        "the cookie travels in the clear",
        f"{AUTH}/cookie/session.py",
        'COOKIE, session, path="/", secure=True,',
        'COOKIE, session, path="/", secure=False,',
        "test_auth.py::test_the_cookie_is_for_this_host_and_for_no_script",
        COOKIE,
    ),
    suite(
        "the end of a session ends all of them",
        f"{AUTH}/cookie/session.py",
        "partial(is_, principal)",
        "lambda other: True",
        "test_auth.py::test_the_end_of_a_session_closes_its_connections_and_no_others",
        COOKIE,
    ),
    suite(
        "a cookie makes another one",
        f"{AUTH}/cookie/session.py",
        "principal = self._identity.verify_bearer(req)",
        "principal = self._sessions.find(req)",
        "test_auth.py::test_a_cookie_alone_makes_no_other_session",
        COOKIE,
    ),
    suite(
        "an expired credential opens a connection",
        f"{PACKAGE}/connections.py.jinja",
        "if lifetime <= 0:",
        "if lifetime <= -3600:",
        "test_ending.py::test_an_expired_credential_opens_nothing",
        JWT,
    ),
    suite(
        "the development key is good everywhere",
        f"{PACKAGE}/settings.py.jinja",
        " or secret == DEVELOPMENT_KEY)",
        ")",
        "test_settings.py::test_a_missing_or_short_secret_refuses_to_start_without_being_shown",
        JWT,
    ),
    suite(
        "an error shows the secret",
        f"{PACKAGE}/settings.py.jinja",
        "        hide_input_in_errors=True,\n",
        "",
        "test_settings.py::test_a_missing_or_short_secret_refuses_to_start_without_being_shown",
        JWT,
    ),
    suite(
        "development mode is open to the network",
        f"{PACKAGE}/settings.py.jinja",
        "if self.dev and not is_loopback(self.host):",
        'if self.dev and self.host == "0.0.0.0":',
        "test_settings.py::test_development_on_a_public_address_refuses_to_start",
        NONE,
    ),
    suite(
        "every page may use the cookie",
        f"{PACKAGE}/settings.py.jinja",
        'if "*" in value:\n            raise',
        'if "**" in value:\n            raise',
        "test_settings.py::test_with_cookies_not_every_page_may_connect",
        COOKIE,
    ),
]

PAGES = [
    suite(
        "the Host of a handshake is not checked",
        f"{PACKAGE}/hosts.py",
        '        """Check a handshake."""\n        self._check(req)\n',
        '        """Check a handshake."""\n',
        "test_hosts.py::test_any_other_host_is_refused_before_the_resource",
        NONE,
    ),
    suite(
        "the Host of a request is not checked",
        f"{PACKAGE}/hosts.py",
        "if req.path not in self._exempt:",
        "if not req.path:",
        "test_hosts.py::test_any_other_host_is_refused_before_the_resource",
        NONE,
    ),
    suite(
        "a Host needs only begin as an allowed one",
        f"{PACKAGE}/hosts.py",
        "_HOST.fullmatch(text)",
        "_HOST.match(text)",
        "test_hosts.py::test_any_other_host_is_refused_before_the_resource",
        NONE,
    ),
    suite(
        "the last of several hosts counts",
        f"{PACKAGE}/http_protocol.py",
        "wrong = len(hosts) > 1 or",
        "wrong = len(hosts) > 2 or",
        "test_hosts.py::test_a_real_client_names_one_right_host",
        NONE,
    ),
    suite(
        "a service for others answers to every name",
        f"{PACKAGE}/settings.py.jinja",
        "if not (self.allow_hosts or is_loopback(self.host)):",
        'if self.host == "192.0.2.1":',
        "test_settings.py::test_a_service_for_others_has_to_know_its_names",
        NONE,
    ),
    suite(
        "a foreign page reads what changes nothing",
        f"{PACKAGE}/origin.py",
        "if req.path not in self._exempt:",
        "if req.path not in self._exempt and req.method not in _SAFE_METHODS:",
        "test_origin.py::test_a_foreign_page_hears_nothing",
        NONE,
    ),
    suite(
        "HEAD is not known",
        f"{PACKAGE}/app.py.jinja",
        "RealtimeApp(router=HeadRouter())",
        "RealtimeApp()",
        "test_head.py::test_head_is_get_without_its_body",
        NONE,
    ),
    suite(
        "the Origin of a handshake is not checked",
        f"{PACKAGE}/origin.py",
        '        """Check a handshake."""\n        self._check(req, self._required)\n',
        '        """Check a handshake."""\n',
        "test_origin.py::test_a_missing_origin_is_refused_only_where_it_is_required",
        NONE,
    ),
    suite(
        "an Origin needs only begin as an allowed one",
        f"{PACKAGE}/origin.py",
        "_ORIGIN.fullmatch(text)",
        "_ORIGIN.match(text)",
        "test_origin.py::test_any_other_page_is_refused_before_the_resource",
        NONE,
    ),
    suite(
        "the Origin of other requests is not checked",
        f"{PACKAGE}/origin.py",
        "req.method not in _SAFE_METHODS)",
        'req.method == "PUT")',
        "test_auth.py::test_another_page_cannot_use_the_cookie",
        COOKIE,
    ),
    suite(
        "a missing Origin passes where cookies are credentials",
        f"{PACKAGE}/app.py.jinja",
        "HEALTH_PATHS, required=True",
        "HEALTH_PATHS, required=False",
        "test_auth.py::test_another_page_cannot_use_the_cookie",
        COOKIE,
    ),
]

STARTING = [
    suite(
        "a file that cannot be parsed is passed over",
        f"{PACKAGE}/env_file.py",
        "if binding.error or (",
        "if binding.key == 1 or (",
        "test_main.py::test_a_file_that_cannot_be_used_is_named_in_one_line",
        NONE,
    ),
    suite(
        "a file in another encoding is a traceback",
        f"{PACKAGE}/env_file.py",
        "except UnicodeDecodeError:",
        "except UnicodeEncodeError:",
        "test_main.py::test_a_file_that_cannot_be_used_is_named_in_one_line",
        NONE,
    ),
    suite(
        "any encoding will do",
        f"{PACKAGE}/env_file.py",
        'ENCODING = "utf-8-sig"',
        'ENCODING = "latin-1"',
        "test_main.py::test_a_file_that_cannot_be_used_is_named_in_one_line",
        NONE,
    ),
    suite(
        "a variable without a value is every address",
        f"{PACKAGE}/settings.py.jinja",
        "        env_ignore_empty=True,\n",
        "",
        "test_settings.py::test_an_empty_variable_is_one_that_is_not_set",
        NONE,
    ),
]

CONNECTIONS = [
    suite(
        "the outbox has no bound",
        f"{PACKAGE}/outbox.py",
        "size > self._max_size):\n            return False",
        "size > self._max_size):\n            pass",
        "test_outbox.py::test_the_number_of_waiting_messages_is_bounded",
        NONE,
    ),
    suite(
        "a slow client gets the wrong close code",
        f"{PACKAGE}/connection.py",
        "self.close(CloseCode.TOO_SLOW)",
        "self.close(CloseCode.OVERLOAD)",
        "test_connection.py::test_a_client_that_reads_too_slowly_is_closed_with_4002",
        NONE,
    ),
    suite(
        "a close code that the README does not have",
        f"{PACKAGE}/close_codes.py",
        "TOO_SLOW = 4002",
        "TOO_SLOW = 4003",
        "test_close_codes.py::test_the_readme_lists_the_code",
        NONE,
    ),
    suite(
        "a subscription leaks",
        f"{PACKAGE}/broker.py",
        "            if not self._topics[topic]:\n                del self._topics[topic]\n",
        "",
        "test_broker.py::test_the_last_subscriber_takes_the_topic_with_it_even_after_an_error",
        NONE,
    ),
    suite(
        "every subscriber encodes anew",
        f"{PACKAGE}/media.py.jinja",
        "if payload_type not in self._payloads:",
        "if payload_type is not None:",
        "test_media.py::test_a_message_for_many_is_encoded_once",
        NONE,
    ),
    suite(
        "malformed input is a traceback",
        f"{PACKAGE}/decoding.py.jinja",
        "        return _decode_json(payload)\n    except (ValueError, RecursionError) as error:",
        "        return _decode_json(payload)\n    except RecursionError as error:",
        "test_media.py::test_a_malformed_payload_is_an_error",
        NONE,
    ),
    suite(
        "deeply nested input is a traceback",
        f"{PACKAGE}/decoding.py.jinja",
        "        return _decode_json(payload)\n    except (ValueError, RecursionError) as error:",
        "        return _decode_json(payload)\n    except ValueError as error:",
        "test_media.py::test_a_malformed_payload_is_an_error",
        NONE,
    ),
    suite(
        "what follows a CBOR message is ignored",
        f"{PACKAGE}/decoding.py.jinja",
        "if stream.tell() != len(payload):",
        "if stream.tell() > len(payload):",
        "test_media.py::test_a_malformed_payload_is_an_error",
        CBOR,
    ),
    suite(
        "a field twice in a CBOR message is ignored",
        f"{PACKAGE}/decoding.py.jinja",
        "allow_duplicate_keys=False",
        "allow_duplicate_keys=True",
        "test_media.py::test_a_malformed_payload_is_an_error",
        CBOR,
    ),
    suite(
        "a tag of CBOR is read",
        f"{PACKAGE}/decoding.py.jinja",
        "            semantic_decoders=_NoTags(),\n",
        "",
        "test_decoding.py::test_no_tag_of_cbor_is_read",
        CBOR,
    ),
    suite(
        "a number takes long to read",
        f"{PACKAGE}/decoding.py.jinja",
        "msgspec.json.Decoder(float_hook=_number)",
        "msgspec.json.Decoder()",
        "test_decoding.py::test_every_number_of_json_is_read_by_python",
        NONE,
    ),
    suite(
        "one error too many is forgiven",
        f"{PACKAGE}/connection.py",
        "if self._errors >= self._settings.max_errors:",
        "if self._errors > self._settings.max_errors:",
        "test_messages.py::test_nine_errors_are_forgiven_and_the_tenth_is_not",
        NONE,
    ),
    suite(
        "an unknown field is ignored",
        f"{PACKAGE}/messages.py",
        "forbid_unknown_fields=True",
        "forbid_unknown_fields=False",
        "test_messages.py::test_a_wrong_shape_is_an_error",
        NONE,
    ),
    suite(
        "a crash of the receive loop is swallowed",
        f"{PACKAGE}/connection.py",
        "            self.close(CloseCode.SERVER_ERROR)\n            raise\n",
        "            self.close(CloseCode.SERVER_ERROR)\n",
        "test_ending.py::test_a_crash_of_the_receive_loop_is_reported",
        NONE,
    ),
    suite(
        "a refusal loses its status",
        f"{PACKAGE}/server.py",
        "return DenialResponses(SendDeadline(app, settings.send_timeout))",
        "return SendDeadline(app, settings.send_timeout)",
        "test_live.py::test_a_refused_handshake_has_its_true_status",
        NONE,
    ),
    suite(
        "messages of any size are read",
        f"{PACKAGE}/server.py",
        '        "ws_max_size": settings.max_message_size,\n',
        "",
        "test_live.py::test_a_message_that_is_too_large_closes_with_1009",
        NONE,
    ),
    suite(
        "clients are not told of a restart",
        f"{PACKAGE}/server.py",
        "        self._connections.restart()\n",
        "",
        "test_shutdown.py::test_a_server_stops_when_the_closing_handshakes_are_over",
        NONE,
    ),
]

BRANCHES = [
    suite(
        "a subprotocol that was not offered",
        f"{PACKAGE}/{{% if subprotocols %}}subprotocols.py{{% endif %}}.jinja",
        "if subprotocol in offered:",
        "if subprotocol:",
        "test_subprotocols.py::test_a_client_that_offers_none_of_them_goes_on_without",
        SPOKEN,
    ),
    suite(
        "a branch that only required subprotocols take",
        f"{PACKAGE}/{{% if subprotocols %}}subprotocols.py{{% endif %}}.jinja",
        "raise HTTPBadRequest(description=",
        "return str(",
        "test_subprotocols.py::test_a_client_that_offers_none_of_them_is_refused",
        REQUIRED,
    ),
    suite(
        "a branch that only strict mode takes",
        f"{TESTS}/test_broker.py.jinja",
        "\npytestmark = pytest.mark.asyncio\n",
        "\npytestmark = pytest.mark.skipif(False, reason='')\n",
        "test_broker.py::test_memory_is_always_ready",
        STRICT,
    ),
    Fault(
        "code that no test reaches",
        f"{PACKAGE}/close_codes.py",
        "        member._value_ = code\n",
        "        member._value_ = code\n        if code == 1:\n            member._value_ = 2\n",
        "coverage",
        "close_codes.py",
        NONE,
    ),
]

FAULTS = [
    *SOURCE,
    *TEXT,
    *DEPENDENCIES,
    *TYPES,
    *CREDENTIALS,
    *PAGES,
    *STARTING,
    *CONNECTIONS,
    *BRANCHES,
]


@contextmanager
def injected(fault: Fault, template: Path) -> Iterator[None]:
    """Make the edit, which must fit: a fault that is not there proves nothing. Take it back.

    One copy of the template is enough, and Copier has compiled most of it already.
    """
    path = template / fault.file
    if fault.before is None:
        yield
    elif fault.before:
        text = path.read_text(encoding="utf-8")
        assert text.count(fault.before) == 1, f"{fault.name}: {fault.file} has changed"
        path.write_text(text.replace(fault.before, fault.after), encoding="utf-8")
        yield
        path.write_text(text, encoding="utf-8")
    else:
        assert path.parent.is_dir()
        assert not path.exists()
        path.write_text(fault.after, encoding="utf-8")
        yield
        path.unlink()


def refusal(template: Path, answers: Answers, scratch: Path) -> list[str]:
    """Return why Copier, without trust or a person to ask, does not render these answers."""
    with (
        create_app_session(input=DummyInput(), output=DummyOutput()),
        # Copier leaves an iterator over a folder open when it stops half-way.
        warnings.catch_warnings(action="ignore", category=ResourceWarning),
    ):
        try:
            render(template, answers, scratch / "rendered")
        except Exception as error:
            return [f"{type(error).__name__}: {error}"]
    return []


def enumeration(template: Path) -> list[str]:
    """Return the answers that can be given and are no combination, or the other way round."""
    alike = {"auth_style": "none", "asyncio_mode": "auto"}
    candidates = [
        alike | {"media_handlers": media} | rest
        for media in (["json"], ["cbor"], ["msgpack", "cbor"])
        for rest in ({"subprotocols": ""}, {"subprotocols": "", "subprotocol_required": True})
    ]
    return [str(a) for a in candidates if accepts(template, a) != (a in COMBINATIONS)]


def repeated(template: Path, answers: Answers, scratch: Path) -> list[str]:
    """Return the files that differ when the same answers are rendered again."""
    one, two = (render(template, answers, scratch / place) for place in ("one", "two"))
    paths = [path.relative_to(one) for path in gates.files(one)]
    return [str(path) for path in paths if (one / path).read_bytes() != (two / path).read_bytes()]


def judge(gate: str, template: Path, answers: Answers, scratch: Path) -> list[str] | None:
    """Return what a gate on the template says; None if it is a gate on what is rendered."""
    match gate:
        case "source":
            return gates.source(template)
        case "render":
            return refusal(template, answers, scratch)
        case "enumeration":
            return enumeration(template)
        case "repeatable":
            return repeated(template, answers, scratch)
    return None


def inspect(gate: str, tree: Path, evidence: str, server: ForkServer) -> list[str]:
    """Return what a gate says of a rendered project; a suite runs the tests that are named."""
    match gate:
        case "hygiene":
            return gates.hygiene(tree)
        case "ruff check":
            return gates.ruff(tree)
        case "ruff format":
            return gates.ruff_format(tree)
        case "deptry":
            return gates.dependencies([tree], gates.only_run(ROOT))
        case "suite":
            return server.submit(tree, "-x", *evidence.split(), coverage=False).result().complaints
        case "coverage":
            return gates.suite(tree)
    raise ValueError(gate)


Outcomes = dict[str, Future[list[str]]]


def start(
    fault: Fault, template: Path, place: Path, pool: Executor, server: ForkServer
) -> Future[list[str]]:
    """Inject the fault into the copy of the template and have its gate look at it."""
    place.mkdir()
    with injected(fault, template):
        found = judge(fault.gate, template, fault.answers, place)
        if found is None:
            tree = render(template, fault.answers, place / "project")
            return pool.submit(inspect, fault.gate, tree, fault.evidence, server)
    outcome: Future[list[str]] = Future()
    outcome.set_result(found)
    return outcome


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest,
    _isolated: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Outcomes]:
    """What the gates say in the tests that are asked for; the slow ones run side by side."""
    specs = [getattr(item, "callspec", None) for item in request.session.items]
    asked = {spec.id: spec.params["fault"] for spec in specs if spec and "fault" in spec.params}
    scratch = tmp_path_factory.mktemp("faults")
    template = snapshot(ROOT, scratch / "template")
    with (
        ForkServer(2, environment=gates.environment()) as server,
        ThreadPoolExecutor(2) as pool,
    ):
        outcomes: Outcomes = {}
        for number, (key, fault) in enumerate(asked.items()):
            try:
                outcomes[key] = start(fault, template, scratch / str(number), pool, server)
            except Exception as error:
                outcomes[key] = Future()
                outcomes[key].set_exception(error)
        yield outcomes


def by_name(fault: Fault) -> str:
    """Return the name of a fault as the name of a test."""
    return f"{fault.gate}: {fault.name}"


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.gate != "mypy"], ids=by_name)
def test_a_fault_is_caught(fault: Fault, outcomes: Outcomes) -> None:
    lines = outcomes[by_name(fault)].result()
    if fault.gate == "suite":
        assert any(re.match(rf"(FAILED|ERROR) {fault.evidence}\b", line) for line in lines), lines
    else:
        assert fault.evidence in "\n".join(lines)


def unseen() -> list[Fault]:
    """Return the faults that only some combinations have, with the answers of another one."""
    return [
        fault._replace(name=f"{fault.name}, elsewhere", answers=fault.unseen, unseen=None)
        for fault in FAULTS
        if fault.unseen is not None
    ]


@pytest.mark.parametrize("fault", unseen(), ids=by_name)
def test_another_combination_does_not_show_it(fault: Fault, outcomes: Outcomes) -> None:
    assert not outcomes[by_name(fault)].result(), "so a sample of combinations would be enough"


def sound() -> list[Fault]:
    """Return no fault for each gate and answers, with the evidence of all the faults there."""
    tests: dict[tuple[str, str], set[str]] = {}
    answers = {}
    for fault in FAULTS:
        # What every combination passes as a whole is a matter of test_combinations.py.
        if fault.gate not in {"coverage", "mypy"}:
            key = (fault.gate, " ".join(map(str, fault.answers.values())))
            tests.setdefault(key, set()).add(fault.evidence)
            answers[key] = fault.answers
    return [
        Fault(
            f"nothing, {style}", "", None, "", gate, " ".join(sorted(found)), answers[gate, style]
        )
        for (gate, style), found in tests.items()
    ]


@pytest.mark.parametrize("fault", sound(), ids=by_name)
def test_without_a_fault_nobody_complains(fault: Fault, outcomes: Outcomes) -> None:
    assert not outcomes[by_name(fault)].result()


def test_type_errors_are_caught(tmp_path: Path) -> None:
    faults = [fault for fault in FAULTS if fault.gate == "mypy"]
    template, trees = snapshot(ROOT, tmp_path / "template"), []
    for number, fault in enumerate(faults):
        answers = fault.answers | {"package_name": f"faulty_{number}"}
        with injected(fault, template):
            trees.append(render(template, answers, tmp_path / "trees" / f"faulty_{number}"))
    lines = gates.mypy(tmp_path / "trees", trees)
    for number, fault in enumerate(faults):
        assert any(re.search(f"^faulty_{number}/.*{fault.evidence}", line) for line in lines), lines
    elsewhere = [line for line in lines if not re.match(r"faulty_[01]/|Found ", line)]
    assert not elsewhere


def test_every_gate_has_a_fault() -> None:
    used = {fault.gate for fault in FAULTS}
    assert len(FAULTS) == len({fault.name for fault in FAULTS})
    assert used >= {"hygiene", "ruff check", "ruff format", "mypy", "deptry", "suite", "coverage"}
