# The session in README.md is true: its commands give what stands below them.
load common

@test "README: the session" {
	cp "$ROOT"/examples/demo/bright-sky/*.csv .
	awk '/^```console/ {on = 1; next} /^```/ {on = 0} on' "$ROOT/README.md" >session
	grep -q '^\$ ' session
	awk 'BEGIN {n = 0} /^\$ / {n++; print substr($0, 3) >("command" n); next} {print >("wanted" n)}' session
	for ((i = 1; ; i++)); do
		[ -e command$i ] || break
		touch wanted$i
		bash -o pipefail command$i >got || { cat command$i; false; }
		diff wanted$i got
	done
	[ $i -gt 3 ]
}
