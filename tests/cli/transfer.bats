# cat-get and cat-upload as far as they need no object store (tests/long/s3-publish has the rest): copies from folders
# and from a web server, parts of catalogues, interruptions, and what is refused.
load common

# collection: c with 200 rows a partition, a margin cache of 60 arcmin.
collection() {
	awk 'BEGIN {
		srand(3)
		print "id,ra,dec,mag"
		for (i = 0; i < 4000; i++)
			printf "%d,%.9f,%.9f,%.4f\n", i, rand() * 360, rand() * 180 - 90, rand()
	}' >t.csv
	cat-partition t.csv -o c --rows 200 --margin 3600
}

# serve FOLDER ARGUMENT...: a web server; $url is its address, $BATS_TEST_TMPDIR/web its folder.
serve() {
	eval "$("$ROOT/tests/engines/s3/up" faults "$BATS_TEST_TMPDIR/web" --root "$@")"
	url=$AWS_ENDPOINT_URL
	unset AWS_ENDPOINT_URL
}

teardown() {
	[ ! -d "$BATS_TEST_TMPDIR/web" ] || "$ROOT/tests/engines/s3/down" "$BATS_TEST_TMPDIR/web"
}

rows() { cat-group -a 'count(*)' -f csv "$@" | tail -1; }
nothing_hidden() { [ -z "$(find . -name '.*catpipe*')" ] || { find . -name '.*catpipe*'; return 1; }; }

@test "a whole folder, byte for byte, seen when it is whole" {
	collection
	for options in "-j1" "-j4" "-m 64M"; do
		rm -rf d
		# shellcheck disable=SC2086
		status 0 cat-get $options c d
		[ -z "$output$stderr" ]
		diff -r c d
		nothing_hidden
	done
	status 73 cat-get c d
	says "--overwrite"
	rm d/c/partition_info.csv
	status 0 cat-get --overwrite c d
	diff -r c d
	mkdir full && touch full/x
	status 73 cat-get --overwrite c full
	[ "$(ls full)" = x ]
	status 66 cat-get nothing e
	status 64 cat-get c
	status 64 cat-get c s3://bucket/c
	says "cat-upload"
	nothing_hidden
}

@test "a file: under its own name, in a folder, over another" {
	status 0 cat-get stars.csv copy.csv
	cmp stars.csv copy.csv
	mkdir d
	status 0 cat-get -- stars.csv d
	cmp stars.csv d/stars.csv
	echo old >copy.csv
	status 0 cat-get --json stars.csv ./copy.csv
	cmp stars.csv copy.csv
	[ "$(echo "$output" | jq .bytes)" = "$(wc -c <stars.csv)" ]
	: >empty
	status 0 cat-get empty e2
	[ -f e2 ] && [ ! -s e2 ]
	nothing_hidden
}

@test "the part in a region: a catalogue of its own with whole partitions, and its margin cache" {
	collection
	for region in "--cone 40,-60,12" "--box 350,20,-10,10" "--polygon 100,10,120,10,110,30" "--cone 0,90,1arcsec"; do
		rm -rf p
		# shellcheck disable=SC2086
		status 0 cat-get $region c p
		[ "$(ls p)" = "$(ls c)" ]
		# shellcheck disable=SC2086
		diff <(cat-scan $region c -f csv) <(cat-scan $region p -f csv)
		for m in p/c/dataset p/c_3600arcs/dataset; do
			(cd "$m" && find . -name 'Npix*' | sort) | while read -r f; do cmp "${m/p/c}/$f" "$m/$f"; done
		done
		# As many partitions as files, all of the catalogue's own; as many rows as its properties say.
		n=$(find p/c/dataset -name 'Npix*' | wc -l)
		[ "$n" -lt "$(find c/c/dataset -name 'Npix*' | wc -l)" ]
		[ "$(tail -n +2 p/c/partition_info.csv | wc -l)" = "$n" ]
		[ -z "$(grep -vxFf c/c/partition_info.csv p/c/partition_info.csv)" ]
		[ "$(sed -n 's/^hats_nrows=//p' p/c/hats.properties)" = "$(rows p)" ]
		cmp p/c/hats.properties p/c/properties
		! grep -q skymap p/c/hats.properties
		[ ! -e p/c/skymap.fits ]
		cmp c/collection.properties p/collection.properties
		cmp c/c/dataset/_common_metadata p/c/dataset/_common_metadata
		# The margins of just these partitions, as far as they have any.
		diff <(tail -n +2 p/c_3600arcs/partition_info.csv) \
			<(grep -xFf p/c/partition_info.csv c/c_3600arcs/partition_info.csv | tail -n +2)
		[ "$(sed -n 's/^hats_nrows=//p' p/c_3600arcs/hats.properties)" = "$(rows p/c_3600arcs)" ]
		# Margins have rows beyond the part.
		status 0 cat-verify p
	done
	# Rows that are next to no partition of it are too many there too.
	status 0 cat-get --cone 40,-60,25 c r
	mapfile -t margins < <(find r/c_3600arcs/dataset -name 'Npix*' | sort)
	cp "${margins[0]}" "${margins[-1]}"
	status 1 cat-verify r
	[[ $output == *margin-extra* ]]
	status 64 cat-get --cone 1,2 c q
	status 66 cat-get --cone 1,2,3 stars.csv q
	[ ! -e q ]
	nothing_hidden
}

@test "all of it as a region is the catalogue again, _metadata to the byte" {
	collection
	status 0 cat-get --box 0,360,-90,90 c p
	for f in c/partition_info.csv c/dataset/_metadata c_3600arcs/dataset/_metadata collection.properties; do
		cmp "c/$f" "p/$f"
	done
	diff <(cat-scan c -f csv) <(cat-scan p -f csv)
	# Keys of sky maps aside the properties are the same too.
	diff <(grep -v skymap c/c/hats.properties) p/c/hats.properties
}

@test "from a web server: a catalogue by its partitions, whole and in part" {
	collection
	serve "$PWD"
	status 0 cat-get "$url/c" d
	diff -r c d
	status 0 cat-get --cone 40,-60,12 "$url/c/" p
	cat-get --cone 40,-60,12 c q
	diff -r p q
	status 0 cat-get "$url/stars.csv" e.csv
	cmp stars.csv e.csv
	status 66 cat-get "$url/none.csv" f
	# A catalogue that lacks a partition is no catalogue.
	rm "$(find c/c/dataset -name 'Npix*' | sort | tail -1)"
	status 65 cat-get "$url/c" g
	says "is missing"
	[ ! -e f ] && [ ! -e g ]
}

@test "an interrupted copy goes on: what is whole stays, what has changed at the source comes anew" {
	collection
	head -c 30000000 /dev/urandom >c/c/README.bin
	cp c/c/README.bin big
	serve "$PWD"
	echo '[{"method": "GET", "nth": 25, "action": "answer", "status": 404}]' >web/r && mv web/r web/rules.json
	status 65 cat-get -j1 --tries 1 "$url/c" d
	[ ! -e d ]
	[ -d .d.catpipe-get ]
	whole=$(grep -c ^whole .d.catpipe-get/list)
	[ "$whole" -gt 5 ]
	rm web/rules.json
	changed=$(sed -n 's/^whole [0-9]* [^ ]* \(c.dataset.*\)/\1/p' .d.catpipe-get/list | head -1)
	cp "$(find c/c/dataset -name 'Npix*' | sort | tail -1)" "c/$changed.new"
	mv "c/$changed.new" "c/$changed"
	status 0 cat-get -v -j1 "$url/c" d
	kept=$(echo "$stderr" | sed -n 's/.*; \([0-9]*\) of the files were here.*/\1/p')
	[ "$kept" = $((whole - 1)) ]
	rm c/c/README.bin
	diff -r c d
	nothing_hidden
	# Within a large file: the pieces that came stay.
	echo '[{"method": "GET", "path": "/big$", "nth": 4, "action": "answer", "status": 404}]' >web/r && mv web/r web/rules.json
	status 66 cat-get -j1 -m 64M --tries 1 "$url/big" b
	echo '[{"method": "GET", "path": "/big$", "nth": 4, "action": "answer", "status": 403}]' >web/r && mv web/r web/rules.json
	status 77 cat-get -j1 -m 64M --tries 1 "$url/big" b
	[ ! -e b ]
	part=$(stat -c %s .b.catpipe-get/copy/big.part)
	[ "$part" -ge 4194304 ]
	rm web/rules.json
	status 0 cat-get --json "$url/big" b
	cmp big b
	[ "$(echo "$output" | jq .got_bytes)" = $((30000000 - part / 4194304 * 4194304)) ]
}

@test "a folder with releases, here or on a web server, is the latest one's catalogue" {
	collection
	mkdir -p r/releases
	cp -r c r/releases/v1
	cp -r c/c r/releases/2
	echo v1 >r/latest
	serve "$PWD"
	for a in r "$url/r"; do
		echo v1 >r/latest
		[ "$(rows "$a")" = 4000 ]
		# The margins are the release's too.
		cat-info --json "$a" | jq -e '.catalogue.margins[0].arcsec == 3600'
		status 0 cat-verify -q "$a"
		rm -rf d
		status 0 cat-get "$a" d
		diff -r c d
		printf 2 >r/latest
		[ "$(rows "$a")" = 4000 ]
		rm -rf d
		status 0 cat-get --cone 40,-60,12 "$a" d
		[ -f d/hats.properties ]
		# What names no release is no catalogue.
		for text in "" "../c" "a/b" v9 $'v1\nv1'; do
			echo "$text" >r/latest
			run cat-group -a 'count(*)' "$a"
			[ "$status" != 0 ]
		done
	done
	# A catalogue is itself, whatever else lies in its folder.
	echo v9 >c/latest
	[ "$(rows c)" = 4000 ]
}

@test "two copies to one place do not mix; another source or region begins anew" {
	collection
	serve "$PWD"
	echo '[{"path": "Npix", "delay_ms": 300}]' >web/r && mv web/r web/rules.json
	cat-get -j1 "$url/c" d &
	for _ in $(seq 100); do [ ! -d .d.catpipe-get/copy/c ] || break; sleep 0.05; done
	status 75 cat-get c d
	says "another process"
	kill -9 $! && wait $! || true
	rm web/rules.json
	status 0 cat-get --cone 40,-60,12 c d
	cat-get --cone 40,-60,12 c e
	diff -r e d
}

@test "cat-upload: what is refused before anything is asked" {
	export CATPIPE_CACHE=$PWD/cache
	mkdir empty
	for c in "stars.csv" "stars.csv d" "stars.csv nobucket/x" "s3://a/b s3://bucket/x" "--delete empty s3://bucket/x" \
		"--delete stars.csv s3://bucket/x" "--release .x stars.csv s3://bucket/x" "--release a/b stars.csv s3://bucket/x" \
		"--release a.manifest stars.csv s3://bucket/x" "--release a --delete stars.csv s3://bucket/x" \
		"--rollback a stars.csv s3://bucket/x" "--create --if-match e stars.csv s3://bucket/x" "- stars.csv s3://bucket/x" \
		"--release a - s3://bucket/x" "stars.csv ./stars.csv s3://bucket/x/"; do
		# shellcheck disable=SC2086
		status 64 cat-upload --plan --offline $c
		[ "$(echo "$stderr" | wc -l)" = 1 ]
	done
	status 79 cat-upload --plan --offline stars.csv https://example.org/x
	status 66 cat-upload --plan --offline none.csv s3://bucket/x
	status 66 cat-upload --plan --offline empty s3://bucket/x
	status 69 cat-upload --offline --no-sign stars.csv s3://bucket/x
	[ ! -e cache ]
}

@test "cat-upload: SRC's contents land under DST; unfinished files are left out" {
	mkdir -p a/sub b/.b.catpipe-17 a/.x.catpipe-get/copy
	echo 1 >a/sub/1
	echo 22 >a/2
	echo 3 >b/3
	touch b/.catpipe-12-0 b/.b.catpipe-17/x a/.x.catpipe-get/copy/y
	names() { status 0 cat-upload --plan --offline --json "$@"; echo "$output" | jq -r '"\(.target)", .objects[].name' | tr '\n' ' '; }
	[ "$(names a s3://bucket/d)" = "s3://bucket/d 2 sub/1 " ]
	[ "$(names a/ b s3://bucket/d/)" = "s3://bucket/d/ 2 3 sub/1 " ]
	[ "$(names stars.csv s3://bucket/d)" = "s3://bucket d " ]
	[ "$(names stars.csv s3://bucket/d/)" = "s3://bucket/d/ stars.csv " ]
	[ "$(names stars.csv s3://bucket)" = "s3://bucket stars.csv " ]
	[ "$(names --release v1 stars.csv s3://bucket/d)" = "s3://bucket/d/releases/v1 stars.csv " ]
	# A link that leads back up is not followed for ever.
	ln -s .. a/sub/up
	[ "$(names a s3://bucket/d)" = "s3://bucket/d 2 sub/1 " ]
	ln -s ../../b a/sub/other
	[ "$(names a s3://bucket/d)" = "s3://bucket/d 2 sub/1 sub/other/3 " ]
	status 0 cat-upload --plan --offline - s3://bucket/d
}

@test "what cannot be sent or copied is named, not left out" {
	mkdir tree
	cp stars.csv tree/
	ln -s nowhere tree/gone
	status 66 cat-upload --plan --offline tree s3://bucket/tree
	says tree/gone
	status 66 cat-get tree copy
	says tree/gone
	[ ! -e copy ]
	rm tree/gone
	mkfifo tree/pipe
	status 66 cat-upload --plan --offline tree s3://bucket/tree
	says tree/pipe
	rm tree/pipe
	status 0 cat-get tree copy
}

@test "a part of a collection with indexes: without them, and says so" {
	[ -d "$DATA/hats" ] || skip "no data"
	cp -r "$DATA/hats/small_sky_o1_collection" c
	all=$(sed -n 's/^all_indexes=//p' c/collection.properties)
	[ -n "$all" ]
	status 0 cat-get --cone 310,-50,8 c p
	says "indexes point into all of it"
	! grep -q '^all_indexes\|^default_index' p/collection.properties
	[ -z "$(find p -name '*index*')" ]
	status 0 cat-verify p
	status 0 cat-info p
	[[ $output == *"without: $all"* ]]
	[ "$(cat-info --json p | jq -r .catalogue.indexes_left_out)" = "$all" ]
	diff <(cat-scan --cone 310,-50,8 c -f csv) <(cat-scan --cone 310,-50,8 p -f csv)
	# A part of the part still knows.
	status 0 cat-get --cone 310,-50,1 p q
	[ "$(cat-info --json q | jq -r .catalogue.indexes_left_out)" = "$all" ]
	status 0 cat-verify q
}

@test "partitions that are folders, from a web server: by _metadata, or not at all" {
	[ -d "$DATA/hats" ] || skip "no data"
	cp -r "$DATA/hats/small_sky_npix_as_dir" c
	serve "$PWD"
	diff <(cat-scan c -f csv) <(cat-scan "$url/c" -f csv)
	status 0 cat-get "$url/c" d
	diff -r c d
	status 0 cat-get --cone 310,-50,8 "$url/c" p
	cat-get --cone 310,-50,8 c q
	diff -r p q
	rm c/dataset/_metadata
	for command in "cat-scan $url/c" "cat-get $url/c e" "cat-get --cone 310,-50,8 $url/c e"; do
		# shellcheck disable=SC2086
		status 79 $command
		says "See: an s3:// address"
	done
	[ ! -e e ]
	nothing_hidden
}

@test "--plan: what would come and what it costs; nothing is made" {
	collection
	serve "$PWD"
	before=$(find . -path ./web -prune -o -name 'separate*' -prune -o -print | sort)
	status 0 cat-get --plan --json c d
	[ "$(jq .bytes <<<"$output")" = "$(find c -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')" ]
	[ "$(jq '.objects | length' <<<"$output")" = "$(find c -type f | wc -l)" ]
	for source in c "$url/c"; do
		status 0 cat-get --plan --json --cone 40,-60,12 "$source" d
		files=$(jq -r '.objects[].name | select(contains("Npix"))' <<<"$output")
		[ "$source" != c ] || [ "$(jq .files_of_unknown_size <<<"$output")" = 0 ]
		cat-get --cone 40,-60,12 "$source" p
		diff <(echo "$files") <(cd p && find . -name 'Npix*' | sed 's/^..//' | LC_ALL=C sort)
		rm -r p
	done
	status 0 cat-get --plan t.csv "x.csv"
	[[ $output == *"$(wc -c <t.csv)  t.csv"*"to x.csv: 1 files"* ]]
	status 66 cat-get --plan nothing d
	status 73 cat-get --plan c c
	diff <(echo "$before") <(find . -path ./web -prune -o -name 'separate*' -prune -o -print | sort)
}

@test "a name's address that is down costs one attempt while others have the same" {
	collection
	serve "$PWD"
	export CATPIPE_CACHE=$PWD/kept CATPIPE_TABLES=$PWD/own.yaml
	cat >own.yaml <<-END
	tables:
	  n:
	    urls: ["$url/gone", "$url/c"]
	END
	cat-scan n -n 1 -f csv >one
	# Its place among the addresses was measured while it was up.
	echo '[{"path": "/gone", "action": "answer", "status": 503}]' >web/r && mv web/r web/rules.json
	sed -i 's/ [-0-9]*$/ 1/; 2s/ 1$/ 9/' kept/addresses/*
	: >web/requests
	status 0 cat-get n d
	diff -r c d
	[ "$(grep -c '"path": "/gone' web/requests)" -le 4 ]
	# None answers: each is asked as often as it says.
	echo '[{"action": "answer", "status": 503}]' >web/r && mv web/r web/rules.json
	: >web/requests
	status 75 cat-get --tries 3 n e
	[ "$(grep -c '"path": "/c/partition_info.csv' web/requests)" = 4 ]
}
