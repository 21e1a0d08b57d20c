# cat-info of catalogues: sizes, coverage, members, maps of coverage.
load common

@test "bytes, coverage, margins with their widths, properties" {
	cat-gen -n 4000 -o sky.parquet
	cat-partition sky.parquet -o c --rows 500 --margin 10 --margin 2arcmin
	bytes=$(find c/c -type f -printf '%s\n' | awk '{s += $1} END {print s}')
	status 0 cat-info c
	[[ $output == *"  bytes: $bytes"* ]]
	[[ $output == *"  margin: c_10arcs, 10 arcsec"*"  margin: c_120arcs, 120 arcsec"* ]]
	[[ $output == *"    hats_nrows=4000"* ]]
	cat-info --json c | jq -e --argjson b "$bytes" '.bytes == $b and .rows == 4000 and
		(.catalogue | .square_degrees > 41252 and .square_degrees < 41253 and .margins[1].arcsec == 120 and .indexes == [])'
	cat-partition stars.csv -o s --rows 1
	n=$(tail -n +2 s/partition_info.csv | awk -F, '{f += 41252.96125 / (12 * 4 ^ $1)} END {printf "%.4f", f}')
	[ "$(cat-info --json s | jq '.catalogue.square_degrees * 10000 | round')" = "$(jq -n "$n * 10000 | round")" ]
}

@test "a collection's index and margins" {
	[ -d "$DATA/hats" ] || skip "no shared data"
	status 0 cat-info "$DATA/hats/small_sky_o1_collection"
	[[ $output == *"margin: small_sky_order1_margin, 7200 arcsec"* ]]
	[[ $output == *"index: small_sky_order1_id_index, of id"* ]]
}

@test "--moc: all forms say the same, have every row, and little else" {
	cat-gen -n 300000 --box 10,20,-5,5 -o sky.parquet
	[ "$(cat-info --json sky.parquet | jq .rows)" -gt 40 ]
	cat-partition sky.parquet -o c --rows 10
	for f in m.fits m.txt m.moc m.json; do
		status 0 cat-info --moc $f c
		[ "$(cat-group -a 'count(*)' --moc $f sky.parquet -f csv | tail -1)" = "$(cat-group -a 'count(*)' sky.parquet -f csv | tail -1)" ] || { echo $f; false; }
	done
	# Cells of the map of counts are finer than partitions.
	rm c/skymap.fits
	cat-info --moc p.json c >/dev/null
	jq -e --slurpfile fine m.json 'def area: to_entries | map((.value | length) / pow(4; .key | tonumber)) | add;
		area > ($fine[0] | area)' p.json
	status 64 cat-info --moc m.png c
	status 64 cat-info --moc m.fits stars.csv
	status 64 cat-info --moc m.fits
	status 66 cat-info --moc m.fits nowhere
}

@test "no leaf is opened when _common_metadata tells the schema" {
	cat-partition stars.csv -o c --rows 2
	find c/dataset -name 'Npix=*' | while read -r f; do echo broken >"$f"; done
	status 0 cat-info c
	[[ $output == *"rows: 8"* ]]
}
