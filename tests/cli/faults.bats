# What goes wrong around a program: streams, disks, signals, cut and changed inputs. Statuses of product and errors
# of one line; never a half-written output.
load common

# no_output FILE: neither it nor anything hidden is there.
no_output() {
	[ ! -e "$1" ] || { echo "$1 is there"; return 1; }
	[ -z "$(find . -name '*.catpipe*' -o -name '.catpipe*')" ] || { ls -A; return 1; }
}

one_line() {
	[ "$(echo "$stderr" | wc -l)" = 1 ] || { echo "more than a line: $stderr"; return 1; }
	[[ $stderr != *[[:cntrl:]]* ]]
}

table() {
	awk -v n="${1:-3000}" 'BEGIN {
		srand(5)
		print "id,ra,dec,mag,name"
		for (i = 0; i < n; i++)
			printf "%d,%.9f,%.9f,%.6f,star %d\n", i, rand() * 360, rand() * 180 - 90, rand(), i
	}'
}

rows_commands=(
	"cat-scan t.parquet" "cat-select t.parquet" "cat-head -n 60000 t.parquet" "cat-write t.parquet" "cat-concat t.parquet"
	"cat-xmatch -r 1 t.parquet t.parquet" "cat-group -a 'count(*)' t.parquet" "cat-hist -x mag t.parquet")
reports=("cat-info t.parquet" "cat-info --json t.parquet" "cat-plot -x mag t.parquet" "cat-plot --sky t.parquet"
	"cat-scan --help" "cat-scan --spec" "cat-scan --version" "cat-info --settings")

@test "stdout on a full disk, or closed, is 74" {
	table | cat-write -o t.parquet
	for c in "${rows_commands[@]}"; do
		for f in csv parquet arrow arrows jsonl tsv; do
			status 74 bash -c "$c -f $f >/dev/full"
			one_line
		done
		status 74 bash -c "$c >&-"
	done
	for c in "${reports[@]}"; do
		status 74 bash -c "$c >/dev/full"
		status 74 bash -c "$c >&-"
		one_line
	done
}

@test "a closed stdin is an empty input; output to a file needs no stdout" {
	table | cat-write -o t.parquet
	for c in cat-scan cat-head cat-write "cat-xmatch -r 1 t.parquet" "cat-partition -o c" "cat-group -a 'count(*)'"; do
		status 65 bash -c "$c <&-"
		says "standard input"
	done
	status 0 bash -c 'cat-scan t.parquet -o o.csv <&- >&- 2>&-'
	[ "$(wc -l <o.csv)" = 3001 ]
}

@test "a reader that goes away: 141" {
	table 60000 | cat-write -o t.parquet
	for c in "${rows_commands[@]:0:6}"; do
		status 141 bash -o pipefail -c "$c | head -c 10 >/dev/null"
		[ -z "$stderr" ]
	done
}

@test "inputs cut at any offset: 65 and no output" {
	table 800 >t.csv
	cat-write t.csv -o t.parquet
	cat-write t.csv -o plain.parquet --plain
	cat-write t.csv -o t.arrow
	cat-write t.csv -o z.arrow --codec zstd
	cat-write t.csv -o t.arrows
	cat-write t.csv -o z.arrows --codec lz4
	cat-write t.csv -o t.csv.gz
	cat-write t.csv -o t.csv.zst
	for f in t.parquet plain.parquet t.arrow z.arrow t.arrows z.arrows t.csv.gz t.csv.zst; do
		size=$(stat -c %s $f)
		for at in 0 1 3 4 7 8 9 $((size / 7)) $((size / 3)) $((size / 2)) $((size * 5 / 6)) $((size - 60)) $((size - 9)) $((size - 8)) \
			$((size - 5)) $((size - 4)) $((size - 1)); do
			head -c $at $f >"cut.${f#*.}"
			status 65 cat-scan "cut.${f#*.}" -o o.csv
			one_line
			says "cut.${f#*.}"
			no_output o.csv
			status 65 bash -c "cat cut.${f#*.} | cat-scan -o o.csv"
			one_line
			no_output o.csv
		done
	done
}

@test "garbage behind a magic or a suffix is 65" {
	head -c 3000 "$BIN/cat-scan" >noise
	for magic in PAR1 'ARROW1\0\0' '\377\377\377\377' '\037\213' '\050\265\057\375' 'SIMPLE  =' 'BZh9' ''; do
		for suffix in parquet arrow arrows csv csv.gz csv.zst; do
			{ printf "$magic"; tail -c +5 noise; printf "$magic"; } >g.$suffix
			run --separate-stderr cat-scan g.$suffix -o o.csv
			[[ $status = 65 || $status = 79 ]] || { echo "$status: $magic $suffix: $stderr"; false; }
			one_line
			no_output o.csv
		done
	done
}

@test "a file that grows, shrinks or is replaced while it is read" {
	table 400000 >t.csv
	cp t.csv g.csv
	{ sleep 0.02; echo '1,2,3,4,5' >>g.csv; } &
	run --separate-stderr cat-scan g.csv -j1 -o o.arrow
	wait
	[[ $status = 0 || $status = 65 ]]
	[ $status = 0 ] || says "changed while it was read"
	cp t.csv s.csv
	{ sleep 0.02; truncate -s 1000 s.csv; } &
	run --separate-stderr cat-scan s.csv -j1 -o p.arrow
	wait
	[[ $status = 0 || $status = 65 ]]
	[ $status = 0 ] || no_output p.arrow
}

@test "disk full: 74 and nothing left, for files, catalogues and temporary files" {
	[ "$(id -u)" = 0 ] || skip "needs root for a small file system"
	mkdir full
	mount -t tmpfs -o size=1m tmpfs full || skip "no file system can be mounted"
	table 60000 >t.csv
	for f in csv parquet arrow arrows jsonl csv.gz csv.zst; do
		run --separate-stderr cat-scan t.csv -o full/o.$f
		[ $status = 74 ] || { umount full; echo "$f: $status"; false; }
		[ -z "$(ls -A full)" ] || { umount full; false; }
	done
	run --separate-stderr cat-partition t.csv -o full/c --rows 1000
	left=$(ls -A full)
	first="$status $stderr"
	run --separate-stderr bash -c "cat-write t.csv -f parquet | cat-scan - -T full -o o.csv"
	umount full
	[ -z "$left" ]
	[[ $first == "74 "* && $first == *full/c* && $first != *catpipe-* ]] || { echo "$first"; false; }
	[ $status = 74 ]
	[ ! -e o.csv ]
}

# Waits for a child, not by run, whose shell has no such child.
ended_by_signal() {
	local code=0
	wait "$1" || code=$?
	[ $code -gt 128 ]
}

@test "signals in the middle of -o FILE: nothing is left" {
	table >t.csv
	for s in KILL TERM INT; do
		{ cat t.csv; sleep 20; } | env --default-signal=INT cat-write - -o o.parquet &
		p=$!
		sleep 0.3
		kill -$s $p
		ended_by_signal $p
		no_output o.parquet
	done
}

@test "signals in the middle of cat-partition: nothing is visible, and the next run tidies up" {
	table >t.csv
	cat-write t.csv -f arrows | head -c -100 >t.arrows
	mkfifo in
	mkdir -p .c.catpipe-4000000/dataset .c.catpipe-note .other.catpipe-1
	for s in KILL TERM INT; do
		env --default-signal=INT cat-partition in -o c 3>&- &
		p=$!
		exec 9>in
		cat t.arrows >&9
		for ((i = 0; i < 100; i++)); do
			[ -e ".c.catpipe-$p" ] && break
			sleep 0.1
		done
		[ -e ".c.catpipe-$p" ]
		kill -$s $p
		exec 9>&-
		ended_by_signal $p
		[ ! -e c ]
	done
	# One that is being written now is not touched.
	mkdir .c.catpipe-17
	flock .c.catpipe-17 sleep 2 3>&- &
	sleep 0.2
	status 0 cat-partition t.csv -o c
	[ "$(find . -maxdepth 1 -name '.*catpipe*' | sort | tr '\n' ' ')" = "./.c.catpipe-17 ./.c.catpipe-note ./.other.catpipe-1 " ]
	[ "$(cat-group -a 'count(*)' c -f csv | tail -1)" = 3000 ]
	wait
}

@test "places that cannot be written to are 73 before anything is read" {
	table >t.csv
	mkdir ro full
	chmod 555 ro
	echo x >full/x
	status 73 cat-partition t.csv -o full
	status 73 cat-partition t.csv -o nowhere/c
	status 73 cat-scan t.csv -o nowhere/o.csv
	mkdir o.csv
	status 73 cat-scan t.csv -o o.csv
	[ "$(id -u)" = 0 ] || {
		status 73 cat-scan t.csv -o ro/o.csv
		status 73 cat-partition t.csv -o ro/c
	}
}

@test "few open files suffice for a catalogue of hundreds of partitions; too few are 71" {
	table 20000 >t.csv
	cat-partition t.csv -o c --rows 100
	[ "$(find c -name 'Npix*' | wc -l)" -gt 200 ]
	status 0 bash -c "ulimit -n 64; cat-group -j8 -a 'count(*)' c -f csv"
	gives $'count\n20000'
	status 0 bash -c "ulimit -n 64; cat-xmatch -j4 -r 1 c c -f csv | wc -l"
	[ "$output" = 20001 ]
	status 0 bash -c "ulimit -n 64; cat-partition -j4 c -o d --rows 200"
	status 71 bash -c "exec 3>&- 4>&- 5>&- 6>&-; ulimit -n 4; cat-partition t.csv -o e"
	one_line
	no_output e
}

@test "-m: too small is 64 with the minimum" {
	for p in cat-scan cat-partition cat-xmatch cat-info; do
		status 64 $p -m 1M stars.csv stars.csv
		says "at least"
		one_line
	done
	status 0 cat-scan -m 60M -j 64 stars.csv -f csv
	status 64 env CATPIPE_MEMORY=1M cat-scan stars.csv
}

@test "what an address holds beside its path is in no answer and no error; names command no terminal" {
	eval "$("$ROOT/tests/engines/s3/up" faults "$BATS_TEST_TMPDIR/web" --root .)"
	url=$AWS_ENDPOINT_URL
	unset AWS_ENDPOINT_URL
	export CATPIPE_CACHE=$PWD/cache
	secret() { [[ $output$stderr != *sesame99* ]]; }
	status 0 cat-info "$url/stars.csv?sig=sesame99"
	[[ ${lines[0]} == "$url/stars.csv?..." ]]
	status 0 cat-info --json "$url/stars.csv?sig=sesame99"
	secret
	status 64 cat-upload "$url/stars.csv?sig=sesame99" s3://bucket/x
	secret
	status 64 cat-scan "http://joe:sesame99@127.0.0.1:1/x.csv"
	secret
	says "http://...@127.0.0.1:1/x.csv"
	"$ROOT/tests/engines/s3/down" "$BATS_TEST_TMPDIR/web"
	mkdir names
	touch names/$'a\xc2\x9b31mb' names/$'a\e[31mb' names/é
	status 0 cat-ls names
	[ "$output" = $'a?[31mb\na??31mb\né' ]
}
