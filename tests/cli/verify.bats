# cat-verify: a good catalogue is fine; broken in one way, exactly that is found.
load common

H=$DATA/hats
T=$DATA/hats-0.11

need() {
	[ -d "$1" ] || skip "no test data ($1)"
}
# good: a collection g of 12,000 rows; bad: a copy of it to be broken, whose catalogue is bad/g.
good() {
	cat-gen -n 12000 -o sky.parquet
	cat-partition sky.parquet -o g --rows 1500 --margin 60
}
bad() {
	rm -rf bad
	cp -r g bad
}
# finds KIND...: status 1, and faults of these kinds only.
finds() {
	local want
	want=$(printf '%s\n' "$@" | sort)
	status 1 cat-verify --json bad
	[ "$(jq -r '.subjects[].counts | del(.note) | keys[]' <<<"$output" | sort -u)" = "$want" ] || {
		jq -c '.subjects[] | .counts, .findings[:3]' <<<"$output"
		false
	}
}
leaf() {
	find bad/g/dataset -name 'Npix=*' | sort | sed -n "${1}p"
}

@test "what cat-partition writes is fine, whole or by metadata, whatever -j and -m" {
	good
	status 0 cat-verify g
	[[ $output == *"g/g: object, "*" 12000 rows, "*", full: fine"* ]]
	first=$output
	status 0 cat-verify -j3 -m 64M g
	gives "$first"
	status 0 cat-verify --level quick g
	status 0 cat-verify sky.parquet stars.csv
	status 0 cat-verify --json g
	jq -e '.fine and .level == "full" and .found == 0 and [.subjects[].kind] == ["object", "margin", "collection"]' <<<"$output"
}

@test "catalogues of hats-import, LSDB and ACID raise no alarm" {
	need "$T"
	for c in a_import b_import a_import_10arcs b_import_10arcs x_lsdb nested_lsdb a_acid; do
		status 0 cat-verify "$T/$c"
		status 0 cat-verify --level quick "$T/$c"
	done
	need "$H"
	for c in small_sky small_sky_healpix13 small_sky_npix_alt_suffix small_sky_npix_as_dir small_sky_o1_collection \
		small_sky_source small_sky_source_object_index square_map; do
		status 0 cat-verify "$H/$c"
	done
}

@test "a flipped byte, whatever column it is in" {
	good
	for at in 500 5000 12000; do
		bad
		f=$(leaf 1)
		printf '\xff' | cmp -s -n 1 -i "0:$at" - "$f" && b='\x00' || b='\xff'
		# shellcheck disable=SC2059
		printf "$b" | dd of="$f" bs=1 seek=$at conv=notrunc status=none
		finds page-crc
		[[ $output == *"${f#bad/g/}"* ]]
	done
	status 0 cat-verify --level quick bad
}

@test "a leaf that is missing, foreign, cut short" {
	good
	bad
	rm "$(leaf 3)"
	finds leaf-missing
	status 1 cat-verify --level quick bad
	bad
	cp "$(leaf 1)" bad/g/dataset/Norder=1/Dir=0/Npix=47.parquet.bak
	finds leaf-foreign
	bad
	touch bad/g/dataset/crumb
	finds file-foreign
	bad
	truncate -s -9 "$(leaf 1)"
	finds unreadable
}

@test "files that the layout demands" {
	good
	for f in partition_info.csv dataset/_common_metadata; do
		bad
		rm bad/g/$f
		finds file-missing
	done
	bad
	rm bad/g/hats.properties bad/g/properties
	status 65 cat-verify bad
}

@test "properties that are not true" {
	good
	for s in 's/hats_nrows=12000/hats_nrows=12001/' 's/hats_order=.*/hats_order=9/' 's/hats_max_rows=.*/hats_max_rows=3/' \
		's/hats_estsize=.*/hats_estsize=3/' 's/moc_sky_fraction=.*/moc_sky_fraction=0.5/' 's/hats_col_ra=.*/hats_col_ra=rha/' \
		's/hats_skymap_order=.*/hats_skymap_order=9/' 's/dataproduct_type=.*/dataproduct_type=thing/'; do
		bad
		sed -i "$s" bad/g/hats.properties bad/g/properties
		status 1 cat-verify --level quick --json bad/g
		[ "$(jq -r '.subjects[].counts | del(.note) | keys[]' <<<"$output")" = properties ] || { echo "$s $output"; false; }
	done
	bad
	sed -i 's/hats_nrows=.*/hats_nrows=1/' bad/g/properties
	finds properties
	bad
	sed -i 's/default_margin=.*/default_margin=other/' bad/collection.properties
	finds collection
}

@test "partitions out of order in their list" {
	good
	bad
	{ head -1 g/g/partition_info.csv; tail -n +2 g/g/partition_info.csv | tac; } >bad/g/partition_info.csv
	finds partition-info
}

@test "two leaves that changed places" {
	good
	bad
	a=$(leaf 1) b=$(leaf 2)
	mv "$a" x
	mv "$b" "$a"
	mv x "$b"
	status 1 cat-verify --json bad
	jq -e '.subjects[0].counts | .membership > 300 and .metadata == 2 and ."statistics-file" == 2' <<<"$output"
	status 1 cat-verify --level quick bad
	[[ $output == *membership* ]]
}

@test "a map that counts one row too many" {
	good
	bad
	python3 - bad/g/skymap.fits <<-'END'
		import struct, sys
		b = bytearray(open(sys.argv[1], "rb").read())
		at = max(range(5760, len(b) - 8, 8), key=lambda i: struct.unpack(">q", b[i:i + 8])[0] < 1 << 20 and struct.unpack(">q", b[i:i + 8])[0])
		b[at:at + 8] = struct.pack(">q", struct.unpack(">q", b[at:at + 8])[0] + 1)
		open(sys.argv[1], "wb").write(b)
	END
	finds skymap
	status 1 cat-verify --level quick bad
}

@test "a map with a cell that is none, or fewer than no rows" {
	good
	for edit in cell count; do
		bad
		python3 - bad/g/skymap.fits $edit <<-'END'
			import struct, sys
			b = bytearray(open(sys.argv[1], "rb").read())
			head = b.index(b"XTENSION")
			at = head + b[head:].index(b"END" + b" " * 77) // 2880 * 2880 + 2880
			row = int(b[head:][b[head:].index(b"NAXIS1  =") + 10:][:20])
			last = at + row * (int(b[head:][b[head:].index(b"NAXIS2  =") + 10:][:20]) - 1)
			at = last if sys.argv[2] == "cell" and row > 8 else last + row - 8
			b[at:at + 8] = struct.pack(">q", 1 << 60 if sys.argv[2] == "cell" else -5)
			open(sys.argv[1], "wb").write(b)
		END
		finds unreadable
	done
}

@test "leaves whose schema is another, each named" {
	need "$H"
	for kind in extra_column missing_column wrong_dtypes wrong_metadata; do
		rm -rf bad
		mkdir -p bad/dataset/Norder=0/Dir=0
		cp "$H/bad_schemas/hats.properties" bad
		printf 'Norder,Npix\n0,11\n' >bad/partition_info.csv
		cp "$H/bad_schemas/dataset/_common_metadata.import_truth" bad/dataset/_common_metadata
		cp "$H/bad_schemas/dataset/Norder=0/Dir=0/Npix=11.$kind.parquet" bad/dataset/Norder=0/Dir=0/Npix=11.parquet
		status 1 cat-verify bad
		[[ $output == *"schema: dataset/Norder=0/Dir=0/Npix=11.parquet"* ]] || { echo "$kind: $output"; false; }
	done
}

@test "at most so many findings of a kind, the others counted" {
	good
	bad
	a=$(leaf 1)
	cp "$(leaf 2)" "$a"
	status 1 cat-verify --findings 3 bad/g
	[ "$(grep -c '^  membership: dataset' <<<"$output")" = 3 ]
	grep -Eq '^  membership: [0-9]+ more$' <<<"$output"
}

@test "files: not Parquet where it says so, cut, absent" {
	good
	head -c 5000 sky.parquet >cut.parquet
	status 1 cat-verify cut.parquet
	[[ $output == *"unreadable: not a Parquet file, or cut short"* ]]
	status 66 cat-verify nowhere
	status 64 cat-verify
	cp sky.parquet b.parquet
	printf 'xxxx' | dd of=b.parquet bs=1 seek=9000 conv=notrunc status=none
	status 1 cat-verify b.parquet
	[[ $output == *page-crc* ]]
}

@test "every kind of finding stands in the manual" {
	[ -d "$ROOT/lib" ] || skip "no sources"
	for k in $(sed -n 's/^\tX([A-Z_]*, "\([a-z-]*\)".*/\1/p' "$ROOT/lib/dataset/findings.h"); do
		grep -q -- "${k//-/\\\\-}" "$ROOT/man/cat-verify.1" || { echo "$k"; false; }
	done
}

@test "a broken file that is no part of a catalogue is named" {
	cat-scan stars.csv -o whole.parquet
	head -c 300 whole.parquet >cut.parquet
	status 1 cat-verify cut.parquet
	[[ $output == *"cut.parquet: file, "*"1 found"*"unreadable: not a Parquet file, or cut short"* ]]
}

@test "a damaged file is a finding, whatever its format" {
	: >empty.csv
	for f in parquet fits arrow arrows csv.gz csv.zst; do
		cat-scan stars.csv -o "whole.$f"
		status 0 cat-verify "whole.$f"
		head -c $(($(wc -c <"whole.$f") * 2 / 3)) "whole.$f" >"cut.$f"
		status 1 cat-verify --json "cut.$f"
		[ "$(jq -r '.subjects[0] | "\(.kind) \(.counts.unreadable)"' <<<"$output")" = "file 1" ]
	done
	status 1 cat-verify empty.csv
	status 1 cat-verify whole.fits cut.fits whole.csv.gz
	[ "$(grep -c ': fine$' <<<"$output")" = 2 ]
	printf '<?xml version="1.0"?>\n<VOTABLE/>\n' >t.vot
	status 79 cat-verify t.vot
}

@test "what cannot be sought is spooled where -T says" {
	cat-scan stars.csv -o s.parquet
	gzip s.parquet
	status 0 cat-verify -T . s.parquet.gz
	status 73 cat-verify -T ./nowhere s.parquet.gz
}

@test "a leaf's VOTable is that of _common_metadata" {
	cat-gen -n 100 -o a.parquet
	cat-partition a.parquet -o cat --rows 30 -q
	status 0 cat-verify cat
	LC_ALL=C sed -b -i 's/unit="mas"/unit="deg"/' "$(find cat -name 'Npix=*' | head -1)"
	status 1 cat-verify cat
	[[ $output == *"its metadata are not those of _common_metadata"* ]]
}

@test "a column that is looked at in parts is told the same of" {
	awk 'BEGIN {
		print "id,note"
		for (i = 0; i < 4000; i++) {
			text = sprintf("%05d", i * 7919 % 4000)
			while (length(text) < 3000)
				text = text text
			print i "," text
		}
	}' >notes.csv
	cat-write notes.csv -o notes.parquet
	status 0 cat-verify -m 64M notes.parquet
	# In the footer, the greatest text; before it, one of a page.
	python3 - <<-'END'
		import struct
		b = bytearray(open("notes.parquet", "rb").read())
		footer = len(b) - 8 - struct.unpack("<I", b[-8:-4])[0]
		at = b.index(b"03999" * 5, footer)
		b[at + 4] = ord("8")
		first = b.rindex(b"03999" * 5, 0, footer)
		b[first + 4] = ord("7")
		open("notes.parquet", "wb").write(b)
	END
	status 1 cat-verify --json -m 64M notes.parquet
	small=$output
	jq -e '.subjects[0].counts | .statistics == 1 and ."page-index" == 1' <<<"$small"
	status 1 cat-verify --json -m 4G notes.parquet
	[ "$output" = "$small" ]
}
