#!/usr/bin/env bash
# Gives Kibana its password, and the platform a user that may do what it needs to its own indices and no more.
set -euo pipefail
secret() { cat "/run/secrets/$1"; }
put() { # path, body
  curl -sS --fail-with-body -u "elastic:$(secret elastic_password)" -H 'Content-Type: application/json' \
    -X POST "http://elasticsearch:9200$1" -d "$2" >/dev/null
}
put /_security/user/kibana_system/_password "{\"password\": \"$(secret kibana_password)\"}"
put /_security/role/logplatform '{
  "cluster": ["monitor", "manage_index_templates"],
  "indices": [{"names": ["logs-ecom*"], "privileges": ["all"]}]
}'
put /_security/user/logplatform "{\"password\": \"$(secret elasticsearch_password)\", \"roles\": [\"logplatform\"]}"
echo 'Users are made'
