# cat-ls: files, folders, and catalogues as one line each.
load common

@test "a folder: files, folders, catalogues, by bytes" {
	mkdir -p d/B d/a
	printf 12345 >d/a.txt
	printf x >d/a/in
	cat-partition stars.csv -o d/cat
	cat-partition stars.csv -o d/col --margin 10
	bytes=$(($(sed -n 's/hats_estsize=//p' d/cat/hats.properties) * 1024))
	n=$(($(wc -l <d/cat/partition_info.csv) - 1))
	status 0 cat-ls d
	gives "B/
a.txt
a/
cat/  object, 8 rows, $n partitions, $bytes bytes
col/  collection, object, 8 rows, $n partitions, $bytes bytes, 1 margin"
	status 0 cat-ls -R d
	[ "$(sed -n 1,2p <<<"$output")" = $'a.txt\na/in' ]
	[ "$(wc -l <<<"$output")" = 4 ]
	cd d
	[ "$(cat-ls -R)" = "$output" ]
}

@test "sizes and times; a file; a catalogue and its files" {
	touch -d 2024-02-29T12:30:00Z stars.csv
	status 0 cat-ls -l stars.csv
	[[ $output == *"$(wc -c <stars.csv)  2024-02-29T12:30:00Z  stars.csv" ]]
	cat-partition stars.csv -o cat
	[[ $(cat-ls cat) == "cat/  object, 8 rows, "* ]]
	[ "$(cat-ls -R cat)" = "$(cd cat && find . -type f | sed 's|^./||' | LC_ALL=C sort)" ]
}

@test "a folder with releases is the catalogue that readers get" {
	mkdir -p d/r/releases d/no
	cat-partition stars.csv -o d/r/releases/v1
	cat-partition stars.csv -o d/r/releases/v2 --margin 10
	echo v2 >d/r/latest
	echo v9 >d/no/latest
	status 0 cat-ls d
	[[ $output == $'no/\nr/  collection, object, 8 rows, '*', 1 margin, release v2' ]]
	cat-ls --json d | jq -e '.[1] | .kind == "collection" and .release == "v2" and .rows == 8'
	echo v1 >d/r/latest
	[[ $(cat-ls d) == *$'\nr/  object, 8 rows, '*' bytes, release v1' ]]
	# All of them are listed where they are.
	[ "$(cat-ls d/r)" = $'latest\nreleases/' ]
	[ "$(cat-ls -R d/r | wc -l)" = 3 ]
	[ "$(cat-ls -R d | grep -c releases/v)" = 2 ]
}

@test "JSON" {
	mkdir d
	status 0 cat-ls --json d
	gives '[]'
	cat-partition stars.csv -o d/cat
	touch d/f
	mkdir d/g
	cat-ls --json d | jq -e '[.[] | [.name, .kind]] == [["cat", "object"], ["f", "file"], ["g", "folder"]] and .[0].rows == 8 and .[1].bytes == 0'
}

@test "many names, in little memory" {
	mkdir d
	(cd d && seq -f '%05.0f' 1 5000 | xargs touch)
	[ "$(cat-ls d | md5sum)" = "$(seq -f '%05.0f' 1 5000 | md5sum)" ]
	[ "$(cat-ls --json d | jq length)" = 5000 ]
}

@test "what is not there: 66; links lead to objects, for 1s to 7d" {
	status 66 cat-ls nowhere
	status 64 cat-ls --link 1h
	status 64 cat-ls --link 8d s3://bucket/key
	says "7d"
	status 64 cat-ls --link soon s3://bucket/key
	status 64 cat-ls --link 1h stars.csv
	status 64 cat-ls --link 1h https://127.0.0.1:1/x
}

@test "-R: a link that leads back up is listed, not followed" {
	mkdir -p a/sub
	touch a/x
	ln -s .. a/sub/up
	status 0 cat-ls -R a
	[ "$output" = $'sub/up/\nx' ]
}
