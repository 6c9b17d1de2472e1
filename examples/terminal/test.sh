#!/bin/sh
# Tests menu.bash as a user would: looks at its screen and types. Each line fails with the screen if it
# does not show what is expected.
set -eu
cd "$(dirname "$0")"

trap 'pitcrew down >/dev/null' EXIT
pitcrew up --detach

pitcrew wait menu --screen '^> coffee$' --timeout 10s
pitcrew keys menu Down Down
pitcrew wait menu --screen '^> water$' --timeout 10s
# It begins again at the top.
pitcrew keys menu Down Down
pitcrew wait menu --screen '^> tea$' --timeout 10s
pitcrew screen menu

pitcrew keys menu Enter
pitcrew wait menu --for succeeded --timeout 10s
# What it prints after the menu is output like any other.
pitcrew logs menu | grep -q 'Here is your tea.'
echo "the menu works"
