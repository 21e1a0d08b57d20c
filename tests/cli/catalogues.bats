# Catalogues that others wrote, and broken ones.
load common

H=$DATA/hats
T=$DATA/hats-0.11

need() {
	[ -d "$1" ] || skip "no test data ($1)"
}
count() {
	cat-group -a 'count(*)' "$@" -f csv | tail -1
}
# broken: a catalogue to be broken.
broken() {
	rm -rf bad
	cp -r "$T/a_import" bad
	chmod -R u+w bad
}

@test "row counts of every layout" {
	need "$H"
	for c in small_sky small_sky_healpix13 small_sky_nested small_sky_npix_alt_suffix small_sky_npix_as_dir \
		small_sky_o1_collection small_sky_o1_collection/small_sky_order1; do
		[ "$(count "$H/$c")" = 131 ] || { echo "$c"; false; }
	done
	[ "$(count "$H/small_sky_source")" = 17161 ]
	[ "$(count "$H/square_map")" = 12 ]
	[ "$(count "$H/small_sky_o1_collection/small_sky_order1_margin_10arcs")" = 0 ]
}

@test "the rows of every layout are those of the CSV they were made from" {
	need "$H"
	want=$(cat-scan "$H/import-input/small_sky.csv" -c 'id, ra, dec' -f csv | sort)
	for c in small_sky small_sky_healpix13 small_sky_nested small_sky_npix_alt_suffix small_sky_npix_as_dir small_sky_o1_collection; do
		[ "$(cat-scan "$H/$c" -c 'id, ra, dec' -f csv | sort)" = "$want" ] || { echo "$c"; false; }
	done
}

@test "regions give the same rows in every layout" {
	need "$H"
	for r in "--cone 315,-66.443,5deg" "--box 290,310,-60,-30" "--cone 0,-89.9,40deg" "--polygon 290,-60,320,-60,305,-30"; do
		# shellcheck disable=SC2086
		want=$(cat-scan "$H/import-input/small_sky.csv" $r -c id -f csv | sort)
		for c in small_sky small_sky_healpix13 small_sky_nested small_sky_npix_as_dir small_sky_o1_collection; do
			# shellcheck disable=SC2086
			[ "$(cat-scan "$H/$c" $r -c id -f csv | sort)" = "$want" ] || { echo "$c $r"; false; }
		done
	done
}

@test "answers that LSDB gave: counts, cone, match" {
	need "$T"
	get() { jq -r ".[\"$1\"]" "$T/answers.json"; }
	for c in a_import a_acid; do
		status 0 cat-group -a 'count(*), sum(id)' "$T/$c" -f csv
		[ "${lines[1]}" = "$(get rows_a),$(get sum_id_a)" ]
		status 0 cat-group -a 'count(*), sum(id)' "$T/$c" -f csv --cone 266.4,-29.0,20deg
		[ "${lines[1]}" = "$(get cone_266.4_-29_20deg_rows),$(get cone_sum_id)" ]
	done
	want="$(get crossmatch_1arcsec_nearest_rows),$(get crossmatch_sum_id_a),$(get crossmatch_sum_id_b)"
	for left in a_import a_acid; do
		cat-xmatch -r 1 "$T/$left" "$T/b_import" -o x.arrows
		[ "$(cat-group -a 'count(*), sum(id), sum(id_2)' x.arrows -f csv | tail -1)" = "$want" ]
		cat-scan "$T/$left" | cat-xmatch -r 1 "$T/b_import" -o x.arrows
		[ "$(cat-group -a 'count(*), sum(id), sum(id_2)' x.arrows -f csv | tail -1)" = "$want" ]
	done
	[ "$(count "$T/nested_lsdb")" = "$(get nested_rows)" ]
	[ "$(count "$T/x_lsdb")" = "$(get crossmatch_1arcsec_nearest_rows)" ]
}

@test "matches equal the brute-force search of the data set" {
	need "$H"
	for radius in 36:xmatch_correct 18:xmatch_correct_0_005; do
		want=$(awk -F, 'NR > 1 {printf "%d,%d\n", $2, $3}' "$H/xmatch/expected/${radius#*:}.csv" | sort)
		for left in small_sky small_sky_o1_collection small_sky_nested; do
			[ "$(cat-xmatch -r "${radius%:*}" -c 'id, id_2' "$H/$left" "$H/xmatch/small_sky_xmatch.csv" -f csv | tail -n +2 | sort)" = "$want" ] ||
				{ echo "$left $radius"; false; }
		done
	done
}

@test "rows that are in no partition are refused, not left out" {
	need "$H"
	status 79 cat-scan "$H/small_sky_source_object_index"
	says index
	status 0 cat-info "$H/small_sky_source_object_index"
	status 79 cat-scan "$H/small_sky_to_small_sky_order1"
	status 66 cat-scan "$H/info_only"
	status 65 cat-scan "$H/info_only/catalog"
	status 65 cat-scan "$H/bad_schemas"
}

@test "a partition whose columns differ is named with the column" {
	need "$H"
	for k in missing_column wrong_dtypes; do
		mkdir -p "$k/dataset/Norder=0/Dir=0"
		cp "$H/bad_schemas/hats.properties" $k
		cp "$H/bad_schemas/dataset/_common_metadata.import_truth" $k/dataset/_common_metadata
		cp "$H/bad_schemas/dataset/Norder=0/Dir=0/Npix=11.$k.parquet" "$k/dataset/Norder=0/Dir=0/Npix=11.parquet"
		printf 'Norder,Npix\n0,11\n' >$k/partition_info.csv
		status 65 cat-scan $k -o o.csv
		says "$k/dataset/Norder=0/Dir=0/Npix=11.parquet"
		says column
		[ ! -e o.csv ]
	done
}

@test "missing, empty, foreign and unreadable leaves are 65 and named" {
	need "$T"
	broken
	leaf=$(find bad -name 'Npix*' | sort | sed -n 3p)
	rm "$leaf"
	status 65 cat-scan bad -o o.csv
	says "$leaf"
	: >"$leaf"
	status 65 cat-scan bad -o o.csv
	says "$leaf"
	head -c 3000 /dev/zero >"$leaf"
	status 65 cat-scan bad -o o.csv
	says "$leaf"
	status 65 cat-xmatch -r 1 "$T/b_import" bad -o o.csv
	says "$leaf"
	status 65 cat-xmatch -r 1 bad "$T/b_import" -o o.csv
	says "$leaf"
	status 65 cat-partition bad -o c
	says "$leaf"
	rm "$leaf"
	mkdir "$leaf"
	status 65 cat-scan bad -o o.csv
	says "$leaf"
	[ ! -e o.csv ] && [ ! -e c ]
}

@test "wrong partition lists are 65" {
	need "$T"
	broken
	for x in 9,99999999999 30,1 -1,0 x,y 0,12 0, , $'0,0\n0,0' $'0,0\n1,0' 5,7 0.5,1; do
		printf 'Norder,Npix\n%s\n' "$x" >bad/partition_info.csv
		status 65 cat-scan bad -o o.csv
		[ ! -e o.csv ]
	done
	printf 'a,b\n1,2\n' >bad/partition_info.csv
	status 65 cat-scan bad
	rm bad/partition_info.csv
	[ "$(count bad)" = 20000 ]
}

@test "what describes a catalogue: gone, garbage, contradictory" {
	need "$T"
	broken
	printf '\0\1\2' >bad/hats.properties
	status 65 cat-scan bad
	printf 'hats_col_healpix_order=banana\n' >bad/hats.properties
	status 65 cat-scan bad
	rm bad/hats.properties bad/properties
	status 66 cat-scan bad
	mkdir coll
	printf 'obs_collection=x\nhats_primary_table_url=../bad\n' >coll/collection.properties
	status 65 cat-scan coll
	printf 'obs_collection=x\nhats_primary_table_url=gone\n' >coll/collection.properties
	status 65 cat-scan coll
	says gone
}

@test "a small cone in a leaf of several pages: the same rows as from text" {
	awk 'BEGIN { print "id,ra,dec,name"; srand(4); for (i = 0; i < 45000; i++) printf "%d,%.6f,%.6f,star %d\n", i, 10 + rand() * 4, 10 + rand() * 4, i % 7 }' >t.csv
	cat-partition t.csv -o cat --rows 50000
	for where in 'id >= 0' 'id < 20000 AND name = '"'star 3'"; do
		for cone in 10.5,10.5,3arcmin 12,12,40arcmin 13.999,13.999,1arcmin; do
			cat-scan cat --cone $cone -w "$where" -c 'id, ra, dec, name' -f jsonl | sort >a
			cat-scan t.csv --cone $cone -w "$where" -c 'id, ra, dec, name' -f jsonl | sort >b
			cmp a b
			cat a >>all
		done
	done
	[ "$(wc -l <all)" -gt 500 ]
}

@test "parts of nested columns are what they are in the whole" {
	need "$H"
	cmp <(cat-scan "$H/small_sky_nested" -c 'id, lc.mag, lc.band' -f jsonl) \
		<(cat-scan "$H/small_sky_nested" -f arrows | cat-select -c 'id, lc.mag, lc.band' -f jsonl)
	cmp <(cat-scan "$H/small_sky_nested" -c 'id' -w 'max(lc.mag) > 20.99' -f jsonl) \
		<(cat-scan "$H/small_sky_nested" -f arrows | cat-select -c 'id' -w 'max(lc.mag) > 20.99' -f jsonl)
}

@test "escapes, continued lines and blanks in properties" {
	printf 'id,ra,dec\n1,10,10\n2,50,50\n' >t.csv
	cat-partition t.csv -o cat
	for k in cat/hats.properties cat/properties; do
		chmod u+w $k
		sed -i 's/^hats_col_ra=.*/hats_col_\\u0072a : \\u0072\\\n   a/; s/^obs_collection=.*/obs_collection = \\u00e9\\u20ac\\tstars\\\\ \\:/' $k
	done
	[ "$(cat-scan cat --cone 10,10,1 -c id -f jsonl)" = '{"id":1}' ]
}

@test "--find best2 and mutual: shards one after the other are the whole" {
	awk 'BEGIN { print "id,ra,dec"; srand(5); for (i = 0; i < 3000; i++) printf "%d,%.6f,%.6f\n", i, 20 + rand() / 5, 20 + rand() / 5 }' >t.csv
	awk 'BEGIN { print "id,ra,dec"; srand(6); for (i = 0; i < 3000; i++) printf "%d,%.6f,%.6f\n", i, 20 + rand() / 5, 20 + rand() / 5 }' >u.csv
	for t in t u; do
		cat-write $t.csv -o $t.parquet
		cat-partition $t.csv -o ${t}cat --rows 200
	done
	for find in best2 mutual; do
		for pair in "t.parquet u.parquet" "tcat ucat"; do
			# shellcheck disable=SC2086
			set -- $pair
			cat-xmatch -r 20 --find $find "$1" "$2" -f jsonl | sort >whole
			for k in 0 1 2; do cat-xmatch -r 20 --find $find --shard $k/3 "$1" "$2" -f jsonl; done | sort | cmp - whole
			[ -s whole ]
		done
	done
}

@test "partitions too large for one tile are cut, and match as they did" {
	awk 'BEGIN { print "id,ra,dec"; srand(7); for (i = 0; i < 120000; i++) printf "%d,%.6f,%.6f\n", i, 20 + rand() * 3, 20 + rand() * 3 }' >t.csv
	cat-partition t.csv -o cat --rows 200000
	cat-xmatch -r 3 --find all cat cat -c 'id, id_2' -f csv | sort >whole
	for parts in 60000 5000; do # the second cuts inside of row groups
		CATPIPE_XMATCH_TILE_ROWS=$parts cat-xmatch -r 3 --find all cat cat -c 'id, id_2' -f csv | sort | cmp - whole
	done
}
