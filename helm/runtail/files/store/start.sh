#!/bin/sh
# Writes the users with their passwords, and starts the server in place of this shell.
set -eu
umask 077

for user in web relay worker client metrics; do
  eval "password=\${PASSWORD_$user}"
  case "$password" in
    '') echo "The password of the store's user $user is empty: set the key $user of the Secret." >&2; exit 1 ;;
    *[!A-Za-z0-9_-]*)
      echo "The password of the store's user $user may have letters, digits, - and _ only: it is a part of a URL." >&2
      exit 1 ;;
  esac
done

# Nobody can log in as default. Its rights are those with which the server reads its own append-only file: without them it
# leaves out each transaction, and what scripts wrote is one.
# Queues have the names that apps give them, so workers may use any key. Nobody may flush, configure or stop the server.
# Nobody can be `default`, which is off; but it is in its name that the append-only file is read, and without rights the
# transactions in there would be left out.
cat >/run/valkey/users.acl <<ACL
user default off resetpass ~* &* +@all
user web on >$PASSWORD_web ~* &* +@all -@dangerous -@admin +info
user worker on >$PASSWORD_worker ~* &* +@all -@dangerous -@admin +info
user client on >$PASSWORD_client ~* &* +@all -@dangerous -@admin +info
user relay on >$PASSWORD_relay ~{{ include "runtail.keyPrefix" . }}* &{{ include "runtail.keyPrefix" . }}* +@read +@pubsub +@scripting +@transaction +@connection +hset +set +time -@dangerous -@admin +info
user metrics on >$PASSWORD_metrics +ping +info
user probe on nopass +ping
ACL

# A backup that somebody unpacked takes the place of what is there (docs/kubernetes.md).
if [ -d /data/restore ]; then
  rm -rf /data/appendonlydir
  mv /data/restore /data/appendonlydir
fi

exec valkey-server /etc/valkey/valkey.conf
