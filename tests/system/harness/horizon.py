"""horizon under test: a database and a file of credentials of its own, and its verbs to run.

The program is the horizon of $WEIR_BIN's build folder. Databases are copies of one that was migrated
once for the cluster.
"""
import os
import shutil
import subprocess
import tempfile
import uuid

from .daemon import BAD_SIGNS, BIN, ROOT
from .pg import PASSWORDS

HORIZON = os.path.join(os.path.dirname(BIN), "horizon", "horizon")
DATA = os.path.join(ROOT, "horizon", "data")
PASSWORD = "a-password-of-tests"
RUN_DEADLINE_S = 60


class Horizon:
    """One installation: `url` is its database, owned by app."""

    def __init__(self, pg, database):
        self.pg = pg
        self.database = database
        self.folder = tempfile.mkdtemp(prefix="weir-hz-")
        self.credentials = os.path.join(self.folder, "credentials")
        self.password_file = self.file("password", PASSWORD + "\n")

    @property
    def url(self):
        return f"postgres://app:{PASSWORDS['app']}@127.0.0.1:{self.pg.port}/{self.database}"

    def environment(self, **more):
        return {**os.environ, "DATABASE_URL": self.url, "HORIZON_CREDENTIALS": self.credentials,
                **more}

    def file(self, name, content):
        """A file of this installation; its path."""
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def run(self, *arguments, code=0, text=None, **environment):
        """Runs a verb; its exit code has to be `code`. Returns (standard output, standard error)."""
        done = subprocess.run([HORIZON, *arguments], env=self.environment(**environment),
                              input=text or "", capture_output=True, text=True,
                              timeout=RUN_DEADLINE_S, cwd=self.folder, check=False)
        assert not any(sign in done.stderr for sign in BAD_SIGNS), done.stderr
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stdout, done.stderr

    def add_user(self, login):
        """Makes a user with PASSWORD; its id."""
        self.run("user", "add", login, "--password-file", self.password_file)
        return self.sql("SELECT user_id FROM users WHERE login = %s", (login,))[0]["user_id"]

    def demo(self):
        """The demonstration's user, who has PASSWORD; its id."""
        self.run("import", "--demo", "--password-file", self.password_file)
        return self.sql("SELECT user_id FROM users WHERE login = 'demo'")[0]["user_id"]

    def sql(self, statement, params=None, fetch=True):
        return self.pg.sql(statement, params, database=self.database, fetch=fetch)

    def done(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Databases:
    """Makes databases of a cluster, all of them copies of a migrated one. They go with the cluster: to
    drop one costs a checkpoint."""

    def __init__(self, pg):
        self.pg = pg
        self.template = self._create("template0")
        installation = Horizon(pg, self.template)
        installation.run("migrate")
        installation.done()

    def _create(self, template):
        name = "hz_" + uuid.uuid4().hex[:12]
        self.pg.sql(f"CREATE DATABASE {name} OWNER app TEMPLATE {template}", fetch=False)
        return name

    def empty(self):
        return self._create("template0")

    def migrated(self):
        return self._create(self.template)
