"""Random pipelines: what a client is answered through the daemon, in transaction mode, is what
PostgreSQL answers it directly: every message, in order, whatever the daemon prepares, leaves out or
answers itself, and however the bytes are cut.

WEIR_SEED=... begins elsewhere, WEIR_PIPELINES=... runs more of them. A failure names its seed:
WEIR_SEED=<it> WEIR_PIPELINES=1 repeats it (the servers' statements come from those before it)."""
import os
import random

from harness import wire
from harness.pools import pools_add_up
from harness.wire import RawClient, fields

SEED = int(os.environ.get("WEIR_SEED", "1"))
COUNT = int(os.environ.get("WEIR_PIPELINES", "600" if os.environ.get("WEIR_LONG") else "150"))
NAMES = ["a", "b", "c"]
# texts that several clients share, so that servers often have them already
TEXTS = ["SELECT 1", "SELECT 2", "SELECT generate_series(1, 3)", "SELECT 1/0", "SELEC", "", "BEGIN",
         "COMMIT", "ROLLBACK", "SELECT * FROM no_such_table", "SAVEPOINT s", "ROLLBACK TO s"]
QUERIES = TEXTS + ["SELECT 1; SELECT 2", "SELECT 1; SELECT 1/0", "BEGIN; SELECT 1",
                   "COPY (SELECT 1) TO STDOUT", "DEALLOCATE a", "DEALLOCATE b", "DEALLOCATE ALL",
                   "DISCARD ALL"]


class Writer:
    """Writes one pipeline. A statement is used in the batch that prepares it, or in another pipeline
    of its client, and not prepared again once it was closed: the daemon takes what a batch prepares
    or closes for done, and goes on with that where PostgreSQL, which skipped it after an error, would
    refuse the next batch too. For the same reason a name is not prepared twice where there are
    transaction blocks: in a failed one PostgreSQL does not prepare what the daemon says is there."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.messages = []
        self.parsed = set()  # in earlier batches of this pipeline
        self.closed = set()
        self.has_blocks = self.random.random() < 0.5

    def add(self, *messages):
        self.messages += messages

    def text(self, texts):
        text = self.random.choice(texts)
        return text if self.has_blocks or not text.startswith("BEGIN") else "SELECT 3"

    def batch(self):
        """What the extended protocol does up to a Sync."""
        here = set()
        for _ in range(self.random.randint(1, 4)):
            what = self.random.randrange(8)
            name = self.random.choice(NAMES + [""])
            if what >= 3 and name in self.parsed | {""} and name not in here:
                continue
            is_new = not name or name not in self.parsed | here
            if name in self.closed or self.has_blocks and what < 3 and not is_new:
                continue
            if what < 3:
                # a name that is taken is refused before its text is read, by the daemon
                self.add(wire.parse(name, self.text(TEXTS if is_new else TEXTS[:2])))
                here.add(name)
            if what < 5:
                self.add(wire.bind(name), wire.describe(b"P"),
                         wire.execute("", self.random.choice([0, 0, 2])))
            elif what == 5:
                self.add(wire.close(b"S", name))
                self.closed.add(name)
            elif what == 6:
                self.add(wire.describe(b"S", name))
            else:
                dropped = self.random.choice(NAMES)
                if dropped in self.parsed:
                    continue
                self.add(wire.parse("", f"DEALLOCATE {dropped}"), wire.bind(), wire.execute())
                self.closed.add(dropped)
            if self.random.random() < 0.2:
                self.add(wire.FLUSH)
        self.add(wire.SYNC)
        self.parsed |= here

    def pipeline(self):
        for _ in range(self.random.randint(2, 8)):
            if self.random.random() < 0.65:
                self.batch()
            else:
                self.add(wire.query(self.text(QUERIES)))
        self.add(wire.SYNC)
        self.add(wire.query("ROLLBACK"), wire.query("SELECT 'the end'"))
        return self.messages


def told(kind, body):
    """What of an answer has to be the same: not the texts, which may name a server's statement."""
    if kind == b"E":
        return "E " + fields(body)["C"]
    if kind in (b"C", b"Z", b"D"):
        return f"{kind.decode()} {body!r}"
    return kind.decode() if kind else "closed"


def answers(host, port, messages, cuts, user):
    """Everything that comes back for the messages, sent in pieces of these sizes."""
    with RawClient(host, port) as client:
        client.login(user, "app")
        data, at = b"".join(messages), 0
        for size in cuts:
            client.send(data[at:at + size])
            at += size
        client.send(data[at:])
        seen = []
        while not (len(seen) > 2 and "the end" in seen[-3] and seen[-1].startswith("Z")):
            kind, body = client.receive()
            if kind not in (b"S", b"N"):
                seen.append(told(kind, body))
            if kind is None:
                break
        # a failed block refuses Parse, or the Bind behind it
        return [kind for kind, then in zip(seen, seen[1:] + [""])
                if (kind, then) != ("1", "E 25P02")]


def shown(messages):
    return " ".join(f"{m[:1].decode()}{m[5:-1]!r}" for m in messages)


def test_pipelines_are_answered_as_postgresql_answers_them(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, max_prepared_statements=5)
    for seed in range(SEED, SEED + COUNT):
        messages = Writer(seed).pipeline()
        chance = random.Random(seed)
        cuts = [chance.choice([1, 3, 7, 100]) for _ in range(chance.choice([0, 0, 5, 30]))]
        direct = answers(pg.host, pg.port, messages, cuts, "u_trust")
        pooled = answers(weir.host, weir.port, messages, cuts, "u_trust")
        assert pooled == direct, f"seed {seed}: {shown(messages)}"
    pools_add_up(weir, 1, user="u_trust")
