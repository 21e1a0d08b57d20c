# Shared by the bats files: paths, and a small table to work on.
bats_require_minimum_version 1.5.0
ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BIN=${CATPIPE_BIN:-$ROOT/build/bin}
DATA=${CATPIPE_DATA:-$ROOT/../shared/data}
PATH=$BIN:$PATH
export PATH
unset CATPIPE_JOBS CATPIPE_MEMORY CATPIPE_TEMP_DIR SOURCE_DATE_EPOCH

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	# No test changes, or depends on, what the user calls tables.
	export CATPIPE_TABLES=$BATS_TEST_TMPDIR/own-tables.yaml:$ROOT/infra/tables.yaml
	cat >stars.csv <<-'END'
	id,ra,dec,vmag,bmag,name
	1,56.75,24.1167,2.87,2.78,Alcyone
	2,56.87,24.105,3.7,3.62,Electra
	3,101.287,-16.716,-1.46,-1.45,Sirius
	4,279.234,38.784,0.03,0.03,Vega
	5,0.001,89.5,,9.5,
	6,359.999,-89.5,7.25,8.0,"South, far"
	7,213.915,19.182,-0.05,1.18,Arcturus
	8,88.793,7.407,0.42,2.27,Betelgeuse
	END
}

# status WANT COMMAND...: runs it, keeps stdout in $output and stderr in $stderr, and compares the status.
status() {
	local want=$1
	shift
	run --separate-stderr "$@"
	if [ "$status" != "$want" ]; then
		echo "status $status instead of $want: $*"
		echo "$output"
		echo "$stderr"
		return 1
	fi
}

# says TEXT: stderr holds it.
says() {
	[[ $stderr == *"$1"* ]] || { echo "stderr lacks '$1': $stderr"; return 1; }
}

# gives TEXT: stdout is it.
gives() {
	[ "$output" = "$1" ] || { diff <(echo "$1") <(echo "$output"); return 1; }
}

# Servers that a test has started with tests/engines/s3/up end with it, however it ended.
teardown() {
	local d
	for d in "$BATS_TEST_TMPDIR"/*/pids; do
		[ ! -s "$d" ] || "$ROOT/tests/engines/s3/down" "${d%/pids}"
	done
}
