"""The names of all keys and channels that Runtail uses in Redis."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """Key and channel names under one prefix.

    :param prefix: put before every name so that several installations (or
        tests) can share a server.
    """

    prefix: str = "runtail:"

    @property
    def auth_prefix(self) -> str:
        """The prefix of what only the web service may write: users of the store that are allowed ``prefix*`` miss it.

        Redis's rules cannot leave anything out of a pattern, so this is not below :attr:`prefix`.
        """
        return f"{self.prefix.removesuffix(':')}-auth:"

    def audit(self) -> str:
        """Stream: the audit log's copy."""
        return f"{self.auth_prefix}audit"

    def session(self, digest: str) -> str:
        """Return the key of a hash with a TTL: a session. The digest is the SHA-256 of its cookie's value."""
        return f"{self.auth_prefix}session:{digest}"

    def user(self, digest: str) -> str:
        """Hash: what is known of a user. The digest is the SHA-256 of the user's id."""
        return f"{self.auth_prefix}user:{digest}"

    def users(self) -> str:
        """Set of the ids of all users who have logged in."""
        return f"{self.auth_prefix}users"

    def login_code(self, digest: str) -> str:
        """Return the key of a string with a TTL: a login link that was not used. The digest is the code's SHA-256."""
        return f"{self.auth_prefix}code:{digest}"

    def token(self, token_id: str) -> str:
        """Return the key of a hash with a TTL: an API token, without its secret."""
        return f"{self.auth_prefix}token:{token_id}"

    def token_used(self, token_id: str) -> str:
        """Return the key of a string with a TTL: when an API token was last used (ms)."""
        return f"{self.auth_prefix}token-used:{token_id}"

    def tokens(self) -> str:
        """Set of the ids of all API tokens."""
        return f"{self.auth_prefix}tokens"

    def share(self, share_id: str) -> str:
        """Return the key of a hash with a TTL: a share link, without its secret."""
        return f"{self.auth_prefix}share:{share_id}"

    def shares(self, run_id: str) -> str:
        """Return the key of a set with a TTL: the ids of a run's share links."""
        return f"{self.auth_prefix}shares:{run_id}"

    def token_ends(self) -> str:
        """Sorted set of the ids of API tokens by the time they end (ms)."""
        return f"{self.auth_prefix}token-ends"

    def ticket(self, digest: str) -> str:
        """Return the key of a string with a TTL: a ticket for a relay. The digest is its SHA-256."""
        return f"{self.auth_prefix}ticket:{digest}"

    def command_line_login(self, digest: str) -> str:
        """Return the key of a hash with a TTL: a command line that waits to be let in.

        The digest is the SHA-256 of the code that a person types.
        """
        return f"{self.auth_prefix}cli:{digest}"

    def oidc_attempt(self, digest: str) -> str:
        """Return the key of a string with a TTL: a login at an OpenID provider that was begun (JSON).

        The digest is the SHA-256 of what the browser and the address that it comes back to know.
        """
        return f"{self.auth_prefix}oidc-attempt:{digest}"

    def oidc_session(self, digest: str) -> str:
        """Return the key of a string with a TTL: what the provider gave for a session, encrypted."""
        return f"{self.auth_prefix}oidc-session:{digest}"

    def oidc_provider_session(self, digest: str) -> str:
        """Return the key of a set with a TTL: the sessions here of one session at the provider, by its SHA-256."""
        return f"{self.auth_prefix}oidc-provider-session:{digest}"

    def oidc_ended(self, digest: str) -> str:
        """Sorted set with a TTL: when (s) what has this mark ended at the provider, for logins on their way here."""
        return f"{self.auth_prefix}oidc-ended:{digest}"

    def oidc_refreshes(self) -> str:
        """Sorted set of sessions by when the provider is asked again (ms)."""
        return f"{self.auth_prefix}oidc-refreshes"

    def oidc_refreshing(self, digest: str) -> str:
        """Return the key of a string with a TTL: a web service is asking the provider for this session."""
        return f"{self.auth_prefix}oidc-refreshing:{digest}"

    def oidc_logout_token(self, digest: str) -> str:
        """Return the key of a string with a TTL: a log-out that the provider sent, by the SHA-256 of its id."""
        return f"{self.auth_prefix}oidc-logout-token:{digest}"

    def command_line_secret(self, digest: str) -> str:
        """Return the key of a string with a TTL: the digest of the code of the command line with this secret's digest.

        Apart from those of codes, so that nobody can show a code in the place of a secret.
        """
        return f"{self.auth_prefix}cli-secret:{digest}"

    def login_changes(self) -> str:
        """Channel: the name of a session, user, token or share link that is no longer what it was."""
        return f"{self.auth_prefix}bell"

    def none(self) -> str:
        """Return the name that stands for an absent key in a script's list of keys.

        An access list refuses keys without a name.
        """
        return f"{self.prefix}none"

    def store(self) -> str:
        """Return the key of a string: a uuid made once per data set. A different value means an emptied store."""
        return f"{self.prefix}store"

    def run(self, run_id: str) -> str:
        """Hash: the run's record. A reused id names its newest execution, and ``<id>~<n>`` the n-th execution."""
        return f"{self.prefix}run:{run_id}"

    def log(self, run_id: str) -> str:
        """Stream: the run's log, ids ``<attempt>-<seq>``."""
        return f"{self.prefix}log:{run_id}"

    def deleted(self, run_id: str) -> str:
        """Return the key of a string with a TTL: the number of the id's deleted execution.

        A record that is missing without this key was rolled back.
        """
        return f"{self.prefix}deleted:{run_id}"

    def runs(self) -> str:
        """Sorted set of all run ids by creation time (ms)."""
        return f"{self.prefix}runs"

    def running(self) -> str:
        """Set of run ids in state ``running``."""
        return f"{self.prefix}running"

    def queued(self) -> str:
        """Sorted set of run ids in state ``queued`` by the time they entered it (ms)."""
        return f"{self.prefix}queued"

    def finished(self) -> str:
        """Sorted set of the ids of ended runs by the time they ended (ms)."""
        return f"{self.prefix}finished"

    def finished_sizes(self) -> str:
        """Hash of an ended run's id to the memory that the run takes, indexes included."""
        return f"{self.prefix}finished:sizes"

    def finished_bytes(self) -> str:
        """Integer: the sum of :meth:`finished_sizes`."""
        return f"{self.prefix}finished:bytes"

    def index(self, name: str) -> str:
        """Return a key of the index of the list (docs/decisions/0080), which only ``settle.lua`` writes.

        - ``kept``: string with a TTL: ``kept``, or ``building``; without it nobody keeps the index.
        - ``changed``: set of the runs that it may be wrong about.
        - ``rows``: hash of a run to where it is listed (JSON).
        - ``ids``: sorted set of all runs in the order of their ids.
        - ``totals``, ``groups``: hashes of state and thing, and of state, thing and person, to their number of runs.
        - ``things``, ``people``: hashes of digests to what they stand for (JSON).
        - ``state:…``, ``thing:…``, ``person:…``, ``label:…``: sorted sets of runs like :meth:`runs`.
        """
        return f"{self.prefix}index:{name}"

    def idempotency(self, key: str) -> str:
        """Return the key of a string: the run that a start request with this idempotency key created."""
        return f"{self.prefix}idem:{key}"

    def exclusive(self, task: str) -> str:
        """Return the key of a string: the id of the run that holds an exclusive task."""
        return f"{self.prefix}exclusive:{task}"

    def notifications(self, run_id: str) -> str:
        """Channel: a notification whenever the run's record or log has changed."""
        return f"{self.prefix}bell:{run_id}"

    def list_notifications(self) -> str:
        """Channel: the id of each run whose state has changed."""
        return f"{self.prefix}bells"

    def epoch_requests(self) -> str:
        """Channel: requests of relays, which write nothing, to begin a new epoch (JSON)."""
        return f"{self.prefix}epoch-requests"

    def dead(self) -> str:
        """List with a TTL: the newest messages that workers refused (JSON)."""
        return f"{self.prefix}dead"

    def tasks(self) -> str:
        """Hash of task name to its catalogue entry (JSON)."""
        return f"{self.prefix}tasks"

    def unrecorded(self) -> str:
        """Hash of task name to the reason why workers do not record the task."""
        return f"{self.prefix}tasks:unrecorded"

    def worker(self, name: str) -> str:
        """Return the key of a string with a TTL: a live worker's description of itself (JSON)."""
        return f"{self.prefix}worker:{name}"

    def workers(self) -> str:
        """Sorted set of worker names by the time they last reported (ms)."""
        return f"{self.prefix}workers"

    def lock(self, name: str) -> str:
        """Return the key of a string with a TTL: the lock of the one process that does a job."""
        return f"{self.prefix}lock:{name}"

    def limits(self) -> str:
        """Return what stands before the keys of lists with a TTL: when the last requests of a client came."""
        return f"{self.auth_prefix}limits"
