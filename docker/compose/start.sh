#!/bin/sh
# Made of the chart by `make chart`: do not edit.
# start.sh NGINX.CONF: starts nginx once the names of web and relays are found; it would end without them.
#
# A NetworkPolicy lets a new pod ask for names a moment after its start, and new Services are found a moment later, too.
# What else is wrong is said at once, by nginx itself.
trap 'exit 0' QUIT TERM

until=$(($(date +%s) + 20))
while ! said=$(nginx -e stderr -t -c "$1" 2>&1) && [ "$(date +%s)" -lt "$until" ]; do
  case "$said" in
    *'host not found'*) sleep 0.5 ;;
    *) break ;;
  esac
done

exec nginx -e stderr -c "$1" -g 'daemon off;'
