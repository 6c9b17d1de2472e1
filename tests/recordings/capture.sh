#!/bin/sh
# Shows each recording in tmux and keeps the screen.
cd "$(dirname "$0")" || exit 1
export LC_ALL=C.UTF-8
for file in *.bin; do
	name=${file%.bin}
	# The bytes have gone through a terminal's output processing once.
	tmux -L "capture-$name" -f /dev/null new-session -d -x 80 -y 24 \
		"stty raw -echo; sleep 1; cat $file; sleep 9"
	tmux -L "capture-$name" set -g status off
	tmux -L "capture-$name" resize-window -x 80 -y 24
	sleep 3
	tmux -L "capture-$name" capture-pane -p | sed 's/ *$//' > "$name.txt"
	tmux -L "capture-$name" kill-server
done
