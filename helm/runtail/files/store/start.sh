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

# What each may do: files/store/users.acl.
: "${PASSWORD_admin:=}"
cat >/run/valkey/users.acl <<ACL
{{ include "runtail.storeUsers" . | trim }}
user probe on nopass +ping
ACL
[ -n "$PASSWORD_admin" ] || sed -i '/^user admin /d' /run/valkey/users.acl

# A backup that somebody unpacked takes the place of what is there (docs/kubernetes.md).
if [ -d /data/restore ]; then
  rm -rf /data/appendonlydir
  mv /data/restore /data/appendonlydir
fi

exec valkey-server /etc/valkey/valkey.conf
