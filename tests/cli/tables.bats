# Names of tables, of objects, of services: cat-tables, names as operands, --cone NAME,R.
load common

names() {
	export CATPIPE_TABLES=$PWD/conf/own.yaml:$PWD/site.yaml:$ROOT/infra/tables.yaml CATPIPE_CACHE=$PWD/cache
	unset CATPIPE_SESAME CATPIPE_REGISTRY
}

# web: a web server of this folder; its address in $web, its requests in web/requests.
web() {
	eval "$("$ROOT/tests/engines/s3/up" faults web --root . 3>&-)"
	web=$AWS_ENDPOINT_URL
}
asked() { jq -rs 'map(.path) | join(" ")' web/requests; }
forget() { : >web/requests; }

@test "the shipped list: every name lists, is valid, and has addresses that are read here or says why not" {
	names
	cat-tables --json >all
	jq -e 'length >= 68 and all(.[]; .name | test("^[A-Za-z0-9][A-Za-z0-9._+-]*$"))' all
	jq -e 'all(.[]; (.urls | length > 0) or (.note // "" | test("address|path")))' all
	jq -e 'all(.[].urls[]; test("^(s3|https)://[a-z0-9.-]+/"))' all
	jq -e '.[] | select(.name == "gaia_dr3") | .rows > 1800000000 and (.urls | length == 2)' all
	cat-tables | grep -q '^gaia_dr3  *[0-9]* .*Gaia Data Release 3$'
	[ "$(cat-tables list | wc -l)" = "$(jq length all)" ]
}

@test "add, by name, rename, remove; comments stay" {
	names
	mkdir conf sub
	cat >conf/own.yaml <<-'END'
	# mine
	tables:
	    # a file
	    old: ../stars.csv   # seen from here
	# the end
	END
	cp conf/own.yaml before
	cp stars.csv sub/t.csv
	status 0 cat-tables add new sub/t.csv --title 'The "new" one'
	status 0 cat-scan -f csv -n 1 -c id new
	gives $'id\n1'
	(cd / && cat-scan -f csv old) | cmp - <(cat-scan -f csv stars.csv)
	cat-info New | grep -q 'columns: 6'
	[ "$(cat-tables --json describe new | jq -r '.[0].title')" = 'The "new" one' ]
	cat-xmatch -r 1 old new -f csv | grep -q Alcyone
	status 0 cat-scan old new -c id -f csv
	[ "$(wc -l <<<"$output")" = 17 ]
	status 73 cat-tables add new stars.csv
	says "--replace"
	status 0 cat-tables add --replace new stars.csv sub/t.csv
	[ "$(cat-tables --json describe new | jq -c '.[0].urls | map(split("/")[-1])')" = '["stars.csv","t.csv"]' ]
	status 73 cat-tables rename new old
	status 0 cat-tables rename new newer
	status 66 cat-scan new
	says "nearest name: newer"
	status 0 cat-tables remove newer
	cmp conf/own.yaml before
	# what others have is theirs, but goes behind one's own
	status 66 cat-tables remove gaia_dr3
	says "infra/tables.yaml"
	status 66 cat-tables remove nothing
	status 0 cat-tables add gaia_dr3 stars.csv
	[ "$(cat-scan gaia_dr3 -f csv | wc -l)" = 9 ]
	[ "$(cat-tables --json | jq '[.[] | select(.name == "gaia_dr3")] | length')" = 1 ]
}

@test "a file of the name comes first; - and stdin stay what they are" {
	names
	cat-tables add t stars.csv
	head -2 stars.csv >t
	[ "$(cat-scan t -f csv | wc -l)" = 2 ]
	rm t
	[ "$(cat-scan t -f csv | wc -l)" = 9 ]
	cat-scan - -f csv <stars.csv | cmp - <(cat-scan t -f csv)
	status 66 cat-scan ./t
}

@test "wrong words are 64, wrong lists 78 with file and line" {
	names
	status 64 cat-tables ad
	says "nearest: add"
	status 64 cat-tables add x
	says "usage: cat-tables add NAME ADDRESS..."
	status 64 cat-tables add a/b stars.csv
	status 64 cat-tables list --pin
	status 66 cat-tables add x nowhere.csv
	status 79 cat-tables add x ftp://host/x
	status 64 cat-tables add x http://joe:sesame99@host/x.csv
	[[ $stderr$output != *sesame99* ]]
	[ ! -e conf ]
	printf 'tables:\n  a: x\n  a: y\n' >site.yaml
	status 78 cat-tables
	says "site.yaml: line 3: 'a' is there twice"
	status 78 cat-scan nothing
	status 0 cat-scan stars.csv -n 1
	mkdir conf
	echo 'tables: {a: x}' >conf/own.yaml
	cp conf/own.yaml before
	rm site.yaml
	status 78 cat-tables add b stars.csv
	says "by hand"
	cmp conf/own.yaml before
}

@test "changes by many at once are all made; one that waits too long is 75" {
	names
	for i in $(seq 12); do cat-tables add t$i stars.csv & done
	wait
	[ "$(grep -c '^  t' conf/own.yaml)" = 12 ]
	[ -z "$(find conf -name '.catpipe*')" ]
	exec 7>>conf/own.yaml.lock
	flock 7
	status 75 cat-tables remove t1
	exec 7>&-
	status 0 cat-tables remove t1
}

@test "a list that cannot be written stays as it was" {
	names
	cat-tables add a stars.csv
	cp conf/own.yaml before
	( ulimit -f 0; trap '' XFSZ; ! cat-tables add b stars.csv 2>err )
	cmp conf/own.yaml before
	[ -z "$(find conf -name '.catpipe*')" ]
}

@test "lists that a list names: by path and by address, kept for a day, used while they cannot be had" {
	names
	web
	mkdir conf lists
	printf 'lists: [%s/lists/far.yaml, ../lists/near.yaml, %s/lists/none.yaml]\n' "$web" "$web" >conf/own.yaml
	printf 'tables:\n  there: %s/stars.csv\n  both: %s/stars.csv\n' "$web" "$web" >lists/far.yaml
	printf 'tables:\n  both: nowhere\n  here: ../stars.csv\n' >lists/near.yaml
	[ "$(cat-scan there -f csv | wc -l)" = 9 ]
	[ "$(cat-scan both -f csv | wc -l)" = 9 ]
	[ "$(cat-scan here -f csv | wc -l)" = 9 ]
	status 0 cat-tables
	says "lists/none.yaml: there is no list of tables"
	# a name that is nowhere might be in the list that cannot be had
	status 69 cat-scan nothing --tries 1
	says "none.yaml"
	[ "$(asked | grep -o far.yaml | wc -l)" = 1 ]
	# a day later, and the list is broken
	touch -d '2 days ago' cache/lists/*
	echo 'tables: [' >lists/far.yaml
	[ "$(cat-scan there -f csv | wc -l)" = 9 ]
	[ "$(asked | grep -o far.yaml | wc -l)" = 2 ]
	status 0 cat-tables --offline
	[[ $output == *there* ]]
	[ "$(asked | grep -o far.yaml | wc -l)" = 2 ]
	# over the network no list names files here
	printf 'tables:\n  there: /etc/passwd\n' >lists/far.yaml
	rm -r cache/lists
	status 78 cat-scan there
	says "addresses only"
}

@test "several addresses: the fastest is found once; the next is tried when it fails" {
	names
	mkdir a b
	cat-partition stars.csv -o a/cat -q
	cp -r a/cat b/cat
	web
	cat-tables add cat "$web/a/cat" "$web/b/cat"
	rules() { echo "$1" >web/new; mv web/new web/rules.json; }
	rules '[{"path": "^/a/", "delay_ms": 400}]'
	[ "$(cat-scan cat -c id -f csv | wc -l)" = 9 ]
	[ "$(asked | tr ' ' '\n' | grep -c ^/a/)" = 1 ]
	forget
	[ "$(cat-scan cat -c id -f csv | wc -l)" = 9 ]
	[[ $(asked) != */a/* ]]
	cat-tables describe --json cat >said
	jq -e '.[0].addresses | .[0].url[-5:] == "b/cat" and .[0].answered and .[1].ms >= 400 and .[1].measured == (now | strftime("%Y-%m-%d"))' said
	cat-tables describe cat | grep -q "a/cat  (4[0-9][0-9] ms on $(date -u +%F))"
	# gone: the other one, at once, and first from then on
	mv b/cat b/moved
	rm -rf cache/ranges
	[ "$(cat-scan cat -c id -f csv | wc -l)" = 9 ]
	cat-tables describe cat | grep -q "b/cat  (no answer on"
	forget
	[ "$(cat-scan cat -c id -f csv | wc -l)" = 9 ]
	[[ $(asked) != */b/* ]]
	# all gone: the error of the last, with the name
	rm -rf a cache/ranges
	status 66 cat-scan cat --tries 1
	says "cat: "
	# nothing is kept
	rm -rf cache
	mv b/moved b/cat
	[ "$(cat-scan cat -c id -f csv --cache 0 | wc -l)" = 9 ]
	[ ! -e cache ]
}

@test "a path that exists comes before all addresses; a release is a folder below" {
	names
	web
	cat-tables add t "$web/nowhere.csv" stars.csv "$web/else.csv"
	[ "$(cat-scan t -f csv | wc -l)" = 9 ]
	[ -z "$(asked)" ]
	mkdir -p pub/releases/2026-11
	cp stars.csv pub/releases/2026-11/part.csv
	cat-partition stars.csv -o pub/releases/2026-12 -q
	cat-tables add r pub --release 2026-12
	[ "$(cat-scan r -c id -f csv | wc -l)" = 9 ]
	[ "$(cat-tables describe r | grep -c releases/2026-12)" = 1 ]
	status 64 cat-tables add r2 pub --release ../x
}

@test "a pinned version is read, another one is 65" {
	names
	web
	cp stars.csv far.csv
	SOURCE_DATE_EPOCH=1700000000 cat-partition stars.csv -o cat -q
	cat-tables add --pin file "$web/far.csv"
	[ "$(cat-scan file -f csv | wc -l)" = 9 ]
	echo '9,1,1,1,1,more' >>far.csv
	touch -d '1 minute' far.csv
	status 65 cat-scan file -f csv
	says "wants version"
	says "cat-tables describe file"
	cat-tables add --pin cat "$PWD/cat"
	grep -q 'version: .*2023-11-14' conf/own.yaml
	(cd conf && cat-scan cat -c id -n 1 -f csv)
	sed -i 's/^hats_creation_date=2023/hats_creation_date=2024/' cat/hats.properties
	cd conf
	status 65 cat-scan cat
	status 65 cat-info cat
	status 79 cat-tables add --pin local ../stars.csv
}

@test "a pinned name of a place with releases keeps the release that is the latest now" {
	names
	mkdir -p pub/releases
	cat-partition stars.csv -o pub/releases/v1 -q
	cat-partition stars.csv -o pub/releases/v2 -w 'id < 4' -q
	echo v1 >pub/latest
	cat-tables add --pin kept "$PWD/pub"
	cat-tables add follows "$PWD/pub"
	grep -q 'release: v1' conf/own.yaml
	echo v2 >pub/latest
	cd conf
	[ "$(cat-scan kept -c id -f csv | wc -l)" = 9 ]
	[ "$(cat-scan follows -c id -f csv | wc -l)" -lt 9 ]
	# A release says what it is by its name, whether it was dated or not.
	status 0 cat-tables add --release v1 --pin said ../pub
	[ "$(cat-scan said -c id -f csv | wc -l)" = 9 ]
	status 79 cat-tables add --pin undated ../pub/releases/v1
}

@test "cat-ls and cat-upload take names" {
	names
	cat-partition stars.csv -o cat -q
	cat-tables add some "$PWD/cat"
	cat-tables add far s3://bucket/far
	mkdir elsewhere
	cd elsewhere
	[ "$(cat-ls some)" = "$(cat-ls "$OLDPWD/cat")" ]
	status 66 cat-ls sume
	says "nearest name: some"
	[ "$(cat-upload --plan --offline --json some s3://bucket/x)" = "$(cat-upload --plan --offline --json "$OLDPWD/cat" s3://bucket/x)" ]
	status 64 cat-upload --plan --offline far s3://bucket/x
	says "cat-get s3://bucket/far"
	# What is here comes before what a list says.
	touch some
	[ "$(cat-ls some)" = some ]
}

@test "search asks the registry of the Virtual Observatory, once a day" {
	names
	mkdir -p tap
	cp "$ROOT/tests/cli/registry.xml" tap/sync
	web
	export CATPIPE_REGISTRY=$web/tap
	status 0 cat-tables search gaia "O'Neill"
	gives "$(cat <<-'END'
	I/355: Gaia DR3 & part 1
	  conesearch  http://vizier.example/conesearch/I/355/gaiadr3?
	  ivo://cds.vizier/i/355
	An archive without a short name
	  tap  http://archive.example/tap
	  ivo://archive.example/tap
	END
	)"
	query=$(jq -r .query web/requests | python3 -c 'import sys, urllib.parse; print(urllib.parse.parse_qs(sys.stdin.read().strip())["QUERY"][0])')
	[[ $query == "SELECT TOP 200 ivoid, short_name, "*"ivo_hasword(res_title, 'gaia')"*"ivo_hasword(res_description, 'O''Neill')"* ]]
	[ "$(cat-tables search --json gaia "O'Neill" | jq -r '.[1].url')" = http://archive.example/tap ]
	[ "$(wc -l <web/requests)" = 1 ]
	status 0 cat-tables --offline search gaia "O'Neill"
	status 69 cat-tables --offline search other
	# none: a plain no
	sed 's|<TR>.*</TR>||; /<TR>/,/<\/TR>/d' "$ROOT/tests/cli/registry.xml" >tap/sync
	status 1 cat-tables search nothing
	[ "$(cat-tables search nothing --json)" = '[]' ]
	# broken off, and of another kind: 76; what was kept is used
	head -c 700 "$ROOT/tests/cli/registry.xml" >tap/sync
	status 76 cat-tables search cut
	echo '<html/>' >tap/sync
	status 76 cat-tables search html
	touch -d '2 days ago' cache/registry/*
	status 0 cat-tables search gaia "O'Neill"
}

@test "--cone NAME,R: Sesame is asked once, never for what is a position" {
	names
	mkdir -p ./-oxp
	cp "$ROOT/tests/cli/sesame.xml" ./-oxp/SNV
	web
	export CATPIPE_SESAME=$web
	status 0 cat-scan stars.csv -c id -f csv --cone "M45,20arcmin"
	gives $'id\n1\n2'
	status 0 cat-scan stars.csv -v -c id -f csv --cone "M45,20arcmin"
	says "M45,20arcmin is 56.601"
	gives $'id\n1\n2'
	[ "$(jq -r .query web/requests)" = M45 ]
	forget
	status 0 cat-scan stars.csv -c id -f csv --cone " PSR  B1919+21 ,1arcmin" --cone 3C273,1arcmin --cone 279.234,38.784,1arcmin
	gives $'id\n4'
	[ "$(jq -rs 'map(.query) | join(" ")' web/requests)" = "PSR%20B1919%2B21 3C273" ]
	forget
	for p in 45 -12.5 05h34m 05:34:31 '+22d00m52s' '05 34 31 +22 00 52' 1e5; do
		status 64 cat-scan stars.csv --cone "$p,1deg"
	done
	status 64 cat-scan stars.csv --cone "NGC 1,1parsec"
	status 64 cat-scan stars.csv --cone "NGC 1"
	[ ! -s web/requests ]
	# kept for good
	touch -d '3 years ago' cache/sesame/*
	status 0 cat-scan --offline stars.csv -c id -f csv --cone M45,20arcmin
	gives $'id\n1\n2'
	status 69 cat-scan --offline stars.csv --cone M46,1deg
	says "the object M46"
	says "--offline"
	[ ! -s web/requests ]
}

@test "--cone NAME,R: what Sesame may answer" {
	names
	mkdir -p ./-oxp
	web
	export CATPIPE_SESAME=$web
	cone=(cat-scan stars.csv --tries 1 --cone)
	echo '<?xml version="1.0"?><Sesame><Target><name>M 0</name><INFO>Nothing found</INFO></Target></Sesame>' >./-oxp/SNV
	status 66 "${cone[@]}" M0,1deg
	says "knows no object"
	echo '<html><body>down for maintenance</body></html>' >./-oxp/SNV
	status 76 "${cone[@]}" M0,1deg
	head -c 500 "$ROOT/tests/cli/sesame.xml" >./-oxp/SNV
	status 76 "${cone[@]}" M0,1deg
	sed 's/56.601/156.6o1/' "$ROOT/tests/cli/sesame.xml" >./-oxp/SNV
	status 76 "${cone[@]}" M0,1deg
	[ ! -e cache/sesame ]
	rm ./-oxp/SNV
	status 69 "${cone[@]}" M0,1deg
	# a server that does not say where its answer ends: its last element does
	cp "$ROOT/tests/cli/sesame.xml" ./-oxp/SNV
	echo '[{"path": "SNV", "action": "no-length", "how": "close"}]' >web/new
	mv web/new web/rules.json
	status 0 "${cone[@]}" M0,20arcmin -c id -f csv
	gives $'id\n1\n2'
	echo '[{"path": "SNV", "action": "answer", "status": 503}]' >web/new
	mv web/new web/rules.json
	status 75 "${cone[@]}" M1,1deg
}

@test "completion knows names, their columns, and verbs" {
	names
	cat-tables add stars stars.csv
	complete() {
		bash -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _catpipe; echo "${COMPREPLY[@]}"' - \
			"$ROOT/completions/catpipe.bash" "$@"
	}
	[ "$(complete cat-scan gaia_dr3_e)" = gaia_dr3_epoch_phot ]
	[ "$(complete cat-scan stars -c bm)" = bmag ]
	[ "$(complete cat-scan -n 3 stars -c bm)" = bmag ]
	[ "$(complete cat-tables re)" = "rename remove" ]
	[ "$(complete cat-tables describe gaia_dr3_e)" = gaia_dr3_epoch_phot ]
	[ "$(complete cat-scan star)" = "stars stars.csv" ]
}

@test "addresses that open themselves, and lists without end, are refused" {
	names
	mkdir conf
	status 64 cat-tables add new 'https://host/t.parquet?X-Amz-Date=1&X-Amz-Signature=abc'
	[ ! -e conf/own.yaml ]
	status 0 cat-tables add new 'https://host/t.parquet?columns=ra'
	{ echo tables:; seq 20001 | sed 's/.*/  n&: t.csv/'; } >conf/own.yaml
	status 78 timeout 60 cat-tables
	says '20,000'
}
