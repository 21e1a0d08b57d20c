# What is true of every program: help, version, spec, manual page, examples, completion.
load common

@test "--help: stdout, status 0, at most 24 lines of 80" {
	for p in "$BIN"/*; do
		status 0 "$p" --help
		[ -z "$stderr" ]
		[ "$(echo "$output" | wc -l)" -le 24 ] || { echo "$p: $(echo "$output" | wc -l) lines"; false; }
		[ "$(echo "$output" | awk 'length > 80' | wc -l)" = 0 ] || { echo "$p is too wide"; false; }
		[ "$("$p" -h)" = "$output" ]
		status 0 "$p" --help=all
	done
}

@test "--version names the program" {
	for p in "$BIN"/*; do
		status 0 "$p" --version
		[[ $output == "${p##*/} (catpipe) "* ]]
	done
}

@test "an unknown option is 64 on stderr" {
	for p in "$BIN"/*; do
		status 64 "$p" --no-such-option
		[ -z "$output" ]
		says "no option --no-such-option"
		[ "$(echo "$stderr" | wc -l)" = 1 ]
	done
}

@test "--spec is JSON with options, statuses, examples" {
	for p in "$BIN"/*; do
		"$p" --spec | jq -e '.name and (.options | length > 0) and (.statuses | length > 10) and (.examples | length > 0)' >/dev/null
	done
}

@test "no two options of a program have the same name or letter" {
	for p in "$BIN"/*; do
		[ -z "$("$p" --spec | jq -r '.options[].name' | sort | uniq -d)" ]
		[ -z "$("$p" --spec | jq -r '.options[].letter // empty' | sort | uniq -d)" ]
	done
}

@test "every example runs" {
	cat-select -w 'vmag < 3' stars.csv -o part-0.arrows
	cp part-0.arrows part-1.arrows
	for p in "$BIN"/*; do
		while IFS= read -r line; do
			bash -o pipefail -c "$line" >/dev/null 2>err || { r=$?; echo "$line: $r: $(cat err)"; [ $r = 141 ]; }
		done < <("$p" --spec | jq -r '.examples[]')
	done
}

@test "manual pages are as generated, and clean" {
	run "$ROOT/tests/tools/pages" "$BIN" "$ROOT/man" --check
	echo "$output"
	[[ ${lines[-1]} == ok* ]]
}

@test "bash completion answers for every program" {
	for p in "$BIN"/*; do
		n=$(bash -c 'source "$1"; COMP_WORDS=("$2" --); COMP_CWORD=1; _catpipe; echo ${#COMPREPLY[@]}' - \
			"$ROOT/completions/catpipe.bash" "${p##*/}")
		[ "$n" -gt 3 ]
	done
	run bash -c 'source "$1"; COMP_WORDS=(cat-write --format ""); COMP_CWORD=2; _catpipe; echo "${COMPREPLY[@]}"' - \
		"$ROOT/completions/catpipe.bash"
	[[ $output == *parquet* ]]
	run bash -c 'source "$1"; COMP_WORDS=(cat-scan stars.csv -c vm); COMP_CWORD=3; _catpipe; echo "${COMPREPLY[@]}"' - \
		"$ROOT/completions/catpipe.bash"
	[ "$output" = vmag ]
}

@test "every completion file names every program" {
	for p in "$BIN"/*; do
		for f in "$ROOT"/completions/catpipe.*; do
			grep -q -- "${p##*/}" "$f" || { echo "$f lacks ${p##*/}"; false; }
		done
	done
}
