#!/bin/sh
# Makes the database the first time, then becomes the server. Runs as root only to own the volume.
set -eu
data=/var/lib/postgresql/data/main
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; }

install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data /run/postgresql
# Made beside its place and renamed, so that a stop in the middle leaves nothing half made.
if [ ! -e "$data" ]; then
  rm -rf "$data.new"
  install -o postgres -m 0600 /dev/null /run/postgresql/password
  printf '%s\n' "$DATABASE_PASSWORD" > /run/postgresql/password
  as_postgres initdb --username=visits --pwfile=/run/postgresql/password --auth=scram-sha-256 --encoding=UTF8 --locale=C -D "$data.new"
  rm /run/postgresql/password
  echo 'host all all all scram-sha-256' >> "$data.new/pg_hba.conf"
  echo 'CREATE DATABASE visits' | as_postgres postgres --single -D "$data.new" postgres > /dev/null
  mv "$data.new" "$data"
fi
unset DATABASE_PASSWORD
exec setpriv --reuid=postgres --regid=postgres --init-groups -- postgres -D "$data" -c 'listen_addresses=*' -c shared_buffers=16MB
