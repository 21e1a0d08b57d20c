#compdef cat-scan cat-select cat-head cat-write cat-concat cat-xmatch cat-partition cat-upload cat-get cat-verify cat-ls cat-info cat-group cat-hist cat-plot cat-gen cat-tables
# zsh completion for every catpipe program: the options come from the program itself, names of tables from cat-tables.

# Column names of the first operand that is a table: a file, an address or a registered name.
_catpipe_columns() {
	local w names
	for w in ${words[2,-1]}; do
		[[ $w == -* || -z $w ]] && continue
		names=$(timeout 10 cat-info --json $w 2>/dev/null </dev/null | jq -r '.columns[].name' 2>/dev/null)
		[[ -n $names ]] && break
	done
	print -r -- $names
}

_catpipe() {
	local -a options tables columns verbs
	local previous=$words[CURRENT-1]
	if [[ $PREFIX == -* ]]; then
		options=(${(f)"$($words[1] --spec 2>/dev/null | jq -r '.options[] | "--\(.name):\(.help)"')"})
		_describe -o option options
		return
	fi
	if [[ $previous == (-c|--columns|--ra|--dec) ]]; then
		columns=(${(f)"$(_catpipe_columns)"})
		compadd -a columns
		return
	fi
	verbs=($($words[1] --spec 2>/dev/null | jq -r '.operands | capture("^\\[(?<v>[a-z]+(\\|[a-z]+)+) ").v | gsub("\\|"; " ")' 2>/dev/null))
	if (( CURRENT == 2 && $#verbs )); then
		compadd -a verbs
		return
	fi
	tables=(${(f)"$(cat-tables list --json --offline 2>/dev/null | jq -r '.[].name')"})
	compadd -a tables
	_files
}
_catpipe "$@"
