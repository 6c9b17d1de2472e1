#!/bin/sh
# Asks a running project everything its own OpenAPI document allows, and a good deal that it does not, with schemathesis
# (`pip install schemathesis`). Takes about a minute. Ends with 1 where an answer is a server error or not in the document.
# Usage: tests/fuzz-http.sh PITCREW
set -eu
pitcrew=$(realpath "$1")
folder=$(mktemp -d)
cd "$folder"
export XDG_RUNTIME_DIR="$folder/runtime" XDG_STATE_HOME="$folder/state"
mkdir -m 700 runtime state
cat > procfile.toml <<'FILE'
[pool.build]
concurrency = 2
jobs = ["true", "echo a"]
[process]
web = "exec sleep 100000"
talk = "while read l; do echo got $l; done"
[process.worker]
command = "exec sleep 100000"
replicas = 2
FILE
"$pitcrew" up --detach --listen 127.0.0.1:0
trap '"$pitcrew" down >/dev/null; rm -rf "$folder"' EXIT
address=$(grep -o 'http://127[0-9.:]*' state/pitcrew/*/up.log | head -n 1)
# These do not end, end the project, or would run whatever comes to its mind.
schemathesis run "$address/v1/openapi.json" --header "Authorization: Bearer $(cat runtime/pitcrew/*/token)" \
    --exclude-path-regex '/v1/(growth|owner|shutdown|run)' --request-timeout 5 --generation-deterministic \
    --phases examples,fuzzing --max-examples 30 --warnings off \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,ignored_auth
"$pitcrew" ps
