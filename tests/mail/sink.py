#!/usr/bin/env python3
"""A strict mail server on loopback that keeps what it gets and can fail in many ways.

Each mail becomes two files in the folder: N.eml (its bytes) and then N.json: the envelope, how the line was locked, who
logged in, and what Python's strict parser makes of it. `ready PORT` on standard output says that it listens.
"""
import argparse
import asyncio
import email
import email.header
import email.policy
import email.utils
import hashlib
import json
import logging
import os
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

# What it does with a mail, or with a line, that it shall not simply take.
MODES = {
    "none": "takes every mail",
    "hang-greeting": "says nothing when a line is opened",
    "refuse": "554 as the greeting",
    "busy": "421 as the greeting",
    "greylist": "451 the first time it hears of a recipient",
    "no-recipient": "550 for every recipient",
    "drop-at-data": "closes the line when the mail shall begin",
    "later": "451 after the mail; not kept",
    "reject": "554 after the mail; not kept",
    "keep-and-drop": "keeps the mail, and closes the line without an answer",
    "lose-and-drop": "does not keep the mail, and closes the line without an answer",
    "keep-and-hang": "keeps the mail and never answers",
}


def arguments():
    said = argparse.ArgumentParser(description=__doc__, epilog="modes: " + "; ".join(f"{k}: {v}" for k, v in MODES.items()))
    said.add_argument("--port", type=int, default=0, help="0: any that is free")
    said.add_argument("--maildir", type=pathlib.Path, required=True, help="where mails are kept")
    said.add_argument("--starttls", nargs=2, metavar=("CERT", "KEY"), help="PEM files; STARTTLS is required")
    said.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="PEM files; encrypted from the first byte")
    said.add_argument("--auth", metavar="USER:PASSWORD", help="this login is required")
    said.add_argument("--size", type=int, default=32 << 20, help="the largest mail in bytes")
    said.add_argument("--no-utf8", action="store_true", help="no SMTPUTF8")
    said.add_argument("--fail-mode", default="none", help="a mode, or @FILE that holds one and is read for each line and mail")
    return said.parse_args()


def parsed(raw):
    """What a reader sees; `defects` is empty for a clean mail."""
    defects = []
    head = raw.split(b"\r\n\r\n", 1)[0]
    if b"\r" in raw.replace(b"\r\n", b"") or b"\n" in raw.replace(b"\r\n", b""):
        defects.append("half a line break")
    if max(map(len, raw.split(b"\r\n"))) > 998:
        defects.append("a line over 998 bytes")
    try:
        message = email.message_from_bytes(raw, policy=email.policy.strict)
        headers = [[name, str(value)] for name, value in message.items()]
    except Exception as error:  # a defect, or worse
        defects.append(f"{type(error).__name__}: {error}")
        message = email.message_from_bytes(raw, policy=email.policy.default)
        headers = [[name, str(value)] for name, value in message.items()]
    for part in message.walk():
        defects += [f"{type(d).__name__}: {d}" for d in part.defects]
        for value in part.values():
            defects += [f"{type(d).__name__}: {d}" for d in getattr(value, "defects", ())]

    def tree(part):
        seen = {
            "type": part.get_content_type(),
            "disposition": part.get_content_disposition(),
            "filename": part.get_filename(),
            "cid": part["Content-ID"],
            "encoding": part["Content-Transfer-Encoding"],
        }
        if part.is_multipart():
            seen["parts"] = [tree(p) for p in part.iter_parts()]
        else:
            content = part.get_payload(decode=True)
            seen["size"] = len(content)
            seen["sha256"] = hashlib.sha256(content).hexdigest()
            if part.get_content_maintype() == "text":
                seen["text"] = part.get_content().replace("\r\n", "\n")
        return seen

    old = email.message_from_bytes(raw, policy=email.policy.compat32)

    def people(field):
        # The old reader joins encoded words as RFC 2047 says; the new one of some versions leaves spaces between them.
        # About the addresses both must agree.
        pairs = email.utils.getaddresses([str(value) for value in old.get_all(field, [])])
        people = [[str(email.header.make_header(email.header.decode_header(name))), spec] for name, spec in pairs]
        also = [a.addr_spec for value in message.get_all(field, []) for a in value.addresses]
        if raw.isascii() and also != [spec for _, spec in people]:
            defects.append(f"two readers see other people in {field}: {also}, {people}")
        return people

    people = {field: people(field) for field in ("From", "To", "Reply-To")}
    return {
        "defects": defects,
        "headers": headers,
        "header_is_ascii": head.isascii(),
        "from": people["From"],
        "to": people["To"],
        "reply_to": people["Reply-To"],
        "tree": tree(message),
    }


class Keeper:
    def __init__(self, args):
        self.args = args
        self.known = set()
        args.maildir.mkdir(parents=True, exist_ok=True)
        self.count = max((int(p.stem) for p in args.maildir.glob("*.eml") if p.stem.isdigit()), default=0)

    def mode(self):
        mode = self.args.fail_mode
        if mode.startswith("@"):
            try:
                mode = pathlib.Path(mode[1:]).read_text().strip() or "none"
            except FileNotFoundError:
                mode = "none"
        if mode not in MODES:
            sys.exit(f"sink: no mode {mode!r}")
        return mode

    def keep(self, server, session, envelope):
        self.count += 1
        login = session.auth_data.decode("utf-8", "replace") if isinstance(session.auth_data, bytes) else None
        seen = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "mail_options": envelope.mail_options,
            "hello": session.host_name,
            "encrypted": session.ssl is not None or self.args.tls is not None,
            "login": login,
            "message": parsed(envelope.original_content),
        }
        # Bytes that are no UTF-8 are half characters to Python; JSON knows none.
        whole = json.dumps(seen, indent=1, ensure_ascii=False).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        for end, content in (("eml", envelope.original_content), ("json", whole.encode())):
            path = self.args.maildir / f"{self.count}.{end}"
            new = path.with_suffix(f".{end}.new")
            new.write_bytes(content)
            os.replace(new, path)

    async def handle_RCPT(self, server, session, envelope, address, options):
        mode = self.mode()
        if mode == "no-recipient":
            return "550 5.1.1 No such person here"
        if mode == "greylist" and address not in self.known:
            self.known.add(address)
            return "451 4.7.1 Greylisted, come again"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        mode = self.mode()
        if mode == "later":
            return "451 4.3.0 Not now"
        if mode == "reject":
            return "554 5.6.0 We do not want this"
        if mode != "lose-and-drop":
            self.keep(server, session, envelope)
        if mode in ("keep-and-drop", "lose-and-drop"):
            server.transport.abort()
            raise asyncio.CancelledError
        if mode == "keep-and-hang":
            await asyncio.sleep(86_400)
        return f"250 2.0.0 Ok: kept as {self.count}"


class Sink(SMTP):
    async def _handle_client(self):
        mode = self.event_handler.mode()
        if mode == "hang-greeting":
            await asyncio.sleep(86_400)
        if mode in ("refuse", "busy"):
            await self.push({"refuse": "554 5.7.1 No mail here", "busy": "421 4.3.2 Too busy"}[mode])
            self.transport.close()
            return
        await super()._handle_client()

    async def smtp_DATA(self, arg):
        if self.event_handler.mode() == "drop-at-data":
            self.transport.abort()
            raise asyncio.CancelledError
        await super().smtp_DATA(arg)


def locked(files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


async def main():
    # aiosmtpd warns of what it does itself.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    args = arguments()
    keeper = Keeper(args)
    keeper.mode()
    settings = {
        "hostname": "sink.example",
        "data_size_limit": args.size,
        "enable_SMTPUTF8": not args.no_utf8,
        "timeout": 86_400,
    }
    if args.starttls:
        settings |= {"tls_context": locked(args.starttls), "require_starttls": True}
    if args.auth:
        wanted = tuple(part.encode() for part in args.auth.split(":", 1))

        def login(server, session, envelope, mechanism, data):
            ok = isinstance(data, LoginPassword) and (data.login, data.password) == wanted
            # Not handled: aiosmtpd then answers 535 itself.
            return AuthResult(success=ok, handled=False, auth_data=data.login if ok else None)

        # With TLS from the first byte aiosmtpd does not see that the line is locked.
        settings |= {"authenticator": login, "auth_required": True, "auth_require_tls": bool(args.starttls)}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Sink(keeper, loop=loop, **settings),
        "127.0.0.1",
        args.port,
        ssl=locked(args.tls) if args.tls else None,
    )
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
