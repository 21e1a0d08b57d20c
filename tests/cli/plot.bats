# cat-plot and cat-gen: pictures on the terminal and as files, the synthetic sky.
load common

@test "pictures as files: the suffix says the format, the same twice, whole" {
	for kind in "-x vmag" "-x bmag-vmag -y vmag --flip-y" "--sky"; do
		for f in png svg pdf; do
			# shellcheck disable=SC2086
			status 0 cat-plot $kind stars.csv -o "a.$f"
			[ -z "$output" ]
			# shellcheck disable=SC2086
			status 0 cat-plot $kind stars.csv -o "b.$f" --title ''
			cmp "a.$f" "b.$f"
			# shellcheck disable=SC2086
			cat-plot $kind stars.csv -f "$f" >c
			cmp "a.$f" c
			[ "$(grep -ac CreationDate "a.$f")" = 0 ]
		done
		[ "$(head -c 4 a.png | tail -c 3)" = PNG ]
		[ "$(head -c 5 a.pdf)" = %PDF- ]
		grep -q '</svg>' a.svg
	done
}

@test "dense pictures: more rows than are shown one by one" {
	cat-gen -n 20000 --depth 12 -o sky.parquet
	cat-plot -x bv -y vmag --flip-y sky.parquet -o a.png
	cat-plot -x bv -y vmag --flip-y --size 500x400 sky.parquet -o b.png
	status 1 cmp a.png b.png
	cat-plot --sky sky.parquet -o c.png
	[ "$(wc -c <c.png)" -gt 20000 ]
}

@test "a suffix that is no picture is 64 with the list; a wrong size too" {
	status 64 cat-plot -x vmag stars.csv -o a.jpg
	says ".png .svg .pdf"
	[ ! -e a.jpg ]
	status 0 cat-plot -x vmag stars.csv -o a.jpg -f png
	for size in 10x10 1000 1000x 99999x99999 axb; do
		status 64 cat-plot -x vmag stars.csv -o a.png --size "$size"
		says "--size takes WxH"
	done
	[ ! -e a.png ]
}

@test "a file that cannot be written leaves the old one" {
	status 74 cat-plot -x vmag stars.csv -f png -o /dev/full
	echo old >a.png
	status 64 cat-plot -x nothing stars.csv -o a.png
	[ "$(cat a.png)" = old ]
	status 73 cat-plot -x vmag stars.csv -o no/such/a.png
}

@test "without the object for pictures the terminal works, a file says what is missing" {
	mkdir -p bin && cp "$BIN/cat-plot" bin/
	status 0 bin/cat-plot -x vmag stars.csv
	if [ ! -e /usr/local/lib/catpipe/cairo.so ]; then
		status 78 bin/cat-plot -x vmag stars.csv -o a.png
		says "cairo"
		[ ! -e a.png ]
	fi
}

@test "text: labels with units, a title, what the shades mean" {
	cat-gen -n 500 --depth 8 -o g.parquet
	status 0 cat-plot -x parallax -y vmag --title 'Near stars' g.parquet
	[[ ${lines[0]} == "Near stars" ]]
	[[ $output == *"parallax [mas]"* ]]
	[[ $output == *"vmag [mag]"* ]]
	[[ $output == *"rows per cell:"* ]]
	status 0 cat-plot --sky g.parquet --width 60 --height 10 --ascii
	[ "$(echo "$output" | LC_ALL=C awk 'length > 60' | grep -cv 'rows per cell')" = 0 ]
	[[ ${lines[-1]} == "500 rows" ]]
}

@test "cat-gen: any slice of the sky, made anywhere, is the sky" {
	for survey in first second; do
		cat-gen -n 30001 --survey "$survey" --depth 15 -j 1 -f csv >whole
		cat-gen -n 30001 --survey "$survey" --depth 15 -j 4 -f csv >again
		cmp whole again
		for k in 0 1 2; do cat-gen -n 30001 --survey "$survey" --depth 15 --shard $k/3 -o "part-$k.parquet"; done
		cat-concat part-0.parquet part-1.parquet part-2.parquet -f csv >parts
		cmp whole parts
		cat-gen -n 1000 --survey "$survey" --depth 15 -f csv >begin
		cmp begin <(head -n "$(wc -l <begin)" whole)
	done
	[ "$(cat-gen -n 100 --seed 1 -f csv | cksum)" != "$(cat-gen -n 100 --seed 2 -f csv | cksum)" ]
}

@test "cat-gen: what is wanted of it" {
	status 0 cat-gen -n 0 -f csv
	[ "${#lines[@]}" = 1 ]
	status 0 cat-gen -n 3 -c id -w 'id > 0' -f csv
	gives $'id\n1\n2'
	# Companions follow their stars across the borders of shards.
	status 0 cat-gen -n 5 -c id --shard 1/2 -f csv
	gives $'id\n2\n3\n4'
	status 0 cat-gen -n 20000 --depth 10 --cone 0,90,20 -c 'dec' -f csv
	[ "${#lines[@]}" -gt 100 ]
	[ -z "$(printf '%s\n' "${lines[@]:1}" | awk '$1 < 70')" ]
	for wrong in "--depth 3" "--depth 26" "--depth NaN" "--epoch 20000" "--survey third" "--shard 3/3"; do
		# shellcheck disable=SC2086
		status 64 cat-gen -n 10 $wrong -f csv
	done
	status 64 cat-gen -n 10 stars.csv
}

@test "cat-gen and cat-xmatch: the second survey's stars are found again" {
	cat-gen -n 20000 --depth 13 -o first.parquet
	cat-gen -n 20000 --depth 13 --survey second --epoch 2016 -o second.parquet
	status 0 cat-xmatch second.parquet first.parquet -r 1.5 -f csv -c 'id_2 = true_id AS right'
	found=$(echo "$output" | grep -c true)
	wrong=$(echo "$output" | grep -c false)
	[ "$found" -gt 19000 ]
	[ "$wrong" -lt 100 ]
}
