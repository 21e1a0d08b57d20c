# The same rows however they come: file or pipe, large batches, one-row batches, one byte at a time, -j1 and -j4.
load common

TOOLS=$ROOT/build/tools

# A table of awkward values in N rows: NULL, NaN, infinities, quotes, line ends, UTF-8, dates, times, lists.
varied() {
	awk -v n="$1" 'BEGIN {
		split("inf|NaN|-inf||-0.0|1e300|5e-324|0.1", f, "|")
		split("|\"\"|\"a \"\"quoted\"\" one\"|\"two\nlines\"|комета ☄|\"a,b\"| lead|\"null\"|\"NaN\"|\"\\N\"", t, "|")
		print "id,ra,dec,f,t,b,d,ts"
		for (i = 0; i < n; i++)
			printf "%d,%s,%s,%s,%s,%s,%s,%s\n", i - 5, i % 13 == 7 ? "" : i * 7.3 % 360, i * 3.1 % 180 - 90,
				f[i % 8 + 1], t[i % 10 + 1], i % 5 ? (i % 3 ? "true" : "false") : "",
				i % 4 ? sprintf("20%02d-%02d-%02d", i % 100, i % 12 + 1, i % 28 + 1) : "",
				i % 6 ? sprintf("2020-01-%02dT%02d:00:00.%03d", i % 28 + 1, i % 24, i % 1000) : ""
	}'
}

# v0, v1 and v700: so many rows, the same types.
tables() {
	varied 700 >v700.csv
	cat-write v700.csv -o v700.arrows
	cat-select v700.arrows -w 'id = 3' -o v1.arrows
	cat-select v700.arrows -w 'id > 1000' -o v0.arrows
}

# same COMMAND...: its output from the file $f, compared over all ways in which the rows may come.
same() {
	local want way
	want=$("$@" -j1 "$f" | sha1sum)
	for way in '"$@" -j4 "$f"' '"$@" -j1 <"$f"' 'cat "$f" | "$@" -j4' '"$TOOLS/rebatch" --dribble <"$f" | "$@" -j4' \
		'"$TOOLS/rebatch" 1 <"$f" | "$@" -j4' '"$TOOLS/rebatch" 97 <"$f" | "$@" -j1'; do
		[ "$(eval "$way" | sha1sum)" = "$want" ] || { echo "$f: $way: $*"; return 1; }
	done
}

@test "every filter gives the same bytes for every way in which rows come" {
	tables
	for f in v0.arrows v1.arrows v700.arrows; do
		for format in csv jsonl parquet; do
			same cat-write -f $format
			same cat-select -c '*, id * 2 AS twice, upper(t) AS u' -w 'id % 3 = 1 OR f > 0' -f $format
		done
		same cat-scan --cone 10,10,60deg -f csv
		same cat-scan -c 'ts, d, b' -w 'b' -f jsonl
		same cat-head -n 50 -f csv
		same cat-concat -f csv
		same cat-group -a 'count(*), count(f), mean(ra), min(t), max(ts), var(dec)' -f csv
		same cat-hist -x id -b 7 -f csv
		same cat-plot -x ra -y dec --ascii
	done
}

@test "a match gives the same rows for every way in which LEFT comes" {
	tables
	f=v700.arrows
	for find in best best2 mutual all 3; do
		for way in 'cat $f |' "cat \$f | \"$TOOLS/rebatch\" 1 |" "cat \$f | \"$TOOLS/rebatch\" --dribble |"; do
			eval "$way" cat-xmatch -r 3deg --find $find - v700.arrows -f csv -j4 >pipe
			cat-xmatch -r 3deg --find $find v700.arrows v700.arrows -f csv -j1 >file
			cmp pipe file
		done
	done
	[ "$(cat-xmatch -r 1 v0.arrows v700.arrows -f csv | wc -l)" = 1 ]
	[ "$(cat-xmatch -r 1 --join left -c id v700.arrows v0.arrows -f csv | wc -l)" = 701 ]
	[ "$(cat-xmatch -r 1 --find mutual v1.arrows v0.arrows -f csv | wc -l)" = 1 ]
}

@test "a catalogue is the same from every way in which rows come" {
	tables
	cat-partition v700.arrows -o want --bad-coord drop --rows 50 -j1
	"$TOOLS/rebatch" 1 <v700.arrows | cat-partition -o got --bad-coord drop --rows 50 -j4 -q
	diff -r -x '*properties' want got
	"$TOOLS/rebatch" --dribble <v700.arrows | cat-partition -o want --overwrite --bad-coord drop --rows 50 -q
	diff -r -x '*properties' want got
}

@test "a match of catalogues, files and pipes finds the same pairs" {
	tables
	cat-partition v700.arrows -o cat --bad-coord drop --rows 50 -q
	pairs() { cat-select -c 'id, id_2, _dist_arcsec' -f csv | sort; }
	for find in best mutual all; do
		want=$(cat-xmatch -r 3deg --find $find v700.arrows v700.arrows | pairs)
		[ "$(echo "$want" | wc -l)" -gt 300 ]
		[ "$(cat-xmatch -r 3deg --find $find cat cat | pairs)" = "$want" ]
		[ "$(cat-xmatch -r 3deg --find $find cat v700.arrows | pairs)" = "$want" ]
		[ "$(cat-xmatch -r 3deg --find $find - cat <v700.arrows | pairs)" = "$want" ]
	done
}

@test "CSV, Parquet, Arrow file, Arrow stream and back: equal bytes" {
	tables
	for n in 0 1 700; do
		cat-write v$n.arrows -o want.csv
		cat-write v$n.arrows -o a.parquet
		cat-write a.parquet -o b.arrow
		cat-write b.arrow -o c.arrows
		cat-write c.arrows -o d.parquet --plain
		cat-write d.parquet -o e.csv.gz
		cat-write d.parquet -o e.csv.zst
		gzip -dc e.csv.gz | cmp - want.csv
		[ $n = 0 ] || cat-write e.csv.zst -f csv | cmp - want.csv
	done
}

@test "chains that users write" {
	tables
	f=v700.arrows
	cat-scan $f -w 'id > 0' | cat-xmatch -r 1 $f | cat-xmatch -r 1 $f | cat-select -c 'id, id_2, id_3, _dist_arcsec_2' |
		cat-write -o chain.parquet
	[ "$(cat-select chain.parquet -w 'id <> id_2 OR id <> id_3 OR _dist_arcsec_2 > 0' -f csv | wc -l)" = 1 ]
	[ "$(cat-group -a 'count(*)' chain.parquet -f csv | tail -1)" = \
		"$(cat-group -a 'count(*)' -w 'id > 0 AND ra IS NOT NULL' $f -f csv | tail -1)" ]
	cat-partition $f -o cat --bad-coord drop --rows 100 -q
	cat-xmatch -r 5 cat $f | cat-partition -o matched --rows 100 -q
	[ "$(cat-group -a 'count(*)' matched -f csv)" = "$(cat-group -a 'count(*)' cat -f csv)" ]
	cat-info matched | grep -q partitions
	for k in 0 1 2 3 4; do cat-scan cat --shard $k/5 -o part$k.arrows; done
	cat-concat part?.arrows -f csv | cmp - <(cat-scan cat -f csv)
}

@test "units and descriptions survive from Arrow to Parquet and back" {
	cat-partition stars.csv -o cat -q
	cat-write cat -o a.parquet && cat-write a.parquet -o b.arrow && cat-write b.arrow -o c.arrows
	for f in a.parquet b.arrow c.arrows; do
		[ "$(cat-info --json $f | jq -c '.columns')" = "$(cat-info --json cat | jq -c '.columns')" ]
	done
}

# said FILE: what it tells of its columns.
said() {
	cat-info --json "$1" | jq -c '[.columns[] | {name, unit, ucd, description}]'
}

@test "what is said of columns in a VOTable alone, and all ways through FITS, Parquet and Arrow" {
	local f
	cat-gen -n 100 -o a.fits
	cat-write a.fits -o a.parquet
	LC_ALL=C sed -b 's/ARROW:schema/ARROW:scheme/' a.parquet >b.parquet # nobody's key
	[ "$(grep -ac ARROW:schema b.parquet)" = 0 ]
	cat-write b.parquet -o c.arrow
	cat-write c.arrow -o d.fits
	cat-write d.fits -o e.parquet
	said a.fits >want
	[ "$(jq 'map(select(.unit and .ucd and .description)) | length' want)" -gt 5 ]
	for f in a.parquet b.parquet c.arrow d.fits e.parquet; do said $f | cmp - want; done
	for f in b.parquet c.arrow d.fits e.parquet; do cat-write $f -f csv | cmp - <(cat-write a.fits -f csv); done
	cat-partition a.parquet -o cat --rows 30 -q
	said cat | jq -c 'map(select(.name != "_healpix_29"))' | cmp - want
	for f in cat/dataset/_common_metadata $(find cat -name 'Npix=*'); do
		grep -aq 'VOTable-Parquet.content' "$f"
		LC_ALL=C sed -b -i 's/ARROW:schema/ARROW:scheme/' "$f"
	done
	said cat | jq -c 'map(select(.name != "_healpix_29"))' | cmp - want
	cat-select -c 'id, vmag' stars.csv -o plain.parquet
	! grep -aq VOTable plain.parquet
}

@test "a VOTable that cannot be read hides no rows: -v says so" {
	cat-gen -n 100 -o a.parquet
	LC_ALL=C sed -b 's/ARROW:schema/ARROW:scheme/; s/<TABLE>/<TABLE /' a.parquet >b.parquet
	status 0 cat-scan -v b.parquet -f csv
	says "b.parquet: what IVOA.VOTable-Parquet.content says of columns is passed over: XML, line 4:"
	echo "$output" | cmp - <(cat-scan a.parquet -f csv)
	status 0 cat-scan b.parquet -f csv
	[ -z "$stderr" ]
	[ "$(said b.parquet | jq 'map(select(.unit)) | length')" = 0 ]
}

@test "row groups whose Bloom filters lack a value are not read" {
	local f=$DATA/parquet-testing/data_index_bloom_encoding_stats.parquet v
	[ -e "$f" ] || skip "no test data"
	groups() { cat-scan --explain -w "$1" "$2" | sed -n 's/^row groups: \([0-9]*\) to read.*/\1/p'; }
	for v in Hello 'This is' 'brown fox'; do
		[ "$(groups "\"String\" = '$v'" "$f")" = 1 ]
		[ "$(cat-scan -w "\"String\" = '$v'" "$f" -f csv | tail -1)" = "$v" ]
	done
	[ "$(groups "\"String\" = 'Kello'" "$f")" = 0 ]
	[ "$(groups "\"String\" IN ('Kello', 'Jello')" "$f")" = 0 ]
	[ "$(groups "\"String\" IN ('Kello', 'Hello')" "$f")" = 1 ]
	[ "$(groups "\"String\" >= 'Kello'" "$f")" = 1 ]
	[ "$(cat-scan -w "\"String\" = 'Kello'" "$f" -f csv)" = String ]
	# A filter whose own length is not the one in the footer counts for nothing.
	[ "$(groups 'r = 5' "$DATA/parquet-wild/duckdb/bloom_filter_short_numbytes.parquet")" = 1 ]
	[ "$(cat-group -a 'count(*)' -w 'r = 10' "$DATA/parquet-wild/duckdb/bloom_filter_short_numbytes.parquet" -f csv | tail -1)" = 100 ]
}
