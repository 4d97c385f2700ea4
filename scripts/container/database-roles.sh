#!/usr/bin/env bash
# Run once by the PostgreSQL image, when the cluster is made: the three roles and their passwords.
# Passwords go through psql's variables, so that they are quoted and in no process list.
set -euo pipefail

PGPASSWORD=$(</run/secrets/superuser-password)
export PGPASSWORD
psql --no-psqlrc --set ON_ERROR_STOP=1 --username chancery_superuser --dbname chancery <<'SQL'
\set owner_password `cat /run/secrets/owner-password`
\set application_password `cat /run/secrets/application-password`
\set responder_password `cat /run/secrets/responder-password`
CREATE ROLE chancery_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE chancery_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'application_password';
CREATE ROLE chancery_ocsp LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'responder_password';
ALTER DATABASE chancery OWNER TO chancery_owner;
REVOKE ALL ON DATABASE chancery FROM PUBLIC;
GRANT CONNECT ON DATABASE chancery TO chancery_app, chancery_ocsp;
SQL
